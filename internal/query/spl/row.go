package spl

import (
	"slices"
	"strings"
)

// cell is a field of a row. One that was dropped stays in its place until the row is copied or indexed, so that places do not move.
type cell struct {
	name  string
	value value
	gone  bool
}

// row is an ordered list of fields. Short rows are looked through; long ones get an index with the first lookup.
type row struct {
	cells []cell
	fold  bool           // names are compared without regard to case
	first map[string]int // the first cell of a name, gone or not; nil if not made yet
	twice bool           // some name may stand twice
}

// longRow is from how many cells on a row is worth an index.
const longRow = 24

func (r *row) key(name string) string {
	if r.fold {
		return strings.ToLower(name)
	}
	return name
}

func (r *row) same(a, b string) bool { return a == b || r.fold && strings.EqualFold(a, b) }

// find returns the place of the first field of that name, -1 if there is none.
func (r *row) find(name string) int {
	if len(r.cells) >= longRow {
		if r.first == nil {
			r.buildIndex()
		}
		if i, ok := r.first[r.key(name)]; ok && !r.cells[i].gone {
			return i
		}
		return -1
	}
	for i := range r.cells {
		if c := &r.cells[i]; !c.gone && r.same(c.name, name) {
			return i
		}
	}
	return -1
}

func (r *row) buildIndex() {
	r.cells = slices.DeleteFunc(r.cells, func(c cell) bool { return c.gone })
	r.first = make(map[string]int, len(r.cells)+longRow)
	for i, c := range r.cells {
		if _, ok := r.first[r.key(c.name)]; ok {
			r.twice = true
			continue
		}
		r.first[r.key(c.name)] = i
	}
}

func (r *row) has(name string) bool { return r.find(name) >= 0 }

// get returns the value of a field, NULL if there is none.
func (r *row) get(name string) value {
	if i := r.find(name); i >= 0 {
		return r.cells[i].value
	}
	return null
}

// text returns the text of a field. Commands that extract work on texts only (reference sls-query 5).
func (r *row) text(name string) (string, bool) {
	v := r.get(name)
	return v.s, v.kind == textKind || v.kind == jsonKind
}

// set writes a field: in its place, or at the end. NULL drops it.
func (r *row) set(name string, v value) {
	i := r.find(name)
	switch {
	case v.isNull():
		r.drop(name)
	case i >= 0:
		r.cells[i].value = v
		r.dropAfter(i, name)
	default:
		r.append(name, v)
	}
}

// append adds a field that the row does not have.
func (r *row) append(name string, v value) {
	if r.first != nil {
		r.first[r.key(name)] = len(r.cells)
	}
	r.cells = append(r.cells, cell{name: name, value: v})
}

// remove drops one field; its name stays, its value is let go.
func (r *row) remove(i int) { r.cells[i].gone, r.cells[i].value = true, null }

// drop removes every field of a name.
func (r *row) drop(name string) {
	if i := r.find(name); i >= 0 {
		r.remove(i)
		r.dropAfter(i, name)
	}
}

// dropAfter removes the fields of a name that stand behind the first. An indexed row knows whether there may be any.
func (r *row) dropAfter(i int, name string) {
	if r.first != nil && !r.twice {
		return
	}
	for j := i + 1; j < len(r.cells); j++ {
		if r.same(r.cells[j].name, name) {
			r.remove(j)
		}
	}
}

// rename gives fields new names, in their places and all at once, so that a=b, b=a swaps. Of a name that stands twice the first
// is renamed; the others are dropped, and so is what had a new name before.
func (r *row) rename(renames []renaming) {
	places, values := make([]int, len(renames)), make([]value, len(renames))
	for i, n := range renames {
		if places[i] = r.find(n.from); places[i] >= 0 {
			values[i] = r.cells[places[i]].value
		}
	}
	for i, n := range renames {
		if places[i] >= 0 {
			r.drop(n.from)
			r.drop(n.to)
			delete(r.first, r.key(n.from))
		}
	}
	for i, n := range renames {
		if places[i] < 0 {
			continue
		}
		r.cells[places[i]] = cell{name: n.to, value: values[i]}
		if r.first != nil {
			r.first[r.key(n.to)] = places[i]
		}
	}
}

// keep removes the fields that wanted refuses.
func (r *row) keep(wanted func(name string) bool) {
	for i := range r.cells {
		if c := &r.cells[i]; !c.gone && !wanted(c.name) {
			r.remove(i)
		}
	}
}

// clone returns a row with cells of its own.
func (r *row) clone() *row {
	c := &row{fold: r.fold, twice: r.twice, cells: make([]cell, 0, len(r.cells))}
	for _, cell := range r.cells {
		if !cell.gone {
			c.cells = append(c.cells, cell)
		}
	}
	return c
}

// fields counts what is there.
func (r *row) fields() int {
	n := 0
	for i := range r.cells {
		if !r.cells[i].gone {
			n++
		}
	}
	return n
}

// bytes is about what the row takes in memory, or some number above most.
func (r *row) bytes(most int) int {
	const cellBytes = 32
	n := 0
	for i := range r.cells {
		if n += cellBytes + len(r.cells[i].name) + r.cells[i].value.bytes(most-n); n > most {
			break
		}
	}
	return n
}
