package statement

import (
	"fmt"
	"math"
	"strings"
)

// Texts that grow are a way to use up memory that the engine does not count: a || a, nested in forty queries, is a terabyte. So
// the checker keeps an upper bound of the bytes of each value, as far as it can be known from the text, and where that is too
// high the printer has the engine look before it joins.
const (
	columnBytes  = 16 << 10  // what the index lets SQL see of a text
	valueBytes   = 256 << 10 // the most that a joined text may have
	maxElements  = 1_000_000 // the most that a joined array may have
	padBytes     = 65536 * 4
	escapeFactor = 6
)

// expanding functions write more than they read.
var expanding = map[string]bool{
	"url_encode": true, "to_hex": true, "to_base64": true, "to_base64url": true, "base64_encode": true, "ascii_escape": true, "array_join": true,
}

// size is an upper bound of the bytes of e's value.
func (in *info) size(e expr) int64 {
	if n, ok := in.sizes[e]; ok {
		return n
	}
	n := min(in.measure(e), math.MaxInt32)
	in.sizes[e] = n
	return n
}

func (in *info) measure(e expr) int64 {
	switch e := e.(type) {
	case *stringLit:
		return int64(len(e.value))
	case *binaryLit:
		return int64(len(e.value))
	case *name:
		t := in.names[e]
		switch {
		case t.item == nil:
			return t.column.size
		case t.item.expr == nil:
			return t.item.column.size
		}
		return in.size(t.item.expr)
	case *binary:
		if e.op == "||" {
			return min(in.size(e.l)+in.size(e.r), valueBytes)
		}
		return 16
	case *logic, *between, *inList, *inQuery, *like, *isNull, *isDiff, *exists, *quantified:
		return 1
	case *subquery:
		return in.outputs[e.query][0].size
	case *call:
		return in.callSize(e)
	}
	return in.sum(e)
}

// sum adds up the parts of e.
func (in *info) sum(e expr) int64 {
	total := int64(16)
	walk(e, func(part expr) bool {
		if part != e {
			total += in.size(part)
		}
		return part == e
	})
	return min(total, math.MaxInt32)
}

func (in *info) callSize(c *call) int64 {
	switch {
	case c.name == "array_agg":
		return 1 << 20
	case c.name == "lpad" || c.name == "rpad":
		return padBytes
	case strings.HasSuffix(c.name, "replace") && len(c.args) == 3:
		return min(in.replaced(c), valueBytes)
	case expanding[c.name]:
		return escapeFactor * in.sum(c)
	}
	return in.sum(c)
}

// replaced bounds replace(s, a, b): in the worst case b stands for each character of s.
func (in *info) replaced(c *call) int64 {
	s, b := in.size(c.args[0]), in.size(c.args[2])
	if a, ok := c.args[1].(*stringLit); ok && a.value != "" && c.name == "replace" {
		return s * (b/int64(len(a.value)) + 1)
	}
	return s * (b + 1)
}

// concat joins texts; the engine looks at their lengths first if they may be too long.
func (p *duckPrinter) concat(exprs []expr) string {
	parts, total := make([]string, len(exprs)), int64(0)
	for i, e := range exprs {
		parts[i] = p.expr(e)
		total += p.info.size(e)
	}
	if total <= valueBytes {
		return "(" + strings.Join(parts, " || ") + ")"
	}
	fields, lengths, names := make([]string, len(parts)), make([]string, len(parts)), make([]string, len(parts))
	for i, part := range parts {
		names[i] = fmt.Sprintf("t.p%d", i)
		fields[i] = fmt.Sprintf("p%d := %s", i, part)
		lengths[i] = "strlen(" + names[i] + ")"
	}
	return p.guarded(fields, strings.Join(lengths, " + "), valueBytes, strings.Join(names, " || "))
}

// joinLists is concat for arrays.
func (p *duckPrinter) joinLists(l, r string) string {
	return p.guarded([]string{"a := " + l, "b := " + r}, "len(t.a) + len(t.b)", maxElements, "list_concat(t.a, t.b)")
}

// guarded computes an expression over fields of t unless a length that it depends on is too high.
func (p *duckPrinter) guarded(fields []string, length string, most int64, sql string) string {
	return fmt.Sprintf("list_transform([struct_pack(%s)], lambda t: CASE WHEN %s > %d THEN error('a joined value is larger than %d') ELSE %s END)[1]",
		strings.Join(fields, ", "), length, most, most, sql)
}

// replacement prints replace and regexp_replace, of which text is the template.
func (p *duckPrinter) replacement(c *call, template string) string {
	if p.info.replaced(c) <= valueBytes {
		return template
	}
	return p.template("CASE WHEN strlen($1) * (strlen($3) + 1) > ", c) + fmt.Sprint(valueBytes*16) +
		" THEN error('a text with replacements may grow too large') ELSE " + template + " END"
}
