package agent_test

import (
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
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
		if err := catalog.EachRecord(t.Context(), l.Shards[i].Stored, time.Unix(0, 0), fn); err != nil {
			t.Fatal(err)
		}
	}
}
