package duck

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/sluicelog/sluice"
)

// The engine does not count what expressions make of one chunk of rows, nor what functions of ours hold. So the memory of the
// process is looked at while statements run, and all that run end when it has grown by half as much again as the engine may
// have: that is no memory that the engine gave out.

const watchEvery = 20 * time.Millisecond

var errGrown = &sluice.Error{
	Kind: sluice.TooLarge, Noun: "sql",
	Msg: "the statement needs more memory than it may have; make shorter texts and smaller arrays, or read a shorter time range",
}

// watch returns a context for a statement. Call stop when the statement has ended.
func (e *Engine) watch(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	began, ok := resident()
	if !ok {
		return ctx, func() { cancel(nil) }
	}
	most := began + e.options.MemoryBytes*3/2
	go func() {
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if now, _ := resident(); now > most {
					cancel(errGrown)
				}
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}

// resident is the memory of this process, if the system tells.
func resident() (bytes int64, ok bool) {
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, false
	}
	var total, pages int64
	if _, err := fmt.Sscan(string(raw), &total, &pages); err != nil {
		return 0, false
	}
	return pages * int64(os.Getpagesize()), true
}
