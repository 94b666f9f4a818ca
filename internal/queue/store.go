package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Kinds of items in metadata, and how they are named.
const (
	kindQueue   = "queue"         // account/name
	kindMessage = "queue-message" // id of the queue/id of the message
)

// item names a queue among items.
func (r Ref) item() string { return r.Account + "/" + r.Name }

// document is a queue as metadata has it.
type document struct {
	ID string `json:"id"` // given once: a queue made again under an old name has no messages of the old one
	Attributes
	Created  int64 `json:"created"` // milliseconds since 1970
	Modified int64 `json:"modified"`
}

// state is a message as metadata has it. Times are milliseconds since 1970.
type state struct {
	Shard    sluice.ShardID  `json:"s"` // where its body is:
	Position sluice.Position `json:"p"` // the log group,
	Index    int             `json:"i"` // and the log in it
	Priority int64           `json:"y"`
	Enqueued int64           `json:"e"`
	Expires  int64           `json:"x"` // when it is too old
	Visible  int64           `json:"v"` // when it can be received
	First    int64           `json:"f,omitempty"`
	Count    int64           `json:"c,omitempty"` // how often it was received
	Nonce    uint32          `json:"n"`           // of the one good handle
}

func put(tx meta.Tx, kind, name string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tx.SetItem(meta.Item{Kind: kind, Name: name, Body: body})
}

// commit changes messages in a transaction that fails if the queue is gone: what it leaves behind is removed, and nothing may come after.
func (s *Service) commit(ctx context.Context, q *queue, fn func(meta.Tx) error) error {
	return s.store.Update(ctx, func(tx meta.Tx) error {
		row, err := tx.Item(kindQueue, q.ref.item())
		if sluice.KindOf(err) == sluice.NotFound {
			return missing(q.ref.Name)
		}
		if err != nil {
			return err
		}
		var doc document
		if err := json.Unmarshal(row.Body, &doc); err != nil {
			return fmt.Errorf("queue %s in metadata: %w", q.ref.Name, err)
		}
		if doc.ID != q.id {
			return missing(q.ref.Name)
		}
		return fn(tx)
	})
}

// chunk is how many messages one transaction removes: others wait for it.
const chunk = 500

// forget removes messages from metadata.
func (s *Service) forget(ctx context.Context, q *queue, ids []string) error {
	for len(ids) > 0 {
		n := min(len(ids), chunk)
		if err := s.store.Update(ctx, func(tx meta.Tx) error {
			for _, id := range ids[:n] {
				if err := tx.DeleteItem(kindMessage, q.item(id)); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// load reads everything at start, and removes what belongs to no queue.
func (s *Service) load(ctx context.Context) error {
	byID := map[string]*queue{}
	var orphans []string
	err := s.store.View(ctx, func(tx meta.Tx) error {
		rows, err := tx.Items(kindQueue, meta.ItemRange{})
		if err != nil {
			return err
		}
		for _, row := range rows {
			account, name, _ := strings.Cut(row.Name, "/")
			var doc document
			if err := json.Unmarshal(row.Body, &doc); err != nil {
				return fmt.Errorf("queue %s in metadata: %w", row.Name, err)
			}
			q := s.newQueue(Ref{account, name}, doc)
			s.queues[q.ref], byID[q.id] = q, q
		}
		orphans, err = loadMessages(tx, byID)
		return err
	})
	if err != nil {
		return err
	}
	for _, name := range orphans {
		id, message, _ := strings.Cut(name, "/")
		if err := s.forget(ctx, &queue{id: id}, []string{message}); err != nil {
			return err
		}
	}
	for _, q := range s.queues {
		q.mu.Lock()
		q.advance()
		q.mu.Unlock()
	}
	return nil
}

func loadMessages(tx meta.Tx, byID map[string]*queue) (orphans []string, err error) {
	const page = 1000
	for after := ""; ; {
		rows, err := tx.Items(kindMessage, meta.ItemRange{After: after, Limit: page})
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			id, name, _ := strings.Cut(row.Name, "/")
			q := byID[id]
			if q == nil {
				orphans = append(orphans, row.Name)
				continue
			}
			m := &message{id: name}
			if err := json.Unmarshal(row.Body, &m.state); err != nil {
				return nil, fmt.Errorf("message %s in metadata: %w", row.Name, err)
			}
			q.add(m)
		}
		if len(rows) < page {
			return orphans, nil
		}
		after = rows[len(rows)-1].Name
	}
}

func millis(t time.Time) int64   { return t.UnixMilli() }
func instant(ms int64) time.Time { return time.UnixMilli(ms) }

func hex64(n uint64) string { return fmt.Sprintf("%016X", n) }
