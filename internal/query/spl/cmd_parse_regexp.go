package spl

import (
	"regexp"
	"strings"
)

// parseRegexp sets fields to what the groups of an expression match, first match only. What does not match is left alone.
type parseRegexp struct {
	field   string
	re      *regexp.Regexp
	outputs []string // by group, from the first; "" for none
}

// parseParseRegexp: parse-regexp field, 'expression' [as output, ...]; without outputs the names of the groups count.
func parseParseRegexp(p *parser) command {
	p.options(nil)
	c := &parseRegexp{field: p.name()}
	p.expectSymbol(",")
	at := p.peek()
	c.re = p.regexp()
	if p.acceptWord("as") {
		c.outputs = list(p, p.name)
		if len(c.outputs) > c.re.NumSubexp() {
			p.fail(at, "the expression has %d groups and there are %d names for them; put each part in parentheses",
				c.re.NumSubexp(), len(c.outputs))
		}
		return c
	}
	c.outputs = c.re.SubexpNames()[1:]
	for _, name := range c.outputs {
		if name != "" {
			return c
		}
	}
	p.fail(at, "the expression names no group; write (?P<name>...), or names behind as")
	return c
}

// regexp reads an expression.
func (p *parser) regexp() *regexp.Regexp {
	t := p.str("a regular expression")
	return p.compile(t)
}

func (p *parser) compile(t token) *regexp.Regexp {
	re, err := compileRegexp(t.text)
	if err != nil {
		p.fail(t, "not a regular expression of RE2: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return re
}

func (c *parseRegexp) start(rt *run, next sink) sink { return rowSink{c, rt, next} }

func (c *parseRegexp) apply(_ *run, r *row) (bool, error) {
	text, ok := r.text(c.field)
	if !ok {
		return true, nil
	}
	match := c.re.FindStringSubmatchIndex(text)
	if match == nil {
		return true, nil
	}
	for i, name := range c.outputs {
		from, to := match[2*i+2], match[2*i+3]
		if name != "" && from >= 0 {
			r.extract(name, textOf(text[from:to]), false)
		}
	}
	return true, nil
}

// extract writes what a command found. Time fields are never written so, nor what is to be preserved.
func (r *row) extract(name string, v value, preserve bool) {
	if v.isNull() || isTimeField(name) || preserve && r.has(name) {
		return
	}
	r.set(name, v)
}
