package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/capture"
	"github.com/sluicelog/sluice/internal/trail/ledger"
	"github.com/sluicelog/sluice/internal/wire"
)

var (
	simSeeds = flag.Uint64("seeds", 60, "seeds of the simulation; make sim runs a thousand others")
	simFrom  = flag.Uint64("seed", 0, "its first seed")
)

// simDays is how long events are kept in the simulation.
const simDays = 7

var errPowerCut, errOnce = errors.New("power cut"), errors.New("failed once")

// power counts steps down to a power cut. Before it, some steps fail once, or their answers are lost.
type power struct {
	mu   sync.Mutex // guards all
	left int        // steps
	off  bool
	now  chan struct{} // closed when the power goes
	r    *rand.Rand
}

func (p *power) step() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left--; p.left == 0 {
		p.off = true
		close(p.now)
	}
	if p.off {
		return errPowerCut
	}
	if p.r.IntN(20) == 0 {
		return errOnce
	}
	return nil
}

// sim is a server that records calls, loses its power, and goes on.
type sim struct {
	*catalogtest.Env
	t    *testing.T
	r    *rand.Rand
	ring *auth.Keyring

	power *power
	rec   *ledger.Recorder
	audit *capture.Audit
	pins  []trail.Fingerprint // the first key, written down when the server was first up

	mu       sync.Mutex           // guards what is below
	calls    int                  // made so far
	acked    map[string]time.Time // request ids of calls that change something and were answered with success, and when
	refused  int                  // calls of which nothing was done
	changed  int                  // keys of anchors, as the operator was told
	unmarked []string             // what must not be
	expired  uint64               // events that retention has taken
	squeezed int                  // rounds on a full disk in which something went into the reserve
}

// Serve is a dialect whose action is to change something, /w, or to look, /r.
func (s *sim) Serve(w http.ResponseWriter, r *http.Request, c *wire.Call) {
	c.Service, c.Action = "sls", map[string]string{"/w": "CreateLogStore", "/d": "DeleteLogStore", "/r": "GetLogStore"}[r.URL.Path]
	c.Detail = asRoot{}
	if err := c.Start(); err != nil {
		s.Refuse(w, r, c, err)
		return
	}
	_ = s.power.step() // the power may go after the call was carried out
	_, _ = io.WriteString(w, "done")
}

// asRoot is who calls.
type asRoot struct{}

func (asRoot) Detail() wire.Detail {
	return wire.Detail{Principal: &auth.Principal{Root: true, Account: "1"}}
}

func (s *sim) Refuse(w http.ResponseWriter, _ *http.Request, c *wire.Call, err error) {
	c.Code, c.Err = "Unavailable", err
	w.WriteHeader(http.StatusServiceUnavailable)
}

func (s *sim) Drain() {}

func newSim(t *testing.T, seed uint64) *sim {
	t.Helper()
	s := &sim{
		Env: catalogtest.Open(t, catalog.Options{}, shard.Options{
			MinFreeBytes: 2 * ledger.ReserveBytes, ReserveBytes: ledger.ReserveBytes, JournalFileBytes: 64 << 10, JournalBytes: 128 << 10,
		}),
		t: t, r: rand.New(rand.NewPCG(seed, 26)), acked: map[string]time.Time{},
	}
	var err error
	if s.ring, err = auth.LoadOrCreateKeyring(filepath.Join(t.TempDir(), "secret.key")); err != nil {
		t.Fatal(err)
	}
	return s
}

// open opens the server, with a power that lasts for some steps. It may go while it opens.
func (s *sim) open() error {
	s.rec = nil
	s.squeeze()
	s.power = &power{left: 1 + s.r.IntN(60), now: make(chan struct{}), r: rand.New(rand.NewPCG(s.r.Uint64(), 1))}
	door := ingest.New(s.Catalog, ingest.Options{Now: s.Clock.Now, Past: -1, Future: -1})
	logs := s.Logs
	rec, err := ledger.Open(context.Background(), catalogtest.CutMeta(s.Meta, s.power.step), s.Catalog, catalogtest.CutDoor(door, s.power.step), s.ring, ledger.Options{
		Account: "1", Days: simDays, Gather: time.Millisecond, RetryAfter: time.Millisecond, AnchorEvents: 1 + s.r.IntN(20), AnchorEvery: 5 * time.Millisecond,
		MaxWait: 10 * time.Second, Now: s.Clock.Now,
		Reserve: ledger.Reserve{Door: catalogtest.CutDoor(door.FromReserve(), s.power.step), Left: func() int64 { return logs.Status().Reserve }},
	})
	if err != nil {
		return err
	}
	s.rec = rec
	if s.pins == nil {
		keys, _, err := ledger.Stored(context.Background(), s.Meta)
		if err != nil {
			s.t.Fatal(err)
		}
		s.pins = keys.Fingerprints()[:1]
	}
	s.audit = capture.New(s, rec, capture.Options{
		Strict: true, Now: s.Clock.Now, Owner: func(string) string { return "" }, Source: func(*http.Request) netip.Addr { return netip.Addr{} },
	})
	return nil
}

// squeeze makes the disk full, or nearly so, every other time. What is there already stays as it is.
func (s *sim) squeeze() {
	s.FS.SetCapacity(0)
	if s.r.IntN(2) == 0 {
		return
	}
	const large = 1 << 40
	s.FS.SetCapacity(large)
	free, err := s.FS.Free("logs")
	if err != nil {
		s.t.Fatal(err)
	}
	room := s.r.Int64N(3 * ledger.ReserveBytes) // and so at times no room for anything but the reserve
	s.FS.SetCapacity(large - int64(free) + room)
}

// call makes a call and notes what came of it.
func (s *sim) call(path string) {
	s.mu.Lock()
	s.calls++
	c := &wire.Call{ID: fmt.Sprintf("%s%06d", strings.Trim(path, "/"), s.calls)}
	s.mu.Unlock()
	w := httptest.NewRecorder()
	s.audit.Serve(w, httptest.NewRequestWithContext(context.Background(), http.MethodPost, "http://h"+path, nil), c)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case w.Code == http.StatusOK && path != "/r":
		s.acked[c.ID] = s.Clock.Now()
	case w.Code != http.StatusOK && w.Body.Len() > 0:
		s.unmarked = append(s.unmarked, c.ID)
	case w.Code != http.StatusOK && w.Header().Get("X-Sluice-Executed") == "":
		s.refused++
	}
}

// round lets some clients call until the power goes, or they have had enough.
func (s *sim) round() {
	err := s.open()
	for errors.Is(err, errOnce) {
		err = s.open()
	}
	before := s.Logs.Status().Reserve
	defer func(l *shard.Store) {
		if st := l.Status(); st.Reserve < before {
			s.squeezed++
		}
	}(s.Logs)
	if err == nil {
		var clients sync.WaitGroup
		for range 1 + s.r.IntN(4) {
			r := rand.New(rand.NewPCG(s.r.Uint64(), 2))
			clients.Go(func() {
				for range 5 + r.IntN(40) {
					s.call([]string{"/r", "/w", "/w", "/d"}[r.IntN(4)])
					select {
					case <-s.power.now:
						return
					default:
					}
				}
			})
		}
		rec, power, r := s.rec, s.power, rand.New(rand.NewPCG(s.r.Uint64(), 3))
		clients.Go(func() { // an operator, who is told that it failed, and does it again
			for range r.IntN(4) {
				if r.IntN(2) == 0 {
					_, _ = rec.Anchor(context.Background())
				} else if rec.RotateKey(context.Background()) == nil {
					s.mu.Lock()
					s.changed++
					s.mu.Unlock()
				}
				select {
				case <-power.now:
					return
				default:
				}
			}
		})
		if s.r.IntN(2) == 0 { // the power goes under them, as far as they are then
			select {
			case <-s.power.now:
				s.crash(&clients)
				return
			case <-done(&clients):
			}
		}
		clients.Wait()
		if s.r.IntN(3) == 0 {
			s.rec.Close()
			s.Reopen()
			return
		}
	}
	s.crash(&sync.WaitGroup{})
}

func done(wg *sync.WaitGroup) <-chan struct{} {
	c := make(chan struct{})
	go func() { wg.Wait(); close(c) }()
	return c
}

// crash takes the power, and with it all that was not synced. Calls that are answered by now count, whoever comes later was never answered.
func (s *sim) crash(clients *sync.WaitGroup) {
	s.power.mu.Lock()
	s.power.off = true
	s.power.mu.Unlock()
	s.mu.Lock()
	acked := maps.Clone(s.acked)
	s.mu.Unlock()
	s.Env.Crash(s.r)
	clients.Wait()
	if s.rec != nil {
		s.rec.Close()
		s.rec = nil
	}
	s.acked = acked
}

// verify verifies what is on the disk, whether a server runs or not. One that runs may take what is too old meanwhile: then it is looked at again, as the
// command line does.
func (s *sim) verify(seed uint64) *trail.Report {
	s.t.Helper()
	l, err := ledger.FindLog(s.t.Context(), s.Catalog)
	if err != nil {
		s.t.Fatal(err)
	}
	for {
		keys, newest := s.stored()
		pins := s.pins
		if newest.Seq == 0 { // a key that has signed nothing yet vouches for nothing
			pins = nil
		}
		report, err := ledger.Verify(s.t.Context(), l, trail.NewVerifier(keys, pins, newest), nil)
		if err != nil {
			s.t.Fatal(err)
		}
		if _, now := s.stored(); now.Floor != newest.Floor {
			continue
		}
		if !report.Good() {
			s.t.Fatalf("seed %d: the chain is not good: %v", seed, report)
		}
		return report
	}
}

func (s *sim) stored() (trail.Keys, trail.Anchor) {
	s.t.Helper()
	keys, newest, err := ledger.Stored(s.t.Context(), s.Meta)
	if err != nil {
		s.t.Fatal(err)
	}
	return keys, newest
}

// keys checks that there are as many as the operator was told at least, and that of none but the last there is a private part.
func (s *sim) keys(seed uint64, report *trail.Report) {
	s.t.Helper()
	if len(report.Keys) < 1+s.changed {
		s.t.Errorf("seed %d: %d keys after %d changes", seed, len(report.Keys), s.changed)
	}
	for i, k := range report.Keys {
		var stored sealed
		if err := s.Meta.View(s.t.Context(), func(tx meta.Tx) error {
			item, err := tx.Item("trail-key", k.ID)
			if err != nil {
				return err
			}
			return json.Unmarshal(item.Body, &stored)
		}); err != nil {
			s.t.Fatalf("seed %d: key %s: %v", seed, k.ID, err)
		}
		if last := i == len(report.Keys)-1; last != (stored.Sealed != nil) || !k.Trusted {
			s.t.Errorf("seed %d: key %d of %d has a private part: %v; it is trusted: %v", seed, i+1, len(report.Keys), stored.Sealed != nil, k.Trusted)
		}
	}
}

// check compares the record with what clients know.
func (s *sim) check(seed uint64) {
	s.t.Helper()
	if s.pins != nil {
		s.verify(seed) // as the power has left it
	}
	s.FS.SetCapacity(0)
	for s.open() != nil { // whose power may go, too
		s.Env.Crash(s.r)
	}
	defer s.rec.Close()
	l := s.rec.Log()
	report := s.verify(seed)
	s.keys(seed, report)
	s.expired += report.Floor
	begin, _ := l.Bounds()
	events, _, err := l.Read(s.t.Context(), begin, 1<<30)
	if err != nil {
		s.t.Fatal(err)
	}
	seen, ids := map[string]int{}, map[string]bool{}
	for _, e := range events {
		if e.Type == trail.APICall {
			seen[e.RequestID]++
		}
		if ids[e.ID] {
			s.t.Errorf("seed %d: event %s is there twice", seed, e.ID)
		}
		ids[e.ID] = true
	}
	for id, n := range seen {
		if n != 1 {
			s.t.Errorf("seed %d: %d events of call %s", seed, n, id)
		}
	}
	for id, at := range s.acked {
		if kept := s.Clock.Now().AddDate(0, 0, -simDays); seen[id] == 0 && at.After(kept) {
			s.t.Errorf("seed %d: call %s was answered, and has no event", seed, id)
		}
	}
	if len(s.unmarked) > 0 {
		s.t.Errorf("seed %d: calls %v were carried out, and their answers show it though they could not be recorded", seed, s.unmarked)
	}
}

// In strict mode the event of each call that changed something and was answered is there once, and the chain is good, wherever the power went.
func TestSimulation(t *testing.T) {
	seeds := *simSeeds
	if testing.Short() {
		seeds = min(seeds, 10)
	}
	acked, refused, changed, expired, squeezed := 0, 0, 0, uint64(0), 0
	for seed := *simFrom; seed < *simFrom+seeds; seed++ {
		s := newSim(t, seed)
		for range 3 {
			s.round()
			s.Clock.Advance(time.Duration(s.r.IntN(20)) * 24 * time.Hour)
		}
		s.check(seed)
		acked, refused, changed, expired, squeezed = acked+len(s.acked), refused+s.refused, changed+s.changed, expired+s.expired, squeezed+s.squeezed
		if t.Failed() {
			return
		}
	}
	t.Logf("%d calls answered and recorded, %d refused before anything was done, %d events expired, %d changes of keys, %d rounds that needed the reserve", acked, refused, expired, changed, squeezed)
	const enough = 100 // of fewer, whose goroutines run as they like, all may happen to end before anything is old
	if seeds >= enough && (acked == 0 || expired == 0 || changed == 0 || squeezed == 0) {
		t.Error("no call was ever answered, no event ever expired, no key was ever changed, or no disk was ever full")
	}
}
