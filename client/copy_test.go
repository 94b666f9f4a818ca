package client_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/internal/testenv"
)

// envCopy makes the test binary a program that copies, for tests that kill it.
const envCopy = "SLUICE_TEST_COPY"

func TestMain(m *testing.M) {
	if job := os.Getenv(envCopy); job != "" {
		if err := copyAsChild(job); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// copyJob is what a child copies: all of ref into target, on one server.
type copyJob struct {
	Endpoint, State, Query string
	Settle                 time.Duration
}

// copyAsChild says a line for each write, and at the end the progress as JSON.
func copyAsChild(text string) error {
	var job copyJob
	if err := json.Unmarshal([]byte(text), &job); err != nil {
		return err
	}
	c, err := client.New(client.Options{Endpoint: job.Endpoint, AccessKeyID: testenv.RootID, Secret: testenv.RootSecret})
	if err != nil {
		return err
	}
	p, err := c.CopyData(context.Background(), ref, client.CopyOptions{
		Target: target, State: job.State, Query: job.Query, Settle: job.Settle,
		Progress: func(client.CopyProgress) { fmt.Println("wrote") },
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(p)
}

var target = sluice.LogstoreRef{Project: "proj", Logstore: "copied"}

// twoStores makes the source and the target of copies.
func twoStores(t *testing.T, c *client.Client, shards, targetShards int) {
	t.Helper()
	withStore(t, c, shards)
	must(t, c.CreateLogstore(t.Context(), target, client.LogstoreSpec{ShardCount: &targetShards}))
}

// fill writes n groups with numbered logs, in order by key, of all sizes, of which some can be joined and some not.
func fill(t *testing.T, c *client.Client, r *rand.Rand, n int) {
	t.Helper()
	now := uint32(time.Now().Unix())
	for i := range n {
		g := &sluice.LogGroup{Topic: fmt.Sprint("topic-", i/7%3), Source: "src", Tags: []sluice.Field{{Key: "zone", Value: "a"}}}
		for j := range 1 + r.IntN(20) {
			g.Records = append(g.Records, sluice.Record{Time: now, Nanos: 7, Fields: []sluice.Field{
				{Key: "n", Value: fmt.Sprint(i, ".", j)}, {Key: "fill", Value: strings.Repeat("x", r.IntN(2000))},
			}})
		}
		must(t, c.PutLogs(t.Context(), ref, g, client.PutOptions{HashKey: fmt.Sprintf("%x", i%16)}))
	}
}

// logsOf returns the logs of each shard of a logstore, in order, each as one text.
func logsOf(t *testing.T, c *client.Client, ref sluice.LogstoreRef) map[sluice.ShardID][]string {
	t.Helper()
	shards, err := c.Shards(t.Context(), ref)
	must(t, err)
	all := map[sluice.ShardID][]string{}
	for _, s := range shards {
		cursor, err := c.BeginCursor(t.Context(), ref, s.ID)
		must(t, err)
		for {
			p, err := c.Pull(t.Context(), ref, s.ID, client.PullOptions{Cursor: cursor})
			must(t, err)
			for _, g := range p.Groups {
				for _, r := range g.Records {
					all[s.ID] = append(all[s.ID], fmt.Sprint(g.Topic, g.Source, g.Tags, r))
				}
			}
			if cursor = p.Next; len(p.Groups) == 0 {
				break
			}
		}
	}
	return all
}

func TestCopyData(t *testing.T) {
	c := connect(t, client.Options{})
	twoStores(t, c, 2, 2)
	fill(t, c, rand.New(rand.NewPCG(1, 1)), 200)
	var last client.CopyProgress
	p, err := c.CopyData(t.Context(), ref, client.CopyOptions{Target: target, Progress: func(p client.CopyProgress) { last = p }})
	must(t, err)
	want := logsOf(t, c, ref)
	if diff := cmp.Diff(want, logsOf(t, c, target)); diff != "" {
		t.Errorf("copied (-want +got):\n%s", diff)
	}
	if p != last || p.Done != 200 || p.Total != 200 || p.Logs != int64(len(want[0])+len(want[1])) || p.Writes >= 200 || p.Uncertain+p.Found+p.Missing != 0 {
		t.Errorf("progress %+v, the last one %+v", p, last)
	}
}

func TestCopyDataOfATimeAndAShardElsewhere(t *testing.T) {
	c, other := connect(t, client.Options{}), connect(t, client.Options{})
	withStore(t, c, 2)
	withStore(t, other, 1)
	fill(t, c, rand.New(rand.NewPCG(2, 2)), 40)
	topic, source := "moved", ""
	p, err := c.CopyData(t.Context(), ref, client.CopyOptions{To: other, Target: ref, Shards: []sluice.ShardID{1}, Topic: &topic, Source: &source})
	must(t, err)
	want := []string{}
	for _, text := range logsOf(t, c, ref)[1] {
		want = append(want, "moved"+text[strings.Index(text, "src")+3:])
	}
	if diff := cmp.Diff(want, logsOf(t, other, ref)[0]); diff != "" {
		t.Errorf("copied (-want +got):\n%s", diff)
	}
	if p.Logs != int64(len(want)) {
		t.Errorf("progress %+v", p)
	}
	none, err := c.CopyData(t.Context(), ref, client.CopyOptions{To: other, Target: ref, Start: time.Now().Add(time.Hour)})
	if err != nil || none.Logs != 0 || none.Total != 0 {
		t.Errorf("of the future: %+v, %v", none, err)
	}
	if _, err := c.CopyData(t.Context(), ref, client.CopyOptions{Target: ref}); err == nil {
		t.Error("a logstore was copied onto itself")
	}
	if _, err := c.CopyData(t.Context(), ref, client.CopyOptions{Target: target, Shards: []sluice.ShardID{9}}); err == nil {
		t.Error("a shard that is not there was copied")
	}
}

// After a split, the logs of the parent are copied before those of its children: each key stays in order.
func TestCopyDataKeepsTheOrderOverASplit(t *testing.T) {
	c := connect(t, client.Options{})
	twoStores(t, c, 1, 1)
	r := rand.New(rand.NewPCG(3, 3))
	fill(t, c, r, 30)
	_, err := c.SplitShard(t.Context(), ref, 0, client.SplitOptions{})
	must(t, err)
	fill(t, c, r, 30)
	_, err = c.CopyData(t.Context(), ref, client.CopyOptions{Target: target})
	must(t, err)
	from := logsOf(t, c, ref)
	got := logsOf(t, c, target)[0]
	if parent := from[0]; !slices.Equal(parent, got[:len(parent)]) {
		t.Error("the logs of the parent are not the first in the copy")
	}
	if want := len(from[0]) + len(from[1]) + len(from[2]); len(got) != want {
		t.Errorf("%d logs, want %d", len(got), want)
	}
}

// With a query the source filters and changes, and the copy goes on in the middle of an answer.
func TestCopyDataThroughAQuery(t *testing.T) {
	env := testenv.Start(t)
	c := clientOf(t, env.URL())
	twoStores(t, c, 1, 1)
	fill(t, c, rand.New(rand.NewPCG(4, 4)), 60)
	query := "* | where n like '%.1' | project-away fill"
	state := filepath.Join(t.TempDir(), "state")
	killed, p := copyWithKills(t, env.URL(), state, query, rand.New(rand.NewPCG(4, 4)), 3)
	var want []string
	for _, text := range logsOf(t, c, ref)[0] {
		if strings.Contains(text, ".1} {") {
			want = append(want, text[:strings.Index(text, "} {fill")]+"}]}")
		}
	}
	if diff := cmp.Diff(want, logsOf(t, c, target)[0]); diff != "" && p.Uncertain == 0 {
		t.Errorf("after %d kills (-want +got):\n%s", killed, diff)
	}
}

func clientOf(t *testing.T, endpoint string) *client.Client {
	t.Helper()
	c, err := client.New(client.Options{Endpoint: endpoint, AccessKeyID: testenv.RootID, Secret: testenv.RootSecret})
	must(t, err)
	return c
}

// copyWithKills copies in a child process that is killed up to kills times, each time after some writes, and then lets it finish.
func copyWithKills(t *testing.T, endpoint, state, query string, r *rand.Rand, kills int) (killed int, p client.CopyProgress) {
	t.Helper()
	job, err := json.Marshal(copyJob{Endpoint: endpoint, State: state, Query: query, Settle: 2 * time.Second})
	must(t, err)
	for {
		program, err := os.Executable()
		must(t, err)
		cmd := exec.Command(program)
		cmd.Env = append(os.Environ(), envCopy+"="+string(job))
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		left := -1 // writes until the kill
		if killed < kills {
			left = 1 + r.IntN(4)
		}
		var last string
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if last = lines.Text(); last == "wrote" {
				if left--; left == 0 {
					must(t, cmd.Process.Kill())
					killed++
				}
			}
		}
		if err := cmd.Wait(); err == nil {
			must(t, json.Unmarshal([]byte(last), &p))
			return killed, p
		} else if stderr.Len() > 0 {
			t.Fatalf("the copy failed: %s", stderr.String())
		}
	}
}

// A copy that is killed at any moment, many times, has all logs in order in the end, and none twice but those of writes that it says it
// cannot be sure of.
func TestCopyDataIsKilled(t *testing.T) {
	kills := 60
	if testing.Short() {
		kills = 8
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	env := testenv.Start(t)
	c := clientOf(t, env.URL())
	twoStores(t, c, 2, 2)
	fill(t, c, r, 40*kills/4)
	state := filepath.Join(t.TempDir(), "state")
	killed, p := copyWithKills(t, env.URL(), state, "", r, kills)
	t.Logf("killed %d times: %+v", killed, p)
	want, got := logsOf(t, c, ref), logsOf(t, c, target)
	if p.Uncertain == 0 {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("copied (-want +got):\n%s", diff)
		}
		return
	}
	for id := range want {
		seen := map[string]bool{}
		once := slices.DeleteFunc(got[id], func(text string) bool {
			again := seen[text]
			seen[text] = true
			return again
		})
		if diff := cmp.Diff(want[id], once); diff != "" {
			t.Errorf("shard %s, doubles left out (-want +got):\n%s", id, diff)
		}
	}
}

// forgetful is a network that carries every request to the server and loses the answer to every third write.
type forgetful struct {
	writes atomic.Int64
	lost   atomic.Int64
}

func (f *forgetful) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || r.Method != http.MethodPost || f.writes.Add(1)%3 != 0 {
		return resp, err
	}
	resp.Body.Close()
	f.lost.Add(1)
	return nil, errors.New("connection reset by peer")
}

// Answers that are lost on the way cost neither logs nor doubles: the target is asked what it has.
func TestCopyDataLosesAnswers(t *testing.T) {
	env := testenv.Start(t)
	c := clientOf(t, env.URL())
	twoStores(t, c, 1, 1)
	fill(t, c, rand.New(rand.NewPCG(5, 5)), 120)
	network := &forgetful{}
	faulty, err := client.New(client.Options{
		Endpoint: env.URL(), AccessKeyID: testenv.RootID, Secret: testenv.RootSecret, HTTPClient: &http.Client{Transport: network},
	})
	must(t, err)
	p, err := c.CopyData(t.Context(), ref, client.CopyOptions{To: faulty, Target: target})
	must(t, err)
	if diff := cmp.Diff(logsOf(t, c, ref), logsOf(t, c, target)); diff != "" {
		t.Errorf("copied (-want +got):\n%s", diff)
	}
	if p.Found != network.lost.Load() || p.Found == 0 || p.Uncertain != 0 {
		t.Errorf("progress %+v: %d answers were lost, and the writes are there", p, network.lost.Load())
	}
}

// The same logs over and over: a lost write is not taken for an earlier one with the same logs, nor an earlier one for it.
func TestCopyDataOfEqualLogs(t *testing.T) {
	env := testenv.Start(t)
	c := clientOf(t, env.URL())
	twoStores(t, c, 1, 1)
	g := &sluice.LogGroup{Topic: "t", Records: []sluice.Record{{Time: uint32(time.Now().Unix()), Fields: []sluice.Field{
		{Key: "fill", Value: strings.Repeat("x", 600<<10)}, // so that no two go together
	}}}}
	for range 9 {
		must(t, c.PutLogs(t.Context(), ref, g, client.PutOptions{}))
	}
	for name, network := range map[string]http.RoundTripper{"answers": &forgetful{}, "requests": &deaf{}} {
		faulty, err := client.New(client.Options{
			Endpoint: env.URL(), AccessKeyID: testenv.RootID, Secret: testenv.RootSecret, HTTPClient: &http.Client{Transport: network},
		})
		must(t, err)
		topic := name
		p, err := c.CopyData(t.Context(), ref, client.CopyOptions{To: faulty, Target: target, Topic: &topic, Settle: time.Nanosecond})
		must(t, err)
		got := 0
		for _, text := range logsOf(t, c, target)[0] {
			if strings.HasPrefix(text, name) {
				got++
			}
		}
		if got != 9 {
			t.Errorf("%s lost: %d logs, want 9; %+v", name, got, p)
		}
	}
}

// deaf is a network that loses every third write.
type deaf struct{ writes atomic.Int64 }

func (d *deaf) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost && d.writes.Add(1)%3 == 0 {
		return nil, errors.New("connection reset by peer")
	}
	return http.DefaultTransport.RoundTrip(r)
}

// A state belongs to one copy.
func TestCopyDataRefusesAStateOfAnother(t *testing.T) {
	c := connect(t, client.Options{})
	twoStores(t, c, 1, 1)
	state := filepath.Join(t.TempDir(), "state")
	_, err := c.CopyData(t.Context(), ref, client.CopyOptions{Target: target, State: state})
	must(t, err)
	topic := "other"
	if _, err := c.CopyData(t.Context(), ref, client.CopyOptions{Target: target, State: state, Topic: &topic}); err == nil || !strings.Contains(err.Error(), "another copy") {
		t.Errorf("error %v", err)
	}
	must(t, os.WriteFile(state, []byte(`{"version":1,"sh`), 0o600))
	if _, err := c.CopyData(t.Context(), ref, client.CopyOptions{Target: target, State: state}); err == nil {
		t.Error("a state that was cut is taken")
	}
}
