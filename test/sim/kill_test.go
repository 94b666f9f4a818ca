// Package sim runs the real server under violence that no unit test can do: kill -9 in the middle of everything.
package sim

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/test/child"
)

var (
	rounds = flag.Int("kill.rounds", 200, "how often the server is killed; -short does 10 rounds")
	seed   = flag.Uint64("kill.seed", uint64(time.Now().UnixNano()), "of the choice of moments")
)

const (
	keyID, secret = "SLUICEsimulation", "simulation-secret"
	writers       = 6
)

var ref = sluice.LogstoreRef{Project: "sim-project", Logstore: "sim"}

// serverLog is what the servers on a data directory said. Two may be running: one that is backed up, and one on what was restored.
type serverLog struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *serverLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *serverLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *serverLog) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Reset()
}

// run is one data directory and what is known of it. Writer w sends the numbers 1, 2, 3 … as groups of one log each, all to
// one shard; a number whose write failed is not sent again, so it may be stored or not, but never twice.
type run struct {
	t      *testing.T
	r      *rand.Rand
	binary string
	dir    string
	log    serverLog
	sent   [writers]int
	acked  [writers]map[int]bool
	seen   [writers]int              // the last number read back
	next   map[sluice.ShardID]string // cursor to read on from
}

// TestKill kills the server while writers write and the mover moves, starts it again, and demands every acknowledged group
// once and in order.
func TestKill(t *testing.T) {
	n := *rounds
	if testing.Short() {
		n = min(n, 10)
	}
	t.Logf("seed %d", *seed)
	m := &run{t: t, r: rand.New(rand.NewPCG(*seed, 1)), binary: buildServer(t), dir: t.TempDir(), next: map[sluice.ShardID]string{}}
	for w := range writers {
		m.acked[w] = map[int]bool{}
	}
	for round := range n {
		m.round(round == 0)
		if t.Failed() {
			t.Fatalf("round %d of seed %d; the server's log:\n%s", round, *seed, m.log.String())
		}
	}
	total := 0
	for w := range writers {
		total += len(m.acked[w])
	}
	t.Logf("%d rounds, %d groups sent, %d acknowledged and found", n, sum(m.sent[:]), total)
}

func (m *run) round(first bool) {
	ctx := m.t.Context()
	m.log.Reset()
	s, err := child.Start(ctx, child.Options{
		Binary: m.binary, DataDir: m.dir, AccessKeyID: keyID, AccessSecret: secret, Output: &m.log,
		Args: []string{"--storage-journal-file-bytes", "1MiB", "--storage-journal-bytes", "3MiB"},
	})
	if err != nil {
		m.t.Fatalf("%v\n%s", err, m.log.String())
	}
	c, err := client.New(client.Options{Endpoint: "http://" + s.Addr, AccessKeyID: keyID, Secret: secret, Attempts: 1})
	if err != nil {
		m.t.Fatal(err)
	}
	if first {
		m.setUp(ctx, c)
	}
	m.readBack(ctx, c)
	m.writeUntilKilled(ctx, c, s)
}

func (m *run) setUp(ctx context.Context, c *client.Client) {
	m.t.Helper()
	if err := c.CreateProject(ctx, ref.Project, ""); err != nil {
		m.t.Fatal(err)
	}
	if err := c.CreateLogstore(ctx, ref, client.LogstoreSpec{TTLDays: ptr(7), ShardCount: ptr(2)}); err != nil {
		m.t.Fatal(err)
	}
}

func ptr[T any](v T) *T { return &v }

// writeUntilKilled lets the writers run and kills the server after a random number of acknowledgements.
func (m *run) writeUntilKilled(ctx context.Context, c *client.Client, s *child.Server) {
	m.t.Helper()
	var acks atomic.Int64
	deadline := int64(1 + m.r.IntN(300))
	enough := make(chan struct{})
	var once sync.Once
	var wg sync.WaitGroup
	for w := range writers {
		size := 10 + m.r.IntN(60_000)
		wg.Go(func() {
			for {
				m.sent[w]++
				n := m.sent[w]
				if err := c.PutLogs(ctx, ref, groupOf(w, n, size), client.PutOptions{HashKey: fmt.Sprintf("%x", w*2+1)}); err != nil {
					once.Do(func() { close(enough) }) // only a dead server refuses
					return
				}
				m.acked[w][n] = true
				if acks.Add(1) >= deadline {
					once.Do(func() { close(enough) })
				}
			}
		})
	}
	<-enough
	if err := s.Kill(); err != nil {
		m.t.Fatal(err)
	}
	wg.Wait()
	if acks.Load() == 0 {
		m.t.Error("nothing was acknowledged in this round")
	}
}

func groupOf(w, n, size int) *sluice.LogGroup {
	r := rand.New(rand.NewPCG(uint64(w), uint64(n)))
	filler := make([]byte, size)
	for i := range filler {
		filler[i] = "0123456789abcdef"[r.IntN(16)]
	}
	return &sluice.LogGroup{Topic: "kill", Records: []sluice.Record{{
		Time: uint32(time.Now().Unix()),
		Fields: []sluice.Field{
			{Key: "writer", Value: strconv.Itoa(w)}, {Key: "n", Value: strconv.Itoa(n)}, {Key: "filler", Value: string(filler)},
		},
	}}}
}

// readBack reads what is new since the last time, to the end of every shard, and compares.
func (m *run) readBack(ctx context.Context, c *client.Client) {
	m.t.Helper()
	shards, err := c.Shards(ctx, ref)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, s := range shards {
		if m.next[s.ID] == "" {
			if m.next[s.ID], err = c.BeginCursor(ctx, ref, s.ID); err != nil {
				m.t.Fatal(err)
			}
		}
		for {
			got, err := c.Pull(ctx, ref, s.ID, client.PullOptions{Cursor: m.next[s.ID]})
			if err != nil {
				m.t.Fatal(err)
			}
			for _, g := range got.Groups {
				m.take(g)
			}
			if got.Next == m.next[s.ID] {
				break
			}
			m.next[s.ID] = got.Next
		}
	}
	for w := range writers {
		for n := m.seen[w] + 1; n <= m.sent[w]; n++ {
			if m.acked[w][n] {
				m.t.Fatalf("writer %d: group %d was acknowledged and is gone; the last one found is %d", w, n, m.seen[w])
			}
		}
	}
}

// take checks one group read back.
func (m *run) take(g *sluice.LogGroup) {
	m.t.Helper()
	w, _ := strconv.Atoi(g.Records[0].Fields[0].Value)
	n, _ := strconv.Atoi(g.Records[0].Fields[1].Value)
	if n <= m.seen[w] {
		m.t.Fatalf("writer %d: group %d comes after %d: doubled or out of order", w, n, m.seen[w])
	}
	for lost := m.seen[w] + 1; lost < n; lost++ {
		if m.acked[w][lost] {
			m.t.Fatalf("writer %d: group %d was acknowledged and is gone; %d follows %d", w, lost, n, m.seen[w])
		}
	}
	if n > m.sent[w] {
		m.t.Fatalf("writer %d: group %d was never sent", w, n)
	}
	want := groupOf(w, n, len(g.Records[0].Fields[2].Value)).Records[0].Fields[2].Value
	if g.Records[0].Fields[2].Value != want {
		m.t.Fatalf("writer %d: group %d has other bytes than were sent", w, n)
	}
	m.seen[w] = n
}

func sum(xs []int) (n int) {
	for _, x := range xs {
		n += x
	}
	return n
}

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	_ = os.RemoveAll(builtIn) // of no use to anybody
	os.Exit(code)
}

// builtIn is the directory that build made, if it did.
var builtIn string

// build builds the server, when the first test needs it: linking it takes longer than most tests.
var build = sync.OnceValues(func() (binary string, err error) {
	if builtIn, err = os.MkdirTemp("", "sim"); err != nil {
		return "", err
	}
	binary = filepath.Join(builtIn, "sluiced")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/sluiced").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return binary, nil
})

func buildServer(t *testing.T) string {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}
