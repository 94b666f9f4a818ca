package spl

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice"
)

// parser walks the tokens by recursive descent. Its functions panic with a failure, which Parse catches.
type parser struct {
	text   string
	tokens []token
	next   int
	depth  int
	params []string // of the lambdas around, the outermost first
}

func (p *parser) peek() token { return p.tokens[p.next] }

// ahead returns the n-th token after the next.
func (p *parser) ahead(n int) token { return p.tokens[min(p.next+n, len(p.tokens)-1)] }

func (p *parser) take() token {
	t := p.peek()
	if t.kind != endToken {
		p.next++
	}
	return t
}

func (p *parser) fail(at token, format string, args ...any) {
	fail(sluice.Invalid, p.text, at.pos, format, args...)
}

// unexpected reports the next token.
func (p *parser) unexpected(wanted string) {
	t := p.peek()
	near := p.text[t.pos:t.end]
	if runes := []rune(near); len(runes) > 40 {
		near = string(runes[:40]) + "…"
	}
	if t.kind == endToken {
		p.fail(t, "the pipeline ends here; %s has to follow", wanted)
	}
	p.fail(t, "mismatched input '%s'; %s has to stand here", near, wanted)
}

func (t token) isSymbol(texts ...string) bool {
	return t.kind == symbolToken && slices.Contains(texts, t.text)
}

func (t token) isWord(words ...string) bool {
	return t.kind == wordToken && slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, t.text) })
}

func (p *parser) acceptSymbol(text string) bool {
	ok := p.peek().isSymbol(text)
	if ok {
		p.next++
	}
	return ok
}

func (p *parser) acceptWord(word string) bool {
	ok := p.peek().isWord(word)
	if ok {
		p.next++
	}
	return ok
}

func (p *parser) expectSymbol(text string) {
	if !p.acceptSymbol(text) {
		p.unexpected("'" + text + "'")
	}
}

func (p *parser) expectWord(word string) {
	if !p.acceptWord(word) {
		p.unexpected("'" + word + "'")
	}
}

// enter counts the depth of expressions; the result leaves again.
func (p *parser) enter() func() {
	if p.depth++; p.depth > maxDepth {
		p.fail(p.peek(), "the expression nests more than %d deep; compute parts of it with extend", maxDepth)
	}
	return func() { p.depth-- }
}

// list reads one or more of something, with commas between.
func list[T any](p *parser, item func() T) []T {
	all := []T{item()}
	for p.acceptSymbol(",") {
		if len(all) == maxItems {
			p.fail(p.peek(), "a list has at most %d entries", maxItems)
		}
		all = append(all, item())
	}
	return all
}

// parsePipeline reads [* |] command | command ... [;]
func (p *parser) parsePipeline() []command {
	if p.acceptSymbol("*") && !p.peek().isSymbol("|") && p.endOfScript() {
		return nil
	}
	p.acceptSymbol("|")
	var all []command
	for {
		if len(all) == MaxCommands {
			p.fail(p.peek(), "a pipeline has at most %d commands", MaxCommands)
		}
		all = append(all, p.parseCommand())
		if p.acceptSymbol("|") {
			continue
		}
		if !p.endOfScript() {
			p.unexpected("| or the end")
		}
		return withLimit(all)
	}
}

func (p *parser) endOfScript() bool {
	if p.peek().isSymbol(";") && p.ahead(1).kind != endToken {
		fail(sluice.Unsupported, p.text, p.peek().pos, "several pipelines in one script are not supported; write one pipeline")
	}
	p.acceptSymbol(";")
	return p.peek().kind == endToken
}

// withLimit adds the limit that the results of stats have if the script says none (reference sls-query 5).
func withLimit(commands []command) []command {
	limited := true
	for _, c := range commands {
		switch c.(type) {
		case *grouping:
			limited = false
		case *limit:
			limited = true
		}
	}
	if !limited {
		commands = append(commands, &limit{count: defaultGroups})
	}
	return commands
}

// readers read what follows the name of each command.
var readers = map[string]func(*parser) command{
	"project":        parseProject,
	"project-away":   parseProjectAway,
	"project-rename": parseProjectRename,
	"expand-values":  parseExpandValues,
	"extend":         parseExtend,
	"where":          parseWhere,
	"parse-regexp":   parseParseRegexp,
	"parse-csv":      parseParseCSV,
	"parse-json":     parseParseJSON,
	"parse-kv":       parseParseKV,
	"pack-fields":    parsePackFields,
	"stats":          parseStats,
	"sort":           parseSort,
	"limit":          parseLimit,
}

func (p *parser) parseCommand() command {
	at := p.peek()
	if at.isSymbol(".", "$") {
		fail(sluice.Unsupported, p.text, at.pos, "named data sets are not supported; write one pipeline")
	}
	if at.kind != wordToken {
		p.unexpected("a command like where or project")
	}
	name := p.hyphenated()
	read, ok := readers[strings.ToLower(name)]
	if !ok && at == p.tokens[0] {
		p.fail(at, "a pipeline begins with a command, or with * | before it, and not with '%s'; the commands are %s", name, commandNames())
	}
	if !ok {
		p.fail(at, "unknown command '%s'; the commands are %s", name, commandNames())
	}
	return read(p)
}

func commandNames() string { return joinSorted(slices.Collect(maps.Keys(readers))) }

// hyphenated reads a word that may have hyphens inside, like project-away.
func (p *parser) hyphenated() string {
	first := p.take()
	last := first
	for p.peek().isSymbol("-") && p.peek().pos == last.end && p.ahead(1).kind == wordToken && p.ahead(1).pos == p.peek().end {
		p.take()
		last = p.take()
	}
	return p.text[first.pos:last.end]
}

// name reads the name of a field.
func (p *parser) name() string {
	t := p.peek()
	if t.kind == quotedToken && t.text == "" {
		p.fail(t, "the name of a field is empty; an empty text is written ''")
	}
	if t.kind != wordToken && t.kind != quotedToken {
		p.unexpected("the name of a field (in double quotes if it has special characters)")
	}
	p.take()
	if n := p.peek(); n.pos == t.end && n.isSymbol(".", "-", ":", "*") && t.kind == wordToken {
		p.fail(t, "a name with '%s' in it is put in double quotes", n.text)
	}
	return t.text
}

// str reads a text in single quotes.
func (p *parser) str(what string) token {
	t := p.peek()
	if t.kind != stringToken {
		p.unexpected(what + " in single quotes")
	}
	return p.take()
}

func (p *parser) count(what string) int {
	t := p.peek()
	n, err := strconv.Atoi(t.text)
	if t.kind != numberToken || err != nil {
		p.unexpected(what + ", a whole number,")
	}
	p.take()
	return n
}

func joinSorted(names []string) string {
	slices.Sort(names)
	return strings.Join(names, ", ")
}
