package statement

import (
	"regexp/syntax"
	"strings"
)

// What is looked for before a pattern is.
const (
	shortLiteral = 2    // bytes that a literal has at least
	mostLiterals = 8    // that are looked for
	worthLooking = 3    // bytes that one of them has at least
	longPattern  = 1000 // bytes of a pattern that is not looked into
)

// literals lists texts that every text has in it which a pattern matches, one behind the other in this order. There are none where that
// would not save much: the pattern says nothing for sure, or it is one text and the engine looks for that itself.
func literals(pattern string) []string {
	if len(pattern) > longPattern {
		return nil
	}
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil || re.Op == syntax.OpLiteral {
		return nil
	}
	var all []string
	worth := false
	for _, text := range certain(re, nil) {
		if len(text) >= shortLiteral && len(all) < mostLiterals {
			all = append(all, text)
			worth = worth || len(text) >= worthLooking
		}
	}
	if !worth {
		return nil
	}
	return all
}

// certain appends the literals that a part of a pattern cannot match without. What LIKE takes for more than a character divides them.
func certain(re *syntax.Regexp, to []string) []string {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 {
			return append(to, strings.FieldsFunc(string(re.Rune), func(r rune) bool { return strings.ContainsRune("%_\\\x00", r) })...)
		}
	case syntax.OpConcat:
		for _, part := range re.Sub {
			to = certain(part, to)
		}
	case syntax.OpCapture, syntax.OpPlus:
		return certain(re.Sub[0], to)
	case syntax.OpRepeat:
		if re.Min > 0 {
			return certain(re.Sub[0], to)
		}
	}
	return to
}

// regexpLike looks for what a pattern cannot match without before it looks for the pattern, which takes longer; the engine then does so only
// where that was found. Of what is no column, the value would be made twice.
func regexpLike(p *duckPrinter, c *call) string {
	const match = "regexp_matches($1, $2)"
	pattern, constant := c.args[1].(*stringLit)
	if _, column := c.args[0].(*name); !column || !constant {
		return p.template(match, c)
	}
	found := literals(pattern.value)
	if found == nil {
		return p.template(match, c)
	}
	return p.templateWith("($1 LIKE $P AND "+match+")", c, map[string]string{"$P": quoteText("%" + strings.Join(found, "%") + "%")})
}
