package segment

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/sluicelog/sluice/internal/objects"
)

// A field that has no entry in Options.Columns gets a column of its own if at least one in so many rows has it.
const rareField = 512

// maxGroupBytes is the most raw bytes of logs in a group: with long logs a group has fewer rows.
const maxGroupBytes = 64 << 20

// maxTableBytes is the memory at which logs fill a group, whether they are added or merged: it comes before maxGroupBytes where values are
// tiny.
const maxTableBytes = 192 << 20

// Builder collects logs for one segment. It is for one goroutine, and keeps all it was given in memory: what it was given and up to
// 24 bytes for each value.
type Builder struct {
	options Options
	table   *table
	writer  *groupWriter // for its buffers
}

// NewBuilder returns an empty builder.
func NewBuilder(o Options) *Builder { return &Builder{options: o, table: newTable()} }

// Reset drops all logs and keeps the memory, for the next segment.
func (b *Builder) Reset(o Options) {
	b.options = o
	b.table.reset()
}

// Room reports whether so many more logs, with so many bytes, fit the group that the logs added so far make. There is always room for
// the first ones.
func (b *Builder) Room(rows int, bytes int64) bool {
	return b.Rows() == 0 ||
		b.Rows()+rows <= b.options.groupRows() && b.Bytes()+bytes <= maxGroupBytes && b.table.memory() <= maxTableBytes
}

// Add takes a copy of a log. Logs may come in any order.
func (b *Builder) Add(r *Row) { b.table.add(r) }

// Rows returns the number of logs added.
func (b *Builder) Rows() int { return b.table.rows() }

// Bytes returns the size of the logs added, as in [Info].
func (b *Builder) Bytes() int64 { return b.table.bytes }

// ErrEmpty is returned when there is nothing to make a segment of.
var ErrEmpty = errors.New("a segment holds at least one log")

// Write stores the segment under name: two objects, name.parquet and name.index, both durable when it returns. What had these names
// is replaced. The builder can be written again, and added to.
func (b *Builder) Write(ctx context.Context, store objects.Store, name string) (Info, error) {
	if b.Rows() == 0 {
		return Info{}, fmt.Errorf("write segment %s: %w", name, ErrEmpty)
	}
	if b.writer == nil {
		var err error
		if b.writer, err = newGroupWriter(); err != nil {
			return Info{}, fmt.Errorf("write segment %s: %w", name, err)
		}
	}
	b.writer.setOptions(b.options)
	w, err := b.writer.create(ctx, store, name)
	if err != nil {
		return Info{}, fmt.Errorf("write segment %s: %w", name, err)
	}
	defer w.abort()
	w.setColumns(planColumns(&b.options, w.known, b.table))
	if err := w.writeGroups(ctx, b.table, b.table.sortedRows()); err != nil {
		return Info{}, fmt.Errorf("write segment %s: %w", name, err)
	}
	info, err := w.finish(ctx)
	if err != nil {
		return Info{}, fmt.Errorf("write segment %s: %w", name, err)
	}
	return info, nil
}

// planColumns chooses the fields that get columns: those that the options name, then the most frequent ones.
func planColumns(o *Options, known columnSet, t *table) []plannedColumn {
	counts := make([]fieldCount, 0, len(t.columns))
	for _, c := range t.columns[columnTopic+1:] {
		counts = append(counts, fieldCount{c.name, len(c.cells)})
	}
	return chooseColumns(o, known, counts, t.rows())
}

// fieldCount says how many rows have a field.
type fieldCount struct {
	name string
	rows int
}

// chooseColumns keeps the order of fields.
func chooseColumns(o *Options, known columnSet, fields []fieldCount, rows int) []plannedColumn {
	rank := func(f fieldCount) int {
		if _, named := known.known[f.name]; named {
			return math.MaxInt
		}
		return f.rows
	}
	best := slices.Clone(fields)
	slices.SortStableFunc(best, func(a, b fieldCount) int {
		if x, y := rank(a), rank(b); x != y {
			return order(x > y)
		}
		return strings.Compare(a.name, b.name)
	})
	chosen := map[string]bool{}
	for _, f := range best {
		if len(chosen) < o.maxColumns() && f.rows > 0 && rank(f) >= (rows+rareField-1)/rareField {
			chosen[f.name] = true
		}
	}
	var columns []plannedColumn
	for _, f := range fields {
		if chosen[f.name] {
			c := known.find(f.name)
			columns = append(columns, plannedColumn{name: f.name, kind: c.Kind, tokens: c.Tokens})
		}
	}
	return columns
}

// writer writes one segment group by group.
type writer struct {
	*groupWriter
	name string
}

func newGroupWriter() (*groupWriter, error) {
	compressor, err := newCompressor()
	if err != nil {
		return nil, err
	}
	w := &groupWriter{}
	w.pages.zstd, w.tokens.zstd = compressor, compressor
	return w, nil
}

func (w *groupWriter) setOptions(o Options) { w.options, w.known = o, newColumnSet(&o) }

// create begins a segment with the buffers of the last one.
func (w *groupWriter) create(ctx context.Context, store objects.Store, name string) (*writer, error) {
	w.dir, w.summary = directory{}, nil
	info := Info{Name: name}
	var err error
	if w.parquet, err = createObject(ctx, store, info.ParquetObject()); err != nil {
		return nil, err
	}
	if w.index, err = createObject(ctx, store, info.IndexObject()); err != nil {
		w.parquet.to.Abort()
		return nil, err
	}
	if _, err = w.parquet.append([]byte(parquetMagic)); err == nil {
		_, err = w.index.append([]byte(indexMagic))
	}
	return &writer{w, name}, err
}

func (w *writer) abort() {
	w.parquet.to.Abort()
	w.index.to.Abort()
}

// Logs that are late by more than lateBy seconds get groups of their own if they are lateRows or more: a group whose times lie far
// apart is asked about all that lies between.
const (
	lateBy   = 3600
	lateRows = 1024
)

// groupEnd returns how many of rows, which are in the order of time, the next group takes.
func (w *writer) groupEnd(t *table, rows []uint32) int {
	limit := min(len(rows), w.options.groupRows())
	bytes := int64(0)
	for i, r := range rows[:limit] {
		if bytes += int64(t.rowBytes[r]); bytes > maxGroupBytes && i > 0 {
			return i
		}
		if i >= lateRows && len(rows)-i >= lateRows && t.seconds[r]-t.seconds[rows[i-1]] > lateBy {
			return i
		}
	}
	return limit
}

// writeGroups writes rows of t in groups.
func (w *writer) writeGroups(ctx context.Context, t *table, rows []uint32) error {
	for len(rows) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := w.groupEnd(t, rows)
		if err := w.write(t, rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// finish writes footer and directory and makes both objects durable. The index comes last: it is the one that names the other's
// bytes.
func (w *writer) finish(ctx context.Context) (Info, error) {
	groups := w.parquet.size
	w.parquet.sum = 0
	if err := w.footer(); err != nil {
		return Info{}, err
	}
	w.index.base = 0
	at, err := w.index.append(w.dir.append(nil))
	if err != nil {
		return Info{}, err
	}
	if _, err := w.index.append(appendTrailer(nil, at, w.parquet.sum)); err != nil {
		return Info{}, err
	}
	info := w.dir.info(w.name, at, w.parquet.size, w.index.size)
	info.Footer, info.FooterCRC = w.parquet.size-groups, w.parquet.sum
	if err := w.parquet.commit(ctx); err != nil {
		return Info{}, err
	}
	return info, w.index.commit(ctx)
}
