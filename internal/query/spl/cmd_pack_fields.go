package spl

import (
	"regexp"
	"strings"
)

// packFields puts fields that are texts into one JSON object, in their order, and drops them. Time fields are no texts. An
// expression has to match the whole name.
type packFields struct {
	include, exclude *regexp.Regexp // nil: all, none
	ltrim            string         // cut off the names in the object
	keep             bool
	output           string
}

// parsePackFields: pack-fields [-keep] [-ltrim='p'] [-include='re'] [-exclude='re'] as output
func parsePackFields(p *parser) command {
	o := p.options(map[string]string{"keep": switchOption, "ltrim": textOption, "include": textOption, "exclude": textOption})
	c := &packFields{ltrim: o.text("", "ltrim"), keep: o.has("keep"), include: o.regexp("include"), exclude: o.regexp("exclude")}
	p.expectWord("as")
	at := p.peek()
	if c.output = p.name(); isTimeField(c.output) {
		p.fail(at, "%s can only be set by extend", c.output)
	}
	return c
}

// regexp compiles an expression that has to match a whole text.
func (o options) regexp(name string) *regexp.Regexp {
	t, ok := o.given[name]
	if !ok {
		return nil
	}
	o.p.compile(t)
	t.text = `\A(?:` + t.text + `)\z`
	return o.p.compile(t)
}

func (c *packFields) start(rt *run, next sink) sink { return rowSink{c, rt, next} }

func (c *packFields) apply(_ *run, r *row) (bool, error) {
	b := []byte{'{'}
	for i := range r.cells {
		cell := &r.cells[i]
		if cell.gone || cell.value.kind != textKind && cell.value.kind != jsonKind || !c.takes(cell.name) {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(appendJSONString(b, strings.TrimPrefix(cell.name, c.ltrim)), ':')
		b = appendJSONString(b, cell.value.s)
		if !c.keep {
			r.remove(i)
		}
	}
	r.set(c.output, textOf(string(append(b, '}'))))
	return true, nil
}

func (c *packFields) takes(name string) bool {
	return (c.include == nil || c.include.MatchString(name)) && (c.exclude == nil || !c.exclude.MatchString(name))
}
