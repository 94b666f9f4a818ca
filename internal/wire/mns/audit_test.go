package mns

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/operation"
)

// Every action has a line in the table of operations, which says that it changes something if its row here does.
func TestEveryActionHasAnOperation(t *testing.T) {
	for _, a := range actions {
		o := operation.Find(trail.ServiceQueue, a.name)
		if !o.Known || o.ReadOnly == a.mutating {
			t.Errorf("%s is mutating: %t, and as an operation %+v", a.name, a.mutating, o)
		}
	}
	for _, name := range []string{"BatchSendMessage", "BatchReceiveMessage", "BatchPeekMessage"} {
		if !operation.Find(trail.ServiceQueue, name).Known {
			t.Errorf("%s has no line in the table of operations", name)
		}
	}
}

// Of a message and its handle nothing is told; of a queue its attributes are.
func TestWhatIsTold(t *testing.T) {
	const canary = "canary-4711-sings"
	told := func(action, below, body string) string {
		q := &request{r: &http.Request{Header: http.Header{}}, name: "orders", below: below, body: []byte(body), query: url.Values{"ReceiptHandle": {canary}}}
		raw, err := json.Marshal(operation.Find(trail.ServiceQueue, action).Request(q.Detail().Params))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	for _, a := range actions {
		body := "<Message><MessageBody>" + canary + "</MessageBody><Secret>" + canary + "</Secret></Message>"
		for _, below := range []string{"", "messages"} {
			if got := told(a.name, below, body); bytes.Contains([]byte(got), []byte(canary)) {
				t.Errorf("%s: %s", a.name, got)
			}
		}
	}
	want := `{"QueueName":"orders","ReceiptHandle":{"present":true},"VisibilityTimeout":"45"}`
	if got := told("CreateQueue", "", "<Queue><VisibilityTimeout>45</VisibilityTimeout></Queue>"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
