package queue

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// message is one message in memory.
type message struct {
	id string // 16 hexadecimal digits that grow with time, and 16 that nobody can guess
	state
	at   [slots]int // where it is in piles
	busy bool       // somebody is changing it: nobody else touches it
}

// queue is one queue in memory. What its methods say of messages is under mu, which nobody holds while waiting for the disk.
type queue struct {
	ref     Ref
	id      string
	now     func() time.Time
	expired prometheus.Counter // messages that were too old

	mu                    sync.Mutex // guards all below
	doc                   document
	gone                  bool
	messages              map[string]*message
	ready, waiting, aging pile
	last                  uint64          // the highest number given to a message
	pending               int             // messages being sent
	receivers             []chan struct{} // who waits, the longest first
	dead                  []string        // ids of messages that are gone from memory and not from metadata
	alarm                 *time.Timer     // rings when the next message becomes visible, if somebody waits
}

func (s *Service) newQueue(ref Ref, doc document) *queue {
	return &queue{
		ref: ref, id: doc.ID, doc: doc, now: s.o.Now, expired: s.metrics.expired, messages: map[string]*message{},
		ready: pile{less: byTurn, slot: slotState}, waiting: pile{less: byVisible, slot: slotState}, aging: pile{less: byExpiry, slot: slotAging},
	}
}

// item names a message among items.
func (q *queue) item(id string) string { return q.id + "/" + id }

func (q *queue) document() document {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.doc
}

func (q *queue) attributes() Attributes { return q.document().Attributes }

func (q *queue) info() Info {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.advance()
	i := Info{
		Name: q.ref.Name, Attributes: q.doc.Attributes, Created: instant(q.doc.Created), Modified: instant(q.doc.Modified),
		Active: len(q.ready.list),
	}
	for _, m := range q.waiting.list {
		if m.Count == 0 {
			i.Delayed++
		}
	}
	i.Inactive = len(q.messages) - i.Active - i.Delayed
	return i
}

// add takes a message in. It is waiting until the queue advances.
func (q *queue) add(m *message) {
	q.messages[m.id] = m
	q.aging.add(m)
	q.waiting.add(m)
}

// advance does what time does: messages become visible, and too old. It comes after every change.
func (q *queue) advance() {
	at := millis(q.now())
	for m := q.waiting.first(); m != nil && m.Visible <= at; m = q.waiting.first() {
		q.ready.add(q.waiting.take())
	}
	for m := q.aging.first(); m != nil && m.Expires <= at && !m.busy; m = q.aging.first() {
		q.drop(m)
		q.dead = append(q.dead, m.id)
		q.expired.Inc()
	}
	q.wake()
	q.arm(at)
}

// arm has the alarm ring for those who wait when the next message becomes visible.
func (q *queue) arm(at int64) {
	m := q.waiting.first()
	if m == nil || len(q.receivers) == 0 {
		return
	}
	pause := time.Duration(m.Visible-at) * time.Millisecond
	if q.alarm != nil {
		q.alarm.Reset(pause)
		return
	}
	q.alarm = time.AfterFunc(pause, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.advance()
	})
}

// drop removes a message from memory.
func (q *queue) drop(m *message) {
	delete(q.messages, m.id)
	q.aging.remove(m)
	if q.ready.holds(m) {
		q.ready.remove(m)
	}
	if q.waiting.holds(m) {
		q.waiting.remove(m)
	}
}

// hold takes a message out of its pile for who is going to change it.
func (q *queue) hold(m *message) {
	m.busy = true
	if q.ready.holds(m) {
		q.ready.remove(m)
	} else {
		q.waiting.remove(m)
	}
}

// letGo puts a message back that was held. The caller advances the queue.
func (q *queue) letGo(m *message) {
	m.busy = false
	if q.gone {
		return
	}
	q.waiting.add(m)
}

// wake wakes as many receivers as there are messages.
func (q *queue) wake() {
	n := min(len(q.ready.list), len(q.receivers))
	for _, c := range q.receivers[:n] {
		close(c)
	}
	q.receivers = q.receivers[n:]
}

// close ends a queue that is deleted, and returns its messages and those that are gone already.
func (q *queue) close() (ids []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.gone = true
	ids = q.dead
	for id := range q.messages {
		ids = append(ids, id)
	}
	clear(q.messages)
	q.ready.list, q.waiting.list, q.aging.list, q.dead = nil, nil, nil, nil
	for _, c := range q.receivers {
		close(c)
	}
	q.receivers = nil
	if q.alarm != nil {
		q.alarm.Stop()
	}
	return ids
}
