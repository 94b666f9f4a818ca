package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/test/child"
)

// destination is an HTTP receiver that answers late now and then, so that the server is killed between sending and knowing.
type destination struct {
	mu    sync.Mutex // guards the rest
	r     *rand.Rand
	times map[string]int             // how often each log came
	ids   map[string]map[string]bool // the batches in which it came
}

func (d *destination) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("X-Sluice-Check") != "" {
		return // the sender is gone, or tests
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for line := range bytes.Lines(body) {
		var log struct{ Writer, N string }
		if err := json.Unmarshal(line, &log); err != nil {
			continue // its loss is found out
		}
		name := log.Writer + "/" + log.N
		d.times[name]++
		if d.ids[name] == nil {
			d.ids[name] = map[string]bool{}
		}
		d.ids[name][r.Header.Get("X-Sluice-Request-Id")] = true
	}
	if d.r.IntN(10) == 0 {
		w.WriteHeader(http.StatusServiceUnavailable) // although it has them
	}
}

// TestKillWhileDelivering kills the server while it delivers, starts it again, and in the end demands every acknowledged log at the destination:
// more than once only in batches of one id, and the books balanced.
func TestKillWhileDelivering(t *testing.T) {
	rounds := 40
	if testing.Short() {
		rounds = 4
	}
	t.Logf("seed %d", *seed)
	to := &destination{r: rand.New(rand.NewPCG(*seed, 2)), times: map[string]int{}, ids: map[string]map[string]bool{}}
	receiver := httptest.NewServer(to)
	defer receiver.Close()
	m := &run{t: t, r: rand.New(rand.NewPCG(*seed, 3)), binary: buildServer(t), dir: t.TempDir(), next: map[sluice.ShardID]string{}}
	for w := range writers {
		m.acked[w] = map[int]bool{}
	}
	for round := range rounds {
		s, c := m.startDelivering()
		if round == 0 {
			m.setUp(t.Context(), c)
			m.deliverTo(c, receiver.URL)
		}
		m.writeUntilKilled(t.Context(), c, s)
	}
	s, c := m.startDelivering()
	defer func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}()
	m.settle(c)
	m.compare(to)
}

func (m *run) startDelivering() (*child.Server, *client.Client) {
	m.t.Helper()
	m.log.Reset()
	s, err := child.Start(m.t.Context(), child.Options{
		Binary: m.binary, DataDir: m.dir, AccessKeyID: keyID, AccessSecret: secret, Output: &m.log,
		Env:  []string{"SLUICE_DELIVERY_ALLOW_NETWORKS=127.0.0.0/8"},
		Args: []string{"--storage-journal-file-bytes", "1MiB", "--storage-journal-bytes", "3MiB"},
	})
	if err != nil {
		m.t.Fatalf("%v\n%s", err, m.log.String())
	}
	c, err := client.New(client.Options{Endpoint: "http://" + s.Addr, AccessKeyID: keyID, Secret: secret, Attempts: 1})
	if err != nil {
		m.t.Fatal(err)
	}
	return s, c
}

const deliveryTask = "kill"

func (m *run) deliverTo(c *client.Client, url string) {
	m.t.Helper()
	document := fmt.Sprintf(`{"name":%q,"source":{"logstore":%q,"start":"beginning"},"fields":["writer","n"],"limits":{"logs":7,"age":"100ms"},"sink":{"type":"http","url":%q}}`,
		deliveryTask, ref.Logstore, url)
	if _, err := c.CreateDelivery(m.t.Context(), ref.Project, []byte(document)); err != nil {
		m.t.Fatal(err)
	}
	if _, err := c.StartDelivery(m.t.Context(), ref.Project, deliveryTask, false); err != nil {
		m.t.Fatal(err)
	}
}

// settle waits until everything is delivered.
func (m *run) settle(c *client.Client) {
	m.t.Helper()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		task, err := c.Delivery(m.t.Context(), ref.Project, deliveryTask)
		if err != nil {
			m.t.Fatal(err)
		}
		n := task.Counters
		if n.Read > 0 && n.InFlight == 0 && task.Backlog == 0 {
			if n.Read != n.Delivered || task.State != "online" {
				m.t.Errorf("the books do not balance: %s, %+v", task.State, n)
			}
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			m.t.Fatalf("not everything is delivered: %+v\n%s", task, m.log.String())
		}
	}
}

func (m *run) compare(to *destination) {
	m.t.Helper()
	to.mu.Lock()
	defer to.mu.Unlock()
	acked, twice := 0, 0
	for w := range writers {
		for n := range m.acked[w] {
			acked++
			if to.times[fmt.Sprintf("%d/%d", w, n)] == 0 {
				m.t.Errorf("writer %d: log %d was acknowledged and did not arrive", w, n)
			}
		}
	}
	for name, times := range to.times {
		if times > 1 {
			twice++
		}
		if len(to.ids[name]) > 1 {
			m.t.Errorf("log %s came in batches of different ids: %v", name, slices.Sorted(maps.Keys(to.ids[name])))
		}
	}
	m.t.Logf("%d logs acknowledged and delivered, %d of them more than once, under one id", acked, twice)
}
