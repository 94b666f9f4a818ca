package courier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/bucket"
	"github.com/sluicelog/sluice/internal/trail/courier/digesttest"
	"github.com/sluicelog/sluice/internal/trail/trails"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const account = "1234567890123456"

func (b *bed) status(k trails.Key) trails.Status {
	b.Helper()
	st, err := b.trails.Status(b.Context(), k)
	if err != nil {
		b.Fatal(err)
	}
	return st
}

func (b *bed) keys(name string) (all []string) {
	for key := range b.buckets.objects[name] {
		all = append(all, key)
	}
	slices.Sort(all)
	return all
}

var (
	cloudFile   = regexp.MustCompile(`^pfx/AWSLogs/567890123456/CloudTrail/local/2026/01/05/567890123456_CloudTrail_local_20260105T\d{4}Z_[A-Za-z0-9]{16}\.json\.gz$`)
	cloudDigest = regexp.MustCompile(`^pfx/AWSLogs/567890123456/CloudTrail-Digest/local/2026/01/05/567890123456_CloudTrail-Digest_local_main_local_20260105T\d{6}Z\.json\.gz$`)
	actionFile  = regexp.MustCompile(`^logs/x/AliyunLogs/Actiontrail/local/2026/01/05/Actiontrail_local_20260105\d{6}_1002_(\d+)_(\d+)_[0-9a-f]{32}\.gz$`)
)

func TestFilesAndDigests(t *testing.T) {
	b := newBed(t, openStore(t), account)
	b.create("main", func(t *trails.Trail) { t.Prefix = "pfx" })
	b.mustRound()
	if got := b.keys("audit"); len(got) != 0 {
		t.Errorf("without events there are %q", got)
	}
	b.now = b.now.Add(time.Minute)
	for range 40 { // more than one file holds
		b.log.append(b.now, b.event(false))
	}
	b.mustRound()
	b.now = b.now.Add(10 * time.Minute)
	b.mustRound()
	var files, digests int
	for _, key := range b.keys("audit") {
		switch {
		case cloudFile.MatchString(key):
			files++
		case cloudDigest.MatchString(key):
			digests++
		default:
			t.Errorf("object %s", key)
		}
	}
	if files < 2 || digests != 1 || len(b.validate("audit")) != files {
		t.Errorf("%d files, %d digests, %d listed", files, digests, len(b.validate("audit")))
	}
	if n := len(b.buckets.records(t, "audit", "pfx/")); n != 40 {
		t.Errorf("%d events in files, want 40", n)
	}
	if !slices.Equal(b.told, []string{"TrailDigestDelivered"}) {
		t.Errorf("told %q", b.told)
	}
	b.now = b.now.Add(10 * time.Minute)
	b.mustRound() // of nothing
	if st := b.status(b.key("main")); st.OfBucket.Events != 40 || !st.OfBucket.DigestDelivered.Equal(b.now) || st.OfBucket.Error != "" {
		t.Errorf("status %+v", st.OfBucket)
	}
	b.validate("audit")
}

func TestStopEndsTheChain(t *testing.T) {
	b := newBed(t, openStore(t), account)
	b.create("main", nil)
	b.log.append(b.now, b.event(false))
	b.now = b.now.Add(time.Minute)
	b.mustRound()
	if _, err := b.trails.Stop(b.Context(), b.key("main")); err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(10 * time.Second)
	last := b.event(false)
	last.Service, last.Name, last.Resources = trail.ServiceCloudTrail, "StopLogging", []trail.Resource{{Name: "main"}}
	b.log.append(b.now, last)
	b.mustRound()
	if n := len(b.validate("audit")); n != 0 {
		t.Errorf("%d files are in a digest before the end", n)
	}
	b.now = b.now.Add(time.Minute)
	b.mustRound()
	if n := len(b.validate("audit")); n != 2 {
		t.Errorf("%d files are in a digest at the end, want 2", n)
	}
	if b.buckets.records(t, "audit", "")[last.ID] != 1 {
		t.Error("the call that stopped the trail is in no file")
	}
	b.now = b.now.Add(2 * time.Minute)
	b.mustRound()
	if active, _ := b.trails.Active(); len(active) != 0 {
		t.Error("a trail that is over stays active")
	}
	if _, err := b.trails.Start(b.Context(), b.key("main")); err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(time.Minute)
	b.mustRound()
	b.now = b.now.Add(11 * time.Minute)
	b.mustRound()
	starts := 0
	for key, o := range b.buckets.objects["audit"] {
		if strings.Contains(key, "Digest") && strings.Contains(string(digesttest.Inflated(o.Body)), `"previousDigestSignature":null`) {
			starts++
		}
	}
	if starts != 2 {
		t.Errorf("%d chains begin, want 2", starts)
	}
	b.validate("audit")
}

func TestRefusal(t *testing.T) {
	b := newBed(t, openStore(t), account)
	b.create("main", nil)
	b.now = b.now.Add(time.Minute)
	b.log.append(b.now, b.event(false))
	for _, c := range []struct {
		err  error
		code string
	}{
		{&bucket.Refusal{Code: "AccessDenied", Status: 403, Detail: "no"}, "AccessDenied"},
		{&bucket.Refusal{Code: "NoSuchBucket", Status: 404}, "NoSuchBucket"},
		{errors.New("connection refused"), ""},
	} {
		b.buckets.fail = func(string, string, string) error { return c.err }
		if err := b.round(); !errors.Is(err, c.err) {
			t.Errorf("round: %v", err)
		}
		if st := b.status(b.key("main")).OfBucket; st.Error != c.code || !st.Delivered.IsZero() || !st.Attempted.Equal(b.now) {
			t.Errorf("status after %v: %+v", c.err, st)
		}
	}
	b.buckets.fail = nil
	b.mustRound()
	if st := b.status(b.key("main")).OfBucket; st.Error != "" || st.Detail != "" || !st.Delivered.Equal(b.now) {
		t.Errorf("status after a success: %+v", st)
	}
	if n := len(b.buckets.records(t, "audit", "")); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
}

func TestADeletedTrailGivesUp(t *testing.T) {
	b := newBed(t, openStore(t), account)
	b.create("main", nil)
	b.now = b.now.Add(time.Minute)
	b.log.append(b.now, b.event(false))
	b.now = b.now.Add(time.Second)
	b.buckets.fail = func(string, string, string) error { return &bucket.Refusal{Code: "NoSuchBucket"} }
	if _, err := b.trails.Delete(b.Context(), b.key("main")); err != nil {
		t.Fatal(err)
	}
	if err := b.round(); err == nil {
		t.Error("no error")
	}
	b.now = b.now.Add(25 * time.Hour)
	b.mustRound()
	if active, _ := b.trails.Active(); len(active) != 0 || !slices.Equal(b.told, []string{"AuditDeliveryGivenUp"}) {
		t.Errorf("%d active trails, told %q", len(active), b.told)
	}
}

func TestKeysAreRotated(t *testing.T) {
	b := newBed(t, openStore(t), account)
	ctx := t.Context()
	keys := b.courier.o.Keys
	keys.make = makeRSA
	first, err := keys.Current(ctx)
	if err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(KeyLife - time.Second)
	if same, err := keys.Current(ctx); err != nil || same.Fingerprint != first.Fingerprint {
		t.Errorf("another key within its life: %v", err)
	}
	b.now = b.now.Add(time.Second)
	second, err := keys.Current(ctx)
	if err != nil || second.Fingerprint == first.Fingerprint {
		t.Fatalf("the same key for ever: %v", err)
	}
	for _, c := range []struct {
		start, end time.Time
		want       int
	}{
		{epoch.Add(-time.Hour), epoch.Add(-time.Second), 0},
		{epoch, epoch, 1},
		{b.now, b.now, 2}, // both, for a while
		{b.now.Add(KeySpare + time.Second), b.now.Add(48 * time.Hour), 1},
		{epoch, b.now, 2},
	} {
		if got, err := NewKeys(b.store, plainSealer{}, nil).Valid(ctx, c.start, c.end); err != nil || len(got) != c.want {
			t.Errorf("valid from %v to %v: %d keys, %v; want %d", c.start, c.end, len(got), err, c.want)
		}
	}
	again, err := NewKeys(b.store, plainSealer{}, nil).Pair(ctx, first.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	one, _ := first.sign("text")
	if other, err := again.sign("text"); err != nil || other != one {
		t.Errorf("a key that was read signs differently: %v", err)
	}
}

// actionTrail makes a trail of ActionTrail that logs.
func (b *bed) actionTrail(to trails.Target) trails.Key {
	b.Helper()
	k := trails.Key{Account: b.account, Flavor: trails.ActionTrail, Name: "action-main"}
	if _, err := b.trails.Create(b.Context(), trails.Trail{Key: k, Target: to, Selection: trails.Selection{RW: trails.All}}); err != nil {
		b.Fatal(err)
	}
	if _, err := b.trails.Start(b.Context(), k); err != nil {
		b.Fatal(err)
	}
	return k
}

func TestActionTrailToOSS(t *testing.T) {
	b := newBed(t, openStore(t), account)
	b.actionTrail(trails.Target{Bucket: "audit", Prefix: "logs/x"})
	b.now = b.now.Add(time.Minute)
	for range 5 {
		b.log.append(b.now, b.event(true))
	}
	b.mustRound()
	keys := b.keys("audit")
	if len(keys) != 1 {
		t.Fatalf("objects %q", keys)
	}
	m := actionFile.FindStringSubmatch(keys[0])
	if m == nil || m[1] != "5" || m[2] != fmt.Sprint(len(b.buckets.objects["audit"][keys[0]].Body)) {
		t.Errorf("object %s: %q", keys[0], m)
	}
	if n := len(b.buckets.records(t, "audit", "")); n != 5 {
		t.Errorf("%d events, want 5", n)
	}
}

// memoryHouses are projects that keep what is appended. A logstore has to be prepared first.
type memoryHouses struct {
	account, project string
	made             map[string]bool
	groups           []*sluice.LogGroup
	err              error
}

func (h *memoryHouses) Prepare(_ context.Context, account, project, logstore string, index json.RawMessage) error {
	if account != h.account || project != h.project {
		return sluice.Errorf(sluice.NotFound, "project", "no project %s", project)
	}
	h.made[logstore] = json.Valid(index)
	return nil
}

func (h *memoryHouses) Append(_ context.Context, _ string, ref sluice.LogstoreRef, group *sluice.LogGroup) error {
	switch {
	case h.err != nil:
		return h.err
	case !h.made[ref.Logstore]:
		return sluice.Errorf(sluice.NotFound, "logstore", "no logstore %v", ref)
	}
	h.groups = append(h.groups, group)
	return nil
}

func TestActionTrailToALogstore(t *testing.T) {
	b := newBed(t, openStore(t), account)
	h := &memoryHouses{account: account, project: "web", made: map[string]bool{}}
	b.houses = h
	b.start(b.store)
	k := b.actionTrail(trails.Target{Project: "web"})
	b.now = b.now.Add(time.Minute)
	b.log.append(b.now, b.event(true), b.event(false))
	h.err = sluice.Errorf(sluice.NotFound, "project", "gone")
	if err := b.round(); err == nil {
		t.Error("no error")
	}
	if st := b.status(k).OfLogstore; st.Error != "ProjectNotExist" {
		t.Errorf("status %+v", st)
	}
	h.err = nil
	b.mustRound()
	if st := b.status(k).OfLogstore; st.Error != "" || st.Events != 2 || !st.Delivered.Equal(b.now) {
		t.Errorf("status %+v", st)
	}
	if len(h.groups) != 1 || h.groups[0].Topic != "actiontrail_audit_event" || len(h.groups[0].Records) != 2 {
		t.Fatalf("groups %+v", h.groups)
	}
	f := h.groups[0].Records[1].Fields
	var e struct{ EventName, EventRW string }
	if len(f) != 1 || f[0].Key != "event" || json.Unmarshal([]byte(f[0].Value), &e) != nil || e.EventName != "CreateLogStore" || e.EventRW != "Write" {
		t.Errorf("log %+v", f)
	}
}

func TestHouses(t *testing.T) {
	env := catalogtest.Open(t, catalog.Options{}, shard.Options{})
	ctx := t.Context()
	if err := env.Catalog.CreateProject(ctx, meta.Project{Name: "web"}); err != nil {
		t.Fatal(err)
	}
	h := NewHouses(env.Catalog, ingest.New(env.Catalog, ingest.Options{Past: -1, Future: -1}), func(account, owner string) bool { return account == "me" && owner == "" })
	ref := sluice.LogstoreRef{Project: "web", Logstore: "actiontrail_main"}
	group := &sluice.LogGroup{Records: []sluice.Record{{Time: uint32(time.Now().Unix()), Fields: []sluice.Field{{Key: "event", Value: "{}"}}}}}
	if err := h.Prepare(ctx, "you", "web", ref.Logstore, LogIndex()); sluice.KindOf(err) != sluice.NotFound {
		t.Errorf("somebody else's project: %v", err)
	}
	for range 2 {
		if err := h.Prepare(ctx, "me", "web", ref.Logstore, LogIndex()); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Append(ctx, "me", ref, group); err != nil {
		t.Error(err)
	}
	if err := h.Append(ctx, "you", ref, group); sluice.KindOf(err) != sluice.NotFound {
		t.Errorf("somebody else's logstore: %v", err)
	}
}

func TestDestinations(t *testing.T) {
	buckets := &memoryBuckets{}
	d := &Destinations{S3: buckets, Root: "1", Aliases: trails.Aliases{}}
	prove := func(account, name string, f trails.Flavor) error {
		return d.Prove(t.Context(), &trails.Trail{Key: trails.Key{Account: account, Flavor: f}, Target: trails.Target{Bucket: name}})
	}
	for _, c := range []struct {
		buckets       []Permission
		account, name string
		want          sluice.Kind // Internal: it may
	}{
		{nil, "1", "any", sluice.Internal},
		{nil, "2", "any", sluice.Unauthorized},
		{[]Permission{{"root", "audit"}}, "1", "audit", sluice.Internal},
		{[]Permission{{"root", "audit"}}, "1", "other", sluice.Unauthorized},
		{[]Permission{{"root", "*"}}, "2", "audit", sluice.Unauthorized},
		{[]Permission{{"2", "shop-*"}}, "2", "shop-audit", sluice.Internal},
		{[]Permission{{"2", "shop-*"}}, "3", "shop-audit", sluice.Unauthorized},
		{[]Permission{{"*", "common"}}, "3", "common", sluice.Internal},
	} {
		d.Buckets = c.buckets
		if err := prove(c.account, c.name, trails.CloudTrail); (err == nil) != (c.want == sluice.Internal) || sluice.KindOf(err) != c.want {
			t.Errorf("%v: account %s to %s: %v", c.buckets, c.account, c.name, err)
		}
	}
	d.Buckets = nil
	if err := prove("1", "any", trails.ActionTrail); sluice.KindOf(err) != sluice.Unsupported {
		t.Errorf("OSS without credentials: %v", err)
	}
	for err, want := range map[error]sluice.Kind{
		&bucket.Refusal{Code: "NoSuchBucket", Status: 404}: sluice.NotFound,
		&bucket.Refusal{Code: "AccessDenied", Status: 403}: sluice.Unauthorized,
		errors.New("connection refused"):                   sluice.Unavailable,
	} {
		buckets.fail = func(string, string, string) error { return err }
		if got := prove("1", "any", trails.CloudTrail); sluice.KindOf(got) != want {
			t.Errorf("%v: %v, want %v", err, got, want)
		}
	}
}

// TestRun lets the clock call the rounds of trails that come and go.
func TestRun(t *testing.T) {
	store := openStore(t)
	synctest.Test(t, func(t *testing.T) {
		b := &bed{T: t, account: account, store: store, log: &memoryLog{}, buckets: &memoryBuckets{}}
		b.trails = trails.New(store, trails.Options{Accounts: func(context.Context) ([]string, error) { return []string{account}, nil }})
		keys := NewKeys(store, plainSealer{}, time.Now)
		keys.make = aKey
		c := New(b.trails, store, Options{Log: b.log, S3: b.buckets, Keys: keys})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx) }()
		synctest.Wait()
		b.now = time.Now()
		b.create("main", nil)
		synctest.Wait()
		b.now = time.Now()
		b.log.append(b.now, b.event(false)) // nobody reads: all sleep
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if n := len(b.buckets.records(t, "audit", "")); n != 1 {
			t.Errorf("%d events within a minute, want 1", n)
		}
		if _, err := b.trails.Delete(t.Context(), b.key("main")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if active, _ := b.trails.Active(); len(active) != 0 {
			t.Error("a deleted trail stays")
		}
		if names, err := c.shelf.names(t.Context(), trails.KindProgress); err != nil || len(names) != 0 {
			t.Errorf("of a trail that is gone there is left %q, %v", names, err)
		}
		b.courier = c
		b.validate("audit")
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
