package indexer

import (
	"errors"
	"math"
	"slices"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/shard"
)

// What is read at once, of all shards of a logstore together. A group larger than a shard's part of it comes alone.
const (
	readGroups = 256
	readBytes  = 8 << 20
)

// feed gives the log groups that wait in the shards of a logstore, the one that was received first before the others, whatever its
// shard: so rows come nearly in the order of time, and no shard waits for another.
type feed struct {
	waiting []*source
	runs    []meta.Run // what was taken, one run for each shard
	damaged bool       // a shard log could not be read to the end
}

// source is one shard of a feed.
type source struct {
	id       sluice.ShardID
	log      *shard.Log
	end, at  sluice.Position // at: of what is to be read, or taken, next
	run      int             // of feed.runs
	batch    *shard.Batch
	taken    int // groups of batch
	maxBytes int
	damaged  bool
}

// newFeed begins with what is behind the positions of progress.
func newFeed(shards []catalog.Shard, progress map[sluice.ShardID]sluice.Position) (*feed, error) {
	return openFeed(shards, func(s *catalog.Shard) (from, to sluice.Position) { return progress[s.ID], math.MaxInt64 })
}

// openFeed begins and ends each shard's log where bounds says, as far as there is something.
func openFeed(shards []catalog.Shard, bounds func(*catalog.Shard) (from, to sluice.Position)) (*feed, error) {
	f := &feed{}
	for i := range shards {
		s := &shards[i]
		begin, end := s.Stored.Bounds()
		from, to := bounds(s)
		src := &source{
			id: s.ID, log: s.Stored, end: min(end, to), at: max(begin, from), run: -1, maxBytes: max(1, readBytes/len(shards)),
		}
		more, err := src.fill()
		if err != nil {
			f.close()
			return nil, err
		}
		f.damaged = f.damaged || src.damaged
		if more {
			f.waiting = append(f.waiting, src)
		}
	}
	return f, nil
}

// fill reads groups unless some are left, and reports whether there is one.
func (s *source) fill() (more bool, err error) {
	for s.batch == nil || s.taken == len(s.batch.Groups) {
		s.release()
		if s.at >= s.end {
			return false, nil
		}
		s.batch, err = s.log.Read(s.at, s.end, readGroups, s.maxBytes)
		var bad *shard.CorruptError
		switch {
		case errors.As(err, &bad): // what lies behind stays with the shard log, where every search meets the damage and says so
			s.damaged = true
			return false, nil
		case errors.Is(err, shard.ErrUnknownLog):
			return false, nil
		case err != nil:
			return false, err
		}
		if len(s.batch.Groups) == 0 {
			s.at = max(s.batch.Next, s.at+1)
		}
	}
	return true, nil
}

func (s *source) release() {
	if s.batch != nil {
		s.batch.Release()
	}
	s.batch, s.taken = nil, 0
}

// next returns the next group, nil if there is none. It is valid until take or close.
func (f *feed) next() (*shard.Group, sluice.ShardID) {
	var first *source
	for _, s := range f.waiting {
		if first == nil || s.group().Received.Before(first.group().Received) {
			first = s
		}
	}
	if first == nil {
		return nil, 0
	}
	return first.group(), first.id
}

func (s *source) group() *shard.Group { return &s.batch.Groups[s.taken] }

// take is done with a group that next returned.
func (f *feed) take(id sluice.ShardID) error {
	at := slices.IndexFunc(f.waiting, func(s *source) bool { return s.id == id })
	s := f.waiting[at]
	p := s.group().Position
	if s.run < 0 {
		s.run = len(f.runs)
		f.runs = append(f.runs, meta.Run{Shard: id, From: p})
	}
	s.at = p + 1
	f.runs[s.run].To = s.at
	s.taken++
	more, err := s.fill()
	f.damaged = f.damaged || s.damaged
	if !more {
		s.release()
		f.waiting = slices.Delete(f.waiting, at, at+1)
	}
	return err
}

// left returns how many groups wait.
func (f *feed) left() (n int64) {
	for _, s := range f.waiting {
		n += int64(s.end - s.at)
	}
	return n
}

// rest is what was not taken.
func (f *feed) rest() (runs []meta.Run) {
	for _, s := range f.waiting {
		runs = append(runs, meta.Run{Shard: s.id, From: s.at, To: s.end})
	}
	return runs
}

func (f *feed) close() {
	for _, s := range f.waiting {
		s.release()
	}
	f.waiting = nil
}
