package spl

import (
	"regexp"
	"time"

	"github.com/sluicelog/sluice"
)

// run is the state that the commands of one run share.
type run struct {
	Options
	steps   int   // of evaluation, of the row that is under way
	memory  int64 // held by stats and sort
	regexps map[string]*regexp.Regexp
	likes   map[likeKey]segments
	zones   map[string]*time.Location
}

func newRun(o Options) *run {
	return &run{
		Options: o.withDefaults(), regexps: map[string]*regexp.Regexp{}, likes: map[likeKey]segments{}, zones: map[string]*time.Location{},
	}
}

// newRow makes a row of fields that came in.
func (rt *run) newRow(fields []sluice.Field) *row {
	r := &row{fold: rt.FoldNames, cells: make([]cell, len(fields), len(fields)+8)}
	for i, f := range fields {
		v := textOf(f.Value)
		if isTimeField(f.Key) {
			if n, ok := parseInteger(f.Value); ok {
				v = intOf(n)
			}
		}
		r.cells[i] = cell{name: f.Key, value: v}
	}
	return r
}

// check refuses a row that has become too large.
func (rt *run) check(r *row) error {
	if len(r.cells) > rt.RowFields && r.fields() > rt.RowFields {
		return rowError("the row has more than %d fields", rt.RowFields)
	}
	if r.bytes(rt.RowBytes) > rt.RowBytes {
		return rowError("the row has more than %d bytes", rt.RowBytes)
	}
	return nil
}

// spend counts steps of evaluation.
func (rt *run) spend(n int) error {
	if rt.steps += n; rt.steps > rt.Steps {
		return rowError("the expressions take more than %d steps for one row", rt.Steps)
	}
	return nil
}

// spendOn counts what it costs to walk through values, and refuses those that are too large for that: lists may share their
// elements, so that a small one can have a text without end.
func (rt *run) spendOn(values ...value) error {
	const bytesPerStep = 64
	steps := 1
	for _, v := range values {
		n := v.bytes(rt.RowBytes)
		if err := rt.fits(n); err != nil {
			return err
		}
		steps += n / bytesPerStep
	}
	return rt.spend(steps)
}

// maxElements is how long a list may be.
const maxElements = 1 << 16

// elements refuses a list that would be too long, before it is made.
func (rt *run) elements(n int) error {
	if n > maxElements {
		return rowError("a list would have more than %d elements", maxElements)
	}
	return nil
}

// fits refuses a value that would be too large, before it is made.
func (rt *run) fits(bytes int) error {
	if bytes > rt.RowBytes {
		return rowError("a value would have more than %d bytes", rt.RowBytes)
	}
	return nil
}

// textOf renders a value, if it is not too large.
func (rt *run) textOf(v value) (value, error) {
	if err := rt.fits(v.bytes(rt.RowBytes)); err != nil {
		return null, err
	}
	return textOf(v.String()), nil
}

// grow counts memory of stats and sort.
func (rt *run) grow(bytes int) error {
	if rt.memory += int64(bytes); rt.memory > rt.Memory {
		return sluice.Errorf(sluice.TooLarge, "query",
			"stats and sort need more than %d bytes; filter with where, or group and sort by fewer values", rt.Memory)
	}
	return nil
}

// maxCached is how many compiled patterns of a kind a run remembers. Scripts have fewer; fields that hold patterns may not.
const maxCached = 128

// cached returns what make made of a key before, or makes it.
func cached[K comparable, V any](cache map[K]V, key K, make func(K) V) V {
	v, ok := cache[key]
	if !ok {
		if len(cache) >= maxCached {
			clear(cache)
		}
		v = make(key)
		cache[key] = v
	}
	return v
}

// regexp compiles a pattern; nil if it is none.
func (rt *run) regexp(pattern string) *regexp.Regexp {
	return cached(rt.regexps, pattern, func(pattern string) *regexp.Regexp {
		re, _ := compileRegexp(pattern)
		return re
	})
}

// like compiles a pattern of like.
func (rt *run) like(pattern string, escape rune) segments {
	return cached(rt.likes, likeKey{pattern, escape}, likeKey.compile)
}

// zone finds a zone by its name; nil if there is none.
func (rt *run) zone(name string) *time.Location { return cached(rt.zones, name, zoneNamed) }

func compileRegexp(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > maxPatternBytes {
		return nil, rowError("the expression has %d bytes; the most is %d", len(pattern), maxPatternBytes)
	}
	return regexp.Compile(pattern)
}
