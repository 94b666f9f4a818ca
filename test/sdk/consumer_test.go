package sdk

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"
)

// A group of consumers is handed everything once when nobody fails.
func TestConsumers(t *testing.T) {
	c := root()
	project, logstore := newLogstore(t, c, 8)
	const groups = 400
	for i := range groups {
		if err := c.PutLogs(project, logstore, logGroup(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	f := newFleet(t, project, logstore, false, 3, 10)
	for range 3 {
		f.join()
	}
	if !f.journal.wait(3*time.Minute, func() bool { seen, _ := f.journal.counts(); return seen == groups }) {
		t.Error("not everything was handed out within three minutes")
	}
	f.stop()
	slices.Sort(f.journal.texts)
	if got := slices.Compact(f.journal.texts); len(got) != groups {
		t.Errorf("%d different groups were handed out, want %d", len(got), groups)
	}
}

// writer puts groups until it is stopped.
type writer struct {
	stop    context.CancelFunc
	written chan int
}

func startWriter(t *testing.T, project, logstore string) *writer {
	ctx, stop := context.WithCancel(context.Background())
	w := &writer{stop: stop, written: make(chan int, 1)}
	go func() {
		c := root()
		n := 0
		defer func() { w.written <- n }()
		for pace := time.NewTicker(5 * time.Millisecond); ctx.Err() == nil; <-pace.C {
			if err := c.PutLogs(project, logstore, logGroup(strconv.Itoa(n))); err != nil {
				t.Errorf("put: %v", err)
				return
			}
			n++
		}
	}()
	return w
}

func (w *writer) finish() int {
	w.stop()
	return <-w.written
}

// Consumers that are killed and paused at random, while logs are written: see journal for what has to hold, and in the end everything
// was handed out.
func TestConsumersKilledAndPaused(t *testing.T) {
	consumers, kills := 20, 100
	if testing.Short() {
		consumers, kills = 6, 10
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	c := root()
	project, logstore := newLogstore(t, c, 2*consumers)
	f := newFleet(t, project, logstore, false, 3, 10)
	for range consumers {
		f.join()
	}
	w := startWriter(t, project, logstore)
	begin := time.Now()
	for range kills {
		// The next victim falls a few batches later.
		batches := random.IntN(20)
		f.journal.wait(30*time.Second, func() bool { batches--; return batches < 0 })
		f.kill(random.IntN(consumers))
		f.join()
		if random.IntN(4) == 0 {
			f.pause(random.IntN(consumers), time.Duration(random.IntN(2000))*time.Millisecond)
		}
	}
	t.Logf("%d kills took %v", kills, time.Since(begin))
	written := w.finish()
	if !f.journal.wait(3*time.Minute, func() bool { seen, _ := f.journal.counts(); return seen == written }) {
		t.Error("not everything was handed out within three minutes")
	}
	f.stop()
	seen, again := f.journal.counts()
	t.Logf("%d groups written, %d handed out, %d of them again", written, seen, again)
	if seen != written {
		t.Errorf("%d positions were handed out, want the %d that were written", seen, written)
	}
	slices.Sort(f.journal.texts)
	if got := len(slices.Compact(f.journal.texts)); got != written {
		t.Errorf("%d different groups were handed out, want %d", got, written)
	}
}

// With order on, consumers are handed the logs of one hash key in the order in which they were written, across splits and merges.
func TestConsumptionInOrderAcrossSplitsAndMerges(t *testing.T) {
	rounds := 8
	if testing.Short() {
		rounds = 3
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	c := root()
	project, logstore := newLogstore(t, c, 2)
	// A child waits for its parents' last checkpoint. When the server takes a consumer for gone that is only late, the library drops the checkpoint that is refused
	// and goes on: nobody would save the last one of a parent. So nobody is late here.
	f := newFleet(t, project, logstore, true, 1, 120)
	for range 3 {
		f.join()
	}
	const keys, perRound = 8, 6
	for round := range rounds {
		putRound(t, c, project, logstore, keys, round*perRound, perRound)
		reshard(t, c, project, logstore, random)
	}
	total := keys * perRound * rounds
	if !f.journal.wait(3*time.Minute, func() bool { seen, _ := f.journal.counts(); return seen == total }) {
		seen, _ := f.journal.counts()
		t.Errorf("%d of %d groups were handed out within three minutes", seen, total)
	}
	f.stop()
	next := map[string]int{}
	for _, text := range f.journal.texts {
		key, number, _ := strings.Cut(text, ":")
		n, _ := strconv.Atoi(number)
		if n > next[key] {
			t.Fatalf("key %s: log %d was handed out before log %d", key, n, next[key])
		}
		next[key] = max(next[key], n+1)
	}
	for key, n := range next {
		if n != perRound*rounds {
			t.Errorf("key %s: %d logs were handed out, want %d", key, n, perRound*rounds)
		}
	}
}

// putRound writes the next logs of each key, keys at once, the logs of one key one after the other.
func putRound(t *testing.T, c sls.ClientInterface, project, logstore string, keys, from, count int) {
	t.Helper()
	var writing sync.WaitGroup
	for key := range keys {
		writing.Go(func() {
			hash := fmt.Sprintf("%x", key*256/keys+256)[1:] // spread over the key space
			for n := from; n < from+count; n++ {
				if err := c.PostLogStoreLogs(project, logstore, logGroup(fmt.Sprintf("%s:%d", hash, n)), &hash); err != nil {
					t.Errorf("put: %v", err)
				}
			}
		})
	}
	writing.Wait()
}

// reshard splits or merges a random shard.
func reshard(t *testing.T, c sls.ClientInterface, project, logstore string, random *rand.Rand) {
	t.Helper()
	all, err := c.ListShards(project, logstore)
	if err != nil {
		t.Fatal(err)
	}
	writable := slices.DeleteFunc(all, func(s *sls.Shard) bool { return s.Status != "readwrite" })
	slices.SortFunc(writable, func(a, b *sls.Shard) int { return strings.Compare(a.InclusiveBeginKey, b.InclusiveBeginKey) })
	i := random.IntN(len(writable))
	if len(writable) > 2 && i < len(writable)-1 && random.IntN(2) == 0 {
		_, err = c.MergeShards(project, logstore, writable[i].ShardID)
	} else {
		_, err = c.SplitNumShard(project, logstore, writable[i].ShardID, 2)
	}
	if err != nil {
		t.Fatal(err)
	}
}
