package spl

import (
	"fmt"
	"strings"
)

// function is a function that expressions may call. It gives NULL for arguments that make no sense, and an error for bounds only.
type function struct {
	name      string
	min, max  int // number of arguments
	takesNull bool
	pattern   int // which argument is a regular expression, from 1; constant ones are checked when they are read
	path      int // which is a JSON path
	lambda    int // from which on they are lambdas
	call      func(rt *run, args []value) (value, error)
}

// arity words how many arguments are taken.
func arity(least, most int) string {
	switch {
	case most == many:
		return fmt.Sprintf("%d arguments or more", least)
	case least == most && least == 1:
		return "1 argument"
	case least == most:
		return fmt.Sprintf("%d arguments", least)
	}
	return fmt.Sprintf("%d to %d arguments", least, most)
}

// many is the most arguments of functions that take any number.
const many = maxItems

// functions are all functions by name: the rows of reference sls-query 3.6 to 3.14 that work on one value at a time and need no
// data from outside.
var functions = table(
	textFunctions, regexpFunctions, jsonFunctions, mathFunctions, bitFunctions, timeFunctions, timePartFunctions(), urlFunctions,
	binaryFunctions, listFunctions, lambdaFunctions, mapFunctions, chooseFunctions,
)

func table(groups ...[]function) map[string]*function {
	all := map[string]*function{}
	for _, group := range groups {
		for _, f := range group {
			for name := range strings.SplitSeq(f.name, " ") { // others are synonyms
				if all[name] != nil {
					panic("two functions are called " + name)
				}
				g := f
				g.name = name
				all[name] = &g
			}
		}
	}
	return all
}

// pure makes a function of one that needs no run and has no bounds to break.
func pure(f func(a []value) value) func(*run, []value) (value, error) {
	return func(_ *run, a []value) (value, error) { return f(a), nil }
}

// chooseFunctions pick one of their arguments.
var chooseFunctions = []function{
	{name: "coalesce", min: 1, max: many, takesNull: true, call: pure(func(a []value) value {
		for _, v := range a {
			if !v.isNull() {
				return v
			}
		}
		return null
	})},
	{name: "nullif", min: 2, max: 2, takesNull: true, call: func(rt *run, a []value) (value, error) {
		if same, err := compareBy("=", a[0], a[1], rt); err != nil || same.isTrue() {
			return null, err
		}
		return a[0], nil
	}},
	{name: "greatest", min: 1, max: many, call: choose(">")},
	{name: "least", min: 1, max: many, call: choose("<")},
	{name: "typeof", min: 1, max: 1, takesNull: true, call: pure(func(a []value) value { return textOf(kindNames[a[0].kind]) })},
}

var kindNames = [...]string{
	"unknown", "boolean", "bigint", "double", "varchar", "varbinary", "timestamp", "date", "json", "array", "map", "function",
}

// choose returns the argument that comes before all others in an order.
func choose(op string) func(*run, []value) (value, error) {
	return func(rt *run, a []value) (value, error) {
		best := a[0]
		for _, v := range a[1:] {
			better, err := compareBy(op, v, best, rt)
			if err != nil || better.isNull() {
				return null, err
			}
			if better.isTrue() {
				best = v
			}
		}
		return best, nil
	}
}

// optionalInt reads an argument that may be missing; false if it is given and is no integer.
func optionalInt(a []value, i int, fallback int64) (int64, bool) {
	if i >= len(a) {
		return fallback, true
	}
	return a[i].integer()
}
