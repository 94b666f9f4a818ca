package sluicelog_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/client/sluicelog"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/test/netfault"
)

// server starts a server with a logstore of one shard; the second client reaches it through a network that fails on demand.
func server(t *testing.T) (direct, faulty *client.Client, network *netfault.Proxy) {
	t.Helper()
	env := testenv.Start(t)
	network = netfault.New(t, env.Addr)
	connect := func(endpoint string) *client.Client {
		c, err := client.New(client.Options{
			Endpoint: endpoint, AccessKeyID: testenv.RootID, Secret: testenv.RootSecret, Attempts: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	direct, faulty = connect(env.URL()), connect("http://"+network.Addr())
	if err := direct.CreateProject(t.Context(), ref.Project, ""); err != nil {
		t.Fatal(err)
	}
	return direct, faulty, network
}

func createStore(t *testing.T, c *client.Client) {
	t.Helper()
	one := 1
	if err := c.CreateLogstore(t.Context(), ref, client.LogstoreSpec{ShardCount: &one}); err != nil {
		t.Fatal(err)
	}
}

// pulled returns the log groups of the only shard.
func pulled(t *testing.T, c *client.Client) (groups []*sluice.LogGroup) {
	t.Helper()
	cursor, err := c.BeginCursor(t.Context(), ref, 0)
	for {
		if err != nil {
			t.Fatal(err)
		}
		var p *client.Pulled
		if p, err = c.Pull(t.Context(), ref, 0, client.PullOptions{Cursor: cursor}); err == nil {
			if len(p.Groups) == 0 {
				return groups
			}
			groups, cursor = append(groups, p.Groups...), p.Next
		}
	}
}

// Many goroutines log through a network that loses connections and answers, into a logstore that comes late. Close returns nil, and
// every log is there; twice only where an answer was lost.
func TestNothingIsLostOnACleanExit(t *testing.T) {
	direct, faulty, network := server(t)
	failed := make(chan struct{}, 1000)
	q, err := sluicelog.Open(faulty, ref, sluicelog.Options{
		Topic: "orders", Source: "host-1", Tags: []sluice.Field{{Key: "zone", Value: "a"}},
		BatchSize: 20, PutWait: time.Millisecond, FullWait: time.Hour, CloseWait: time.Hour, ReportEvery: time.Nanosecond,
		OnReport: func(sluicelog.Report) {
			select {
			case failed <- struct{}{}:
			default:
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	h, err := q.Handler(sluicelog.HandlerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const loggers, each = 8, 500
	var all sync.WaitGroup
	for i := range loggers {
		all.Go(func() {
			l := slog.New(h).With("logger", i)
			for n := range each {
				l.Info("order", "n", n)
			}
		})
	}
	<-failed // there is no logstore
	createStore(t, direct)
	for range 3 {
		for _, fault := range []func(){network.Refuse, func() { network.CutAnswer(1) }} {
			fault()
			for len(failed) > 0 {
				<-failed
			}
			if q.Stats().Waiting == 0 {
				slog.New(h).Info("order", "logger", loggers, "n", 0) // so that the fault is met
			}
			<-failed
			network.Heal()
		}
	}
	all.Wait()
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if s := q.Stats(); s.Dropped != 0 || s.Sent != s.Queued || s.Queued < loggers*each || s.Retries == 0 {
		t.Errorf("stats %+v", s)
	}
	seen := map[string]int{}
	for _, g := range pulled(t, direct) {
		if g.Topic != "orders" || g.Source != "host-1" || len(g.Tags) != 1 || g.Tags[0].Value != "a" {
			t.Errorf("group %q %q %v", g.Topic, g.Source, g.Tags)
		}
		for _, r := range g.Records {
			f := map[string]string{}
			for _, field := range r.Fields {
				f[field.Key] = field.Value
			}
			seen[f["logger"]+"/"+f["n"]]++
		}
	}
	for i := range loggers {
		for n := range each {
			if seen[fmt.Sprintf("%d/%d", i, n)] == 0 {
				t.Errorf("log %d of logger %d is not there", n, i)
			}
		}
	}
}

// Flush comes back when what was logged before it can be read.
func TestFlush(t *testing.T) {
	direct, _, _ := server(t)
	createStore(t, direct)
	q, err := sluicelog.Open(direct, ref, sluicelog.Options{PutWait: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	add(t, q, "a", "b")
	if err := q.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if groups := pulled(t, direct); len(groups) != 1 || len(groups[0].Records) != 2 {
		t.Errorf("groups %v", groups)
	}
	if err := q.Flush(context.Background()); err != nil {
		t.Errorf("flush of an empty queue: %v", err)
	}
}
