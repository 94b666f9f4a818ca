package queue

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// DeleteMessages deletes the messages that these handles hold. There is an error for each handle, nil for those that are deleted: Invalid
// "handle" if it holds nothing any more, NotFound "message" if there is no such message. Errors of the call: NotFound "queue"; others mean that
// nothing is known to be deleted.
func (s *Service) DeleteMessages(ctx context.Context, ref Ref, handles []string) ([]error, error) {
	q, err := s.find(ref)
	if err != nil {
		return nil, err
	}
	held, refused := q.holdAll(handles)
	if len(held) == 0 {
		return refused, nil
	}
	if err := s.commit(ctx, q, func(tx meta.Tx) error {
		for _, m := range held {
			if err := tx.DeleteItem(kindMessage, q.item(m.id)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		q.restore(held)
		return nil, err
	}
	q.dropAll(held)
	s.metrics.deleted.Add(float64(len(held)))
	return refused, nil
}

// holdAll holds the messages of handles that are good.
func (q *queue) holdAll(handles []string) (held []*message, refused []error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.advance()
	refused = make([]error, len(handles))
	for i, h := range handles {
		var m *message
		if m, refused[i] = q.holder(h); refused[i] == nil {
			q.hold(m)
			held = append(held, m)
		}
	}
	return held, refused
}

// holder finds the message that a handle holds. A message that is visible again, or on its way to somebody else, is held by nobody.
func (q *queue) holder(handle string) (*message, error) {
	id, nonce, ok := parseHandle(handle)
	if !ok {
		return nil, sluice.Errorf(sluice.Invalid, "handle", "%.64q is not a receipt handle", handle)
	}
	m := q.messages[id]
	switch {
	case m == nil:
		return nil, sluice.Errorf(sluice.NotFound, "message", "the message does not exist: it was deleted, or was too old")
	case m.busy || m.Nonce != nonce || !q.waiting.holds(m):
		return nil, sluice.Errorf(sluice.Invalid, "handle", "the receipt handle is not valid any more: the message can be received again, or was")
	}
	return m, nil
}

func (q *queue) dropAll(held []*message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range held {
		q.drop(m)
	}
}

// ChangeVisibility hides a message that a handle holds for so many seconds from now, and returns the handle that holds it from now on. Errors:
// NotFound "queue" and "message"; Invalid "argument" and "handle".
func (s *Service) ChangeVisibility(ctx context.Context, ref Ref, handle string, seconds int64) (renewed string, visible time.Time, err error) {
	q, err := s.find(ref)
	if err != nil {
		return "", time.Time{}, err
	}
	if err := within("VisibilityTimeout", seconds, 1, maxVisibility); err != nil {
		return "", time.Time{}, err
	}
	now := s.o.Now()
	held, refused := q.holdAll([]string{handle})
	if refused[0] != nil {
		return "", time.Time{}, refused[0]
	}
	m := held[0]
	next := m.state
	next.Nonce, next.Visible = rand.Uint32(), millis(now)+1000*seconds
	if err := s.commit(ctx, q, func(tx meta.Tx) error { return put(tx, kindMessage, q.item(m.id), next) }); err != nil {
		q.restore(held)
		return "", time.Time{}, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	m.state = next
	q.letGo(m)
	q.advance()
	return m.handle(), instant(m.Visible), nil
}

// Purge deletes all messages of a queue but those that somebody is receiving or deleting at this moment, and returns how many. Errors:
// NotFound "queue"; others mean that not all are deleted.
func (s *Service) Purge(ctx context.Context, ref Ref) (n int, err error) {
	q, err := s.find(ref)
	if err != nil {
		return 0, err
	}
	held := q.holdEverything()
	for len(held) > 0 {
		some := held[:min(len(held), chunk)]
		ids := make([]string, len(some))
		for i, m := range some {
			ids[i] = m.id
		}
		if err := errors.Join(ctx.Err(), s.forget(ctx, q, ids)); err != nil {
			q.restore(held)
			return n, err
		}
		q.dropAll(some)
		n += len(some)
		held = held[len(some):]
	}
	s.metrics.deleted.Add(float64(n))
	return n, nil
}

func (q *queue) holdEverything() (held []*message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.messages {
		if !m.busy {
			q.hold(m)
			held = append(held, m)
		}
	}
	return held
}
