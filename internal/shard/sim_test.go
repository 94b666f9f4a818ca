package shard

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/vfs"
	"github.com/sluicelog/sluice/internal/vfs/faultfs"
)

var (
	simSeeds = flag.Int("sim.seeds", 2000, "seeds of the power-cut simulation; -short runs a tenth")
	simSeed  = flag.Uint64("sim.seed", 0, "run this seed only")
)

// sim drives a store through appends, moves, trims and crashes, next to a model that knows what must be there.
type sim struct {
	t    *testing.T
	r    *rand.Rand
	mem  *vfs.Mem
	fs   vfs.FS
	o    Options
	now  time.Time
	s    *Store
	logs map[sluice.LogID]*model
	id   uint64
}

// model is one log as it has to be. groups[i] has position base+i; a group that was sent and not acknowledged may be there
// after a restart or not, until a restart shows which.
type model struct {
	log      *Log
	groups   [][]byte
	received []time.Time
	begin    sluice.Position   // nothing before it has to be there
	maybe    map[string]uint64 // sent, refused with an error that leaves it open
}

func (m *sim) open() {
	m.t.Helper()
	s, err := Open(m.fs, "d", m.o)
	if err != nil {
		m.t.Fatal(err)
	}
	m.s = s
	for id, l := range m.logs {
		l.log = mustLog(m.t, s, id)
		m.settle(l)
	}
	if err := s.Retain(); err != nil {
		m.t.Fatal(err)
	}
}

// settle checks a log after a restart and takes over what turned up of groups that nobody was promised.
func (m *sim) settle(l *model) {
	m.t.Helper()
	begin, end := l.log.Bounds()
	promised := base + sluice.Position(len(l.groups))
	if end < promised {
		m.t.Fatalf("log %d ends at %d: %d acknowledged groups are gone", l.log.id, end, promised-end)
	}
	if begin > l.begin {
		m.t.Fatalf("log %d begins at %d, must hold everything from %d", l.log.id, begin, l.begin)
	}
	for p := promised; p < end; p++ {
		b, err := l.log.Read(p, p+1, 1, 1)
		if err != nil {
			m.t.Fatal(err)
		}
		raw := rawOf(m.t, b.Groups[0])
		if _, ok := l.maybe[string(raw)]; !ok {
			m.t.Fatalf("log %d position %d holds %q, which was never sent or was refused", l.log.id, p, raw)
		}
		delete(l.maybe, string(raw))
		l.groups = append(l.groups, raw)
		l.received = append(l.received, b.Groups[0].Received)
		b.Release()
	}
	m.check(l)
}

func (m *sim) check(l *model) {
	m.t.Helper()
	first, raws := readAll(m.t, l.log, 1+m.r.IntN(60))
	for i, raw := range raws {
		if want := l.groups[int(first-base)+i]; !bytes.Equal(raw, want) {
			m.t.Fatalf("log %d position %d holds %q, want %q", l.log.id, first+sluice.Position(i), raw, want)
		}
	}
	if int(first-base)+len(raws) != len(l.groups) {
		m.t.Fatalf("log %d has %d groups from %d, want them up to %d", l.log.id, len(raws), first, len(l.groups))
	}
}

func (m *sim) append(l *model) {
	m.t.Helper()
	m.id++
	raw := payloadOf(m.id, 9)
	if m.r.IntN(10) == 0 {
		raw = append(raw, bytes.Repeat([]byte("long "), m.r.IntN(2000))...)
	}
	p, err := l.log.Append(context.Background(), blockOf(m.t, raw))
	switch {
	case err == nil:
		if want := base + sluice.Position(len(l.groups)); p != want {
			m.t.Fatalf("log %d gave position %d, want %d", l.log.id, p, want)
		}
		l.groups, l.received = append(l.groups, raw), append(l.received, m.now)
	case errors.Is(err, ErrDiskFull) && !errors.Is(err, faultfs.ErrInjected), errors.Is(err, ErrSealed), errors.Is(err, ErrClosed):
	default:
		if l.maybe == nil {
			l.maybe = map[string]uint64{}
		}
		l.maybe[string(raw)] = m.id
	}
}

// step does one thing. Errors of background work are what the caller makes of them.
func (m *sim) step() error {
	id := sluice.LogID(1 + m.r.IntN(4))
	l := m.logs[id]
	if l == nil {
		l = &model{log: mustLog(m.t, m.s, id), begin: base}
		m.logs[id] = l
	}
	m.now = m.now.Add(time.Duration(m.r.IntN(2000)-300) * time.Millisecond)
	switch k := m.r.IntN(100); {
	case k < 80:
		m.append(l)
	case k < 88:
		return l.log.move()
	case k < 90:
		return errors.Join(l.log.move(), m.s.release())
	case k < 92:
		return m.s.shorten()
	case k < 95:
		before := m.now.Add(-time.Duration(m.r.IntN(120)) * time.Second)
		if m.r.IntN(2) == 0 {
			return m.trimTo(l, before)
		}
		for int(l.begin-base) < len(l.groups) && l.received[l.begin-base].Before(before) {
			l.begin++ // from now on Trim may have taken it, even if it fails
		}
		return l.log.Trim(before)
	default:
		m.check(l)
	}
	return nil
}

// trimTo removes what Trim would have removed at a moment, or a little less or more than that.
func (m *sim) trimTo(l *model, before time.Time) error {
	p, err := l.log.Expiring(before)
	if err != nil {
		return err
	}
	p = min(max(p+sluice.Position(m.r.IntN(7)-3), base), base+sluice.Position(len(l.groups)))
	l.begin = max(l.begin, p)
	return l.log.TrimTo(p)
}

// cut is how a run of the simulated machine ends.
func (m *sim) cut() {
	switch m.r.IntN(4) {
	case 0: // in order
		_ = m.s.Close()
		return
	case 1: // power fails between two operations
	default: // power fails inside an append or a move: every operation from the n-th on does nothing
		stop := 1 + m.r.IntN(12)
		ffs := m.fs.(*faultfs.FS)
		start := ffs.Count()
		ffs.Set(func(n int, _ faultfs.Op, _ string) error {
			if n >= start+stop {
				return faultfs.ErrInjected
			}
			return nil
		})
		for range 8 {
			_ = m.step()
		}
	}
	m.mem = m.mem.Crash(m.r)
	_ = m.s.Close() // ends its goroutines; what it still writes goes to the machine that is gone
}

func newSim(t *testing.T, seed uint64) *sim {
	m := &sim{t: t, r: rand.New(rand.NewPCG(seed, 5)), mem: vfs.NewMem(), logs: map[sluice.LogID]*model{}, now: time.Unix(1_700_000_000, 0)}
	m.o = small()
	m.o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	m.o.Now, m.o.Salt = func() time.Time { return m.now }, m.r.Uint64
	m.o.JournalBytes = 1 << 40 // moves come from step, so that a seed always does the same
	return m
}

// TestPowerCutSimulation cuts the power at random moments, keeps synced bytes and any part of the others, and demands that every
// acknowledged group is there once, in order, and nothing that was not sent.
func TestPowerCutSimulation(t *testing.T) {
	first, n := uint64(0), uint64(*simSeeds)
	if testing.Short() {
		n /= 10
	}
	if *simSeed > 0 {
		first, n = *simSeed, *simSeed+1
	}
	for seed := first; seed < n && !t.Failed(); seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { powerCuts(t, seed) }) // run one alone with -sim.seed
	}
}

func powerCuts(t *testing.T, seed uint64) {
	m := newSim(t, seed)
	for range 3 {
		m.fs = faultfs.New(m.mem)
		m.open()
		for range 5 + m.r.IntN(60) {
			if err := m.step(); err != nil {
				t.Fatal(err)
			}
		}
		m.cut()
	}
	m.fs = faultfs.New(m.mem)
	m.open()
	if st := m.s.Status(); len(st.Damage) > 0 {
		t.Fatalf("damage after a power cut: %v", st.Damage)
	}
	if err := m.s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestEveryFaultOnce fails each write, sync, rename, remove, allocation and directory sync once, one per run, and looks for lost or
// doubled groups, then and after a power cut.
func TestEveryFaultOnce(t *testing.T) {
	stride := 1
	if testing.Short() {
		stride = 7
	}
	for n := 1; ; n += stride {
		m := newSim(t, 77)
		ffs := faultfs.FailNth(m.mem, n)
		m.fs = ffs
		s, err := Open(m.fs, "d", m.o)
		if err != nil {
			if !errors.Is(err, faultfs.ErrInjected) {
				t.Fatalf("fault %d: %v", n, err)
			}
			continue
		}
		m.s = s
		for range 400 {
			if err := m.step(); err != nil && !errors.Is(err, faultfs.ErrInjected) {
				t.Fatalf("fault %d: %v", n, err)
			}
		}
		for _, l := range m.logs {
			m.check(l)
		}
		done := ffs.Count() < n
		m.mem = m.mem.Crash(m.r)
		_ = m.s.Close()
		m.fs = m.mem
		m.open()
		if st := m.s.Status(); len(st.Damage) > 0 {
			t.Fatalf("fault %d: damage: %v", n, st.Damage)
		}
		_ = m.s.Close()
		if done {
			return
		}
	}
}
