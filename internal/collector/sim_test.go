package collector_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/collector"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/vfs"
	"github.com/sluicelog/sluice/internal/vfs/faultfs"
)

var (
	seeds = flag.Int("sim.seeds", 300, "how many simulations; -short does 30")
	one   = flag.Uint64("sim.seed", 0, "run this simulation alone")
)

// TestSimulation runs collectors on disks that fail and lose what was not synced, with sources and outputs that fail at any point, and kills them
// again and again. Outputs that can be asked get each event once, those that cannot at least once, and each batch of those has the same content at each
// repetition under its number.
func TestSimulation(t *testing.T) {
	n := *seeds
	if testing.Short() {
		n = min(n, 30)
	}
	for seed := range uint64(n) {
		if *one != 0 {
			seed = *one
		}
		for _, lasting := range []bool{false, true} {
			ok := t.Run(fmt.Sprintf("%d/%v", seed, lasting), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { simulate(t, seed, lasting) })
			})
			if !ok {
				t.Fatalf("seed %d", seed)
			}
		}
		if *one != 0 {
			return
		}
	}
}

const simEvents = 40 // of each part

// world is what outlives the collectors of a simulation.
type world struct {
	r        *rand.Rand
	lasting  bool
	mu       sync.Mutex
	crashed  bool              // the process is dead: nothing reaches the world any more
	told     map[string]string // output that cannot: events by stream and number
	ids      map[string]int    // events it got
	deleted  map[string]bool   // events whose receipts came back
	faultful bool
}

func (w *world) fails() bool { return w.faultful && w.r.IntN(6) == 0 }

var errSim = errors.New("simulated")

// flaky is a source with two parts. Its events have ids, and are given again at random, unless it is lasting.
type flaky struct{ w *world }

func (s flaky) Check(context.Context) error { return nil }
func (s flaky) Close() error                { return nil }

func (s flaky) Parts(context.Context) ([]collector.Part, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.w.fails() {
		return nil, errSim
	}
	return []collector.Part{{Name: "a", Ended: true}, {Name: "b", After: []string{"a"}}}, nil
}

func (s flaky) Read(_ context.Context, p collector.Part, place json.RawMessage, c collector.Cycle) (*collector.Batch, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.w.fails() {
		return nil, errSim
	}
	at := 0
	if len(place) > 0 {
		_ = json.Unmarshal(place, &at)
	}
	next := min(at+s.w.r.IntN(4), simEvents)
	b := &collector.Batch{Lasting: s.w.lasting, Next: json.RawMessage(strconv.Itoa(next)), AtEnd: at == simEvents, Requests: 1}
	from := at
	if !s.w.lasting {
		for i := range at { // those that were not deleted come again
			if !s.w.deleted[p.Name+strconv.Itoa(i)] {
				from, b.AtEnd = i, false
				break
			}
		}
		b.Forget = time.Unix(int64(max(0, from-4)), 0)
		from = max(0, from-s.w.r.IntN(4))
		b.Receipt = json.RawMessage(fmt.Sprintf(`[%q,%d,%d]`, p.Name, from, next))
	}
	b.Events = s.events(p, from, next, c)
	return b, nil
}

func (s flaky) events(p collector.Part, from, to int, c collector.Cycle) (list []collector.Event) {
	for i := from; i < to; i++ {
		e := collector.Event{Time: uint32(i), Fields: []sink.Field{{Key: "id", Value: p.Name + strconv.Itoa(i)}, collector.PullingField(c.ID)}}
		if !s.w.lasting {
			e.ID, e.Seen = p.Name+strconv.Itoa(i), int64(i)
		}
		list = append(list, e)
	}
	return list
}

func (s flaky) Again(_ context.Context, p collector.Part, from, to json.RawMessage, c collector.Cycle) ([]collector.Event, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.w.fails() {
		return nil, errSim
	}
	var a, b int
	_ = json.Unmarshal(from, &a)
	_ = json.Unmarshal(to, &b)
	return s.events(p, a, b, c), nil
}

func (s flaky) Settle(_ context.Context, _ collector.Part, receipt json.RawMessage) error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.w.fails() || s.w.crashed {
		return errSim
	}
	var part string
	var from, to int
	if err := json.Unmarshal(receipt, &[]any{&part, &from, &to}); err != nil {
		return err
	}
	for i := from; i < to; i++ {
		id := part + strconv.Itoa(i)
		if s.w.ids[id] == 0 {
			panic("deleted before it was delivered: " + id)
		}
		s.w.deleted[id] = true
	}
	return nil
}

// store is a Logstore in memory whose answers get lost.
type store struct {
	w      *world
	groups [][]byte
}

func (s *store) Put(_ context.Context, _ string, group []byte) error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.w.crashed || s.w.fails() {
		return errSim
	}
	s.groups = append(s.groups, group)
	if s.w.fails() {
		return errSim // it is stored all the same
	}
	return nil
}

func (s *store) End(context.Context, string) (map[string]string, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.w.fails() {
		return nil, errSim
	}
	return map[string]string{"0": strconv.Itoa(len(s.groups))}, nil
}

func (s *store) Scan(_ context.Context, _ string, from map[string]string, yield func([]byte) error) error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.w.fails() {
		return errSim
	}
	at, err := strconv.Atoi(from["0"])
	for ; err == nil && at < len(s.groups); at++ {
		err = yield(s.groups[at])
	}
	from["0"] = strconv.Itoa(at)
	return err
}

func (s *store) Invalid(error) bool { return false }
func (s *store) Close() error       { return nil }

// deaf is an output that cannot be asked.
type deaf struct {
	w *world
	t *testing.T
}

func (d deaf) Check(context.Context) error                           { return nil }
func (d deaf) Mark(context.Context, string) (json.RawMessage, error) { return nil, nil }
func (d deaf) Close() error                                          { return nil }
func (d deaf) Send(_ context.Context, del *collector.Delivery) ([]collector.Refusal, error) {
	d.w.mu.Lock()
	defer d.w.mu.Unlock()
	if d.w.crashed || d.w.fails() {
		return nil, errSim
	}
	for i := range del.Events {
		text := string(del.Events[i].AppendJSON(nil))
		number := fmt.Sprint(del.Stream(), del.First+int64(i))
		if before, ok := d.w.told[number]; ok && before != text {
			d.t.Errorf("event %s was %s and is %s", number, before, text)
		}
		d.w.told[number] = text
		d.w.ids[del.Events[i].Fields[0].Value]++
	}
	if d.w.fails() {
		return nil, errSim
	}
	return nil, nil
}

func simulate(t *testing.T, seed uint64, lasting bool) {
	w := &world{
		r: rand.New(rand.NewPCG(seed, 7)), lasting: lasting, faultful: true, told: map[string]string{}, ids: map[string]int{}, deleted: map[string]bool{},
	}
	logs := &store{w: w}
	config, err := collector.Parse([]byte(`{"inputs": {"in": {"credentials": {"access_key_id": "k", "access_key_secret": "s"},
		"services": {"flaky": {"request_period_in_seconds": 1}}}}, "outputs": {"asked": {"type": "logstore"}, "deaf": {"type": "deaf"}}}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	options := collector.Options{
		Dir:   t.TempDir(), // for the lock; all else is in the disk
		Kinds: map[string]collector.Kind{"flaky": {Module: "FlakyStandardPuller", Period: time.Second, Open: func(collector.SourceSetup) (collector.Source, error) { return flaky{w}, nil }}},
		Outputs: map[string]collector.OutputKind{
			"logstore": func(string, json.RawMessage) (collector.Destination, error) {
				return collector.NewLogstoreDestination(logs, collector.LogstoreConfig{SettleSeconds: 0.5})
			},
			"deaf": func(string, json.RawMessage) (collector.Destination, error) { return deaf{w, t}, nil },
		},
	}
	disk := vfs.NewMem()
	for life := 0; ; life++ {
		last := life >= 12
		w.mu.Lock()
		w.faultful, w.crashed = !last, false
		w.mu.Unlock()
		faulty := faultfs.New(disk)
		if !last {
			at := 1 + w.r.IntN(60)
			faulty.Set(func(n int, _ faultfs.Op, _ string) error {
				if n%at == 0 {
					return faultfs.ErrInjected
				}
				return nil
			})
		}
		options.FS = faulty
		c, err := collector.New(config, options)
		if err != nil {
			t.Fatal(err)
		}
		age := time.Duration(w.r.IntN(20_000)) * time.Millisecond
		if last {
			age = 5 * time.Minute
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		time.Sleep(age)
		w.mu.Lock()
		w.crashed = !last
		disk = disk.Crash(w.r) // what the next life finds
		w.mu.Unlock()
		stop()
		if err := <-ended; err != nil && last {
			t.Fatal(err)
		}
		if last {
			break
		}
	}
	want := map[string]int{}
	for _, part := range []string{"a", "b"} {
		for i := range simEvents {
			want[part+strconv.Itoa(i)] = 1
		}
	}
	checkAsked(t, logs.groups, want)
	for id := range want {
		if w.ids[id] == 0 {
			t.Errorf("the other output did not get %s", id)
		}
		if !lasting && !w.deleted[id] {
			t.Errorf("the source was not told that %s arrived", id)
		}
	}
}
