package catalog_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/shard"
)

// Logstores of the same names are made, looked up, split and deleted all at once. Whatever wins: a view's shards have logs that
// work or were dropped, and at the end the open logs are exactly those of the shards in metadata.
func TestChurn(t *testing.T) {
	env := open(t, catalog.Options{})
	if err := env.Catalog.CreateProject(ctx, meta.Project{Name: ref.Project}); err != nil {
		t.Fatal(err)
	}
	names := []string{"aa", "bb"}
	rounds := 100
	var all sync.WaitGroup
	each := func(kinds []sluice.Kind, do func(sluice.LogstoreRef) error) {
		for _, name := range names {
			all.Go(func() {
				for range rounds {
					err := do(sluice.LogstoreRef{Project: ref.Project, Logstore: name})
					allowed := err == nil
					for _, k := range kinds {
						allowed = allowed || sluice.KindOf(err) == k
					}
					if !allowed {
						t.Errorf("%s: %v", name, err)
						return
					}
				}
			})
		}
	}
	c := env.Catalog
	b := block(t, "something")
	each([]sluice.Kind{sluice.AlreadyExists, sluice.NotFound}, func(r sluice.LogstoreRef) error {
		return c.CreateLogstore(ctx, logstore(r.Logstore), 2)
	})
	each([]sluice.Kind{sluice.NotFound}, func(r sluice.LogstoreRef) error { return c.DeleteLogstore(ctx, r) })
	each([]sluice.Kind{sluice.NotFound, sluice.Invalid}, func(r sluice.LogstoreRef) error {
		_, err := c.Split(ctx, r, 0, nil, 2)
		return err
	})
	each([]sluice.Kind{sluice.NotFound}, func(r sluice.LogstoreRef) error {
		l, err := c.Logstore(ctx, r)
		if err != nil {
			return err
		}
		if _, err := l.Next().Stored.Append(ctx, b); err != nil && !errors.Is(err, shard.ErrSealed) && !errors.Is(err, shard.ErrUnknownLog) {
			return err
		}
		return nil
	})
	all.Wait()

	shards := 0
	err := env.Meta.View(ctx, func(tx meta.Tx) error {
		s, err := tx.AllShards()
		shards = len(s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names { // opens what nobody looked up since its commit
		if _, err := c.Logstore(ctx, sluice.LogstoreRef{Project: ref.Project, Logstore: name}); err != nil && sluice.KindOf(err) != sluice.NotFound {
			t.Error(err)
		}
	}
	if n := c.OpenLogs(); n != shards {
		t.Errorf("%d logs are open, metadata has %d shards", n, shards)
	}
	if n := c.Locks(); n != 0 {
		t.Errorf("%d locks are left", n)
	}
}

// lyingStore commits, and says that it failed, as a disk can.
type lyingStore struct {
	meta.Store
	lie bool
}

var errLie = errors.New("commit failed")

func (s *lyingStore) Update(ctx context.Context, fn func(meta.Tx) error) error {
	if err := s.Store.Update(ctx, fn); err != nil || !s.lie {
		return err
	}
	return errLie
}

// A split whose commit failed, but reached the disk, must not open the parent again: its children are there.
func TestSplitThatFailedAndDidNot(t *testing.T) {
	env := open(t, catalog.Options{})
	env.CreateLogstore(1)
	store := &lyingStore{Store: env.Meta, lie: true}
	c, err := catalog.New(ctx, store, env.Logs, catalog.Options{Now: env.Clock.Now}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Split(ctx, ref, 0, nil, 2); !errors.Is(err, errLie) {
		t.Fatalf("split: %v, want the error of the commit", err)
	}
	l, err := c.Logstore(ctx, ref)
	if err != nil {
		t.Fatal(err)
	}
	wantShards(t, l.Shards, "0 ro 00-ff", "1 rw 00-80 of [0]", "2 rw 80-ff of [0]")
	for _, s := range l.Shards {
		if _, err := s.Stored.Append(ctx, block(t, "x")); errors.Is(err, shard.ErrSealed) != s.ReadOnly {
			t.Errorf("append to shard %v: %v", s.ID, err)
		}
	}
}

// Who waits for a split gives up when its context ends; the split does not.
func TestContextEnds(t *testing.T) {
	env := open(t, catalog.Options{})
	env.CreateLogstore(1)
	ended, end := context.WithCancel(ctx)
	end()
	if _, err := env.Catalog.Settled(ended, ref); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("settled: %v", err)
	}
	if err := env.Catalog.CreateProject(ctx, meta.Project{Name: "newer"}); err != nil { // so that a lookup has to query
		t.Fatal(err)
	}
	if _, err := env.Catalog.Logstore(ended, ref); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("lookup: %v", err)
	}
	if n := env.Catalog.Locks(); n != 0 {
		t.Errorf("%d locks are left", n)
	}
	if _, err := env.Catalog.Split(ctx, ref, 0, nil, 2); err != nil {
		t.Error(err)
	}
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := catalogtest.Open(t, catalog.Options{SplitAfter: 10 * time.Minute, SplitWritesPerSecond: 1}, shard.Options{})
		env.CreateLogstore(1)
		err := env.Catalog.UpdateLogstore(ctx, ref, func(l *meta.Logstore) error { l.AutoSplit, l.MaxSplitShard = true, 2; return nil })
		if err != nil {
			t.Fatal(err)
		}
		fill(t, env, 0)
		running, stop := context.WithCancel(ctx)
		var ended sync.WaitGroup
		ended.Go(func() {
			if err := env.Catalog.Run(running); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(30 * time.Second) // the tickers' clock is the bubble's, the rest has the test's: they move in turn
		for range 12 {
			for range 120 {
				env.Shard(0).Traffic.Add(1)
			}
			env.Clock.Advance(time.Minute)
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		wantShards(t, env.View().Shards, "0 ro 00-ff", "1 rw 00-80 of [0]", "2 rw 80-ff of [0]")
		env.Clock.Advance(40 * 24 * time.Hour)
		time.Sleep(time.Minute)
		synctest.Wait()
		wantShards(t, env.View().Shards, "1 rw 00-80 of [0]", "2 rw 80-ff of [0]")
		stop()
		ended.Wait()
	})
}
