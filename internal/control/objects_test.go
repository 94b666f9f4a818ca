package control_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/control"
	"github.com/sluicelog/sluice/internal/meta"
)

// Objects go after the ttl of their logstore, which makes room; before, there is none for one too many.
func TestObjectsGoAfterTheirTime(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	e := open(t, control.Options{PerKind: 10, Now: func() time.Time { return now }})
	ctx, ref := t.Context(), sluice.LogstoreRef{Project: "web", Logstore: "access"}
	must(t, e.store.Update(ctx, func(tx meta.Tx) error {
		return tx.UpdateLogstore(meta.Logstore{Project: "web", Name: "access", TTLDays: 2})
	}))
	put := func(name string) error {
		_, err := e.PutObject(ctx, ref, name, nil, []byte("x"))
		return err
	}
	for i := range 10 {
		must(t, put(fmt.Sprint(i)))
		if i == 0 {
			now = now.Add(time.Hour)
		}
	}
	if err := put("one more"); sluice.KindOf(err) != sluice.Throttled {
		t.Errorf("one too many: got %v", err)
	}
	must(t, put("7")) // replaced
	now = now.Add(47 * time.Hour)
	if _, err := e.Object(ctx, ref, "0"); err != nil {
		t.Errorf("at the end of its time: %v", err)
	}
	now = now.Add(time.Nanosecond)
	if _, err := e.Object(ctx, ref, "0"); sluice.KindOf(err) != sluice.NotFound {
		t.Errorf("after its time: got %v", err)
	}
	if page, more, err := e.Objects(ctx, ref, "", "", 1000); err != nil || more || len(page) != 9 {
		t.Errorf("got %d objects, more %v, error %v", len(page), more, err)
	}
	must(t, put("one more"))
	must(t, e.store.Update(ctx, func(tx meta.Tx) error {
		return tx.UpdateLogstore(meta.Logstore{Project: "web", Name: "access", TTLDays: 3650})
	}))
	now = now.AddDate(20, 0, 0)
	if _, err := e.Object(ctx, ref, "1"); err != nil {
		t.Errorf("of a logstore that keeps for ever: %v", err)
	}
}
