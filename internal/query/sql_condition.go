package query

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice/internal/query/search"
)

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
