// Package catalogtest opens a catalog over the real parts, for the tests of what stands on one: metadata in a SQLite file,
// shard logs in a memory file system, and a clock that only the test moves.
package catalogtest

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/meta/sqlite"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/vfs"
)

// Ref is the logstore that [Env.CreateLogstore] makes.
var Ref = sluice.LogstoreRef{Project: "web", Logstore: "access"}

// Env is a catalog and what it stands on.
type Env struct {
	Catalog *catalog.Catalog
	Meta    meta.Store
	Logs    *shard.Store
	Clock   *Clock
	FS      *vfs.Mem // under Logs

	t    testing.TB
	o    catalog.Options
	logs shard.Options
	file string
}

// Open opens an empty environment that closes with the test. The Now of both options is the environment's clock.
func Open(t testing.TB, o catalog.Options, logs shard.Options) *Env {
	t.Helper()
	clock := &Clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	o.Now, logs.Now = clock.Now, clock.Now
	e := &Env{Clock: clock, t: t, o: o, logs: logs, file: filepath.Join(t.TempDir(), "meta.db"), FS: vfs.NewMem()}
	e.open()
	t.Cleanup(e.close)
	return e
}

func (e *Env) open() {
	e.t.Helper()
	ctx, log := context.Background(), slog.New(slog.DiscardHandler)
	var err error
	if e.Meta, err = sqlite.Open(e.file); err != nil {
		e.t.Fatal(err)
	}
	e.logs.Logger = log
	if e.Logs, err = shard.Open(e.FS, "logs", e.logs); err != nil {
		e.t.Fatal(err)
	}
	if e.Catalog, err = catalog.New(ctx, e.Meta, e.Logs, e.o, log); err != nil {
		e.t.Fatal(err)
	}
}

func (e *Env) close() {
	e.t.Helper()
	if err := e.Logs.Close(); err != nil {
		e.t.Error(err)
	}
	if err := e.Meta.Close(); err != nil {
		e.t.Error(err)
	}
}

// Reopen closes everything and opens it again, as a restart does.
func (e *Env) Reopen() {
	e.t.Helper()
	e.close()
	e.open()
}

// Crash opens what a power cut leaves: of the shard logs what was synced, and metadata as it was committed.
func (e *Env) Crash(r *rand.Rand) {
	e.t.Helper()
	left := e.FS.Crash(r)
	e.close()
	e.FS = left
	e.open()
}

// CreateLogstore makes [Ref] with so many shards.
func (e *Env) CreateLogstore(shards int) {
	e.t.Helper()
	ctx := context.Background()
	if err := e.Catalog.CreateProject(ctx, meta.Project{Name: Ref.Project}); err != nil {
		e.t.Fatal(err)
	}
	if err := e.Catalog.CreateLogstore(ctx, meta.Logstore{Project: Ref.Project, Name: Ref.Logstore, TTLDays: 30}, shards); err != nil {
		e.t.Fatal(err)
	}
}

// View returns a view of [Ref].
func (e *Env) View() *catalog.Logstore {
	e.t.Helper()
	l, err := e.Catalog.Logstore(context.Background(), Ref)
	if err != nil {
		e.t.Fatal(err)
	}
	return l
}

// Shard returns a shard of [Ref].
func (e *Env) Shard(id sluice.ShardID) *catalog.Shard {
	e.t.Helper()
	s, ok := e.View().Shard(id)
	if !ok {
		e.t.Fatalf("there is no shard %v", id)
	}
	return s
}

// Clock is a clock that a test moves. It is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
