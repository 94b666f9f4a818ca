package agent_test

import (
	"bytes"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/sluicelog/sluice/internal/agent/policy"
	"github.com/sluicelog/sluice/internal/agent/runner"
	"github.com/sluicelog/sluice/internal/agentproto"
)

// run names a run.
type run struct {
	invocation string
	number     int64
}

// world is a machine as its commands see it: what runs, and what came of it. It survives its agents.
type world struct {
	mu      sync.Mutex // guards all
	next    int
	runs    map[string]*worldRun // by Ref.Dir
	began   map[run]int          // how often each began
	results map[run]runner.Result
	wrote   map[run][]byte
}

// worldRun is a command, or what it left.
type worldRun struct {
	run     run
	began   bool
	output  []byte
	result  *runner.Result // nil: it is running
	stopped bool
	changed chan struct{}
	done    chan struct{} // closed with result
}

func newWorld() *world {
	return &world{runs: map[string]*worldRun{}, began: map[run]int{}, results: map[run]runner.Result{}, wrote: map[run][]byte{}}
}

// crash ends all that runs; what is on disk stays.
func (w *world) crash() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, r := range w.runs {
		if r.result == nil {
			delete(w.runs, name)
		}
	}
}

func (w *world) left() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.runs)
}

// work lets commands write, and end.
func (w *world) work(r *mathrand.Rand) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for n := range w.next { // in an order that is the same each time
		c := w.runs[fmt.Sprint(n)]
		if c == nil || !c.began || c.result != nil {
			continue
		}
		if r.IntN(2) == 0 {
			c.output = append(c.output, bytes.Repeat([]byte("0123456789"), r.IntN(5)*r.IntN(2500))...)
			w.wrote[c.run] = c.output
			select {
			case c.changed <- struct{}{}:
			default:
			}
			continue
		}
		o, code := agentproto.Exited, int64(r.IntN(3))
		if c.stopped {
			o = agentproto.Terminated
		} else if r.IntN(8) == 0 {
			o = agentproto.TimedOut
		}
		w.end(c, o, code)
	}
}

// end ends a command.
func (w *world) end(c *worldRun, o agentproto.Outcome, code int64) {
	var clip agentproto.Clip
	_, _ = clip.Write(c.output)
	result := runner.Result{Outcome: o, Took: time.Second, Kept: int64(len(c.output))}
	result.Output, result.Dropped = clip.Result()
	result.Whole = result.Dropped == 0
	if o == agentproto.Exited {
		result.ExitCode = &code
	}
	c.result = &result
	w.results[c.run], w.wrote[c.run] = result, c.output
	close(c.done)
}

// worldRunner does tasks in a world.
type worldRunner struct {
	world *world
	boot  string
	power *power // of the agent
}

func (r *worldRunner) Check(*runner.Spec) *policy.Refusal { return nil }

func (r *worldRunner) Prepare(s *runner.Spec) (runner.Process, error) {
	if err := r.power.step("agent: prepare"); err != nil {
		return nil, err
	}
	r.world.mu.Lock()
	defer r.world.mu.Unlock()
	c := &worldRun{run: run{s.Task.Invocation, s.Run}, changed: make(chan struct{}, 1), done: make(chan struct{})}
	dir := fmt.Sprint(r.world.next)
	r.world.next++
	r.world.runs[dir] = c
	return &worldProcess{worldRun: c, world: r.world, power: r.power, ref: runner.Ref{Dir: dir, Boot: r.boot}}, nil
}

func (r *worldRunner) Attach(ref runner.Ref, _ *runner.Spec) runner.Process {
	r.world.mu.Lock()
	defer r.world.mu.Unlock()
	c := r.world.runs[ref.Dir]
	if c == nil || !c.began && c.result == nil { // a keeper whose agent went away before it began
		lost := runner.Lost("gone")
		c = &worldRun{result: &lost, done: make(chan struct{}), changed: make(chan struct{})}
		close(c.done)
	}
	return &worldProcess{worldRun: c, world: r.world, power: r.power, ref: ref}
}

func (r *worldRunner) Clean(keep map[string]bool) error {
	r.world.mu.Lock()
	defer r.world.mu.Unlock()
	for name := range r.world.runs {
		if !keep[name] {
			delete(r.world.runs, name)
		}
	}
	return nil
}

type worldProcess struct {
	*worldRun
	world *world
	power *power
	ref   runner.Ref
}

func (p *worldProcess) Ref() runner.Ref          { return p.ref }
func (p *worldProcess) Changed() <-chan struct{} { return p.changed }
func (p *worldProcess) Done() <-chan struct{}    { return p.done }

func (p *worldProcess) Begin() error {
	if err := p.power.step("agent: begin"); err != nil {
		return err
	}
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	p.began = true
	p.world.began[p.run]++
	return nil
}

func (p *worldProcess) Abandon() {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	delete(p.world.runs, p.ref.Dir)
}

func (p *worldProcess) Stop() {
	if p.power.isOff() {
		return
	}
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	p.stopped = true
	if p.began && p.result == nil {
		p.world.end(p.worldRun, agentproto.Terminated, 0)
	}
}

func (p *worldProcess) Result() runner.Result {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	return *p.result
}

func (p *worldProcess) Kept() int64 {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	return int64(len(p.output))
}

func (p *worldProcess) ReadAt(b []byte, off int64) (int, error) {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	if off >= int64(len(p.output)) {
		return 0, io.EOF
	}
	return copy(b, p.output[off:]), nil
}

func (p *worldProcess) Remove() {
	if p.power.isOff() {
		return
	}
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	delete(p.world.runs, p.ref.Dir)
}
