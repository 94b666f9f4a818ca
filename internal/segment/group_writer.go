package segment

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
	bytes  int64
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
	w.group = groupDirectory{seed: randomSeed(), rows: len(rows)}
	w.bytes = 0
	for _, r := range rows {
		w.bytes += int64(t.rowBytes[r])
	}
	w.pages.zstd.fast = !w.options.half(len(rows), w.bytes)
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
		rows: n, config: w.options.Config, fast: w.pages.zstd.fast, bytes: w.bytes,
		first:     nanoseconds(t, w.rows[0]),
		last:      nanoseconds(t, w.rows[n-1]),
		parquet:   section{offset: w.parquet.base, length: w.parquet.size - w.parquet.base},
		index:     section{offset: w.index.base, length: w.index.size - w.index.base},
		directory: directoryAt,
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
