package spl

import (
	"strconv"
	"strings"
)

// switches is the type of option that has no value.
const (
	switchOption = "" // -keep
	textOption   = "'text'"
	numberOption = "number"
)

// options are what stands between the name of a command and its first field: -mode='preserve' -keep.
type options struct {
	p     *parser
	given map[string]token
}

// options reads the options of a command; known says which there are, and what follows each.
func (p *parser) options(known map[string]string) options {
	o := options{p, map[string]token{}}
	for p.peek().isSymbol("-") {
		at := p.take()
		name := ""
		if p.peek().kind == wordToken {
			name = p.hyphenated()
		}
		form, ok := known[name]
		if !ok {
			p.fail(at, "unknown option '-%s'; the options here are %s", name, optionNames(known))
		}
		if _, twice := o.given[name]; twice {
			p.fail(at, "the option -%s is given twice", name)
		}
		o.given[name] = at
		if form != switchOption {
			o.given[name] = p.optionValue(name, form)
		}
	}
	return o
}

func (p *parser) optionValue(name, form string) token {
	p.expectSymbol("=")
	t := p.peek()
	if form == numberOption && t.kind != numberToken || form == textOption && t.kind != stringToken && t.kind != quotedToken {
		p.unexpected("the value of -" + name + ", a " + strings.Trim(form, "'") + ",")
	}
	return p.take()
}

func optionNames(known map[string]string) string {
	if len(known) == 0 {
		return "none"
	}
	var names []string
	for name, form := range known {
		if form != switchOption {
			name += "=" + form
		}
		names = append(names, "-"+name)
	}
	return joinSorted(names)
}

func (o options) has(name string) bool { _, ok := o.given[name]; return ok }

// text returns the value of the first of the names that was given.
func (o options) text(fallback string, names ...string) string {
	for _, name := range names {
		if t, ok := o.given[name]; ok {
			return t.text
		}
	}
	return fallback
}

// number returns the value of an option that has to be at least 1; 0 if it was not given.
func (o options) number(name string) int {
	t, ok := o.given[name]
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(t.text)
	if err != nil || n < 1 {
		o.p.fail(t, "-%s has to be a whole number from 1 on", name)
	}
	return n
}

// preserve reads -mode, which says what happens to fields that are there already.
func (o options) preserve() bool {
	switch t, ok := o.given["mode"]; {
	case !ok || t.text == "overwrite":
		return false
	case t.text == "preserve":
		return true
	default:
		o.p.fail(t, "-mode is 'overwrite' or 'preserve'")
		panic("unreachable")
	}
}

// path reads -path; the path of nothing is the whole value.
func (o options) path() jsonPath {
	t, ok := o.given["path"]
	if !ok {
		return nil
	}
	path, ok := parsePath(t.text)
	if !ok {
		o.p.fail(t, "-path is not a JSON path like '$.body.items[0]'")
	}
	return path
}

// unescape reads \t, \n, \r, \\, \11 (octal) and \x09 in the options that are characters (reference sls-query 5); any other
// backslash is one.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c, size := escaped(s[i:])
		b.WriteByte(c)
		i += size - 1
	}
	return b.String()
}

// escaped returns the first character of s and how much of s it takes.
func escaped(s string) (byte, int) {
	if s[0] != '\\' || len(s) == 1 {
		return s[0], 1
	}
	switch c := s[1]; c {
	case 't':
		return '\t', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case '\\':
		return '\\', 2
	case 'x', 'X':
		if n := digits(s[2:], 2, "0123456789abcdefABCDEF"); n > 0 {
			b, _ := strconv.ParseUint(s[2:2+n], 16, 8)
			return byte(b), 2 + n
		}
	default:
		if n := digits(s[1:], 3, "01234567"); n > 0 {
			b, err := strconv.ParseUint(s[1:1+n], 8, 8)
			if err == nil {
				return byte(b), 1 + n
			}
		}
	}
	return '\\', 1
}

func digits(s string, most int, set string) int {
	n := 0
	for n < min(len(s), most) && strings.IndexByte(set, s[n]) >= 0 {
		n++
	}
	return n
}
