package ledger

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/sluicelog/sluice"

	"github.com/sluicelog/sluice/internal/trail"
)

// Bounds of one log group of events.
const (
	maxBatchEvents = 512
	maxBatchBytes  = 2 << 20
)

// flush writes what waits. It is false if something could not be written; then whoever waits has been told, and the events stay in the queue.
func (r *Recorder) flush() bool {
	for {
		batch := r.front()
		if len(batch) == 0 {
			return true
		}
		n, err := r.write(batch, r.door)
		if err != nil {
			r.writeFreed()
			r.refuse(err)
			return false
		}
		r.failing.Store(nil)
		r.mu.Lock()
		r.queue = r.queue[n:]
		r.mu.Unlock()
		if r.head.Seq >= r.anchored.Seq+uint64(r.o.AnchorEvents) {
			r.anchor()
		}
	}
}

// front returns the first events of the queue, before them the one that tells of losses. Others come only behind them.
func (r *Recorder) front() []*pending {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lost.count > 0 {
		r.queue = append([]*pending{{event: r.service(trail.EventsLost, r.lost.details()), lost: r.lost}}, r.queue...)
		r.lost = loss{}
	}
	return r.queue[:min(len(r.queue), maxBatchEvents)]
}

// write appends the first events of a batch to the chain as one group, through one of the two doors, and says how many.
func (r *Recorder) write(batch []*pending, door sluice.Appender) (n int, err error) {
	group := &sluice.LogGroup{Topic: trail.Topic, Records: make([]sluice.Record, 0, len(batch))}
	head, size := r.head, 0
	for _, p := range batch {
		p.event.Seq = head.Seq + 1
		text := fit(p.event)
		if size += len(text); n > 0 && size > maxBatchBytes {
			break
		}
		head = trail.Head{Seq: p.event.Seq, Chain: head.Chain.Next(text)}
		group.Records = append(group.Records, trail.ToRecord(p.event, text, head.Chain))
		n++
	}
	if err := r.append(group, door); err != nil {
		return 0, err
	}
	r.head = head
	for _, p := range batch[:n] {
		r.metrics.events.WithLabelValues(string(p.event.Category)).Inc()
		if p.done != nil {
			close(p.done)
		}
	}
	return n, nil
}

// append appends a group, and knows afterwards whether it is there: nobody else writes to the log, so its end tells.
func (r *Recorder) append(group *sluice.LogGroup, door sluice.Appender) error {
	_, end := r.log.Bounds()
	began := time.Now()
	_, _, err := door.Append(r.ctx, trail.Events, group)
	r.metrics.seconds.Observe(time.Since(began).Seconds())
	if err != nil {
		if _, now := r.log.Bounds(); now == end {
			return err
		}
	}
	return nil
}

// refuse tells whoever waits that his event is not written. It stays in the queue.
func (r *Recorder) refuse(err error) {
	if r.failing.Swap(&err) == nil {
		r.o.Logger.Error("audit events cannot be written", "error", err)
	}
	r.metrics.failures.Inc()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.queue {
		if p.done != nil {
			p.err = unwritten(err.Error())
			close(p.done)
			p.done = nil
		}
	}
}

// maxEvent is the most bytes of an event, as JSON (reference audit 1.1.2).
const maxEvent = 256 << 10

// fit is e as JSON. An event that is too large loses members, the least needed first, and says in Additional "truncated" which.
func fit(e *trail.Event) []byte {
	clean(e)
	text, err := json.Marshal(e)
	for _, part := range []struct {
		name  string
		clear func()
	}{
		{"responseElements", func() { e.Response = nil }},
		{"requestParameters", func() { e.Request = nil }},
		{"additionalEventData", func() { e.Additional = nil }},
		{"resources", func() { e.Resources = nil }},
	} {
		if err == nil && len(text) <= maxEvent {
			break
		}
		part.clear()
		if e.Additional == nil {
			e.Additional = map[string]any{}
		}
		cut, _ := e.Additional["truncated"].([]string)
		e.Additional["truncated"] = append(cut, part.name)
		text, err = json.Marshal(e)
	}
	if err != nil { // not without the maps, which are all that could be at fault
		panic(fmt.Sprintf("an audit event has no JSON: %v", err))
	}
	return text
}

// clean makes e such that it comes out of JSON as it went in, so that its log can be made of it again.
func clean(e *trail.Event) {
	e.Time, e.Received = e.Time.UTC().Truncate(time.Millisecond), e.Received.UTC().Truncate(time.Millisecond)
	for _, text := range []*string{
		&e.Name, &e.Service, &e.RequestID, &e.Account, &e.Identity.User, &e.Identity.Role, &e.Identity.Session, &e.Identity.AccessKey, &e.ErrorCode,
	} {
		*text = strings.ToValidUTF8(*text, "\uFFFD")
	}
	for i := range e.Resources {
		r := &e.Resources[i]
		r.Type, r.Name = strings.ToValidUTF8(r.Type, "\uFFFD"), strings.ToValidUTF8(r.Name, "\uFFFD")
	}
}
