package main

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

// How refusals of queries tell the place (reference sls-query 2.5 and 3.3). Columns count characters from 1.
var (
	errorType    = regexp.MustCompile(`^ErrorType:\w+\.ErrorMessage:`)
	searchColumn = regexp.MustCompile(`position is from column:(\d+) to column:(\d+)`)
	sqlColumn    = regexp.MustCompile(`\bline (\d+):(\d+)`)
)

// pointed adds to the refusal of a query the line of it that the refusal names, with a mark under the place.
func pointed(err error, query string) error { return pointedIn(err, query, analytics(query)) }

// pointedIn is pointed for a query whose statement, SQL or SPL, is known.
func pointedIn(err error, query, statement string) error {
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Code != "ParameterInvalid" && refused.Code != "InvalidQueryString" {
		return err
	}
	plain := *refused
	plain.Message = errorType.ReplaceAllString(refused.Message, "")
	picture := ""
	if m := searchColumn.FindStringSubmatch(refused.Message); m != nil {
		picture = point(query, 1, atoi(m[1]), atoi(m[2])-atoi(m[1]))
	} else if m := sqlColumn.FindStringSubmatch(refused.Message); m != nil {
		picture = point(statement, atoi(m[1]), atoi(m[2]), 1)
	}
	if picture == "" {
		return &plain
	}
	return &hinted{&plain, picture}
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

// analytics is what stands behind the first pipe outside quotes, from where lines and columns of SQL count.
func analytics(query string) string {
	quoted, escaped := false, false
	for i, r := range query {
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
		case r == '"':
			quoted = !quoted
		case r == '|' && !quoted:
			return strings.TrimSpace(query[i+1:])
		}
	}
	return ""
}

// How much of a line is shown around the place, in characters.
const (
	pointBefore = 50
	pointAfter  = 20
)

// point shows a line of a query with a mark under size characters from a column on; "" if there is no such place.
func point(query string, line, column, size int) string {
	lines := strings.Split(query, "\n")
	if line < 1 || line > len(lines) {
		return ""
	}
	runes := []rune(lines[line-1])
	if column < 1 || column > len(runes)+1 {
		return ""
	}
	start, end := column-1, min(column-1+max(size, 1), len(runes))
	before, after := string(runes[:start]), ""
	if start > pointBefore {
		before = "…" + string(runes[start-pointBefore:start])
	}
	marked := string(runes[start:max(start, end)])
	if len(runes) > end+pointAfter {
		after = string(runes[end:end+pointAfter]) + "…"
	} else if end < len(runes) {
		after = string(runes[end:])
	}
	before, marked, after = tty.Visible(before), tty.Visible(marked), tty.Visible(after)
	return "  " + before + marked + after + "\n  " +
		strings.Repeat(" ", text.RuneWidthWithoutEscSequences(before)) + strings.Repeat("^", max(1, text.RuneWidthWithoutEscSequences(marked)))
}
