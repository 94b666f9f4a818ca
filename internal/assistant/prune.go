package assistant

import (
	"context"
	"time"

	"github.com/sluicelog/sluice/internal/meta"
)

// maxHistory is how many runs of one target are kept for the API. Records and output in the logstores live as long as those keep logs.
const maxHistory = 1000

// Prune removes results that are older than ResultDays or beyond the MaxResults of their account, the oldest first, and tokens that are too old. Run calls it.
func (s *Service) Prune(ctx context.Context) error {
	now := s.now()
	old, err := s.old(ctx, now.AddDate(0, 0, -s.o.ResultDays))
	if err != nil {
		return err
	}
	for _, id := range old {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := s.commits.do(func(tx meta.Tx) (func(), error) { return nil, deleteInvocation(tx, id) }); err != nil {
			return err
		}
	}
	return s.commits.do(func(tx meta.Tx) (func(), error) {
		rows, err := tx.Items(kindToken, meta.ItemRange{})
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if a, err := decode[answered](row); err != nil || now.Sub(a.At) >= tokenLife {
				if err := tx.DeleteItem(kindToken, row.Name); err != nil {
					return nil, err
				}
			}
		}
		return nil, nil
	})
}

// old are the invocations that are over and no longer kept.
func (s *Service) old(ctx context.Context, before time.Time) (ids []string, err error) {
	err = s.store.View(ctx, func(tx meta.Tx) error {
		ids = nil
		kept := map[string]int{}
		for after := ""; ; {
			rows, err := list[Invocation](tx, kindInvocation, meta.ItemRange{Reverse: true, After: after, Limit: chunk})
			if err != nil {
				return err
			}
			for _, inv := range rows {
				after = inv.ID
				if inv.Final == "" {
					continue
				}
				if kept[inv.Account]++; kept[inv.Account] > s.o.MaxResults || inv.Finished.Before(before) {
					ids = append(ids, inv.ID)
				}
			}
			if len(rows) < chunk {
				return nil
			}
		}
	})
	return ids, err
}

// deleteInvocation removes an invocation with its targets and runs, but not what waits in the outbox.
func deleteInvocation(tx meta.Tx, id string) error {
	return errorsFirst(deleteRuns(tx, id), tx.DeleteItem(kindInvocation, id))
}

func deleteRuns(tx meta.Tx, invocation string) error {
	r := meta.ItemRange{Prefix: invocation + "/"}
	return errorsFirst(deleteItems(tx, kindTarget, r), deleteItems(tx, kindRun, r))
}

// trimHistory removes the runs of a target beyond maxHistory, as long as there is one more of them for each that is made.
func trimHistory(tx meta.Tx, t *Target) error {
	if t.Runs <= maxHistory {
		return nil
	}
	old := *t
	old.Runs = t.Runs - maxHistory
	return tx.DeleteItem(kindRun, runName(&old))
}
