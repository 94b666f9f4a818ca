package query_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/query/spl"
)

var pipelines = []string{
	"where n > 0",
	"where t like 'abc%' or u = ''",
	"project t, u | extend both = t || u",
	"where 1 = 0",
	"stats logs = count(*) by __topic__, __source__",
	"stats logs = count(*), newest = max(__time__)",
	"where n is not null | sort n desc | limit 7",
	"limit 20",
	"parse-json j | project-rename letter = a | where letter is not null",
	"extend __time__ = __time__ - 60",
	"expand-values j | where j is not null",
}

// TestSPL pages through what pipelines make of searches, over segments and shard logs, and wants what one run over all logs gives.
func TestSPL(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 11))
	s := newSegmented(t)
	rounds := 5
	if testing.Short() {
		rounds = 1
	}
	for range rounds {
		s.write(r, 40)
		if err := s.index.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.write(r, 6)
		now := s.Clock.Now().Unix()
		for i, pipeline := range pipelines {
			from := now - r.Int64N(2400)
			f := query.Filter{
				Ref: catalogtest.Ref, Search: []string{"*", "not n:1", "abc or 登录"}[i%3], Topic: []string{"", "web"}[r.IntN(2)],
				Range: query.Range{From: from * 1e9, To: (from + 1 + r.Int64N(2400)) * 1e9},
			}
			for _, reverse := range []bool{false, true} {
				want := s.runAll(f, pipeline, reverse)
				for name, engine := range map[string]*query.Engine{"shard logs": s.plain, "segments": s.indexed} {
					got := s.pages(engine, query.Page{Filter: f, Line: 1 + r.IntN(40), Reverse: reverse}, pipeline)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Fatalf("%s: %q | %s, reverse %v (-one run +pages):\n%s", name, f.Search, pipeline, reverse, diff)
					}
				}
			}
		}
	}
}

// runAll runs a pipeline over all logs of a filter at once.
func (s *segmented) runAll(f query.Filter, pipeline string, reverse bool) []string {
	s.t.Helper()
	found, err := s.plain.Logs(s.t.Context(), query.Page{Filter: f, Line: query.MaxOffset, Reverse: reverse})
	if err != nil {
		s.t.Fatal(err)
	}
	p, err := spl.Parse(pipeline)
	if err != nil {
		s.t.Fatal(err)
	}
	rows := []string{}
	runner := spl.NewRunner(p, spl.Options{FoldNames: true}, func(fields []sluice.Field) error {
		rows = append(rows, rowText(fields))
		return nil
	})
	for _, l := range found.Logs {
		row := []sluice.Field{{Key: "__time__", Value: fmt.Sprint(l.Time)}}
		if l.Nanos != 0 {
			row = append(row, sluice.Field{Key: "__time_ns_part__", Value: fmt.Sprint(l.Nanos)})
		}
		if err := runner.Row(append(row, l.Fields...)); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := runner.Finish(); err != nil {
		s.t.Fatal(err)
	}
	return rows
}

// rowText writes a row with each name once.
func rowText(fields []sluice.Field) string {
	var b strings.Builder
	seen := map[string]bool{}
	for _, f := range fields {
		if !seen[f.Key] {
			seen[f.Key] = true
			fmt.Fprintf(&b, "%q=%q ", f.Key, f.Value)
		}
	}
	return b.String()
}

// pages reads all pages.
func (s *segmented) pages(engine *query.Engine, p query.Page, pipeline string) []string {
	s.t.Helper()
	rows := []string{}
	for {
		p.Offset = len(rows)
		page, err := engine.SPL(s.t.Context(), p, pipeline)
		if err != nil {
			s.t.Fatalf("%s: %v", pipeline, err)
		}
		if !page.Complete || len(page.Rows) > p.Line {
			s.t.Fatalf("%s: complete %v, %d rows of %d", pipeline, page.Complete, len(page.Rows), p.Line)
		}
		for _, fields := range page.Rows {
			rows = append(rows, rowText(fields))
		}
		if !page.More {
			return rows
		}
	}
}

func TestSPLErrors(t *testing.T) {
	e := newEnv(t, query.Options{})
	e.write(rand.New(rand.NewPCG(4, 4)), 20)
	all := query.Page{Filter: query.Filter{Ref: catalogtest.Ref, Range: query.Range{From: 0, To: 3e18}}, Line: 10}
	f := func(p query.Page, pipeline, noun, text string) {
		t.Helper()
		_, err := e.engine.SPL(t.Context(), p, pipeline)
		var failure *sluice.Error
		if !errors.As(err, &failure) || failure.Noun != noun || !strings.Contains(failure.Msg, text) {
			t.Errorf("%s: got %v, want one about the %s that says %q", pipeline, err, noun, text)
		}
	}
	f(all, "where status = ", "query", "line 1:16")
	f(all, "wheer status = 1", "query", "line 1:1")
	far := all
	far.Offset = query.MaxOffset + 1
	f(far, "limit 1", "offset", "shorter time range")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.engine.SPL(ctx, all, "limit 1"); !errors.Is(err, context.Canceled) {
		t.Errorf("of a client that has gone: %v", err)
	}
}

// A pipeline whose time is over gives what it has and says so; rows that break a bound are counted.
func TestSPLBounds(t *testing.T) {
	e := newEnv(t, query.Options{})
	e.write(rand.New(rand.NewPCG(5, 5)), 50)
	all := query.Page{Filter: query.Filter{Ref: catalogtest.Ref, Range: query.Range{From: 0, To: 3e18}}, Line: 10_000}
	var reads atomic.Int64 // shards are read at once
	slow := query.New(e.Catalog, nil, query.Options{Budget: time.Second, Now: func() time.Time {
		return e.Clock.Now().Add(time.Duration(reads.Add(1)) * 8 * time.Millisecond)
	}})
	rows, err := slow.SPL(t.Context(), all, "where true")
	if err != nil || rows.Complete || len(rows.Rows) == 0 || len(rows.Rows) >= len(e.logs) {
		t.Errorf("half of the time: %v, complete %v, %d rows of %d", err, rows.Complete, len(rows.Rows), len(e.logs))
	}
	rows, err = e.engine.SPL(t.Context(), all, "extend __time__ = 0 - 1")
	if err != nil || rows.Failed != len(e.logs) || len(rows.Rows) != 0 || rows.InOrder {
		t.Errorf("times before 1970: %v, %d rows, %d failed of %d", err, len(rows.Rows), rows.Failed, len(e.logs))
	}
}
