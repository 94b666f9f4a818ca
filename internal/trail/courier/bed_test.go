package courier

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/meta/sqlite"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/bucket"
	"github.com/sluicelog/sluice/internal/trail/courier/digesttest"
	"github.com/sluicelog/sluice/internal/trail/shape"
	"github.com/sluicelog/sluice/internal/trail/trails"
)

var epoch = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// memoryLog is a log of events in memory: groups of them, as they were appended.
type memoryLog struct {
	mu     sync.Mutex // guards all below
	groups [][]trail.Event
	times  []time.Time
	begin  int
	seq    uint64
}

func (l *memoryLog) append(now time.Time, events ...trail.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range events {
		l.seq++
		events[i].Seq = l.seq
	}
	l.groups, l.times = append(l.groups, events), append(l.times, now)
}

func (l *memoryLog) Bounds() (begin, end sluice.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return sluice.Position(l.begin), sluice.Position(len(l.groups))
}

func (l *memoryLog) Seek(t time.Time) (sluice.Position, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := l.begin; i < len(l.times); i++ {
		if !l.times[i].Before(t) {
			return sluice.Position(i), nil
		}
	}
	return sluice.Position(len(l.groups)), nil
}

func (l *memoryLog) Read(ctx context.Context, from sluice.Position, limit int) (events []trail.Event, next sluice.Position, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for next = max(from, sluice.Position(l.begin)); len(events) < limit && int(next) < len(l.groups); next++ {
		for _, e := range l.groups[next] { // through JSON, as from a real log
			text, err := json.Marshal(e)
			if err != nil {
				return nil, from, err
			}
			var c trail.Event
			if err := json.Unmarshal(text, &c); err != nil {
				return nil, from, err
			}
			events = append(events, c)
		}
	}
	return events, next, ctx.Err()
}

// memoryBuckets are buckets in memory. fail is asked before a put and after it; what it returns is what the courier hears.
type memoryBuckets struct {
	mu      sync.Mutex
	objects map[string]map[string]bucket.Object
	fail    func(when, bucket, key string) error
}

func (b *memoryBuckets) Put(_ context.Context, name string, o bucket.Object) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		if err := b.fail("before a put", name, o.Key); err != nil {
			return err
		}
	}
	if b.objects == nil {
		b.objects = map[string]map[string]bucket.Object{}
	}
	if b.objects[name] == nil {
		b.objects[name] = map[string]bucket.Object{}
	}
	if old, ok := b.objects[name][o.Key]; ok && string(old.Body) != string(o.Body) {
		return fmt.Errorf("object %s is put again with another content", o.Key)
	}
	o.Body = append([]byte(nil), o.Body...)
	b.objects[name][o.Key] = o
	if b.fail != nil {
		return b.fail("after a put", name, o.Key)
	}
	return nil
}

// records are how often each event is in the log files below a prefix of a bucket.
func (b *memoryBuckets) records(t testing.TB, name, prefix string) map[string]int {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	found := map[string]int{}
	for key, o := range b.objects[name] {
		if !strings.HasPrefix(key, prefix) || strings.Contains(key, "CloudTrail-Digest") {
			continue
		}
		var body struct {
			Records []struct{ EventID string }
		}
		text := digesttest.Inflated(o.Body)
		if strings.Contains(key, "/AliyunLogs/") || strings.HasPrefix(key, "AliyunLogs/") {
			text = []byte(`{"Records":` + string(text) + "}")
		}
		if err := json.Unmarshal(text, &body); err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		if len(body.Records) == 0 {
			t.Errorf("%s has no events", key)
		}
		for _, r := range body.Records {
			found[r.EventID]++
		}
	}
	return found
}

// plainSealer is a sealer that leaves everything open.
type plainSealer struct{}

func (plainSealer) Seal(secret []byte, _, _ string) []byte          { return secret }
func (plainSealer) Open(sealed []byte, _, _ string) ([]byte, error) { return sealed, nil }

// aKey is one key for all tests that do not care: it takes long to make.
var aKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, keyBits) })

// bed is a courier over real metadata, with a clock that is set by hand, whose rounds are called by hand.
type bed struct {
	*testing.T
	account string
	store   meta.Store // what the courier sees: may fail
	now     time.Time
	log     *memoryLog
	buckets *memoryBuckets
	told    []string // names of events about deliveries
	trails  *trails.Trails
	courier *Courier
	houses  Houses
	routes  map[way]*route
	events  int
}

func openStore(t testing.TB) meta.Store {
	store, err := sqlite.Open(filepath.Join(t.TempDir(), "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func newBed(t *testing.T, store meta.Store, account string) *bed {
	b := &bed{T: t, account: account, store: store, now: epoch, log: &memoryLog{}, buckets: &memoryBuckets{}}
	aliases := trails.Aliases{}
	b.trails = trails.New(store, trails.Options{
		Region: "local", Aliases: aliases, Now: func() time.Time { return b.now },
		Accounts: func(context.Context) ([]string, error) { return []string{account}, nil },
	})
	b.start(store)
	return b
}

// start starts a courier, as after a crash.
func (b *bed) start(store meta.Store) {
	keys := NewKeys(store, plainSealer{}, func() time.Time { return b.now })
	keys.make = aKey
	b.courier = New(b.trails, store, Options{
		Log: b.log, S3: b.buckets, OSS: b.buckets, Houses: b.houses, Keys: keys, Now: func() time.Time { return b.now },
		Tell:  func(_, name string, _ map[string]any) { b.told = append(b.told, name) },
		Shape: shape.Options{Account: b.trails.Alias}, FileBytes: 4000, DigestEvery: 10 * time.Minute,
	})
	b.routes = map[way]*route{}
	if err := b.trails.Load(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// round lets every route do a round, and returns the first error.
func (b *bed) round() error {
	active, _ := b.trails.Active()
	for _, a := range active {
		for _, r := range a.Routes() {
			w := way{a.ID, r}
			if b.routes[w] == nil {
				b.routes[w] = b.courier.route(w)
			}
			if err := b.routes[w].round(b.Context(), a); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bed) mustRound() {
	b.Helper()
	if err := b.round(); err != nil {
		b.Fatal(err)
	}
}

// event is a new event of the account.
func (b *bed) event(readOnly bool) trail.Event {
	b.events++
	name := "CreateLogStore"
	if readOnly {
		name = "GetLogStore"
	}
	return trail.Event{
		ID: fmt.Sprintf("%s-%d", b.account, b.events), Time: b.now, Category: trail.Management, Type: trail.APICall, Service: trail.ServiceSLS, Name: name,
		ReadOnly: readOnly, Region: "local", Account: b.account, Identity: trail.Identity{Kind: trail.User, Account: b.account, User: "ops"},
	}
}

func (b *bed) key(name string) trails.Key {
	return trails.Key{Account: b.account, Flavor: trails.CloudTrail, Name: name}
}

// create makes a trail of CloudTrail that logs.
func (b *bed) create(name string, change func(*trails.Trail)) trails.Trail {
	b.Helper()
	x := trails.Trail{Key: b.key(name), Target: trails.Target{Bucket: "audit"}, Validation: true}
	if change != nil {
		change(&x)
	}
	if _, err := b.trails.Create(b.Context(), x); err != nil {
		b.Fatal(err)
	}
	made, err := b.trails.Start(b.Context(), x.Key)
	if err != nil {
		b.Fatal(err)
	}
	return made
}

// validate checks the digests of a bucket, and returns the files that they list.
func (b *bed) validate(name string) map[string]bool {
	b.Helper()
	pairs, err := b.courier.o.Keys.Valid(b.Context(), time.Time{}, time.Unix(1<<40, 0))
	if err != nil {
		b.Fatal(err)
	}
	var keys [][]byte
	for _, p := range pairs {
		keys = append(keys, p.Public)
	}
	objects := map[string]digesttest.Object{}
	for key, o := range b.buckets.objects[name] {
		objects[key] = digesttest.Object{Body: o.Body, Signature: o.Metadata["signature"]}
	}
	files, err := digesttest.Check(name, objects, keys)
	if err != nil {
		b.Error(err)
	}
	return files
}
