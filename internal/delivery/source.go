package delivery

import (
	"container/list"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/shard"
)

// Size of one read of a shard log, and of what a worker holds of it decoded: logs that compress well take twenty times as much.
const (
	readGroups = 256
	readBytes  = 512 << 10 // stored
	runBytes   = 4 << 20   // decoded; at least one group
)

// group is a decoded log group. Many tasks read it; nobody changes it.
type group struct {
	*sluice.LogGroup
	position sluice.Position
	received time.Time
	size     int64 // what it takes of memory, about
}

// groupKey names a log group over the whole installation.
type groupKey struct {
	log      sluice.LogID
	position sluice.Position
}

// source reads and decodes log groups. Those that were read last are kept, so that tasks that are near the same place of a shard cost
// one read and one decoding; tasks that are far behind read for themselves. It is safe for concurrent use.
type source struct {
	limit int64

	mu      sync.Mutex // guards the rest
	kept    map[groupKey]*list.Element
	order   list.List // of *keptGroup, the last used first
	bytes   int64
	reading map[sluice.LogID][]*read
	seen    map[sluice.LogID]sluice.Position // how far each log was read; a few bytes for each log that there ever was

	reads, again, decoded atomic.Int64 // reads of shard logs, those of them that began before what was seen, and groups decoded
}

type keptGroup struct {
	key groupKey
	*group
}

// read is a read under way. Those who want a group that it may return wait for it.
type read struct {
	from sluice.Position
	done chan struct{}
}

func newSource(limit int64) *source {
	return &source{limit: limit, kept: map[groupKey]*list.Element{}, reading: map[sluice.LogID][]*read{}, seen: map[sluice.LogID]sluice.Position{}}
}

// from returns the groups from a position on that are at hand or come with one read; none at the end of the log. The first may be at a
// later position, where retention took what was before it. Errors are those of shard.Log.Read; where from itself cannot be read or
// decoded it is a *shard.CorruptError.
func (s *source) from(l *shard.Log, from sluice.Position) ([]*group, error) {
	begin, end := l.Bounds()
	if from = max(from, begin); from == end { // what retention took is not served from memory
		return nil, nil
	}
	for {
		run, busy := s.find(l.ID(), from)
		switch {
		case len(run) > 0:
			return run, nil
		case busy != nil:
			<-busy.done
		default:
			return s.read(l, from)
		}
	}
}

// find returns the groups at hand, or the read that may bring them. If there is neither, the caller has to read, and others wait for it.
func (s *source) find(log sluice.LogID, from sluice.Position) ([]*group, *read) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var run []*group
	for bytes := int64(0); len(run) < readGroups && bytes < runBytes; {
		e, ok := s.kept[groupKey{log, from + sluice.Position(len(run))}]
		if !ok {
			break
		}
		s.order.MoveToFront(e)
		g := e.Value.(*keptGroup).group
		run, bytes = append(run, g), bytes+g.size
	}
	if len(run) > 0 {
		return run, nil
	}
	for _, r := range s.reading[log] {
		if r.from <= from && from < r.from+readGroups {
			return nil, r
		}
	}
	s.reading[log] = append(s.reading[log], &read{from: from, done: make(chan struct{})})
	if from < s.seen[log] {
		s.again.Add(1)
	}
	return nil, nil
}

// read reads and decodes from the log, keeps what it got, and lets go whoever waits. It follows a find that said so.
func (s *source) read(l *shard.Log, from sluice.Position) ([]*group, error) {
	defer s.ended(l.ID(), from)
	s.reads.Add(1)
	b, err := l.Read(from, 0, readGroups, readBytes)
	if err != nil {
		return nil, err
	}
	defer b.Release()
	run := make([]*group, 0, len(b.Groups))
	bytes := int64(0)
	for i := range b.Groups {
		if bytes >= runBytes {
			break
		}
		g, err := decode(&b.Groups[i])
		if err != nil {
			if len(run) > 0 {
				break // serve what comes before it
			}
			p := b.Groups[i].Position
			return nil, &shard.CorruptError{File: "log " + l.ID().String(), What: err.Error(), Position: p, Next: p + 1}
		}
		run, bytes = append(run, g), bytes+g.size
	}
	s.decoded.Add(int64(len(run)))
	s.keep(l.ID(), run)
	return run, nil
}

func (s *source) ended(log sluice.LogID, from sluice.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.reading[log]
	for i, r := range all {
		if r.from == from {
			close(r.done)
			all[i] = all[len(all)-1]
			s.reading[log] = all[:len(all)-1]
			break
		}
	}
	if len(s.reading[log]) == 0 {
		delete(s.reading, log)
	}
}

func (s *source) keep(log sluice.LogID, run []*group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(run) > 0 {
		s.seen[log] = max(s.seen[log], run[len(run)-1].position+1)
	}
	for _, g := range run {
		key := groupKey{log, g.position}
		if _, there := s.kept[key]; there || g.size > s.limit {
			continue
		}
		s.kept[key] = s.order.PushFront(&keptGroup{key, g})
		s.bytes += g.size
	}
	for s.bytes > s.limit {
		last := s.order.Back()
		old := s.order.Remove(last).(*keptGroup)
		delete(s.kept, old.key)
		s.bytes -= old.size
	}
}

// unpacked pools the bytes between decompression and decoding.
var unpacked = sync.Pool{New: func() any { return new([]byte) }}

// maxUnpacked is the largest buffer that is pooled.
const maxUnpacked = 4 << 20

func decode(stored *shard.Group) (*group, error) {
	raw := unpacked.Get().(*[]byte)
	defer func() {
		if cap(*raw) <= maxUnpacked {
			unpacked.Put(raw)
		}
	}()
	text, err := logpb.Decompress(*raw, logpb.LZ4, stored.Data, stored.Raw)
	if err != nil {
		return nil, fmt.Errorf("the log group is not what was checked when it was written: %w", err)
	}
	*raw = text
	decoded, err := logpb.Decode(text)
	if err != nil {
		return nil, fmt.Errorf("the log group is not what was checked when it was written: %w", err)
	}
	const perRecord, perField = 48, 32
	size := int64(len(text)) + perRecord*int64(len(decoded.Records))
	for i := range decoded.Records {
		size += perField * int64(len(decoded.Records[i].Fields))
	}
	return &group{LogGroup: decoded, position: stored.Position, received: stored.Received, size: size}, nil
}

// damageEnd returns where to go on behind damage, if err reports some.
func damageEnd(err error) (sluice.Position, bool) {
	var bad *shard.CorruptError
	if errors.As(err, &bad) {
		return bad.Next, true
	}
	return 0, false
}
