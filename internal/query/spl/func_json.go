package spl

import (
	"bytes"
	"encoding/json"
)

// jsonFunctions are those of reference sls-query 3.8. What is no JSON gives NULL.
var jsonFunctions = []function{
	{name: "json_parse", min: 1, max: 1, call: withJSON(func(_ *run, doc string, _ []value) (value, error) {
		return jsonOf(compact(doc)), nil
	})},
	{name: "json_format", min: 1, max: 1, call: withJSON(func(_ *run, doc string, _ []value) (value, error) {
		return textOf(compact(doc)), nil
	})},
	{name: "json_extract", min: 2, max: 2, path: 2, call: withPath(func(part string) value { return jsonOf(compact(part)) })},
	{name: "json_extract_scalar", min: 2, max: 2, path: 2, call: withPath(scalar)},
	{name: "json_extract_bool", min: 2, max: 2, path: 2, call: withPath(func(part string) value { return scalar(part).truth() })},
	{name: "json_extract_long", min: 2, max: 2, path: 2, call: withPath(func(part string) value {
		if n, ok := scalar(part).integer(); ok {
			return intOf(n)
		}
		return null
	})},
	{name: "json_extract_double", min: 2, max: 2, path: 2, call: withPath(func(part string) value {
		if f, ok := scalar(part).real(); ok {
			return doubleOf(f)
		}
		return null
	})},
	{name: "json_size", min: 2, max: 2, path: 2, call: withPath(func(part string) value { return intOf(int64(jsonLen(part))) })},
	{name: "json_array_length", min: 1, max: 1, call: withJSON(func(_ *run, doc string, _ []value) (value, error) {
		if !isArray(doc) {
			return null, nil
		}
		return intOf(int64(jsonLen(doc))), nil
	})},
	{name: "json_array_get", min: 2, max: 2, call: withJSON(jsonArrayGet)},
	{name: "json_array_contains", min: 2, max: 2, call: withJSON(jsonArrayContains)},
	{name: "is_json_scalar", min: 1, max: 1, call: withJSON(func(_ *run, doc string, _ []value) (value, error) {
		return boolOf(!isArray(doc) && !isObject(doc)), nil
	})},
}

// withJSON hands a function its first argument as valid JSON.
func withJSON(f func(rt *run, doc string, a []value) (value, error)) func(*run, []value) (value, error) {
	return func(rt *run, a []value) (value, error) {
		doc := a[0].s
		switch a[0].kind {
		case jsonKind:
		case textKind:
			var ok bool
			if doc, ok = validJSON(doc); !ok {
				return null, nil
			}
		default:
			v, err := castTo(rt, a[0], castType{kind: jsonKind})
			if err != nil {
				return null, err
			}
			doc = v.s
		}
		return f(rt, doc, a)
	}
}

// withPath hands a function what the path leads to.
func withPath(f func(part string) value) func(*run, []value) (value, error) {
	return withJSON(func(_ *run, doc string, a []value) (value, error) {
		path, ok := parsePath(a[1].String())
		if !ok {
			return null, nil
		}
		part, ok := path.find(doc)
		if !ok {
			return null, nil
		}
		return f(part), nil
	})
}

func compact(doc string) string {
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(doc)); err != nil {
		return doc
	}
	return b.String()
}

// scalar returns a JSON value as a text, NULL for objects and lists.
func scalar(part string) value {
	if isArray(part) || isObject(part) {
		return null
	}
	return jsonText(part)
}

// jsonLen counts elements or members; a scalar has none.
func jsonLen(doc string) int {
	n := 0
	switch {
	case isArray(doc):
		elements(doc, func(string) bool { n++; return true })
	case isObject(doc):
		members(doc, func(string, string) bool { n++; return true })
	}
	return n
}

// jsonArrayGet: (list, i); from 0, or from the end if negative.
func jsonArrayGet(_ *run, doc string, a []value) (value, error) {
	i, ok := a[1].integer()
	if !ok || !isArray(doc) {
		return null, nil
	}
	if i < 0 {
		i += int64(jsonLen(doc))
	}
	found := null
	elements(doc, func(part string) bool {
		if i == 0 {
			found = jsonOf(compact(part))
		}
		i--
		return i >= 0
	})
	return found, nil
}

func jsonArrayContains(rt *run, doc string, a []value) (value, error) {
	if !isArray(doc) {
		return null, nil
	}
	found := false
	elements(doc, func(part string) bool {
		if v := jsonValue(part); v.kind != jsonKind {
			c, ok := compare(v, a[1], rt.Zone)
			found = ok && c == 0
		}
		return !found
	})
	return boolOf(found), nil
}
