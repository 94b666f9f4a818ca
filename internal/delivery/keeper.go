package delivery

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// errFenced says that a point has another owner by now.
var errFenced = errors.New("another engine works on this shard now")

// keeper commits the points of all workers, those that wait at the same time in one transaction: two hundred tasks that move every second
// cost a few syncs. It is safe for concurrent use.
type keeper struct {
	store   meta.Store
	moves   chan *move
	commits atomic.Int64
}

// move is a point that wants to be stored.
type move struct {
	point meta.DeliveryPoint
	done  chan error // gets one value
}

// maxMoves bounds one transaction, so that other writers of metadata get their turn.
const maxMoves = 512

func newKeeper(store meta.Store) *keeper {
	return &keeper{store: store, moves: make(chan *move)}
}

// commit stores p. Nil means that it is durable. errFenced means that it is not, and never will be; any other error leaves it open,
// and the same commit may be tried again.
func (k *keeper) commit(ctx context.Context, p meta.DeliveryPoint) error {
	m := &move{point: p, done: make(chan error, 1)}
	select {
	case k.moves <- m:
		return <-m.done
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// run stores moves until ctx ends. Moves that it took are stored by then.
func (k *keeper) run(ctx context.Context) {
	for {
		select {
		case m := <-k.moves:
			k.write(k.gather(m))
		case <-ctx.Done():
			return
		}
	}
}

// gather takes what else waits.
func (k *keeper) gather(first *move) []*move {
	batch := []*move{first}
	for len(batch) < maxMoves {
		select {
		case m := <-k.moves:
			batch = append(batch, m)
		default:
			return batch
		}
	}
	return batch
}

// write stores moves in one transaction. Those that are fenced do not keep the others from being stored.
func (k *keeper) write(batch []*move) {
	results := make([]error, len(batch))
	err := k.store.Update(context.Background(), func(tx meta.Tx) error {
		for i, m := range batch {
			results[i] = tx.MoveDeliveryPoint(m.point)
			switch {
			case results[i] == nil:
			case sluice.KindOf(results[i]) == sluice.Conflict:
				results[i] = errFenced
			default:
				return results[i]
			}
		}
		return nil
	})
	k.commits.Add(1)
	for i, m := range batch {
		if err != nil {
			results[i] = err
		}
		m.done <- results[i]
	}
}
