// Package sink is the contract between the delivery engine and the destinations that logs are shipped to.
//
//	logstore ──read──> pipeline ──Entry──> Batch.Add … Add ──Send──> destination
//	    ▲                                     │  encoded at once, nothing else is kept
//	    └──── formed anew after a crash ──────┘
//
// The logstore is the only buffer. A batch is a run of the logs of one shard, named by where it begins and ends; it can be given up
// at any moment and formed again from the logstore, and is then the same batch, with the same id, the same bytes, and the same
// name at its destination. So nothing is lost when memory is short, a destination is away for days, or the process dies.
//
// Every sink passes sinktest.Run against its real component.
package sink

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/sluicelog/sluice"
)

// Sink is one destination of one task. Its methods may be called from several goroutines, one for each shard.
type Sink interface {
	// Check finds out whether logs could be delivered now: reachable, known to it, permitted. It leaves nothing behind at the
	// destination but what its documentation names. Its error is shown to the user, so it says what to do.
	Check(ctx context.Context) error
	// Begin begins a batch. It does not touch the network.
	Begin(h Header) Batch
	// Limits are those that one batch of this destination has at most.
	Limits() Limits
	// Close gives up connections. No batch may be in use.
	Close() error
}

// Batch is the logs that go out together. One goroutine uses it, in this order: Add any number of times, Send until it succeeds
// or the engine gives the batch up, Release once.
type Batch interface {
	// Add encodes a log. e is valid during the call alone. An error wrapping a [Refused] means that this log can never go to this
	// destination (too large, not encodable): it goes to the dead letters, and the batch is as it was before.
	Add(e *Entry) error
	// Len is the number of logs in the batch, Encoded their size as the destination's limits count it, Memory what the batch holds.
	Len() int
	Encoded() int64
	Memory() int64
	// Send delivers the batch of logs from h.From up to, not including, to. It returns nil only when the destination
	// has the whole of it as durably as it ever will: the checkpoint moves on the strength of that nil. It tries once, and
	// may be called again after an error, with the same arguments and the same effect. See errors.go for what its error tells the engine.
	Send(ctx context.Context, to Point) error
	// Release gives memory and temporary files back.
	Release()
}

// Limits of a batch. The engine ends a batch at the first that is reached; 0 is no limit. Tasks may set lower ones.
type Limits struct {
	Logs  int           // logs in a batch
	Bytes int64         // encoded bytes before compression, as Batch.Encoded counts them
	Age   time.Duration // from the arrival of its first log in the logstore to Send
}

// Header says what a batch is, before its first log.
type Header struct {
	Project string
	Task    string
	Shard   sluice.ShardID
	From    Point
	Arrived time.Time // when the log at From arrived in the logstore: to make names from, for the clock would change between tries
}

// ID names the batch from h.From up to to, for good: retries of the same logs by the same task have the same id, other logs have another.
// It is 32 lower-case hexadecimal digits.
func (h Header) ID(to Point) string {
	text := fmt.Sprintf("%q %q %d %v %v", h.Project, h.Task, h.Shard, h.From, to)
	var sum [16]byte
	for i, seed := range []string{"a", "b"} {
		d := xxhash.New()
		_, _ = d.WriteString(seed)
		_, _ = d.WriteString(text)
		d.Sum(sum[8*i : 8*i])
	}
	return hex.EncodeToString(sum[:])
}

// Point is a place between two logs of a shard: before the log with this index in the log group at this position.
type Point struct {
	Position sluice.Position
	Index    int
}

// String is position.index.
func (p Point) String() string { return fmt.Sprintf("%d.%d", p.Position, p.Index) }

// Compare orders points.
func (p Point) Compare(q Point) int {
	switch {
	case p.Position != q.Position:
		return cmpInt(p.Position < q.Position)
	case p.Index != q.Index:
		return cmpInt(p.Index < q.Index)
	}
	return 0
}

func cmpInt(less bool) int {
	if less {
		return -1
	}
	return 1
}

// Entry is one log on its way out, as the pipeline made it.
type Entry struct {
	At            Point // of the log in its shard
	Time          uint32
	Nanos         uint32
	Topic, Source string
	Tags          []sluice.Field // of its log group
	Fields        []Field        // what the task chose, in its order
}

// Field is a key and a value as the destination gets them.
type Field struct {
	Key, Value string
	Kind       FieldKind
}

// FieldKind says how formats with types write a value.
type FieldKind uint8

// The kinds. The pipeline sets Number and Bool only for values that are one in JSON's grammar, and JSON only for valid JSON.
const (
	Text   FieldKind = iota // any bytes; what is not UTF-8 is replaced where the format wants UTF-8
	Number                  // a JSON number
	Bool                    // true or false
	JSON                    // a JSON object or array
	Absent                  // chosen by the task and not in the log: left out of objects, empty or null in columns
)

// Env is what sinks need of the server that they run in.
type Env struct {
	// Dial opens every connection that a sink makes, and refuses addresses that the operator does not allow. Never nil.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Project of the task, for sinks that keep projects apart.
	Project string
	// Local is the write door of this server, for the sink that writes to it. Nil where there is none.
	Local sluice.Appender
	// Dir is a directory for temporary files; the engine empties it at start.
	Dir string
	Now func() time.Time
	// Version of the server, for User-Agent and the like.
	Version string
	Logger  *slog.Logger
}
