package spl

import (
	"encoding/base64"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

type kind uint8

const (
	nullKind kind = iota
	boolKind
	intKind
	doubleKind
	textKind
	binaryKind
	momentKind // a point in time, to the millisecond, with the zone it is shown in
	dayKind    // a day without a zone
	jsonKind   // a JSON text, valid
	listKind
	dictKind
	lambdaKind
)

// value is what an expression computes. Values are never changed after they were made, so they may share what they hold.
type value struct {
	kind kind
	n    int64  // bool: 0 or 1; int; double: its bits; moment: milliseconds since 1970; day: days since 1970
	s    string // text, binary, json
	ref  any    // moment: *time.Location; list: []value; dict: *dict; lambda: *closure
}

var null = value{}

func textOf(s string) value    { return value{kind: textKind, s: s} }
func intOf(n int64) value      { return value{kind: intKind, n: n} }
func doubleOf(f float64) value { return value{kind: doubleKind, n: int64(math.Float64bits(f))} }
func binaryOf(s string) value  { return value{kind: binaryKind, s: s} }
func jsonOf(s string) value    { return value{kind: jsonKind, s: s} }
func listOf(v []value) value   { return value{kind: listKind, ref: v} }
func dictOf(d *dict) value     { return value{kind: dictKind, ref: d} }

func boolOf(b bool) value {
	if b {
		return value{kind: boolKind, n: 1}
	}
	return value{kind: boolKind}
}

func momentOf(t time.Time) value {
	return value{kind: momentKind, n: t.UnixMilli(), ref: t.Location()}
}

const secondsPerDay = 24 * 60 * 60

func dayOf(t time.Time) value {
	y, m, d := t.Date()
	return value{kind: dayKind, n: time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay}
}

func (v value) isNull() bool { return v.kind == nullKind }
func (v value) isTrue() bool { return v.kind == boolKind && v.n != 0 }

// nested: a list or a map.
func (v value) nested() bool { return v.kind == listKind || v.kind == dictKind }

// float returns the number of a double.
func (v value) float() float64 { return math.Float64frombits(uint64(v.n)) }

func (v value) list() []value { return v.ref.([]value) }
func (v value) dict() *dict   { return v.ref.(*dict) }

// moment returns the time of a moment.
func (v value) moment() time.Time { return time.UnixMilli(v.n).In(v.ref.(*time.Location)) }

// day returns the midnight that a day begins with, in a zone.
func (v value) day(zone *time.Location) time.Time {
	y, m, d := time.Unix(v.n*secondsPerDay, 0).UTC().Date()
	return time.Date(y, m, d, 0, 0, 0, 0, zone)
}

// dict is a map that remembers the order of its keys.
type dict struct {
	keys, values []value
	index        map[string]int // by the text of the key
}

func newDict(size int) *dict { return &dict{index: make(map[string]int, size)} }

// set gives a key a value; the later one wins. Keys that are no scalars are left out.
func (d *dict) set(k, v value) {
	if k.nested() || k.isNull() {
		return
	}
	name := k.String()
	if i, ok := d.index[name]; ok {
		d.values[i] = v
		return
	}
	d.index[name] = len(d.keys)
	d.keys = append(d.keys, k)
	d.values = append(d.values, v)
}

func (d *dict) get(k value) value {
	if k.nested() {
		return null
	}
	if i, ok := d.index[k.String()]; ok {
		return d.values[i]
	}
	return null
}

// Layouts of times as results show them (reference sls-query 3.2).
const (
	momentLayout = "2006-01-02 15:04:05.000"
	dayLayout    = "2006-01-02"
)

// String renders a value as results do (reference sls-query 3.2); lists and maps are JSON. It is "" for NULL.
func (v value) String() string {
	switch v.kind {
	case textKind, jsonKind:
		return v.s
	case boolKind:
		return strconv.FormatBool(v.n != 0)
	case intKind:
		return strconv.FormatInt(v.n, 10)
	case doubleKind:
		return formatDouble(v.float())
	case binaryKind:
		return base64.StdEncoding.EncodeToString([]byte(v.s))
	case momentKind:
		return v.moment().Format(momentLayout)
	case dayKind:
		return v.day(time.UTC).Format(dayLayout)
	case listKind, dictKind:
		return string(v.appendJSON(nil))
	}
	return ""
}

// bytes is about what v takes in memory and as text, or some number above most: lists may share their elements, so that a small
// value can have a text without end.
func (v value) bytes(most int) int {
	const valueBytes = 48
	n := valueBytes + len(v.s)
	var parts []value
	switch v.kind {
	case listKind:
		parts = v.list()
	case dictKind:
		parts = slices.Concat(v.dict().keys, v.dict().values)
	}
	for _, part := range parts {
		if n > most {
			break
		}
		n += part.bytes(most - n)
	}
	return n
}

// own returns v with texts of its own. What is kept beyond its row must not keep the long text alive that it was cut from.
func (v value) own() value {
	v.s = strings.Clone(v.s)
	if v.kind == listKind {
		all := make([]value, len(v.list()))
		for i, e := range v.list() {
			all[i] = e.own()
		}
		return listOf(all)
	}
	return v
}

// appendJSON appends v as JSON.
func (v value) appendJSON(b []byte) []byte {
	switch v.kind {
	case nullKind, lambdaKind:
		return append(b, "null"...)
	case boolKind, intKind, jsonKind:
		return append(b, v.String()...)
	case doubleKind:
		if f := v.float(); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return append(b, v.String()...)
		}
	case listKind:
		b = append(b, '[')
		for i, e := range v.list() {
			if i > 0 {
				b = append(b, ',')
			}
			b = e.appendJSON(b)
		}
		return append(b, ']')
	case dictKind:
		d := v.dict()
		b = append(b, '{')
		for i, e := range d.values {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendJSONString(b, d.keys[i].String()), ':')
			b = e.appendJSON(b)
		}
		return append(b, '}')
	}
	return appendJSONString(b, v.String())
}

// formatDouble renders as Java does: 3337.0, and 1.6351416E9 from ten millions on and below a thousandth.
func formatDouble(f float64) string {
	switch abs := math.Abs(f); {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case abs != 0 && (abs < 1e-3 || abs >= 1e7):
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'E', -1, 64), "E")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		sign := strings.TrimRight(exponent[:1], "+")
		return mantissa + "E" + sign + strings.TrimLeft(exponent[1:], "0")
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
