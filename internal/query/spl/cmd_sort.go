package spl

import (
	"cmp"
	"slices"
	"time"
)

// sorting orders all rows by fields: numbers as numbers, texts by their bytes, NULL last in both directions. Rows that are equal
// keep their order.
type sorting struct {
	keys []sortKey
	top  int // if a limit follows at once, more are not kept; 0 for all
}

type sortKey struct {
	field string
	desc  bool
}

// parseSort: sort field [asc|desc], ...
func parseSort(p *parser) command {
	p.options(nil)
	c := &sorting{keys: list(p, func() sortKey {
		k := sortKey{field: p.name()}
		if !p.acceptWord("asc") {
			k.desc = p.acceptWord("desc")
		}
		return k
	})}
	if p.peek().isSymbol("|") && p.ahead(1).isWord("limit") && p.ahead(2).kind == numberToken {
		if n := textOf(p.ahead(2).text).number(); n.kind == intKind && n.n > 0 && n.n < 1<<20 {
			c.top = int(n.n)
		}
	}
	return c
}

func (c *sorting) start(rt *run, next sink) sink { return &sorter{sorting: c, rt: rt, next: next} }

// sorter is a run of sorting.
type sorter struct {
	*sorting
	rt   *run
	next sink
	rows []sortRow
}

// sortRow is a row with what it is sorted by.
type sortRow struct {
	keys  []value
	row   *row
	bytes int
}

func (s *sorter) row(r *row) error {
	const rowBytes = 160
	sr := sortRow{keys: make([]value, len(s.keys)), row: r.clone()}
	for i := range sr.row.cells {
		sr.row.cells[i].value = sr.row.cells[i].value.own()
	}
	for i, k := range s.keys {
		sr.keys[i] = sr.row.get(k.field)
	}
	sr.bytes = rowBytes + len(s.keys)*48 + sr.row.bytes(s.rt.RowBytes)
	s.rows = append(s.rows, sr)
	if s.top > 0 && len(s.rows) >= 2*s.top+1000 {
		s.cut()
	}
	return s.rt.grow(sr.bytes)
}

func (s *sorter) sort() {
	slices.SortStableFunc(s.rows, func(a, b sortRow) int {
		for i, k := range s.keys {
			if c := orderBy(a.keys[i], b.keys[i], k.desc, s.rt.Zone); c != 0 {
				return c
			}
		}
		return 0
	})
}

// cut drops the rows that cannot be among the first any more.
func (s *sorter) cut() {
	s.sort()
	if len(s.rows) <= s.top {
		return
	}
	for _, r := range s.rows[s.top:] {
		s.rt.memory -= int64(r.bytes)
	}
	clear(s.rows[s.top:])
	s.rows = s.rows[:s.top]
}

func (s *sorter) finish() error {
	s.sort()
	for i, r := range s.rows {
		s.rows[i] = sortRow{}
		s.rt.memory -= int64(r.bytes)
		if err := s.next.row(r.row); err != nil {
			return err
		}
	}
	return s.next.finish()
}

// orderBy is order in one of two directions; NULL is last in both.
func orderBy(a, b value, desc bool, zone *time.Location) int {
	if desc && !a.isNull() && !b.isNull() {
		a, b = b, a
	}
	return order(a, b, zone)
}

// order is a total order of all values: by comparing, within each of numbers, times, texts and so on, and these by their kind.
func order(a, b value, zone *time.Location) int {
	if c := cmp.Compare(a.rank(), b.rank()); c != 0 {
		return c
	}
	c, _ := compare(a, b, zone)
	return c
}

// rank tells apart what cannot be compared.
func (v value) rank() int {
	switch v.kind {
	case boolKind:
		return 1
	case intKind, doubleKind:
		return 2
	case momentKind, dayKind:
		return 3
	case textKind, jsonKind, binaryKind:
		return 4
	case nullKind:
		return 9
	}
	return 5
}
