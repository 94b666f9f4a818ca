package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/internal/testenv"
)

// BenchmarkTail measures how long a log is on its way: from before it is put, over the journal on disk, to who follows with a filter.
func BenchmarkTail(b *testing.B) {
	env, err := testenv.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := env.Stop(); err != nil {
			b.Error(err)
		}
	}()
	c, err := client.New(client.Options{Endpoint: env.URL(), AccessKeyID: testenv.RootID, Secret: testenv.RootSecret})
	if err != nil {
		b.Fatal(err)
	}
	shards := 2
	for _, err := range []error{
		c.CreateProject(b.Context(), ref.Project, ""),
		c.CreateLogstore(b.Context(), ref, client.LogstoreSpec{ShardCount: &shards}),
		c.SetIndex(b.Context(), ref, json.RawMessage(`{"line":{"token":[" "]},"keys":{"n":{"type":"long"}}}`)),
	} {
		if err != nil {
			b.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	arrived := make(chan string)
	go func() {
		defer close(arrived)
		for e, err := range c.Tail(ctx, ref, client.TailQuery{Query: "n >= 0 and word", From: time.Now()}) {
			if err != nil {
				b.Error(err)
				return
			}
			for _, row := range e.Rows {
				arrived <- row.Get("n")
			}
		}
	}()
	send := func(n int) time.Duration {
		begin := time.Now()
		g := &sluice.LogGroup{Records: []sluice.Record{{Time: uint32(begin.Unix()), Fields: []sluice.Field{
			{Key: "n", Value: strconv.Itoa(n)}, {Key: "text", Value: "a word"},
		}}}}
		if err := c.PutLogs(b.Context(), ref, g, client.PutOptions{}); err != nil {
			b.Fatal(err)
		}
		if got := <-arrived; got != strconv.Itoa(n) {
			b.Fatalf("log %s came instead of %d", got, n)
		}
		return time.Since(begin)
	}
	send(0) // it is connected
	var took []time.Duration
	for b.Loop() {
		took = append(took, send(len(took)+1))
	}
	slices.Sort(took)
	for _, p := range []int{50, 95, 99} {
		b.ReportMetric(float64(took[(len(took)-1)*p/100].Microseconds())/1000, fmt.Sprintf("ms/p%d", p))
	}
}
