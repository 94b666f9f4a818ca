package collector

import (
	"fmt"
	"sync"
	"time"
)

// Counts are what a cycle, or a service since its start, has done. At the end of a cycle
// Received = Duplicates + Sent + Refused, but for a batch that one cycle received and the next one sent.
type Counts struct {
	Requests   int64
	Received   int64
	Duplicates int64 // filtered out
	Sent       int64 // to every output
	Refused    int64 // by an output, for good; kept in a file
}

func (c *Counts) add(d Counts) {
	c.Requests += d.Requests
	c.Received += d.Received
	c.Duplicates += d.Duplicates
	c.Sent += d.Sent
	c.Refused += d.Refused
}

// statistics are the counts of one cycle. Parts share them.
type statistics struct {
	id    int64
	began time.Time
	now   func() time.Time

	mu     sync.Mutex // guards counts
	counts Counts
}

func (s *statistics) add(d Counts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.add(d)
}

func (s *statistics) total() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// line is the sentence about the cycle, which may not be over.
func (s *statistics) line(partial bool) string {
	c := s.total()
	prefix := ""
	if partial {
		prefix = "(Partial) "
	}
	rate := 0.0
	if took := s.now().Sub(s.began).Seconds(); took > 0 {
		rate = float64(c.Sent) / took
	}
	return fmt.Sprintf("%sStatistics for this pull cycle (%s=%d):Number of requests made: %d; Number of events received: %d; "+
		"Number of duplicated events filtered out: %d; Number of events generated and sent: %d; Average of events per second: %.3f.",
		prefix, PullingID, s.id, c.Requests, c.Received, c.Duplicates, c.Sent, rate)
}
