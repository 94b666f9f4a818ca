// Package shard stores shard logs: append-only sequences of log groups, each with a position, readable from any position or
// time. All logs of a node share one journal, so that an acknowledgement costs the same for one busy shard and for a thousand.
//
//	Append ──> commit: one batch for all logs ──> journal (synced) ──> acknowledged, readable
//	                                                │
//	                                              mover, when the journal is long
//	                                                ▼
//	                        sealed files of one log each ──Trim──> gone, oldest first
//
// A group is in the journal or in a sealed file; a few words of memory say where its bytes in the journal are (the tail), and
// everything else is read from files. Nothing is cached here: the page cache does that.
//
// Invariants:
//   - A position is given once, grows by one per log group, and never moves.
//   - Append returns nil only after the group is on disk. Readers see a group only then.
//   - A sealed file's bytes never change; it gets its name after its bytes are on disk. Retention removes whole files.
//   - A log that once had data always has a file that says how far its positions got, even when all data is gone.
//   - Every byte read is checked. What does not match is reported with file and offset, and never served.
//   - Close waits for appends in flight; no goroutine outlives it.
package shard

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/vfs"
	"github.com/sluicelog/sluice/internal/wal"
)

// MaxBlock is the largest protobuf size of one log group.
const MaxBlock = 32 << 20

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

// Errors of a log, to be told apart with errors.Is.
var (
	ErrUnknownLog = errors.New("unknown log")                             // dropped
	ErrSealed     = errors.New("log is sealed")                           // split, merged or being dropped: append elsewhere
	ErrDiskFull   = errors.New("disk full")                               // appends resume by themselves
	ErrFailed     = errors.New("journal failed, read-only until restart") // after a failed sync
	ErrPosition   = errors.New("position outside the log")                // behind the end
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
	Logger           *slog.Logger     // [discard]
	Now              func() time.Time // [time.Now]
	Salt             func() uint64    // [crypto/rand] unguessable numbers for the journal
	JournalFileBytes int64            // [64 MiB] size of one journal file
	JournalBytes     int64            // [1 GiB] journal kept before logs are moved to sealed files
	FileBytes        int64            // [256 MiB] size that sealed files grow to
	MinFreeBytes     int64            // [128 MiB; -1 for none] appends stop when the disk has less
	ReserveBytes     int64            // [none] kept in the journal for AppendFromReserve; a multiple of 4 KiB
	// JournalOnDemand makes journal files when they are needed and not ahead: for tests that must always do the same. [false]
	JournalOnDemand bool
	// Committed is told of every batch: its groups, stored bytes, and how long write and sync took. [nothing]
	Committed func(groups int, bytes int64, took time.Duration)
}

// Store is the shard logs of one node over one journal. It is safe for concurrent use.
type Store struct {
	fs      vfs.FS
	dir     string
	o       Options
	journal *wal.Journal
	handles *handles

	mu   sync.Mutex // guards logs; taken before a log's mu
	logs map[sluice.LogID]*Log
	full atomic.Bool // the last batch found no room

	committing sync.Mutex // held while a batch is committed, and at the moment of a Hold
	holds      holds

	damageMu sync.Mutex // guards damage
	damage   []CorruptError

	commitMu sync.Mutex // guards the rest, and the writers part of each log
	filling  *group     // what the next batch will be
	kick     chan struct{}
	idle     *sync.Cond // a log's last append in flight has ended
	failed   error      // set once, by a failed sync or by Close

	moveKick chan struct{}
	stop     chan struct{}
	running  sync.WaitGroup
}

// Log is one shard's log. It is safe for concurrent use.
type Log struct {
	s   *Store
	id  sluice.LogID
	dir string

	// Where the groups are: files, then the tail in the journal, without a gap but for damage.
	mu        sync.RWMutex
	files     []*sealed // oldest first; the slice is replaced, never changed
	tail      []located // groups from tailStart to end; appended to, and replaced when they move
	tailStart sluice.Position
	end       sluice.Position
	version   uint64        // counts changes of place: a reader that saw another one looks again
	wake      chan struct{} // closed at the next append, if anybody waits
	dropped   bool

	moving sync.Mutex // held while files are made or removed; taken before mu
	stale  []*sealed  // files that are to be removed and are held, or could not be; none is one of files; guarded by moving

	// Writers; guarded by Store.commitMu.
	sealed   bool
	inFlight int

	known bool // opened by Log since the store was opened; guarded by Store.mu
}

// located is a group in the journal. File 0 marks a group that damage has taken.
type located struct {
	entry
	file uint64
}

// ID returns the number of the log.
func (l *Log) ID() sluice.LogID { return l.id }
