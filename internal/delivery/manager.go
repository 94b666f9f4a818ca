package delivery

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta"
)

// manager keeps one worker running for each point that this engine is to work on. Only Run uses it.
//
//	metadata ──look──> what there is to do ──share──> mine ──claim under a new epoch──> worker
//
// Engines over one store share the work without talking: each point belongs to the living engine whose name hashes highest with
// it, and passes to another when its owner gave it back, or is silent for longer than its lease.
type manager struct {
	e          *Engine
	generation uint64
	busy       bool      // there are tasks that are online; without them there is no lease, and an idle server writes nothing
	leaseAt    time.Time // when the lease is to be renewed
	running    sync.WaitGroup
}

// Run works on the tasks that are online until ctx ends. It returns when all workers have ended and given back what they had.
func (e *Engine) Run(ctx context.Context) error {
	keeping, stopKeeper := context.WithCancel(context.WithoutCancel(ctx))
	var keeper sync.WaitGroup
	keeper.Go(func() { e.keeper.run(keeping) })
	m := &manager{e: e}
	m.loop(ctx)
	m.stopAll()
	stopKeeper()
	keeper.Wait()
	if m.leaseAt.IsZero() {
		return nil
	}
	leave, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := e.store.Update(leave, func(tx meta.Tx) error { return tx.DeleteLease(e.o.ID) }); err != nil {
		e.o.Logger.Warn("the lease of the delivery engine stays until it ends by itself", "error", err)
	}
	return nil
}

func (m *manager) loop(ctx context.Context) {
	tick := time.NewTicker(m.e.o.Look)
	defer tick.Stop()
	for forced := true; ; {
		if forced || m.due() {
			if err := m.look(ctx); err != nil && ctx.Err() == nil {
				m.e.o.Logger.Warn("delivery tasks cannot be looked at, they are looked at again", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-m.e.poked:
			forced = true
		case <-tick.C:
			forced = false
		}
	}
}

// due says whether metadata changed since the last look, or the lease wants to be renewed.
func (m *manager) due() bool {
	return m.e.store.Generation() != m.generation || m.busy && !m.e.o.Now().Before(m.leaseAt)
}

// state is what metadata says of deliveries.
type state struct {
	tasks   map[taskKey]meta.DeliveryTask
	points  map[pointKey]meta.DeliveryPoint
	engines []string // those that live, this one among them
}

// look finds out what there is to do, ends the workers that are not to be, and starts those that are missing.
func (m *manager) look(ctx context.Context) error {
	generation := m.e.store.Generation()
	s, err := m.read(ctx)
	if err != nil {
		return err
	}
	m.busy = slices.ContainsFunc(slices.Collect(maps.Values(s.tasks)), func(t meta.DeliveryTask) bool { return State(t.State) == Online })
	if err := m.renew(ctx); err != nil {
		return err
	}
	wanted := map[pointKey]*assignment{}
	for key, t := range s.tasks {
		if State(t.State) != Online {
			continue
		}
		if err := m.assign(ctx, s, t, wanted); err != nil {
			m.e.o.Logger.Warn("a delivery task cannot be worked on", "project", key.project, "task", key.name, "error", err)
		}
	}
	m.end(s, wanted)
	m.generation = generation
	return errors.Join(m.giveBack(ctx, s, wanted), m.begin(ctx, s, wanted))
}

// renew renews the lease when it is time.
func (m *manager) renew(ctx context.Context) error {
	now := m.e.o.Now()
	if !m.busy || now.Before(m.leaseAt) {
		return nil
	}
	l := meta.Lease{Name: m.e.o.ID, Expires: now.Add(m.e.o.LeaseTime)}
	if err := m.e.store.Update(ctx, func(tx meta.Tx) error { return tx.SetLease(l) }); err != nil {
		return fmt.Errorf("renew the lease: %w", err)
	}
	m.leaseAt = now.Add(m.e.o.LeaseTime / 3)
	return nil
}

func (m *manager) read(ctx context.Context) (*state, error) {
	s := &state{tasks: map[taskKey]meta.DeliveryTask{}, points: map[pointKey]meta.DeliveryPoint{}}
	now := m.e.o.Now()
	return s, m.e.store.View(ctx, func(tx meta.Tx) error {
		tasks, err := tx.AllDeliveryTasks()
		if err != nil {
			return err
		}
		for _, t := range tasks {
			s.tasks[taskKey{t.Project, t.Name}] = t
		}
		points, err := tx.AllDeliveryPoints()
		if err != nil {
			return err
		}
		for _, p := range points {
			s.points[keyOf(p)] = p
		}
		leases, err := tx.Leases()
		if err != nil {
			return err
		}
		s.engines = []string{m.e.o.ID}
		for _, l := range leases {
			if l.Expires.After(now) && l.Name != m.e.o.ID {
				s.engines = append(s.engines, l.Name)
			}
		}
		return nil
	})
}

// assignment is a point that this engine is to work on.
type assignment struct {
	task  meta.DeliveryTask
	point meta.DeliveryPoint
	shard *catalog.Shard
}

// assign adds the points of a task that are this engine's. A task whose source is gone is paused, one that is through goes offline.
func (m *manager) assign(ctx context.Context, s *state, t meta.DeliveryTask, wanted map[pointKey]*assignment) error {
	task, err := taskOf(t)
	if err != nil {
		return err
	}
	view, err := m.e.cat.Logstore(ctx, m.e.sourceOf(task, streamOwn))
	if sluice.KindOf(err) == sluice.NotFound {
		key, reason := taskKey{t.Project, t.Name}, "logstore "+t.Logstore+" does not exist"
		_, err := m.e.stop(ctx, key, Paused, reason)
		if err == nil && State(t.State) != Paused {
			m.e.disabled(key, reason)
		}
		return err
	}
	if err != nil {
		return err
	}
	open := 0
	for i := range view.Shards {
		shard := &view.Shards[i]
		p := m.pointOf(s, t, shard)
		if p.Finished {
			continue
		}
		open++
		if !task.Spec.Source.InOrder || parentsDone(s, t, view, shard) {
			m.want(s, t, p, shard, wanted)
		}
	}
	if err := m.closeGone(ctx, s, t, view); err != nil {
		return err
	}
	redrives, err := m.assignRedrive(ctx, s, t, task, wanted)
	if err != nil {
		return err
	}
	if task.Spec.Source.End != "" && open+redrives == 0 {
		_, err := m.e.stop(ctx, taskKey{t.Project, t.Name}, Offline, "everything up to source.end is delivered")
		return err
	}
	return nil
}

// closeGone finishes the points of shards that retention has taken as a whole, with what was in flight.
func (m *manager) closeGone(ctx context.Context, s *state, t meta.DeliveryTask, view *catalog.Logstore) error {
	var gone []meta.DeliveryPoint
	for key, p := range s.points {
		if _, there := view.Shard(p.Shard); there || key.task != (taskKey{t.Project, t.Name}) || key.stream != streamOwn ||
			p.Finished || ownerOf(s.engines, key) != m.e.o.ID {
			continue
		}
		gone = append(gone, p)
	}
	if len(gone) == 0 {
		return nil
	}
	return m.changePoints(ctx, gone, func(p *meta.DeliveryPoint) error {
		c, err := readCounters(*p)
		if err != nil {
			return err
		}
		if c.InFlight > 0 {
			m.e.o.Logger.Error("logs expired before they could be delivered", "project", t.Project, "task", t.Name, "shard", p.Shard, "logs", c.InFlight)
		}
		c.Expired += c.InFlight
		c.InFlight = 0
		p.IntentPosition, p.IntentIndex, p.Finished, p.Counters = 0, 0, true, c.encode()
		p.Error, p.Failing = "", time.Time{}
		return nil
	})
}

// assignRedrive adds the points of a redrive, and returns how many there are.
func (m *manager) assignRedrive(ctx context.Context, s *state, t meta.DeliveryTask, task *Task, wanted map[pointKey]*assignment) (open int, err error) {
	var view *catalog.Logstore
	for key, p := range s.points {
		if key.task != (taskKey{t.Project, t.Name}) || key.stream != streamRedrive || p.Finished {
			continue
		}
		if view == nil {
			view, err = m.e.cat.Logstore(ctx, m.e.sourceOf(task, streamRedrive))
			if sluice.KindOf(err) == sluice.NotFound {
				return 0, nil
			}
			if err != nil {
				return 0, err
			}
		}
		if shard, ok := view.Shard(p.Shard); ok && shard.Log == p.Log {
			open++
			m.want(s, t, p, shard, wanted)
		}
	}
	return open, nil
}

// pointOf returns the point of a task in a shard. A shard that came after the task went online is read from its beginning.
func (m *manager) pointOf(s *state, t meta.DeliveryTask, shard *catalog.Shard) meta.DeliveryPoint {
	p, known := s.points[pointKey{taskKey{t.Project, t.Name}, streamOwn, shard.ID}]
	if known && p.Log == shard.Log {
		return p
	}
	fresh := meta.DeliveryPoint{Project: t.Project, Task: t.Name, Shard: shard.ID, Log: shard.Log, Position: shard.Base}
	if known { // of a logstore of the same name that is gone
		if c, err := readCounters(p); err == nil {
			c.Expired += c.InFlight
			c.InFlight = 0
			fresh.Counters = c.encode()
		}
		fresh.Owner, fresh.Epoch = p.Owner, p.Epoch
	}
	return fresh
}

// parentsDone says whether all that a shard was made from is delivered.
func parentsDone(s *state, t meta.DeliveryTask, view *catalog.Logstore, shard *catalog.Shard) bool {
	for _, id := range shard.Parents {
		parent, there := view.Shard(id)
		if !there {
			continue
		}
		p, known := s.points[pointKey{taskKey{t.Project, t.Name}, streamOwn, id}]
		if !known || !p.Finished || p.Log != parent.Log {
			return false
		}
	}
	return true
}

// want adds a point if it is this engine's.
func (m *manager) want(s *state, t meta.DeliveryTask, p meta.DeliveryPoint, shard *catalog.Shard, wanted map[pointKey]*assignment) {
	key := keyOf(p)
	if ownerOf(s.engines, key) == m.e.o.ID {
		wanted[key] = &assignment{task: t, point: p, shard: shard}
	}
}

// ownerOf is the engine that a point belongs to: when one comes or goes, only points that it gets or had change hands.
func ownerOf(engines []string, key pointKey) (owner string) {
	var highest uint64
	for _, name := range engines {
		h := fnv.New64a()
		_, _ = fmt.Fprintf(h, "%q %q %q %d %q", key.task.project, key.task.name, key.stream, key.shard, name)
		if sum := mix(h.Sum64()); owner == "" || sum > highest {
			owner, highest = name, sum
		}
	}
	return owner
}

// mix spreads the last bytes hashed over all bits (the finalizer of MurmurHash3).
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// end ends workers that are not wanted, work on an older revision of their task, or lost their point to another engine while this one
// slept, which they would find out only when they next commit. It tells the others what changed.
func (m *manager) end(s *state, wanted map[pointKey]*assignment) {
	m.e.mu.Lock()
	defer m.e.mu.Unlock()
	for key, w := range m.e.workers {
		a := wanted[key]
		if a == nil || a.task.Revision != w.job.revision || a.point.Log != w.log.ID() || a.point.Owner != m.e.o.ID {
			w.cancel()
			continue
		}
		if a.shard.ReadOnly && !w.isSealed() {
			close(w.sealed)
		}
	}
	for key, j := range m.e.jobs {
		if t, ok := s.tasks[key]; !ok || State(t.State) != Online || t.Revision != j.revision {
			j.retire()
			if j.idle() {
				delete(m.e.jobs, key)
			}
		}
	}
}

// stopAll ends all workers and waits for them.
func (m *manager) stopAll() {
	m.e.mu.Lock()
	for _, w := range m.e.workers {
		w.cancel()
	}
	m.e.mu.Unlock()
	m.running.Wait()
	m.e.mu.Lock()
	defer m.e.mu.Unlock()
	for key, j := range m.e.jobs {
		j.retire()
		delete(m.e.jobs, key)
	}
}
