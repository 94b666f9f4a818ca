package deletion

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/query"
)

// Run works on tasks until ctx ends.
func (t *Tasks) Run(ctx context.Context) error {
	for {
		left, err := t.Round(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			t.o.Logger.Warn("a task that deletes logs could not go on, it is tried again", "error", err)
		case left > 0:
			continue
		}
		var again <-chan time.Time
		if left > 0 || err != nil {
			again = time.After(t.o.Again)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.wake:
		case <-again:
		}
	}
}

// Round gives every task that runs a turn, and returns how many are not over. An error says that one of them could not go on; the others had their turn. Run does this all
// the time; tests call it when they want.
func (t *Tasks) Round(ctx context.Context) (left int, err error) {
	var items []meta.Item
	err = t.store.View(ctx, func(tx meta.Tx) (err error) {
		items, err = tx.Items(kind, meta.ItemRange{})
		return err
	})
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, i := range items {
		over, err := t.turn(ctx, i)
		if !over {
			left++
		}
		errs = append(errs, err)
	}
	return left, errors.Join(errs...)
}

// turn deletes a batch of one task.
func (t *Tasks) turn(ctx context.Context, i meta.Item) (over bool, err error) {
	project, logstore, _ := strings.Cut(i.Group, "/")
	ref := sluice.LogstoreRef{Project: project, Logstore: logstore}
	var task Task
	if err := json.Unmarshal(i.Body, &task); err != nil {
		return true, err
	}
	l, err := t.cat.Logstore(ctx, ref)
	if sluice.KindOf(err) == sluice.NotFound || err == nil && !l.Created.Equal(task.Logstore) {
		return true, t.store.Update(ctx, func(tx meta.Tx) error { return tx.DeleteItem(kind, i.Name) })
	}
	if err != nil || task.State != Running {
		return err == nil, err
	}
	failed := t.batch(ctx, ref, &task)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	err = t.store.Update(ctx, func(tx meta.Tx) error { return write(tx, ref, &task) })
	return task.State != Running, errors.Join(failed, err)
}

// maxTries is how often in a row a task is tried that the server cannot go on with: some ten minutes long.
const maxTries = 60

// batch deletes a batch and sets what became of the task. An error says that it was not possible this time.
func (t *Tasks) batch(ctx context.Context, ref sluice.LogstoreRef, task *Task) error {
	f := query.Filter{Ref: ref, Range: task.next(), Search: task.Search, Topic: task.Topic}
	n, rest, done, err := t.engine.DeleteFirst(ctx, f, t.o.Batch)
	switch kind := sluice.KindOf(err); {
	case err != nil && task.Tries < maxTries && (ctx.Err() != nil || kind == sluice.Unavailable || kind == sluice.Internal):
		task.Tries++
		return err
	case err != nil:
		task.State, task.Message, task.Finished = Failed, err.Error(), t.o.Now()
		return nil
	}
	task.Tries = max(0, task.Tries-1)
	task.Deleted += int64(n)
	switch {
	case !done:
		task.Reached = rest
	case f.Range.To < task.To*1e9:
		task.Reached = f.Range.To
	default:
		task.State, task.Reached, task.Finished = Succeeded, task.To*1e9, t.o.Now()
	}
	return nil
}

// next is the time range that a task is to search next: all that is left or, after tries that failed, the first part of it, since a search that cannot
// be done for want of time may be done of less.
func (t *Task) next() query.Range {
	left := t.To*1e9 - t.Reached
	return query.Range{From: t.Reached, To: t.Reached + max(left>>min(t.Tries, 62), 1)}
}
