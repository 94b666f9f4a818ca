package segment

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxDictionaryBytes   = 1 << 20 // reading one row reads the dictionary
	maxIntegerDictionary = 4096
)

// groupWriter writes groups of rows of tables to both objects. It keeps its buffers between groups.
type groupWriter struct {
	options Options
	known   columnSet
	parquet *objectWriter
	index   *objectWriter
	pages   chunkWriter
	tokens  tokenBuilder
	columns []plannedColumn
	dir     directory
	summary []groupDirectory // what the footer of the Parquet file is made of

	table  *table
	rows   []uint32 // of the table, in the order of the group
	whole  bool     // rows are rows[0], rows[0]+1, and so on
	rankOf []int32  // of each row of the table, -1 if not in this group; nil if whole
	group  groupDirectory
	exact  []exactText

	// Buffers, each for one column at a time.
	localIDs, slots, ids []int32
	ranks, spans         []uint32
	numbers              []number
	values               []uint64
	pageNumbers          []uint16
}

// plannedColumn is a field that gets a column.
type plannedColumn struct {
	name   string
	kind   Kind
	tokens Tokenize
}

// exactText is a text that the columns of its row do not show.
type exactText struct {
	rank uint32
	ref  uint64 // see exactRef
	text string
}

// What an exact text stands for: the value of a chunk, or the key or the value of an entry of the rest column.
const (
	exactValue = iota
	exactRestKey
	exactRestValue
)

func exactRef(what, n int) uint64 { return uint64(n)<<2 | uint64(what) }

// The first chunks of each group, in this order; chunks of fields follow. In a shape, 0 stands for an entry of the rest column, and a
// higher number for the chunk with that number.
const (
	chunkTime = iota
	chunkNanos
	chunkSource
	chunkTopic
	chunkFields
)

// The last chunks of each group, counted from the end.
const (
	chunkRest = 6 - iota
	chunkShard
	chunkPosition
	chunkIndex
	chunkShape
	chunkExact
)

// setColumns says what fields get columns, in all groups to come.
func (w *groupWriter) setColumns(columns []plannedColumn) {
	w.columns = columns
	add := func(kind Kind, names ...string) {
		for _, n := range names {
			w.dir.columns = append(w.dir.columns, segmentColumn{n, kind})
		}
	}
	add(Long, ColumnTime, ColumnNanos)
	add(Text, ColumnSource, ColumnTopic)
	for _, c := range columns {
		add(c.kind, c.name)
	}
	add(Text, ColumnRest)
	add(Long, ColumnShard, ColumnPosition, ColumnIndex)
	add(kindBlob, ColumnShape, ColumnExact)
}

// write writes rows of t as a group.
func (w *groupWriter) write(t *table, rows []uint32) error {
	w.begin(t, rows)
	for _, c := range []func() error{w.identityFirst, w.fields, w.rest, w.identityLast, w.shapes, w.exactTexts} {
		if err := c(); err != nil {
			return err
		}
	}
	return w.finish()
}

func (w *groupWriter) begin(t *table, rows []uint32) {
	w.parquet.base, w.index.base = w.parquet.size, w.index.size
	w.table, w.rows, w.exact = t, rows, w.exact[:0]
	w.pages.out, w.tokens.out = w.parquet, w.index
	var seed [8]byte
	_, _ = rand.Read(seed[:]) // never fails, see its documentation
	w.group = groupDirectory{seed: binary.LittleEndian.Uint64(seed[:]), rows: len(rows)}
	w.whole, w.rankOf = true, nil
	for i, r := range rows {
		if r != rows[0]+uint32(i) {
			w.whole = false
			break
		}
	}
	if !w.whole {
		w.rankOf = make([]int32, t.rows())
		for i := range w.rankOf {
			w.rankOf[i] = -1
		}
		for rank, r := range rows {
			w.rankOf[r] = int32(rank)
		}
	}
}

func (w *groupWriter) finish() error {
	directoryAt, err := w.index.append(w.group.append(nil))
	if err != nil {
		return err
	}
	t, n := w.table, len(w.rows)
	s := groupSummary{
		rows: n, config: w.options.Config, fast: w.options.Fast,
		first:     nanoseconds(t, w.rows[0]),
		last:      nanoseconds(t, w.rows[n-1]),
		parquet:   section{offset: w.parquet.base, length: w.parquet.size - w.parquet.base},
		index:     section{offset: w.index.base, length: w.index.size - w.index.base},
		directory: directoryAt,
	}
	for _, r := range w.rows {
		s.bytes += int64(t.rowBytes[r])
	}
	for i := range w.group.chunks {
		s.columns = append(s.columns, i) // a group written here has all columns, in the same order
	}
	w.dir.groups = append(w.dir.groups, s)
	w.summary = append(w.summary, w.group)
	w.table = nil
	return nil
}

func nanoseconds(t *table, row uint32) int64 { return int64(t.seconds[row])*1e9 + int64(t.nanos[row]) }

// view is the values of a column in a group.
type view struct {
	column *tableColumn
	ranks  []uint32 // rows of the group with a value; nil if all have one
	spans  []uint32 // the values
}

func (v *view) text(i int) string { return v.column.text(v.spans[i]) }

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

// newChunk begins a chunk whose values are in the rows given, nil for all.
func (w *groupWriter) newChunk(values, present int, ranks []uint32, required bool) *chunk {
	w.group.chunks = append(w.group.chunks, chunk{present: present, format: formatShortest})
	c := &w.group.chunks[len(w.group.chunks)-1]
	w.pages.begin(c, len(w.rows), values, ranks, required)
	return c
}

// textChunk writes a view as texts or, if clean is false, as bytes, and indexes its tokens.
func (w *groupWriter) textChunk(v view, required, clean bool, tokens Tokenize) error {
	c := w.newChunk(len(v.spans), len(v.spans), v.ranks, required)
	number := len(w.group.chunks) - 1
	ids, entries, repeated := w.distinct(&v)
	if !repeated {
		text := v.text
		if clean && w.keepBroken(c, &v, number) {
			text = func(i int) string { return cleanText(v.text(i)) }
		}
		if err := w.pages.texts(text); err != nil {
			return err
		}
		return w.indexRows(c, &v, tokens)
	}
	w.pages.body = w.pages.body[:0]
	broken := map[int32]bool{}
	for id, s := range entries {
		text := v.column.text(s)
		if clean && !utf8.ValidString(text) {
			broken[int32(id)] = true
			text = cleanText(text)
		}
		w.pages.body = binary.LittleEndian.AppendUint32(w.pages.body, uint32(len(text)))
		w.pages.body = append(w.pages.body, text...)
	}
	for i, id := range ids {
		if len(broken) > 0 && broken[id] {
			w.keepExact(c, v.rank(i), exactRef(exactValue, number), v.text(i))
		}
	}
	if err := w.pages.dictionaryPage(len(entries)); err != nil {
		return err
	}
	if err := w.pages.dictionary(ids); err != nil {
		return err
	}
	return w.indexEntries(c, &v, ids, entries, tokens)
}

// keepBroken keeps the texts that are not UTF-8, and reports whether there are any.
func (w *groupWriter) keepBroken(c *chunk, v *view, number int) bool {
	for i := range v.spans {
		if s := v.text(i); !utf8.ValidString(s) {
			w.keepExact(c, v.rank(i), exactRef(exactValue, number), s)
		}
	}
	return c.exact
}

func cleanText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

func (w *groupWriter) keepExact(c *chunk, rank uint32, ref uint64, text string) {
	c.exact = true
	w.exact = append(w.exact, exactText{rank, ref, text})
}

// writePresence lists the rows that have the field, unless all or none have.
func (w *groupWriter) writePresence(c *chunk, ranks []uint32) error {
	if ranks == nil || len(ranks) == 0 {
		return nil
	}
	var err error
	c.presence, err = w.index.append(appendPostings(nil, ranks, uint32(len(w.rows))))
	return err
}

// indexRows indexes a column without a dictionary.
func (w *groupWriter) indexRows(c *chunk, v *view, tokens Tokenize) error {
	if err := w.writePresence(c, v.ranks); err != nil || tokens == nil {
		return err
	}
	return w.buildIndex(c, indexesRows, &tokenSource{
		items:    len(v.spans),
		tokenize: func(i int, emit func([]byte)) { tokens(v.text(i), emit) },
		number:   v.ranks,
		limit:    uint32(len(w.rows)),
		place:    w.pageOf(c, v),
		places:   len(c.pages),
	})
}

// pageOf returns a function that tells the page of a value; values are asked for in any order.
func (w *groupWriter) pageOf(c *chunk, v *view) func(i int) uint32 {
	w.pageNumbers = resize(w.pageNumbers, len(v.spans))
	pages, at := w.pageNumbers, 0
	for i := range pages {
		for int(v.rank(i)) >= c.pages[at].first+c.pages[at].rows {
			at++
		}
		pages[i] = uint16(at)
	}
	return func(i int) uint32 { return uint32(pages[i]) }
}

// indexEntries indexes a dictionary.
func (w *groupWriter) indexEntries(c *chunk, v *view, ids []int32, entries []uint32, tokens Tokenize) error {
	if err := w.writePresence(c, v.ranks); err != nil || tokens == nil {
		return err
	}
	rows := make([]int, len(entries))
	for _, id := range ids {
		rows[id]++
	}
	return w.buildIndex(c, indexesEntries, &tokenSource{
		items:    len(entries),
		tokenize: func(i int, emit func([]byte)) { tokens(v.column.text(entries[i]), emit) },
		limit:    uint32(len(entries)),
		place:    func(i int) uint32 { return uint32(i) },
		places:   len(entries),
		weight:   func(i int) int { return rows[i] },
	})
}

func (w *groupWriter) buildIndex(c *chunk, subject tokenSubject, src *tokenSource) (err error) {
	c.tokens, err = w.tokens.build(w.group.seed, src, subject)
	return err
}

// numberChunk writes a view as numbers. What is none is NULL, and what formatting would not give back is kept as text.
func (w *groupWriter) numberChunk(v view, p plannedColumn) error {
	ids, entries, repeated := w.distinct(&v)
	item := v.text
	items := len(v.spans)
	if repeated {
		item = func(i int) string { return v.column.text(entries[i]) }
		items = len(entries)
	}
	w.numbers = resize(w.numbers, items)
	numbers := w.numbers
	for i := range numbers {
		numbers[i] = parseNumber(p.kind, item(i))
	}
	of := func(i int) number { return numbers[i] }
	if repeated {
		all := ids
		of = func(i int) number { return numbers[all[i]] }
	}
	var formats numberFormats
	for i := range v.spans {
		formats.count(of(i))
	}
	format := formats.best()

	chunkNumber := len(w.group.chunks)
	ranks, values := v.ranks, w.values[:0]
	if bad := slices.ContainsFunc(numbers, func(n number) bool { return !n.ok }); bad || len(numbers) == 0 {
		ranks, ids = onlyNumbers(&v, ids, of)
	}
	for i := range v.spans {
		if n := of(i); n.ok {
			values = append(values, n.bits)
		}
	}
	w.values = values
	c := w.newChunk(len(values), len(v.spans), ranks, false)
	c.format = format
	for i := range v.spans {
		if n := of(i); !n.ok || !n.exactUnder(format) {
			w.keepExact(c, v.rank(i), exactRef(exactValue, chunkNumber), v.text(i))
		}
	}
	c.min, c.max = numberBounds(p.kind, values)
	if err := w.writeNumbers(p.kind, values, ids, numbers, repeated); err != nil {
		return err
	}
	return w.indexRows(c, &v, p.tokens)
}

// onlyNumbers returns rows and dictionary numbers of the values that are numbers.
func onlyNumbers(v *view, ids []int32, of func(i int) number) (ranks []uint32, numberIDs []int32) {
	ranks = make([]uint32, 0, len(v.spans))
	for i := range v.spans {
		if of(i).ok {
			ranks = append(ranks, v.rank(i))
			if ids != nil {
				numberIDs = append(numberIDs, ids[i])
			}
		}
	}
	return ranks, numberIDs
}

func (w *groupWriter) writeNumbers(kind Kind, values []uint64, ids []int32, entries []number, repeated bool) error {
	if repeated && len(values) > 0 {
		perValue := bits.Len(uint(len(entries)-1)) + 64*len(entries)/len(values)
		other := 64
		if kind == Long {
			other = 1 + bits.Len64(w.pages.chunk.max-w.pages.chunk.min)
		}
		if perValue < other {
			w.pages.body = w.pages.body[:0]
			for _, n := range entries {
				w.pages.body = binary.LittleEndian.AppendUint64(w.pages.body, n.bits)
			}
			if err := w.pages.dictionaryPage(len(entries)); err != nil {
				return err
			}
			return w.pages.dictionary(ids)
		}
	}
	if kind == Long {
		return w.pages.deltas(values)
	}
	return w.pages.plain(values)
}

func numberBounds(kind Kind, values []uint64) (lo, hi uint64) {
	if len(values) == 0 {
		return 0, 0
	}
	lo, hi = values[0], values[0]
	for _, v := range values {
		if numberLess(kind, v, lo) {
			lo = v
		}
		if numberLess(kind, hi, v) {
			hi = v
		}
	}
	return lo, hi
}

func numberLess(kind Kind, a, b uint64) bool {
	if kind == Double {
		return math.Float64frombits(a) < math.Float64frombits(b)
	}
	return int64(a) < int64(b)
}

// integerChunk writes a column of our own that has a value in each row.
func (w *groupWriter) integerChunk(value func(row uint32) int64) error {
	w.values = resize(w.values, len(w.rows))
	values := w.values
	for i, r := range w.rows {
		values[i] = uint64(value(r))
	}
	c := w.newChunk(len(values), len(values), nil, true)
	c.min, c.max = numberBounds(Long, values)
	if ids, entries := smallDictionaryOf(values); entries != nil {
		w.pages.body = w.pages.body[:0]
		for _, v := range entries {
			w.pages.body = binary.LittleEndian.AppendUint64(w.pages.body, v)
		}
		if err := w.pages.dictionaryPage(len(entries)); err != nil {
			return err
		}
		return w.pages.dictionary(ids)
	}
	return w.pages.deltas(values)
}

// smallDictionaryOf returns a dictionary of values if differences would take more bits than numbers in one.
func smallDictionaryOf(values []uint64) (ids []int32, entries []uint64) {
	width := 0
	for i := 1; i < len(values); i++ {
		width += bits.Len64(uint64(max(int64(values[i]-values[i-1]), int64(values[i-1]-values[i]))))
	}
	if width <= 2*len(values) {
		return nil, nil
	}
	byValue := make(map[uint64]int32, 1024)
	ids = make([]int32, len(values))
	for i, v := range values {
		id, ok := byValue[v]
		if !ok {
			if len(entries) == maxIntegerDictionary {
				return nil, nil
			}
			id = int32(len(entries))
			byValue[v] = id
			entries = append(entries, v)
		}
		ids[i] = id
	}
	if bits.Len(uint(len(entries)))*len(values)+64*len(entries) > width {
		return nil, nil
	}
	return ids, entries
}
