package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/internal/logpb"
)

const (
	besideRate   = 30 // log groups a second beside the probes, about 5 MB/s
	probeApart   = 50 * time.Millisecond
	givenUpAfter = 30 * time.Second
)

// visible measures how long it takes from sending a log until a search finds it, while other logs arrive. The search is asked again as
// soon as it is answered.
func (b *bench) visible(ctx context.Context) error {
	return b.beside(ctx, func(ctx context.Context, s *server, logstore string) error {
		c, err := dial(s.Addr)
		if err != nil {
			return err
		}
		defer c.Close()
		now := time.Now()
		ask := &searcher{conn: c, logstore: logstore, from: now.Add(-time.Minute).Unix(), to: now.Add(time.Hour).Unix()}
		took, err := probe(ctx, s, logstore, b.latencyFor, func(id string) error { return ask.until(ctx, id) })
		if err != nil {
			return err
		}
		b.report.add("search", "visible_p50", fmt.Sprintf("from sending a log until a search finds it, beside %d log groups a second, p50", besideRate), "ms", "",
			milliseconds(percentile(took, 50)))
		b.report.add("search", "visible_p99", "… p99", "ms", "≤ 1000", milliseconds(percentile(took, 99)))
		return nil
	})
}

// until asks for the log of an id again and again until it is found.
func (s *searcher) until(ctx context.Context, id string) error {
	for began := time.Now(); time.Since(began) < givenUpAfter && ctx.Err() == nil; {
		if found, err := s.logs("trace_id:"+id, 1, 0); err != nil || len(found) > 0 {
			return err
		}
	}
	return fmt.Errorf("a log cannot be found %v after it was put (%w)", givenUpAfter, ctx.Err())
}

const tails = 8 // at once, of which one follows the probes

// tail measures how long it takes from sending a log until one who follows the logstore with a filter has it.
func (b *bench) tail(ctx context.Context) error {
	return b.beside(ctx, func(ctx context.Context, s *server, logstore string) error {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		c, err := client.New(client.Options{Endpoint: "http://" + s.Addr, AccessKeyID: accessKeyID, Secret: accessSecret})
		if err != nil {
			return err
		}
		ref := sluice.LogstoreRef{Project: project, Logstore: logstore}
		arrived := make(chan string)
		followers, following := errgroup.WithContext(ctx)
		for i := range tails {
			q := client.TailQuery{Query: fmt.Sprintf("message:nothing%d", i), From: time.Now()}
			if i == 0 {
				q.Query = "message:probe"
			}
			followers.Go(func() error { return follow(following, c, ref, q, arrived) })
		}
		took, err := probe(ctx, s, logstore, b.latencyFor, func(id string) error { return arrives(following, arrived, id) })
		stop()
		if err := errors.Join(err, followers.Wait()); err != nil {
			return err
		}
		for _, p := range []struct {
			name, what, goal string
			rank             float64
		}{
			{"tail_p50", fmt.Sprintf("from sending a log until one of %d live tails with a filter has it, p50", tails), "", 50},
			{"tail_p95", "… p95", "≤ 500", 95},
			{"tail_p99", "… p99", "", 99},
		} {
			b.report.add("search", p.name, p.what, "ms", p.goal, milliseconds(percentile(took, p.rank)))
		}
		return nil
	})
}

// follow sends the ids of the logs that a tail yields until ctx is done.
func follow(ctx context.Context, c *client.Client, ref sluice.LogstoreRef, q client.TailQuery, arrived chan<- string) error {
	for e, err := range c.Tail(ctx, ref, q) {
		if err != nil {
			return err
		}
		if e.SkippedLogs > 0 || e.Damaged {
			return fmt.Errorf("a tail misses %d logs", e.SkippedLogs)
		}
		for _, row := range e.Rows {
			select {
			case arrived <- row.Get("trace_id"):
			case <-ctx.Done():
			}
		}
	}
	return nil
}

// arrives waits until a tail has the log of an id, which is the next one.
func arrives(ctx context.Context, arrived <-chan string, id string) error {
	late := time.NewTimer(givenUpAfter)
	defer late.Stop()
	select {
	case got := <-arrived:
		if got != id {
			return fmt.Errorf("a tail has log %q where %q is next", got, id)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-late.C:
		return fmt.Errorf("a tail does not have a log %v after it was put", givenUpAfter)
	}
}

// beside measures something while log groups arrive at a steady rate in a logstore with an index.
func (b *bench) beside(ctx context.Context, measure func(ctx context.Context, s *server, logstore string) error) error {
	s, err := b.start(ctx, "")
	if err != nil {
		return err
	}
	st, err := prepare(s, 2, weblogs.index)
	if err != nil {
		return err
	}
	background, err := b.bodiesOf(weblogs)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		_, err := pace(ctx, s, st, background.list, int(besideRate*b.latencyFor.Seconds()), 4, besideRate)
		return err
	})
	group.Go(func() error { return measure(ctx, s, st.names[0]) })
	if err := group.Wait(); err != nil {
		return err
	}
	return s.stop()
}

// probe puts logs of an id of their own for so long, waits for each until it is there, and returns how long that took, sorted.
func probe(ctx context.Context, s *server, logstore string, during time.Duration, there func(id string) error) ([]time.Duration, error) {
	c, err := dial(s.Addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	began := time.Now()
	ids := dice{rand.New(rand.NewSource(began.UnixNano()))}
	next := time.NewTicker(probeApart)
	defer next.Stop()
	var took []time.Duration
	for time.Since(began) < during || len(took) == 0 {
		id := ids.letters(32, hexDigits)
		one, err := probeOnce(c, logstore, id, there)
		if err != nil {
			return nil, err
		}
		took = append(took, one)
		select {
		case <-next.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	slices.Sort(took)
	return took, nil
}

func probeOnce(c *conn, logstore, id string, there func(id string) error) (time.Duration, error) {
	r := record(time.Now(), "trace_id", id, "message", "probe")
	packed, err := pack(nil, logpb.Append(nil, &sluice.LogGroup{Topic: "probe", Records: []sluice.Record{r}}))
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := c.put(logstore, "", &packed); err != nil {
		return 0, err
	}
	err = there(id)
	return time.Since(began), err
}
