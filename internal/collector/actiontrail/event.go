package actiontrail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/collector"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// topic is that of audit events in logstores, as trails deliver them: one field, event.
const topic = "actiontrail_audit_event"

// eventsOf makes events of what a page of a window has.
func eventsOf(list []json.RawMessage, w window, pull int64) []collector.Event {
	events := make([]collector.Event, len(list))
	for i, raw := range list {
		events[i] = eventOf(raw, w, pull)
	}
	return events
}

// eventOf makes an event of one. Nothing is required of it, since schemas change: what is no object becomes the only member of one.
func eventOf(raw json.RawMessage, w window, pull int64) collector.Event {
	text := object(raw)
	var known struct {
		EventID   any `json:"eventId"`
		EventTime any `json:"eventTime"`
	}
	_ = json.Unmarshal(text, &known) // what is missing is made up for
	e := collector.Event{Topic: topic, Seen: w.From.Unix(), Time: uint32(w.From.Unix())}
	if id, ok := known.EventID.(string); ok && id != "" {
		e.ID = id
	} else {
		e.ID = digest(text)
	}
	if s, ok := known.EventTime.(string); ok {
		if at, err := time.Parse(time.RFC3339, s); err == nil && at.Unix() > 0 && at.Unix() < 1<<32 {
			e.Time, e.Nanos = uint32(at.Unix()), uint32(at.Nanosecond())
			e.Seen = max(e.Seen, at.Unix())
		}
	}
	e.Fields = []sink.Field{{Key: "event", Value: string(collector.WithPullingID(text, pull)), Kind: sink.JSON}}
	return e
}

// object is the event as an object on one line, as it came but for white space. Some answers have events as text.
func object(raw json.RawMessage) []byte {
	var text string
	if json.Unmarshal(raw, &text) == nil && collector.IsObject(text) {
		raw = json.RawMessage(text)
	}
	var line bytes.Buffer
	if err := json.Compact(&line, []byte(strings.ToValidUTF8(string(raw), "\ufffd"))); err != nil || !bytes.HasPrefix(line.Bytes(), []byte{'{'}) {
		wrapped, err := json.Marshal(map[string]json.RawMessage{"event": raw})
		if err != nil {
			return []byte(`{}`)
		}
		return wrapped
	}
	return line.Bytes()
}

// digest is an id for an event that has none: that of its content, whatever the order of its members.
func digest(text []byte) string {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err == nil {
		if canonical, err := json.Marshal(v); err == nil {
			text = canonical
		}
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}
