// Package collect runs collectors against our own servers, through networks that fail: what reads and what serves were not written for each other.
package collect

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/internal/collector"
	"github.com/sluicelog/sluice/internal/collector/predefined"
	serverconfig "github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/test/netfault"
)

var (
	from = sluice.LogstoreRef{Project: "collect-from", Logstore: "source"}
	into = sluice.LogstoreRef{Project: "collect-into", Logstore: "target"}
)

// newClient is a client of a server, which dials it as it is.
func newClient(t testing.TB, address string) *client.Client {
	t.Helper()
	c, err := client.New(client.Options{Endpoint: "http://" + address, AccessKeyID: testenv.RootID, Secret: testenv.RootSecret})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func makeLogstore(t testing.TB, c *client.Client, ref sluice.LogstoreRef, shards int) {
	t.Helper()
	if err := c.CreateProject(t.Context(), ref.Project, ""); err != nil {
		t.Fatal(err)
	}
	if err := c.CreateLogstore(t.Context(), ref, client.LogstoreSpec{ShardCount: &shards}); err != nil {
		t.Fatal(err)
	}
}

// writer writes logs with numbers, all different.
type writer struct {
	c    *client.Client
	next int
}

func (w *writer) write(t testing.TB, logs int) {
	t.Helper()
	for logs > 0 {
		g := &sluice.LogGroup{Topic: fmt.Sprint("topic", w.next%3), Source: "10.0.0.1", Tags: []sluice.Field{{Key: "pack", Value: fmt.Sprint(w.next)}}}
		for range min(logs, 7) {
			g.Records = append(g.Records, sluice.Record{Time: uint32(time.Now().Unix()), Fields: []sluice.Field{
				{Key: "number", Value: fmt.Sprint(w.next)}, {Key: "text", Value: strings.Repeat("x", w.next%500)},
			}})
			w.next++
			logs--
		}
		if err := w.c.PutLogs(t.Context(), from, g, client.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// numbers reads how often each number is in a logstore.
func numbers(t testing.TB, c *client.Client, ref sluice.LogstoreRef, key string) map[string]int {
	t.Helper()
	shards, err := c.Shards(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, s := range shards {
		cursor, err := c.BeginCursor(t.Context(), ref, s.ID)
		if err != nil {
			t.Fatal(err)
		}
		for {
			p, err := c.Pull(t.Context(), ref, s.ID, client.PullOptions{Cursor: cursor})
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range p.Groups {
				for _, r := range g.Records {
					got[valueOf(&r, key)]++
				}
			}
			if cursor = p.Next; p.AtEnd {
				break
			}
		}
	}
	return got
}

func valueOf(r *sluice.Record, key string) string {
	for _, f := range r.Fields {
		if f.Key == key {
			return f.Value
		}
	}
	return ""
}

// checkOnce checks that each of n numbers is there once, and nothing else is.
func checkOnce(t testing.TB, got map[string]int, n int) {
	t.Helper()
	wrong := 0
	for i := range n {
		if got[fmt.Sprint(i)] != 1 {
			if wrong++; wrong < 5 {
				t.Errorf("number %d is there %d times", i, got[fmt.Sprint(i)])
			}
		}
	}
	if wrong > 0 || len(got) != n {
		t.Fatalf("%d of %d numbers are wrong, of %d that are there", wrong, n, len(got))
	}
}

// config is the file of a collector that reads a logstore at one address and writes to one at another.
func config(source, target string) string {
	return fmt.Sprintf(`
inputs:
  here:
    id: "1"
    credentials: {access_key_id: %s, access_key_secret: %s}
    services:
      access_log_service:
        endpoint: http://%s
        project: %s
        logstore: %s
        request_period_in_seconds: 0.1
outputs:
  there:
    type: logstore
    config: {endpoint: "http://%s", project: %s, logstore: %s, access_key_id: %[1]s, access_key_secret: %[2]s, settle_seconds: 0.3}
`, testenv.RootID, testenv.RootSecret, source, from.Project, from.Logstore, target, into.Project, into.Logstore)
}

// running is a collector in this process.
type running struct {
	lines chan collector.Line
	stop  context.CancelFunc
	ended chan error
}

func newCollector(t testing.TB, text, dir string, tell func(collector.Line)) *collector.Collector {
	t.Helper()
	c, err := collector.Parse([]byte(text), os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	env := predefined.Env(t.TempDir(), "test")
	env.Logger = slog.New(slog.DiscardHandler)
	made, err := collector.New(c, collector.Options{
		Kinds: predefined.Services(), Outputs: predefined.Outputs(predefined.Place{Env: env, ConfigDir: dir}), Dir: filepath.Join(dir, "state"), Tell: tell,
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func start(t testing.TB, text, dir string) *running {
	t.Helper()
	r := &running{lines: make(chan collector.Line, 10_000), ended: make(chan error, 1)}
	made := newCollector(t, text, dir, func(l collector.Line) {
		select {
		case r.lines <- l:
		default: // nobody looks any more
		}
	})
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	go func() { r.ended <- made.Run(ctx) }()
	t.Cleanup(func() { r.end(t) })
	return r
}

// end stops the collector. It may be called again.
func (r *running) end(t testing.TB) {
	t.Helper()
	if r.stop == nil {
		return
	}
	r.stop()
	r.stop = nil
	if err := <-r.ended; err != nil {
		t.Errorf("the collector ended: %v", err)
	}
}

// wait waits for n more lines with a text.
func (r *running) wait(t testing.TB, text string, n int) {
	t.Helper()
	var seen strings.Builder
	for n > 0 {
		select {
		case l := <-r.lines:
			fmt.Fprintln(&seen, l)
			if strings.Contains(l.Text, text) {
				n--
			}
		case err := <-r.ended:
			r.stop = nil
			t.Fatalf("the collector ended before it said %q: %v\n%s", text, err, seen.String())
		case <-time.After(time.Minute):
			t.Fatalf("the collector does not say %q:\n%s", text, seen.String())
		}
	}
}

const upToDate = "The data is up to date!"

// pair is a server that is read and one that is written to, each behind a network that fails.
type pair struct {
	source, target   *testenv.Env
	toSource, toSink *netfault.Proxy
	direct           *client.Client // of the target
	writer           *writer
}

func newPair(t *testing.T) *pair {
	p := &pair{source: testenv.Start(t), target: testenv.Start(t)}
	p.toSource, p.toSink = netfault.New(t, p.source.Addr), netfault.New(t, p.target.Addr)
	p.writer = &writer{c: newClient(t, p.source.Addr)}
	p.direct = newClient(t, p.target.Addr)
	makeLogstore(t, p.writer.c, from, 2)
	makeLogstore(t, p.direct, into, 2)
	return p
}

// Whatever breaks between collector, source and target, and when shards split under it: each log is there once.
func TestLogServiceThroughFaults(t *testing.T) {
	p := newPair(t)
	r := start(t, config(p.toSource.Addr(), p.toSink.Addr()), t.TempDir())
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	rounds := 24
	if testing.Short() {
		rounds = 8
	}
	for i := range rounds {
		p.writer.write(t, 50)
		proxy := p.toSource
		if rnd.IntN(3) > 0 {
			proxy = p.toSink
		}
		switch n := int64(rnd.IntN(3000)); rnd.IntN(4) {
		case 0:
			proxy.Cut(n)
		case 1:
			proxy.CutAnswer(n)
		case 2:
			proxy.Refuse()
		case 3:
			proxy.Reset()
		}
		r.wait(t, "Data collection completed", 1+rnd.IntN(2))
		proxy.Heal()
		if i%8 == 3 {
			split(t, p.writer.c, from)
			split(t, p.direct, into)
		}
	}
	r.wait(t, upToDate, 3)
	r.end(t)
	checkOnce(t, numbers(t, p.direct, into, "number"), p.writer.next)
}

func split(t testing.TB, c *client.Client, ref sluice.LogstoreRef) {
	t.Helper()
	shards, err := c.Shards(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range shards {
		if !s.ReadOnly {
			if _, err := c.SplitShard(t.Context(), ref, s.ID, client.SplitOptions{}); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
}

// A server runs the collectors of a file itself. It is stopped and started again, and its logstore has each log once.
func TestCollectorsOfServer(t *testing.T) {
	source := testenv.Start(t)
	w := &writer{c: newClient(t, source.Addr)}
	makeLogstore(t, w.c, from, 1)
	file := filepath.Join(t.TempDir(), "collectors.yaml")
	text := strings.Replace(config(source.Addr, ""), `endpoint: "http://", `, "", 1)
	text = strings.Replace(text, fmt.Sprintf(", access_key_id: %s, access_key_secret: %s, settle", testenv.RootID, testenv.RootSecret), ", settle", 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	target, err := testenv.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := target.Stop(); err != nil {
			t.Error(err)
		}
	}()
	makeLogstore(t, newClient(t, target.Addr), into, 1)
	target.Configure(func(c *serverconfig.Config) { c.Collectors.File = file })
	for range 5 {
		w.write(t, 30)
		if err := target.Restart(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, newClient(t, target.Addr), w.next)
	}
	checkOnce(t, numbers(t, newClient(t, target.Addr), into, "number"), w.next)
}

// waitFor waits until a logstore has as many logs, or more.
func waitFor(t testing.TB, c *client.Client, n int) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		total := 0
		for _, times := range numbers(t, c, into, "number") {
			total += times
		}
		if total >= n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d logs after a minute", total, n)
		}
	}
}
