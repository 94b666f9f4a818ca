package query

import (
	"context"
	"slices"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/amend"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/logpb"
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
		keys, err := e.which(ctx, w, l, v, MaxDeleted)
		n = len(keys)
		return gone(keys), err
	})
	return n, err
}

// DeleteFirst is Delete of the first most logs at most that a search finds, in the order of time. Of those that are left none is before rest, in nanoseconds since
// 1970; done says that there are none.
func (e *Engine) DeleteFirst(ctx context.Context, f Filter, most int) (n int, rest int64, done bool, err error) {
	err = e.change(ctx, f.Ref, func(*catalog.Logstore, *amend.View) (*amend.Change, error) {
		keys, err := e.matching(ctx, f, most)
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
		keys, err := e.which(ctx, w, l, v, MaxUpdated)
		if err != nil {
			return nil, err
		}
		now, err := present(l, v, keys)
		if err != nil {
			return nil, err
		}
		for i := range now {
			if err := p.apply(&now[i]); err != nil {
				return nil, err
			}
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

// which finds the logs that are meant, as keys.
func (e *Engine) which(ctx context.Context, w Which, l *catalog.Logstore, v *amend.View, most int) ([]key, error) {
	if w.RowID == "" {
		keys, err := e.matching(ctx, w.Filter, most+1)
		if err == nil && len(keys) > most {
			err = sluice.Errorf(sluice.TooLarge, "amendments", "more than %d logs are found, as many as one request may change; nothing was changed: "+
				"ask for a shorter time range, or delete by a task (POST /logstores/%s/deletelogtasks)", most, w.Ref.Logstore)
		}
		return keys, err
	}
	p, err := amend.ParseRowID(w.RowID)
	if err != nil {
		return nil, err
	}
	k := key{shard: p.Shard, position: p.Position, index: p.Index}
	found, err := present(l, v, []key{k})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return []key{k}, nil
}

// matching returns the keys of the first most logs that a search finds, of which none may have been passed over.
func (e *Engine) matching(ctx context.Context, f Filter, most int) ([]key, error) {
	q, err := e.prepare(ctx, f)
	if err != nil {
		return nil, err
	}
	keys, cover, err := e.first(ctx, q, most, false)
	if err == nil && !cover.Complete {
		err = sluice.Errorf(sluice.Unavailable, "server", "not all logs of the time range could be searched, so nothing was changed; ask for a shorter time range, or again")
	}
	return keys, err
}

func gone(keys []key) *amend.Change {
	c := &amend.Change{}
	for _, k := range keys {
		c.Gone = append(c.Gone, placeOf(k))
	}
	return c
}

// present returns what the logs at keys say now, without those that are gone. It reads shard logs, which have every log until retention takes it.
func present(l *catalog.Logstore, v *amend.View, keys []key) ([]amend.Row, error) {
	slices.SortFunc(keys, func(a, b key) int { a.time, b.time = 0, 0; return a.compare(b) })
	q := &question{logstore: l}
	var rows []amend.Row
	var group *sluice.LogGroup
	var at key
	var buf []byte
	for i, k := range keys {
		if r := v.Now(placeOf(k)); r != nil {
			rows = append(rows, owned(r.Place, &r.Log, r.Record()))
			continue
		}
		if v.Hides(placeOf(k)) {
			continue
		}
		if i == 0 || group == nil || k.shard != at.shard || k.position != at.position {
			at, group = k, nil
			if s, ok := l.Shard(k.shard); ok {
				if _, end := s.Stored.Bounds(); k.position >= end {
					continue // a row id that somebody made up
				}
			}
			var err error
			if group, err = q.read(&buf, k); err != nil {
				return nil, err
			}
		}
		if group != nil && int(k.index) < len(group.Records) {
			rows = append(rows, owned(placeOf(k), group, &group.Records[k.index]))
		}
	}
	return rows, nil
}

// owned is a log as a row that shares no memory with its group.
func owned(p amend.Place, g *sluice.LogGroup, r *sluice.Record) amend.Row {
	raw := logpb.Append(nil, &sluice.LogGroup{Topic: g.Topic, Source: g.Source, Tags: g.Tags, Records: []sluice.Record{*r}})
	log, err := logpb.Decode(raw)
	if err != nil {
		panic("query: a log that was decoded cannot be encoded: " + err.Error())
	}
	return amend.Row{Place: p, Log: *log}
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
