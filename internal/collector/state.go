package collector

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// state is what is known of a part: all that its file holds.
type state struct {
	Version int    `json:"version"`
	Stream  string `json:"stream"` // input, service and part
	// Next is the number of the next event. The first is the time when the file was made, in nanoseconds, so that a part that begins anew gives no
	// number a second time.
	Next     int64           `json:"next"`
	Place    json.RawMessage `json:"place"`
	Finished bool            `json:"finished,omitempty"` // it ended, and was read to its end
	Intent   *intent         `json:"intent,omitempty"`
	// Marks are places in the outputs behind which the batches since are, for those that can be asked.
	Marks map[string]json.RawMessage `json:"marks,omitempty"`
	Seen  []byte                     `json:"seen,omitempty"` // packed; in memory it is seen

	seen seen
}

// stateVersion is that of the file.
const stateVersion = 1

// intent is a batch that is about to go out.
type intent struct {
	Cycle   int64                      `json:"cycle"` // id of the pull
	Count   int64                      `json:"count"` // events
	Events  []Event                    `json:"events,omitempty"`
	Lasting bool                       `json:"lasting,omitempty"` // the source has the events, from the state's place to Next
	Next    json.RawMessage            `json:"next"`
	Forget  int64                      `json:"forget,omitempty"` // Unix seconds
	Receipt json.RawMessage            `json:"receipt,omitempty"`
	Marks   map[string]json.RawMessage `json:"marks,omitempty"` // new ones
	Sent    []string                   `json:"sent,omitempty"`  // outputs that have it
}

// record is one line of the file: one of its fields.
type record struct {
	State  *state          `json:"state,omitempty"` // all
	Intent *intent         `json:"intent,omitempty"`
	Sent   string          `json:"sent,omitempty"`
	Done   bool            `json:"done,omitempty"`   // every output has the intent
	Moved  json.RawMessage `json:"moved,omitempty"`  // the place, where nothing went out
	Forget int64           `json:"forget,omitempty"` // with Moved
	Ended  bool            `json:"ended,omitempty"`
}

// apply changes s by a record.
func (s *state) apply(r *record) error {
	switch {
	case r.State != nil:
		return s.restore(r.State)
	case r.Intent != nil:
		i := *r.Intent
		i.Sent = slices.Clone(i.Sent)
		s.Intent = &i
		for name, mark := range i.Marks {
			if s.Marks == nil {
				s.Marks = map[string]json.RawMessage{}
			}
			s.Marks[name] = mark
		}
	case r.Ended:
		s.Finished = true
	case r.Moved != nil:
		s.Place = r.Moved
		s.seen.forget(r.Forget)
	case s.Intent == nil:
		return errors.New("something was sent that was not announced")
	case r.Sent != "":
		s.Intent.Sent = append(s.Intent.Sent, r.Sent)
	case r.Done:
		s.done()
	default:
		return errors.New("a line says nothing")
	}
	return nil
}

// done moves the state behind its intent.
func (s *state) done() {
	i := s.Intent
	for _, e := range i.Events {
		if e.ID != "" {
			s.seen[keyOf(e.ID)] = e.Seen
		}
	}
	if i.Forget != 0 {
		s.seen.forget(i.Forget)
	}
	s.Next += i.Count
	s.Place, s.Intent = i.Next, nil
}

// restore makes s a snapshot.
func (s *state) restore(from *state) error {
	if from.Version != stateVersion {
		return fmt.Errorf("it is of version %d, and this program knows %d", from.Version, stateVersion)
	}
	ids, err := unpack(from.Seen)
	if err != nil {
		return err
	}
	*s = *from
	s.seen, s.Seen = ids, nil
	return nil
}

// snapshot is s as a record.
func (s *state) snapshot() *record {
	whole := *s
	whole.Seen = s.seen.pack()
	return &record{State: &whole}
}
