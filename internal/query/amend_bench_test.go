package query_test

import (
	"testing"

	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/query"
)

// BenchmarkAmended asks the same before logs were deleted, after, and right after each deletion; and deletes and updates single logs.
//
//	go test ./internal/query -run '^$' -bench Amended -sqlrecords 1000000
func BenchmarkAmended(b *testing.B) {
	e, r := openWeb(b)
	f := query.Filter{Ref: catalogtest.Ref, Search: "*", Range: r}
	run := func(name string, ask func()) {
		b.Run(name, func(b *testing.B) {
			before := cpu()
			defer func() { b.ReportMetric((cpu()-before).Seconds()*1e3/float64(b.N), "cpu-ms/op") }()
			for b.Loop() {
				ask()
			}
		})
	}
	sql := func(text string) func() {
		return func() {
			if got, err := e.SQL(b.Context(), f, text); err != nil || !got.Complete {
				b.Fatal(err)
			}
		}
	}
	page := func() {
		if got, err := e.Logs(b.Context(), query.Page{Filter: f, Line: 100, Reverse: true}); err != nil || len(got.Logs) != 100 {
			b.Fatal(err)
		}
	}
	questions := map[string]func(){"count": sql("select count(*)"), "status": sql("select status, count(*) as c group by status"), "page": page}
	all := func(when string) {
		for _, name := range []string{"count", "status", "page"} {
			run(name+when, questions[name])
		}
	}
	some, err := e.Logs(b.Context(), query.Page{Filter: f, Line: 100_000})
	if err != nil {
		b.Fatal(err)
	}
	next := 0
	which := func() query.Which {
		next++
		return query.Which{Filter: query.Filter{Ref: catalogtest.Ref}, RowID: some.Logs[next%len(some.Logs)].RowID()}
	}
	patch, err := query.ParsePatch([]byte(`{"status":"299"}`), false)
	if err != nil {
		b.Fatal(err)
	}
	all("")
	run("delete", func() {
		if _, err := e.Delete(b.Context(), which()); err != nil {
			b.Fatal(err)
		}
	})
	run("update", func() {
		if _, err := e.Update(b.Context(), which(), patch); err != nil {
			b.Fatal(err)
		}
	})
	search := f
	search.Search = "status = 502 and payment"
	n, err := e.Delete(b.Context(), query.Which{Filter: search})
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d logs deleted by a search", n)
	all("After")
	run("countAfterEach", func() {
		if _, err := e.Delete(b.Context(), which()); err != nil {
			b.Fatal(err)
		}
		questions["count"]()
	})
}
