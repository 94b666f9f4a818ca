package spl

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// parseKV sets fields to the pairs of a text, cut by delimiters or found by an expression. Pieces that are no pair are ignored.
// Keys and values lose the space around them; quotes stay.
type parseKV struct {
	field    string
	prefix   string
	preserve bool
	cut      func(text string) (piece, rest string, found bool)
	sep      string
	re       *regexp.Regexp // instead of cut and sep
}

var kvOptions = map[string]string{
	"mode": textOption, "prefix": textOption, "delims": textOption, "pair_separator": textOption,
	"kv-sep": textOption, "kv_separator": textOption, "regexp": switchOption,
}

// parseParseKV reads one of
//
//	parse-kv [-mode='preserve'] [-prefix='p_'] [-delims='&?'] [-kv-sep='='] field
//	parse-kv [-mode='preserve'] [-prefix='p_'] field, 'pair delimiter'[, 'separator']
//	parse-kv [-mode='preserve'] [-prefix='p_'] -regexp field, '(key)=(value)'
//
// Each character of -delims delimits pairs, and \s is any space; a pair delimiter in the second form is one text.
func parseParseKV(p *parser) command {
	o := p.options(kvOptions)
	c := &parseKV{prefix: o.text("", "prefix"), preserve: o.preserve(), sep: unescape(o.text("=", "kv-sep", "kv_separator"))}
	c.cut = cutAtAny(o.text(`\t `, "delims", "pair_separator"))
	at := p.peek()
	c.field = p.name()
	switch {
	case o.has("regexp"):
		p.expectSymbol(",")
		at = p.peek()
		if c.re = p.regexp(); c.re.NumSubexp() < 2 {
			p.fail(at, "the expression needs two groups, one for the key and one for the value: '(\\w+)=(\\w+)'")
		}
	case p.acceptSymbol(","):
		delim := p.str("the delimiter between pairs")
		if delim.text == "" {
			p.fail(delim, "the delimiter between pairs is empty")
		}
		c.cut = func(text string) (string, string, bool) { return strings.Cut(text, delim.text) }
		if p.acceptSymbol(",") {
			c.sep = p.str("the separator between key and value").text
		}
	}
	if c.sep == "" {
		p.fail(at, "the separator between key and value is empty")
	}
	return c
}

// cutAtAny returns a function that cuts at the first of some characters.
func cutAtAny(delims string) func(string) (string, string, bool) {
	space := strings.Contains(delims, `\s`)
	delims = unescape(strings.ReplaceAll(delims, `\s`, ""))
	return func(text string) (string, string, bool) {
		i := strings.IndexFunc(text, func(r rune) bool { return strings.ContainsRune(delims, r) || space && unicode.IsSpace(r) })
		if i < 0 {
			return text, "", false
		}
		_, size := utf8.DecodeRuneInString(text[i:])
		return text[:i], text[i+size:], true
	}
}

func (c *parseKV) start(rt *run, next sink) sink { return rowSink{c, rt, next} }

func (c *parseKV) apply(rt *run, r *row) (bool, error) {
	text, ok := r.text(c.field)
	if !ok {
		return true, nil
	}
	set := func(key, val string) error {
		if key = strings.TrimSpace(key); key == "" {
			return nil
		}
		r.extract(c.prefix+key, textOf(strings.TrimSpace(val)), c.preserve)
		if len(r.cells) > 2*rt.RowFields { // far too many, and no use in going on
			return rt.check(r)
		}
		return nil
	}
	if c.re != nil {
		return true, c.match(text, set)
	}
	for found := true; found; {
		var piece string
		piece, text, found = c.cut(text)
		if key, val, pair := strings.Cut(piece, c.sep); pair {
			if err := set(key, val); err != nil {
				return true, err
			}
		}
	}
	return true, nil
}

func (c *parseKV) match(text string, set func(key, val string) error) error {
	found, err := findAll(c.re, text)
	if err != nil {
		return err
	}
	for _, m := range found {
		if m[2] < 0 || m[4] < 0 {
			continue // a group that took no part
		}
		if err := set(text[m[2]:m[3]], text[m[4]:m[5]]); err != nil {
			return err
		}
	}
	return nil
}
