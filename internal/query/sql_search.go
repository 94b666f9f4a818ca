package query

import (
	"context"
	"maps"
	"slices"
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
	maxKnown       = 1 << 16  // values of which is remembered that a leaf is not true of them
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

// holds makes the SQL true of the rows of a segment too that the search finds there, if it can and they are enough: a search for words that
// few logs have hands them over sooner. kinds are those of the segment's columns. What the token index knows is asked first, so that
// nothing of a column is read for a word that is rare in it.
func (q *sqlSearch) holds(ctx context.Context, s *segment.Segment, kinds map[string]statement.Kind, enough int64) bool {
	if !asks(q.root, kinds) {
		return false
	}
	if ofTexts(q.root) && q.atMost(ctx, q.root, s) < enough {
		return false
	}
	rows, ok := q.take(ctx, q.root, s)
	return ok && (!ofTexts(q.root) || rows >= enough)
}

// ofTexts reports whether a part of a search asks about texts.
func ofTexts(n search.Node) bool {
	switch n := n.(type) {
	case search.And:
		return slices.ContainsFunc(n, ofTexts)
	case search.Or:
		return slices.ContainsFunc(n, ofTexts)
	case search.Not:
		return ofTexts(n.Node)
	case search.InField, search.HasField, search.EmptyField:
		return true
	}
	return false
}

// atMost is how many rows of a segment a part of the search finds at most, by what the token index knows without looking at them.
func (q *sqlSearch) atMost(ctx context.Context, n search.Node, s *segment.Segment) int64 {
	every := s.Info().Rows
	switch n := n.(type) {
	case search.And:
		rows := every
		for _, operand := range n {
			rows = min(rows, q.atMost(ctx, operand, s))
		}
		return rows
	case search.Or:
		rows := int64(0)
		for _, operand := range n {
			rows = min(every, rows+q.atMost(ctx, operand, s))
		}
		return rows
	case search.InField:
		rows := every
		for _, token := range n.Test.Tokens {
			rows = min(rows, rowsWithToken(ctx, s, n.Field.Name, token))
		}
		return rows
	}
	return every
}

// rowsWithToken counts the rows of a segment whose column has a token, all of those of a group where that is not known.
func rowsWithToken(ctx context.Context, s *segment.Segment, column, token string) (rows int64) {
	for i := range s.Groups() {
		g := s.Group(i)
		n, ok, err := g.Count(ctx, column, []byte(token))
		if err != nil || !ok {
			n = g.Rows()
		}
		rows += int64(n)
	}
	return rows
}

// take lists the values of a segment that a part of the search asks for. rows are those that it finds, at most.
func (q *sqlSearch) take(ctx context.Context, n search.Node, s *segment.Segment) (rows int64, ok bool) {
	every := s.Info().Rows
	switch n := n.(type) {
	case search.And:
		rows = every
		for _, operand := range n {
			r, ok := q.take(ctx, operand, s)
			if !ok {
				return 0, false
			}
			rows = min(rows, r)
		}
		return rows, true
	case search.Or:
		for _, operand := range n {
			r, ok := q.take(ctx, operand, s)
			if !ok {
				return 0, false
			}
			rows = min(every, rows+r)
		}
		return rows, true
	case search.Not:
		rows, ok = q.take(ctx, n.Node, s)
		if !ofTexts(n.Node) || !isLeaf(n.Node) { // then it is not known how few that are
			rows = 0
		}
		return every - rows, ok
	case search.InField:
		return q.takeValues(ctx, n, n.Field, s, func(v string) bool { return n.Test.Passes(&q.scan, n.Field.Tokenizer, v) })
	case search.EmptyField:
		return q.takeValues(ctx, n, n.Field, s, func(v string) bool { return v == "" })
	case search.HasField:
		return q.takeValues(ctx, nil, n.Field, s, nil)
	}
	return every, true
}

// takeValues lists the values of a column for which a leaf is true; without a test that is each of them, and none is listed.
func (q *sqlSearch) takeValues(ctx context.Context, leaf search.Node, f index.Field, s *segment.Segment, test func(string) bool) (rows int64, ok bool) {
	for i := range s.Groups() {
		values, ok, err := s.Group(i).Distinct(ctx, f.Name, maxDictionary)
		if err != nil || !ok { // damage is found again, and reported, by who reads the segment group by group
			return 0, false
		}
		for _, v := range values {
			found := test == nil
			if !found {
				if found, ok = q.list(leaf, v.Text, test); !ok {
					return 0, false
				}
			}
			if found {
				rows += int64(v.Rows)
			}
		}
	}
	return rows, true
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
	if len(l.known) >= maxKnown {
		maps.DeleteFunc(l.known, func(_ string, found bool) bool { return !found })
	}
	l.known[value] = found
	return found, true
}
