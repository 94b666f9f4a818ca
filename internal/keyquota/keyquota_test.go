package keyquota

import (
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta/sqlite"
	"github.com/sluicelog/sluice/internal/quota"
)

func open(t *testing.T, o Options) *Quotas {
	t.Helper()
	store, err := sqlite.Open(filepath.Join(t.TempDir(), "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	now := time.Unix(1_700_000_000, 0)
	o.Now = func() time.Time { return now } // it stands still: what is admitted is a second's worth
	return New(store, o)
}

// admitted is how many of 100 requests of so many bytes are let through.
func (q *Quotas) admitted(t *testing.T, key string, root, writing bool, bytes int64) (n int) {
	t.Helper()
	for range 100 {
		err := q.Admit(t.Context(), key, root, writing)
		switch {
		case err == nil:
			q.Charge(key, root, writing, bytes)
			n++
		case sluice.KindOf(err) != sluice.Throttled:
			t.Fatal(err)
		}
	}
	return n
}

func TestKeysAreHeldToTheirLimits(t *testing.T) {
	q := open(t, Options{Key: Limits{
		Write: quota.Rate{RequestsPerSecond: 8}, Read: quota.Rate{RequestsPerSecond: 50, BytesPerSecond: 1000},
	}})
	f := func(name string, got, want int) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %d of 100 requests are admitted, want %d", name, got, want)
		}
	}
	f("writes by default", q.admitted(t, "a", false, true, 1<<20), 8)
	f("another key", q.admitted(t, "b", false, true, 0), 8)
	f("reads, by bytes", q.admitted(t, "a", false, false, 100), 10)
	f("root", q.admitted(t, "root", true, true, 1<<30), 100)

	ctx := t.Context()
	if err := q.Set(ctx, "c", Limits{Write: quota.Rate{BytesPerSecond: 10}}); err != nil {
		t.Fatal(err)
	}
	if err := q.Set(ctx, "root", Limits{Read: quota.Rate{RequestsPerSecond: 4}}); err != nil {
		t.Fatal(err)
	}
	f("its own", q.admitted(t, "c", false, true, 1), 10)
	f("its own, of reads none", q.admitted(t, "c", false, false, 1<<20), 100)
	f("root's own", q.admitted(t, "root", true, false, 0), 4)
	if l, ok, err := q.Own(ctx, "c"); err != nil || !ok || l.Write.BytesPerSecond != 10 {
		t.Errorf("got %+v, %v, %v", l, ok, err)
	}
	if err := q.Set(ctx, "d", Limits{Write: quota.Rate{RequestsPerSecond: 1}}); err != nil {
		t.Fatal(err)
	}
	if err := q.Set(ctx, "d", Limits{Write: quota.Rate{RequestsPerSecond: 2}}); err != nil {
		t.Fatal(err)
	}
	f("changed", q.admitted(t, "d", false, true, 0), 2)
	if err := q.Set(ctx, "f", Limits{}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := q.Reset(ctx, "f"); err != nil {
			t.Fatal(err)
		}
	}
	f("reset", q.admitted(t, "f", false, true, 0), 8)
	if err := q.Set(ctx, "e", Limits{Read: quota.Rate{BytesPerSecond: -1}}); sluice.KindOf(err) != sluice.Invalid {
		t.Errorf("a limit below zero: %v", err)
	}
}

func TestAddressesAreHeldToTheirLimit(t *testing.T) {
	q := open(t, Options{Address: quota.Rate{RequestsPerSecond: 5, BytesPerSecond: 1000}})
	f := func(from string, bytes int64, want int) {
		t.Helper()
		got := 0
		for range 100 {
			if q.AdmitAddress(netip.MustParseAddr(from), bytes) == nil {
				got++
			}
		}
		if got != want {
			t.Errorf("%s: %d of 100 requests are admitted, want %d", from, got, want)
		}
	}
	f("192.0.2.1", 1, 5)
	f("192.0.2.2", 500, 2)
	f("2001:db8::1", 1, 5)
	f("2001:db8::2", 1, 0) // of the same network
	f("2001:db8:0:1::2", 1, 5)
	if err := q.AdmitAddress(netip.Addr{}, 1); err != nil {
		t.Error(err)
	}
}
