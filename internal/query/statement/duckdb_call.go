package statement

import (
	"slices"
	"strings"
)

func (p *duckPrinter) call(c *call) string {
	if sql, ok := p.printCount(c); ok {
		return sql
	}
	f := p.info.calls[c]
	if f.print != nil {
		return f.print(p, c)
	}
	return p.template(f.duck, c)
}

// arg prints the i-th argument as its parameter wants it.
func (p *duckPrinter) arg(c *call, i int) string {
	switch to := p.info.targets[c][i]; to.Kind {
	case kindInstant:
		return p.instant(c.args[i])
	default:
		return p.as(c.args[i], to)
	}
}

func (p *duckPrinter) template(t string, c *call) string { return p.templateWith(t, c, nil) }

// templateWith fills a template of the function table; see [function]. Words are further placeholders and what they stand for.
func (p *duckPrinter) templateWith(t string, c *call, words map[string]string) string {
	args := make([]string, len(c.args))
	for i := range c.args {
		if strings.Contains(t, "$*") || strings.Contains(t, "$"+string(rune('1'+i))) {
			args[i] = p.arg(c, i)
		}
	}
	var b strings.Builder
	for t != "" {
		i := strings.IndexAny(t, "${")
		if i < 0 {
			b.WriteString(t)
			break
		}
		b.WriteString(t[:i])
		t = t[i:]
		if t[0] == '{' {
			end := strings.IndexByte(t, '}')
			b.WriteString(p.aggregate(p.fill(t[1:end], c, args, words), c))
			t = t[end+1:]
			continue
		}
		n := placeholder(t)
		b.WriteString(p.placeholder(t[:n], c, args, words))
		p.bounded(b.String())
		t = t[n:]
	}
	return b.String()
}

// fill replaces the placeholders of a part in braces.
func (p *duckPrinter) fill(t string, c *call, args []string, words map[string]string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(t, '$')
		if i < 0 {
			b.WriteString(t)
			return b.String()
		}
		b.WriteString(t[:i])
		n := placeholder(t[i:])
		b.WriteString(p.placeholder(t[i:i+n], c, args, words))
		t = t[i+n:]
	}
}

// placeholder is the length of the one that t begins with: $1, $*, $$, $T1, $P.
func placeholder(t string) int {
	if len(t) > 2 && t[1] == 'T' {
		return 3
	}
	return 2
}

func (p *duckPrinter) placeholder(s string, c *call, args []string, words map[string]string) string {
	switch {
	case s == "$$":
		return "$"
	case s == "$*":
		return strings.Join(args, ", ")
	case s[1] == 'T':
		return DuckType(p.info.types[c.args[s[2]-'1']])
	case s[1] >= '1' && s[1] <= '9':
		return args[s[1]-'1']
	}
	return words[s]
}

// aggregate prints "name arguments" with what the call says about rows.
func (p *duckPrinter) aggregate(s string, c *call) string {
	engine, args, _ := strings.Cut(s, " ")
	var b strings.Builder
	b.WriteString(engine + "(")
	if c.distinct && !strings.HasPrefix(args, "DISTINCT ") {
		b.WriteString("DISTINCT ")
	}
	b.WriteString(args)
	b.WriteString(p.sortItems(" ORDER BY ", c.orderBy))
	if c.ignoreNulls {
		b.WriteString(" IGNORE NULLS")
	}
	b.WriteString(")")
	if c.filter != nil {
		b.WriteString(" FILTER (WHERE " + p.expr(c.filter) + ")")
	}
	if c.over != nil {
		b.WriteString(" OVER (" + p.window(c.over) + ")")
	}
	return b.String()
}

func (p *duckPrinter) sortItems(before string, items []sortItem) string {
	if len(items) == 0 {
		return ""
	}
	texts := make([]string, len(items))
	for i, s := range items {
		texts[i] = p.expr(s.expr) + direction(s)
	}
	return before + strings.Join(texts, ", ")
}

func (p *duckPrinter) window(w *window) string {
	var parts []string
	if len(w.partition) > 0 {
		parts = append(parts, "PARTITION BY "+p.exprs(w.partition))
	}
	if order := p.sortItems("ORDER BY ", w.orderBy); order != "" {
		parts = append(parts, order)
	}
	if f := w.frame; f != nil {
		text := f.unit + " " + p.bound(f.start)
		if f.end.kind != "" {
			text = f.unit + " BETWEEN " + p.bound(f.start) + " AND " + p.bound(f.end)
		}
		parts = append(parts, text)
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " ")
}

func (p *duckPrinter) bound(b bound) string {
	if b.n != nil {
		return p.expr(b.n) + " " + b.kind
	}
	return b.kind
}
