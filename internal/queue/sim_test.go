package queue_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/queue"
	"github.com/sluicelog/sluice/internal/shard"
)

var (
	simSeeds = flag.Uint64("seeds", 40, "seeds of the simulation")
	simFrom  = flag.Uint64("seed", 0, "its first seed")
)

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
	if p.once != nil && p.once.IntN(15) == 0 {
		return errOnce
	}
	return nil
}

// expected is what the model knows of a message whose sending was answered.
type expected struct {
	body   string
	gone   bool      // its deletion was answered
	maybe  bool      // somebody tried to delete it, and got no answer
	hidden time.Time // nobody receives it before
	handle string    // of who holds it; "" for nobody
}

// sim is a queue, a power that fails, and what was answered.
type sim struct {
	*catalogtest.Env
	t        *testing.T
	seed     uint64
	r        *rand.Rand
	power    *power
	svc      *queue.Service
	expected map[string]*expected
	bodies   map[string]bool // all that anybody tried to send
	cuts     int
}

var simRef = queue.Ref{Name: "q"}

func newSim(t *testing.T, seed uint64) *sim {
	s := &sim{
		Env: catalogtest.Open(t, catalog.Options{}, shard.Options{MinFreeBytes: -1, JournalFileBytes: 1 << 20, JournalBytes: 2 << 20}),
		t:   t, seed: seed, r: rand.New(rand.NewPCG(seed, 30)), expected: map[string]*expected{}, bodies: map[string]bool{},
	}
	s.open()
	if _, err := s.svc.Create(t.Context(), simRef, queue.DefaultAttributes()); err != nil {
		t.Fatal(err)
	}
	s.faults()
	return s
}

func (s *sim) open() {
	s.power = &power{left: -1}
	door := ingest.New(s.Catalog, ingest.Options{Now: s.Clock.Now})
	var err error
	s.svc, err = queue.New(s.t.Context(), catalogtest.CutMeta(s.Meta, s.power.step), s.Catalog, catalogtest.CutDoor(door, s.power.step), queue.Options{Now: s.Clock.Now})
	if err != nil {
		s.t.Fatalf("seed %d: open: %v", s.seed, err)
	}
}

func (s *sim) faults() {
	if s.r.IntN(4) > 0 {
		s.power.left = 1 + s.r.IntN(40)
	}
	if s.r.IntN(2) == 0 {
		s.power.once = rand.New(rand.NewPCG(s.r.Uint64(), 1))
	}
}

func (s *sim) crash() {
	s.cuts++
	s.svc.Drain()
	s.Env.Crash(s.r)
	s.open()
}

// send sends a batch.
func (s *sim) send() {
	var out []queue.Outgoing
	for range 1 + s.r.IntN(4) {
		body := fmt.Sprintf("body %d of seed %d", len(s.bodies), s.seed)
		s.bodies[body] = true
		o := queue.Outgoing{Body: body, Priority: s.r.Int64N(17)}
		if s.r.IntN(3) == 0 {
			delay := s.r.Int64N(60)
			o.DelaySeconds = &delay
		}
		out = append(out, o)
	}
	now := s.Clock.Now()
	sent, err := s.svc.Send(s.t.Context(), simRef, out)
	if err != nil {
		return
	}
	for i, m := range sent {
		e := &expected{body: out[i].Body, handle: m.Handle}
		if out[i].DelaySeconds != nil {
			e.hidden = now.Add(time.Duration(*out[i].DelaySeconds) * time.Second)
		}
		s.expected[m.ID] = e
	}
}

// receive receives what is there, and compares it with what was answered before.
func (s *sim) receive(n int) (any bool) {
	got, err := s.svc.Receive(s.t.Context(), simRef, n, 0)
	if err != nil {
		return false
	}
	for _, m := range got {
		e := s.expected[m.ID]
		if e == nil && s.bodies[m.Body] { // sent, and not answered
			e = &expected{body: m.Body}
			s.expected[m.ID] = e
		}
		switch {
		case e == nil || e.body != m.Body:
			s.t.Fatalf("seed %d: message %s with body %q was never sent", s.seed, m.ID, m.Body)
		case e.gone:
			s.t.Fatalf("seed %d: message %q is received after it was deleted", s.seed, m.Body)
		case s.Clock.Now().Before(e.hidden):
			s.t.Fatalf("seed %d: message %q is received at %v, and was hidden until %v", s.seed, m.Body, s.Clock.Now(), e.hidden)
		}
		e.hidden, e.handle = m.Visible, m.Handle
	}
	return true
}

// held is a message that somebody may hold; nil for none.
func (s *sim) held() *expected {
	var holding []string
	for id, e := range s.expected {
		if e.handle != "" && !e.gone {
			holding = append(holding, id)
		}
	}
	if len(holding) == 0 {
		return nil
	}
	slices.Sort(holding) // by the time of sending, so that a seed says it all
	return s.expected[holding[s.r.IntN(len(holding))]]
}

func (s *sim) remove() {
	e := s.held()
	if e == nil {
		return
	}
	refused, err := s.svc.DeleteMessages(s.t.Context(), simRef, []string{e.handle})
	valid := s.Clock.Now().Before(e.hidden)
	switch {
	case err != nil:
		e.maybe = true
	case refused[0] == nil && !valid:
		s.t.Fatalf("seed %d: an old handle deletes %q", s.seed, e.body)
	case refused[0] == nil:
		e.gone = true
	case valid && !e.maybe:
		s.t.Fatalf("seed %d: a good handle of %q is refused: %v", s.seed, e.body, refused[0])
	}
}

func (s *sim) change() {
	e := s.held()
	if e == nil {
		return
	}
	handle, visible, err := s.svc.ChangeVisibility(s.t.Context(), simRef, e.handle, 1+s.r.Int64N(90))
	if err == nil {
		e.handle, e.hidden = handle, visible
		return
	}
	e.handle = "" // which handle is good is not known; the message may be hidden for less now
	e.hidden = time.Time{}
}

func (s *sim) step() {
	switch k := s.r.IntN(20); {
	case k < 6:
		s.send()
	case k < 12:
		s.receive(1 + s.r.IntN(4))
	case k < 15:
		s.remove()
	case k < 17:
		s.change()
	default:
		s.Clock.Advance(time.Duration(s.r.IntN(40)) * time.Second)
	}
	if s.power.off {
		s.crash()
		s.faults()
	}
}

// end receives everything, without faults, and compares it with what was answered.
func (s *sim) end() {
	if s.r.IntN(2) == 0 {
		s.crash()
	}
	s.power.left, s.power.once = -1, nil
	s.Clock.Advance(time.Hour)
	for s.receive(queue.MaxBatch) {
	}
	now := s.Clock.Now()
	for id, e := range s.expected {
		if received := e.hidden.After(now); !received && !e.gone && !e.maybe {
			s.t.Fatalf("seed %d: message %s, %q, is lost", s.seed, id, e.body)
		}
	}
}

// Whatever fails, and wherever the power is cut: a message whose sending was answered is received until its deletion was answered, at no time
// when it is hidden, and with the body that was sent.
func TestSimulation(t *testing.T) {
	seeds := *simSeeds
	if testing.Short() {
		seeds = min(seeds, 6)
	}
	cuts := 0
	for seed := *simFrom; seed < *simFrom+seeds; seed++ {
		s := newSim(t, seed)
		for range 120 {
			s.step()
		}
		s.end()
		cuts += s.cuts
	}
	t.Logf("%d seeds, %d power cuts", seeds, cuts)
}
