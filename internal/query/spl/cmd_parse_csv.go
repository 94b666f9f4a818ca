package spl

import "strings"

// parseCSV sets fields to the columns of a text. Columns that are missing leave their fields alone, those beyond the names are
// ignored; strict does nothing if their number is another.
type parseCSV struct {
	field   string
	outputs []string
	delim   string
	quote   byte // 0 for none
	strict  bool
}

// parseParseCSV: parse-csv [-delim=',' (1 to 3 characters)] [-quote='"'] [-strict] field as output, ...
func parseParseCSV(p *parser) command {
	o := p.options(map[string]string{"delim": textOption, "quote": textOption, "strict": switchOption})
	c := &parseCSV{delim: unescape(o.text(",", "delim")), strict: o.has("strict")}
	quote := unescape(o.text("", "quote"))
	switch {
	case c.delim == "" || len(c.delim) > 3 || !isASCII(c.delim):
		p.fail(o.given["delim"], "-delim is 1 to 3 ASCII characters")
	case o.has("quote") && (len(quote) != 1 || !isASCII(quote)):
		p.fail(o.given["quote"], "-quote is one ASCII character")
	case quote != "" && len(c.delim) > 1:
		p.fail(o.given["quote"], "-quote works with a -delim of one character only")
	case quote == c.delim:
		p.fail(o.given["quote"], "-quote and -delim are the same character")
	}
	if quote != "" {
		c.quote = quote[0]
	}
	c.field = p.name()
	p.expectWord("as")
	c.outputs = list(p, p.name)
	return c
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 127 }) < 0
}

func (c *parseCSV) start(rt *run, next sink) sink { return rowSink{c, rt, next} }

func (c *parseCSV) apply(_ *run, r *row) (bool, error) {
	text, ok := r.text(c.field)
	if !ok {
		return true, nil
	}
	columns, more := c.split(text)
	if c.strict && (more || len(columns) != len(c.outputs)) {
		return true, nil
	}
	for i, column := range columns {
		r.extract(c.outputs[i], textOf(column), false)
	}
	return true, nil
}

// split cuts a text into as many columns as there are names; more says that it has others.
func (c *parseCSV) split(text string) (columns []string, more bool) {
	for len(columns) < len(c.outputs) {
		column, rest, found := c.cut(text)
		columns = append(columns, column)
		if !found {
			return columns, false
		}
		text = rest
	}
	return columns, true
}

// cut takes the first column. A column that begins with the quote goes to the next one that is not doubled; what stands between
// that and the delimiter is kept, as is everything if the quote is not closed.
func (c *parseCSV) cut(text string) (column, rest string, found bool) {
	if c.quote == 0 || text == "" || text[0] != c.quote {
		return strings.Cut(text, c.delim)
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] != c.quote:
			b.WriteByte(text[i])
		case i+1 < len(text) && text[i+1] == c.quote:
			b.WriteByte(c.quote)
			i++
		default:
			column, rest, found = strings.Cut(text[i+1:], c.delim)
			return b.String() + column, rest, found
		}
	}
	return text, "", false
}
