package spl

// mapFunctions are those on maps of reference sls-query 3.10.
var mapFunctions = []function{
	{name: "map", min: 0, max: 2, call: makeMap},
	{name: "map_keys", min: 1, max: 1, call: onMap(func(_ *run, d *dict, _ []value) (value, error) { return listOf(d.keys), nil })},
	{name: "map_values", min: 1, max: 1, call: onMap(func(_ *run, d *dict, _ []value) (value, error) { return listOf(d.values), nil })},
	{name: "map_concat", min: 1, max: many, call: mapConcat},
}

// onMap hands a function its first argument as a map, or as a JSON object.
func onMap(f func(rt *run, d *dict, a []value) (value, error)) func(*run, []value) (value, error) {
	return func(rt *run, a []value) (value, error) {
		m, err := dictFrom(rt, a[0])
		if err != nil || m.isNull() {
			return null, err
		}
		return f(rt, m.dict(), a)
	}
}

// makeMap: () or (keys, values)
func makeMap(_ *run, a []value) (value, error) {
	d := newDict(0)
	if len(a) == 0 {
		return dictOf(d), nil
	}
	if len(a) != 2 || a[0].kind != listKind || a[1].kind != listKind || len(a[0].list()) != len(a[1].list()) {
		return null, nil
	}
	for i, k := range a[0].list() {
		d.set(k, a[1].list()[i])
	}
	return dictOf(d), nil
}

// mapConcat puts maps together; the later ones win.
func mapConcat(rt *run, a []value) (value, error) {
	all := newDict(0)
	for _, v := range a {
		m, err := dictFrom(rt, v)
		if err != nil || m.isNull() {
			return null, err
		}
		for i, k := range m.dict().keys {
			all.set(k, m.dict().values[i])
		}
		if err := rt.elements(len(all.keys)); err != nil {
			return null, err
		}
	}
	return dictOf(all), nil
}
