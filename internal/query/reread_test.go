package query_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/query"
)

var polls = flag.Int64("polls", 8_000, "polls of TestReadersSeeAgainWhatTheySaw; make sim asks for a million")

// rereading is a logstore whose logs are asked for again and again while its index is in turmoil. Every log has an id of its own.
type rereading struct {
	*segmented
	acked   atomic.Int64  // logs with ids below it were acknowledged
	tickets chan struct{} // one for each poll; each round of churn gives some, so that neither side waits for long
	reading sync.RWMutex  // held by polls; whoever holds it alone may let time pass, for a query never lasts as long as segments are kept
}

const (
	rereadLogs   = 500 // in all
	roundTickets = 100
)

// append writes a log group of a few logs.
func (s *rereading) append() {
	first := s.acked.Load()
	g := &sluice.LogGroup{Topic: "t"}
	for i := range int64(5) {
		g.Records = append(g.Records, sluice.Record{
			Time:   uint32(s.Clock.Now().Unix() - (first+i)%50),
			Fields: []sluice.Field{{Key: "u", Value: fmt.Sprintf("id %d", first+i)}, {Key: "t", Value: strings.Repeat("some words ", 3)}},
		})
	}
	if _, _, err := s.door.Append(s.t.Context(), catalogtest.Ref, g); err != nil {
		s.t.Error(err)
	}
	s.acked.Add(int64(len(g.Records)))
}

// churn flushes, merges, makes anew under changing configurations, and buries, for so many polls.
func (s *rereading) churn(r *rand.Rand, polls int64) {
	defer close(s.tickets)
	ctx := s.t.Context()
	configs := []string{hostileConfig, strings.Replace(hostileConfig, `"caseSensitive": true`, `"caseSensitive": false`, 1)}
	for ; polls > 0; polls -= roundTickets {
		for range min(polls, roundTickets) {
			s.tickets <- struct{}{}
		}
		if s.acked.Load() < rereadLogs {
			s.append()
		}
		if err := s.index.Round(ctx); err != nil {
			s.t.Error(err)
			return
		}
		switch r.IntN(20) {
		case 0:
			if err := s.Catalog.UpdateIndex(ctx, catalogtest.Ref, json.RawMessage(configs[r.IntN(2)])); err != nil {
				s.t.Error(err)
			}
		case 1, 2:
			if err := s.index.StartRebuild(ctx, catalogtest.Ref, r.IntN(2) == 0, time.Now()); err != nil && sluice.KindOf(err) != sluice.AlreadyExists {
				s.t.Error(err)
			}
		case 3:
			s.reading.Lock()
			s.Clock.Advance(2 * time.Minute)
			if err := s.index.Round(ctx); err != nil {
				s.t.Error(err)
			}
			s.reading.Unlock()
		}
	}
}

// poll asks for one log that was acknowledged, or counts them all.
func (s *rereading) poll(r *rand.Rand) error {
	s.reading.RLock()
	defer s.reading.RUnlock()
	before := s.acked.Load()
	if before == 0 {
		return nil
	}
	f := query.Filter{Ref: catalogtest.Ref, Range: query.Range{From: 0, To: 3e18}}
	if r.IntN(50) == 0 {
		buckets, cover, err := s.indexed.Histogram(s.t.Context(), f, 1<<30)
		n := int64(0)
		for _, b := range buckets {
			n += b.Count
		}
		if after := s.acked.Load() + 5; err != nil || !cover.Complete || n < before || n > after {
			return fmt.Errorf("counted %d logs of %d to %d, complete %v: %w", n, before, after, cover.Complete, err)
		}
		return nil
	}
	id := fmt.Sprintf("id %d", r.Int64N(before))
	f.Search = fmt.Sprintf(`u:"%s"`, id)
	found, err := s.indexed.Logs(s.t.Context(), query.Page{Filter: f, Line: 10})
	if err != nil {
		return err
	}
	if len(found.Logs) != 1 || !found.Complete {
		return fmt.Errorf("%q, acknowledged long ago, is found %d times, complete %v", id, len(found.Logs), found.Complete)
	}
	return nil
}

// TestReadersSeeAgainWhatTheySaw looks for logs that were acknowledged, over and over, while segments are built, merged, made anew under
// other configurations and removed: each is there once, always.
func TestReadersSeeAgainWhatTheySaw(t *testing.T) {
	n := *polls
	if testing.Short() {
		n = 2000
	}
	s := &rereading{segmented: newSegmented(t), tickets: make(chan struct{}, roundTickets)}
	for range 20 {
		s.append()
	}
	var all sync.WaitGroup
	all.Go(func() { s.churn(rand.New(rand.NewPCG(1, 1)), n) })
	for reader := range uint64(3) {
		all.Go(func() {
			r := rand.New(rand.NewPCG(reader, 2))
			for range s.tickets {
				if err := s.poll(r); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d logs; the index is %+v", s.acked.Load(), s.index.Status())
}
