package segment

import (
	"cmp"
	"slices"
)

// view is the values of a column in a group.
type view struct {
	column *tableColumn
	ranks  []uint32 // rows of the group with a value; nil if all have one
	spans  []uint32 // the values
}

func (v *view) text(i int) string { return v.column.text(v.spans[i]) }

// clean returns the same values with what is not UTF-8 replaced.
func (v *view) clean() view {
	c := &tableColumn{}
	to := view{column: c, ranks: v.ranks}
	for i := range v.spans {
		to.spans = append(to.spans, c.newSpan(cleanText(v.text(i))))
	}
	return to
}

// appendTexts appends the values from one up to another.
func (v *view) appendTexts(dst []byte, from, to int) []byte {
	c := v.column
	first, last := v.spans[from], v.spans[to-1]
	inOrder := true
	for i, s := range v.spans[from:to] {
		inOrder = inOrder && s == first+uint32(i)
	}
	if inOrder { // spans were given out as texts were appended to the arena
		return append(dst, c.arena[c.spans[first].offset:c.spans[last].offset+uint64(c.spans[last].length)]...)
	}
	for i := from; i < to; i++ {
		dst = append(dst, v.text(i)...)
	}
	return dst
}

func (v *view) size(i int) int { return int(v.column.spans[v.spans[i]].length) }

func (v *view) rank(i int) uint32 {
	if v.ranks == nil {
		return uint32(i)
	}
	return v.ranks[i]
}

// view finds the values of a column of the table that are in the group. It is good until the next one.
func (w *groupWriter) view(c *tableColumn) view {
	v := view{column: c, ranks: w.ranks[:0], spans: w.spans[:0]}
	if w.whole {
		base, n := w.rows[0], uint32(len(w.rows))
		byRow := func(c cell, row uint32) int { return cmp.Compare(c.row, row) }
		from, _ := slices.BinarySearchFunc(c.cells, base, byRow)
		to, _ := slices.BinarySearchFunc(c.cells, base+n, byRow)
		for _, cell := range c.cells[from:to] {
			v.ranks = append(v.ranks, cell.row-base)
			v.spans = append(v.spans, cell.span)
		}
	} else {
		w.slots = resize(w.slots, len(w.rows))
		clear(w.slots)
		for _, cell := range c.cells {
			if rank := w.rankOf[cell.row]; rank >= 0 {
				w.slots[rank] = int32(cell.span) + 1
			}
		}
		for rank, span := range w.slots {
			if span != 0 {
				v.ranks = append(v.ranks, uint32(rank))
				v.spans = append(v.spans, uint32(span-1))
			}
		}
	}
	w.ranks, w.spans = v.ranks, v.spans
	if len(v.spans) == len(w.rows) {
		v.ranks = nil
	}
	return v
}

// distinct numbers the different values of a view from 0, in the order in which they come. ok is false if they hardly repeat.
func (w *groupWriter) distinct(v *view) (ids []int32, spans []uint32, ok bool) {
	if v.column.dedup == nil {
		return nil, nil, false
	}
	w.localIDs = resize(w.localIDs, len(v.column.spans))
	for i := range w.localIDs {
		w.localIDs[i] = -1
	}
	w.ids = resize(w.ids, len(v.spans))
	ids = w.ids
	size := 0
	for i, s := range v.spans {
		if w.localIDs[s] < 0 {
			w.localIDs[s] = int32(len(spans))
			spans = append(spans, s)
			size += int(v.column.spans[s].length)
		}
		ids[i] = w.localIDs[s]
	}
	return ids, spans, size <= maxDictionaryBytes && (len(spans) <= len(ids)/2 || len(spans) <= 1)
}
