package query_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/query/search"
)

// explained is a segmented logstore of 240 logs in 12 log groups, an hour apart in pairs, of which the index has all but the last group.
func explained(t *testing.T) *segmented {
	t.Helper()
	s := newSegmented(t)
	for i := range 12 {
		g := &sluice.LogGroup{}
		for n := range 20 {
			g.Records = append(g.Records, sluice.Record{Time: uint32(s.Clock.Now().Unix()), Fields: []sluice.Field{
				{Key: "n", Value: fmt.Sprint(n)}, {Key: "t", Value: []string{"abc def", "abc", "other"}[n%3]}, {Key: "u", Value: fmt.Sprint(i)},
			}})
		}
		if _, _, err := s.door.Append(t.Context(), catalogtest.Ref, g); err != nil {
			t.Fatal(err)
		}
		if i < 11 {
			if err := s.index.Round(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if i%2 == 1 {
			s.Clock.Advance(time.Hour)
		}
	}
	return s
}

func (s *segmented) explain(text string, hours int, run bool) *query.Explanation {
	s.t.Helper()
	statement, err := search.Split(text)
	if err != nil {
		s.t.Fatal(err)
	}
	now := s.Clock.Now().Unix()
	x, err := s.indexed.Explain(s.t.Context(), query.Page{
		Filter: query.Filter{Ref: catalogtest.Ref, Search: statement.Search, Range: query.Range{From: (now - 3600*int64(hours) - 1) * 1e9, To: (now + 1) * 1e9}},
		Line:   10,
	}, statement, run)
	if err != nil {
		s.t.Fatalf("%s: %v", text, err)
	}
	return x
}

func TestExplain(t *testing.T) {
	s := explained(t)
	plan := s.explain("t:abc and n > 4", 2, false)
	if plan.Ran || plan.Search != "t:abc and n in [5 9223372036854775807]" || len(plan.Tables) != 1 || len(plan.Conditions)+len(plan.Steps) != 0 {
		t.Errorf("a plan: %+v", plan)
	}
	table := plan.Tables[0]
	if table.Segments.All == 0 || table.Segments.Outside == 0 || table.Segments.Outside >= table.Segments.All || table.Groups.All == 0 || table.Tail != 1 {
		t.Errorf("a table: %+v", table)
	}

	ran := s.explain("t:abc and n > 4 and t:#\"abc def\"", 2, true)
	if diff := cmp.Diff(table.Segments, ran.Tables[0].Segments); diff != "" {
		t.Errorf("segments (-planned +run):\n%s", diff)
	}
	// Of each group of 20, n = 0 3 6 9 12 15 18 have the phrase, five of them above 4; four groups are in the range.
	if ran.Rows != 10 || ran.Tables[0].Found != 4*5 || !ran.Complete || ran.Logs != 80 {
		t.Errorf("ran: %d rows, %+v, %+v", ran.Rows, ran.Tables[0], ran.Coverage)
	}
	// The three in segments; abc is in 14 of 20.
	want := []query.Condition{
		{Text: "t:abc", Before: 60, After: 42}, {Text: "n in [5 9223372036854775807]", Before: 42, After: 30}, {Text: `t:#"abc def"`, Before: 30, After: 15},
	}
	for i, c := range ran.Conditions {
		if i >= len(want) || c.Text != want[i].Text || c.Before != want[i].Before || c.After != want[i].After {
			t.Errorf("condition %d: %+v, want %+v", i, c, want[min(i, 2)])
		}
	}
	if c := ran.Conditions; len(c) != 3 || c[0].Values != 0 || c[2].Values != 15 && c[2].Values != 30 {
		t.Errorf("a word is decided by the index, a phrase by values: %+v", c)
	}
	steps := []string{}
	for _, step := range ran.Steps {
		steps = append(steps, step.Name)
	}
	if !slices.Equal(steps, []string{"ask the token index of the segments", "read the shard logs behind the segments", "read logs"}) {
		t.Errorf("steps %v", steps)
	}

	sql := s.explain("n > 4 | select n % 3 as k, count(*) as c group by k", 2, true)
	if sql.SQL == "" || sql.Rows != 3 || len(sql.Tables) != 1 || sql.Tables[0].Tail != 1 {
		t.Errorf("SQL: %+v", sql)
	}
	if planned := s.explain("n > 4 | select n % 3 as k, count(*) as c group by k", 2, false); planned.SQL != sql.SQL || planned.Rows != 0 {
		t.Errorf("SQL planned: %+v", planned)
	}
	spl := s.explain("* | where n = '7'", 2, true)
	if spl.Pipeline != "where n = '7'" || spl.Rows != 4 || spl.Steps[len(spl.Steps)-1].Name != "run the pipeline" {
		t.Errorf("SPL: %+v", spl)
	}
	s.closeSQL()
}

// What is explained is what is answered.
func TestExplainAnswersTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	s := newSegmented(t)
	s.write(r, 60)
	if err := s.index.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.write(r, 5)
	f := query.Filter{Ref: catalogtest.Ref, Range: query.Range{From: 0, To: 3e18}}
	for _, text := range hostileSearches {
		f.Search = text
		found, err := s.indexed.Logs(t.Context(), query.Page{Filter: f, Line: query.MaxOffset})
		if err != nil {
			t.Fatal(err)
		}
		x, err := s.indexed.Explain(t.Context(), query.Page{Filter: f, Line: 5}, search.Statement{Search: text}, true)
		if err != nil {
			t.Fatal(err)
		}
		if int(x.Tables[0].Found) != len(found.Logs) || x.Rows != min(5, len(found.Logs)) || x.Logs != found.Coverage.Logs {
			t.Errorf("%q: explained %d of %d rows, answered %d of %d", text, x.Tables[0].Found, x.Logs, len(found.Logs), found.Coverage.Logs)
		}
	}
	for text, statement := range map[string]search.Statement{
		"a pipeline": {Kind: search.SPL, Analytics: "where"}, "SQL": {Kind: search.SQL, Analytics: "select nosuch"},
	} {
		for _, run := range []bool{false, true} {
			if _, err := s.indexed.Explain(t.Context(), query.Page{Filter: query.Filter{Ref: f.Ref, Range: f.Range}}, statement, run); sluice.KindOf(err) != sluice.Invalid {
				t.Errorf("%s that cannot be read: %v", text, err)
			}
		}
	}
	s.closeSQL()
}
