package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/ledger"
)

// crowded is a bench whose disk is small.
type crowded struct {
	*bench
	whole int64 // of the reserve, when nothing of it is used
}

// minFree is what the small disk is to leave free.
const minFree = 6 << 20

func newCrowded(t *testing.T, o ledger.Options, journal int64) *crowded {
	t.Helper()
	b := &bench{t: t, o: o, Env: catalogtest.Open(t, catalog.Options{}, shard.Options{
		MinFreeBytes: minFree, ReserveBytes: ledger.ReserveBytes, JournalFileBytes: 1 << 20, JournalBytes: journal, JournalOnDemand: true,
	})}
	var err error
	if b.ring, err = auth.LoadOrCreateKeyring(filepath.Join(t.TempDir(), "secret.key")); err != nil {
		t.Fatal(err)
	}
	b.o.Now, b.o.Account = b.Clock.Now, "1"
	b.o.RetryAfter = time.Hour // nothing is tried again but when somebody asks
	c := &crowded{bench: b, whole: b.Logs.Status().Reserve}
	b.CreateLogstore(1)
	c.open()
	t.Cleanup(func() { c.rec.Close() })
	return c
}

// open opens the recorder.
func (c *crowded) open() {
	c.t.Helper()
	door := ingest.New(c.Catalog, ingest.Options{Now: c.Clock.Now, Past: -1, Future: -1})
	c.door = &gate{Appender: door}
	c.o.Reserve = ledger.Reserve{Door: door.FromReserve(), Left: func() int64 { return c.Logs.Status().Reserve }}
	var err error
	if c.rec, err = ledger.Open(c.t.Context(), c.Meta, c.Catalog, c.door, c.ring, c.o); err != nil {
		c.t.Fatal(err)
	}
}

func (c *crowded) restart() {
	c.t.Helper()
	c.rec.Close()
	c.Reopen()
	c.open()
}

// fill writes to another logstore until the disk is full, and then an event, which fails.
func (c *crowded) fill() {
	c.t.Helper()
	c.FS.SetCapacity(16 << 20)
	door := ingest.New(c.Catalog, ingest.Options{Now: c.Clock.Now, Past: -1, Future: -1})
	g := &sluice.LogGroup{Records: []sluice.Record{{Time: uint32(c.Clock.Now().Unix()), Fields: []sluice.Field{{Key: "a", Value: string(bytes.Repeat([]byte("x"), 4000))}}}}}
	var err error
	for err == nil {
		_, _, err = door.Append(c.t.Context(), catalogtest.Ref, g)
	}
	if !errors.Is(err, shard.ErrDiskFull) {
		c.t.Fatal(err)
	}
	for n := 9000; err == nil || n == 9000; n++ { // there may be room in the last journal file for a few
		err = c.rec.Append(c.t.Context(), c.event(n))
	}
	if sluice.KindOf(err) != sluice.Unavailable || c.rec.Err() == nil {
		c.t.Fatalf("an event on a full disk: %v", err)
	}
}

// expired are the events that say what retention took.
func (c *crowded) expired() (n int) {
	c.t.Helper()
	for _, e := range c.events() {
		if e.Name == trail.HistoryExpired {
			n++
		}
	}
	return n
}

// What is too old of the record goes though no event can be written but those that say so; then there is room again for those that waited.
func TestRetentionOnAFullDisk(t *testing.T) {
	f := func(what string, journal int64, restart bool) {
		t.Helper()
		o := ledger.Options{Days: 10, AnchorEvery: time.Hour}
		if !restart {
			o.AnchorEvery = time.Millisecond
		}
		c := newCrowded(t, o, journal)
		c.append(0, 700) // about 3 MB of journal
		c.fill()
		if restart { // what waits is lost, and that is the last event
			c.rec.Close()
			c.Reopen()
		}
		l, err := ledger.FindLog(t.Context(), c.Catalog)
		if err != nil {
			t.Fatal(err)
		}
		_, end := l.Bounds()
		c.Clock.Advance(11 * day)
		if restart {
			c.open() // and retention begins
		}
		if err := l.Wait(t.Context(), end); err != nil {
			t.Fatal(err)
		}
		const never = 1 << 30 // is anything moved out of the journal: otherwise that may make room as well, and while it runs there may be room by now
		if left := c.Logs.Status().Reserve; restart && journal == never && left >= c.whole {
			t.Errorf("%s: the reserve was not needed: %d bytes are left", what, left)
		}
		if err := c.rec.Append(t.Context(), c.event(9999)); err != nil {
			t.Fatalf("%s: behind retention: %v", what, err)
		}
		c.restart()
		r := c.wantGood()
		if r.Floor < 700 || r.Expiry == nil {
			t.Errorf("%s: %v", what, r)
		}
		if n := c.expired(); n != 1 {
			t.Errorf("%s: it is said %d times that something went", what, n)
		}
		if ids := c.calls(); ids[len(ids)-1] != fmt.Sprintf("%024d", 9999) {
			t.Errorf("%s: the newest event is %s", what, ids[len(ids)-1])
		}
		if left := c.Logs.Status().Reserve; left != c.whole {
			t.Errorf("%s: with room again, %d bytes are in reserve of %d", what, left, c.whole)
		}
	}
	f("all in the journal", 1<<30, true)
	f("while it runs", 1<<30, false)
	f("most of it in sealed files", 2<<20, true)
}

// The events of calls that make room get half of the reserve, and never what is left for retention; others get nothing of it.
func TestFreedOnAFullDisk(t *testing.T) {
	c := newCrowded(t, ledger.Options{Days: -1, AnchorEvery: time.Hour}, 1<<30)
	c.append(0, 3)
	c.fill()
	if err := c.rec.Append(t.Context(), c.event(1)); err == nil {
		t.Error("an event is written that makes no room")
	}
	if left := c.Logs.Status().Reserve; left != c.whole {
		t.Errorf("the reserve was used: %d bytes are left of %d", left, c.whole)
	}
	freed := 0
	for c.rec.ErrFreeing() == nil {
		if err := c.rec.AppendFreed(t.Context(), c.event(2000+freed)); err != nil {
			t.Fatal(err)
		}
		freed++
	}
	for range 100 { // calls that were begun at the same time
		_ = c.rec.AppendFreed(t.Context(), c.event(3000))
	}
	if left := c.Logs.Status().Reserve; freed < 50 || left < ledger.ReserveBytes/2 {
		t.Errorf("%d events of calls went into the reserve, %d bytes are left of it", freed, left)
	}
	if err := c.rec.AppendFreed(t.Context(), c.event(3001)); sluice.KindOf(err) != sluice.Unavailable {
		t.Errorf("what calls may use is used up: %v", err)
	}
	c.FS.SetCapacity(0)
	c.append(4000, 4001)
	if err := c.rec.ErrFreeing(); err != nil || c.Logs.Status().Reserve != c.whole {
		t.Errorf("there is room again: %v", err)
	}
	c.wantGood()
	ids := c.calls()
	for n := range freed {
		if !slices.Contains(ids, fmt.Sprintf("%024d", 2000+n)) {
			t.Errorf("event %d, which was acknowledged, is not there", 2000+n)
		}
	}
	if i := slices.Index(ids, fmt.Sprintf("%024d", 4000)); i != len(ids)-1 {
		t.Errorf("the event behind all that waited is at %d of %d", i, len(ids))
	}
}

// A server that ends on a full disk says in the record how many events are lost by that.
func TestLossOnAFullDisk(t *testing.T) {
	c := newCrowded(t, ledger.Options{Days: -1, AnchorEvery: time.Hour, MaxQueued: 4}, 1<<30)
	c.append(0, 3)
	c.fill() // one event waits
	for n := range 9 {
		c.rec.Offer(c.event(5000 + n)) // three wait too, the others are lost at once
	}
	c.restart()
	c.FS.SetCapacity(0)
	c.append(10, 11)
	var lost []string
	for _, e := range c.events() {
		if e.Name == trail.EventsLost {
			lost = append(lost, fmt.Sprint(e.Additional["count"]))
		}
	}
	if fmt.Sprint(lost) != "[10]" {
		t.Errorf("%v events are said to be lost, want 10", lost)
	}
	c.wantGood()
}

const day = 24 * time.Hour
