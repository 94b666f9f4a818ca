package metatest

import (
	"context"
	"errors"
	"strconv"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

var errWanted = errors.New("wanted")

func createP(tx meta.Tx) error { return tx.CreateProject(meta.Project{Name: "p"}) }

func wantProjects(t *testing.T, s meta.Store, want int) {
	t.Helper()
	if all := read(t, s, meta.Tx.Projects); len(all) != want {
		t.Errorf("got %d projects, want %d", len(all), want)
	}
}

func testOwnChanges(t *testing.T, s meta.Store) {
	fill(t, s)
	update(t, s, func(tx meta.Tx) error {
		for _, k := range kinds {
			if err := k.update(tx, k.other); err != nil {
				return err
			}
			got, err := k.get(tx)
			if err != nil {
				return err
			}
			wantSame(t, k.noun, got, k.other)
		}
		if err := tx.DeleteProject("p"); err != nil {
			return err
		}
		_, err := tx.Shard(ref, 0)
		wantError(t, "shard of a project just deleted", err, sluice.NotFound, "project")
		return nil
	})
}

func testErrorRollsBack(t *testing.T, s meta.Store) {
	err := s.Update(ctx, func(tx meta.Tx) error {
		if err := createP(tx); err != nil {
			return err
		}
		return errWanted
	})
	if !errors.Is(err, errWanted) {
		t.Errorf("Update returned %v, want fn's error", err)
	}
	if err := s.View(ctx, func(meta.Tx) error { return errWanted }); !errors.Is(err, errWanted) {
		t.Errorf("View returned %v, want fn's error", err)
	}
	wantProjects(t, s, 0)
	update(t, s, createP) // the store goes on
	wantProjects(t, s, 1)
}

func testPanicRollsBack(t *testing.T, s meta.Store) {
	recovered := func(run func()) (v any) {
		defer func() { v = recover() }()
		run()
		return nil
	}
	if v := recovered(func() {
		_ = s.Update(ctx, func(tx meta.Tx) error {
			if err := createP(tx); err != nil {
				t.Error(err)
			}
			panic("wanted")
		})
	}); v != "wanted" {
		t.Errorf("Update panicked with %v, want fn's panic", v)
	}
	if v := recovered(func() { _ = s.View(ctx, func(meta.Tx) error { panic("wanted") }) }); v != "wanted" {
		t.Errorf("View panicked with %v, want fn's panic", v)
	}
	wantProjects(t, s, 0)
	update(t, s, createP)
	wantProjects(t, s, 1)
}

func testCancelRollsBack(t *testing.T, s meta.Store) {
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	never := func(meta.Tx) error {
		t.Error("fn ran although its context had ended")
		return nil
	}
	if err := s.Update(cancelled, never); !errors.Is(err, context.Canceled) {
		t.Errorf("Update returned %v, want the context's error", err)
	}
	if err := s.View(cancelled, never); !errors.Is(err, context.Canceled) {
		t.Errorf("View returned %v, want the context's error", err)
	}

	running, cancel := context.WithCancel(ctx)
	err := s.Update(running, func(tx meta.Tx) error {
		if err := createP(tx); err != nil {
			t.Error(err)
		}
		cancel()
		return nil // fn does not notice
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Update returned %v, want the context's error", err)
	}
	wantProjects(t, s, 0)
	update(t, s, createP)
	wantProjects(t, s, 1)
}

func testCancelWait(t *testing.T, s meta.Store) {
	waiting, cancel := context.WithCancel(ctx)
	update(t, s, func(tx meta.Tx) error {
		second := make(chan error)
		go func() { second <- s.Update(waiting, func(meta.Tx) error { return errWanted }) }()
		cancel()
		if err := <-second; !errors.Is(err, context.Canceled) {
			t.Errorf("the waiting Update returned %v, want the context's error", err)
		}
		return createP(tx)
	})
	wantProjects(t, s, 1)
}

func testViewRefusesChanges(t *testing.T, s meta.Store) {
	fill(t, s)
	view(t, s, func(tx meta.Tx) error {
		for _, k := range kinds {
			if err := k.update(tx, k.other); err == nil {
				t.Errorf("update of a %s went through", k.noun)
			}
			if err := k.remove(tx); err == nil {
				t.Errorf("delete of a %s went through", k.noun)
			}
		}
		if err := tx.CreateProject(meta.Project{Name: "new"}); err == nil {
			t.Error("creation of a project went through")
		}
		if _, err := tx.CreateShard(meta.Shard{Project: "p", Logstore: "l", ID: 7}); err == nil {
			t.Error("creation of a shard went through")
		}
		if err := tx.SetCheckpoint(checkpoint); err == nil {
			t.Error("a checkpoint went through")
		}
		return nil
	})
	wantKinds(t, s, "after View", func(k kind) any { return k.full })
	wantProjects(t, s, 1)
}

func testSnapshot(t *testing.T, s meta.Store) {
	fill(t, s)
	view(t, s, func(tx meta.Tx) error {
		if _, err := tx.Project("p"); err != nil {
			return err
		}
		update(t, s, func(tx meta.Tx) error { return tx.DeleteProject("p") }) // does not wait for the view
		for _, k := range kinds {
			got, err := k.get(tx)
			if err != nil {
				t.Errorf("%s in the snapshot: %v", k.noun, err)
				continue
			}
			wantSame(t, k.noun+" in the snapshot", got, k.full)
		}
		return nil
	})
	wantProjects(t, s, 0)
}

// testSerial counts in a description: a lost update would lose a count.
func testSerial(t *testing.T, s meta.Store) {
	const workers, rounds = 8, 10
	update(t, s, func(tx meta.Tx) error { return tx.CreateProject(meta.Project{Name: "p", Description: "0"}) })
	var group errgroup.Group
	for range workers {
		group.Go(func() error {
			for range rounds {
				if err := s.Update(ctx, countUp); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	p := read(t, s, func(tx meta.Tx) (meta.Project, error) { return tx.Project("p") })
	if p.Description != strconv.Itoa(workers*rounds) {
		t.Errorf("got count %s, want %d", p.Description, workers*rounds)
	}
}

func countUp(tx meta.Tx) error {
	p, err := tx.Project("p")
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(p.Description)
	if err != nil {
		return err
	}
	p.Description = strconv.Itoa(n + 1)
	return tx.UpdateProject(p)
}

// testViewsBesideUpdates moves a pair of equal values while views look: none may see them differ.
func testViewsBesideUpdates(t *testing.T, s meta.Store) {
	update(t, s, func(tx meta.Tx) error {
		return errors.Join(
			tx.CreateProject(meta.Project{Name: "p", Description: "0"}),
			tx.CreateProject(meta.Project{Name: "q", Description: "0"}))
	})
	done := make(chan struct{})
	var group errgroup.Group
	group.Go(func() error {
		defer close(done)
		for range 40 {
			if err := s.Update(ctx, func(tx meta.Tx) error {
				if err := countUp(tx); err != nil {
					return err
				}
				p, err := tx.Project("p")
				p.Name = "q"
				return errors.Join(err, tx.UpdateProject(p))
			}); err != nil {
				return err
			}
		}
		return nil
	})
	for range 6 { // more than a store may have connections
		group.Go(func() error {
			for {
				if err := s.View(ctx, func(tx meta.Tx) error {
					all, err := tx.Projects()
					if err == nil && all[0].Description != all[1].Description {
						t.Errorf("a view saw %s and %s, half of an update", all[0].Description, all[1].Description)
					}
					return err
				}); err != nil {
					return err
				}
				select {
				case <-done:
					return nil
				default:
				}
			}
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

func testGeneration(t *testing.T, s meta.Store) {
	if g := s.Generation(); g == 0 {
		t.Error("the generation starts at 0, so a new cache would look valid")
	}
	grows := func(what string, want bool, run func()) {
		t.Helper()
		before := s.Generation()
		run()
		if got := s.Generation() > before; got != want {
			t.Errorf("%s: generation went from %d to %d, want it to grow: %v", what, before, s.Generation(), want)
		}
	}
	grows("creation", true, func() { fill(t, s) })
	for _, k := range kinds {
		grows("update of a "+k.noun, true, func() { update(t, s, func(tx meta.Tx) error { return k.update(tx, k.other) }) })
	}
	grows("checkpoint", false, func() { update(t, s, func(tx meta.Tx) error { return tx.SetCheckpoint(checkpoint) }) })
	grows("checkpoint and more", true, func() {
		update(t, s, func(tx meta.Tx) error {
			return errors.Join(tx.SetCheckpoint(checkpoint), tx.CreateAccessKey(meta.AccessKey{ID: "k2"}))
		})
	})
	grows("view", false, func() { view(t, s, func(tx meta.Tx) error { _, err := tx.Projects(); return err }) })
	grows("update that only reads", false, func() { update(t, s, func(tx meta.Tx) error { _, err := tx.Projects(); return err }) })
	grows("update that changed nothing", false, func() {
		update(t, s, func(tx meta.Tx) error {
			wantError(t, "create", createP(tx), sluice.AlreadyExists, "project")
			return nil
		})
	})
	grows("update that failed", false, func() {
		_ = s.Update(ctx, func(tx meta.Tx) error { return errors.Join(tx.DeleteProject("p"), errWanted) })
	})
	for i := range kinds {
		k := kinds[len(kinds)-1-i] // the holders last
		grows("delete of a "+k.noun, true, func() { update(t, s, k.remove) })
	}
}
