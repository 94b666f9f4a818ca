package assistant

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// outbox writes records to the logstores of their accounts, each once.
//
//	transaction that ends a run:  row in the outbox of its account
//	                                   │ a group of rows
//	                                   ▼
//	                              append to the logstore ── crash here: the record is in the log, and the row is still there
//	                                   │
//	                                   ▼
//	                              transaction: rows removed
//
// So, when it is not known whether an append took place, the logs that came since the oldest row was made are read, and the rows whose records are among
// them are removed, before anything is appended: settle. One goroutine works at a time. Accounts take turns, a group each: whose records cannot be written
// holds up nobody else's, and after each failure it is counted how many wait, so that their number is bounded: see held.
type outbox struct {
	s      *Service
	woken  chan struct{}
	stores logstores

	turn    sync.Mutex      // held by who writes
	settled map[string]bool // accounts of which is known what was appended; guarded by turn

	mu      sync.Mutex      // guards what is below
	waiting map[string]bool // accounts that may have rows
	stuck   map[string]int  // how many rows accounts had when they last could not be written
}

func newOutbox(s *Service) *outbox {
	return &outbox{
		s: s, woken: make(chan struct{}, 1), stores: logstores{cat: s.cat}, settled: map[string]bool{}, waiting: map[string]bool{},
		stuck: map[string]int{},
	}
}

// Bounds of one group of records.
const (
	maxGroupRecords = 500
	maxGroupBytes   = 1 << 20
)

// retryAfter is how long the outbox waits after it failed.
const retryAfter = time.Second

// clockSlack is how far before the making of a row a record is looked for: the clock may have been set back in between.
const clockSlack = time.Hour

// look has accounts looked at by the next flush.
func (o *outbox) look(accounts ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, account := range accounts {
		o.waiting[account] = true
	}
}

// wake says that there is something to write for an account.
func (o *outbox) wake(account string) {
	o.look(account)
	select {
	case o.woken <- struct{}{}:
	default:
	}
}

// take returns the accounts that may have rows, which have none as far as is known from then on.
func (o *outbox) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	accounts := slices.Sorted(maps.Keys(o.waiting))
	clear(o.waiting)
	return accounts
}

// held is how many records of an account wait because its logstore cannot be written to; 0 while it can. It is as of the last try, retryAfter ago at
// most, so that what ends within that time is not in it.
func (o *outbox) held(account string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.stuck[account]
}

// stick counts the records of an account that could not be written.
func (o *outbox) stick(ctx context.Context, account string) error {
	var n int
	if err := o.s.store.View(ctx, func(tx meta.Tx) (err error) {
		n, err = tx.CountItems(of(kindOutbox, account), "")
		return err
	}); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stuck[account] = n
	return nil
}

// unstick notes that records of an account were written, or that there are none.
func (o *outbox) unstick(account string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.stuck, account)
}

// run writes what comes until ctx ends.
func (o *outbox) run(ctx context.Context) {
	timer := time.NewTimer(0) // at once: what a process before left
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.woken:
		case <-timer.C:
		}
		if err := o.flush(ctx); err != nil && ctx.Err() == nil {
			o.s.o.Logger.Warn("records of commands wait", "error", err)
			timer.Reset(retryAfter)
		}
	}
}

// flush writes all that is there. The error is of the accounts whose records wait.
func (o *outbox) flush(ctx context.Context) error {
	o.turn.Lock()
	defer o.turn.Unlock()
	var failed []string
	var errs []error
	for round := o.take(); len(round) > 0; {
		var again []string
		for _, account := range round {
			more, err := o.step(ctx, account)
			if err != nil {
				failed, errs = append(failed, account), append(errs, err, o.stick(ctx, account))
			} else if more {
				again = append(again, account)
			}
		}
		round = again
	}
	o.look(failed...)
	return errors.Join(errs...)
}

// step writes a group of an account's rows, or finds out what was written; more is whether there may be more to do.
func (o *outbox) step(ctx context.Context, account string) (more bool, err error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	rows, err := o.rows(ctx, account)
	if err != nil {
		return false, err
	}
	if len(rows) == 0 {
		o.unstick(account)
		return false, nil
	}
	if !o.settled[account] {
		if err := o.settle(ctx, account); err != nil {
			return false, fmt.Errorf("look in %v for records that were written: %w", Records(account), err)
		}
		return true, nil
	}
	return true, o.write(ctx, account, rows)
}

// row is a record that waits.
type row struct {
	name   string
	record *Record
}

func (o *outbox) rows(ctx context.Context, account string) (rows []row, err error) {
	err = o.s.store.View(ctx, func(tx meta.Tx) error {
		rows = rows[:0]
		items, err := tx.Items(of(kindOutbox, account), meta.ItemRange{Limit: maxGroupRecords})
		if err != nil {
			return err
		}
		for _, i := range items {
			r, err := decode[Record](i)
			if err != nil {
				return err
			}
			rows = append(rows, row{i.Name, r})
		}
		return nil
	})
	return rows, err
}

// write appends rows of one topic as a group, and removes them.
func (o *outbox) write(ctx context.Context, account string, rows []row) error {
	ref := Records(account)
	if err := o.stores.ensure(ctx, account, ref, recordIndex); err != nil {
		return fmt.Errorf("make logstore %v: %w", ref, err)
	}
	topic, size := rows[0].record.Topic, 0
	group := &sluice.LogGroup{Topic: topic, Source: rows[0].record.Source}
	var names []string
	for _, r := range rows {
		if r.record.Topic != topic || size > 0 && size+r.record.size() > maxGroupBytes {
			continue // in the next group
		}
		size += r.record.size()
		group.Records, names = append(group.Records, r.record.log()), append(names, r.name)
	}
	if _, _, err := o.s.door.Append(ctx, ref, group); err != nil {
		o.settled[account] = refusal(err) // without one it may be there all the same
		return fmt.Errorf("append to %v: %w", ref, err)
	}
	if err := o.remove(account, names); err != nil {
		o.settled[account] = false
		return err
	}
	o.unstick(account)
	o.s.metrics.records.Add(float64(len(names)))
	return nil
}

func (o *outbox) remove(account string, names []string) error {
	return o.s.commits.do(func(tx meta.Tx) (func(), error) {
		for _, name := range names {
			if err := tx.DeleteItem(of(kindOutbox, account), name); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
}

// settle removes the rows whose records are in the account's logstore.
func (o *outbox) settle(ctx context.Context, account string) error {
	waiting, oldest, err := o.unwritten(ctx, account)
	if err != nil {
		return err
	}
	var written []string
	if err := readBack(ctx, o.s.cat, Records(account), oldest.Add(-clockSlack), func(r *sluice.Record) {
		f := fields(r)
		repeats, err := strconv.ParseInt(f["Repeats"], 10, 64)
		if _, file := f["FileName"]; file {
			repeats, err = -1, nil
		}
		if err != nil {
			return
		}
		for _, name := range recordNames(f["InvokeId"], f["InstanceId"], repeats) {
			if waiting[name] {
				written = append(written, name)
				delete(waiting, name)
			}
		}
	}); err != nil {
		return err
	}
	if err := o.remove(account, written); err != nil {
		return err
	}
	o.settled[account] = true
	return nil
}

// recordNames are the rows that a record in the log may have come from: a file has one run at most, whose number its record does not tell.
func recordNames(invocation, instance string, repeats int64) []string {
	t := &Target{Invocation: invocation, Instance: instance}
	if repeats >= 0 {
		t.Runs = repeats
		return []string{runName(t)}
	}
	none := runName(t)
	t.Runs = 1
	return []string{none, runName(t)}
}

// unwritten are the names of all rows of an account, and when the oldest was made.
func (o *outbox) unwritten(ctx context.Context, account string) (names map[string]bool, oldest time.Time, err error) {
	names, oldest = map[string]bool{}, o.s.now()
	err = o.s.store.View(ctx, func(tx meta.Tx) error {
		for after := ""; ; { // not all bodies at once
			items, err := tx.Items(of(kindOutbox, account), meta.ItemRange{After: after, Limit: maxGroupRecords})
			if err != nil || len(items) == 0 {
				return err
			}
			for _, i := range items {
				r, err := decode[Record](i)
				if err != nil {
					return err
				}
				names[i.Name], after = true, i.Name
				if r.Made.Before(oldest) {
					oldest = r.Made
				}
			}
		}
	})
	return names, oldest, err
}
