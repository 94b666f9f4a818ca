package search

import (
	"slices"
	"strings"
)

// Kind is what follows the pipe of a statement.
type Kind uint8

// The kinds.
const (
	SearchOnly   Kind = iota
	SQL               // also what is neither of the others: the SQL parser says what is wrong with it
	SPL               // a pipeline
	WithPackMeta      // the hook of context queries (reference sls-query 4.6)
)

// Statement is a statement, split at its pipe.
type Statement struct {
	Search    string // for Parse
	Analytics string // what follows the pipe, trimmed; an SPL pipeline with the pipes between its commands
	Kind      Kind
}

// splCommands begin an SPL pipeline (reference sls-query section 5).
var splCommands = []string{
	"project", "project-away", "project-rename", "expand-values", "extend", "where", "parse-regexp", "parse-csv", "parse-json",
	"parse-kv", "pack-fields", "stats", "sort", "limit",
}

// Split splits a statement at the first pipe outside quotes and tells what follows it.
func Split(statement string) (Statement, error) {
	pipe := findPipe(statement)
	if pipe < 0 {
		if looksLikeSQL(statement) {
			return Statement{}, invalid("sql query must follow search query,please read syntex doc; write * | before it")
		}
		return Statement{Search: strings.TrimSpace(statement)}, nil
	}
	s := Statement{Search: strings.TrimSpace(statement[:pipe]), Analytics: strings.TrimSpace(statement[pipe+1:])}
	switch first := firstWord(s.Analytics); {
	case s.Analytics == "":
		return Statement{}, syntaxError(statement, span{pipe, pipe + 1}, "an SQL statement or a command has to follow")
	case strings.EqualFold(s.Analytics, "with_pack_meta"):
		s.Kind = WithPackMeta
	case slices.Contains(splCommands, strings.ToLower(first)) || strings.HasPrefix(first, ".") || strings.HasPrefix(first, "$"):
		s.Kind = SPL
	default:
		s.Kind = SQL
	}
	return s, nil
}

// findPipe returns where the first pipe outside quotes stands, or -1.
func findPipe(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case escapes(s[i:]):
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '|' && !quoted:
			return i
		}
	}
	return -1
}

// firstWord returns the first word of SQL or SPL, comments aside.
func firstWord(s string) string {
	for {
		s = strings.TrimSpace(s)
		end := ""
		switch {
		case strings.HasPrefix(s, "--"):
			end = "\n"
		case strings.HasPrefix(s, "/*"):
			end = "*/"
		default:
			if i := strings.IndexFunc(s, func(r rune) bool { return !isWordRune(r) || r == ',' || r == ';' }); i >= 0 {
				return s[:i]
			}
			return s
		}
		_, s, _ = strings.Cut(s, end)
	}
}

// looksLikeSQL tells SQL from a search for the word select.
func looksLikeSQL(s string) bool {
	words := strings.Fields(strings.ToLower(s))
	return len(words) > 1 && words[0] == "select" && (strings.ContainsAny(s, "(,*") || slices.Contains(words, "from"))
}
