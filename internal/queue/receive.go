package queue

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Received is a message as its receiver sees it.
type Received struct {
	ID, Body, BodyMD5 string
	Handle            string // "" for who only peeked
	Enqueued          time.Time
	Visible           time.Time // when others can receive it; the zero time for who only peeked
	First             time.Time // when it was first received; of a message that never was, when it was sent
	Count             int64     // how often it was received, this time included
	Priority          int64
}

// Receive takes up to n messages, for the visibility timeout of the queue. If there is none it waits for the first: so many seconds, or as
// long as the queue says if wait is negative. Errors: NotFound "queue"; NotFound "message" when there is none; Invalid "argument".
func (s *Service) Receive(ctx context.Context, ref Ref, n int, wait int64) ([]Received, error) {
	q, err := s.find(ref)
	if err != nil {
		return nil, err
	}
	a := q.attributes()
	if wait < 0 {
		wait = a.PollingWaitSeconds
	}
	if err := errors.Join(within("numOfMessages", int64(n), 1, MaxBatch), within("waitseconds", wait, 0, MaxWait)); err != nil {
		return nil, err
	}
	until := s.o.Now().Add(time.Duration(wait) * time.Second)
	for {
		taken, err := s.take(ctx, q, n, until)
		if err != nil {
			return nil, err
		}
		got, err := s.receive(ctx, q, taken)
		if err != nil || len(got) > 0 {
			s.metrics.received.Add(float64(len(got)))
			return got, err
		}
	}
}

// take holds up to n messages that are ready, and waits for the first until a time.
func (s *Service) take(ctx context.Context, q *queue, n int, until time.Time) ([]*message, error) {
	for {
		now := s.o.Now()
		q.mu.Lock()
		q.advance()
		var taken []*message
		for len(taken) < n && len(q.ready.list) > 0 {
			m := q.ready.first()
			q.hold(m)
			taken = append(taken, m)
		}
		gone := q.gone
		if gone || len(taken) > 0 || !now.Before(until) {
			q.mu.Unlock()
			switch {
			case gone:
				return nil, missing(q.ref.Name)
			case len(taken) == 0:
				return nil, none()
			}
			return taken, nil
		}
		woken := make(chan struct{})
		q.receivers = append(q.receivers, woken)
		q.arm(millis(now))
		q.mu.Unlock()
		if err := s.wait(ctx, q, woken, until.Sub(now)); err != nil {
			return nil, err
		}
	}
}

// wait waits until this receiver is woken, or for a time. Who is woken and does not stay wakes the next.
func (s *Service) wait(ctx context.Context, q *queue, woken chan struct{}, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	var err error
	select {
	case <-woken:
		return nil
	case <-timer.C:
	case <-ctx.Done():
		err = ctx.Err()
	case <-s.drained:
		err = none()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := slices.Index(q.receivers, woken); i >= 0 {
		q.receivers = slices.Delete(q.receivers, i, i+1)
	} else if err != nil {
		q.wake()
	}
	return err
}

func none() error {
	return sluice.Errorf(sluice.NotFound, "message", "there is no message")
}

// receive makes messages that are held the receiver's. Those whose bodies are lost are removed.
func (s *Service) receive(ctx context.Context, q *queue, taken []*message) ([]Received, error) {
	now := s.o.Now()
	got, lost, err := s.readAll(ctx, q, taken)
	if err != nil {
		q.restore(taken)
		return nil, err
	}
	timeout := 1000 * q.attributes().VisibilityTimeout
	next := make([]state, len(got))
	for i, r := range got {
		st := r.m.state
		st.Count++
		st.Nonce, st.Visible = rand.Uint32(), millis(now)+timeout
		if st.First == 0 {
			st.First = millis(now)
		}
		next[i] = st
	}
	if err := s.commit(ctx, q, func(tx meta.Tx) error {
		for _, m := range lost {
			if err := tx.DeleteItem(kindMessage, q.item(m.id)); err != nil {
				return err
			}
		}
		for i, r := range got {
			if err := put(tx, kindMessage, q.item(r.m.id), next[i]); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		q.restore(taken)
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	list := make([]Received, len(got))
	for i, r := range got {
		r.m.state = next[i]
		q.letGo(r.m)
		list[i] = r.m.received(r.body)
		list[i].Handle, list[i].Visible = r.m.handle(), instant(r.m.Visible)
	}
	for _, m := range lost {
		q.drop(m)
	}
	q.advance()
	s.metrics.lost.Add(float64(len(lost)))
	return list, nil
}

// whole is a message with its body.
type whole struct {
	m    *message
	body string
}

// readAll reads the bodies of messages that nobody else changes.
func (s *Service) readAll(ctx context.Context, q *queue, list []*message) (got []whole, lost []*message, err error) {
	b, err := s.bodies(ctx, q.ref.Account)
	if err != nil {
		return nil, nil, err
	}
	for _, m := range list {
		body, err := b.read(m)
		switch {
		case errors.Is(err, errLost):
			s.o.Logger.Error("a message is lost with its body", "queue", q.ref.Name, "message", m.id, "error", err)
			lost = append(lost, m)
		case err != nil:
			return nil, nil, err
		default:
			got = append(got, whole{m, body})
		}
	}
	return got, lost, nil
}

// restore puts messages back as they were.
func (q *queue) restore(list []*message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range list {
		q.letGo(m)
	}
	q.advance()
}

func (m *message) received(body string) Received {
	first := m.First
	if first == 0 {
		first = m.Enqueued
	}
	return Received{
		ID: m.id, Body: body, BodyMD5: bodyMD5(body), Enqueued: instant(m.Enqueued), First: instant(first), Count: m.Count, Priority: m.Priority,
	}
}

// Peek shows up to n messages that can be received, and leaves them as they are. Errors: as Receive.
func (s *Service) Peek(ctx context.Context, ref Ref, n int) ([]Received, error) {
	q, err := s.find(ref)
	if err != nil {
		return nil, err
	}
	if err := within("numOfMessages", int64(n), 1, MaxBatch); err != nil {
		return nil, err
	}
	b, err := s.bodies(ctx, ref.Account)
	if err != nil {
		return nil, err
	}
	var list []Received
	for _, m := range q.peek(n) {
		body, err := b.read(&m)
		if errors.Is(err, errLost) {
			continue // whoever receives it removes it
		}
		if err != nil {
			return nil, err
		}
		list = append(list, m.received(body))
	}
	if len(list) == 0 {
		return nil, none()
	}
	return list, nil
}

// peek copies the first messages that are ready.
func (q *queue) peek(n int) (list []message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.advance()
	var taken []*message
	for len(taken) < n && len(q.ready.list) > 0 {
		taken = append(taken, q.ready.take())
	}
	for _, m := range taken {
		list = append(list, message{id: m.id, state: m.state})
		q.ready.add(m)
	}
	return list
}
