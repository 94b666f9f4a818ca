package query

import (
	"context"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/amend"
	"github.com/sluicelog/sluice/internal/catalog"
)

// What one change may do.
const (
	MaxDeleted = 100_000 // logs
	MaxUpdated = 10_000
)

// Which says which logs are to be deleted or updated: those that a search finds, or one, by its row id.
type Which struct {
	Filter        // of a search; with a row id its logstore alone counts
	RowID  string // "" for a search
}

// Delete deletes logs: no query finds them any more. It returns how many there were, and deletes all that it finds or none. Errors: those of a search; Invalid
// [rowid]; TooLarge [amendments] for more than MaxDeleted logs; Unavailable if not all could be searched; those of [amend.Store.Change].
func (e *Engine) Delete(ctx context.Context, w Which) (n int, err error) {
	err = e.change(ctx, w.Ref, func(l *catalog.Logstore, v *amend.View) (*amend.Change, error) {
		_, keys, err := e.which(ctx, w, l, v, MaxDeleted)
		n = len(keys)
		return gone(keys), err
	})
	return n, err
}

// DeleteFirst is Delete of the first most logs at most that a search finds, in the order of time. Of those that are left none is before rest, in nanoseconds since
// 1970; done says that there are none.
func (e *Engine) DeleteFirst(ctx context.Context, f Filter, most int) (n int, rest int64, done bool, err error) {
	err = e.change(ctx, f.Ref, func(*catalog.Logstore, *amend.View) (*amend.Change, error) {
		_, keys, err := e.matching(ctx, f, most)
		if n, done = len(keys), len(keys) < most; n > 0 {
			rest = keys[n-1].time
		}
		return gone(keys), err
	})
	return n, rest, done, err
}

// Update changes what logs say, and returns how many there were: all that are found, or none. Errors: those of Delete, with MaxUpdated, and of p.
func (e *Engine) Update(ctx context.Context, w Which, p *Patch) (n int, err error) {
	err = e.change(ctx, w.Ref, func(l *catalog.Logstore, v *amend.View) (*amend.Change, error) {
		q, keys, err := e.which(ctx, w, l, v, MaxUpdated)
		if err != nil {
			return nil, err
		}
		now, err := q.present(ctx, keys, p.apply)
		if err != nil {
			return nil, err
		}
		n = len(now)
		return &amend.Change{Now: now}, nil
	})
	return n, err
}

func (e *Engine) change(ctx context.Context, ref sluice.LogstoreRef, find func(*catalog.Logstore, *amend.View) (*amend.Change, error)) error {
	if e.o.Amended == nil {
		return nowhere()
	}
	return e.o.Amended.Change(ctx, ref, find)
}

func nowhere() error {
	return sluice.Errorf(sluice.Unsupported, "modification", "this server has nowhere to keep what becomes of logs")
}

// which finds the logs that are meant, as keys, with the question that found them.
func (e *Engine) which(ctx context.Context, w Which, l *catalog.Logstore, v *amend.View, most int) (*question, []key, error) {
	if w.RowID == "" {
		q, keys, err := e.matching(ctx, w.Filter, most+1)
		if err == nil && len(keys) > most {
			err = sluice.Errorf(sluice.TooLarge, "amendments", "more than %d logs are found, as many as one request may change; nothing was changed: "+
				"ask for a shorter time range, or delete by a task (POST /logstores/%s/deletelogtasks)", most, w.Ref.Logstore)
		}
		return q, keys, err
	}
	p, err := amend.ParseRowID(w.RowID)
	if err != nil {
		return nil, nil, err
	}
	q := &question{Filter: w.Filter, logstore: l, amended: v, logger: e.o.Logger}
	if q.snapshot, err = e.snapshot(ctx, w.Ref); err != nil {
		return nil, nil, err
	}
	k := key{shard: p.Shard, position: p.Position, index: p.Index}
	found, err := q.present(ctx, []key{k}, nil)
	if err != nil || len(found) == 0 {
		return q, nil, err
	}
	return q, []key{k}, nil
}

// matching returns the keys of the first most logs that a search finds, of which none may have been passed over.
func (e *Engine) matching(ctx context.Context, f Filter, most int) (*question, []key, error) {
	q, err := e.prepare(ctx, f)
	if err != nil {
		return nil, nil, err
	}
	keys, cover, err := e.first(ctx, q, most, false)
	if err == nil && !cover.Complete {
		err = sluice.Errorf(sluice.Unavailable, "server", "not all logs of the time range could be searched, so nothing was changed; ask for a shorter time range, or again")
	}
	return q, keys, err
}

func gone(keys []key) *amend.Change {
	c := &amend.Change{}
	for _, k := range keys {
		c.Gone = append(c.Gone, placeOf(k))
	}
	return c
}

// MayDelete returns the error of Delete that is known before: of a search that cannot be asked, or of a logstore whose logs may not be modified.
func (e *Engine) MayDelete(ctx context.Context, f Filter) error {
	q, err := e.prepare(ctx, f)
	if err != nil {
		return err
	}
	if e.o.Amended == nil {
		return nowhere()
	}
	return amend.MayChange(q.logstore)
}
