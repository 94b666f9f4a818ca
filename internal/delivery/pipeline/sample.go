package pipeline

import (
	"encoding/binary"
	"math"

	"github.com/cespare/xxhash/v2"
)

// requestID is the field that names the request a log is about: one request is in the sample with all its logs, or with none.
const requestID = "ClientRequestID"

// sampler keeps a share of logs: those whose hash, over the task's name and theirs, is low enough.
type sampler struct {
	task  xxhash.Digest // has read the task's name
	below uint64        // the share of 2^64
	id    place
}

// newSampler returns nil for a sample of all.
func newSampler(percent *float64, task string) (*sampler, error) {
	if percent == nil || *percent == 100 {
		return nil, nil
	}
	if !(*percent > 0 && *percent < 100) {
		return nil, invalid("sample: %v is not a percentage over 0 and up to 100; to ship nothing, take the task offline", *percent)
	}
	s := &sampler{below: uint64(math.Ldexp(*percent/100, 64)), id: place{name: requestID}}
	s.task.Reset()
	_, _ = s.task.WriteString(task)
	return s, nil
}

func (s *sampler) keeps(l *view) bool {
	d := s.task
	if id, ok := l.value(&s.id); ok && id != "" && id != "-" {
		_, _ = d.WriteString(id)
		return d.Sum64() < s.below
	}
	var id [20]byte
	binary.BigEndian.PutUint32(id[:], uint32(l.shard))
	binary.BigEndian.PutUint64(id[4:], uint64(l.at.Position))
	binary.BigEndian.PutUint64(id[12:], uint64(l.at.Index))
	_, _ = d.Write(id[:])
	return d.Sum64() < s.below
}
