package ledger

import (
	"context"

	"github.com/sluicelog/sluice/internal/trail"
)

// order is what the appender does for somebody who waits, between two groups.
type order struct {
	do   func() error
	done chan error // with room for one
}

// Anchor signs an anchor behind all events that were appended before, and returns the newest one: if nothing came since, the one that is there. Errors:
// Unavailable "audit".
func (r *Recorder) Anchor(ctx context.Context) (newest trail.Anchor, err error) {
	err = r.ask(ctx, func() error {
		if err := r.adopt(); err != nil {
			return err
		}
		if r.unanchored() {
			if err := r.sign(r.next(), r.door); err != nil {
				return err
			}
		}
		newest = r.anchored
		return nil
	})
	if err != nil {
		return trail.Anchor{}, err
	}
	return newest, nil
}

// RotateKey makes a new key for anchors, has the present one vouch for it in the chain, and destroys that one's private part. Errors: Unavailable "audit"; then it
// may have come about all the same, and nothing is wrong with doing it again.
func (r *Recorder) RotateKey(ctx context.Context) error { return r.ask(ctx, r.rotateKey) }

// ask has the appender do something behind the events that wait, and waits for it.
func (r *Recorder) ask(ctx context.Context, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, r.o.MaxWait)
	defer cancel()
	o := order{done: make(chan error, 1), do: func() error {
		if !r.flush() {
			return r.Err()
		}
		if err := do(); err != nil {
			return unwritten(err.Error())
		}
		return nil
	}}
	select {
	case r.orders <- o:
	case <-r.done:
		return unwritten("the server is shutting down")
	case <-ctx.Done():
		return unwritten("it took longer than " + r.o.MaxWait.String())
	}
	return <-o.done // what it does is bounded by the disk
}
