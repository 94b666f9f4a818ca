package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/delivery"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/meta/sqlite"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/vfs"
)

const project = "web"

var (
	ref = sluice.LogstoreRef{Project: project, Logstore: "access"}
	ctx = context.Background()
)

// bed is a logstore with engines over it: real metadata, logs in a memory file system, the clock of the bubble.
type bed struct {
	t       testing.TB
	dir     string
	fs      *vfs.Mem
	meta    meta.Store
	logs    *shard.Store
	cat     *catalog.Catalog
	door    *ingest.Door
	ring    *auth.Keyring
	tapes   *tapes
	wrap    func(meta.Store) meta.Store           // what engines see of metadata
	append  func(sluice.Appender) sluice.Appender // what they see of the write door
	written int
}

func newBed(t testing.TB, shards int) *bed {
	t.Helper()
	b := &bed{t: t, dir: t.TempDir(), fs: vfs.NewMem(), tapes: newTapes()}
	b.open()
	t.Cleanup(b.close)
	b.must(b.cat.CreateProject(ctx, meta.Project{Name: project}))
	b.must(b.cat.CreateLogstore(ctx, meta.Logstore{Project: project, Name: ref.Logstore, TTLDays: 3}, shards))
	return b
}

func (b *bed) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) open() {
	b.t.Helper()
	var err error
	b.meta, err = sqlite.Open(filepath.Join(b.dir, "meta.db"))
	b.must(err)
	log := slog.New(slog.DiscardHandler)
	b.logs, err = shard.Open(b.fs, "d", shard.Options{
		Now: time.Now, Logger: log, JournalFileBytes: 1 << 20, JournalBytes: 4 << 20, FileBytes: 1 << 20, MinFreeBytes: -1, JournalOnDemand: true,
	})
	b.must(err)
	b.cat, err = catalog.New(ctx, b.meta, b.logs, catalog.Options{Now: time.Now}, log)
	b.must(err)
	b.door = ingest.New(b.cat, ingest.Options{Past: -1, Future: -1, Now: time.Now})
	b.ring, err = auth.LoadOrCreateKeyring(filepath.Join(b.dir, "secret.key"))
	b.must(err)
}

func (b *bed) close() {
	b.t.Helper()
	if err := errors.Join(b.logs.Close(), b.meta.Close()); err != nil {
		b.t.Error(err)
	}
}

// engine is a running engine.
type engine struct {
	*delivery.Engine
	stop func() // and wait
}

// options of the engines of tests.
func (b *bed) options(id string) delivery.Options {
	logger := slog.New(slog.DiscardHandler)
	if testing.Verbose() && os.Getenv("ENGINE_LOG") != "" {
		logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return delivery.Options{
		ID: id, Now: time.Now, Logger: logger,
		Destinations: map[string]delivery.Destination{"tape": delivery.NewDestination(b.tapes.open)},
	}
}

func (b *bed) make(o delivery.Options) *delivery.Engine {
	store, door := b.meta, sluice.Appender(b.door)
	if b.wrap != nil {
		store = b.wrap(store)
	}
	if b.append != nil {
		door = b.append(door)
	}
	return delivery.New(store, b.cat, door, b.ring, o)
}

func (b *bed) start(o delivery.Options) *engine {
	e := b.make(o)
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		if err := e.Run(ctx); err != nil {
			b.t.Error(err)
		}
	})
	var once sync.Once
	stop := func() { once.Do(func() { cancel(); running.Wait() }) }
	b.t.Cleanup(stop)
	return &engine{e, stop}
}

// view is the logstore as it is now.
func (b *bed) view() *catalog.Logstore {
	l, err := b.cat.Logstore(ctx, ref)
	b.must(err)
	return l
}

// write appends one group of n logs, named by numbers in their order, and returns the shard that took them.
func (b *bed) write(n int) sluice.ShardID {
	b.t.Helper()
	g := &sluice.LogGroup{Topic: "t", Source: "s"}
	for range n {
		b.written++
		g.Records = append(g.Records, sluice.Record{Time: uint32(time.Now().Unix()), Fields: []sluice.Field{{Key: "n", Value: strconv.Itoa(b.written)}}})
	}
	id, _, err := b.door.Append(ctx, ref, g)
	b.must(err)
	return id
}

// spec of a task whose destination is the tape of its name.
func spec(name string, change ...func(*delivery.Spec)) *delivery.Spec {
	s := &delivery.Spec{Name: name, Source: delivery.Source{Logstore: ref.Logstore, Start: "beginning"}}
	s.Sink = fmt.Appendf(nil, `{"type":"tape","tape":%q}`, name)
	for _, f := range change {
		f(s)
	}
	return s
}

// online makes a task and starts it.
func (b *bed) online(e *delivery.Engine, s *delivery.Spec) {
	b.t.Helper()
	_, err := e.Create(ctx, project, s)
	b.must(err)
	_, err = e.Start(ctx, project, s.Name, delivery.FromPoint)
	b.must(err)
}

func (b *bed) status(e *delivery.Engine, task string) *delivery.Status {
	b.t.Helper()
	s, err := e.Status(ctx, project, task)
	b.must(err)
	return s
}

// settle lets time pass until nothing is left to deliver for a task. It fails after a long time.
func (b *bed) settle(e *delivery.Engine, task string) *delivery.Status {
	b.t.Helper()
	for range 2000 {
		if s := b.status(e, task); s.Backlog == 0 && !s.Redrive {
			return s
		}
		time.Sleep(500 * time.Millisecond) // of the bubble's time
	}
	s := b.status(e, task)
	b.t.Fatalf("task %s still has a backlog of %d: state %s, error %q, %+v", task, s.Backlog, s.State, s.Error, s.Shards)
	return nil
}

// bubble runs a test in a bubble with its own time.
func bubble(t *testing.T, fn func(*testing.T)) {
	t.Helper()
	synctest.Test(t, fn)
}

// tapes are destinations in memory: what was sent to each, batch for batch, and what each answers.
type tapes struct {
	mu  sync.Mutex
	all map[string]*tape
}

func newTapes() *tapes { return &tapes{all: map[string]*tape{}} }

// tape is one destination.
type tape struct {
	mu     sync.Mutex
	got    []sent
	answer func(context.Context, *tapeBatch) error // nil: yes. What it takes of a batch it puts into the tape itself
	add    func(e *sink.Entry) error               // nil: yes
	begin  func()
	check  error
	limits sink.Limits
	opened int
	closed int
	tries  int
	secret string
}

// sent is what one Send brought.
type sent struct {
	id    string
	shard sluice.ShardID
	from  sink.Point
	logs  []string
	at    time.Time
}

func (s *tapes) tape(name string) *tape {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[name] == nil {
		s.all[name] = &tape{limits: sink.Limits{Age: time.Second}}
	}
	return s.all[name]
}

func (b *bed) tape(name string) *tape { return b.tapes.tape(name) }

type tapeConfig struct {
	Tape   string      `json:"tape"`
	Secret sink.Secret `json:"secret,omitzero"`
}

func (c *tapeConfig) Validate() error {
	if c.Tape == "" {
		return sluice.Errorf(sluice.Invalid, "sink", "sink.tape: is missing")
	}
	return nil
}

func (s *tapes) open(c tapeConfig, _ sink.Env) (sink.Sink, error) {
	t := s.tape(c.Tape)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.opened++
	t.secret = c.Secret.Reveal()
	return t, nil
}

func (t *tape) Check(context.Context) error { return t.check }

func (t *tape) Begin(h sink.Header) sink.Batch {
	if t.begin != nil {
		t.begin()
	}
	return &tapeBatch{tape: t, header: h}
}

func (t *tape) Limits() sink.Limits { return t.limits }

func (t *tape) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed++
	return nil
}

func (t *tape) set(answer func(context.Context, *tapeBatch) error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answer = answer
}

// sent returns a copy of what was sent.
func (t *tape) sent() []sent {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]sent(nil), t.got...)
}

// logs returns the names of the logs that arrived.
func (t *tape) logs() (all []string) {
	for _, s := range t.sent() {
		all = append(all, s.logs...)
	}
	return all
}

type tapeBatch struct {
	tape     *tape
	header   sink.Header
	logs     []string
	bytes    int64
	to       sink.Point
	released bool
}

func (b *tapeBatch) Add(e *sink.Entry) error {
	if b.tape.add != nil {
		if err := b.tape.add(e); err != nil {
			return err
		}
	}
	for _, f := range e.Fields {
		if f.Key == "n" {
			b.logs = append(b.logs, f.Value)
			b.bytes += int64(len(f.Value)) + 100
			return nil
		}
	}
	return fmt.Errorf("log %v has no name", e.At)
}

func (b *tapeBatch) Len() int       { return len(b.logs) }
func (b *tapeBatch) Encoded() int64 { return b.bytes }
func (b *tapeBatch) Memory() int64  { return b.bytes }

func (b *tapeBatch) Send(ctx context.Context, to sink.Point) error {
	b.to = to
	b.tape.mu.Lock()
	b.tape.tries++
	answer := b.tape.answer
	b.tape.mu.Unlock()
	if answer != nil {
		return answer(ctx, b)
	}
	b.take(len(b.logs))
	return nil
}

// take puts the first n logs of the batch on the tape.
func (b *tapeBatch) take(n int) {
	b.tape.mu.Lock()
	defer b.tape.mu.Unlock()
	b.tape.got = append(b.tape.got, sent{b.header.ID(b.to), b.header.Shard, b.header.From, append([]string(nil), b.logs[:n]...), time.Now()})
}

func (b *tapeBatch) Release() {
	if b.released {
		panic("released twice")
	}
	b.released = true
}
