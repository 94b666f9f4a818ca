package importer_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/delivery/egress"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/trail/importer"
	"github.com/sluicelog/sluice/test/s3server"
)

var (
	simSeeds = flag.Uint64("seeds", 12, "seeds of the simulation")
	simFrom  = flag.Uint64("seed", 0, "its first seed")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	project = "audit"
	stream  = "AWSLogs/123456789012/CloudTrail/us-east-1/"
)

var ref = sluice.LogstoreRef{Project: project, Logstore: "cloudtrail"}

// world is a bucket, and a server that reads it.
type world struct {
	*catalogtest.Env
	*importer.Service
	t      *testing.T
	server *s3server.Server
	ring   *auth.Keyring
	power  *power
	groups int // records in a log group
}

func newWorld(t *testing.T, server *s3server.Server, bucket string) *world {
	t.Helper()
	w := &world{
		Env: catalogtest.Open(t, catalog.Options{}, shard.Options{MinFreeBytes: -1, JournalFileBytes: 1 << 20, JournalBytes: 2 << 20}),
		t:   t, server: server, groups: 3,
	}
	w.Clock.Advance(-55 * 24 * time.Hour) // to 2026-01-05
	var err error
	if w.ring, err = auth.LoadOrCreateKeyring(filepath.Join(t.TempDir(), "key")); err != nil {
		t.Fatal(err)
	}
	server.Bucket(t, bucket)
	w.open()
	if err := w.Catalog.CreateProject(t.Context(), meta.Project{Name: project}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) open() {
	w.power = &power{left: -1}
	door := ingest.New(w.Catalog, ingest.Options{Now: w.Clock.Now}).AnyTime()
	w.Service = importer.New(catalogtest.CutMeta(w.Meta, w.power.step), w.Catalog, catalogtest.CutDoor(door, w.power.step), w.ring, importer.Options{Now: w.Clock.Now}.InGroupsOf(w.groups))
}

func (w *world) spec(bucket string) importer.Spec {
	return importer.Spec{
		Name: "aws", Logstore: ref.Logstore, Bucket: bucket, Prefix: "team", Endpoint: w.server.Endpoint, Region: s3server.Region,
		AccessKeyID: s3server.AccessKeyID, SecretAccessKey: s3server.SecretAccessKey,
	}
}

func (w *world) create(bucket string) {
	w.t.Helper()
	if err := w.Create(w.t.Context(), project, w.spec(bucket)); err != nil {
		w.t.Fatal(err)
	}
}

// round is one look, which has to succeed.
func (w *world) round() {
	w.t.Helper()
	if err := w.OneRound(w.t.Context(), project, "aws"); err != nil {
		w.t.Fatal(err)
	}
}

// logs are the marks of the events in the logstore, in order.
func (w *world) logs() (ids []string) {
	w.t.Helper()
	for _, r := range w.records() {
		for _, f := range r.Fields {
			if f.Key == "mark" || f.Key == "eventID" && strings.HasSuffix(f.Value, "EXAMPLE") {
				ids = append(ids, f.Value)
			}
		}
	}
	return ids
}

func (w *world) records() (all []*sluice.Record) {
	w.t.Helper()
	l, err := w.Catalog.Logstore(context.Background(), ref)
	if sluice.KindOf(err) == sluice.NotFound {
		return nil
	}
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range l.Shards {
		if err := catalog.EachRecord(context.Background(), l.Shards[i].Stored, time.Time{}, func(r *sluice.Record) { all = append(all, r) }); err != nil {
			w.t.Fatal(err)
		}
	}
	return all
}

// key is the key of a file of a day.
func key(day time.Time, unique string) string {
	return fmt.Sprintf("team/%s%s/123456789012_CloudTrail_us-east-1_%sZ_%s.json.gz", stream, day.Format("2006/01/02"), day.Format("20060102T1504"), unique)
}

// put makes a file, as the service would.
func (w *world) put(bucket, key string, body []byte) {
	w.t.Helper()
	file := w.server.File(bucket, key)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(file, body, 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(text))
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// events is a file of events with these marks, which are also their ids; those that begin with none have no id.
func events(t *testing.T, ids ...string) []byte {
	t.Helper()
	var list []string
	for _, id := range ids {
		event := ""
		if !strings.HasPrefix(id, "none") {
			event = fmt.Sprintf(`"eventID":%q,`, id)
		}
		list = append(list, fmt.Sprintf(`{"eventVersion":"1.08",%s"eventTime":"2025-06-01T10:00:00Z","eventName":"RunTask","mark":%q}`, event, id))
	}
	return zipped(t, `{"Records":[`+strings.Join(list, ",")+`]}`)
}

var day = time.Date(2026, 1, 3, 10, 0, 0, 0, time.UTC)

// What is in the bucket is in the logstore once, also when it comes late, twice, or in other places.
func TestImport(t *testing.T) {
	server := s3server.Start(t)
	w := newWorld(t, server, "trail")
	ecs, err := os.ReadFile("testdata/ecs.json")
	if err != nil {
		t.Fatal(err)
	}
	w.put("trail", key(day, "ecs"), zipped(t, string(ecs)))
	w.put("trail", key(day, "many"), events(t, "a", "b", "c", "d", "e", "f", "g"))
	org := strings.Replace(key(day, "org"), "AWSLogs/", "AWSLogs/o-abc123def4/", 1)
	w.put("trail", org, events(t, "org"))
	w.put("trail", strings.ReplaceAll(key(day, "west"), "us-east-1", "us-west-2"), events(t, "west"))
	w.put("trail", strings.ReplaceAll(key(day, "digest"), "CloudTrail", "CloudTrail-Digest"), zipped(t, `{}`))
	w.put("trail", strings.ReplaceAll(key(day, "insight"), "CloudTrail", "CloudTrail-Insight"), events(t, "insight"))
	w.put("trail", "team/AWSLogs/readme.txt", []byte("hello"))
	w.create("trail")
	w.round()
	f := func(want ...string) {
		t.Helper()
		got := w.logs()
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("the logstore has %q, want %q", got, want)
		}
	}
	first := []string{"a", "b", "c", "d", "e", "f", "g", "org", "west", "e3c6f4ce-EXAMPLE"}
	f(first...)
	w.round()
	f(first...)
	// A file that comes late, before those that are done; one of the same events; and one whose events are partly new.
	w.put("trail", key(day.Add(-time.Hour), "late"), events(t, "late"))
	w.put("trail", key(day.Add(time.Hour), "again"), events(t, "b", "new", "c"))
	w.round()
	all := append(first, "late", "new")
	f(all...)
	i, err := w.Get(t.Context(), project, "aws")
	if err != nil {
		t.Fatal(err)
	}
	if i.Files != 6 || i.Records != 12 || i.Duplicates != 2 || i.BadFiles != 0 || i.SecretAccessKey != "" || len(i.Faults) != 0 {
		t.Errorf("%+v", i)
	}
	// When the day is over for long, it is not looked at again; what comes after it is.
	w.Clock.Advance(5 * 24 * time.Hour)
	w.round()
	w.put("trail", key(day, "too-late"), events(t, "too late"))
	w.put("trail", key(day.Add(5*24*time.Hour), "next"), events(t, "next"))
	w.round()
	f(append(all, "next")...)
	if n := w.done(); n != 1 {
		t.Errorf("%d files are remembered", n)
	}
	if _, err := w.Catalog.Index(t.Context(), ref); err != nil {
		t.Errorf("the index: %v", err)
	}
}

// done is how many files metadata remembers.
func (w *world) done() (n int) {
	w.t.Helper()
	if err := w.Meta.View(w.t.Context(), func(tx meta.Tx) error {
		rows, err := tx.Items("trail-import-done", meta.ItemRange{})
		n = len(rows)
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// Files that cannot be read are left out as a whole, and records one by one; all are told of.
func TestFaults(t *testing.T) {
	server := s3server.Start(t)
	w := newWorld(t, server, "trail")
	w.put("trail", key(day, "1-good"), events(t, "a"))
	w.put("trail", key(day, "2-cut"), events(t, "x")[:30])
	w.put("trail", key(day, "3-json"), zipped(t, `{"Records":[{"eventID":"y"},`))
	w.put("trail", key(day, "4-bomb"), zipped(t, `{"Records":[`+strings.Repeat(" ", 40<<20)))
	w.put("trail", key(day, "5-records"), zipped(t, `{"Records":[{"mark":"b"},17,{"mark":"c"}]}`))
	w.put("trail", key(day, "6-tail"), append(events(t, "z"), "tail"...))
	w.put("trail", key(day, "7-large"), make([]byte, 50<<20+1))
	w.put("trail", key(day, "8-good"), events(t, "d"))
	w.create("trail")
	w.round()
	if got := w.logs(); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("the logstore has %q", got)
	}
	i, err := w.Get(t.Context(), project, "aws")
	if err != nil {
		t.Fatal(err)
	}
	if i.Files != 8 || i.BadFiles != 5 || i.BadRecords != 1 || len(i.Faults) != 6 {
		t.Errorf("%+v", i)
	}
	for k, want := range []string{"7-large -1", "6-tail -1", "5-records 1", "4-bomb -1", "3-json -1", "2-cut -1"} {
		f := i.Faults[k]
		if got := fmt.Sprint(f.File[strings.LastIndex(f.File, "Z_")+2:len(f.File)-len(".json.gz")], " ", f.Record); got != want || f.Reason == "" {
			t.Errorf("fault %d is %q (%+v), want %q", k, got, f, want)
		}
	}
	if i.Faults[2].Offset < 22 || i.Faults[2].Offset > 26 {
		t.Errorf("the bad record is at %d", i.Faults[2].Offset)
	}
	w.round()
	if got := w.logs(); len(got) != 4 {
		t.Errorf("after another look the logstore has %q", got)
	}
}

// Records that the write door refuses are left out, and do not stop the others.
func TestRefusedRecords(t *testing.T) {
	server := s3server.Start(t)
	w := newWorld(t, server, "trail")
	door := ingest.New(w.Catalog, ingest.Options{Now: w.Clock.Now, MaxValue: 150}).AnyTime()
	w.Service = importer.New(w.Meta, w.Catalog, door, w.ring, importer.Options{Now: w.Clock.Now}.InGroupsOf(10))
	w.put("trail", key(day, "1"), events(t, "a", strings.Repeat("x", 200), "b"))
	w.create("trail")
	w.round()
	i, err := w.Get(t.Context(), project, "aws")
	if got := w.logs(); err != nil || !slices.Equal(got, []string{"a", "b"}) || i.BadRecords != 1 || i.Records != 2 || i.Faults[0].Record != 1 {
		t.Errorf("the logstore has %q; %+v, %v", got, i, err)
	}
}

// What a spec may not say, and buckets that cannot be had.
func TestRefusedImports(t *testing.T) {
	server := s3server.Start(t)
	w := newWorld(t, server, "trail")
	f := func(part string, change func(*importer.Spec)) {
		t.Helper()
		s := w.spec("trail")
		change(&s)
		if err := w.Create(t.Context(), project, s); err == nil || sluice.KindOf(err) != sluice.Invalid || !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), s3server.SecretAccessKey) {
			t.Errorf("got %v, want %q", err, part)
		}
	}
	f("name:", func(s *importer.Spec) { s.Name = "a/b" })
	f("logstore:", func(s *importer.Spec) { s.Logstore = "" })
	f("bucket:", func(s *importer.Spec) { s.Bucket = "a/b" })
	f("endpoint:", func(s *importer.Spec) { s.Endpoint = "ftp://host" })
	f("endpoint:", func(s *importer.Spec) { s.Endpoint = "http://user:pass@host" })
	f("region:", func(s *importer.Spec) { s.Region = "A B" })
	f("secretAccessKey:", func(s *importer.Spec) { s.SecretAccessKey = "" })
	f("from:", func(s *importer.Spec) { s.From = "today" })
	f("intervalSeconds:", func(s *importer.Spec) { s.IntervalSeconds = 1 })
	f("cannot be listed", func(s *importer.Spec) { s.SecretAccessKey = "wrong" })
	f("cannot be listed", func(s *importer.Spec) { s.Bucket = "none" })
	w.create("trail")
	if err := w.Create(t.Context(), project, w.spec("trail")); sluice.KindOf(err) != sluice.AlreadyExists {
		t.Errorf("the same again: %v", err)
	}
	if err := w.Create(t.Context(), "none", w.spec("trail")); sluice.KindOf(err) != sluice.NotFound {
		t.Errorf("in no project: %v", err)
	}
	// Addresses that only the server reaches are refused, unless the operator allows them.
	closed := importer.New(w.Meta, w.Catalog, nil, w.ring, importer.Options{Dial: egress.New(egress.Options{}).DialContext})
	if err := closed.Create(t.Context(), project, w.spec("trail")); err == nil || !strings.Contains(err.Error(), "dial refused") {
		t.Errorf("loopback: %v", err)
	}
	allowed := importer.New(w.Meta, w.Catalog, nil, w.ring, importer.Options{
		Dial: egress.New(egress.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}).DialContext,
	})
	other := w.spec("trail")
	other.Name = "other"
	if err := allowed.Create(t.Context(), project, other); err != nil {
		t.Errorf("loopback that is allowed: %v", err)
	}
}

// Secrets are sealed in metadata.
func TestSecretsAreSealed(t *testing.T) {
	server := s3server.Start(t)
	w := newWorld(t, server, "trail")
	w.create("trail")
	var raw json.RawMessage
	if err := w.Meta.View(t.Context(), func(tx meta.Tx) error {
		d, err := tx.Document(project, "trail-import", "aws")
		raw = d.Body
		return err
	}); err != nil || bytes.Contains(raw, []byte(s3server.SecretAccessKey)) {
		t.Errorf("%s, %v", raw, err)
	}
}

// The service runs what there is, what is made, and stops what is deleted, by itself or with its project.
func TestRun(t *testing.T) {
	server := s3server.Start(t)
	w := newWorld(t, server, "trail")
	w.put("trail", key(day, "1"), events(t, "a", "b"))
	w.create("trail")
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- w.Run(ctx) }()
	w.looked("aws")
	second := w.spec("trail")
	second.Name = "second"
	if err := w.Create(t.Context(), project, second); err != nil {
		t.Fatal(err)
	}
	w.looked("second")
	if got := w.logs(); len(got) != 2 { // the second finds that they are there already
		t.Errorf("the logstore has %q", got)
	}
	if err := w.Delete(t.Context(), project, "aws"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Get(t.Context(), project, "aws"); sluice.KindOf(err) != sluice.NotFound {
		t.Errorf("deleted: %v", err)
	}
	if err := w.Delete(t.Context(), project, "aws"); sluice.KindOf(err) != sluice.NotFound {
		t.Errorf("deleted again: %v", err)
	}
	if n := w.done(); n != 1 {
		t.Errorf("%d files are remembered", n)
	}
	stop()
	if err := <-ran; err != nil {
		t.Error(err)
	}
	if err := w.Catalog.DeleteProject(t.Context(), project); err != nil {
		t.Fatal(err)
	}
	w.open()
	ctx, stop = context.WithCancel(t.Context())
	stop()
	if err := w.Run(ctx); err != nil {
		t.Errorf("a stop before the beginning: %v", err)
	}
	if err := w.RemoveOrphans(t.Context()); err != nil || w.done() != 0 {
		t.Errorf("%d files of a project that is gone are remembered: %v", w.done(), err)
	}
}

// looked waits until an import has read everything once.
func (w *world) looked(name string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		i, err := w.Get(ctx, project, name)
		if err != nil {
			w.t.Fatal(err)
		}
		if !i.Looked.IsZero() {
			return
		}
	}
	w.t.Fatalf("import %s does not come to its end", name)
}

var (
	errPowerCut = errors.New("power cut")
	errOnce     = errors.New("failed once")
)

// power counts steps down to a power cut. Before it, some steps fail once, or their answers are lost.
type power struct {
	left int // steps; negative: never
	off  bool
	once *rand.Rand // decides which steps fail once; nil: none
}

func (p *power) step() error {
	if p.left--; p.left == 0 {
		p.off = true
	}
	if p.off {
		return errPowerCut
	}
	if p.once != nil && p.once.IntN(12) == 0 {
		return errOnce
	}
	return nil
}

// Wherever the power is cut, and whatever fails or is not answered: each event of the bucket is in the logstore once.
func TestSimulation(t *testing.T) {
	seeds := *simSeeds
	if testing.Short() {
		seeds = min(seeds, 3)
	}
	server := s3server.Start(t)
	cuts, failures := 0, 0
	for seed := *simFrom; seed < *simFrom+seeds; seed++ {
		c, f := simulate(t, server, seed)
		cuts, failures = cuts+c, failures+f
	}
	t.Logf("%d seeds, %d power cuts, %d failures", seeds, cuts, failures)
}

func simulate(t *testing.T, server *s3server.Server, seed uint64) (cuts, failures int) {
	r := rand.New(rand.NewPCG(seed, 7))
	bucket := fmt.Sprintf("sim-%d", seed)
	w := newWorld(t, server, bucket)
	w.groups = 1 + r.IntN(4)
	w.open()
	w.create(bucket)
	var want []string
	for step := range 8 {
		for range r.IntN(4) {
			var ids []string
			for range r.IntN(9) {
				id := fmt.Sprintf("%d-%d", seed, len(want))
				if r.IntN(3) == 0 {
					id = "none-" + id
				}
				twice := ""
				if len(want) > 0 && r.IntN(6) == 0 {
					twice = want[r.IntN(len(want))]
				}
				if twice != "" && !strings.HasPrefix(twice, "none") {
					id = twice // delivered once more
				} else {
					want = append(want, id)
				}
				ids = append(ids, id)
			}
			w.put(bucket, key(day.Add(time.Duration(r.IntN(50))*time.Hour), fmt.Sprintf("%d-%d", step, r.Uint32())), events(t, ids...))
		}
		w.power.left = 1 + r.IntN(40)
		w.power.once = nil
		if r.IntN(2) == 0 {
			w.power.once = rand.New(rand.NewPCG(r.Uint64(), 1))
		}
		round, end := w.Rounds(project, "aws")
		for range 3 {
			if err := round(t.Context()); err != nil {
				failures++
			}
			w.Clock.Advance(time.Duration(r.IntN(200)) * time.Second) // in all less than events are remembered over a restart
		}
		end()
		if w.power.off {
			cuts++
			w.Crash(r)
		}
		w.open()
	}
	w.round()
	got := w.logs()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("seed %d: the logstore has\n%q, want\n%q", seed, got, want)
	}
	return cuts, failures
}
