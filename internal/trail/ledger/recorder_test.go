package ledger_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a recorder over the real parts.
type bench struct {
	*catalogtest.Env
	t    testing.TB
	ring *auth.Keyring
	door *gate
	rec  *ledger.Recorder
	o    ledger.Options
}

// gate is the write door, which a test can close.
type gate struct {
	sluice.Appender
	mu     sync.Mutex // guards closed
	closed error
}

func (g *gate) set(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = err
}

func (g *gate) Append(ctx context.Context, ref sluice.LogstoreRef, group *sluice.LogGroup) (sluice.ShardID, sluice.Position, error) {
	g.mu.Lock()
	err := g.closed
	g.mu.Unlock()
	if err != nil {
		return 0, 0, err
	}
	return g.Appender.Append(ctx, ref, group)
}

func newBench(t testing.TB, o ledger.Options) *bench {
	t.Helper()
	b := &bench{t: t, o: o, Env: catalogtest.Open(t, catalog.Options{}, shard.Options{MinFreeBytes: -1, JournalFileBytes: 1 << 20, JournalBytes: 2 << 20})}
	var err error
	if b.ring, err = auth.LoadOrCreateKeyring(filepath.Join(t.TempDir(), "secret.key")); err != nil {
		t.Fatal(err)
	}
	b.o.Now, b.o.Account, b.o.AnchorEvery = b.Clock.Now, "1", time.Hour
	b.open()
	t.Cleanup(func() { b.rec.Close() })
	return b
}

// open opens the recorder.
func (b *bench) open() {
	b.t.Helper()
	b.door = &gate{Appender: ingest.New(b.Catalog, ingest.Options{Now: b.Clock.Now})}
	var err error
	if b.rec, err = ledger.Open(b.t.Context(), b.Meta, b.Catalog, b.door, b.ring, b.o); err != nil {
		b.t.Fatal(err)
	}
}

// restart closes everything and opens it again.
func (b *bench) restart() {
	b.t.Helper()
	b.rec.Close()
	b.Reopen()
	b.open()
}

// sweep has what goes by time looked at, and is over when that is: a recorder does so when it begins, and not later than that when it is closed.
func (b *bench) sweep() {
	b.t.Helper()
	b.restart()
	b.restart()
}

// event is the n-th call of a test.
func (b *bench) event(n int) *trail.Event {
	return &trail.Event{
		ID: ledger.NewID(), Time: b.Clock.Now(), Received: b.Clock.Now(), Category: trail.Management, Type: trail.APICall, Service: trail.ServiceSLS,
		Name: "CreateLogStore", Region: "local", RequestID: fmt.Sprintf("%024d", n), Account: "1",
		Identity: trail.Identity{Kind: trail.User, Account: "1", User: "ops", AccessKey: "AK" + fmt.Sprint(n)}, Source: netip.MustParseAddr("192.0.2.10"),
		Resources: []trail.Resource{{Type: "ACS::SLS::Project", Name: "web"}, {Type: "ACS::SLS::Logstore", Name: fmt.Sprint("l", n)}},
		Request:   map[string]any{"logstoreName": fmt.Sprint("l", n), "ttl": 30},
		Status:    200,
	}
}

func (b *bench) append(from, to int) {
	b.t.Helper()
	for n := from; n < to; n++ {
		if err := b.rec.Append(b.t.Context(), b.event(n)); err != nil {
			b.t.Fatal(err)
		}
	}
}

// events are all events, those of the server itself included.
func (b *bench) events() []trail.Event {
	b.t.Helper()
	l := b.rec.Log()
	begin, _ := l.Bounds()
	all, _, err := l.Read(b.t.Context(), begin, 1<<30)
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

// calls are the request ids of the events of calls.
func (b *bench) calls() (ids []string) {
	b.t.Helper()
	for _, e := range b.events() {
		if e.Type == trail.APICall {
			ids = append(ids, e.RequestID)
		}
	}
	return ids
}

// verify verifies with what metadata says.
func (b *bench) verify(more ...trail.Anchor) *trail.Report {
	b.t.Helper()
	keys, newest, err := ledger.Stored(b.t.Context(), b.Meta)
	if err != nil {
		b.t.Fatal(err)
	}
	r, err := ledger.Verify(b.t.Context(), b.rec.Log(), trail.NewVerifier(keys, nil, append(more, newest)...), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *bench) wantGood() *trail.Report {
	b.t.Helper()
	r := b.verify()
	if !r.Good() {
		b.t.Fatalf("the chain is not good: %v", r.Problems)
	}
	return r
}

// What was appended is there in order, in one chain, after a restart too; and a clean end leaves nothing behind the last anchor.
func TestChainGoesOn(t *testing.T) {
	b := newBench(t, ledger.Options{AnchorEvents: 7})
	b.append(0, 20)
	b.restart()
	b.append(20, 25)
	for n := 25; n < 40; n++ {
		b.rec.Offer(b.event(n))
	}
	b.restart()
	ids := b.calls()
	if len(ids) != 40 {
		t.Fatalf("%d events, want 40", len(ids))
	}
	for n, id := range ids {
		if id != fmt.Sprintf("%024d", n) {
			t.Errorf("event %d is of request %s", n, id)
		}
	}
	r := b.wantGood()
	if r.First != 1 || r.Events != r.Last || r.Anchored != r.Last-1 || r.Anchors < 5 {
		t.Errorf("report %+v", r)
	}
	for i, e := range b.events() {
		if e.Seq != uint64(i+1) {
			t.Fatalf("event %d has number %d", i, e.Seq)
		}
	}
}

// What comes together is written together.
func TestManyEventsOneGroup(t *testing.T) {
	b := newBench(t, ledger.Options{Gather: time.Hour})
	for n := range 100 {
		b.rec.Offer(b.event(n))
	}
	b.append(100, 101)                                     // who waits makes the others go, too
	if begin, end := b.rec.Log().Bounds(); end-begin > 4 { // some went with what the server does when it starts
		t.Errorf("%d log groups for 101 events", end-begin)
	}
	if n := len(b.calls()); n != 101 {
		t.Errorf("%d events", n)
	}
}

// Who waits is told when his event cannot be written, it is written later all the same, and what had no room is counted.
func TestEventsThatWait(t *testing.T) {
	b := newBench(t, ledger.Options{MaxQueued: 3, RetryAfter: time.Hour})
	b.append(0, 1)
	b.door.set(errors.New("the disk is full"))
	for n := 1; n < 6; n++ {
		if err := b.rec.Append(t.Context(), b.event(n)); sluice.KindOf(err) != sluice.Unavailable {
			t.Errorf("event %d: got %v", n, err)
		}
	}
	if b.rec.Err() == nil {
		t.Error("nothing is said of events that cannot be written")
	}
	b.door.set(nil)
	b.rec.Close() // writes what waits
	b.Reopen()
	b.open()
	if got := fmt.Sprint(len(b.calls())); got != "4" {
		t.Errorf("%s events are there, want the first and the three that had room", got)
	}
	var lost any
	for _, e := range b.events() {
		if e.Name == trail.EventsLost {
			lost = e.Additional["count"]
		}
	}
	if fmt.Sprint(lost) != "2" {
		t.Errorf("%v events are said to be lost, want 2", lost)
	}
	b.wantGood()
}

// Retention removes what is old, says first what, and the rest is still good. It says it once.
func TestOldEventsGo(t *testing.T) {
	b := newBench(t, ledger.Options{Days: 10})
	b.append(0, 10)
	b.Clock.Advance(5 * 24 * time.Hour)
	b.append(10, 20)
	b.Clock.Advance(6 * 24 * time.Hour)
	b.sweep() // what is too old is in the journal with what is not
	if r := b.wantGood(); r.Floor != 0 || r.First != 1 {
		t.Errorf("some events are old and went: %v", r)
	}
	b.Clock.Advance(11 * 24 * time.Hour)
	b.sweep()
	b.append(20, 30)
	for range 3 {
		b.restart()
	}
	r := b.wantGood()
	if r.Floor < 20 || r.First != r.Floor+1 || r.Expired != 0 || r.Expiry == nil || r.Expiry.First != 1 || r.Expiry.To.After(r.Expiry.Before) {
		t.Errorf("all events but the newest are old: %v, %+v", r, r.Expiry)
	}
	told := 0
	for _, e := range b.events() {
		if e.Name == trail.HistoryExpired {
			told++
		}
	}
	if told != 1 {
		t.Errorf("retention took something once, and tells it %d times", told)
	}
}

// silent is metadata that commits the first anchor of what retention takes, and says that it has not; behind that it commits nothing.
type silent struct {
	meta.Store
	over bool // guarded by the recorder's one appender
}

func (s *silent) Update(ctx context.Context, fn func(meta.Tx) error) error {
	lost := errors.New("the connection is lost")
	if s.over {
		return lost
	}
	if err := s.Store.Update(ctx, fn); err != nil {
		return err
	}
	_, newest, err := ledger.Stored(ctx, s.Store)
	if err == nil && newest.Floor.Seq > 0 {
		s.over, err = true, lost
	}
	return err
}

// Retention that metadata has, though it said that it has not, is not taken back by the next anchor: the record would begin somewhere else than that says.
func TestFloorStays(t *testing.T) {
	b := newBench(t, ledger.Options{Days: 10})
	b.append(0, 10)
	b.rec.Close()
	b.Reopen()
	b.Clock.Advance(11 * 24 * time.Hour)
	store := &silent{Store: b.Meta}
	rec, err := ledger.Open(t.Context(), store, b.Catalog, ingest.New(b.Catalog, ingest.Options{Now: b.Clock.Now}), b.ring, b.o)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = rec.Anchor(t.Context()) // behind retention, which a recorder begins with
	if err := rec.Append(t.Context(), b.event(10)); err != nil {
		t.Fatal(err)
	}
	if _, err := rec.Anchor(t.Context()); err == nil {
		t.Error("an anchor that metadata does not have is said to be there")
	}
	rec.Close()
	if !store.over {
		t.Fatal("retention took nothing")
	}
	b.Reopen()
	keys, newest, err := ledger.Stored(t.Context(), b.Meta)
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.FindLog(t.Context(), b.Catalog)
	if err != nil {
		t.Fatal(err)
	}
	r, err := ledger.Verify(t.Context(), l, trail.NewVerifier(keys, nil, newest), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Good() || r.Floor != newest.Floor.Seq || r.Anchored <= newest.Seq {
		t.Errorf("newest in metadata %+v: %v", newest, r)
	}
	b.open()
	b.restart()
	b.wantGood()
}

// A key hands over to the next: old anchors stay good, its private part is gone, and that of the next signs after a restart too.
func TestRotateKey(t *testing.T) {
	b := newBench(t, ledger.Options{AnchorEvents: 5})
	if err := b.rec.RotateKey(t.Context()); sluice.KindOf(err) != sluice.Unavailable {
		t.Errorf("a key that has signed nothing hands over: %v", err)
	}
	b.append(0, 12)
	b.rotateKey()
	_, newest, err := b.rec.Stored(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.append(12, 20)
	b.rotateKey()
	b.rotateKey()
	b.restart()
	b.append(20, 30)
	b.restart()
	r := b.verify(newest)
	if !r.Good() || len(r.Keys) != 4 || r.Keys[0].From != 1 || r.Keys[0].Anchors < 3 {
		t.Fatalf("%v", r)
	}
	for i, k := range r.Keys {
		if i > 0 && k.From != r.Keys[i-1].To+1 {
			t.Errorf("key %d signs from event %d on, the one before until %d", i, k.From, r.Keys[i-1].To)
		}
		if last := i == 3; last != (k.To == 0) || last != (b.stored(k.ID).Sealed != nil) || k.Anchors == 0 {
			t.Errorf("key %d: %+v", i, k)
		}
	}
	if newest.KeyID != r.Keys[1].ID {
		t.Errorf("behind a change the newest anchor is by key %s, want %s", newest.KeyID, r.Keys[1].ID)
	}
}

// A change of keys that cannot be written has changed nothing, and is done when it is asked for again.
func TestRotateKeyFails(t *testing.T) {
	b := newBench(t, ledger.Options{RetryAfter: time.Hour})
	b.append(0, 3)
	b.door.set(errors.New("the disk is full"))
	if err := b.rec.RotateKey(t.Context()); sluice.KindOf(err) != sluice.Unavailable {
		t.Errorf("got %v", err)
	}
	b.door.set(nil)
	b.append(3, 5)
	b.restart()
	if r := b.wantGood(); len(r.Keys) != 1 {
		t.Errorf("%v", r)
	}
	b.rotateKey()
	if r := b.wantGood(); len(r.Keys) != 2 {
		t.Errorf("%v", r)
	}
}

// A key that was made for a change that did not come about does not take over later: it was in metadata, and so in whatever was copied of that since.
func TestKeyOfChangeThatFailed(t *testing.T) {
	b := newBench(t, ledger.Options{RetryAfter: time.Hour})
	b.append(0, 3)
	waiting := map[string]bool{}
	fail := func() {
		b.door.set(errors.New("the disk is full"))
		if err := b.rec.RotateKey(t.Context()); sluice.KindOf(err) != sluice.Unavailable {
			t.Errorf("got %v", err)
		}
		b.door.set(nil)
		kept := b.waiting()
		for _, id := range kept {
			waiting[id] = true
		}
		if len(kept) == 0 {
			t.Error("the next key is not kept before it is used")
		}
	}
	fail()
	fail()
	b.restart()
	if kept := b.waiting(); len(kept) != 0 {
		t.Errorf("keys %v, which no handover names, stay", kept)
	}
	fail()
	b.rotateKey()
	if r := b.wantGood(); len(r.Keys) != 2 || waiting[r.Keys[1].ID] {
		t.Errorf("the new key is of a change before: %v", r)
	}
	if kept := b.waiting(); len(kept) != 0 || len(waiting) != 3 {
		t.Errorf("behind a change keys %v wait; there were %v", kept, waiting)
	}
}

// Metadata that was put back to before a change of keys, under a record that was not, has lost the key: the server says so when it starts.
func TestMetadataOfBefore(t *testing.T) {
	b := newBench(t, ledger.Options{})
	b.append(0, 3)
	b.restart()
	kinds := []string{"trail-key", "trail-key-next", "trail-anchor"}
	var before []meta.Item
	if err := b.Meta.View(t.Context(), func(tx meta.Tx) error {
		for _, kind := range kinds {
			items, err := tx.Items(kind, meta.ItemRange{})
			if err != nil {
				return err
			}
			before = append(before, items...)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	b.rotateKey()
	b.append(3, 5)
	var log bytes.Buffer
	b.o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	b.restart()
	b.rec.Close()
	if log.Len() > 0 {
		t.Errorf("nothing is wrong yet: %s", &log)
	}
	if err := b.Meta.Update(t.Context(), func(tx meta.Tx) error {
		for _, kind := range kinds {
			items, err := tx.Items(kind, meta.ItemRange{})
			if err != nil {
				return err
			}
			for _, i := range items {
				if err := tx.DeleteItem(kind, i.Name); err != nil {
					return err
				}
			}
		}
		for _, i := range before {
			if err := tx.SetItem(i); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	b.Reopen()
	b.open()
	b.rec.Close()
	if !strings.Contains(log.String(), "metadata is older") {
		t.Errorf("it starts and says %q", &log)
	}
	b.Reopen()
	b.open()
	if r := b.verify(); r.Good() {
		t.Errorf("it signs with a key that had handed over: %v", r)
	}
}

// Keys that are old enough change by themselves.
func TestOldKeys(t *testing.T) {
	b := newBench(t, ledger.Options{KeyDays: 30})
	b.append(0, 3)
	b.restart()
	b.Clock.Advance(29 * 24 * time.Hour)
	b.sweep()
	if r := b.wantGood(); len(r.Keys) != 1 {
		t.Errorf("%v", r)
	}
	b.Clock.Advance(24 * time.Hour)
	b.sweep()
	if r := b.wantGood(); len(r.Keys) != 2 {
		t.Errorf("%v", r)
	}
}

// A clock that was years ahead for a while costs two keys, and does not keep the next from getting old in time.
func TestKeysAfterAJumpOfTheClock(t *testing.T) {
	b := newBench(t, ledger.Options{KeyDays: 30, Days: -1})
	b.append(0, 3)
	b.restart()
	const years = 3 * 365 * 24 * time.Hour
	for i, step := range []struct {
		by   time.Duration
		keys int
	}{{years, 2}, {0, 2}, {-years, 3}, {0, 3}, {-time.Hour, 3}, {29 * 24 * time.Hour, 3}, {2 * 24 * time.Hour, 4}} {
		b.Clock.Advance(step.by)
		b.sweep()
		if r := b.wantGood(); len(r.Keys) != step.keys {
			t.Errorf("step %d, the clock moves by %v: %d keys, want %d", i, step.by, len(r.Keys), step.keys)
		}
	}
}

// An anchor that is asked for covers all events that were there, and none is made where there is nothing new.
func TestAnchorOnDemand(t *testing.T) {
	b := newBench(t, ledger.Options{})
	b.append(0, 3)
	a, err := b.rec.Anchor(t.Context())
	if err != nil || a.Seq < 3 { // one more if the recorder made an anchor when it began
		t.Fatalf("%+v, %v", a, err)
	}
	again, err := b.rec.Anchor(t.Context())
	if err != nil || again.Head != a.Head {
		t.Fatalf("%+v, %v", again, err)
	}
	if r := b.verify(a); !r.Good() || r.Anchored != a.Seq || r.Events != a.Seq+1 {
		t.Errorf("%v", r)
	}
	b.rec.Close()
	if _, err := b.rec.Anchor(t.Context()); sluice.KindOf(err) != sluice.Unavailable {
		t.Errorf("got %v of a recorder that is closed", err)
	}
}

// An event too large for any reader loses parts, and says which.
func TestLargeEvents(t *testing.T) {
	b := newBench(t, ledger.Options{})
	e := b.event(1)
	e.Response = map[string]any{"text": string(make([]byte, 300<<10))}
	if err := b.rec.Append(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	got := b.events()[0]
	if got.Response != nil || got.Request == nil || fmt.Sprint(got.Additional["truncated"]) != "[responseElements]" {
		t.Errorf("got %+v", got)
	}
	b.wantGood()
}

// Text that is not UTF-8 does not make an event look tampered with.
func TestBadText(t *testing.T) {
	b := newBench(t, ledger.Options{})
	e := b.event(1)
	e.Identity.AccessKey, e.Resources[1].Name, e.Name = "AK\xff<\u2028>", "a\xfe\xff", "\x00\xc3\x28"
	if err := b.rec.Append(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	b.wantGood()
}

// The name of the project may be somebody's, of a time before the server kept events.
func TestForeignProject(t *testing.T) {
	env := catalogtest.Open(t, catalog.Options{}, shard.Options{MinFreeBytes: -1})
	if err := env.Catalog.CreateProject(t.Context(), meta.Project{Name: trail.Project, Account: "1234567890123456"}); err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.OpenLog(t.Context(), env.Catalog); err == nil {
		t.Error("somebody else's project is taken")
	}
}

// signer is the private part of the last of keys.
func (b *bench) signer(keys trail.Keys) ed25519.PrivateKey {
	b.t.Helper()
	key, err := b.ring.Open(b.stored(keys[len(keys)-1].ID()).Sealed, "trail", keys[len(keys)-1].ID())
	if err != nil {
		b.t.Fatal(err)
	}
	return key
}

// sealed is a key in metadata.
type sealed struct{ Sealed []byte }

func (b *bench) stored(id string) (k sealed) {
	b.t.Helper()
	if err := b.Meta.View(b.t.Context(), func(tx meta.Tx) error {
		item, err := tx.Item("trail-key", id)
		if err != nil {
			return err
		}
		return json.Unmarshal(item.Body, &k)
	}); err != nil {
		b.t.Fatal(err)
	}
	return k
}

// waiting are the keys in metadata that have not taken over, by id.
func (b *bench) waiting() (ids []string) {
	b.t.Helper()
	if err := b.Meta.View(b.t.Context(), func(tx meta.Tx) error {
		items, err := tx.Items("trail-key-next", meta.ItemRange{})
		for _, i := range items {
			ids = append(ids, i.Name)
		}
		return err
	}); err != nil {
		b.t.Fatal(err)
	}
	return ids
}

func (b *bench) rotateKey() {
	b.t.Helper()
	if err := b.rec.RotateKey(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}
