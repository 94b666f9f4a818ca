package statement

import (
	"fmt"
	"math"
	"strings"
)

// Texts and arrays that grow are a way to use up memory that the engine does not count: a || a, nested in forty queries, is a
// terabyte; and the engine computes an expression for a chunk of 2048 rows at once, and copies it into a result. So the checker
// keeps an upper bound of the bytes of each value, as far as it can be known from the text, and finds the expressions that grow.
// These share what one row may take; where the bound of one is higher than its share, the printer has the engine look at the
// lengths before it joins. Rows of the result are looked at once more.
const (
	columnBytes  = 16 << 10  // what the index lets SQL see of a text
	valueBytes   = 256 << 10 // the highest bound that is kept of a joined text
	rowBytes     = 160 << 10 // the most that the expressions of a statement that grow may make of one row, together
	chunkRows    = 2048      // that the engine computes at once
	chunkBytes   = 1 << 30   // the most text in a chunk of a result
	elementBytes = 16        // of an array, at least
	maxGrowing   = 256
	maxPad       = 65536
	padBytes     = maxPad * 4
	escapeFactor = 6
)

// expanding functions write a few times more than they read.
var expanding = map[string]bool{
	"url_encode": true, "to_hex": true, "to_base64": true, "to_base64url": true, "base64_encode": true, "ascii_escape": true, "array_join": true,
}

// growing functions write as much as their arguments say.
var growing = map[string]bool{
	"concat": true, "lpad": true, "rpad": true, "replace": true, "regexp_replace": true, "array_join": true, "sequence": true,
}

// grows notes an expression that may be much larger than its parts.
func (c *checker) grows(e expr) {
	c.info.growing[e] = true
	if len(c.info.growing) > maxGrowing {
		c.fail(e.at(), "a statement joins, pads and replaces texts and arrays in at most %d places", maxGrowing)
	}
}

// share is how many bytes an expression that grows may make of one row.
func (in *info) share() int64 { return rowBytes / max(int64(len(in.growing)), 1) }

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
		if n, ok := c.args[1].(*intLit); ok {
			return min(n.value, maxPad) * 4
		}
		return padBytes
	case strings.HasSuffix(c.name, "replace") && len(c.args) == 3:
		return min(in.replaced(c), valueBytes)
	case expanding[c.name]:
		return escapeFactor * in.sum(c)
	}
	return in.sum(c) + in.made(c)
}

// made bounds what the lambdas of a call make of the elements of an array.
func (in *info) made(c *call) (total int64) {
	for _, a := range c.args {
		if l, ok := a.(*lambda); ok && in.types[l.body].Kind != Boolean {
			total += maxSequence * in.size(l.body)
		}
	}
	return total
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
	most := p.info.share()
	if total <= most {
		return "(" + strings.Join(parts, " || ") + ")"
	}
	return p.guarded(parts, "strlen", most, " || ", "")
}

// joinLists is concat for arrays.
func (p *duckPrinter) joinLists(l, r string) string {
	return p.guarded([]string{l, r}, "len", p.info.share()/elementBytes, ", ", "list_concat")
}

// guarded joins parts unless they are too long together. Parts that cost something are computed once, as fields of t.
func (p *duckPrinter) guarded(parts []string, length string, most int64, between, function string) string {
	const cheap = 80
	fields, lengths, names := make([]string, len(parts)), make([]string, len(parts)), make([]string, len(parts))
	once := false
	for i, part := range parts {
		once = once || len(part) > cheap
		fields[i], names[i] = fmt.Sprintf("p%d := %s", i, part), fmt.Sprintf("t.p%d", i)
	}
	if !once {
		names = parts
	}
	for i, n := range names {
		lengths[i] = length + "(" + n + ")"
	}
	sql := fmt.Sprintf("CASE WHEN %s > %d THEN error('a joined value is larger than %d; make it of fewer parts, or join in fewer places') ELSE %s(%s) END",
		strings.Join(lengths, " + "), most, most, function, strings.Join(names, between))
	if once {
		return "list_transform([struct_pack(" + strings.Join(fields, ", ") + ")], lambda t: " + sql + ")[1]"
	}
	return sql
}

// replacement prints replace and regexp_replace, of which text is the template.
func (p *duckPrinter) replacement(c *call, template string) string {
	most := p.info.share()
	if p.info.replaced(c) <= most {
		return template
	}
	grown := "strlen($1) * (strlen($3) + 1)"
	if c.name == "replace" {
		grown = "strlen($1) * (strlen($3) // greatest(strlen($2), 1) + 1)"
	}
	return p.template("CASE WHEN "+grown+" > ", c) + fmt.Sprint(most) +
		" THEN error('a text with replacements may grow too large; replace less, or in fewer places') ELSE " + template + " END"
}

// padding prints lpad and rpad.
func (p *duckPrinter) padding(c *call) string {
	most := min(maxPad, p.info.share()/4)
	if n, ok := c.args[1].(*intLit); ok && n.value <= most {
		return p.template(c.name+"($1, CAST($2 AS INTEGER), $3)", c)
	}
	return p.templateWith(c.name+"($1, CASE WHEN $2 > $M THEN error('a padded text has at most $M characters here') ELSE CAST($2 AS INTEGER) END, $3)",
		c, map[string]string{"$M": fmt.Sprint(most)})
}

// sequence prints numbers or times in a row: at most 10,000 elements as in Presto, and fewer where there are many.
func (p *duckPrinter) sequence(c *call, steps, list string) string {
	most := min(maxSequence, p.info.share()/8)
	return p.templateWith("CASE WHEN "+steps+" >= $M THEN error('a sequence has at most $M elements here') ELSE "+list+" END", c,
		map[string]string{"$M": fmt.Sprint(most)})
}

// joining prints array_join, of which text is the template: the engine looks at the length of a text between the elements that
// is not a short constant.
func (p *duckPrinter) joining(c *call, template string) string {
	const short = 16
	if s, ok := c.args[1].(*stringLit); ok && len(s.value) <= short {
		return template
	}
	return p.template("CASE WHEN len($1) * strlen($2) > ", c) + fmt.Sprint(p.info.share()) +
		" THEN error('a joined text may grow too large; put less between its parts') ELSE " + template + " END"
}

// rowRoom is how much text a row of a result may have: more in a result of few rows.
func rowRoom(l limit) int64 { return chunkBytes / min(max(l.count, 1), chunkRows) }

// boundedRows changes the items of the outermost query so that a row of more text than there is room for ends it.
func (p *duckPrinter) boundedRows(items []string, out []output, room int64) {
	lengths := []string{}
	for i, o := range out {
		if o.typ.Kind == Varchar || asText(o.typ) {
			lengths = append(lengths, "coalesce(strlen("+items[i]+"), 0)")
		}
	}
	if len(lengths) > 0 {
		items[0] = fmt.Sprintf("CASE WHEN %s > %d THEN error('a row of the result has more than %d bytes of text; select less, or set a lower LIMIT') ELSE %s END",
			strings.Join(lengths, " + "), room, room, items[0])
	}
}
