// Package queue keeps message queues: a message is sent, received by one consumer for a while, and deleted by it, or else received again.
//
//	send ──> write door: its body, a log ──> one transaction: its state, an item ──> active ◄──┐ its time is over
//	                                                          │ delay                   │      │
//	                                                          └───────> delayed ────────┤      │
//	                        gone <── one transaction ── delete by handle ◄─── inactive ◄┘ receive: one transaction
//
// Bodies are logs in a logstore of the account, so they can be searched and delivered like all logs, also after the message is gone; states
// are small, change often, and are items of metadata (docs/adr/0030). In memory there is the state of every message, and no body.
//
// Invariants:
//   - A message whose sending was answered is on disk, body and state, and is received until it is deleted or too old.
//   - Between two receptions of a message its visibility timeout is over, or was changed by who held it. That holds over a restart.
//   - A handle is good for one reception. Who has an old one deletes nothing.
//   - Accounts see their own queues and nothing else.
package queue

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta"
)

// Options of a service. The zero value of a field means the default in brackets.
type Options struct {
	MaxQueues   int              // [1000] of an account
	MaxMessages int              // [1,000,000] of a queue; each takes about 400 bytes of memory
	Now         func() time.Time // [time.Now]
	Logger      *slog.Logger     // [discard]
}

func (o Options) withDefaults() Options {
	if o.MaxQueues == 0 {
		o.MaxQueues = 1000
	}
	if o.MaxMessages == 0 {
		o.MaxMessages = 1_000_000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Ref names a queue.
type Ref struct {
	Account string // as meta.Project has it: "" for the root account
	Name    string
}

// Service is all queues. It is safe for concurrent use.
type Service struct {
	store   meta.Store
	cat     *catalog.Catalog
	door    sluice.Appender
	o       Options
	metrics *metrics
	stores  logstores
	drained chan struct{} // closed when receivers have to stop waiting

	control sync.Mutex // held while queues are made, changed and deleted; taken before mu
	mu      sync.RWMutex
	queues  map[Ref]*queue // guarded by mu
	drain   sync.Once
}

// New opens the queues that metadata has.
func New(ctx context.Context, store meta.Store, cat *catalog.Catalog, door sluice.Appender, o Options) (*Service, error) {
	s := &Service{
		store: store, cat: cat, door: door, o: o.withDefaults(), metrics: newMetrics(), stores: logstores{cat: cat},
		drained: make(chan struct{}), queues: map[Ref]*queue{},
	}
	return s, s.load(ctx)
}

// sweepEvery is how often messages that are too old are looked for, beside whenever a queue is used.
const sweepEvery = 10 * time.Second

// Run removes messages that are too old, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			s.sweep(ctx)
		}
	}
}

// sweep removes from metadata what is too old, or lost.
func (s *Service) sweep(ctx context.Context) {
	for _, q := range s.all() {
		q.mu.Lock()
		q.advance()
		dead := q.dead
		q.dead = nil
		q.mu.Unlock()
		if err := s.forget(ctx, q, dead); err != nil && ctx.Err() == nil {
			s.o.Logger.Warn("old messages stay in metadata until the next start", "queue", q.ref.Name, "messages", len(dead), "error", err)
		}
	}
}

// Drain ends the waiting of all receivers, now and later.
func (s *Service) Drain() { s.drain.Do(func() { close(s.drained) }) }

// find returns an open queue. Errors: NotFound "queue".
func (s *Service) find(ref Ref) (*queue, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if q, ok := s.queues[ref]; ok {
		return q, nil
	}
	return nil, missing(ref.Name)
}

func (s *Service) all() []*queue {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := make([]*queue, 0, len(s.queues))
	for _, q := range s.queues {
		list = append(list, q)
	}
	return list
}

func missing(name string) error {
	return sluice.Errorf(sluice.NotFound, "queue", "the queue does not exist: %s", name)
}

// Info is a queue as its owner sees it.
type Info struct {
	Name string
	Attributes
	Created, Modified         time.Time
	Active, Inactive, Delayed int // messages
}

// Create makes a queue; made is false if there is one of the same name and attributes already. Errors: Invalid "queuename",
// "queuename-length" and "argument"; AlreadyExists "queue"; Throttled "queues".
func (s *Service) Create(ctx context.Context, ref Ref, a Attributes) (made bool, err error) {
	if err := CheckName(ref.Name); err != nil {
		return false, err
	}
	if err := a.check(); err != nil {
		return false, err
	}
	s.control.Lock()
	defer s.control.Unlock()
	if q, err := s.find(ref); err == nil {
		if q.attributes() == a {
			return false, nil
		}
		return false, sluice.Errorf(sluice.AlreadyExists, "queue", "queue %s exists with other attributes", ref.Name)
	}
	if n := s.count(ref.Account); n >= s.o.MaxQueues {
		return false, sluice.Errorf(sluice.Throttled, "queues", "the account has %d queues, which is the limit", n)
	}
	if err := s.stores.ensure(ctx, ref.Account); err != nil {
		return false, err
	}
	now := s.o.Now()
	q := s.newQueue(ref, document{ID: newID(), Attributes: a, Created: millis(now), Modified: millis(now)})
	if err := s.store.Update(ctx, func(tx meta.Tx) error { return put(tx, kindQueue, ref.item(), q.doc) }); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queues[ref] = q
	return true, nil
}

func (s *Service) count(account string) int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := 0
	for ref := range s.queues {
		if ref.Account == account {
			n++
		}
	}
	return n
}

// Set changes the attributes of a queue. Messages that are in it keep the time at which they are too old. Errors: NotFound "queue",
// Invalid "argument".
func (s *Service) Set(ctx context.Context, ref Ref, change func(*Attributes)) error {
	s.control.Lock()
	defer s.control.Unlock()
	q, err := s.find(ref)
	if err != nil {
		return err
	}
	doc := q.document()
	change(&doc.Attributes)
	if err := doc.Attributes.check(); err != nil {
		return err
	}
	doc.Modified = millis(s.o.Now())
	if err := s.store.Update(ctx, func(tx meta.Tx) error { return put(tx, kindQueue, ref.item(), doc) }); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.doc = doc
	return nil
}

// Get describes a queue. Errors: NotFound "queue".
func (s *Service) Get(ref Ref) (Info, error) {
	q, err := s.find(ref)
	if err != nil {
		return Info{}, err
	}
	return q.info(), nil
}

// List describes the queues of an account whose names have this prefix, by name: at most limit of them, from the one called from on. next
// is where the list goes on, "" if that was all.
func (s *Service) List(account, prefix, from string, limit int) (list []Info, next string) {
	var names []string
	s.mu.RLock()
	for ref := range s.queues {
		if ref.Account == account && strings.HasPrefix(ref.Name, prefix) && ref.Name >= from {
			names = append(names, ref.Name)
		}
	}
	s.mu.RUnlock()
	slices.Sort(names)
	if len(names) > limit {
		names, next = names[:limit], names[limit]
	}
	for _, name := range names {
		if info, err := s.Get(Ref{account, name}); err == nil { // unless it was deleted just now
			list = append(list, info)
		}
	}
	return list, next
}

// Delete deletes a queue and its messages. Deleting one that is not there is no error. Bodies stay in the logstore as long as that keeps logs.
func (s *Service) Delete(ctx context.Context, ref Ref) error {
	s.control.Lock()
	defer s.control.Unlock()
	q, err := s.find(ref)
	if err != nil {
		return nil //nolint:nilerr // gone is what was asked for
	}
	if err := s.store.Update(ctx, func(tx meta.Tx) error { return tx.DeleteItem(kindQueue, ref.item()) }); err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.queues, ref)
	s.mu.Unlock()
	names := q.close()
	if err := s.forget(context.WithoutCancel(ctx), q, names); err != nil {
		// The queue is gone. What is left belongs to no queue, and the next start removes it.
		s.o.Logger.Warn("messages of a deleted queue stay in metadata until the next start", "queue", ref.Name, "error", err)
	}
	return nil
}

// newID is an id that no other queue has.
func newID() string { return hex64(rand.Uint64()) }
