package query_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/indexer"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/vfs"
)

// BenchmarkVisible measures how long it takes from the append of a log until a search finds it, while others come at 20 MB/s and are
// indexed, and how far the index is behind. Each operation is one log that is looked for.
func BenchmarkVisible(b *testing.B) {
	const perSecond = 20e6
	e := catalogtest.Open(b, catalog.Options{}, shard.Options{MinFreeBytes: -1})
	e.CreateLogstore(2)
	if err := e.Catalog.CreateIndex(b.Context(), catalogtest.Ref, []byte(`{"line":{"token":[" ", "="]}}`)); err != nil {
		b.Fatal(err)
	}
	dir, err := objects.OpenDir(vfs.OS{}, b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer dir.Close()
	x, err := indexer.New(b.Context(), e.Meta, e.Catalog, dir, indexer.Options{})
	if err != nil {
		b.Fatal(err)
	}
	engine := query.New(e.Catalog, x, query.Options{Now: e.Clock.Now})
	defer engine.Close()
	door := ingest.New(e.Catalog, ingest.Options{Past: -1, Future: time.Hour, Now: e.Clock.Now})

	ctx, stop := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = x.Run(ctx) })
	running.Go(func() { load(ctx, b, door, e.Clock.Now(), perSecond) })
	defer running.Wait()
	defer stop()

	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	var took, behind []time.Duration
	for i := 0; b.Loop(); i++ {
		word := fmt.Sprintf("needle%d", i)
		began := time.Now()
		id, at, err := door.Append(ctx, catalogtest.Ref, message(e.Clock.Now(), word))
		if err != nil {
			b.Fatal(err)
		}
		for found := 0; found == 0; {
			now := e.Clock.Now().UnixNano()
			page := query.Page{Line: 1, Filter: query.Filter{
				Ref: catalogtest.Ref, Search: word, Range: query.Range{From: now - int64(time.Hour), To: now + int64(time.Hour)},
			}}
			got, err := engine.Logs(ctx, page)
			if err != nil {
				b.Fatal(err)
			}
			found = len(got.Logs)
		}
		took = append(took, time.Since(began))
		for {
			snap, err := x.Snapshot(ctx, catalogtest.Ref)
			if err != nil {
				b.Fatal(err)
			}
			if snap.Progress[id] > at {
				break
			}
			<-poll.C
		}
		behind = append(behind, time.Since(began))
	}
	for name, all := range map[string][]time.Duration{"found": took, "in-segment": behind} {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Microseconds())/1e3, name+"-p50-ms")
		b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1e3, name+"-p99-ms")
	}
}

func message(at time.Time, texts ...string) *sluice.LogGroup {
	g := &sluice.LogGroup{}
	for _, text := range texts {
		g.Records = append(g.Records, sluice.Record{Time: uint32(at.Unix()), Fields: []sluice.Field{{Key: "message", Value: text}}})
	}
	return g
}

// load appends logs at a steady rate until ctx ends.
func load(ctx context.Context, b *testing.B, door *ingest.Door, at time.Time, perSecond float64) {
	var texts []string
	size := 0
	for i := range 500 {
		texts = append(texts, strings.Repeat(fmt.Sprintf("connection timeout upstream user=%d ", i*7919), 8))
		size += len(texts[i])
	}
	g := message(at, texts...)
	due := time.NewTicker(time.Duration(float64(size) / perSecond * float64(time.Second)))
	defer due.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-due.C:
			if _, _, err := door.Append(ctx, catalogtest.Ref, g); err != nil && ctx.Err() == nil {
				b.Error(err)
				return
			}
		}
	}
}
