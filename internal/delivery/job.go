package delivery

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/pipeline"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/meta"
)

// job is one revision of a task while workers work on it: they share its sink.
type job struct {
	key      taskKey
	revision int64
	spec     *Spec
	sink     sink.Sink
	masks    sink.Masks    // of its secrets
	index    *index.Config // of the source; nil: it has none
	limits   sink.Limits
	end      time.Time // of the source; zero: never
	log      *slog.Logger

	mu      sync.Mutex // guards the rest
	users   int        // workers, and Sends that were left to themselves
	retired bool       // no worker will be started
	closed  bool
	logs    meter
	bytes   meter
}

// Limits of a batch where neither the destination nor the task has one.
const (
	defaultAge   = time.Second
	defaultBytes = 4 << 20
)

// openSink opens the sink of a task. Errors of the sink go through masks before anybody sees them.
func (e *Engine) openSink(m meta.DeliveryTask) (s sink.Sink, masks sink.Masks, err error) {
	defer guard(&err)
	t, err := taskOf(m)
	if err != nil {
		return nil, masks, err
	}
	secrets, err := e.unseal(taskKey{m.Project, m.Name}, m.Secrets)
	if err != nil {
		return nil, masks, err
	}
	section, err := e.parseSink(t.Spec.Sink, secrets)
	if err != nil {
		return nil, masks, err
	}
	env := e.o.Env
	env.Project = m.Project
	s, err = section.to.open(section.config, env)
	masks = sink.NewMasks(secrets)
	return s, masks, masks.Err(err)
}

func (e *Engine) openJob(ctx context.Context, m meta.DeliveryTask) (*job, error) {
	t, err := taskOf(m)
	if err != nil {
		return nil, err
	}
	j := &job{
		key: taskKey{m.Project, m.Name}, revision: m.Revision, spec: &t.Spec, end: t.Spec.Source.end(),
		log: e.o.Logger.With("project", m.Project, "task", m.Name),
	}
	if j.index, err = e.indexOf(ctx, sluice.LogstoreRef{Project: m.Project, Logstore: m.Logstore}); err != nil {
		return nil, err
	}
	if _, err := j.compile(); err != nil {
		return nil, err
	}
	if j.sink, j.masks, err = e.openSink(m); err != nil {
		return nil, err
	}
	j.limits = limitsOf(j.sink.Limits(), t.Spec.Limits)
	return j, nil
}

// indexOf reads how a logstore is indexed; nil: it is not.
func (e *Engine) indexOf(ctx context.Context, ref sluice.LogstoreRef) (c *index.Config, err error) {
	var stored meta.Index
	err = e.store.View(ctx, func(tx meta.Tx) (err error) {
		stored, err = tx.Index(ref)
		return err
	})
	if sluice.KindOf(err) == sluice.NotFound {
		return nil, nil //nolint:nilnil // there is none
	}
	if err != nil {
		return nil, err
	}
	return index.Parse(stored.Config)
}

// compile makes the pipeline of one worker.
func (j *job) compile() (*pipeline.Pipeline, error) {
	return pipeline.Compile(&j.spec.Spec, pipeline.Options{Task: j.key.String(), Index: j.index})
}

// limitsOf takes the lower of the destination's and the task's limits.
func limitsOf(s sink.Limits, t Limits) sink.Limits {
	s.Logs = lower(s.Logs, t.Logs)
	s.Bytes = lower(s.Bytes, t.Bytes)
	s.Age = lower(s.Age, time.Duration(t.Age))
	orDefault(&s.Bytes, defaultBytes)
	orDefault(&s.Age, defaultAge)
	return s
}

// lower returns the lower of two limits; 0 is none.
func lower[T int | int64 | time.Duration](a, b T) T {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// enter counts a user of the sink.
func (j *job) enter() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.users++
}

// leave ends what enter began. The last to leave a retired job closes its sink.
func (j *job) leave() {
	j.mu.Lock()
	j.users--
	last := j.closes()
	j.mu.Unlock()
	j.close(last)
}

// retire says that nobody will enter any more but who is in.
func (j *job) retire() {
	j.mu.Lock()
	j.retired = true
	last := j.closes()
	j.mu.Unlock()
	j.close(last)
}

// closes says whether the sink is to be closed now. j.mu is held.
func (j *job) closes() bool {
	if !j.retired || j.users > 0 || j.closed {
		return false
	}
	j.closed = true
	return true
}

func (j *job) close(last bool) {
	if !last {
		return
	}
	var err error
	func() {
		defer guard(&err)
		err = j.sink.Close()
	}()
	if err != nil {
		j.log.Warn("the connection to a destination did not close as it should", "error", err)
	}
}

// idle says whether nobody uses the sink.
func (j *job) idle() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.users == 0
}

// delivered counts what one batch brought.
func (j *job) delivered(logs, bytes int64, now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.logs.add(float64(logs), now)
	j.bytes.add(float64(bytes), now)
}

// rates of a task, of what this engine delivers for it.
func (e *Engine) rates(key taskKey) (logs, bytes float64) {
	e.mu.Lock()
	j := e.jobs[key]
	e.mu.Unlock()
	if j == nil {
		return 0, 0
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	now := e.o.Now()
	return j.logs.rate(now), j.bytes.rate(now)
}

// meter measures a rate per second, the last minute counting most.
type meter struct {
	value float64
	at    time.Time
}

const meterSeconds = 60

func (m *meter) add(n float64, now time.Time) {
	m.value, m.at = m.rate(now)+n/meterSeconds, now
}

func (m *meter) rate(now time.Time) float64 {
	return m.value * math.Exp(-max(0, now.Sub(m.at).Seconds())/meterSeconds)
}
