package trails

import (
	"context"
	"reflect"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// maxSpans is how many changes may wait to be delivered.
const maxSpans = 64

// turn keeps what was in force before a change of the selection, if the trail logs.
func (s *Trails) turn(tx meta.Tx, before, after *Trail) error {
	if !before.Logging || reflect.DeepEqual(before.Selection, after.Selection) {
		return nil
	}
	now := s.now()
	old := before.clone()
	if err := s.retire(tx, &old, now); err != nil {
		return err
	}
	after.Past, after.Selected = old.Past, now
	return nil
}

// retire moves the selection in force to the past, and drops of the past what is delivered.
func (s *Trails) retire(tx meta.Tx, t *Trail, now time.Time) error {
	if err := prune(tx, t); err != nil {
		return err
	}
	if len(t.Past) >= maxSpans {
		return sluice.Errorf(sluice.Conflict, "trail", "%d changes of trail %s wait to be delivered: see its latest delivery error, and try again later", len(t.Past), t.Name)
	}
	t.Past = append(t.Past, Span{From: t.begin(), To: now, Selection: t.Selection})
	return nil
}

// prune drops of the past what all routes have delivered.
func prune(tx meta.Tx, t *Trail) error {
	through, err := through(tx, t)
	if err != nil {
		return err
	}
	for len(t.Past) > 0 && t.Past[0].To.Add(afterglow).Before(through) {
		t.Past = t.Past[1:]
	}
	return nil
}

// Settle drops of the past of an active trail what is delivered. One that does not log is no longer active when nothing is left, and one that is
// deleted is gone.
func (s *Trails) Settle(ctx context.Context, a *Active) error {
	err := s.change(ctx, func(tx meta.Tx) error {
		kind, name := a.kind(), a.Name
		if !a.Deleted.IsZero() {
			kind, name = kindEnding, a.ID
		}
		d, err := tx.Document(a.scope(), kind, name)
		if err != nil {
			return err
		}
		t, err := decode(d)
		if err != nil {
			return err
		}
		if t.ID != a.ID {
			return missing(a.Name)
		}
		if err := prune(tx, &t); err != nil {
			return err
		}
		if kind == kindEnding && len(t.Past) == 0 {
			return tx.DeleteDocument(a.scope(), kind, name)
		}
		if d, err = document(&t, kind, name); err != nil {
			return err
		}
		return tx.UpdateDocument(d)
	})
	if sluice.KindOf(err) == sluice.NotFound { // it went, or its account, or it was deleted since a was made
		return s.Load(ctx)
	}
	return err
}
