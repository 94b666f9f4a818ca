package agent_test

import (
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/lz4block"
)

// read gives fn all logs of a logstore; none if there is no such logstore.
func read(t *testing.T, c *catalog.Catalog, ref sluice.LogstoreRef, fn func(*sluice.Record)) {
	t.Helper()
	l, err := c.Logstore(t.Context(), ref)
	if sluice.KindOf(err) == sluice.NotFound {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range l.Shards {
		at, end := l.Shards[i].Stored.Bounds()
		for at < end {
			batch, err := l.Shards[i].Stored.Read(at, end, 100, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			for k := range batch.Groups {
				raw := make([]byte, batch.Groups[k].Raw)
				if err := lz4block.Decompress(raw, batch.Groups[k].Data); err != nil {
					t.Fatal(err)
				}
				g, err := logpb.Decode(raw)
				if err != nil {
					t.Fatal(err)
				}
				for n := range g.Records {
					fn(&g.Records[n])
				}
			}
			at = batch.Next
			batch.Release()
		}
	}
}
