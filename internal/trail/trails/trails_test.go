package trails

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/meta/sqlite"
	"github.com/sluicelog/sluice/internal/trail"
)

func words(s string) []string { return strings.Fields(s) }

const account = "1234567890123456"

var start = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// bed is trails over real metadata, with a clock that is set by hand.
type bed struct {
	*Trails
	store meta.Store
	now   time.Time
	prove func(*Trail) error
}

func (b *bed) Prove(_ context.Context, t *Trail) error {
	if b.prove == nil {
		return nil
	}
	return b.prove(t)
}

func newBed(t *testing.T) *bed {
	store, err := sqlite.Open(filepath.Join(t.TempDir(), "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	b := &bed{store: store, now: start}
	b.Trails = New(store, Options{
		Region: "local", Destinations: b, Now: func() time.Time { return b.now },
		Accounts: func(context.Context) ([]string, error) { return []string{account, "2"}, nil },
	})
	if err := b.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

func key(name string) Key { return Key{account, CloudTrail, name} }

func (b *bed) make(t *testing.T, name string) Trail {
	t.Helper()
	made, err := b.Create(t.Context(), Trail{Key: key(name), Target: Target{Bucket: "audit", Prefix: "a/b"}})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func wantKind(t *testing.T, what string, err error, kind sluice.Kind, noun string) {
	t.Helper()
	var e *sluice.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Noun != noun {
		t.Errorf("%s: %v, want %v %q", what, err, kind, noun)
	}
}

func TestTrailsLife(t *testing.T) {
	b, ctx := newBed(t), t.Context()
	made := b.make(t, "main")
	if made.Logging || made.ID == "" || made.Region != "local" {
		t.Errorf("made %+v: it does not log yet, and has an id and a home", made)
	}
	_, err := b.Create(ctx, Trail{Key: key("main"), Target: Target{Bucket: "audit"}})
	wantKind(t, "again", err, sluice.AlreadyExists, "trail")
	if _, err = b.Get(ctx, Key{account, ActionTrail, "main"}); sluice.KindOf(err) != sluice.NotFound {
		t.Errorf("of the other API: %v", err)
	}
	if _, err = b.Get(ctx, Key{"2", CloudTrail, "main"}); sluice.KindOf(err) != sluice.NotFound {
		t.Errorf("of another account: %v", err)
	}

	started, err := b.Start(ctx, key("main"))
	if err != nil || !started.Logging || !started.Since.Equal(start) {
		t.Fatalf("started %+v, %v", started, err)
	}
	b.now = start.Add(time.Hour)
	if again, err := b.Start(ctx, key("main")); err != nil || !again.Since.Equal(start) {
		t.Errorf("a start of one that runs moved it: %+v, %v", again, err)
	}
	stopped, err := b.Stop(ctx, key("main"))
	if err != nil || stopped.Logging || !stopped.Until.Equal(b.now) || len(stopped.Past) != 1 {
		t.Errorf("stopped %+v, %v", stopped, err)
	}
	if _, err := b.Delete(ctx, key("main")); err != nil {
		t.Fatal(err)
	}
	_, err = b.Status(ctx, key("main"))
	wantKind(t, "status of one that is gone", err, sluice.NotFound, "trail")
	if active, _ := b.Active(); len(active) != 1 || active[0].Deleted.IsZero() {
		t.Errorf("active: %v, want the deleted one until its events are out", active)
	}
	b.make(t, "main") // its name is free at once
}

func TestTrailsLimits(t *testing.T) {
	b := newBed(t)
	for _, name := range words("one two three four five") {
		b.make(t, name)
	}
	_, err := b.Create(t.Context(), Trail{Key: key("six"), Target: Target{Bucket: "audit"}})
	wantKind(t, "the sixth", err, sluice.Throttled, "trail")
	if _, err := b.Create(t.Context(), Trail{Key: Key{"2", CloudTrail, "six"}, Target: Target{Bucket: "audit"}}); err != nil {
		t.Errorf("another account's: %v", err)
	}
}

func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"abc": true, "A.b_c-9": true, "ab": false, "-ab": false, "ab-": false, "a..b": false, "a._b": false, "192.168.1.1": false,
		"has space": false, strings.Repeat("x", 128): true, strings.Repeat("x", 129): false, "": false, "a/b": false,
	} {
		if err := CloudTrail.CheckName(name); (err == nil) != ok {
			t.Errorf("CloudTrail %q: %v", name, err)
		}
	}
	for name, ok := range map[string]bool{"abcdef": true, "a-b_c9": true, "abcde": false, "Abcdef": false, "9abcdef": false, strings.Repeat("x", 37): false} {
		if err := ActionTrail.CheckName(name); (err == nil) != ok {
			t.Errorf("ActionTrail %q: %v", name, err)
		}
	}
}

func TestTrailsRefuse(t *testing.T) {
	b := newBed(t)
	tags := map[string]string{}
	for i := range 51 {
		tags[strings.Repeat("k", i+1)] = "v"
	}
	for _, c := range []struct {
		name string
		t    Trail
		kind sluice.Kind
		noun string
	}{
		{"a name", Trail{Key: key("x"), Target: Target{Bucket: "audit"}}, sluice.Invalid, "trailname"},
		{"no bucket", Trail{Key: key("abc")}, sluice.Invalid, "bucketname"},
		{"a bucket with a path", Trail{Key: key("abc"), Target: Target{Bucket: "audit/x"}}, sluice.Invalid, "bucketname"},
		{"a prefix out of the bucket", Trail{Key: key("abc"), Target: Target{Bucket: "audit", Prefix: "a/../b"}}, sluice.Invalid, "prefix"},
		{"a prefix too long", Trail{Key: key("abc"), Target: Target{Bucket: "audit", Prefix: strings.Repeat("p", 201)}}, sluice.Invalid, "prefix"},
		{"all regions but global ones", Trail{Key: key("abc"), Target: Target{Bucket: "audit"}, Regions: "All"}, sluice.Invalid, "combination"},
		{"too many tags", Trail{Key: key("abc"), Target: Target{Bucket: "audit"}, Tags: tags}, sluice.Throttled, "tags"},
		{"nowhere", Trail{Key: Key{account, ActionTrail, "abcdef"}}, sluice.Invalid, "combination"},
		{"a short prefix of OSS", Trail{Key: Key{account, ActionTrail, "abcdef"}, Target: Target{Bucket: "audit", Prefix: "ab"}}, sluice.Invalid, "prefix"},
	} {
		_, err := b.Create(t.Context(), c.t)
		wantKind(t, c.name, err, c.kind, c.noun)
	}
}

func TestBucketIsProven(t *testing.T) {
	b, ctx := newBed(t), t.Context()
	b.make(t, "main")
	refused := sluice.Errorf(sluice.Unauthorized, "bucket", "no")
	b.prove = func(t *Trail) error {
		if t.Bucket == "secret" {
			return refused
		}
		return nil
	}
	_, err := b.Create(ctx, Trail{Key: key("other"), Target: Target{Bucket: "secret"}})
	wantKind(t, "a trail for it", err, sluice.Unauthorized, "bucket")
	_, err = b.Update(ctx, key("main"), func(t *Trail) error { t.Bucket = "secret"; return nil })
	wantKind(t, "a change to it", err, sluice.Unauthorized, "bucket")
	if kept, _ := b.Get(ctx, key("main")); kept.Bucket != "audit" {
		t.Errorf("bucket %q, want the one before", kept.Bucket)
	}
	_, err = b.Update(ctx, Key{"2", CloudTrail, "main"}, func(t *Trail) error { return nil })
	wantKind(t, "another account's", err, sluice.NotFound, "trail")
}

// at is an event of the account at a time.
func at(e *trail.Event, after time.Duration) *trail.Event {
	c := *e
	c.Account, c.Time = account, start.Add(after)
	return &c
}

func TestEventsAreChosenByTheSelectorsOfTheirTime(t *testing.T) {
	b, ctx := newBed(t), t.Context()
	made := b.make(t, "main")
	step := func(after time.Duration, do func(context.Context, Key) (Trail, error)) {
		t.Helper()
		b.now = start.Add(after)
		if _, err := do(ctx, key("main")); err != nil {
			t.Fatal(err)
		}
	}
	selecting := func(s Selection) func(context.Context, Key) (Trail, error) {
		return func(ctx context.Context, k Key) (Trail, error) {
			return b.Update(ctx, k, func(t *Trail) error { t.Selection = s; return nil })
		}
	}
	step(10*time.Minute, b.Start)
	step(20*time.Minute, selecting(Selection{Basic: []Basic{{ReadWriteType: ReadOnly}}}))
	step(30*time.Minute, b.Stop)
	step(40*time.Minute, selecting(Selection{}))
	step(50*time.Minute, b.Start)

	active, _ := b.Active()
	if len(active) != 1 {
		t.Fatalf("%d active trails", len(active))
	}
	stops := event(trail.Management, trail.ServiceCloudTrail, "StopLogging", false, trail.Resource{Name: "main"})
	for _, c := range []struct {
		what  string
		e     *trail.Event
		after time.Duration
		want  bool
	}{
		{"before it logged", makes, 9 * time.Minute, false},
		{"at the start", makes, 10 * time.Minute, true},
		{"by the first selectors", makes, 19 * time.Minute, true},
		{"by the second: a write", makes, 20 * time.Minute, false},
		{"by the second: a read", looks, 20 * time.Minute, true},
		{"when it was stopped", looks, 30 * time.Minute, false},
		{"the call that stopped it", stops, 30*time.Minute + time.Second, true},
		{"such a call long after", stops, 35 * time.Minute, false},
		{"while it was stopped", looks, 45 * time.Minute, false},
		{"by the third", makes, 50 * time.Minute, true},
		{"data", puts, 51 * time.Minute, false},
	} {
		if got := active[0].Chooses(at(c.e, c.after)); got != c.want {
			t.Errorf("%s: chosen %v, want %v", c.what, got, c.want)
		}
	}
	foreign := at(makes, 50*time.Minute)
	if foreign.Account = "2"; active[0].Chooses(foreign) {
		t.Error("another account's event is chosen")
	}

	// What is delivered is forgotten.
	through := start.Add(45 * time.Minute).Format(time.RFC3339)
	err := b.store.Update(ctx, func(tx meta.Tx) error {
		return tx.SetItem(meta.Item{Kind: KindProgress, Name: ItemName(made.ID, ToBucket), Body: []byte(`{"progress":{"through":"` + through + `"}}`)})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Settle(ctx, active[0]); err != nil {
		t.Fatal(err)
	}
	if left, err := b.Status(ctx, key("main")); err != nil || len(left.Past) != 0 || left.OfBucket.Through.IsZero() {
		t.Errorf("left %+v, %v", left, err)
	}
}

func TestADeletedTrailIsGoneWhenItIsDelivered(t *testing.T) {
	b, ctx := newBed(t), t.Context()
	made := b.make(t, "main")
	if _, err := b.Start(ctx, key("main")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Delete(ctx, key("main")); err != nil {
		t.Fatal(err)
	}
	active, changed := b.Active()
	if err := b.Settle(ctx, active[0]); err != nil {
		t.Fatal(err)
	}
	if left, _ := b.Active(); len(left) != 1 {
		t.Errorf("%d active trails, want the one with events to deliver", len(left))
	}
	err := b.store.Update(ctx, func(tx meta.Tx) error {
		return tx.SetItem(meta.Item{Kind: KindProgress, Name: ItemName(made.ID, ToBucket), Body: []byte(`{"progress":{"through":"2027-01-01T00:00:00Z"}}`)})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Settle(ctx, active[0]); err != nil {
		t.Fatal(err)
	}
	if left, _ := b.Active(); len(left) != 0 {
		t.Errorf("%d active trails, want none", len(left))
	}
	<-changed
}

func TestWants(t *testing.T) {
	b, ctx := newBed(t), t.Context()
	b.make(t, "main")
	if b.Wants(at(puts, time.Minute)) || !b.Wants(at(makes, time.Minute)) {
		t.Error("without trails management events are wanted, and no others")
	}
	selection := advanced(Field{Field: fieldCategory, Equals: []string{"Data"}})
	if _, err := b.Update(ctx, key("main"), func(t *Trail) error { t.Selection = selection; return nil }); err != nil {
		t.Fatal(err)
	}
	if b.Wants(at(puts, time.Minute)) {
		t.Error("a trail that does not log wants something")
	}
	if _, err := b.Start(ctx, key("main")); err != nil {
		t.Fatal(err)
	}
	if !b.Wants(at(puts, time.Minute)) {
		t.Error("a data event that a trail asks for is not wanted")
	}
	asked := at(pulls, time.Minute)
	if n := testing.AllocsPerRun(100, func() { b.Wants(asked) }); n > 0 {
		t.Errorf("%v allocations to ask", n)
	}
}

func TestCloudKey(t *testing.T) {
	b := newBed(t)
	for _, c := range []struct {
		in, want string
		kind     sluice.Kind
		noun     string
	}{
		{"main", "main", 0, ""},
		{"arn:aws:cloudtrail:local:567890123456:trail/main", "main", 0, ""},
		{"arn:aws:cloudtrail:local:000000000001:trail/main", "", sluice.NotFound, "trail"},
		{"arn:aws:cloudtrail:us-east-1:567890123456:trail/main", "", sluice.Invalid, "homeregion"},
		{"arn:aws:s3:::x", "", sluice.Invalid, "trailarn"},
		{"arn:aws:cloudtrail:local:567890123456:trail/..", "", sluice.Invalid, "trailname"},
		{"x", "", sluice.Invalid, "trailname"},
	} {
		k, err := b.CloudKey(account, c.in)
		if c.noun != "" {
			wantKind(t, c.in, err, c.kind, c.noun)
		} else if err != nil || k != key(c.want) {
			t.Errorf("%s: %v, %v", c.in, k, err)
		}
	}
	aliases := Aliases{"2": "123456789012"}
	if aliases.Of("2") != "123456789012" || aliases.Of("7") != "000000000007" || aliases.Of(account) != "567890123456" {
		t.Errorf("aliases: %s %s %s", aliases.Of("2"), aliases.Of("7"), aliases.Of(account))
	}
}
