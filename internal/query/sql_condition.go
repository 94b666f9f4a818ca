package query

import (
	"math"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice/internal/query/search"
	"github.com/sluicelog/sluice/internal/query/statement"
)

// condition writes a search as SQL over the columns of a segment, where numbers are all it asks about. "" is every row.
func condition(n search.Node, kinds map[string]statement.Kind) (sql string, ok bool) {
	switch n := n.(type) {
	case search.All:
		return "", true
	case search.And:
		return joined([]search.Node(n), " AND ", kinds)
	case search.Or:
		return joined([]search.Node(n), " OR ", kinds)
	case search.Not:
		inner, ok := condition(n.Node, kinds)
		if inner == "" {
			inner = "true"
		}
		return "NOT (" + inner + ")", ok
	case search.LongRange:
		if n.Field.Path != "" || kinds[n.Field.Name] != statement.Bigint {
			return "", false
		}
		return known(n.Field.Name, ">= "+strconv.FormatInt(n.Min, 10), "<= "+strconv.FormatInt(n.Max, 10)), true
	case search.DoubleRange:
		if n.Field.Path != "" || kinds[n.Field.Name] != statement.Double {
			return "", false
		}
		return known(n.Field.Name, side(">", n.MinOpen, n.Min), side("<", n.MaxOpen, n.Max)), true
	}
	return "", false
}

func joined(operands []search.Node, operator string, kinds map[string]statement.Kind) (string, bool) {
	var parts []string
	for _, o := range operands {
		part, ok := condition(o, kinds)
		if !ok {
			return "", false
		}
		if part == "" {
			part = "true"
		}
		parts = append(parts, "("+part+")")
	}
	return strings.Join(parts, operator), true
}

// known is a comparison that is false, and not NULL, where the log has no such number.
func known(column, lower, upper string) string {
	name := `"` + strings.ReplaceAll(column, `"`, `""`) + `"`
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
