package gateway_test

import (
	"math/big"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
)

var serial = big.NewInt(1)

// read gives fn all logs of a logstore.
func read(t *testing.T, l *catalog.Logstore, fn func(*sluice.Record)) {
	t.Helper()
	for i := range l.Shards {
		if err := catalog.EachRecord(t.Context(), l.Shards[i].Stored, time.Unix(0, 0), fn); err != nil {
			t.Fatal(err)
		}
	}
}
