package splunksink

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/post"
)

// reply is what the collector says in the body of an answer.
type reply struct {
	Text   string
	Code   *int // nil: the answer is not the collector's
	Number *int `json:"invalid-event-number"`
	AckID  *int64
	Acks   map[string]bool
}

func read(answer *post.Answer) reply {
	var r reply
	if err := json.Unmarshal(answer.Body, &r); err != nil {
		return reply{}
	}
	return r
}

// Codes that the sink acts upon.
const (
	codeSuccess        = 0
	codeNoData         = 5
	codeChannelMissing = 10
	codeInvalidChannel = 11
	codeAckDisabled    = 14
)

// halts are the codes that wait for a person, and what that person has to do (reference delivery h.2).
var halts = map[int]string{
	1:  "the token is disabled; enable it",
	2:  "the collector wants a token, and did not get one; look at what is between",
	3:  "the collector does not understand the authorization; look at what is between",
	4:  "the token is not known; correct it",
	7:  "the token may not write to the index, or there is none of this name; correct the index",
	16: "the collector wants the token elsewhere; look at what is between",
}

// refusals are the codes with which the collector refuses one event.
var refusals = map[int]bool{6: true, 12: true, 13: true, 15: true}

// verdict is what an answer means to the engine.
func (s *Sink) verdict(answer *post.Answer) error {
	r := read(answer)
	if r.Code == nil {
		return foreign(answer)
	}
	code := *r.Code
	said := fmt.Errorf("splunk answered code %d, %.200q (status %d)", code, r.Text, answer.Status)
	switch {
	case code == codeSuccess && answer.Status < 300:
		return nil
	case halts[code] != "":
		return &sink.Halt{Reason: fmt.Sprintf("%v: %s", said, halts[code]), Err: said}
	case refusals[code] && r.Number != nil && *r.Number >= 0:
		return &sink.Refused{First: *r.Number, Count: 1, Reason: said.Error()}
	case refusals[code]:
		return &sink.Refused{Reason: said.Error()}
	case code == codeChannelMissing, code == codeInvalidChannel:
		s.setChannel("") // the next try has another
		return said
	}
	if wait, ok := answer.RetryAfter(); ok {
		return &sink.Later{After: wait, Err: said}
	}
	if err := answer.Err(); errors.Is(err, sink.ErrTooLarge) {
		return err
	}
	return said
}

// foreign is the verdict on an answer that is not the collector's but that of something before it: it refuses no logs.
func foreign(answer *post.Answer) error {
	err := answer.Err()
	if refused := (*sink.Refused)(nil); errors.As(err, &refused) {
		return &sink.Halt{Reason: refused.Reason + ": this is no answer of a Splunk collector; correct the url"}
	}
	if err == nil {
		return &sink.Halt{Reason: fmt.Sprintf("a status of %d without Splunk's words: this is no answer of a Splunk collector; correct the url", answer.Status)}
	}
	return err
}
