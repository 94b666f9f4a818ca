package segment

import (
	"context"
	"slices"
)

// addGroup appends the rows of a group to a table, column by column. expected is how many rows the table will have in the end.
func (t *table) addGroup(ctx context.Context, g *Group, expected int) error {
	d, err := g.directory(ctx)
	if err != nil {
		return err
	}
	a := &groupAdder{table: t, group: g, dir: d, base: uint32(t.rows()), expected: expected}
	for _, step := range []func(context.Context) error{a.identity, a.columns, a.shapes} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	for row := int(a.base); row < t.rows(); row++ {
		t.bytes += int64(t.rowBytes[row])
	}
	return nil
}

// groupAdder appends a group to a table.
type groupAdder struct {
	table    *table
	group    *Group
	dir      *loadedDirectory
	expected int
	base     uint32           // the first new row of the table
	columnOf []int            // of the table, for each chunk with a field
	isChunk  map[int]bool     // columns of the table that are filled from chunks
	sizes    map[int][]uint32 // of the values of a chunk, by row
	rests    map[uint32][]restEntry
}

func (a *groupAdder) identity(ctx context.Context) error {
	t, rows := a.table, a.group.Rows()
	for _, c := range []struct {
		chunk int
		add   func(v int64)
	}{
		{chunkTime, func(v int64) { t.seconds = append(t.seconds, uint32(v)) }},
		{chunkNanos, func(v int64) { t.nanos = append(t.nanos, uint32(v)) }},
		{-chunkShard, func(v int64) { t.shard = append(t.shard, int32(v)) }},
		{-chunkPosition, func(v int64) { t.position = append(t.position, v) }},
		{-chunkIndex, func(v int64) { t.index = append(t.index, uint32(v)) }},
	} {
		values, err := a.group.integers(ctx, c.chunk, nil)
		if err != nil {
			return err
		}
		for _, v := range values {
			c.add(v)
		}
	}
	if a.base > 0 && t.sorted {
		t.sorted = t.compare(a.base-1, a.base) <= 0
	}
	t.rowBytes = append(t.rowBytes, make([]uint32, rows)...)
	return nil
}

// columns appends the values of all chunks with texts or numbers of logs.
func (a *groupAdder) columns(ctx context.Context) error {
	a.columnOf = make([]int, len(a.dir.chunks))
	a.isChunk = map[int]bool{}
	a.sizes = map[int][]uint32{}
	for n := chunkSource; n < len(a.dir.chunks)-chunkRest; n++ {
		c := a.group.chunk(a.dir, n)
		column, ok := a.table.byName[c.column.name]
		if !ok {
			column = a.table.addColumn(c.column.name)
		}
		a.columnOf[n] = column
		a.isChunk[column] = true
		a.sizes[n] = make([]uint32, a.group.Rows())
		if err := a.column(ctx, c, a.table.columns[column], a.sizes[n]); err != nil {
			return err
		}
	}
	for _, n := range [...]int{chunkSource, chunkTopic} {
		for i, size := range a.sizes[n] {
			a.table.rowBytes[int(a.base)+i] += size
		}
	}
	for i := range a.group.Rows() {
		a.table.rowBytes[int(a.base)+i] += 8
	}
	return nil
}

func (a *groupAdder) column(ctx context.Context, c *columnChunk, to *tableColumn, sizes []uint32) error {
	add := func(row uint32, span uint32) {
		to.cells = append(to.cells, cell{a.base + row, span})
		sizes[row] = to.spans[span].length
	}
	if c.exact { // some texts are elsewhere
		return c.eachText(ctx, a.group.chunk(a.dir, -chunkExact), allRows(uint32(a.group.Rows())), func(row uint32, _ int32, text string) {
			add(row, to.spanOf(text))
		})
	}
	if len(to.cells) == 0 {
		a.reserve(c, to)
	}
	text, err := c.texter(ctx)
	if err != nil {
		return err
	}
	known := make([]uint32, c.dict.values) // spans of entries of the dictionary, plus one
	for n := range c.pages {
		p, err := c.readPage(ctx, n)
		if err != nil {
			return err
		}
		whole := to.dedup == nil && c.encoding == encodingLengths
		if whole {
			to.addTexts(&p.texts)
		}
		firstSpan := uint32(len(to.spans) - p.texts.len())
		for i := range p.rows {
			v, ok := p.value(uint32(p.first + i))
			if !ok {
				continue
			}
			if whole {
				add(uint32(p.first+i), firstSpan+uint32(v))
				continue
			}
			if p.ids == nil {
				add(uint32(p.first+i), to.spanOf(text(p, v)))
				continue
			}
			id := p.ids[v]
			if known[id] == 0 {
				known[id] = to.spanOf(text(p, v)) + 1
			}
			add(uint32(p.first+i), known[id]-1)
		}
	}
	return nil
}

// reserve makes room in an empty column for as much as this group has of it in the rows expected.
func (a *groupAdder) reserve(c *columnChunk, to *tableColumn) {
	rows := max(1, a.group.Rows())
	to.cells = slices.Grow(to.cells, c.values*a.expected/rows)
	if c.encoding != encodingLengths {
		return
	}
	size := 0
	for i := range c.pages {
		size += c.pages[i].raw
	}
	to.spans = slices.Grow(to.spans, c.values*a.expected/rows)
	to.arena = slices.Grow(to.arena, min(maxGroupBytes, size*a.expected/rows))
}

// addTexts stores texts as spans of their own.
func (c *tableColumn) addTexts(t *texts) {
	base := uint64(len(c.arena))
	c.arena = append(c.arena, t.bytes...)
	for i := range t.len() {
		c.spans = append(c.spans, span{offset: base + uint64(t.ends[i]), length: t.ends[i+1] - t.ends[i]})
	}
}

// shapes appends what fields each row has, and the fields without a column.
func (a *groupAdder) shapes(ctx context.Context) error {
	all := allRows(uint32(a.group.Rows()))
	a.rests = map[uint32][]restEntry{}
	err := a.group.eachRest(ctx, a.dir, all, func(row uint32, entries []restEntry) { a.rests[row] = entries })
	if err != nil {
		return err
	}
	c := a.group.chunk(a.dir, -chunkShape)
	type sizedShape struct {
		groupShape
		keys uint32
	}
	known := map[string]sizedShape{}
	return c.each(ctx, all, func(row uint32, encoded string, _ int32) error {
		s, ok := known[encoded]
		if !ok {
			if s.groupShape, ok = readShape([]byte(encoded), len(a.dir.chunks)); !ok {
				return c.rowDamage(row)
			}
			s.keys = a.keySizes(s.groupShape)
			known[encoded] = s
		}
		if !a.addShape(row, s.groupShape, s.keys) {
			return c.rowDamage(row)
		}
		return nil
	})
}

// keySizes returns the bytes of the keys of a shape's fields that have a chunk.
func (a *groupAdder) keySizes(s groupShape) (n uint32) {
	for i, chunk := range s.chunks {
		if chunk != 0 {
			n += uint32(len(a.table.columns[a.columnOf[chunk]].name))
			if i < s.tags {
				n -= uint32(len(TagPrefix))
			}
		}
	}
	return n
}

func (a *groupAdder) addShape(row uint32, s groupShape, keys uint32) bool {
	t := a.table
	bytes := keys
	rest := a.rests[row]
	t.current = append(t.current[:0], uint16(s.tags))
	for i, chunk := range s.chunks {
		if chunk != 0 {
			t.current = append(t.current, uint16(a.columnOf[chunk]+1))
			bytes += a.sizes[chunk][row]
			continue
		}
		if len(rest) == 0 {
			return false
		}
		bytes += uint32(a.addRest(a.base+row, rest[0], i < s.tags))
		rest = rest[1:]
	}
	t.rowBytes[a.base+row] += bytes
	t.shapeOf = append(t.shapeOf, t.internShape(int(a.base+row)))
	return len(rest) == 0
}

// addRest appends a field that had no column in its group; it may have one in the table.
func (a *groupAdder) addRest(row uint32, e restEntry, tag bool) (size int) {
	t := a.table
	key := e.key
	if tag && len(key) >= len(TagPrefix) {
		key = key[len(TagPrefix):]
	}
	c := t.columnFor("", e.key)
	if c < 0 || a.isChunk[c] || t.columns[c].has(row) {
		t.extras = append(t.extras, extra{row: row, key: key, value: e.value})
		t.current = append(t.current, shapeExtra)
	} else {
		t.columns[c].add(row, e.value)
		t.current = append(t.current, uint16(c+1))
	}
	return len(key) + len(e.value)
}
