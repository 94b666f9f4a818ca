package query

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/query/search"
	"github.com/sluicelog/sluice/internal/query/statement"
	"github.com/sluicelog/sluice/internal/segment"
)

// sqlSearch is a search as SQL over the columns of segments, so that the engine tells by itself which rows count.
//
//	status >= 500 and level:err ──> coalesce("status" >= 500, false) AND coalesce(list_contains(['err', 'disk err'], "level"), false)
//
// Numbers are compared. Words are looked for in the dictionaries of a column, value by value, as a search looks for them in a log; the
// values that have them are listed. A value has a word or not, whatever segment it is in: so there is one list for all of them, to which
// each segment adds the values it has.
type sqlSearch struct {
	root   search.Node
	scan   index.Scanner
	values map[search.Node]*listed // by leaf that is about texts
	bytes  int                     // of all texts that are listed
}

// listed are the values of a column that were asked whether a leaf is true of them.
type listed struct {
	known map[string]bool
	texts []string // those of which it is
}

// What a search may cost: the engine compares each entry of a dictionary with each text of a list.
const (
	maxDictionary  = 1024     // entries of a dictionary that are looked at
	maxListed      = 64       // texts in a list
	maxListedBytes = 16 << 10 // of all texts in lists
)

func newSQLSearch(root search.Node) *sqlSearch {
	return &sqlSearch{root: root, values: map[search.Node]*listed{}}
}

// asks reports whether the search is of a kind that can be written over these columns: about numbers, and about texts of one column.
func asks(n search.Node, kinds map[string]statement.Kind) bool {
	column := func(f index.Field, kind statement.Kind) bool { return f.Path == "" && kinds[f.Name] == kind }
	all := func(nodes []search.Node) bool {
		return !slices.ContainsFunc(nodes, func(n search.Node) bool { return !asks(n, kinds) })
	}
	switch n := n.(type) {
	case search.All:
		return true
	case search.And:
		return all(n)
	case search.Or:
		return all(n)
	case search.Not:
		return asks(n.Node, kinds)
	case search.LongRange:
		return column(n.Field, statement.Bigint)
	case search.DoubleRange:
		return column(n.Field, statement.Double)
	case search.InField:
		return column(n.Field, statement.Varchar)
	case search.HasField:
		return column(n.Field, statement.Varchar)
	case search.EmptyField:
		return column(n.Field, statement.Varchar)
	}
	return false
}

// holds makes the SQL true of the rows of a segment too that the search finds there, if it can and if that is worth while: so few
// rows of a group that a search would hand them over as values, are read sooner that way. kinds are those of the segment's columns.
func (q *sqlSearch) holds(ctx context.Context, s *segment.Segment, kinds map[string]statement.Kind, many int) bool {
	if !asks(q.root, kinds) {
		return false
	}
	rows, words, ok := q.take(ctx, q.root, s)
	return ok && (!words || rows >= int64(many)*int64(s.Groups()))
}

// take lists the values of a segment that a part of the search asks for. rows are those that it finds, at most; words says that it asks
// for texts.
func (q *sqlSearch) take(ctx context.Context, n search.Node, s *segment.Segment) (rows int64, words, ok bool) {
	every := s.Info().Rows
	switch n := n.(type) {
	case search.And:
		rows = every
		for _, operand := range n {
			r, w, ok := q.take(ctx, operand, s)
			if !ok {
				return 0, false, false
			}
			rows, words = min(rows, r), words || w
		}
		return rows, words, true
	case search.Or:
		for _, operand := range n {
			r, w, ok := q.take(ctx, operand, s)
			if !ok {
				return 0, false, false
			}
			rows, words = min(every, rows+r), words || w
		}
		return rows, words, true
	case search.Not:
		rows, words, ok = q.take(ctx, n.Node, s)
		if !words || !isLeaf(n.Node) { // then it is not known how few that are
			rows = 0
		}
		return every - rows, words, ok
	case search.InField:
		return q.takeValues(ctx, n, n.Field, s, func(v string) bool { return n.Test.Passes(&q.scan, n.Field.Tokenizer, v) })
	case search.EmptyField:
		return q.takeValues(ctx, n, n.Field, s, func(v string) bool { return v == "" })
	case search.HasField:
		return q.takeValues(ctx, nil, n.Field, s, nil)
	}
	return every, false, true
}

// takeValues lists the values of a column for which a leaf is true; without a test that is each of them, and none is listed.
func (q *sqlSearch) takeValues(ctx context.Context, leaf search.Node, f index.Field, s *segment.Segment, test func(string) bool) (rows int64, words, ok bool) {
	for i := range s.Groups() {
		values, ok, err := s.Group(i).Distinct(ctx, f.Name, maxDictionary)
		if err != nil || !ok { // damage is found again, and reported, by who reads the segment group by group
			return 0, false, false
		}
		for _, v := range values {
			found := test == nil
			if !found {
				if found, ok = q.list(leaf, v.Text, test); !ok {
					return 0, false, false
				}
			}
			if found {
				rows += int64(v.Rows)
			}
		}
	}
	return rows, true, true
}

// list adds a value to the list of a leaf if the leaf is true of it. ok is false if the list would be too long, or the engine would not
// understand it.
func (q *sqlSearch) list(leaf search.Node, value string, test func(string) bool) (found, ok bool) {
	l := q.values[leaf]
	if l == nil {
		l = &listed{known: map[string]bool{}}
		q.values[leaf] = l
	}
	if found, ok = l.known[value]; ok {
		return found, true
	}
	if found = test(value); found {
		if len(l.texts) >= maxListed || q.bytes+len(value) > maxListedBytes || strings.ContainsRune(value, 0) {
			return false, false
		}
		l.texts = append(l.texts, value)
		q.bytes += len(value)
	}
	l.known[value] = found
	return found, true
}

// sql writes the search for the segments of which that was made true. "" is every row.
func (q *sqlSearch) sql() string {
	if _, all := q.root.(search.All); all {
		return ""
	}
	return q.write(q.root)
}

// write writes a part of it, which is never NULL.
func (q *sqlSearch) write(n search.Node) string {
	switch n := n.(type) {
	case search.And:
		return q.joined(n, " AND ")
	case search.Or:
		return q.joined(n, " OR ")
	case search.Not:
		return "NOT (" + q.write(n.Node) + ")"
	case search.LongRange:
		return compared(n.Field.Name, ">= "+strconv.FormatInt(n.Min, 10), "<= "+strconv.FormatInt(n.Max, 10))
	case search.DoubleRange:
		return compared(n.Field.Name, side(">", n.MinOpen, n.Min), side("<", n.MaxOpen, n.Max))
	case search.InField:
		return q.oneOf(n, n.Field.Name)
	case search.EmptyField:
		return q.oneOf(n, n.Field.Name)
	case search.HasField:
		return quoteColumn(n.Field.Name) + " IS NOT NULL"
	}
	return "true" // All
}

func (q *sqlSearch) joined(operands []search.Node, operator string) string {
	parts := make([]string, len(operands))
	for i, o := range operands {
		parts[i] = "(" + q.write(o) + ")"
	}
	return strings.Join(parts, operator)
}

// oneOf asks for the listed values. The engine asks a function of one column once for each entry of a dictionary, and IN of several
// values once for each row: so it is a function.
func (q *sqlSearch) oneOf(leaf search.Node, column string) string {
	l := q.values[leaf]
	if l == nil || len(l.texts) == 0 {
		return "false"
	}
	quoted := make([]string, len(l.texts))
	for i, t := range slices.Sorted(slices.Values(l.texts)) {
		quoted[i] = "'" + strings.ReplaceAll(t, "'", "''") + "'"
	}
	return "coalesce(list_contains([" + strings.Join(quoted, ", ") + "], " + quoteColumn(column) + "), false)"
}

// compared is a comparison that is false, and not NULL, where the log has no such number.
func compared(column, lower, upper string) string {
	name := quoteColumn(column)
	var parts []string
	for _, b := range []string{lower, upper} {
		if b != "" {
			parts = append(parts, name+" "+b)
		}
	}
	if len(parts) == 0 {
		parts = []string{name + " IS NOT NULL"}
	}
	return "coalesce(" + strings.Join(parts, " AND ") + ", false)"
}

func quoteColumn(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// side is one side of a range of doubles, "" where it is open to infinity.
func side(operator string, open bool, x float64) string {
	if math.IsInf(x, 0) {
		return ""
	}
	if !open {
		operator += "="
	}
	return operator + " " + strconv.FormatFloat(x, 'g', -1, 64) + "::DOUBLE"
}
