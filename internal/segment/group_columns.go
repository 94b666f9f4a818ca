package segment

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sort"
)

// identityFirst writes the columns that users see first.
func (w *groupWriter) identityFirst() error {
	t := w.table
	if err := w.integerChunk(func(r uint32) int64 { return int64(t.seconds[r]) }); err != nil {
		return err
	}
	if err := w.integerChunk(func(r uint32) int64 { return int64(t.nanos[r]) }); err != nil {
		return err
	}
	for _, i := range [...]int{columnSource, columnTopic} {
		known := w.known.find(t.columns[i].name)
		if err := w.textChunk(w.view(t.columns[i]), true, true, known.Tokens); err != nil {
			return err
		}
	}
	return nil
}

// fields writes the columns of fields and tags.
func (w *groupWriter) fields() error {
	for _, p := range w.columns {
		v := view{column: &tableColumn{}, ranks: []uint32{}}
		if i, ok := w.table.byName[p.name]; ok {
			v = w.view(w.table.columns[i])
		}
		var err error
		if p.kind == Text {
			err = w.textChunk(v, false, true, p.tokens)
		} else {
			err = w.numberChunk(v, p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// identityLast writes the columns that tell where a log came from.
func (w *groupWriter) identityLast() error {
	t := w.table
	for _, value := range []func(r uint32) int64{
		func(r uint32) int64 { return int64(t.shard[r]) },
		func(r uint32) int64 { return t.position[r] },
		func(r uint32) int64 { return int64(t.index[r]) },
	} {
		if err := w.integerChunk(value); err != nil {
			return err
		}
	}
	return nil
}

// chunkOf maps columns of the table to chunks of the group, 0 for those without.
func (w *groupWriter) chunkOf() []int {
	chunks := make([]int, len(w.table.columns))
	for i, p := range w.columns {
		if c, ok := w.table.byName[p.name]; ok {
			chunks[c] = chunkFields + i
		}
	}
	return chunks
}

// shapes writes which fields each row has, and in what order: the number of tags, then for each tag and field its chunk, or 0 for
// the next entry of the rest column.
func (w *groupWriter) shapes() error {
	chunks := w.chunkOf()
	column := &tableColumn{dedup: newDedupe()}
	spanOf := make(map[uint32]uint32)
	v := view{column: column, spans: w.spans[:0]}
	for _, row := range w.rows {
		shape := w.table.shapeOf[row]
		s, ok := spanOf[shape]
		if !ok {
			tags, entries := shapeEntries(w.table.shapes[shape])
			encoded := binary.AppendUvarint(nil, uint64(tags))
			for _, e := range entries {
				chunk := 0
				if e != shapeExtra {
					chunk = chunks[e-1]
				}
				encoded = binary.AppendUvarint(encoded, uint64(chunk))
			}
			s = column.newSpan(string(encoded))
			spanOf[shape] = s
		}
		v.spans = append(v.spans, s)
	}
	w.spans = v.spans
	return w.textChunk(v, true, false, nil)
}

// ownChunk writes a column made for this group, whose cells count rows of the group.
func (w *groupWriter) ownChunk(c *tableColumn, required, clean bool, tokens Tokenize) error {
	v := ownView(c)
	if len(v.spans) == len(w.rows) {
		v.ranks = nil
	}
	return w.textChunk(v, required, clean, tokens)
}

// groupShape is a shape as a group keeps it: chunks of tags, then of fields, 0 for an entry of the rest column.
type groupShape struct {
	tags   int
	chunks []int
}

// readShape reads a shape of a group with so many chunks.
func readShape(in []byte, chunks int) (groupShape, bool) {
	s := scanner{in: in}
	shape := groupShape{tags: s.count()}
	for len(s.in) > 0 {
		c := s.upTo(uint64(chunks - chunkRest - 1))
		if c > 0 && c < chunkFields {
			s.fail()
		}
		shape.chunks = append(shape.chunks, c)
	}
	return shape, s.err == nil && shape.tags <= len(shape.chunks)
}

func ownView(c *tableColumn) view {
	v := view{column: c, ranks: make([]uint32, 0, len(c.cells)), spans: make([]uint32, 0, len(c.cells))}
	for _, cell := range c.cells {
		v.ranks = append(v.ranks, cell.row)
		v.spans = append(v.spans, cell.span)
	}
	return v
}

// restEntry is a field without a column.
type restEntry struct {
	key, value string
}

// Tokens in the index of the rest column that no tokenizer makes: a row has a field there, and a field that is not indexed.
func restKeyToken(key string) []byte   { return append([]byte("\x00key\x00"), key...) }
func restPlainToken(key string) []byte { return append([]byte("\x00plain\x00"), key...) }

// rest writes the fields without a column. Its index has the tokens of their values, each made as for a column of its name, and a
// token for each key.
func (w *groupWriter) rest() error {
	chunks := w.chunkOf()
	isRest := make(map[uint32]bool, 16)
	column := &tableColumn{}
	var entriesOf [][]restEntry
	number := chunkFields + len(w.columns)
	var keep []exactText
	for rank, row := range w.rows {
		shape := w.table.shapeOf[row]
		has, known := isRest[shape]
		if !known {
			_, entries := shapeEntries(w.table.shapes[shape])
			has = slices.ContainsFunc(entries, func(e uint16) bool { return e == shapeExtra || chunks[e-1] == 0 })
			isRest[shape] = has
		}
		if !has {
			continue
		}
		entries := w.restOf(row, chunks)
		for i, e := range entries {
			if cleanText(e.key) != e.key {
				keep = append(keep, exactText{uint32(rank), exactRef(exactRestKey, i), e.key})
			}
			if cleanText(e.value) != e.value {
				keep = append(keep, exactText{uint32(rank), exactRef(exactRestValue, i), e.value})
			}
		}
		column.add(uint32(rank), string(appendRest(nil, entries)))
		entriesOf = append(entriesOf, entries)
	}
	err := w.ownChunk(column, false, false, nil)
	if err != nil {
		return err
	}
	c := &w.group.chunks[number]
	c.exact = len(keep) > 0
	w.exact = append(w.exact, keep...)
	v := ownView(column)
	return w.buildIndex(c, indexesRows, &tokenSource{
		items:    len(entriesOf),
		tokenize: func(i int, emit func([]byte)) { w.restTokens(entriesOf[i], emit) },
		number:   v.ranks,
		limit:    uint32(len(w.rows)),
		place:    w.pageOf(c, &v),
		places:   len(c.pages),
	})
}

// restOf collects the fields of a row that have no column.
func (w *groupWriter) restOf(row uint32, chunks []int) []restEntry {
	t := w.table
	tags, entries := shapeEntries(t.shapes[t.shapeOf[row]])
	next := sort.Search(len(t.extras), func(i int) bool { return t.extras[i].row >= row })
	var out []restEntry
	for i, e := range entries {
		if e == shapeExtra {
			x := t.extras[next]
			next++
			if i < tags {
				x.key = TagPrefix + x.key
			}
			out = append(out, restEntry{x.key, x.value})
		} else if chunks[e-1] == 0 {
			c := t.columns[e-1]
			at, _ := slices.BinarySearchFunc(c.cells, row, func(c cell, row uint32) int { return cmp.Compare(c.row, row) })
			out = append(out, restEntry{c.name, c.text(c.cells[at].span)})
		}
	}
	return out
}

func (w *groupWriter) restTokens(entries []restEntry, emit func([]byte)) {
	for _, e := range entries {
		emit(restKeyToken(e.key))
		if known := w.known.find(e.key); known.Tokens != nil {
			known.Tokens(e.value, emit)
		} else {
			emit(restPlainToken(e.key))
		}
	}
}

// exactTexts writes the texts kept aside: for each, what it stands for, and the bytes.
func (w *groupWriter) exactTexts() error {
	slices.SortFunc(w.exact, func(a, b exactText) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.ref, b.ref))
	})
	column := &tableColumn{dedup: newDedupe()}
	var encoded []byte
	for i := 0; i < len(w.exact); {
		rank := w.exact[i].rank
		for encoded = encoded[:0]; i < len(w.exact) && w.exact[i].rank == rank; i++ {
			encoded = binary.AppendUvarint(encoded, w.exact[i].ref)
			encoded = appendText(encoded, w.exact[i].text)
		}
		column.add(rank, string(encoded))
	}
	return w.ownChunk(column, false, false, nil)
}
