package statement

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// quoteName and quoteText write names and texts for this dialect and for DuckDB alike.
func quoteName(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
func quoteText(s string) string { return `'` + strings.ReplaceAll(s, `'`, `''`) + `'` }

// onlyIf and either pick the words of a statement.
func onlyIf(cond bool, s string) string { return either(cond, s, "") }

func either(cond bool, yes, no string) string {
	if cond {
		return yes
	}
	return no
}

// formatter prints the tree in the dialect it came from. With resolve, names are written as that says.
type formatter struct {
	strings.Builder
	resolve func(*name) string
}

func (f *formatter) writes(parts ...string) {
	for _, s := range parts {
		f.WriteString(s)
	}
}

// each writes elements with commas between.
func each[T any](f *formatter, all []T, write func(T)) {
	for i, e := range all {
		if i > 0 {
			f.writes(", ")
		}
		write(e)
	}
}

func (f *formatter) name(id ident) { f.writes(quoteName(id.text)) }

func (f *formatter) names(ids []ident) {
	f.writes("(")
	each(f, ids, f.name)
	f.writes(")")
}

func (f *formatter) query(q *query) {
	if len(q.with) > 0 {
		f.writes("WITH ")
		each(f, q.with, func(c cte) {
			f.name(c.name)
			if c.columns != nil {
				f.names(c.columns)
			}
			f.writes(" AS (")
			f.query(c.query)
			f.writes(")")
		})
		f.writes(" ")
	}
	f.body(q.body)
	if q.orderBy != nil {
		f.writes(" ORDER BY ")
		f.sortItems(q.orderBy)
	}
	if l := q.limit; l != nil {
		if l.offsetPos != 0 {
			f.writes(" OFFSET ", strconv.FormatInt(l.offset, 10))
		}
		if l.count >= 0 {
			f.writes(" LIMIT ", strconv.FormatInt(l.count, 10))
		} else {
			f.writes(" LIMIT ALL")
		}
	}
}

func (f *formatter) body(b body) {
	switch b := b.(type) {
	case *query:
		f.writes("(")
		f.query(b)
		f.writes(")")
	case *values:
		f.writes("VALUES ")
		each(f, b.rows, func(r []expr) {
			f.writes("ROW(")
			f.exprs(r)
			f.writes(")")
		})
	case *setOp:
		f.body(b.left)
		f.writes(" ", b.op)
		if b.all {
			f.writes(" ALL")
		}
		f.writes(" ")
		f.body(b.right)
	case *selection:
		f.selection(b)
	}
}

func (f *formatter) selection(s *selection) {
	f.writes("SELECT ")
	if s.distinct {
		f.writes("DISTINCT ")
	}
	each(f, s.items, func(it item) {
		switch {
		case it.table != nil:
			f.name(*it.table)
			f.writes(".*")
		case it.star:
			f.writes("*")
		default:
			f.expr(it.expr)
		}
		if it.alias != nil {
			f.writes(" AS ")
			f.name(*it.alias)
		}
	})
	if s.from != nil {
		f.writes(" FROM ")
		each(f, s.from, f.relation)
	}
	if s.where != nil {
		f.writes(" WHERE ")
		f.expr(s.where)
	}
	if s.groupBy != nil {
		f.writes(" GROUP BY ")
		each(f, s.groupBy.sets, f.groupSet)
	}
	if s.having != nil {
		f.writes(" HAVING ")
		f.expr(s.having)
	}
}

func (f *formatter) groupSet(g groupSet) {
	set := func(exprs []expr) {
		if len(exprs) == 1 {
			if _, row := exprs[0].(*rowLit); !row {
				f.expr(exprs[0])
				return
			}
			f.writes("ROW")
		}
		f.writes("(")
		f.exprs(exprs)
		f.writes(")")
	}
	if g.kind == "" {
		set(g.sets[0])
		return
	}
	f.writes(g.kind, "(")
	each(f, g.sets, set)
	f.writes(")")
}

func (f *formatter) sortItems(items []sortItem) {
	each(f, items, func(s sortItem) {
		f.expr(s.expr)
		if s.desc {
			f.writes(" DESC")
		}
		if s.nullsFirst != nil {
			f.writes(either(*s.nullsFirst, " NULLS FIRST", " NULLS LAST"))
		}
	})
}

func (f *formatter) relation(r relation) {
	switch r := r.(type) {
	case *tableName:
		f.name(r.name)
		f.alias(r.alias)
		if r.sample != nil {
			f.writes(" TABLESAMPLE ", r.sample.method, "(", r.sample.percent, ")")
		}
	case *derived:
		f.writes("(")
		f.query(r.query)
		f.writes(")")
		f.alias(r.alias)
	case *unnest:
		f.writes("UNNEST(")
		f.exprs(r.exprs)
		f.writes(")")
		if r.ordinality {
			f.writes(" WITH ORDINALITY")
		}
		f.alias(r.alias)
	case *join:
		f.relation(r.left)
		f.writes(" ", r.kind, " JOIN ")
		if _, nested := r.right.(*join); nested {
			f.writes("(")
			f.relation(r.right)
			f.writes(")")
		} else {
			f.relation(r.right)
		}
		if r.on != nil {
			f.writes(" ON ")
			f.expr(r.on)
		}
		if r.using != nil {
			f.writes(" USING ")
			f.names(r.using)
		}
	}
}

func (f *formatter) alias(a *alias) {
	if a == nil {
		return
	}
	f.writes(" AS ")
	f.name(a.name)
	if a.columns != nil {
		f.names(a.columns)
	}
}

func (f *formatter) exprs(all []expr) { each(f, all, f.expr) }

func hexText(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }
