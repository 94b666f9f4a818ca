package statement

import (
	"slices"
	"strconv"
	"time"
	_ "time/tzdata" // zones, also where the system has none
)

// Limits of rows (reference sls-query 3.1).
const (
	DefaultLimit = 100
	MaxLimit     = 1_000_000
	maxPage      = 10_000 // of LIMIT offset,n
)

// DefaultZone is the time zone of the service we follow.
const DefaultZone = "Asia/Shanghai"

// Options of a plan.
type Options struct {
	From, To int64          // the time range of the request in unix seconds, without To
	Location *time.Location // the zone of the session; DefaultZone if nil. The engine has to be set to it too.
	Now      time.Time      // what now() is; the clock of the engine if zero
	// Places and Providers say whether the engine has databases of IP addresses. Functions that need one are refused without.
	Places, Providers bool
}

func (o Options) location() *time.Location {
	if o.Location != nil {
		return o.Location
	}
	loc, err := time.LoadLocation(DefaultZone)
	if err != nil {
		panic(err) // it is linked in
	}
	return loc
}

// now is what now() is while planning.
func (o Options) now() time.Time {
	if o.Now.IsZero() {
		return time.Now()
	}
	return o.Now
}

// Plan is a checked statement, ready to be printed. It is safe for concurrent use.
type Plan struct {
	// Columns of the result, in order. Values of type array, map, row, json and decimal come as text, see [AsText].
	Columns []Column
	// Inputs are what the statement reads. DuckDB prints them under the names it is given.
	Inputs []Input
	// Limited is DefaultLimit if that was applied because the statement has none, else 0.
	Limited int

	statement *Statement
	info      *info
	options   Options
	limit     limit
}

// Input is a table of the schema as a statement reads it: some columns, over a range of time.
type Input struct {
	Key     string   // names it in [Plan.DuckDB]
	Table   string   // in lower case; LogTable is the search result
	Columns []string // those that are read; none if only the number of rows counts
	Shift   int64    // compare: the rows of the time range that lies so many seconds back
	Time    TimeRange
	// Counted: instead of its rows the relation may have one for all those whose times, divided by Every seconds, are the same, with
	// one of these times or the begin of the Every seconds, and their number in CountColumn. An Every of 0 is all rows in one.
	Counted bool
	Every   int64
}

// TimeRange is what WHERE says about __time__: if From or To are set, they stand for those of the request, which the rows
// outside could not meet. To is the first second behind the range.
type TimeRange struct {
	From, To *int64
}

// Plan checks the statement against a schema. Errors are those of [Parse].
func (s *Statement) Plan(schema Schema, options Options) (p *Plan, err error) {
	defer catch(&err)
	c := &checker{text: s.text, schema: schema, options: options, root: s.query, info: newInfo(), scope: &scope{}}
	out := c.query(s.query)
	p = &Plan{statement: s, info: c.info, options: options, limit: limit{count: DefaultLimit}, Limited: DefaultLimit}
	if l := s.query.limit; l != nil {
		p.limit, p.Limited = *l, 0
		if l.count < 0 { // LIMIT ALL, or an offset alone
			p.limit.count = MaxLimit - l.offset
		}
	}
	for _, o := range out {
		p.Columns = append(p.Columns, Column{Name: o.name, Type: o.typ})
	}
	p.print(p.addInput) // finds the inputs, and whether the statement can be printed
	return p, nil
}

// addInput returns the key of an input, for its relation. Places that read the same rows share one, with the columns of all.
func (p *Plan) addInput(in Input) Relation {
	for i := range p.Inputs {
		if known := &p.Inputs[i]; known.same(in) {
			for _, col := range in.Columns {
				if !slices.Contains(known.Columns, col) {
					known.Columns = append(known.Columns, col)
				}
			}
			known.Counted, known.Every = known.Counted && in.Counted, gcd(known.Every, in.Every)
			return Relation{SQL: known.Key}
		}
	}
	in.Key = in.Table
	for n := 2; slices.ContainsFunc(p.Inputs, func(known Input) bool { return known.Key == in.Key }); n++ {
		in.Key = in.Table + "#" + strconv.Itoa(n)
	}
	p.Inputs = append(p.Inputs, in)
	return Relation{SQL: in.Key}
}

// Relation is what stands in FROM for an input: with the columns that it lists, as it is written there, a name in double quotes
// or a query in brackets. It is trusted.
type Relation struct {
	SQL     string
	Rows    int64 // at most; 0 if that is not known
	Counted bool  // as the input allows
}

// DuckDB prints the statement for DuckDB. Tables maps the keys of the inputs to relations.
func (p *Plan) DuckDB(tables map[string]Relation) string {
	return p.print(func(in Input) Relation {
		for _, known := range p.Inputs {
			if known.same(in) {
				return tables[known.Key]
			}
		}
		panic("an input that planning did not find")
	})
}

func (p *Plan) print(table func(Input) Relation) string {
	d := &duckPrinter{text: p.statement.text, info: p.info, options: p.options, table: table}
	out := p.info.outputs[p.statement.query]
	return d.statement(p.statement.query, out, p.limit)
}

// AsText reports whether the engine gives values of a type as text that is ready for the client.
func AsText(t Type) bool { return asText(t) }

func (in Input) same(other Input) bool {
	return in.Table == other.Table && in.Shift == other.Shift && equalPointers(in.Time.From, other.Time.From) && equalPointers(in.Time.To, other.Time.To)
}

func equalPointers(a, b *int64) bool { return a == b || a != nil && b != nil && *a == *b }

// Functions lists the signatures of the functions that the statement calls, as [Functions] names them.
func (p *Plan) Functions() []string {
	var all []string
	for _, f := range p.info.calls {
		if !slices.Contains(all, f.text) {
			all = append(all, f.text)
		}
	}
	slices.Sort(all)
	return all
}
