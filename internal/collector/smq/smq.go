// Package smq is the source of the service that takes messages from a queue of Simple Message Queue, which was called MNS.
//
//	BatchReceiveMessage ──> batch ──written down──> outputs ──yes──> BatchDeleteMessage
//	        ▲                                                            │ failed, or a crash before it
//	        └──── the queue shows the message again after a while ◄──────┘ and it is known by its id, and deleted then
//
// A queue gives messages at least once and in no order. Ids are remembered for a day after the message was seen last, so a message goes out once unless
// the queue hides it longer than that.
package smq

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sluicelog/sluice/internal/collector"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// Config is a service's section beside what is common to all.
type Config struct {
	Endpoint string `json:"endpoint"` // as http://ACCOUNT.mns.REGION.aliyuncs.com
	Queue    string `json:"queue"`
	// WaitSeconds is how long a request waits for messages, 0 to 30 [20].
	WaitSeconds *int `json:"wait_seconds,omitempty"`
	// Base64 says what bodies are: yes decodes them, no leaves them, auto decodes those that are base64 of text [auto].
	Base64 string `json:"base64,omitempty"`
}

// Kind is the service.
func Kind() collector.Kind {
	return collector.Kind{Module: "SMQStandardPuller", PullID: 302, Tag: "my.app.alibaba.smq", Period: time.Second, Open: open}
}

// Bounds of requests.
const (
	batchSize  = 16
	remembered = 24 * time.Hour
)

// Source takes messages from one queue.
type Source struct {
	config Config
	queue  *queue
	clock  *collector.Clock
}

func open(s collector.SourceSetup) (collector.Source, error) {
	var c Config
	if err := collector.Strictly(s.Config, &c); err != nil {
		return nil, err
	}
	endpoint, err := url.Parse(c.Endpoint)
	switch {
	case err != nil || endpoint.Scheme != "http" && endpoint.Scheme != "https" || endpoint.Host == "" || strings.Trim(endpoint.Path, "/") != "" || endpoint.User != nil:
		return nil, fmt.Errorf("endpoint: %.200q is not of the form http://ACCOUNT.mns.REGION.aliyuncs.com", c.Endpoint)
	case !queueName(c.Queue):
		return nil, fmt.Errorf("queue: %.150q is no name of a queue: up to 120 letters, digits, - and _", c.Queue)
	case c.WaitSeconds != nil && (*c.WaitSeconds < 0 || *c.WaitSeconds > 30):
		return nil, fmt.Errorf("wait_seconds: %d is not between 0 and 30", *c.WaitSeconds)
	}
	switch c.Base64 {
	case "":
		c.Base64 = "auto"
	case "auto", "yes", "no":
	default:
		return nil, fmt.Errorf("base64: %.40q is none of auto, yes and no", c.Base64)
	}
	if c.WaitSeconds == nil {
		wait := 20
		c.WaitSeconds = &wait
	}
	return &Source{config: c, queue: newQueue(endpoint, c.Queue, s), clock: s.Clock}, nil
}

func queueName(s string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return s != "" && len(s) <= 120 && strings.Trim(s, allowed) == ""
}

// Check looks at the first message of the queue, and leaves it there.
func (s *Source) Check(ctx context.Context) error {
	err := s.queue.peek(ctx)
	if clockIsWrong(err) { // and known better now
		err = s.queue.peek(ctx)
	}
	return err
}

// Parts implements [collector.Source]: a queue is one.
func (s *Source) Parts(context.Context) ([]collector.Part, error) {
	return []collector.Part{{Name: s.config.Queue}}, nil
}

// receipt is what the queue is told when the outputs have a batch.
type receipt struct {
	Handles []string `json:"handles"`
}

// Read implements [collector.Source]: it waits for messages, and ends the cycle when there are none.
func (s *Source) Read(ctx context.Context, _ collector.Part, _ json.RawMessage, c collector.Cycle) (*collector.Batch, error) {
	messages, err := s.queue.receive(ctx, batchSize, *s.config.WaitSeconds)
	if err != nil {
		return nil, err
	}
	b := &collector.Batch{Requests: 1, Next: json.RawMessage("{}"), AtEnd: len(messages) == 0, Forget: s.clock.Now().Add(-remembered)}
	if len(messages) == 0 {
		return b, nil
	}
	var r receipt
	for i := range messages {
		m := &messages[i]
		if m.ID == "" || m.Receipt == "" {
			return nil, errors.New("the queue gave a message without MessageId or ReceiptHandle")
		}
		b.Events = append(b.Events, s.eventOf(m, c.ID))
		r.Handles = append(r.Handles, m.Receipt)
	}
	b.Receipt, err = json.Marshal(r)
	return b, err
}

// eventOf makes an event of a message.
func (s *Source) eventOf(m *message, pull int64) collector.Event {
	number := func(key string, n int64) sink.Field {
		return sink.Field{Key: key, Value: strconv.FormatInt(n, 10), Kind: sink.Number}
	}
	return collector.Event{
		ID: m.ID, Seen: s.clock.Now().Unix(), Time: uint32(m.Enqueued / 1000), Nanos: uint32(m.Enqueued%1000) * 1_000_000,
		Fields: []sink.Field{
			{Key: "MessageId", Value: m.ID},
			number("EnqueueTime", m.Enqueued), number("FirstDequeueTime", m.FirstDequeued),
			number("DequeueCount", m.DequeueCount), number("Priority", m.Priority),
			{Key: "MessageBody", Value: s.body(m.Body)},
			collector.PullingField(pull),
		},
	}
}

// body is the text of a message. Some clients send it in base64, and nothing says which.
func (s *Source) body(text string) string {
	if s.config.Base64 != "no" {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err == nil && utf8.Valid(raw) && (s.config.Base64 == "yes" || looksLikeText(raw)) {
			return string(raw)
		}
	}
	return strings.ToValidUTF8(text, "\ufffd")
}

// looksLikeText says whether bytes are a text rather than what a short word decodes to.
func looksLikeText(raw []byte) bool {
	if len(raw) == 0 {
		return false
	}
	for _, r := range string(raw) {
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f {
			return false
		}
	}
	return true
}

// Again implements [collector.Source]: this source's batches do not last.
func (s *Source) Again(context.Context, collector.Part, json.RawMessage, json.RawMessage, collector.Cycle) ([]collector.Event, error) {
	return nil, collector.ErrGone
}

// Settle deletes messages.
func (s *Source) Settle(ctx context.Context, _ collector.Part, raw json.RawMessage) error {
	var r receipt
	if err := json.Unmarshal(raw, &r); err != nil {
		return err
	}
	return s.queue.remove(ctx, r.Handles)
}

// Close implements [collector.Source].
func (s *Source) Close() error {
	s.queue.http.CloseIdleConnections()
	return nil
}
