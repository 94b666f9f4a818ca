package courier

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/bucket"
	"github.com/sluicelog/sluice/internal/trail/trails"
)

var (
	simSeeds = flag.Uint64("seeds", 100, "seeds of the simulation; -short runs a fourth, make sim two thousand others")
	simFrom  = flag.Uint64("seed", 0, "its first seed")
)

var errPowerCut = errors.New("power cut")

// power fails steps: it is cut at some, before or after they did what they do, and answers get lost.
type power struct {
	r    *rand.Rand
	on   bool // faults happen
	rate int  // one step in so many fails
	off  bool
}

func (p *power) step() error {
	if p.off {
		return errPowerCut
	}
	if p.on && p.r.IntN(p.rate) == 0 {
		p.off = true
		return errPowerCut
	}
	return nil
}

// mark is what the trail was to want from a time on.
type mark struct {
	from   time.Time
	logs   bool
	choose func(readOnly bool) bool
}

// sim is one trail, what happens to it and to the server, and what should come of it.
type sim struct {
	*bed
	r     *rand.Rand
	power *power
	marks []mark
	late  []trail.Event // that are not in the log yet
	want  map[string]bool
	may   map[string]bool // need not, and can: calls that act on the trail soon after it was stopped

	refuses                bool
	moves, loosens, toggle bool // the trail gets another prefix, its validation is switched
	prefixes               []string
}

func everything(bool) bool { return true }

func (s *sim) wait(most time.Duration) {
	s.now = s.now.Add(time.Millisecond + time.Duration(s.r.Int64N(int64(most))))
}

// happens lets some events happen, a little before they come into the log.
func (s *sim) happens() {
	for range 1 + s.r.IntN(8) {
		readOnly := s.r.IntN(2) == 0
		e := s.event(readOnly)
		if s.r.IntN(6) == 0 {
			e.Account = "somebody else's"
		} else if m := s.marks[len(s.marks)-1]; m.logs && m.choose(readOnly) {
			s.want[e.ID] = true
		}
		s.late = append(s.late, e)
		s.wait(100 * time.Millisecond)
	}
	s.r.Shuffle(len(s.late), func(i, j int) { s.late[i], s.late[j] = s.late[j], s.late[i] })
	for len(s.late) > 0 && s.r.IntN(4) > 0 {
		n := 1 + s.r.IntN(len(s.late))
		s.log.append(s.now, s.late[:n]...)
		s.late = append([]trail.Event(nil), s.late[n:]...)
	}
}

// flush brings what is late into the log: events are never late by more than Settle.
func (s *sim) flush() {
	if len(s.late) > 0 {
		s.log.append(s.now, s.late...)
		s.late = nil
	}
}

// control changes the trail, as a client does. Its call is an event that is always delivered.
func (s *sim) control() {
	s.wait(time.Second)
	m := s.marks[len(s.marks)-1]
	before := m.logs
	m.from = s.now
	var err error
	ctx, key := s.Context(), s.key("main")
	power := s.power.on
	s.power.on = false // whoever calls hears of faults, and calls again
	switch n := s.r.IntN(10); {
	case n < 3:
		m.logs = true
		_, err = s.trails.Start(ctx, key)
	case n < 6:
		m.logs = false
		_, err = s.trails.Stop(ctx, key)
	case n < 8:
		only := []trails.ReadWrite{trails.All, trails.ReadOnly, trails.WriteOnly}[s.r.IntN(3)]
		m.choose = func(readOnly bool) bool { return only == trails.All || (only == trails.ReadOnly) == readOnly }
		_, err = s.trails.Update(ctx, key, func(t *trails.Trail) error {
			t.Selection = trails.Selection{Basic: []trails.Basic{{ReadWriteType: only}}}
			return nil
		})
	case n < 9 && s.moves:
		prefix := fmt.Sprintf("p%d", len(s.prefixes))
		s.prefixes = append(s.prefixes, prefix)
		_, err = s.trails.Update(ctx, key, func(t *trails.Trail) error { t.Prefix = prefix; return nil })
	case s.loosens:
		s.toggle = true
		_, err = s.trails.Update(ctx, key, func(t *trails.Trail) error { t.Validation = !t.Validation; return nil })
	}
	s.power.on = power
	if err != nil {
		s.Fatal(err)
	}
	s.marks = append(s.marks, m)
	s.wait(time.Second)
	e := s.event(false)
	e.Service, e.Name, e.Resources = trail.ServiceCloudTrail, "Control", []trail.Resource{{Name: "main"}}
	s.late = append(s.late, e)
	if s.may[e.ID] = true; before || m.logs {
		s.want[e.ID] = true
	}
}

// rounds lets the courier work, and starts it anew where the power was cut.
func (s *sim) rounds() {
	for range 1 + s.r.IntN(3) {
		if err := s.round(); err != nil {
			var refusal *bucket.Refusal
			if !errors.Is(err, errPowerCut) && !errors.As(err, &refusal) {
				s.Fatal(err)
			}
		}
		if s.power.off {
			s.power.off = false
			s.start(s.store)
		}
		s.wait(20 * time.Second)
	}
}

// run lets things happen, ends the trail, and lets everything be delivered.
func (s *sim) run() {
	for range 40 {
		s.happens()
		if s.r.IntN(8) == 0 {
			s.control()
		}
		if s.r.IntN(15) == 0 {
			s.refuses = !s.refuses
		}
		s.wait(8 * time.Second)
		if s.r.IntN(2) == 0 {
			s.flush()
			s.rounds()
		}
		if s.r.IntN(10) == 0 {
			s.flush()
			s.wait(20 * time.Minute)
		}
	}
	s.flush()
	s.power.on, s.refuses = false, false
	if _, err := s.trails.Stop(s.Context(), s.key("main")); err != nil {
		s.Fatal(err)
	}
	for range 5 {
		s.now = s.now.Add(2 * time.Minute)
		s.mustRound()
	}
}

func (s *sim) check() {
	counts := map[string]int{}
	for _, prefix := range s.prefixes {
		for id, n := range s.buckets.records(s, "audit", prefix+"/AWSLogs/") {
			counts[id] += min(n, 1)
			if n > 1 {
				s.Errorf("event %s is %d times below prefix %s", id, n, prefix)
			}
			if !s.want[id] && !s.may[id] {
				s.Errorf("event %s is delivered, and was not chosen", id)
			}
		}
	}
	for id := range s.want {
		if counts[id] == 0 {
			s.Errorf("event %s is missing", id)
		}
	}
	s.checkDigests()
}

func (s *sim) checkDigests() {
	objects := s.buckets.objects["audit"]
	files := s.validate("audit")
	if len(s.prefixes) > 1 || s.toggle {
		return // there are files that no digest has to list
	}
	for key := range objects {
		if key[len("p0/AWSLogs/"):][len(s.trails.Alias(s.account)):][:12] == "/CloudTrail/" && !files[key] {
			s.Errorf("file %s is in no digest", key)
		}
	}
	st, err := s.trails.Status(s.Context(), s.key("main"))
	if err != nil || len(st.Past) != 0 || st.OfBucket.Error != "" || st.OfBucket.DigestError != "" {
		s.Errorf("at the end: %+v, %v", st, err)
	}
}

// TestSimulation lets events happen while the trail is started, stopped and changed, the bucket refuses and the power is cut at any step, and then looks
// into the bucket: every event that was chosen is there once, and the digests are valid and list every file.
func TestSimulation(t *testing.T) {
	seeds := *simSeeds
	if testing.Short() {
		seeds = max(seeds/4, 1)
	}
	store := openStore(t)
	for seed := *simFrom; seed < *simFrom+seeds; seed++ {
		r := rand.New(rand.NewPCG(seed, 7))
		p := &power{r: r, on: true, rate: 5 + r.IntN(60)}
		s := &sim{r: r, power: p, want: map[string]bool{}, may: map[string]bool{}, prefixes: []string{"p0"}, moves: r.IntN(4) == 0, loosens: r.IntN(4) == 0}
		p.on = false
		s.bed = newBed(t, catalogtest.CutMeta(store, p.step), fmt.Sprintf("%016d", seed))
		s.create("main", func(t *trails.Trail) { t.Prefix = "p0" })
		s.marks = []mark{{s.now, true, everything}}
		s.buckets.fail = func(when, _, _ string) error {
			if err := p.step(); err != nil {
				return err
			}
			if s.refuses && when == "before a put" {
				return &bucket.Refusal{Code: "AccessDenied"}
			}
			return nil
		}
		p.on = true
		s.run()
		s.check()
		if t.Failed() {
			t.Fatalf("run again with -seed %d -seeds 1", seed)
		}
	}
}
