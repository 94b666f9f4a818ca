package statement

import (
	"strings"
)

func (p *duckPrinter) relation(r relation) string {
	switch r := r.(type) {
	case *tableName:
		return p.tableName(r)
	case *derived:
		src := p.info.sources[r]
		return "(" + p.query(r.query, nil) + ") AS " + src.id + columnList(src)
	case *unnest:
		return p.unnest(r)
	case *join:
		left, right := p.relation(r.left), p.relation(r.right)
		if _, nested := r.right.(*join); nested {
			right = "(" + right + ")"
		}
		sql := left + " " + r.kind + " JOIN " + right
		switch {
		case r.on != nil:
			sql += " ON " + p.expr(r.on)
		case r.using != nil:
			equal := make([]string, len(r.using))
			for i, pair := range p.info.using[r] {
				equal[i] = pair[0].sql + " = " + pair[1].sql
			}
			sql += " ON (" + strings.Join(equal, " AND ") + ")"
		}
		return sql
	}
	panic("unknown relation")
}

func (p *duckPrinter) tableName(t *tableName) string {
	src := p.info.sources[t]
	if src.cte != nil {
		if p.shift != 0 {
			p.refuse(t.pos, "compare over a query named in WITH is not supported; write the query in FROM")
		}
		return src.cte.id + " AS " + src.id + columnList(src)
	}
	in := p.input(src)
	if in.Shift != 0 && in.Time != (TimeRange{}) {
		p.refuse(t.pos, "a range of __time__ in WHERE below compare is not supported; set the time range of the query instead")
	}
	sql := p.table(in).SQL + " AS " + src.id
	if s := t.sample; s != nil {
		sql += " TABLESAMPLE " + s.percent + "% (" + strings.ToLower(s.method) + ")"
	}
	return sql
}

// scanned is how many rows a selection over one table reads, at most; 0 for others.
func (p *duckPrinter) scanned(si *selectInfo) int64 {
	if len(si.from) != 1 {
		return 0
	}
	t, ok := si.from[0].(*tableName)
	if !ok || p.info.sources[t].cte != nil {
		return 0
	}
	return p.table(p.input(p.info.sources[t])).Rows
}

// unnest: a query in FROM that sees what stands before it.
func (p *duckPrinter) unnest(u *unnest) string {
	var items, lengths []string
	for _, e := range u.exprs {
		x := p.expr(e)
		if p.info.types[e].Kind == Map {
			items = append(items, "unnest(map_keys("+x+"))", "unnest(map_values("+x+"))")
			lengths = append(lengths, "cardinality("+x+")")
		} else {
			items = append(items, "unnest("+x+")")
			lengths = append(lengths, "len("+x+")")
		}
	}
	if u.ordinality {
		items = append(items, "unnest(generate_series(1::BIGINT, CAST(greatest("+strings.Join(lengths, ", ")+") AS BIGINT)))")
	}
	src := p.info.sources[u]
	return "(SELECT " + strings.Join(items, ", ") + ") AS " + src.id + columnList(src)
}

// input describes the rows that a table of the schema stands for at this place.
func (p *duckPrinter) input(src *source) Input {
	in := Input{Table: p.info.scans[src], Shift: p.shift, Time: p.info.ranges[src]}
	for _, col := range src.columns {
		if p.info.used[col] && col.of == nil {
			in.Columns = append(in.Columns, col.name)
		}
	}
	if n := p.info.counted[src]; n != nil {
		in.Counted, in.Every = true, n.every
	}
	return in
}
