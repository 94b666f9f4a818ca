package sluicelog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/client/sluicelog"
)

var ref = sluice.LogstoreRef{Project: "proj", Logstore: "app"}

// store is a Sender in memory, for what depends on time. Everything else runs against a server.
type store struct {
	mu     sync.Mutex
	fail   func(g *sluice.LogGroup) error // nil stores
	took   time.Duration                  // of a write
	groups [][]string
	at     []time.Time
}

func (s *store) PutLogs(ctx context.Context, _ sluice.LogstoreRef, g *sluice.LogGroup, _ client.PutOptions) error {
	select {
	case <-time.After(s.took):
	case <-ctx.Done():
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		if err := s.fail(g); err != nil {
			return err
		}
	}
	var texts []string
	for _, r := range g.Records {
		texts = append(texts, r.Fields[0].Value)
	}
	s.groups, s.at = append(s.groups, texts), append(s.at, time.Now())
	return nil
}

func (s *store) set(fail func(*sluice.LogGroup) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = fail
}

func (s *store) stored() [][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.groups)
}

func record(text string) sluice.Record {
	return sluice.Record{Time: uint32(time.Now().Unix()), Fields: []sluice.Field{{Key: "message", Value: text}}}
}

func open(t *testing.T, s *store, o sluicelog.Options) *sluicelog.Queue {
	t.Helper()
	if o.OnReport == nil {
		o.OnReport = func(sluicelog.Report) {}
	}
	q, err := sluicelog.Open(s, ref, o)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func add(t *testing.T, q *sluicelog.Queue, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err := q.Add(t.Context(), record(text)); err != nil {
			t.Errorf("add %q: %v", text, err)
		}
	}
}

func wantGroups(t *testing.T, s *store, want ...[]string) {
	t.Helper()
	if got := s.stored(); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("stored %v, want %v", got, want)
	}
}

func wantStats(t *testing.T, q *sluicelog.Queue, want sluicelog.Stats) {
	t.Helper()
	if got := q.Stats(); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

func TestBatchesByAgeAndSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		q := open(t, s, sluicelog.Options{BatchSize: 3, PutWait: 2 * time.Second})
		begun := time.Now()
		add(t, q, "a")
		time.Sleep(time.Second)
		add(t, q, "b")
		time.Sleep(999 * time.Millisecond)
		synctest.Wait()
		wantGroups(t, s)
		time.Sleep(time.Millisecond) // a is two seconds old
		synctest.Wait()
		wantGroups(t, s, []string{"a", "b"})
		add(t, q, "c", "d", "e", "f") // three at once fill a batch
		synctest.Wait()
		wantGroups(t, s, []string{"a", "b"}, []string{"c", "d", "e"})
		if err := q.Close(); err != nil {
			t.Error(err)
		}
		wantGroups(t, s, []string{"a", "b"}, []string{"c", "d", "e"}, []string{"f"})
		if took := time.Since(begun); took != 2*time.Second {
			t.Errorf("it took %v; Close is not to wait for a batch to fill", took)
		}
		wantStats(t, q, sluicelog.Stats{Queued: 6, Sent: 6})
	})
}

func TestFullQueueWaitsOnceAndDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		away := errors.New("connection refused")
		s.set(func(*sluice.LogGroup) error { return away })
		var reports []sluicelog.Report
		q := open(t, s, sluicelog.Options{
			QueueSize: 2, BatchSize: 1, PutWait: time.Second, CloseWait: time.Minute,
			OnReport: func(r sluicelog.Report) { reports = append(reports, r) }, ReportEvery: time.Minute,
		})
		add(t, q, "in the air")
		synctest.Wait()
		add(t, q, "a", "b")
		begun := time.Now()
		for range 3 {
			if err := q.Add(t.Context(), record("lost")); !errors.Is(err, sluicelog.ErrFull) {
				t.Errorf("add to a full queue: %v", err)
			}
		}
		if waited := time.Since(begun); waited != 2*time.Second {
			t.Errorf("three logs waited %v, want twice PutWait for the first and nothing for the others", waited)
		}
		s.set(nil) // the server is back
		if err := q.Close(); err != nil {
			t.Error(err)
		}
		wantGroups(t, s, []string{"in the air"}, []string{"a"}, []string{"b"})
		got := q.Stats()
		if got.Retries == 0 {
			t.Error("no retries were counted")
		}
		got.Retries = 0
		if want := (sluicelog.Stats{Queued: 3, Sent: 3, Dropped: 3}); got != want {
			t.Errorf("stats %+v, want %+v", got, want)
		}
		var dropped int64
		for _, r := range reports {
			dropped += r.Dropped
		}
		if dropped != 3 || len(reports) != 2 || !errors.Is(reports[0].Err, away) {
			t.Errorf("reports %v: want the failure at once, and all drops", reports)
		}
	})
}

func TestRoomWakesWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{took: time.Second}
		q := open(t, s, sluicelog.Options{QueueSize: 1, PutWait: time.Second, FullWait: time.Minute})
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() { add(t, q, fmt.Sprint(i)) })
		}
		all.Wait()
		if err := q.Close(); err != nil {
			t.Error(err)
		}
		wantStats(t, q, sluicelog.Stats{Queued: 5, Sent: 5})
	})
}

func TestQueueIsBoundedInBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{took: time.Hour}
		q := open(t, s, sluicelog.Options{QueueBytes: 10_000, BatchSize: 1, FullWait: -1, CloseWait: time.Nanosecond})
		big := string(make([]byte, 20_000))
		add(t, q, "in the air")
		synctest.Wait()
		add(t, q, big) // larger than the queue, which is empty
		if err := q.Add(t.Context(), record("x")); !errors.Is(err, sluicelog.ErrFull) {
			t.Errorf("add beyond the bytes: %v", err)
		}
		if err := q.Close(); err == nil {
			t.Error("Close says nothing of two logs that it gave up")
		}
		wantStats(t, q, sluicelog.Stats{Queued: 2, Dropped: 3})
	})
}

func TestCloseGivesUpInTimeAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		away := errors.New("connection refused")
		s.set(func(*sluice.LogGroup) error { return away })
		q := open(t, s, sluicelog.Options{CloseWait: 3 * time.Second})
		add(t, q, "a", "b")
		begun := time.Now()
		err := q.Close()
		if !errors.Is(err, away) {
			t.Errorf("Close: %v, want what kept the logs from being sent", err)
		}
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("Close took %v", took)
		}
		if err := q.Add(t.Context(), record("late")); !errors.Is(err, sluicelog.ErrClosed) {
			t.Errorf("add after Close: %v", err)
		}
		if err := q.Close(); err != nil {
			t.Errorf("a second Close: %v", err)
		}
		if got := q.Stats(); got.Dropped != 3 || got.Waiting != 0 {
			t.Errorf("stats %+v", got)
		}
	})
}

// One log that the server refuses takes no other with it.
func TestRefusedLogIsDroppedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		s.set(func(g *sluice.LogGroup) error {
			for _, r := range g.Records {
				if r.Fields[0].Value == "bad" {
					return &client.Error{Status: 400, Code: "PostBodyInvalid", Message: "no"}
				}
			}
			return nil
		})
		q := open(t, s, sluicelog.Options{})
		add(t, q, "a", "b", "bad", "c", "d")
		if err := q.Close(); err != nil {
			t.Error(err)
		}
		if got, want := slices.Concat(s.stored()...), []string{"a", "b", "c", "d"}; !slices.Equal(got, want) {
			t.Errorf("stored %v, want %v", got, want)
		}
		wantStats(t, q, sluicelog.Stats{Queued: 5, Sent: 4, Dropped: 1})
	})
}

// OnReport may log through the queue that it reports of, without an avalanche.
func TestReportsDoNotFeedThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		s.set(func(*sluice.LogGroup) error { return errors.New("away") })
		var q *sluicelog.Queue
		calls := 0
		q = open(t, s, sluicelog.Options{
			QueueSize: 1, FullWait: -1, ReportEvery: time.Second, CloseWait: time.Second,
			OnReport: func(sluicelog.Report) {
				calls++
				for range 100 {
					q.Add(context.Background(), record("again")) //nolint:errcheck // most find no room, which is the point
				}
			},
		})
		add(t, q, "a")
		time.Sleep(10 * time.Second)
		if err := q.Close(); err == nil {
			t.Error("nothing was lost")
		}
		if calls > 13 {
			t.Errorf("%d reports in eleven seconds, want one a second", calls)
		}
	})
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []sluicelog.Options{{QueueSize: -1}, {PutWait: -1}, {BatchSize: -1}, {CloseWait: -1}, {HashKey: "zz"}} {
		if q, err := sluicelog.Open(&store{}, ref, o); err == nil {
			t.Errorf("options %+v are taken", o)
			q.Close()
		}
	}
	if _, err := sluicelog.Open(&store{}, sluice.LogstoreRef{Project: "p"}, sluicelog.Options{}); err == nil {
		t.Error("a queue without a logstore is opened")
	}
}
