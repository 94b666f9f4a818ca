package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/indexer"
	"github.com/sluicelog/sluice/internal/query/duck"
	"github.com/sluicelog/sluice/internal/query/statement"
	"github.com/sluicelog/sluice/internal/segment"
)

// sqlTables are the tables that one statement reads: the search result under the name log, and other logstores of the project.
// They are opened when the statement names them.
type sqlTables struct {
	engine  *Engine
	project string
	during  Range // where WHERE does not say otherwise
	bounded bool  // WHERE has to say
	mayRead func(sluice.LogstoreRef) error
	known   map[string]*sqlTable
	room    room
	files   sqlFiles
}

// sqlTable is one of them.
type sqlTable struct {
	question *question
	fields   sqlFields
}

// always is the range of all logs.
var always = Range{From: 0, To: maxSecond * 1e9}

func (t *sqlTables) schema(ctx context.Context) statement.Schema {
	s := statement.Schema{Logstore: func(name string) ([]statement.Column, error) { return t.open(ctx, name) }}
	if log := t.known[statement.LogTable]; log != nil {
		s.Log = log.fields.columns()
	}
	return s
}

// open finds a logstore that the statement names. Whether the asker may read it is asked first, so that the answers do not tell
// which logstores there are.
func (t *sqlTables) open(ctx context.Context, name string) ([]statement.Column, error) {
	if known := t.known[name]; known != nil {
		return known.fields.columns(), nil
	}
	ref := sluice.LogstoreRef{Project: t.project, Logstore: name}
	if t.mayRead == nil {
		return nil, sluice.Errorf(sluice.NotFound, "logstore", "logstore %s cannot be read from here", name)
	}
	if err := t.mayRead(ref); err != nil {
		return nil, err
	}
	q, err := t.engine.prepare(ctx, Filter{Ref: ref, Range: t.during})
	if err != nil {
		return nil, noIndex(err, name)
	}
	table := &sqlTable{question: q, fields: sqlFieldsOf(q.config.Config)}
	t.known[name] = table
	return table.fields.columns(), nil
}

// noIndex says of a logstore without an index more than that it cannot be found.
func noIndex(err error, name string) error {
	var e *sluice.Error
	if errors.As(err, &e) && e.Kind == sluice.NotFound && e.Noun == "index" {
		return sluice.Errorf(sluice.Invalid, "sql", "logstore %s has no index; SQL reads the fields that one gives", name)
	}
	return err
}

// checkBounded refuses a statement that leaves open which time it is about.
func (t *sqlTables) checkBounded(inputs []statement.Input) error {
	for _, in := range inputs {
		if t.bounded && in.Time == (statement.TimeRange{}) {
			return sluice.Errorf(sluice.Invalid, "sql", "logstore %s is read without a time range; bound its __time__ or __date__ in WHERE, "+
				"as in __time__ >= 1700000000 and __time__ < 1700003600", in.Table)
		}
	}
	return nil
}

// gather gives what an input of the statement reads: counts, where they are enough, or else Parquet files as they are, where every log of
// a part counts or SQL can tell which do, and rows in memory for the rest.
func (t *sqlTables) gather(ctx context.Context, in statement.Input) (duck.Table, Coverage, error) {
	var out duck.Table
	if in.Counted {
		counts, cover, err := t.tally(ctx, in)
		if err != nil {
			return out, cover, err
		}
		out, err = counts.table()
		return out, cover, err
	}
	known := t.known[in.Table]
	var wanted []sqlField
	for _, name := range in.Columns {
		f, ok := known.fields.find(name)
		if !ok {
			return out, Coverage{}, fmt.Errorf("sql: the statement reads a column %q that the schema does not have", name)
		}
		wanted = append(wanted, f)
		out.Columns = append(out.Columns, statement.Column{Name: f.name, Type: statement.TypeOf(f.kind)})
	}
	ask := *known.question
	ask.Range = shifted(t.during, in)
	if ask.Range.From >= ask.Range.To {
		return out, Coverage{Complete: true}, nil
	}
	g := &gatherer{fields: wanted, room: &t.room}
	search := newSQLSearch(ask.bound.Root)
	direct := func(s *indexer.Segment) bool {
		g.file = nil
		part, kinds, ok := t.engine.readable(&ask, wanted, s)
		if !ok {
			return false
		}
		enough := ask.enough(s.Segment, t.engine.sql.o.ManyRows)
		decided := ask.decided(&part, s) && search.holds(ctx, s.Segment, kinds, enough) && t.except(ctx, &part, &ask, s)
		if decided && t.files.add(ctx, &part, &ask, s) {
			out.Parts = withFile(out.Parts, part)
			return true
		}
		if !numbered(s.Segment) {
			return false
		}
		part.Where, part.Except, part.Count = "", nil, 0
		g.file = &segmentFile{part: part, open: func(ctx context.Context, p *duck.Part) bool { return t.files.add(ctx, p, &ask, s) }}
		return false
	}
	cover, err := t.engine.scan(ctx, &ask, direct, g.collector)
	if err != nil {
		return out, cover, err
	}
	for i := range out.Parts {
		out.Parts[i].Where = and(search.sql(), out.Parts[i].Where)
	}
	parts, err := g.parts()
	out.Parts = append(out.Parts, parts...)
	return out, cover, err
}

// except leaves the hidden rows of a segment out of a part, if it can.
func (t *sqlTables) except(ctx context.Context, p *duck.Part, q *question, s *indexer.Segment) bool {
	if !q.amends(s) {
		return true
	}
	hidden, err := q.hiddenNumbers(ctx, s)
	if err != nil || !numbered(s.Segment) || t.room.take(bytesOf(hidden)) != nil { // who reads the rows says what it is
		return false
	}
	p.Except = hidden
	p.Count -= int64(hidden.GetCardinality())
	return true
}

// tally counts what an input reads, which may be counted.
func (t *sqlTables) tally(ctx context.Context, in statement.Input) (*tallies, Coverage, error) {
	ask := *t.known[in.Table].question
	counts := &tallies{every: in.Every, timed: len(in.Columns) > 0, room: &t.room}
	if ask.Range = shifted(t.during, in); ask.Range.From >= ask.Range.To {
		return counts, Coverage{Complete: true}, nil
	}
	cover, err := t.engine.scan(ctx, &ask, nil, counts.collector)
	return counts, cover, err
}

// shifted is the range that an input is read over.
func shifted(r Range, in statement.Input) Range {
	r.From -= in.Shift * 1e9
	r.To -= in.Shift * 1e9
	if in.Time.From != nil {
		r.From = within(*in.Time.From)
	}
	if in.Time.To != nil {
		r.To = within(*in.Time.To)
	}
	return r
}

// within makes nanoseconds of seconds that a statement says, as far as there can be logs.
func within(seconds int64) int64 { return min(max(seconds, 0), maxSecond) * 1e9 }

// readable is a segment for the SQL engine to read itself, without its file, if the columns that are wanted are in it as SQL has them.
func (e *Engine) readable(q *question, wanted []sqlField, s *indexer.Segment) (duck.Part, map[string]statement.Kind, bool) {
	p := duck.Part{Names: make([]string, len(wanted))}
	if e.sql.o.Files == nil || s.Bad != nil || s.Config != q.config.ID {
		return p, nil, false
	}
	kinds := kindsOf(s.Segment)
	for i, f := range wanted {
		if f.at.Path != "" || kinds[f.at.Name] != f.kind { // numbers that are kept as text are not always what SQL would make of them
			return p, nil, false
		}
		p.Names[i] = f.at.Name
	}
	return p, kinds, true
}

// kindsOf are the kinds of the columns of a segment that SQL can name.
func kindsOf(s *segment.Segment) map[string]statement.Kind {
	kinds := map[string]statement.Kind{
		index.TimeField: statement.Bigint, index.SourceField: statement.Varchar, index.TopicField: statement.Varchar,
	}
	for _, c := range s.Columns() {
		kinds[c.Name] = [...]statement.Kind{segment.Text: statement.Varchar, segment.Long: statement.Bigint, segment.Double: statement.Double}[c.Kind]
	}
	dropAmbiguous(kinds)
	return kinds
}

// numbered reports whether the engine can number the rows of a segment: it cannot where a column has the name of the numbers.
func numbered(s *segment.Segment) bool {
	return !slices.ContainsFunc(s.Columns(), func(c segment.Column) bool { return strings.EqualFold(c.Name, duck.RowNumber) })
}

// decided writes which rows of a segment count beside the search, if SQL can say that: those of the time range.
func (q *question) decided(p *duck.Part, s *indexer.Segment) bool {
	if q.Topic != "" {
		return false
	}
	info := s.Info()
	p.Where, p.Count = "", info.Rows
	if info.First.UnixNano() < q.Range.From || info.Last.UnixNano() >= q.Range.To {
		if q.Range.From%1e9 != 0 || q.Range.To%1e9 != 0 {
			return false
		}
		p.Where = fmt.Sprintf(`"__time__" >= %d AND "__time__" < %d`, q.Range.From/1e9, q.Range.To/1e9)
	}
	return true
}

// enough is how many rows of a segment a search has to find so that they are many in each group of the range.
func (q *question) enough(s *segment.Segment, many int) int64 {
	groups, share := 0, 0.0 // rows of the range, if times are spread evenly
	for i := range s.Groups() {
		g := s.Group(i)
		if !q.overlaps(g.First(), g.Last()) {
			continue
		}
		first, last := g.First().UnixNano(), g.Last().UnixNano()
		inside := min(last, q.Range.To-1) - max(first, q.Range.From) + 1
		groups++
		share += float64(g.Rows()) * float64(inside) / float64(last-first+1)
	}
	if groups == 0 {
		return 0
	}
	return int64(float64(many) * float64(groups) * float64(s.Info().Rows) / share)
}

// withFile adds the one file of a part to a part that reads its files the same way: the engine opens a list of files in much less
// time than the parts of a union.
func withFile(parts []duck.Part, p duck.Part) []duck.Part {
	for i := range parts {
		if parts[i].Where == p.Where && parts[i].Except == nil && p.Except == nil && slices.Equal(parts[i].Names, p.Names) {
			parts[i].Files = append(parts[i].Files, p.Files...)
			parts[i].Count += p.Count
			return parts
		}
	}
	return append(parts, p)
}

// dropAmbiguous removes the columns whose names differ only by case: SQL cannot tell them apart.
func dropAmbiguous(kinds map[string]statement.Kind) {
	folded := map[string]int{}
	for name := range kinds {
		folded[strings.ToLower(name)]++
	}
	for name := range kinds {
		if folded[strings.ToLower(name)] > 1 {
			delete(kinds, name)
		}
	}
}

func and(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return "(" + a + ") AND (" + b + ")"
}
