package collect

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/internal/testenv"
)

const queueName = "orders"

// queueConfig is the file of a collector that empties a queue at one address into a logstore at another.
func queueConfig(source, target string) string {
	text := config(source, target)
	a, b := strings.Index(text, "      access_log_service"), strings.Index(text, "outputs:")
	return text[:a] + fmt.Sprintf(`      smq: {endpoint: "http://%s", queue: %s, wait_seconds: 0, request_period_in_seconds: 0.1}
`, source, queueName) + text[b:]
}

// Messages of a queue arrive once, whatever breaks, and are deleted then. The queue shows those again that are not deleted within a second.
func TestQueueThroughFaults(t *testing.T) {
	p := newPair(t)
	visible := int64(1)
	if err := p.writer.c.CreateQueue(t.Context(), queueName, client.QueueSpec{VisibilityTimeout: &visible}); err != nil {
		t.Fatal(err)
	}
	r := start(t, queueConfig(p.toSource.Addr(), p.toSink.Addr()), t.TempDir())
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	sent, rounds := 0, 15
	if testing.Short() {
		rounds = 5
	}
	for range rounds {
		var bodies []string
		for range 12 {
			bodies = append(bodies, fmt.Sprintf("order %d", sent))
			sent++
		}
		if err := p.writer.c.SendMessages(t.Context(), queueName, client.SendOptions{}, bodies...); err != nil {
			t.Fatal(err)
		}
		proxy := p.toSource
		if rnd.IntN(2) > 0 {
			proxy = p.toSink
		}
		switch n := int64(rnd.IntN(4000)); rnd.IntN(3) {
		case 0:
			proxy.Cut(n)
		case 1:
			proxy.CutAnswer(n)
		case 2:
			proxy.Reset()
		}
		r.wait(t, "Data collection completed", 1+rnd.IntN(2))
		proxy.Heal()
	}
	for { // until the queue is empty, those included that it hides
		r.wait(t, upToDate, 1)
		queues, err := p.writer.c.Queues(t.Context(), queueName)
		if err != nil || len(queues) != 1 {
			t.Fatal(queues, err)
		}
		if queues[0].Active+queues[0].Inactive+queues[0].Delayed == 0 {
			break
		}
	}
	r.end(t)
	got := map[string]int{}
	for body, n := range numbers(t, p.direct, into, "MessageBody") {
		got[strings.TrimPrefix(body, "order ")] = n
	}
	checkOnce(t, got, sent)
}

// A queue that is not there stops the service, with the number of the error.
func TestQueueIsMissing(t *testing.T) {
	env := testenv.Start(t)
	made := newCollector(t, queueConfig(env.Addr, env.Addr), t.TempDir(), nil)
	err := made.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "SetupError [101]: Authentication test failed. Reason QueueNotExist") {
		t.Errorf("got %v", err)
	}
}
