package sdk

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"
	consumerLibrary "github.com/aliyun/aliyun-log-go-sdk/consumer"
	"github.com/go-kit/kit/log"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/testenv"
)

// fleet is a group of consumers made with the consumer library. Its journal checks what each of them is handed.
type fleet struct {
	t        *testing.T
	config   consumerLibrary.LogHubConfig
	journal  *journal
	stopping sync.WaitGroup

	mu     sync.Mutex
	number int
	alive  []*member
}

// member is one consumer with its own line to the server.
type member struct {
	worker *consumerLibrary.ConsumerWorker
	line   *line
}

// newFleet makes a group whose consumers are taken for gone when they were silent for a time, in seconds.
func newFleet(t *testing.T, project, logstore string, inOrder bool, saveEvery, silence int) *fleet {
	skipUnderRaceDetector(t)
	return &fleet{
		t: t, journal: newJournal(t, saveEvery),
		config: consumerLibrary.LogHubConfig{
			Endpoint: env.Endpoint(), AccessKeyID: testenv.RootID, AccessKeySecret: testenv.RootSecret,
			Project: project, Logstore: logstore, ConsumerGroupName: "fleet", InOrder: inOrder,
			CursorPosition:            consumerLibrary.BEGIN_CURSOR,
			HeartbeatIntervalInSecond: 1, HeartbeatTimeoutInSecond: silence,
			DataFetchIntervalInMs: 50, MaxFetchLogGroupCount: 50,
			AutoCommitDisabled: true, DisableRuntimeMetrics: true, Logger: log.NewNopLogger(),
		},
	}
}

// join adds a consumer.
func (f *fleet) join() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.number++
	m := &member{line: newLine()}
	config := f.config
	config.ConsumerName = fmt.Sprint("consumer-", f.number)
	config.HTTPClient = &http.Client{Transport: m.line, Timeout: 20 * time.Second}
	m.worker = consumerLibrary.InitConsumerWorkerWithCheckpointTracker(config,
		func(shard int, groups *sls.LogGroupList, tracker consumerLibrary.CheckPointTracker) (string, error) {
			return "", f.journal.handed(m.line, shard, groups, tracker)
		})
	m.worker.Start()
	f.alive = append(f.alive, m)
}

// kill makes the i-th consumer as silent as a killed process: nothing it sends arrives, nothing it is handed counts.
func (f *fleet) kill(i int) {
	f.mu.Lock()
	m := f.alive[i]
	f.alive = append(f.alive[:i:i], f.alive[i+1:]...)
	f.mu.Unlock()
	m.line.cut()
	f.stopping.Go(m.worker.StopAndWait)
}

// pause stops the i-th consumer's line for less than the group's timeout.
func (f *fleet) pause(i int, d time.Duration) {
	f.mu.Lock()
	line := f.alive[i].line
	f.mu.Unlock()
	resume := line.hold()
	time.AfterFunc(d, resume)
}

// stop ends all consumers in an orderly way.
func (f *fleet) stop() {
	f.mu.Lock()
	alive := f.alive
	f.alive = nil
	f.mu.Unlock()
	for _, m := range alive {
		f.stopping.Go(m.worker.StopAndWait)
	}
	f.stopping.Wait()
}

// line carries a consumer's requests to the server until it is cut.
type line struct {
	next http.RoundTripper
	mu   sync.Mutex
	dead bool
	open chan struct{} // closed while requests may pass
}

func newLine() *line {
	l := &line{next: env.Client().Transport, open: make(chan struct{})}
	close(l.open)
	return l
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = true
}

func (l *line) isCut() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

// hold keeps requests back until resume is called.
func (l *line) hold() (resume func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := make(chan struct{})
	l.open = held
	return func() { close(held) }
}

func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	open := l.open
	l.mu.Unlock()
	<-open
	if l.isCut() {
		return farewell(r), nil
	}
	resp, err := l.next.RoundTrip(r)
	if l.isCut() { // what came back reaches nobody
		if err == nil {
			resp.Body.Close()
		}
		return farewell(r), nil
	}
	return resp, err
}

// farewell is what a dead consumer's own goroutines are told, so that they end: the library gives up a shard on this code.
func farewell(r *http.Request) *http.Response {
	if r.Body != nil {
		r.Body.Close()
	}
	return &http.Response{
		StatusCode: http.StatusNotFound, Request: r, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(`{"errorCode":"ConsumerNotMatch","errorMessage":"killed"}`)),
	}
}

// journal notes what a fleet was handed and checks the promises of consumer groups:
//
//   - A consumer starts a shard where the last checkpoint is, or behind it: nothing that was checkpointed comes again.
//   - It is handed the shard without gaps.
//   - When another consumer has begun a shard, the one before is never handed anything of it again.
type journal struct {
	t        *testing.T
	every    int           // batches of a shard from one checkpoint to the next
	progress chan struct{} // has an element after something was handed out

	mu     sync.Mutex
	shards map[int]*shardJournal
	texts  []string // of all groups, as they were handed out
}

type shardJournal struct {
	seen    map[sluice.Position]int
	saved   sluice.Position // the last checkpoint that the server confirmed
	current consumerLibrary.CheckPointTracker
	retired map[consumerLibrary.CheckPointTracker]bool
	next    sluice.Position // for current
	batches int
}

func newJournal(t *testing.T, every int) *journal {
	return &journal{t: t, every: every, progress: make(chan struct{}, 1), shards: map[int]*shardJournal{}}
}

// handed is the consumers' process function.
func (j *journal) handed(l *line, shard int, groups *sls.LogGroupList, tracker consumerLibrary.CheckPointTracker) error {
	if len(groups.LogGroups) == 0 {
		return nil
	}
	if !j.note(l, shard, groups, tracker) {
		return errors.New("dead")
	}
	select {
	case j.progress <- struct{}{}:
	default:
	}
	return nil
}

func (j *journal) note(l *line, shard int, groups *sls.LogGroupList, tracker consumerLibrary.CheckPointTracker) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if l.isCut() {
		return false
	}
	s := j.shards[shard]
	if s == nil {
		s = &shardJournal{seen: map[sluice.Position]int{}, retired: map[consumerLibrary.CheckPointTracker]bool{}}
		j.shards[shard] = s
	}
	from, next := position(j.t, tracker.GetCurrentCursor()), position(j.t, tracker.GetNextCursor())
	switch {
	case s.retired[tracker]:
		j.t.Errorf("shard %d: a consumer is handed position %d after another one began the shard", shard, from)
	case s.current != tracker:
		if from < s.saved {
			j.t.Errorf("shard %d: a consumer starts at %d, before the checkpoint at %d", shard, from, s.saved)
		}
		if s.current != nil {
			s.retired[s.current] = true
		}
		s.current = tracker
	case from != s.next:
		j.t.Errorf("shard %d: a consumer is handed position %d after %d", shard, from, s.next)
	}
	s.next = next
	for i, g := range groups.LogGroups {
		s.seen[from+sluice.Position(i)]++
		j.texts = append(j.texts, textOf(g))
	}
	if s.batches++; s.batches%j.every == 0 {
		if tracker.SaveCheckPoint(true) == nil && !l.isCut() {
			s.saved = next
		}
	}
	return true
}

func position(t *testing.T, cursor string) sluice.Position {
	p, err := sluice.ParseCursor(cursor)
	if err != nil {
		t.Error(err)
	}
	return p
}

// counts reports how many positions were handed out at least once, and how many again.
func (j *journal) counts() (seen, again int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range j.shards {
		seen += len(s.seen)
		for _, n := range s.seen {
			again += n - 1
		}
	}
	return seen, again
}

// wait waits until done, asked after every progress, says so.
func (j *journal) wait(d time.Duration, done func() bool) bool {
	deadline := time.After(d)
	for !done() {
		select {
		case <-j.progress:
		case <-deadline:
			return done()
		}
	}
	return true
}
