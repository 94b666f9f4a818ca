package gateway_test

import (
	"math/big"
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/lz4block"
)

var serial = big.NewInt(1)

// read gives fn all logs of a logstore.
func read(t *testing.T, l *catalog.Logstore, fn func(*sluice.Record)) {
	t.Helper()
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
