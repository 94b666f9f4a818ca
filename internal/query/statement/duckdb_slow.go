package statement

import (
	"regexp"
	"strings"
)

// The engine notices that a statement was given up between one chunk of rows and the next. What can take long within a chunk is
// printed so that it does not.

// lambdaBody prints the body of a lambda. Where that walks lists itself, or makes texts longer, the work for one row is a product
// of lengths; it asks for each element whether anybody still waits.
func (p *duckPrinter) lambdaBody(l *lambda) string {
	body := p.expr(l.body)
	large := false
	walk(l.body, func(e expr) bool {
		k := p.info.types[e].Kind
		_, inner := e.(*lambda)
		large = large || inner || k == Array || k == Map || p.info.growing[e]
		return !large
	})
	if large {
		return "CASE WHEN sluice_alive(0) THEN " + body + " END"
	}
	return body
}

// like prints LIKE. The engine's own takes time that grows exponentially with the number of % in a pattern, unless it is a
// constant without _; regular expressions do not.
func (p *duckPrinter) like(e *like) string {
	x, not := p.expr(e.x), onlyIf(e.not, "NOT ")
	s, constant := e.pattern.(*stringLit)
	switch {
	case !constant && e.escape != nil:
		p.refuse(e.escape.at(), "ESCAPE is supported with constant patterns only")
	case !constant:
		pattern := `replace(replace(regexp_escape(` + p.expr(e.pattern) + `), '\%', '.*'), '_', '.')`
		return "(" + not + "regexp_full_match(" + x + ", '(?s)' || " + pattern + "))"
	case e.escape == nil && !strings.Contains(s.value, "_"):
		return "(" + x + " " + not + "LIKE " + quoteText(s.value) + ")"
	}
	return "(" + not + "regexp_full_match(" + x + ", " + quoteText("(?s)"+p.likePattern(e, s)) + "))"
}

func (p *duckPrinter) likePattern(e *like, pattern *stringLit) string {
	escape := rune(-1)
	if e.escape != nil {
		escape = []rune(e.escape.(*stringLit).value)[0]
	}
	var b strings.Builder
	escaped := false
	for _, r := range pattern.value {
		switch {
		case escaped && r != '%' && r != '_' && r != escape:
			p.fail(pattern.pos, "the escape character of LIKE stands before %%, _ or itself")
		case escaped:
			b.WriteString(regexp.QuoteMeta(string(r)))
			escaped = false
		case r == escape:
			escaped = true
		case r == '%':
			b.WriteString(".*")
		case r == '_':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	if escaped {
		p.fail(pattern.pos, "the escape character of LIKE stands before %%, _ or itself")
	}
	return b.String()
}
