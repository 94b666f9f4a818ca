package delivery_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/delivery"
	"github.com/sluicelog/sluice/internal/delivery/pipeline"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/logpb"
)

var (
	simSeeds = flag.Int("sim.seeds", 40, "seeds of the simulation; -short runs a tenth")
	simSeed  = flag.Uint64("sim.seed", 0, "run this seed only")
)

// Engines come, freeze, crash at any change of metadata and any append, and go, while logs arrive, shards split and merge, retention takes
// logs, tasks are changed, paused and started, and destinations do all that destinations do. When all is well again, every log that
// retention did not take is where it belongs, in its order, and was there twice only in a batch of the same id.
func TestSimulation(t *testing.T) {
	seeds := *simSeeds
	if testing.Short() {
		seeds = (seeds + 9) / 10
	}
	if *simSeed != 0 {
		seeds = 1
	}
	for range seeds {
		seed := cmp.Or(*simSeed, rand.Uint64())
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := newSim(t, rand.New(rand.NewPCG(seed, 1)))
				for range 40 + s.roll(60) {
					s.step()
				}
				s.calm()
				s.check()
			})
		})
	}
}

// sim is the world of one seed, and what should be of it.
type sim struct {
	*bed
	*dice
	t       *testing.T
	engines []*process
	tasks   []*simTask
	calmed  atomic.Bool // everything is well from now on

	shardOf map[string]sluice.ShardID // by log
	expired map[string]bool           // logs that retention took, delivered or not
	parents map[sluice.ShardID][]sluice.ShardID
}

// process is an engine and what stands between it and the world.
type process struct {
	*engine
	gate *gate
	id   string
}

// simTask is a task and its destination.
type simTask struct {
	name    string
	keep    func(n int) bool // what its filter lets through
	refuse  func(n int) bool // what its destination never takes
	inOrder bool
	most    int // logs of a batch that its destination takes; 0: any number
	spec    *delivery.Spec
}

func newSim(t *testing.T, r *rand.Rand) *sim {
	s := &sim{
		bed: newBed(t, 1+r.IntN(3)), dice: &dice{r: r}, t: t,
		shardOf: map[string]sluice.ShardID{}, expired: map[string]bool{}, parents: map[sluice.ShardID][]sluice.ShardID{},
	}
	all, none := func(int) bool { return true }, func(int) bool { return false }
	s.tasks = []*simTask{
		{name: "steady", keep: all, refuse: none},
		{name: "wild", keep: all, refuse: func(n int) bool { return n%13 == 0 }, most: 25},
		{name: "order", keep: all, refuse: none, inOrder: true},
		{name: "some", keep: func(n int) bool { return n%10 != 3 && n%10 != 7 }, refuse: func(n int) bool { return n%5 == 0 }},
	}
	s.calmed.Store(true)
	defer s.calmed.Store(false)
	s.engines = []*process{s.boot("a")}
	for _, task := range s.tasks {
		task.spec = spec(task.name, func(d *delivery.Spec) { d.Source.InOrder = task.inOrder })
		if task.name == "some" {
			task.spec.Filter.Conditions = []pipeline.Condition{{Field: "n", Op: "notEndsWith", Values: []string{"3", "7"}}}
		}
		s.online(s.engines[0].Engine, task.spec)
		s.tape(task.name).set(func(ctx context.Context, b *tapeBatch) error { return s.answer(ctx, task, b) })
		s.tape(task.name).add = func(e *sink.Entry) error {
			if n, _ := strconv.Atoi(e.Fields[0].Value); task.name == "some" && task.refuse(n) {
				return fmt.Errorf("not here: %w", &sink.Refused{Reason: "a five"})
			}
			return nil
		}
	}
	return s
}

// dice are used by all goroutines of a simulation.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand
}

// roll returns 0 to n-1.
func (d *dice) roll(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

// boot starts an engine. Now and then its metadata or its write door fails, before or after what was to be done, or it dies there.
func (s *sim) boot(id string) *process {
	g := &gate{}
	fail := func() (before, after error) {
		if s.calmed.Load() {
			return nil, nil
		}
		switch s.roll(100) {
		case 0, 1:
			before = errFailed
		case 2, 3:
			after = errFailed
		case 4:
			g.dead, before = true, errDead
		case 5:
			g.dead, after = true, errDead
		}
		return before, after
	}
	g.commit, g.letter = fail, fail
	o := s.options(id)
	o.LeaseTime, o.SendTimeout = 2*time.Minute, time.Minute
	o.Rand = func() float64 { return float64(s.roll(1000)) / 1000 }
	return &process{s.startGated(o, g), g, id}
}

// answer is what the destination of a task makes of a batch.
func (s *sim) answer(ctx context.Context, task *simTask, b *tapeBatch) error {
	if i := slices.IndexFunc(b.logs, func(n string) bool { return task.refuse(number(n)) }); i >= 0 {
		b.take(i)
		return &sink.Refused{First: i, Count: 1, Reason: "never"}
	}
	if task.most > 0 && len(b.logs) > task.most {
		return fmt.Errorf("413: %w", sink.ErrTooLarge)
	}
	mood := 100
	if !s.calmed.Load() && task.name != "steady" {
		mood = s.roll(100)
	}
	switch {
	case mood < 8:
		return errors.New("connection refused")
	case mood < 14:
		b.take(len(b.logs))
		return errors.New("connection reset while reading the answer")
	case mood < 18:
		return &sink.Later{After: time.Duration(s.roll(100)) * time.Second, Err: errors.New("429")}
	case mood < 20:
		return &sink.Halt{Reason: "no such topic"}
	case mood < 26:
		<-ctx.Done() // until it is cut off
		return context.Cause(ctx)
	case mood < 28:
		panic("an unlucky number")
	case mood < 45:
		time.Sleep(time.Duration(s.roll(5000)) * time.Millisecond)
	}
	b.take(len(b.logs))
	return nil
}

func number(n string) int {
	i, err := strconv.Atoi(n)
	if err != nil {
		panic(err)
	}
	return i
}

func (s *sim) step() {
	switch n := s.roll(100); {
	case n < 45:
		s.append()
	case n < 65:
		time.Sleep(time.Duration(s.roll(20_000)) * time.Millisecond)
	case n < 70:
		s.reshard()
	case n < 80:
		s.bury()
	case n < 83:
		s.pickEngine().gate.freeze()
	case n < 87:
		s.pickEngine().gate.thaw()
	case n < 89:
		s.second()
	case n < 91:
		s.pickEngine().gate.kill()
	case n < 93:
		s.toggle()
	case n < 95:
		s.update()
	case n < 96:
		time.Sleep(time.Duration(s.roll(20)) * time.Minute)
	case n < 98:
		s.retain()
	default:
		for range 20 {
			s.append()
		}
	}
}

func (s *sim) append() {
	first := s.written + 1
	id := s.write(1 + s.roll(20))
	for n := first; n <= s.written; n++ {
		s.shardOf[strconv.Itoa(n)] = id
	}
}

func (s *sim) pickEngine() *process { return s.engines[s.roll(len(s.engines))] }

// bury starts the engines that died again, under their names.
func (s *sim) bury() {
	for i, p := range s.engines {
		p.gate.mu.Lock()
		dead := p.gate.dead
		p.gate.mu.Unlock()
		if dead {
			p.stop()
			s.engines[i] = s.boot(p.id)
		}
	}
}

// second starts or stops a second engine.
func (s *sim) second() {
	if len(s.engines) == 1 {
		s.engines = append(s.engines, s.boot("b"))
		return
	}
	s.engines[1].gate.thaw()
	s.engines[1].stop()
	s.engines = s.engines[:1]
}

// toggle pauses a task, or starts one that stands still: by itself, or paused because its destination wanted something done.
func (s *sim) toggle() {
	e := s.make(s.options("user")) // it is not Run
	task := s.tasks[s.roll(len(s.tasks))].name
	if s.status(e, task).State == delivery.Paused {
		_, err := e.Start(ctx, project, task, delivery.FromPoint)
		s.must(err)
		return
	}
	_, err := e.Pause(ctx, project, task, "by hand")
	s.must(err)
}

// update changes how batches of a task are cut.
func (s *sim) update() {
	e := s.make(s.options("user"))
	task := s.tasks[s.roll(len(s.tasks))]
	task.spec.Limits.Logs = s.roll(30)
	_, err := e.Update(ctx, project, task.spec, 0)
	s.must(err)
}

func (s *sim) reshard() {
	l := s.view()
	var open []sluice.ShardID
	for i := range l.Shards {
		if !l.Shards[i].ReadOnly {
			open = append(open, l.Shards[i].ID)
		}
	}
	id := open[s.roll(len(open))]
	if len(open) < 4 && s.roll(2) == 0 {
		_, err := s.cat.Split(ctx, ref, id, nil, 2)
		s.must(err)
	} else if _, err := s.cat.Merge(ctx, ref, id); err != nil && sluice.KindOf(err) != sluice.Invalid {
		s.must(err)
	}
	for _, shard := range s.view().Shards {
		s.parents[shard.ID] = shard.Parents
	}
}

// retain takes what is older than some minutes, and with it shards that were split or merged.
func (s *sim) retain() {
	l := s.view()
	for i := range l.Shards {
		shard := &l.Shards[i]
		before, _ := shard.Stored.Bounds()
		held := s.names(shard, before)
		s.must(shard.Stored.Trim(time.Now().Add(-4 * time.Minute)))
		begin, end := shard.Stored.Bounds()
		for p, names := range held {
			if p < begin {
				for _, n := range names {
					s.expired[n] = true
				}
			}
		}
		if shard.ReadOnly && begin == end && s.roll(2) == 0 {
			s.must(s.cat.DeleteShard(ctx, ref, shard.ID))
		}
	}
}

// names are the logs that a shard holds, by position.
func (s *sim) names(shard *catalog.Shard, from sluice.Position) map[sluice.Position][]string {
	all := map[sluice.Position][]string{}
	for {
		b, err := shard.Stored.Read(from, 0, 1000, 1<<20)
		s.must(err)
		if len(b.Groups) == 0 {
			return all
		}
		for _, g := range b.Groups {
			raw, err := logpb.Decompress(nil, logpb.LZ4, g.Data, g.Raw)
			s.must(err)
			decoded, err := logpb.Decode(raw)
			s.must(err)
			for _, r := range decoded.Records {
				all[g.Position] = append(all[g.Position], r.Fields[0].Value)
			}
		}
		from = b.Next
		b.Release()
	}
}

// calm makes everything well, and waits until everything is delivered.
func (s *sim) calm() {
	s.calmed.Store(true)
	for _, p := range s.engines {
		p.gate.thaw()
	}
	s.bury()
	e := s.make(s.options("user"))
	for _, task := range s.tasks {
		for range 3 { // a worker that was about to pause its task when all became well
			_, err := e.Start(ctx, project, task.name, delivery.FromPoint)
			s.must(err)
			time.Sleep(5 * time.Minute)
			s.bury()
		}
		s.settle(e, task.name)
	}
}

func (s *sim) check() {
	e := s.engines[0]
	for _, p := range s.engines {
		if p.Unbalanced() != 0 {
			s.t.Errorf("engine %s lost count of %d logs", p.id, p.Unbalanced())
		}
	}
	letters := s.letters()
	for _, task := range s.tasks {
		st := s.status(e.Engine, task.name)
		if st.Lag != 0 || st.Counters.Unbalanced() != 0 || st.Counters.InFlight != 0 || st.State != delivery.Online {
			s.t.Errorf("%s is not at rest: %s %q, lag %v, %+v, %+v", task.name, st.State, st.Reason, st.Lag, st.Counters, st.Shards)
		}
		s.checkTask(task, st, letters[task.name])
	}
}

func (s *sim) checkTask(task *simTask, st *delivery.Status, letters map[string]bool) {
	got := s.tape(task.name).sent()
	arrived := firsts(s.tape(task.name).logs())
	seen := map[string]bool{}
	for _, n := range arrived {
		seen[n] = true
		if !task.keep(number(n)) || task.refuse(number(n)) {
			s.t.Errorf("%s: log %s arrived, and should not", task.name, n)
		}
	}
	never := 0
	for i := 1; i <= s.written; i++ {
		n := strconv.Itoa(i)
		switch {
		case !task.keep(i):
		case task.refuse(i) && letters[n] || !task.refuse(i) && seen[n]:
			continue
		case !s.expired[n]:
			s.t.Errorf("%s: log %s is lost", task.name, n)
		default:
			never++
		}
	}
	if c := st.Counters; never == 0 && int(c.Read) != s.written && len(s.expired) == 0 {
		s.t.Errorf("%s: %d logs were written, counters say %+v", task.name, s.written, c)
	}
	if st.Counters.Expired == 0 { // else batches were cut by retention, and got other ids
		wantSameIDs(s.t, got)
	}
	s.checkOrder(task, arrived)
}

// checkOrder looks at the order of first arrivals: inside shards, and over splits and merges for a task that asked for that.
func (s *sim) checkOrder(task *simTask, arrived []string) {
	last := map[sluice.ShardID]int{}
	began := map[sluice.ShardID]string{}
	for _, n := range arrived {
		shard := s.shardOf[n]
		if number(n) < last[shard] {
			s.t.Errorf("%s: log %s arrived after %d of the same shard", task.name, n, last[shard])
		}
		last[shard] = number(n)
		if began[shard] == "" {
			began[shard] = n
		}
		if !task.inOrder {
			continue
		}
		for child, first := range began {
			if slices.Contains(s.parents[child], shard) {
				s.t.Errorf("%s: log %s of shard %v arrived after %s of its child %v", task.name, n, shard, first, child)
			}
		}
	}
}

// letters reads the dead letters, by task: which logs are there.
func (s *sim) letters() map[string]map[string]bool {
	all := map[string]map[string]bool{}
	l, err := s.cat.Logstore(ctx, sluice.LogstoreRef{Project: project, Logstore: delivery.DeadLetters})
	if sluice.KindOf(err) == sluice.NotFound {
		return all
	}
	s.must(err)
	for i := range l.Shards {
		for _, letter := range readLetters(s.bed, &l.Shards[i]) {
			if all[letter.task] == nil {
				all[letter.task] = map[string]bool{}
			}
			all[letter.task][letter.log.Fields["n"]] = true
		}
	}
	return all
}
