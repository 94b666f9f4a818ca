package queue

import (
	"context"
	"crypto/md5"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Outgoing is a message to be sent.
type Outgoing struct {
	Body         string
	DelaySeconds *int64 // nil is the queue's own
	Priority     int64  // 1 is received first, 16 last; 0 is the default, 8
}

// Sent is what came of one message.
type Sent struct {
	ID      string
	BodyMD5 string // in upper-case hexadecimal
	Handle  string // of a delayed message, which can be deleted before it is seen; else ""
	Err     error  // why it was not sent: Invalid "argument"
}

// Send sends up to MaxBatch messages. What is wrong with one of them is in its Sent, and keeps no other from being sent; an error of the call
// means that none is known to be sent. Errors: NotFound "queue"; Throttled "messages"; those of the write door.
func (s *Service) Send(ctx context.Context, ref Ref, out []Outgoing) ([]Sent, error) {
	q, err := s.find(ref)
	if err != nil {
		return nil, err
	}
	a := q.attributes()
	sent := make([]Sent, len(out))
	var good []int
	for i := range out {
		if sent[i].Err = out[i].check(a); sent[i].Err == nil {
			good = append(good, i)
		}
	}
	if len(good) == 0 {
		return sent, nil
	}
	if err := q.reserve(len(good), s.o.MaxMessages); err != nil {
		return nil, err
	}
	made, err := s.keep(ctx, q, a, out, good)
	if err != nil {
		q.settle(nil, len(good))
		return nil, err
	}
	for k, i := range good {
		m := made[k]
		sent[i].ID, sent[i].BodyMD5 = m.id, bodyMD5(out[i].Body)
		if m.Visible > m.Enqueued {
			sent[i].Handle = m.handle()
		}
	}
	q.settle(made, len(good)) // from here on they are everybody's
	s.metrics.sent.Add(float64(len(good)))
	return sent, nil
}

func (o Outgoing) check(a Attributes) error {
	if int64(len(o.Body)) > a.MaximumMessageSize {
		return sluice.Errorf(sluice.Invalid, "argument", "the message's body has %d bytes, and this queue takes %d", len(o.Body), a.MaximumMessageSize)
	}
	if o.Body == "" {
		return sluice.Errorf(sluice.Invalid, "argument", "the message has no body")
	}
	if !utf8.ValidString(o.Body) {
		return sluice.Errorf(sluice.Invalid, "argument", "the message's body is not UTF-8: encode it, for example in base64")
	}
	if o.DelaySeconds != nil {
		if err := within("DelaySeconds", *o.DelaySeconds, 0, maxDelay); err != nil {
			return err
		}
	}
	return within("Priority", o.Priority, 0, maxPriority)
}

// reserve makes room for n messages.
func (q *queue) reserve(n, limit int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if have := len(q.messages) + q.pending; have+n > limit {
		return sluice.Errorf(sluice.Throttled, "messages", "the queue holds %d messages of %d that it may: receive and delete some", have, limit)
	}
	q.pending += n
	return nil
}

// settle ends what reserve began. made are the messages that were sent.
func (q *queue) settle(made []*message, reserved int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pending -= reserved
	if q.gone {
		return
	}
	for _, m := range made {
		q.add(m)
	}
	q.advance()
}

// keep puts the bodies into the logstore and the states into metadata. A crash between the two leaves logs that are no messages.
func (s *Service) keep(ctx context.Context, q *queue, a Attributes, out []Outgoing, good []int) ([]*message, error) {
	now := s.o.Now()
	group := &sluice.LogGroup{Topic: q.ref.Name, Source: "mns"}
	made := make([]*message, len(good))
	for k, i := range good {
		m := q.newMessage(now, a, out[i])
		m.Index = k
		made[k] = m
		group.Records = append(group.Records, sluice.Record{
			Time: uint32(max(now.Unix(), 0)), Nanos: uint32(now.Nanosecond()),
			Fields: []sluice.Field{{Key: fieldID, Value: m.id}, {Key: "Priority", Value: strconv.FormatInt(m.Priority, 10)}, {Key: fieldBody, Value: out[i].Body}},
		})
	}
	shard, position, err := s.append(ctx, q.ref.Account, group)
	if err != nil {
		return nil, err
	}
	for _, m := range made {
		m.Shard, m.Position = shard, position
	}
	return made, s.commit(ctx, q, func(tx meta.Tx) error {
		for _, m := range made {
			if err := put(tx, kindMessage, q.item(m.id), m.state); err != nil {
				return err
			}
		}
		return nil
	})
}

// append appends bodies. A logstore that somebody deleted is made again.
func (s *Service) append(ctx context.Context, account string, group *sluice.LogGroup) (sluice.ShardID, sluice.Position, error) {
	shard, position, err := s.door.Append(ctx, Logstore(account), group)
	if sluice.KindOf(err) != sluice.NotFound {
		return shard, position, err
	}
	if err := s.stores.ensure(ctx, account); err != nil {
		return 0, 0, err
	}
	return s.door.Append(ctx, Logstore(account), group)
}

func (q *queue) newMessage(now time.Time, a Attributes, o Outgoing) *message {
	m := &message{state: state{
		Priority: o.Priority, Enqueued: millis(now), Expires: millis(now) + 1000*a.MessageRetentionPeriod, Nonce: rand.Uint32(),
	}}
	if m.Priority == 0 {
		m.Priority = DefaultPriority
	}
	delay := a.DelaySeconds
	if o.DelaySeconds != nil {
		delay = *o.DelaySeconds
	}
	m.Visible = m.Enqueued + 1000*delay
	q.mu.Lock()
	q.last = max(q.last+1, uint64(max(now.UnixNano(), 0)))
	number := q.last
	q.mu.Unlock()
	m.id = hex64(number) + hex64(rand.Uint64())
	return m
}

// handle is what the holder of a message shows: characters that no client encodes.
func (m *message) handle() string { return m.id + "-" + fmt.Sprintf("%08X", m.Nonce) }

func parseHandle(text string) (id string, nonce uint32, ok bool) {
	id, hexNonce, ok := strings.Cut(text, "-")
	n, err := strconv.ParseUint(hexNonce, 16, 32)
	return id, uint32(n), ok && err == nil && len(id) == 32
}

func bodyMD5(body string) string { return fmt.Sprintf("%X", md5.Sum([]byte(body))) }
