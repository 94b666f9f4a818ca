package segment

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/sluicelog/sluice/internal/objects"
)

// Merge writes the logs of several segments as one, under a name that none of them has. Groups that are at least half full, and were
// built under the same Config with all compression, are copied byte for byte, so a log is encoded twice in its life at most;
// smaller ones are put together in the order of time. Memory is bounded by two groups, whatever the segments' sizes.
func Merge(ctx context.Context, store objects.Store, name string, in []*Segment, o Options) (Info, error) {
	info, err := merge(ctx, store, name, in, o)
	if err != nil {
		return Info{}, fmt.Errorf("merge into segment %s: %w", name, err)
	}
	return info, nil
}

func merge(ctx context.Context, store objects.Store, name string, in []*Segment, o Options) (Info, error) {
	var groups []*Group
	for _, s := range in {
		if s.info.Name == name {
			return Info{}, errors.New("the result has the name of an input")
		}
		for i := range s.Groups() {
			groups = append(groups, s.Group(i))
		}
	}
	if len(groups) == 0 {
		return Info{}, ErrEmpty
	}
	slices.SortStableFunc(groups, func(a, b *Group) int {
		if a.summary.first != b.summary.first {
			return order(a.summary.first < b.summary.first)
		}
		return 0
	})
	m := &merger{table: newTable(), last: math.MinInt64}
	g, err := newGroupWriter()
	if err != nil {
		return Info{}, err
	}
	g.setOptions(o)
	columns, err := mergedColumns(ctx, &o, g.known, groups)
	if err != nil {
		return Info{}, err
	}
	if m.writer, err = g.create(ctx, store, name); err != nil {
		return Info{}, err
	}
	defer m.abort()
	m.setColumns(columns)
	if err := m.all(ctx, groups); err != nil {
		return Info{}, err
	}
	return m.finish(ctx)
}

// mergedColumns chooses columns for the fields of all groups. Fields in rest columns are too rare, or too many, to get one, unless the
// options name them.
func mergedColumns(ctx context.Context, o *Options, known columnSet, groups []*Group) ([]plannedColumn, error) {
	counts := []fieldCount{}
	index := map[string]int{}
	count := func(name string, rows int) {
		i, ok := index[name]
		if !ok {
			i = len(counts)
			index[name] = i
			counts = append(counts, fieldCount{name: name})
		}
		counts[i].rows += rows
	}
	total := 0
	for _, g := range groups {
		total += g.Rows()
		d, err := g.directory(ctx)
		if err != nil {
			return nil, err
		}
		for n := chunkFields; n < len(d.chunks)-chunkRest; n++ {
			count(g.chunk(d, n).column.name, d.chunks[n].present)
		}
		for _, c := range o.Columns {
			if g.find(d, c.Name) == nil && mayBeColumn(c.Name) {
				m, err := g.inRest(ctx, d, c.Name, nil)
				if err != nil {
					return nil, err
				}
				count(c.Name, int(m.Rows.GetCardinality()))
			}
		}
	}
	return chooseColumns(o, known, counts, total), nil
}

// merger writes groups of several segments.
type merger struct {
	*writer
	table *table // small groups that wait to become one
	alone *Group // the only one in table
	last  int64  // time of the latest row in table

	expected int // rows of a table when it is written
}

func (m *merger) all(ctx context.Context, groups []*Group) error {
	for _, g := range groups {
		m.expected = min(m.expected+g.Rows(), m.options.groupRows())
	}
	for _, g := range groups {
		if err := ctx.Err(); err != nil {
			return err
		}
		copied := false
		if m.options.half(g.Rows(), g.Bytes()) {
			var err error
			if copied, err = m.copyIfSame(ctx, g); err != nil {
				return err
			}
		}
		if !copied {
			if err := m.collect(ctx, g); err != nil {
				return err
			}
		}
	}
	return m.flush(ctx)
}

// collect adds a group to the table, after writing the table if both are too much for one group.
func (m *merger) collect(ctx context.Context, g *Group) error {
	if t := m.table; t.rows() > 0 && (t.rows()+g.Rows() > m.options.groupRows() || t.bytes+g.Bytes() > maxGroupBytes ||
		t.memory()/int64(t.rows())*int64(t.rows()+g.Rows()) > maxTableBytes || len(t.columns)+len(g.summary.columns) > maxTableColumns ||
		m.isLate(g)) {
		if err := m.flush(ctx); err != nil {
			return err
		}
	}
	m.alone = g
	if m.table.rows() > 0 {
		m.alone = nil
	}
	m.last = max(m.last, g.summary.last)
	return m.table.addGroup(ctx, g, m.expected)
}

// isLate reports whether the table and g hold times too far apart for one group.
func (m *merger) isLate(g *Group) bool {
	return m.table.rows() >= lateRows && g.Rows() >= lateRows && g.summary.first-m.last > lateBy*1e9
}

func (m *merger) flush(ctx context.Context) error {
	if m.table.rows() == 0 {
		return nil
	}
	defer m.table.reset()
	m.last = math.MinInt64
	if m.alone != nil {
		if copied, err := m.copyIfSame(ctx, m.alone); copied || err != nil {
			return err
		}
	}
	return m.writeGroups(ctx, m.table, m.table.sortedRows())
}

// copyIfSame copies a group if writing it anew would make nothing else of it.
func (m *merger) copyIfSame(ctx context.Context, g *Group) (bool, error) {
	if g.summary.config != m.options.Config || g.summary.fast && m.options.half(g.Rows(), g.Bytes()) {
		return false, nil
	}
	for _, c := range g.summary.columns {
		if !slices.Contains(m.dir.columns, g.segment.dir.columns[c]) {
			return false, nil
		}
	}
	d, err := g.directory(ctx)
	if err != nil {
		return false, err
	}
	for _, c := range m.columns {
		if g.find(d, c.name) == nil {
			switch in, err := g.inRest(ctx, d, c.name, nil); {
			case err != nil:
				return false, err
			case !in.Rows.IsEmpty(): // a column holds its field wherever a log has it
				return false, nil
			}
		}
	}
	return true, m.copy(ctx, g, d)
}

// copy writes a group as it is. Every byte is checked on the way.
func (m *merger) copy(ctx context.Context, g *Group, d *loadedDirectory) error {
	to := *g.summary
	m.parquet.base, m.index.base = m.parquet.size, m.index.size
	to.parquet.offset, to.index.offset = m.parquet.base, m.index.base
	if err := copySections(ctx, g.segment, g.segment.info.ParquetObject(), g.summary.parquet, d.pageSections(), m.parquet); err != nil {
		return err
	}
	sections := append(d.indexSections(), g.summary.directory)
	if err := copySections(ctx, g.segment, g.segment.info.IndexObject(), g.summary.index, sections, m.index); err != nil {
		return err
	}
	to.columns = nil
	for _, c := range g.summary.columns {
		to.columns = append(to.columns, slices.Index(m.dir.columns, g.segment.dir.columns[c]))
	}
	m.dir.groups = append(m.dir.groups, to)
	m.summary = append(m.summary, d.groupDirectory)
	return nil
}

// copySections reads a range of an object at once, checks the sections that it is made of, and appends it.
func copySections(ctx context.Context, s *Segment, object string, all section, parts []section, to *objectWriter) error {
	size := s.info.Parquet
	if object == s.info.IndexObject() {
		size = s.info.Index
	}
	if all.offset < 0 || all.length > size || all.offset > size-all.length {
		return s.damage(object, 0, all, errMalformed)
	}
	p := make([]byte, all.length)
	if err := s.store.Get(ctx, object, p, all.offset); err != nil {
		if isMissing(err) {
			return s.damage(object, 0, all, err)
		}
		return err
	}
	at := int64(0)
	for _, part := range parts {
		if part.length == 0 {
			continue
		}
		if part.offset != at || part.length > all.length-at {
			return s.damage(object, all.offset, part, errMalformed)
		}
		at += part.length
		if crc32c(p[part.offset:at]) != part.crc {
			return s.damage(object, all.offset, part, errChecksum)
		}
	}
	if at != all.length {
		return s.damage(object, all.offset, section{offset: at}, errMalformed)
	}
	_, err := to.append(p)
	return err
}

// pageSections lists the pages of a group in their order.
func (d *groupDirectory) pageSections() []section {
	var out []section
	for i := range d.chunks {
		c := &d.chunks[i]
		if c.encoding == encodingDictionary {
			out = append(out, c.dict.section)
		}
		for _, p := range c.pages {
			out = append(out, p.section)
		}
	}
	return out
}

// indexSections lists the sections of a group in the index object in their order, without the directory.
func (d *groupDirectory) indexSections() []section {
	var out []section
	for i := range d.chunks {
		c := &d.chunks[i]
		out = append(out, c.presence, c.tokens.frequent)
		for _, b := range c.tokens.postings {
			out = append(out, b.section)
		}
		out = append(out, c.tokens.slices...)
	}
	return out
}
