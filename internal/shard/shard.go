// Package shard stores shard logs. Under construction: this file is the contract.
package shard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/vfs"
)

// Block is one log group as it is stored and served: its protobuf bytes as one LZ4 block.
type Block struct {
	Data []byte // the LZ4 block
	Raw  int    // length of the protobuf bytes, 1 to MaxBlock
	Tail int    // where in Data the last sequence starts (see lz4block.Tail)
	Logs int    // how many logs the group holds
}

// Group is a stored block.
type Group struct {
	Block
	Position sluice.Position
	Received time.Time // the server's clock at append; may step back where the clock did
}

// Errors of a Log, to be told apart with errors.Is.
var (
	ErrUnknownLog = errors.New("unknown log")                             // dropped, or never created
	ErrSealed     = errors.New("log is sealed")                           // split, merged or being dropped: append elsewhere
	ErrDiskFull   = errors.New("disk full")                               // appends resume by themselves
	ErrFailed     = errors.New("journal failed, read-only until restart") // after a failed write or sync
	ErrPosition   = errors.New("position outside the log")                // before the begin or after the end
	ErrClosed     = errors.New("store is closed")
)

// CorruptError reports bytes on disk that are not what was written. They are never served; what lies around them is.
type CorruptError struct {
	File     string
	Offset   int64
	What     string          // which check failed
	Position sluice.Position // the first position that cannot be read
	Next     sluice.Position // the first position behind the damage
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("corrupt data in %s at offset %d (%s): positions %d to %d cannot be read, reading can go on at %d",
		e.File, e.Offset, e.What, e.Position, e.Next-1, e.Next)
}

// Options of a store. The zero value of a field means the default in brackets.
type Options struct {
	Logger           *slog.Logger
	Now              func() time.Time
	JournalFileBytes int64 // [64 MiB] size of one journal file
	JournalBytes     int64 // [1 GiB] journal kept before logs are moved to sealed files
	MinFreeBytes     int64 // [128 MiB] appends stop when the disk has less
}

// Store is the shard logs of one node over one journal.
type Store struct{}

// Open opens the store in dir, making it if needed, and recovers what the last run acknowledged.
func Open(ctx context.Context, fsys vfs.FS, dir string, o Options) (*Store, error) {
	return nil, errors.ErrUnsupported
}

// Log opens the log with this number, making it if needed; base is the position of its first group ever.
func (s *Store) Log(id sluice.LogID, base sluice.Position) (*Log, error) {
	return nil, errors.ErrUnsupported
}

// Retain drops the data of every log that was not opened with Log since the store was opened: what a crash left of logs
// that metadata no longer knows. Call it once, when all logs are open.
func (s *Store) Retain() error { return errors.ErrUnsupported }

// Drop removes a log and its data. Calls on its Log fail with ErrUnknownLog.
func (s *Store) Drop(id sluice.LogID) error { return errors.ErrUnsupported }

// Close waits for appends in flight and closes the files.
func (s *Store) Close() error { return errors.ErrUnsupported }

// Log is one shard's log. It is safe for concurrent use.
type Log struct{}

// Append stores b and returns its position. A nil error means that b is on disk; on any error b was not stored, or
// (ErrFailed) may turn up after a restart. b.Data must not change until Append returns. Errors: ErrSealed, ErrDiskFull,
// ErrFailed, ErrUnknownLog, ErrClosed, or ctx's if it ends while waiting (the group may then be stored).
func (l *Log) Append(ctx context.Context, b Block) (sluice.Position, error) {
	return 0, errors.ErrUnsupported
}

// Seal makes every later Append fail with ErrSealed and waits for those in flight. Unseal takes it back. The seal is not
// kept on disk: whoever knows from metadata that a shard is read-only seals its log after opening it.
func (l *Log) Seal()   {}
func (l *Log) Unseal() {}

// Bounds returns the first position held and the one the next group will get. begin == end when nothing is held.
func (l *Log) Bounds() (begin, end sluice.Position) { return 0, 0 }

// Batch is what Read returns. The groups' Data belongs to the batch until Release.
type Batch struct {
	Groups []Group
	Next   sluice.Position // where to read on
	End    sluice.Position // the end of the log when the batch was read
}

// Release gives the batch's memory back.
func (b *Batch) Release() {}

// Read returns groups from position from on, in order and without gaps: at most maxGroups and, beyond the first, at most
// maxRaw protobuf bytes, and none at or behind to (0: no limit). A from older than the log starts at its begin. At the end
// it returns an empty batch at once. Errors: ErrPosition behind the end, *CorruptError when from itself cannot be read.
func (l *Log) Read(from, to sluice.Position, maxGroups, maxRaw int) (*Batch, error) {
	return nil, errors.ErrUnsupported
}

// Wait blocks until the log's end is past from, the log is dropped, or ctx ends.
func (l *Log) Wait(ctx context.Context, from sluice.Position) error { return errors.ErrUnsupported }

// Seek returns the first position received at or after t, the end if there is none.
func (l *Log) Seek(t time.Time) (sluice.Position, error) { return 0, errors.ErrUnsupported }

// ReceivedAt returns when the group at p was received; the clock's time for the end. ErrPosition outside the bounds.
func (l *Log) ReceivedAt(p sluice.Position) (time.Time, error) {
	return time.Time{}, errors.ErrUnsupported
}

// Trim removes whole files whose groups were all received before t.
func (l *Log) Trim(t time.Time) error { return errors.ErrUnsupported }

// Size returns the bytes the log holds: stored, and raw.
func (l *Log) Size() (stored, raw int64) { return 0, 0 }
