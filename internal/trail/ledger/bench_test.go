package ledger_test

import (
	"testing"

	"github.com/sluicelog/sluice/internal/trail/ledger"
)

// What 500 events cost from the queue to the disk, a memory file system here: their JSON, the chain, the logs and the append.
func BenchmarkEvents(b *testing.B) {
	t := newBench(b, ledger.Options{AnchorEvents: 1000})
	e := t.event(1)
	b.ReportAllocs()
	for b.Loop() {
		for range 499 {
			copied := *e
			t.rec.Offer(&copied)
		}
		last := *e
		if err := t.rec.Append(b.Context(), &last); err != nil { // when all are written
			b.Fatal(err)
		}
	}
}
