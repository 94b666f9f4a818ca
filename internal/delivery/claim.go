package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta"
)

// giveBack gives back the points that an engine of this name had before it died and that are another's by now: nobody else could take
// them as long as this one lives.
func (m *manager) giveBack(ctx context.Context, s *state, wanted map[pointKey]*assignment) error {
	var left []meta.DeliveryPoint
	m.e.mu.Lock()
	for key, p := range s.points {
		if p.Owner == m.e.o.ID && m.e.workers[key] == nil && wanted[key] == nil {
			left = append(left, p)
		}
	}
	m.e.mu.Unlock()
	if len(left) == 0 {
		return nil
	}
	return m.changePoints(ctx, left, func(p *meta.DeliveryPoint) error {
		p.Owner = ""
		return nil
	})
}

// changePoints changes points as they are stored now: since they were read their owner may have moved them. Those that have another owner
// by now stay as they are.
func (m *manager) changePoints(ctx context.Context, points []meta.DeliveryPoint, change func(*meta.DeliveryPoint) error) error {
	return m.e.store.Update(ctx, func(tx meta.Tx) error {
		for _, p := range points {
			now, err := storedPoints(tx, keyOf(p).task)
			if err != nil && sluice.KindOf(err) != sluice.NotFound {
				return err
			}
			stored, there := now[keyOf(p)]
			if !there || stored.Epoch != p.Epoch {
				continue
			}
			if err := change(&stored); err != nil {
				return err
			}
			if err := tx.SetDeliveryPoint(stored); err != nil {
				return err
			}
		}
		return nil
	})
}

// storedPoints reads the points of a task.
func storedPoints(tx meta.Tx, key taskKey) (map[pointKey]meta.DeliveryPoint, error) {
	all, err := tx.DeliveryPoints(key.project, key.name)
	points := make(map[pointKey]meta.DeliveryPoint, len(all))
	for _, p := range all {
		points[keyOf(p)] = p
	}
	return points, err
}

// begin claims what is wanted and free, and starts its workers.
func (m *manager) begin(ctx context.Context, s *state, wanted map[pointKey]*assignment) error {
	alive := map[string]bool{}
	for _, name := range s.engines {
		alive[name] = true
	}
	var errs []error
	claims := map[taskKey][]*assignment{}
	now := m.e.o.Now()
	m.e.mu.Lock()
	for key, a := range wanted {
		free := a.point.Owner == "" || a.point.Owner == m.e.o.ID || !alive[a.point.Owner]
		if m.e.workers[key] == nil && free && !now.Before(m.e.resting[key]) {
			claims[key.task] = append(claims[key.task], a)
		}
	}
	m.e.mu.Unlock()
	for key, all := range claims {
		j, err := m.job(ctx, all[0].task)
		if j == nil || err != nil {
			errs = append(errs, err)
			continue
		}
		points, err := m.claim(ctx, key, all)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for i, a := range all {
			if points[i].Owner == m.e.o.ID {
				errs = append(errs, m.start(ctx, j, points[i], a.shard))
			}
		}
	}
	return errors.Join(errs...)
}

// job returns the job of a task, opening it if there is none; nil while workers of an older revision still run.
func (m *manager) job(ctx context.Context, t meta.DeliveryTask) (*job, error) {
	key := taskKey{t.Project, t.Name}
	m.e.mu.Lock()
	j := m.e.jobs[key]
	m.e.mu.Unlock()
	if j != nil {
		if j.revision != t.Revision {
			return nil, nil //nolint:nilnil // not an error: the last of them pokes
		}
		return j, nil
	}
	j, err := m.e.openJob(ctx, t)
	if err != nil {
		_, failed := m.e.change(ctx, key, func(now *meta.DeliveryTask) error {
			if now.Revision != t.Revision {
				return errUnchanged
			}
			now.State, now.Reason = string(Paused), errorText(err)
			return nil
		})
		if failed == nil {
			m.e.disabled(key, errorText(err))
		}
		return nil, errors.Join(fmt.Errorf("open the destination of %v: %w", key, err), failed)
	}
	m.e.mu.Lock()
	m.e.jobs[key] = j
	m.e.mu.Unlock()
	return j, nil
}

// claim makes this engine the owner of points, each under an epoch of its own, in one transaction. Those that changed since they were read
// come back with another owner.
func (m *manager) claim(ctx context.Context, key taskKey, all []*assignment) ([]meta.DeliveryPoint, error) {
	points := make([]meta.DeliveryPoint, len(all))
	err := m.e.store.Update(ctx, func(tx meta.Tx) error {
		stored, err := storedPoints(tx, key)
		if err != nil {
			return err
		}
		for i, a := range all {
			now, there := stored[keyOf(a.point)]
			points[i] = meta.DeliveryPoint{}
			if now.Epoch != a.point.Epoch || now.Finished && now.Log == a.point.Log {
				continue
			}
			points[i] = a.point
			if there && now.Log == a.point.Log {
				points[i] = now // its last worker may have moved it since it was read
			}
			points[i].Owner = m.e.o.ID
			if points[i].Epoch, err = tx.NextEpoch(); err != nil {
				return err
			}
			if err := tx.SetDeliveryPoint(points[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return points, err
}

// start starts a worker.
func (m *manager) start(ctx context.Context, j *job, p meta.DeliveryPoint, s *catalog.Shard) error {
	c, err := readCounters(p)
	if err != nil {
		return err
	}
	pipe, err := j.compile()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &worker{
		e: m.e, job: j, key: keyOf(p), shard: p.Shard, log: s.Stored, pipe: pipe, row: p, counters: c,
		cancel: cancel, pokes: make(chan struct{}, 1), sealed: make(chan struct{}),
	}
	if s.ReadOnly {
		close(w.sealed)
	}
	j.enter()
	m.e.mu.Lock()
	m.e.workers[w.key] = w
	m.e.mu.Unlock()
	m.running.Go(func() {
		defer cancel()
		m.e.ended(w, w.work(ctx))
	})
	return nil
}

// work is run, without its panics.
func (w *worker) work(ctx context.Context) (err error) {
	defer guard(&err)
	return w.run(ctx)
}

// rest is how long a worker that failed is not started again.
const rest = 10 * time.Second

// ended gives back what a worker had.
func (e *Engine) ended(w *worker, err error) {
	var fault *panicked
	switch {
	case errors.As(err, &fault):
		w.job.log.Error("a delivery worker panicked", "shard", w.shard, "panic", fault.value, "stack", string(fault.stack))
	case err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, errPaused) && !errors.Is(err, errFenced):
		w.job.log.Warn("a delivery worker ended", "shard", w.shard, "error", err)
	}
	if !errors.Is(err, errFenced) {
		p := w.row
		p.Owner = ""
		leave, cancel := context.WithTimeout(context.Background(), grace)
		if failed := e.keeper.commit(leave, p); failed != nil && !errors.Is(failed, errFenced) {
			w.job.log.Warn("a shard cannot be given back, it is free when the lease ends", "shard", w.shard, "error", failed)
		}
		cancel()
	}
	e.mu.Lock()
	delete(e.workers, w.key)
	delete(e.resting, w.key)
	if err != nil && !errors.Is(err, context.Canceled) {
		e.resting[w.key] = e.o.Now().Add(rest)
	}
	e.mu.Unlock()
	w.job.leave()
	e.poke()
}
