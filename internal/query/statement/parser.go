package statement

import (
	"strings"

	"github.com/sluicelog/sluice"
)

// parser is a recursive descent over the tokens. A wrong token ends it by a failure.
type parser struct {
	text   string
	tokens []token
	next   int
	depth  int
}

// reserved words cannot be names without double quotes.
var reserved = wordSet(`ALTER AND AS BETWEEN BY CASE CAST CONSTRAINT CREATE CROSS CUBE CURRENT_DATE CURRENT_TIME
		CURRENT_TIMESTAMP DEALLOCATE DELETE DESCRIBE DISTINCT DROP ELSE END ESCAPE EXCEPT EXECUTE EXISTS EXTRACT FALSE FOR FROM
		FULL GROUP GROUPING HAVING IN INNER INSERT INTERSECT INTO IS JOIN LEFT LIKE LIMIT LOCALTIME LOCALTIMESTAMP NATURAL
		NORMALIZE NOT NULL ON OR ORDER OUTER PREPARE RECURSIVE RIGHT ROLLUP SELECT TABLE THEN TRUE UESCAPE UNION UNNEST USING
		VALUES WHEN WHERE WITH`)

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

func (p *parser) peek() token { return p.tokens[p.next] }

func (p *parser) peekAt(n int) token { return p.tokens[min(p.next+n, len(p.tokens)-1)] }

func (p *parser) advance() token {
	t := p.tokens[p.next]
	if t.kind != tokenEnd {
		p.next++
	}
	return t
}

func (t token) word(w string) bool   { return t.kind == tokenWord && strings.EqualFold(t.text, w) }
func (t token) symbol(s string) bool { return t.kind == tokenSymbol && t.text == s }

// keywords reports whether the next tokens are these words.
func (p *parser) keywords(words ...string) bool {
	for i, w := range words {
		if !p.peekAt(i).word(w) {
			return false
		}
	}
	return true
}

// accept takes the words if they come next.
func (p *parser) accept(words ...string) bool {
	if !p.keywords(words...) {
		return false
	}
	p.next += len(words)
	return true
}

func (p *parser) acceptSymbol(s string) bool {
	if !p.peek().symbol(s) {
		return false
	}
	p.next++
	return true
}

func (p *parser) expect(words ...string) {
	for _, w := range words {
		if !p.accept(w) {
			p.mismatch(w)
		}
	}
}

func (p *parser) expectSymbol(s string) {
	if !p.acceptSymbol(s) {
		p.mismatch("'" + s + "'")
	}
}

// mismatch refuses the next token.
func (p *parser) mismatch(expecting string) {
	t := p.peek()
	what := "'" + p.text[t.pos:t.end] + "'"
	if t.kind == tokenEnd {
		what = "end of the statement"
	}
	p.fail(t.pos, "mismatched input %s; expecting %s", what, expecting)
}

func (p *parser) fail(pos int, format string, args ...any) {
	fail(sluice.Invalid, p.text, pos, syntaxPrefix, format, args...)
}

func (p *parser) refuse(pos int, format string, args ...any) {
	fail(sluice.Unsupported, p.text, pos, plainPrefix, format, args...)
}

// enter counts one level of nesting; the returned function leaves it.
func (p *parser) enter() func() {
	p.depth++
	if p.depth > maxDepth {
		p.fail(p.peek().pos, "the statement is nested deeper than %d levels", maxDepth)
	}
	return func() { p.depth-- }
}

// parseSession reads "set session name=value;" as often as it comes.
func (p *parser) parseSession() []Setting {
	var all []Setting
	for p.accept("SET", "SESSION") {
		var s Setting
		s.Name = p.settingWord()
		p.expectSymbol("=")
		s.Value = p.settingWord()
		p.expectSymbol(";")
		all = append(all, s)
	}
	return all
}

func (p *parser) settingWord() string {
	if t := p.peek(); t.kind == tokenWord || t.kind == tokenInteger {
		return p.advance().text
	}
	p.mismatch("a word")
	panic("unreachable")
}

// otherStatements are statements of SQL that a query service has no use for, and INSERT, which SLS has.
var otherStatements = wordSet(`ALTER ANALYZE ATTACH BEGIN CALL CHECKPOINT COMMENT COMMIT COPY CREATE DEALLOCATE DELETE DESC
	DESCRIBE DETACH DROP EXECUTE EXPLAIN EXPORT FORCE GRANT IMPORT INSERT INSTALL LOAD MERGE PIVOT PRAGMA PREPARE REFRESH RESET
	REVOKE ROLLBACK SET SHOW START SUMMARIZE TRUNCATE UPDATE USE VACUUM`)

func (p *parser) parseStatement() *query {
	t := p.peek()
	if t.kind == tokenWord && otherStatements[strings.ToUpper(t.text)] {
		p.refuse(t.pos, "%s is not supported; a statement begins with SELECT, WITH or VALUES", strings.ToUpper(t.text))
	}
	q := p.parseQuery()
	p.acceptSymbol(";")
	if p.peek().kind != tokenEnd {
		p.mismatch("end of the statement")
	}
	return q
}
