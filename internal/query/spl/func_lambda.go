package spl

// lambdaFunctions are those of reference sls-query 3.10 that take lambdas.
var lambdaFunctions = []function{
	{name: "transform", min: 2, max: 2, lambda: 2, call: onLists(1, func(_ *run, a []value) (value, error) {
		all := make([]value, len(a[0].list()))
		err := each(a, func(i int, _, result value) bool {
			all[i] = result
			return true
		})
		return listOf(all), err
	})},
	{name: "filter", min: 2, max: 2, lambda: 2, call: onLists(1, func(_ *run, a []value) (value, error) {
		var all []value
		err := each(a, func(_ int, v, result value) bool {
			if result.truth().isTrue() {
				all = append(all, v)
			}
			return true
		})
		return listOf(all), err
	})},
	{name: "reduce", min: 4, max: 4, lambda: 3, takesNull: true, call: onLists(1, reduce)},
	{name: "any_match", min: 2, max: 2, lambda: 2, call: onLists(1, matchUntil(true, true))},
	{name: "all_match", min: 2, max: 2, lambda: 2, call: onLists(1, matchUntil(false, false))},
	{name: "none_match", min: 2, max: 2, lambda: 2, call: onLists(1, matchUntil(true, false))},
	{name: "map_filter", min: 2, max: 2, lambda: 2, call: onMap(func(_ *run, d *dict, a []value) (value, error) {
		kept := newDict(0)
		err := eachPair(d, a, func(k, v, result value) {
			if result.truth().isTrue() {
				kept.set(k, v)
			}
		})
		return dictOf(kept), err
	})},
	{name: "transform_keys", min: 2, max: 2, lambda: 2, call: onMap(func(_ *run, d *dict, a []value) (value, error) {
		all := newDict(0)
		err := eachPair(d, a, func(_, v, result value) { all.set(result, v) })
		return dictOf(all), err
	})},
	{name: "transform_values", min: 2, max: 2, lambda: 2, call: onMap(func(_ *run, d *dict, a []value) (value, error) {
		all := newDict(0)
		err := eachPair(d, a, func(k, _, result value) { all.set(k, result) })
		return dictOf(all), err
	})},
}

func (v value) closure() *closure { return v.ref.(*closure) }

// each runs the lambda a[1] over the list a[0], until f returns false.
func each(a []value, f func(i int, v, result value) bool) error {
	for i, v := range a[0].list() {
		result, err := a[1].closure().call(v)
		if err != nil {
			return err
		}
		if !f(i, v, result) {
			return nil
		}
	}
	return nil
}

func eachPair(d *dict, a []value, f func(k, v, result value)) error {
	for i, k := range d.keys {
		result, err := a[1].closure().call(k, d.values[i])
		if err != nil {
			return err
		}
		f(k, d.values[i], result)
	}
	return nil
}

// matchUntil makes a function that ends with an answer at the first result that is as wanted, and with the other answer at the end.
func matchUntil(wanted, answer bool) func(*run, []value) (value, error) {
	return func(_ *run, a []value) (value, error) {
		found := false
		err := each(a, func(_ int, _, result value) bool {
			found = result.truth() == boolOf(wanted)
			return !found
		})
		return boolOf(found == answer), err
	}
}

// reduce: (list, first state, (state, element) -> state, state -> result)
func reduce(_ *run, a []value) (value, error) {
	state := a[1]
	for _, v := range a[0].list() {
		var err error
		if state, err = a[2].closure().call(state, v); err != nil {
			return null, err
		}
	}
	return a[3].closure().call(state)
}
