package shard

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/wal"
)

// view is where a log's groups are at one moment. Its slices are never changed, only replaced in the log.
type view struct {
	files     []*sealed
	tail      []located
	tailStart sluice.Position
	end       sluice.Position
	version   uint64
}

func (l *Log) view() (view, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.dropped {
		return view{}, ErrUnknownLog
	}
	return view{files: l.files, tail: l.tail, tailStart: l.tailStart, end: l.end, version: l.version}, nil
}

func (v *view) begin() sluice.Position {
	if len(v.files) > 0 {
		return v.files[0].first
	}
	return v.tailStart
}

// Bounds returns the first position held and the one the next group will get. begin == end when nothing is held.
func (l *Log) Bounds() (begin, end sluice.Position) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	v := view{files: l.files, tailStart: l.tailStart}
	return v.begin(), l.end
}

// Size returns the bytes that the groups take, stored and raw.
func (l *Log) Size() (stored, raw int64) {
	v, err := l.view()
	if err != nil {
		return 0, 0
	}
	for _, f := range v.files {
		stored += f.size
		raw += f.raw
	}
	for i := range v.tail {
		stored += int64(v.tail[i].stored)
		raw += int64(v.tail[i].raw)
	}
	return stored, raw
}

// Batch is what Read returns. The groups' Data belongs to the batch until Release.
type Batch struct {
	Groups []Group
	Next   sluice.Position // where to read on
	End    sluice.Position // the end of the log when the batch was read
	bufs   []*[]byte
}

// buffers are reused between reads. Large ones are left to the collector, so that a burst of wide reads does not stay.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

const maxPooled = 4 << 20

func (b *Batch) buffer(n int) []byte {
	p := buffers.Get().(*[]byte)
	if cap(*p) < n {
		*p = make([]byte, n)
	}
	b.bufs = append(b.bufs, p)
	return (*p)[:n]
}

// Release gives the batch's memory back.
func (b *Batch) Release() {
	for _, p := range b.bufs {
		if cap(*p) <= maxPooled {
			buffers.Put(p)
		}
	}
	b.bufs, b.Groups = nil, nil
}

// limits of a read.
type limits struct {
	to     sluice.Position
	groups int
	raw    int
}

// Read returns groups from position from on, in order and without gaps: at most maxGroups and, beyond the first, at most
// maxRaw protobuf bytes, and none at or behind to (0: no limit). A from older than the log starts at its begin. At the end
// it returns an empty batch at once. Errors: ErrPosition behind the end, *CorruptError when from itself cannot be read,
// ErrUnknownLog.
func (l *Log) Read(from, to sluice.Position, maxGroups, maxRaw int) (*Batch, error) {
	const tries = 16 // files move seldom; a reader that loses this often is not reading what it thinks
	for try := 0; ; try++ {
		v, err := l.view()
		if err != nil {
			return nil, err
		}
		if from > v.end {
			return nil, fmt.Errorf("%w: %d is behind the end %d", ErrPosition, from, v.end)
		}
		lim := limits{to: min(max(to, 0), v.end), groups: maxGroups, raw: maxRaw}
		if to == 0 {
			lim.to = v.end
		}
		at := max(from, v.begin())
		b := &Batch{Next: at, End: v.end}
		for err == nil && lim.groups > 0 && b.Next < lim.to && (lim.raw > 0 || len(b.Groups) == 0) {
			err = l.readSome(&v, b, &lim)
		}
		if err == nil || len(b.Groups) > 0 {
			return b, nil
		}
		b.Release()
		moved := errors.Is(err, errMoved)
		if now, gone := l.view(); gone != nil {
			return nil, gone
		} else if now.version != v.version {
			moved = true
		}
		if !moved || try == tries {
			return nil, l.s.noteDamage(err)
		}
	}
}

// readSome adds what one file, or the tail, gives.
func (l *Log) readSome(v *view, b *Batch, lim *limits) error {
	if b.Next >= v.tailStart {
		return l.readTail(v, b, lim)
	}
	i := sort.Search(len(v.files), func(i int) bool { return v.files[i].end > b.Next })
	if i == len(v.files) || v.files[i].first > b.Next {
		next := v.tailStart
		if i < len(v.files) {
			next = v.files[i].first
		}
		return &CorruptError{File: l.dir, What: "no file holds these positions", Position: b.Next, Next: next}
	}
	return l.readSealed(v.files[i], b, lim)
}

func (l *Log) readSealed(f *sealed, b *Batch, lim *limits) error {
	want := min(lim.groups, int(min(lim.to, f.end)-b.Next))
	es, err := f.entries(l.s.handles, b.Next, want)
	if err != nil {
		return err
	}
	n, stored := 0, 0
	for n < len(es) && (int(es[n].raw) <= lim.raw || n+len(b.Groups) == 0) {
		lim.raw -= int(es[n].raw)
		stored += int(es[n].stored)
		n++
	}
	if n < len(es) {
		defer func() { lim.raw = 0 }() // full
	}
	if n == 0 {
		return nil
	}
	es = es[:n]
	buf := b.buffer(stored)
	err = f.payloads(l.s.handles, es, b.Next, buf)
	var bad *CorruptError
	if errors.As(err, &bad) && bad.Position > b.Next {
		es, lim.raw = es[:bad.Position-b.Next], 0 // serve what comes before it
	} else if err != nil {
		return err
	}
	for i := range es {
		b.add(&es[i], buf[:es[i].stored:es[i].stored])
		buf = buf[es[i].stored:]
	}
	lim.groups -= len(es)
	return nil
}

func (b *Batch) add(e *entry, data []byte) {
	b.Groups = append(b.Groups, Group{
		Block:    Block{Data: data, Raw: int(e.raw), Tail: int(e.tail), Logs: int(e.logs)},
		Position: b.Next, Received: time.Unix(0, e.received),
	})
	b.Next++
}

// readTail reads from the journal, one group after another: those of other logs lie between.
func (l *Log) readTail(v *view, b *Batch, lim *limits) error {
	tail := v.tail[b.Next-v.tailStart:]
	for i := range tail {
		e := &tail[i]
		if b.Next >= lim.to || lim.groups == 0 || len(b.Groups) > 0 && lim.raw < int(e.raw) {
			lim.raw = 0
			return nil
		}
		if e.file == 0 {
			return l.hole(v, b.Next)
		}
		buf := b.buffer(int(e.stored))
		err := l.s.journal.Read(e.ref(), buf)
		switch {
		case errors.Is(err, wal.ErrGone):
			return errMoved
		case errors.Is(err, wal.ErrChecksum):
			return &CorruptError{
				File: l.s.journal.Name(e.file), Offset: e.offset, What: err.Error(), Position: b.Next, Next: b.Next + 1,
			}
		case err != nil:
			return err
		}
		b.add(&e.entry, buf)
		lim.groups--
		lim.raw -= int(e.raw)
	}
	return nil
}

func (e *located) ref() wal.Ref {
	return wal.Ref{File: e.file, Offset: e.offset, Length: e.stored, CRC: e.crc}
}

// hole reports the groups from p on that damage to the journal has taken.
func (l *Log) hole(v *view, p sluice.Position) error {
	next := p
	for next < v.end && v.tail[next-v.tailStart].file == 0 {
		next++
	}
	return &CorruptError{File: l.s.dir, What: "lost with a damaged part of the journal", Position: p, Next: next}
}

// Wait blocks until the log's end is past from, the log is dropped, or ctx ends.
func (l *Log) Wait(ctx context.Context, from sluice.Position) error {
	for {
		appended, err := l.Appended(from)
		if err != nil || appended == nil {
			return err
		}
		select {
		case <-appended:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Appended returns a channel that is closed at the next append, or when the log is dropped; nil if the log's end is past from already.
func (l *Log) Appended(from sluice.Position) (<-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dropped {
		return nil, ErrUnknownLog
	}
	if l.end > from {
		return nil, nil
	}
	if l.wake == nil {
		l.wake = make(chan struct{})
	}
	return l.wake, nil
}

// Seek returns the first position held that was received at or after t, the end if there is none. It is right when the
// clock has stepped back, too.
func (l *Log) Seek(t time.Time) (sluice.Position, error) {
	at, p := t.UnixNano(), sluice.Position(0)
	err := l.retry(func(v *view) (err error) {
		for _, f := range v.files {
			if f.bad == nil && f.first < f.end && f.newest >= at {
				p, err = f.seek(l.s.handles, at)
				return err
			}
		}
		i := sort.Search(len(v.tail), func(i int) bool { return v.tail[i].newest >= at })
		p = v.tailStart + sluice.Position(i)
		// newest may come from a group that has moved to a file since; then the file was searched and has none.
		for i < len(v.tail) && v.tail[i].received < at {
			i++
			p++
		}
		return nil
	})
	return p, err
}

// ReceivedAt returns when the group at p was received; the clock's time for the end. ErrPosition outside the bounds.
func (l *Log) ReceivedAt(p sluice.Position) (time.Time, error) {
	var at time.Time
	err := l.retry(func(v *view) error {
		switch {
		case p < v.begin() || p > v.end:
			return fmt.Errorf("%w: %d is not in %d to %d", ErrPosition, p, v.begin(), v.end)
		case p == v.end:
			at = l.s.o.Now()
			return nil
		case p >= v.tailStart:
			e := &v.tail[p-v.tailStart]
			if e.file == 0 {
				return l.hole(v, p)
			}
			at = time.Unix(0, e.received)
			return nil
		}
		i := sort.Search(len(v.files), func(i int) bool { return v.files[i].end > p })
		if i == len(v.files) || v.files[i].first > p {
			return &CorruptError{File: l.dir, What: "no file holds this position", Position: p, Next: p + 1}
		}
		es, err := v.files[i].entries(l.s.handles, p, 1)
		if err == nil {
			at = time.Unix(0, es[0].received)
		}
		return err
	})
	return at, err
}

// retry runs fn on views until none of its files moved away under it.
func (l *Log) retry(fn func(*view) error) error {
	for {
		v, err := l.view()
		if err != nil {
			return err
		}
		if err = fn(&v); !errors.Is(err, errMoved) {
			return l.s.noteDamage(err)
		}
	}
}
