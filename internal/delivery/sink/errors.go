package sink

import (
	"errors"
	"fmt"
	"time"
)

// What Batch.Send tells the engine by its error. Any error that wraps none of these is one that time may heal: the same batch is tried
// again, with growing pauses, for as long as its logs live.

// Refused says that the destination will never take these logs of the batch. Those before them were delivered; those behind them were not tried, or
// may have been. The engine writes the refused ones to the dead letters with Reason and goes on behind them.
type Refused struct {
	First  int // index in the batch of the first refused log
	Count  int // how many; 0 means all from First on
	Reason string
}

func (e *Refused) Error() string { return "refused for good: " + e.Reason }

// Halt says that trying again is useless until somebody acts (credentials, permissions, a missing bucket or topic). The engine tries a few times more,
// since such answers also come from destinations that are just being set up, and then stops the task and shows Reason;
// no log is given up.
type Halt struct {
	Reason string // what is wrong and what to do
	Err    error
}

func (e *Halt) Error() string { return e.Reason }
func (e *Halt) Unwrap() error { return e.Err }

// Later says that the destination asks for a pause, and how long.
type Later struct {
	After time.Duration
	Err   error
}

func (e *Later) Error() string { return fmt.Sprintf("asked to wait %v: %v", e.After, e.Err) }
func (e *Later) Unwrap() error { return e.Err }

// ErrTooLarge says that the batch is larger than the destination takes; nothing of it was delivered. The engine forms one of half as many logs;
// one log that is too large alone goes to the dead letters.
var ErrTooLarge = errors.New("larger than the destination takes")
