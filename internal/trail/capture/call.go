package capture

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/operation"
	"github.com/sluicelog/sluice/internal/wire"
)

// maxAnswer is how much of an answer is looked at for what is told of it. Answers of which something is kept are small.
const maxAnswer = 64 << 10

// maxHeld is how much of an answer is kept back. Those that wait are small, but for streams.
const maxHeld = 1 << 20

// call is one call on its way, and the writer of its answer.
type call struct {
	http.ResponseWriter
	audit *Audit
	r     *http.Request
	c     *wire.Call
	began time.Time

	started bool           // the dialect has begun to do what was asked
	freeing bool           // though no events can be written, since it makes room
	owner   string         // of the project, as it began
	params  map[string]any // as they came
	loose   bool           // nothing of it is kept back

	status int
	op     *operation.Operation // when the answer begins
	made   *trail.Event         // of the call; nil if there is to be none
	held   bool                 // the answer is kept back, in answer
	failed bool                 // another answer was sent instead
	tell   bool                 // something of the answer is told
	answer bytes.Buffer
	n      int64 // bytes of the answer
}

// WriteHeader implements [http.ResponseWriter].
func (x *call) WriteHeader(status int) {
	if x.status == 0 {
		x.decide(status)
	}
	if !x.held {
		x.ResponseWriter.WriteHeader(status)
	}
}

// decide is called when the answer begins: the dialect has said all of the call but its answer.
func (x *call) decide(status int) {
	x.status, x.op = status, x.operation()
	x.made = x.audit.recorded(x)
	if x.made == nil {
		return
	}
	x.tell = x.op.KeepsAnswer() && status < http.StatusBadRequest
	x.held = x.audit.o.Strict && !x.loose && !x.op.ReadOnly && (x.started || status < http.StatusBadRequest)
}

// Write implements [http.ResponseWriter].
func (x *call) Write(b []byte) (int, error) {
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	if x.failed {
		return len(b), nil
	}
	x.n += int64(len(b))
	if x.held && x.answer.Len()+len(b) > maxHeld {
		x.release() // a stream: its event does not wait for how it ends
	}
	if x.held {
		return x.answer.Write(b)
	}
	if x.tell && x.answer.Len()+len(b) <= maxAnswer {
		x.answer.Write(b)
	}
	return x.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (x *call) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// finish is called when the dialect has served.
func (x *call) finish() {
	if x.status == 0 { // an answer without a body
		x.WriteHeader(http.StatusOK)
	}
	if !x.held {
		x.offer()
		return
	}
	x.release()
}

// release writes the event, and sends what was kept back of the answer until then.
func (x *call) release() {
	x.complete()
	write := x.audit.to.Append
	if x.freeing {
		write = x.audit.to.AppendFreed
	}
	err := write(context.WithoutCancel(x.r.Context()), x.made) // also if the client is gone by now
	x.held, x.made, x.tell = false, nil, false
	if err != nil {
		x.failed = true
		x.fail(err)
		return
	}
	x.ResponseWriter.WriteHeader(x.status)
	_, _ = x.ResponseWriter.Write(x.answer.Bytes()) // to a client that may have left
	x.answer = bytes.Buffer{}
}

// offer has the event written soon.
func (x *call) offer() {
	if x.made == nil {
		return
	}
	x.complete()
	x.audit.to.Offer(x.made)
}

// headerExecuted marks the answer of a call that was done and could not be recorded.
const headerExecuted = "X-Sluice-Executed"

// fail answers that the call was done and could not be recorded.
func (x *call) fail(err error) {
	h := x.Header()
	maps.DeleteFunc(h, func(string, []string) bool { return true })
	h.Set(headerExecuted, "true")
	x.audit.next.Refuse(x.ResponseWriter, x.r, x.c, sluice.Errorf(sluice.Unavailable, "audit-late",
		"what was asked for was done, but could not be recorded: look before you ask again (%w)", err))
}
