package spl

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// listFunctions are those on lists of reference sls-query 3.10.
var listFunctions = []function{
	{name: "cardinality", min: 1, max: 1, call: pure(func(a []value) value {
		switch a[0].kind {
		case listKind:
			return intOf(int64(len(a[0].list())))
		case dictKind:
			return intOf(int64(len(a[0].dict().keys)))
		}
		return null
	})},
	{name: "element_at", min: 2, max: 2, call: pure(func(a []value) value { return elementAt(a[0], a[1]) })},
	{name: "contains", min: 2, max: 2, call: onLists(1, func(rt *run, a []value) (value, error) {
		place, err := indexOf(rt, a[0].list(), a[1])
		return boolOf(place > 0), err
	})},
	{name: "array_position", min: 2, max: 2, call: onLists(1, func(rt *run, a []value) (value, error) {
		place, err := indexOf(rt, a[0].list(), a[1])
		return intOf(int64(place)), err
	})},
	{name: "array_join", min: 2, max: 3, call: onLists(1, arrayJoin)},
	{name: "array_distinct", min: 1, max: 1, call: onLists(1, func(_ *run, a []value) (value, error) {
		return listOf(distinct(a[0].list())), nil
	})},
	{name: "array_union", min: 2, max: 2, call: onLists(2, func(rt *run, a []value) (value, error) {
		all := distinct(slices.Concat(a[0].list(), a[1].list()))
		return listOf(all), rt.elements(len(all))
	})},
	{name: "array_intersect", min: 2, max: 2, call: onLists(2, func(_ *run, a []value) (value, error) {
		other := keySet(a[1].list())
		return listOf(slices.DeleteFunc(distinct(a[0].list()), func(v value) bool { return !other[v.key()] })), nil
	})},
	{name: "array_except", min: 2, max: 2, call: onLists(2, func(_ *run, a []value) (value, error) {
		other := keySet(a[1].list())
		return listOf(slices.DeleteFunc(distinct(a[0].list()), func(v value) bool { return other[v.key()] })), nil
	})},
	{name: "arrays_overlap", min: 2, max: 2, call: onLists(2, func(_ *run, a []value) (value, error) {
		other := keySet(a[1].list())
		return boolOf(slices.ContainsFunc(a[0].list(), func(v value) bool { return other[v.key()] })), nil
	})},
	{name: "array_remove", min: 2, max: 2, call: onLists(1, func(_ *run, a []value) (value, error) {
		return listOf(slices.DeleteFunc(slices.Clone(a[0].list()), func(v value) bool { return v.key() == a[1].key() })), nil
	})},
	{name: "array_max", min: 1, max: 1, call: onLists(1, extreme(">"))},
	{name: "array_min", min: 1, max: 1, call: onLists(1, extreme("<"))},
	{name: "array_sum", min: 1, max: 1, call: onLists(1, func(_ *run, a []value) (value, error) {
		total := intOf(0)
		for _, v := range a[0].list() {
			if n := v.number(); !n.isNull() {
				total = arith('+', total, n)
			}
		}
		return total, nil
	})},
	{name: "array_sort", min: 1, max: 1, call: onLists(1, func(rt *run, a []value) (value, error) {
		all := slices.Clone(a[0].list())
		slices.SortStableFunc(all, func(x, y value) int { return order(x, y, rt.Zone) })
		return listOf(all), rt.spend(len(all))
	})},
	{name: "shuffle", min: 1, max: 1, call: onLists(1, func(_ *run, a []value) (value, error) {
		all := slices.Clone(a[0].list())
		rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		return listOf(all), nil
	})},
	{name: "flatten", min: 1, max: 1, call: onLists(1, flatten)},
	{name: "slice", min: 3, max: 3, call: onLists(1, slice)},
	{name: "sequence", min: 2, max: 3, call: sequence},
}

// onLists makes a function whose first arguments have to be lists, or JSON lists.
func onLists(n int, f func(rt *run, a []value) (value, error)) func(*run, []value) (value, error) {
	return func(rt *run, a []value) (value, error) {
		for i := range n {
			var err error
			if a[i], err = listFrom(rt, a[i]); err != nil || a[i].isNull() {
				return null, err
			}
		}
		return f(rt, a)
	}
}

// key is a text that two values have in common if, and only if, they are the same.
func (v value) key() string {
	switch v.kind {
	case nullKind:
		return ""
	case textKind, jsonKind:
		return "t" + v.s
	case doubleKind:
		if f := v.float(); f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return "n" + intOf(int64(f)).String()
		}
		return "n" + v.String()
	case intKind:
		return "n" + v.String()
	}
	return string(rune('a'+v.kind)) + v.String()
}

func keySet(all []value) map[string]bool {
	set := make(map[string]bool, len(all))
	for _, v := range all {
		set[v.key()] = true
	}
	return set
}

// distinct returns the values that are not there before.
func distinct(all []value) []value {
	seen := make(map[string]bool, len(all))
	var once []value
	for _, v := range all {
		if k := v.key(); !seen[k] {
			seen[k] = true
			once = append(once, v)
		}
	}
	return once
}

// indexOf returns the place of v, counted from 1, or 0.
func indexOf(rt *run, all []value, v value) (int, error) {
	for i, e := range all {
		same, err := compareBy("=", e, v, rt)
		if err != nil {
			return 0, err
		}
		if same.isTrue() {
			return i + 1, nil
		}
	}
	return 0, nil
}

// arrayJoin: (list, delimiter[, text for NULL])
func arrayJoin(rt *run, a []value) (value, error) {
	delim := a[1].String()
	if err := rt.fits(a[0].bytes(rt.RowBytes) + len(a[0].list())*len(delim)); err != nil {
		return null, err
	}
	var parts []string
	for _, v := range a[0].list() {
		switch {
		case !v.isNull():
			parts = append(parts, v.String())
		case len(a) > 2:
			parts = append(parts, a[2].String())
		}
	}
	s := strings.Join(parts, delim)
	return textOf(s), rt.fits(len(s))
}

// extreme makes a function that returns the element before all others in an order; NULL if one is NULL.
func extreme(op string) func(*run, []value) (value, error) {
	pick := choose(op)
	return func(rt *run, a []value) (value, error) {
		if len(a[0].list()) == 0 {
			return null, nil
		}
		return pick(rt, a[0].list())
	}
}

// flatten makes one list of a list of lists.
func flatten(rt *run, a []value) (value, error) {
	var all []value
	for _, v := range a[0].list() {
		if v.kind == listKind {
			all = append(all, v.list()...)
		}
		if err := rt.elements(len(all)); err != nil {
			return null, err
		}
	}
	return listOf(all), nil
}

// slice: (list, start, n); start counts from 1, or from the end if negative.
func slice(_ *run, a []value) (value, error) {
	all := a[0].list()
	start, ok := a[1].integer()
	n, ok2 := a[2].integer()
	if start < 0 {
		start += int64(len(all)) + 1
	}
	switch {
	case !ok || !ok2 || n < 0:
		return null, nil
	case start < 1 || start > int64(len(all)):
		return listOf(nil), nil
	}
	all = all[start-1:]
	return listOf(all[:min(n, int64(len(all)))]), nil
}

// sequence: (first, last[, step])
func sequence(rt *run, a []value) (value, error) {
	from, ok := a[0].integer()
	to, ok2 := a[1].integer()
	fallback := int64(1)
	if from > to {
		fallback = -1
	}
	step, ok3 := optionalInt(a, 2, fallback)
	if !ok || !ok2 || !ok3 || step == 0 || (step > 0) != (from <= to) && from != to {
		return null, nil
	}
	width := magnitude(to-from) / magnitude(step)
	if from > to != (to-from < 0) || width >= maxElements {
		return null, rt.elements(maxElements + 1)
	}
	all := make([]value, width+1)
	for i := range all {
		all[i] = intOf(from + int64(i)*step)
	}
	return listOf(all), nil
}
