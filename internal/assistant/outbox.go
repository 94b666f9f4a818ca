package assistant

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// outbox writes records to the logstore, each once.
//
//	transaction that ends a run:  row in the outbox
//	                                   │ a group of rows
//	                                   ▼
//	                              append to the logstore ── crash here: the record is in the log, and the row is still there
//	                                   │
//	                                   ▼
//	                              transaction: rows removed
//
// So, when it is not known whether an append took place, the logs that came since the oldest row was made are read, and the rows whose records are among
// them are removed, before anything is appended: settle. One goroutine works at a time.
type outbox struct {
	s     *Service
	woken chan struct{}

	turn    sync.Mutex // held by who writes
	settled bool       // what was appended is known; guarded by turn
	stores  logstores
}

func newOutbox(s *Service) *outbox {
	return &outbox{s: s, woken: make(chan struct{}, 1), stores: logstores{cat: s.cat}}
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

// wake says that there is something to write.
func (o *outbox) wake() {
	select {
	case o.woken <- struct{}{}:
	default:
	}
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

// flush writes all that is there.
func (o *outbox) flush(ctx context.Context) error {
	o.turn.Lock()
	defer o.turn.Unlock()
	for ctx.Err() == nil {
		rows, err := o.rows(ctx)
		if err != nil || len(rows) == 0 {
			return err
		}
		if !o.settled {
			if err := o.settle(ctx); err != nil {
				return fmt.Errorf("look for records that were written: %w", err)
			}
			continue
		}
		if err := o.write(ctx, rows); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// row is a record that waits.
type row struct {
	name   string
	record *Record
}

func (o *outbox) rows(ctx context.Context) (rows []row, err error) {
	err = o.s.store.View(ctx, func(tx meta.Tx) error {
		rows = rows[:0]
		items, err := tx.Items(kindOutbox, meta.ItemRange{Limit: maxGroupRecords})
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
func (o *outbox) write(ctx context.Context, rows []row) error {
	if err := o.stores.ensure(ctx, Records, recordIndex); err != nil {
		return fmt.Errorf("make logstore %v: %w", Records, err)
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
	if _, _, err := o.s.door.Append(ctx, Records, group); err != nil {
		o.settled = false // it may be there all the same
		return fmt.Errorf("append to %v: %w", Records, err)
	}
	if err := o.remove(names); err != nil {
		o.settled = false
		return err
	}
	o.s.metrics.records.Add(float64(len(names)))
	return nil
}

func (o *outbox) remove(names []string) error {
	return o.s.commits.do(func(tx meta.Tx) (func(), error) {
		for _, name := range names {
			if err := tx.DeleteItem(kindOutbox, name); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
}

// settle removes the rows whose records are in the logstore.
func (o *outbox) settle(ctx context.Context) error {
	waiting, oldest, err := o.waiting(ctx)
	if err != nil {
		return err
	}
	var written []string
	if err := readBack(ctx, o.s.cat, Records, oldest.Add(-clockSlack), func(r *sluice.Record) {
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
	if err := o.remove(written); err != nil {
		return err
	}
	o.settled = true
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

// waiting are the names of all rows, and when the oldest was made.
func (o *outbox) waiting(ctx context.Context) (names map[string]bool, oldest time.Time, err error) {
	names, oldest = map[string]bool{}, o.s.now()
	err = o.s.store.View(ctx, func(tx meta.Tx) error {
		items, err := tx.Items(kindOutbox, meta.ItemRange{})
		if err != nil {
			return err
		}
		for _, i := range items {
			r, err := decode[Record](i)
			if err != nil {
				return err
			}
			names[i.Name] = true
			if r.Made.Before(oldest) {
				oldest = r.Made
			}
		}
		return nil
	})
	return names, oldest, err
}
