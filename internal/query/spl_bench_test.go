package query_test

import (
	"testing"

	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/query"
)

// Pipelines that show what the walk, the reading of logs and the commands cost.
var splQuestions = []struct{ name, search, pipeline string }{
	{"firstPage", "*", "where status = '500'"},
	{"nothing", "*", "where false"},
	{"where", "*", "where status = '500' and cast(bytes as bigint) < 0"},
	{"stats", "*", "stats n = count(*) by host"},
	{"narrowed", "status >= 500 and timeout", "stats n = count(*) by host"},
}

// BenchmarkSPL runs pipelines over the logs of BenchmarkSQL.
func BenchmarkSPL(b *testing.B) {
	e, r := openWeb(b)
	for _, q := range splQuestions {
		b.Run(q.name, func(b *testing.B) {
			before, logs := cpu(), int64(0)
			for b.Loop() {
				got, err := e.SPL(b.Context(), query.Page{Filter: query.Filter{Ref: catalogtest.Ref, Search: q.search, Range: r}, Line: 100}, q.pipeline)
				if err != nil || !got.Complete {
					b.Fatal(err, got.Complete)
				}
				logs = got.Logs
			}
			took := (cpu() - before).Seconds() / float64(b.N)
			b.ReportMetric(took*1e3, "cpu-ms/op")
			b.ReportMetric(float64(logs)/took/1e6, "Mlogs/cpu-s")
		})
	}
}
