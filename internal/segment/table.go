package segment

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/sluicelog/sluice"
)

const (
	maxTableColumns = 3 * maxMaxColumns // further fields of a table are kept like duplicates, in extras
	maxColumnName   = 256
	columnSource    = 0 // index in table.columns
	columnTopic     = 1
	shapeExtra      = 0 // entry of a shape: the next of the row's extras; any other is a column, plus one
)

// table holds rows by column, in the order in which they were added, each value as the text it was.
type table struct {
	seconds, nanos []uint32
	shard          []int32
	position       []int64
	index          []uint32
	shapeOf        []uint32
	rowBytes       []uint32

	columns []*tableColumn
	byName  map[string]int
	shapes  []string // per shape: uint16s, the number of tags, then an entry for each tag and each field
	byShape map[string]uint32
	extras  []extra
	bytes   int64

	last     []uint16 // the shape of the row before, a guess at the next one
	current  []uint16
	lastKeys int // bytes of the keys of the row before; 0 if it has none, or fields without a column
	sorted   bool
}

// extra is a field that is in no column, because an earlier one of its row has its name or because it cannot have one.
type extra struct {
	row        uint32
	key, value string
}

// tableColumn holds the values of one field.
type tableColumn struct {
	name  string
	arena []byte
	spans []span  // distinct values while repeated is set, else more or less one for each value
	cells []cell  // in the order of rows
	dedup *dedupe // nil once values turned out to be mostly different
	spare *dedupe // its memory
}

type span struct {
	offset uint64
	length uint32
}

// cell says that a row has the value spans[span].
type cell struct {
	row, span uint32
}

func newTable() *table {
	t := &table{byName: map[string]int{}, byShape: map[string]uint32{}, sorted: true}
	t.addColumn(ColumnSource)
	t.addColumn(ColumnTopic)
	return t
}

func (t *table) rows() int { return len(t.seconds) }

// memory returns about how many bytes the rows take.
func (t *table) memory() int64 {
	const perRow, perCell, perSpan = 40, 8, 16
	n := perRow * t.rows()
	for _, c := range t.columns {
		n += len(c.arena) + perSpan*len(c.spans) + perCell*len(c.cells)
	}
	return int64(n)
}

// reset drops all rows and keeps memory for as many, and the columns that had values.
func (t *table) reset() {
	t.seconds, t.nanos, t.shard, t.position, t.index = t.seconds[:0], t.nanos[:0], t.shard[:0], t.position[:0], t.index[:0]
	t.shapeOf, t.rowBytes, t.shapes, t.last = t.shapeOf[:0], t.rowBytes[:0], t.shapes[:0], t.last[:0]
	t.extras, t.bytes, t.sorted, t.lastKeys = nil, 0, true, 0
	t.columns = slices.DeleteFunc(t.columns, func(c *tableColumn) bool {
		return len(c.cells) == 0 && c.name != ColumnSource && c.name != ColumnTopic
	})
	clear(t.byShape)
	clear(t.byName)
	for i, c := range t.columns {
		c.arena, c.spans, c.cells = c.arena[:0], c.spans[:0], c.cells[:0]
		c.spare.clear()
		c.dedup = c.spare
		t.byName[c.name] = i
	}
}

func (t *table) addColumn(name string) int {
	d := newDedupe()
	t.columns = append(t.columns, &tableColumn{name: name, dedup: d, spare: d})
	t.byName[name] = len(t.columns) - 1
	return len(t.columns) - 1
}

// columnFor returns the column of a field, making one if it may have one, or -1.
func (t *table) columnFor(prefix, key string) int {
	name := key
	if prefix != "" {
		name = prefix + key
	}
	if i, ok := t.byName[name]; ok {
		if i == columnSource || i == columnTopic {
			return -1
		}
		return i
	}
	if len(t.columns) == maxTableColumns || !mayBeColumn(name) {
		return -1
	}
	return t.addColumn(strings.Clone(name))
}

func mayBeColumn(name string) bool {
	switch name {
	case "", ColumnTime, ColumnNanos, ColumnSource, ColumnTopic, ColumnRest, ColumnShard, ColumnPosition, ColumnIndex, ColumnShape, ColumnExact:
		return false
	}
	return len(name) <= maxColumnName && utf8.ValidString(name) && !strings.Contains(name, "\x00")
}

// add appends a row.
func (t *table) add(r *Row) {
	row := uint32(t.rows())
	t.addIdentity(r)
	t.columns[columnSource].add(row, r.Source)
	t.columns[columnTopic].add(row, r.Topic)
	size := len(r.Source) + len(r.Topic) + 8
	if r.Same && t.lastKeys > 0 && len(t.last) == 1+len(r.Tags)+len(r.Fields) {
		size += t.addSame(row, r)
	} else {
		size += t.addShape(row, r)
	}
	t.bytes += int64(size)
	t.rowBytes = append(t.rowBytes, uint32(size))
	for i := range r.Derived {
		if c := t.columnFor("", r.Derived[i].Key); c >= 0 && !t.columns[c].has(row) {
			t.columns[c].add(row, r.Derived[i].Value)
		}
	}
}

// addSame appends the values of a row with the keys of the one before.
func (t *table) addSame(row uint32, r *Row) (size int) {
	columns := t.last[1:]
	for i := range r.Tags {
		t.columns[columns[i]-1].add(row, r.Tags[i].Value)
		size += len(r.Tags[i].Value)
	}
	columns = columns[len(r.Tags):]
	for i := range r.Fields {
		t.columns[columns[i]-1].add(row, r.Fields[i].Value)
		size += len(r.Fields[i].Value)
	}
	t.shapeOf = append(t.shapeOf, t.shapeOf[row-1])
	return size + t.lastKeys
}

// addShape appends the values of a row, each where its key says.
func (t *table) addShape(row uint32, r *Row) (size int) {
	t.current = append(t.current[:0], uint16(len(r.Tags)))
	keys := 0
	for i := range r.Tags {
		t.addField(row, TagPrefix, &r.Tags[i])
		keys += len(r.Tags[i].Key)
		size += len(r.Tags[i].Value)
	}
	for i := range r.Fields {
		t.addField(row, "", &r.Fields[i])
		keys += len(r.Fields[i].Key)
		size += len(r.Fields[i].Value)
	}
	t.shapeOf = append(t.shapeOf, t.internShape(int(row)))
	t.lastKeys = keys
	if slices.Contains(t.current[1:], shapeExtra) {
		t.lastKeys = 0
	}
	return size + keys
}

func (t *table) addIdentity(r *Row) {
	t.seconds = append(t.seconds, r.Time)
	t.nanos = append(t.nanos, r.Nanos)
	t.shard = append(t.shard, int32(r.Shard))
	t.position = append(t.position, int64(r.Position))
	t.index = append(t.index, uint32(r.Index))
	if n := t.rows(); n > 1 && t.sorted {
		t.sorted = t.compare(uint32(n-2), uint32(n-1)) <= 0
	}
}

func (t *table) addField(row uint32, prefix string, f *sluice.Field) {
	c := t.guess(prefix, f.Key)
	if c < 0 {
		c = t.columnFor(prefix, f.Key)
	}
	if c < 0 || t.columns[c].has(row) {
		t.extras = append(t.extras, extra{row: row, key: strings.Clone(f.Key), value: strings.Clone(f.Value)})
		t.current = append(t.current, shapeExtra)
		return
	}
	t.columns[c].add(row, f.Value)
	t.current = append(t.current, uint16(c+1))
}

// guess looks whether the row before had the field at the same place.
func (t *table) guess(prefix, key string) int {
	if at := len(t.current); at < len(t.last) && t.last[at] != shapeExtra {
		c := int(t.last[at]) - 1
		name := t.columns[c].name
		if len(name) == len(prefix)+len(key) && name[:len(prefix)] == prefix && name[len(prefix):] == key {
			return c
		}
	}
	return -1
}

// internShape returns the number of the current shape, which is that of a row.
func (t *table) internShape(row int) uint32 {
	if row > 0 && slices.Equal(t.current, t.last) {
		return t.shapeOf[row-1]
	}
	t.last = append(t.last[:0], t.current...)
	key := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(t.current))), 2*len(t.current))
	if id, ok := t.byShape[string(key)]; ok {
		return id
	}
	id := uint32(len(t.shapes))
	shape := string(key)
	t.shapes = append(t.shapes, shape)
	t.byShape[shape] = id
	return id
}

// entries returns the number of tags of a shape, and then what its tags and fields are.
func shapeEntries(shape string) (tags int, entries []uint16) {
	all := make([]uint16, len(shape)/2)
	for i := range all {
		all[i] = binary.NativeEndian.Uint16([]byte(shape[2*i:]))
	}
	return int(all[0]), all[1:]
}

func (t *table) compare(a, b uint32) int {
	switch {
	case t.seconds[a] != t.seconds[b]:
		return order(t.seconds[a] < t.seconds[b])
	case t.nanos[a] != t.nanos[b]:
		return order(t.nanos[a] < t.nanos[b])
	case t.shard[a] != t.shard[b]:
		return order(t.shard[a] < t.shard[b])
	case t.position[a] != t.position[b]:
		return order(t.position[a] < t.position[b])
	case t.index[a] != t.index[b]:
		return order(t.index[a] < t.index[b])
	}
	return 0
}

func order(less bool) int {
	if less {
		return -1
	}
	return 1
}

// sortedRows returns the rows in their stable order.
func (t *table) sortedRows() []uint32 {
	rows := make([]uint32, t.rows())
	for i := range rows {
		rows[i] = uint32(i)
	}
	if !t.sorted {
		slices.SortStableFunc(rows, t.compare)
	}
	return rows
}

func (c *tableColumn) has(row uint32) bool {
	n := len(c.cells)
	return n > 0 && c.cells[n-1].row == row
}

func (c *tableColumn) add(row uint32, value string) {
	c.cells = append(c.cells, cell{row: row, span: c.spanOf(value)})
}

// spanOf stores a value, or finds it.
func (c *tableColumn) spanOf(value string) uint32 {
	if c.dedup == nil {
		return c.newSpan(value)
	}
	c.dedup.seen++
	if n := len(c.cells); n > 0 && len(value) > shortValue { // short ones are found as quickly
		if last := c.cells[n-1].span; c.text(last) == value {
			return last
		}
	}
	slot, key := c.dedup.find(c, value)
	if slot.id != 0 {
		return slot.id - 1
	}
	id := c.newSpan(value)
	*slot = dedupeSlot{key: key, size: uint32(len(value)), id: id + 1}
	if c.dedup.grow(len(c.spans)) {
		c.dedup = nil
	}
	return id
}

func (c *tableColumn) newSpan(value string) uint32 {
	c.spans = append(c.spans, span{offset: uint64(len(c.arena)), length: uint32(len(value))})
	c.arena = append(c.arena, value...)
	return uint32(len(c.spans) - 1)
}

// text returns a value; it is valid while the table is.
func (c *tableColumn) text(id uint32) string {
	s := c.spans[id]
	return unsafe.String(unsafe.SliceData(c.arena[s.offset:]), s.length)
}

// dedupe is a hash table over the distinct values of a column.
type dedupe struct {
	seed  uint64 // values come from outside: nobody can choose ones that collide
	slots []dedupeSlot
	used  int
	seen  int
}

type dedupeSlot struct {
	key  uint64 // the value itself if it has eight bytes at most, else its hash
	size uint32
	id   uint32 // of the span, plus one
}

const shortValue = 8 // bytes of a value that is its own key

const dedupeTrial = 1024 // values before a column can turn out not to repeat

func newDedupe() *dedupe { return &dedupe{seed: randomSeed(), slots: make([]dedupeSlot, 64)} }

func (d *dedupe) clear() {
	clear(d.slots)
	d.used, d.seen = 0, 0
}

func (d *dedupe) find(c *tableColumn, value string) (*dedupeSlot, uint64) {
	b := unsafe.Slice(unsafe.StringData(value), len(value))
	short := len(b) <= shortValue
	var key uint64
	if short {
		key = shortKey(b)
	} else {
		key = hashToken(d.seed, b)
	}
	mask := uint64(len(d.slots) - 1)
	for i := d.place(key); ; i++ {
		s := &d.slots[i&mask]
		if s.id == 0 || s.key == key && int(s.size) == len(b) && (short || c.text(s.id-1) == value) {
			return s, key
		}
	}
}

func (d *dedupe) place(key uint64) uint64 { return fold(key^d.seed, hashA) }

// shortKey returns the bytes of a value of eight at most; with its size it is the value.
func shortKey(b []byte) uint64 {
	switch n := len(b); {
	case n == 8:
		return binary.LittleEndian.Uint64(b)
	case n >= 4:
		return uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint32(b[n-4:]))<<(8*(n-4))
	case n > 0:
		return uint64(b[0]) | uint64(b[n>>1])<<8 | uint64(b[n-1])<<16
	}
	return 0
}

// grow makes room, and reports whether the column is to do without: most values are new, or they are too many.
func (d *dedupe) grow(distinct int) (giveUp bool) {
	d.used++
	if d.seen >= dedupeTrial && d.used > d.seen/2 {
		return true
	}
	if 2*d.used < len(d.slots) {
		return false
	}
	old := d.slots
	d.slots = make([]dedupeSlot, 4*len(old))
	mask := uint64(len(d.slots) - 1)
	for _, s := range old {
		if s.id == 0 {
			continue
		}
		i := d.place(s.key)
		for d.slots[i&mask].id != 0 {
			i++
		}
		d.slots[i&mask] = s
	}
	return false
}
