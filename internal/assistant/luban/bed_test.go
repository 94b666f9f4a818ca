package luban_test

import (
	"crypto/rsa"
	"encoding/json"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/assistant"
	"github.com/sluicelog/sluice/internal/assistant/luban"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/shard"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bed is a server that clients can connect to. Its clock stands still unless a test moves it.
type bed struct {
	*catalogtest.Env
	t       testing.TB
	svc     *assistant.Service
	address string

	mu    sync.Mutex // guards clock
	clock time.Time
}

// patience is how long a test waits for what must come.
const patience = 2 * time.Minute

// epoch is when all tests begin.
var epoch = time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)

func newBed(t testing.TB) *bed {
	t.Helper()
	b := &bed{Env: catalogtest.Open(t, catalog.Options{}, shard.Options{MinFreeBytes: -1}), t: t, clock: epoch}
	ring, err := auth.LoadOrCreateKeyring(filepath.Join(t.TempDir(), "key"))
	b.must(err)
	door := ingest.New(b.Catalog, ingest.Options{Past: -1, Future: -1})
	b.svc, err = assistant.New(t.Context(), b.Meta, b.Catalog, door, ring, assistant.Options{Now: b.now, AccountID: 1})
	b.must(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	b.must(err)
	b.address = l.Addr().String()
	var running sync.WaitGroup
	running.Go(func() { b.must(b.svc.Run(t.Context())) })
	running.Go(func() {
		b.must(luban.New(b.svc, luban.Options{Now: b.now}).Run(t.Context(), l, b.svc.HostCertificates()))
	})
	t.Cleanup(func() {
		running.Wait()
		b.must(b.svc.Close())
	})
	return b
}

func (b *bed) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Error(err)
	}
}

func (b *bed) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.clock
}

// pass lets time pass, and has the server look at deadlines.
func (b *bed) pass(d time.Duration) {
	b.t.Helper()
	b.mu.Lock()
	b.clock = b.clock.Add(d)
	b.mu.Unlock()
	b.must(b.svc.Sweep(b.t.Context()))
}

func (b *bed) client() *client { return newClient(b.t, b.address, b.svc.CA(), b.now) }

func (b *bed) activation(a assistant.Activation) (id, code string) {
	b.t.Helper()
	id, code, err := b.svc.Fleet("").CreateActivation(b.t.Context(), a, assistant.Token{})
	b.must(err)
	return id, code
}

// registered is a client that has registered.
func (b *bed) registered(key *rsa.PrivateKey) *client {
	b.t.Helper()
	c := b.client()
	id, code := b.activation(assistant.Activation{})
	if status, body := c.register(id, code, key); status != 200 || c.instance == "" {
		b.t.Fatalf("register: %d %s", status, body)
	}
	return c
}

// dialed opens the channel of a client, and takes the kick that it begins with.
func (b *bed) dialed(c *client) *channel {
	b.t.Helper()
	ch, err := c.dial()
	if err != nil {
		b.t.Fatal(err)
	}
	if w := ch.word(b.t); w != "kick_vm" {
		b.t.Fatalf("the channel begins with %q", w)
	}
	return ch
}

// run makes a command for an instance.
func (b *bed) run(instance string, c assistant.Command, in assistant.Invoke) string {
	b.t.Helper()
	if c.Type == "" {
		c.Type = "RunShellScript"
	}
	in.Instances = []string{instance}
	_, id, err := b.svc.Fleet("").RunCommand(b.t.Context(), c, false, in)
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

// target is what came of an invocation.
func (b *bed) target(id string) *assistant.Target {
	b.t.Helper()
	for _, files := range []bool{false, true} {
		l, err := b.svc.Fleet("").Invocations(b.t.Context(), assistant.InvocationFilter{ID: id, Files: files}, assistant.Page{Size: 1})
		b.must(err)
		if len(l.Rows) == 1 {
			return l.Rows[0].Targets[0]
		}
	}
	b.t.Fatalf("there is no invocation %s", id)
	return nil
}

// records waits for so many records of an invocation, and returns them in the order in which they were written.
func (b *bed) records(id string, n int) (all []map[string]string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		all = nil
		if l, err := b.Catalog.Logstore(b.t.Context(), assistant.Records("")); err == nil {
			for i := range l.Shards {
				b.must(catalog.EachRecord(b.t.Context(), l.Shards[i].Stored, time.Unix(0, 0), func(r *sluice.Record) {
					fields := map[string]string{}
					for _, f := range r.Fields {
						fields[f.Key] = f.Value
					}
					if fields["InvokeId"] == id {
						all = append(all, fields)
					}
				}))
			}
		}
		if len(all) >= n {
			return all
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("%d records of %d", len(all), n)
		}
	}
}

// runIDs are the ids of the commands in a list of tasks.
func runIDs(t testing.TB, body string) []string {
	t.Helper()
	var list struct {
		Run []struct {
			Task struct {
				TaskID string `json:"taskID"`
			} `json:"task"`
		} `json:"run"`
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatal(err, body)
	}
	ids := make([]string, len(list.Run))
	for i, e := range list.Run {
		ids[i] = e.Task.TaskID
	}
	return ids
}
