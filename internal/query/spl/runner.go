package spl

import (
	"errors"
	"slices"
	"time"

	"github.com/sluicelog/sluice"
)

// Options of a run. The zero value of a field means the default in brackets.
type Options struct {
	Memory    int64 // [64 MiB] of what stats and sort hold, of the rows that one row becomes, and of the group that Apply makes
	RowBytes  int   // [8 MiB] of names and values of one row
	RowFields int   // [10,000] of one row
	RowCopies int   // [1,000] that one row becomes by expand-values
	Steps     int   // [4,000,000] of evaluation that one row may cost

	FoldNames  bool // names of fields are compared without regard to case, as in queries but not in streams (reference sls-query 5)
	DropFailed bool // Apply drops rows that fail; otherwise it keeps them as they came

	Zone *time.Location   // [UTC+8] of times without one (reference sls-query 3.2)
	Now  func() time.Time // [time.Now]
}

// shanghai is the zone of the service. It has had no daylight saving time since 1991, so no database of zones is needed.
var shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

func (o Options) withDefaults() Options {
	if o.Memory == 0 {
		o.Memory = 64 << 20
	}
	if o.RowBytes == 0 {
		o.RowBytes = 8 << 20
	}
	if o.RowFields == 0 {
		o.RowFields = 10_000
	}
	if o.RowCopies == 0 {
		o.RowCopies = 1_000
	}
	if o.Steps == 0 {
		o.Steps = 4_000_000
	}
	if o.Zone == nil {
		o.Zone = shanghai
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// command is one command of a pipeline, as read. It never changes.
type command interface {
	// start begins a run of the command; its rows go to next.
	start(rt *run, next sink) sink
}

// sink takes rows. A row belongs to the sink that it was given to. A *RowError concerns that row alone.
type sink interface {
	row(r *row) error
	finish() error
}

// Runner runs a pipeline once over rows. It is for one goroutine.
type Runner struct {
	rt     *run
	head   sink // the commands up to the first that collects, and then held
	held   []*row
	bytes  int64 // of held
	tail   sink  // the first that collects, and what follows
	failed int
}

// NewRunner makes a runner; emit is called with each row that leaves, and owns its fields. What emit returns ends the run.
func NewRunner(p *Pipeline, o Options, emit func(fields []sluice.Field) error) *Runner {
	r := &Runner{rt: newRun(o)}
	split := slices.IndexFunc(p.commands, collects)
	if split < 0 {
		split = len(p.commands)
	}
	r.tail = chain(p.commands[split:], r, emitter{emit})
	r.head = chain(p.commands[:split], r, (*holder)(r))
	return r
}

// collects reports whether a command needs all rows.
func collects(c command) bool { return (&Pipeline{commands: []command{c}}).collector() != "" }

func chain(commands []command, r *Runner, last sink) sink {
	for _, c := range slices.Backward(commands) {
		if collects(c) {
			last = guard{r, last}
		}
		last = c.start(r.rt, last)
	}
	return last
}

// Row runs one row through. A [*RowError] means that this row failed and left nothing behind; the next may follow. Any other
// error ends the run.
func (r *Runner) Row(fields []sluice.Field) error {
	r.held, r.bytes = r.held[:0], 0
	r.rt.steps = 0
	if err := r.head.row(r.rt.newRow(fields)); err != nil {
		if _, bad := errors.AsType[*RowError](err); bad {
			r.failed++
		}
		return err
	}
	for i, held := range r.held {
		r.held[i] = nil
		if err := (guard{r, r.tail}).row(held); err != nil {
			return err
		}
	}
	return nil
}

// Finish emits what stats, sort and limit were still holding.
func (r *Runner) Finish() error { return r.tail.finish() }

// Done reports whether a limit is full, so that further rows would change nothing.
func (r *Runner) Done() bool {
	l, ok := r.tail.(*limitRun)
	return ok && l.left == 0
}

// Failed counts the rows that failed: those that Row reported, and those that failed in or behind stats, sort or limit and were dropped.
func (r *Runner) Failed() int { return r.failed }

// holder keeps what one row became until all of it is through.
type holder Runner

func (h *holder) row(r *row) error {
	h.bytes += int64(r.bytes(h.rt.RowBytes))
	if h.bytes > h.rt.Memory || len(h.held) >= h.rt.RowCopies {
		return rowError("the row becomes more than %d rows or %d bytes", h.rt.RowCopies, h.rt.Memory)
	}
	h.held = append(h.held, r)
	return nil
}

func (h *holder) finish() error { return nil }

// guard counts and drops rows that fail behind a command that collects, or in it: nobody is there to be told which row it was.
type guard struct {
	runner *Runner
	next   sink
}

func (g guard) row(r *row) error {
	g.runner.rt.steps = 0
	err := g.next.row(r)
	if _, bad := errors.AsType[*RowError](err); bad {
		g.runner.failed++
		return nil
	}
	return err
}

func (g guard) finish() error { return g.next.finish() }

// emitter turns rows into fields. Their size was checked.
type emitter struct {
	emit func([]sluice.Field) error
}

func (e emitter) row(r *row) error {
	fields := make([]sluice.Field, 0, len(r.cells))
	for i := range r.cells {
		c := &r.cells[i]
		if !c.gone {
			fields = append(fields, sluice.Field{Key: c.name, Value: c.value.String()})
		}
	}
	return e.emit(fields)
}

func (e emitter) finish() error { return nil }

// rowCommand is a command that looks at one row at a time and makes no others.
type rowCommand interface {
	// apply changes the row, or returns false to drop it.
	apply(rt *run, r *row) (bool, error)
}

type rowSink struct {
	rowCommand
	rt   *run
	next sink
}

func (s rowSink) row(r *row) error {
	keep, err := s.apply(s.rt, r)
	if err != nil || !keep {
		return err
	}
	if err := s.rt.check(r); err != nil {
		return err
	}
	return s.next.row(r)
}

func (s rowSink) finish() error { return s.next.finish() }
