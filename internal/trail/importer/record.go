package importer

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/sluicelog/sluice"
)

// maxMembers is more than a record has, which is about thirty.
const maxMembers = 200

// maxKey is what the write door takes of a key at least.
const maxKey = 256

// record makes a log of a record: a field for each member, under its name. Texts are as they are, everything else is JSON, so that the record
// can be had back. otherwise is the time of records that have none.
func record(raw json.RawMessage, otherwise time.Time) (sluice.Record, error) {
	var r sluice.Record
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return r, fmt.Errorf("a record is no JSON object")
	}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return r, err
		}
		key, _ := t.(string)
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return r, err
		}
		if len(r.Fields) == maxMembers || key == "" || len(key) > maxKey {
			return r, fmt.Errorf("a record has more than %d members, or one whose name is empty or longer than %d bytes", maxMembers, maxKey)
		}
		r.Fields = append(r.Fields, sluice.Field{Key: key, Value: valueText(value)})
	}
	at := eventTime(r, otherwise)
	r.Time, r.Nanos = uint32(at.Unix()), uint32(at.Nanosecond())
	return r, nil
}

// valueText is a value as a field has it.
func valueText(raw json.RawMessage) string {
	if raw[0] == '"' {
		var text string
		if json.Unmarshal(raw, &text) == nil {
			return text
		}
	}
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw)
	}
	return b.String()
}

func field(r *sluice.Record, key string) string {
	for i := range r.Fields {
		if r.Fields[i].Key == key {
			return r.Fields[i].Value
		}
	}
	return ""
}

// eventTime is when the event was, if the record says a time that a log can have.
func eventTime(r sluice.Record, otherwise time.Time) time.Time {
	at, err := time.Parse(time.RFC3339, field(&r, "eventTime"))
	if err != nil || at.Unix() < 0 || at.Unix() > math.MaxUint32 {
		at = otherwise
	}
	return at
}

// identity is what makes an event that was delivered twice the same.
type identity [16]byte

// identify returns the identity of an event; ok is false if it has none.
func identify(r *sluice.Record) (id identity, ok bool) {
	if field(r, "eventID") == "" {
		return id, false
	}
	h := sha256.New()
	for _, key := range []string{"eventID", "eventTime", "eventName", "requestID", "recipientAccountId"} {
		fmt.Fprintf(h, "%q", field(r, key))
	}
	copy(id[:], h.Sum(nil))
	return id, true
}

// maxSeen is how many events are remembered, at about 50 bytes each.
const maxSeen = 1 << 18

// seen remembers the last events.
type seen struct {
	known map[identity]struct{}
	order []identity // a ring
	next  int
}

// first reports whether an event is new, and remembers it.
func (s *seen) first(id identity) bool {
	if _, ok := s.known[id]; ok {
		return false
	}
	if s.known == nil {
		s.known = map[identity]struct{}{}
	}
	if len(s.order) < maxSeen {
		s.order = append(s.order, id)
	} else {
		delete(s.known, s.order[s.next])
		s.order[s.next] = id
		s.next = (s.next + 1) % maxSeen
	}
	s.known[id] = struct{}{}
	return true
}
