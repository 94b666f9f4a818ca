package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/internal/logpb"
)

// freshRate is how many megabytes a second arrive while freshness is measured.
const freshRate = 20

// fresh measures how old logs are when they are delivered by a task of small batches: every 50 ms there is one among the others that has the
// time at which it was sent.
func (b *bench) fresh(ctx context.Context) error {
	s, err := b.start(ctx, "", allowLoopback)
	if err != nil {
		return err
	}
	st, err := prepare(s, 2, nil)
	if err != nil {
		return err
	}
	var ages ages
	r, err := listenHTTP(ages.see)
	if err != nil {
		return err
	}
	err = b.freshOf(ctx, s, st, r, &ages)
	return errors.Join(err, r.close(), s.stop())
}

func (b *bench) freshOf(ctx context.Context, s *server, st *stores, r *receiver, ages *ages) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	const task = "fresh"
	if err := startTask(ctx, c, task, document(task, st.names[0], r.sink, map[string]any{"age": "200ms"}, nil)); err != nil {
		return err
	}
	rate := freshRate * 1e6 / float64(b.bodies.list[0].raw)
	groups := max(1, int(rate*b.latencyFor.Seconds()))
	marks := 0
	load, loading := errgroup.WithContext(ctx)
	load.Go(func() error {
		_, err := pace(loading, s, st, b.bodies.list, groups, connections, rate)
		return err
	})
	load.Go(func() (err error) {
		marks, err = putMarks(loading, s, st.names[0], b.latencyFor)
		return err
	})
	if err := load.Wait(); err != nil {
		return err
	}
	if _, err := waitDelivered(ctx, c, task, int64(groups*weblogs.groupRecords+marks)); err != nil {
		return err
	}
	took := ages.sorted()
	if len(took) != marks {
		return fmt.Errorf("%d logs with the time arrived of the %d that were sent", len(took), marks)
	}
	what := fmt.Sprintf("from sending a log until HTTP delivers it, at %d MB/s, p50", freshRate)
	b.report.add("delivery", "fresh_p50", what, "ms", "≤ 1000", milliseconds(percentile(took, 50)))
	b.report.add("delivery", "fresh_p99", "… p99", "ms", "≤ 5000", milliseconds(percentile(took, 99)))
	return nil
}

// putMarks puts logs with the time of now for so long, at least one, and returns how many.
func putMarks(ctx context.Context, s *server, logstore string, during time.Duration) (n int, err error) {
	c, err := dial(s.Addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	next := time.NewTicker(probeApart)
	defer next.Stop()
	for began := time.Now(); time.Since(began) < during || n == 0; n++ {
		now := time.Now()
		r := record(now, "mark", strconv.FormatInt(now.UnixNano(), 10))
		packed, err := pack(nil, logpb.Append(nil, &sluice.LogGroup{Topic: "mark", Records: []sluice.Record{r}}))
		if err != nil {
			return n, err
		}
		if err := c.put(logstore, "", &packed); err != nil {
			return n, err
		}
		select {
		case <-next.C:
		case <-ctx.Done():
			return n, ctx.Err()
		}
	}
	return n, nil
}

// ages gathers how old logs with a mark are when they arrive.
type ages struct {
	mu   sync.Mutex
	list []time.Duration
}

func (a *ages) see(body []byte) {
	now := time.Now()
	marked(body, func(value string) {
		sent, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return // a mark that is missed is missing in the end
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.list = append(a.list, now.Sub(time.Unix(0, sent)))
	})
}

func (a *ages) sorted() []time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(slices.Values(a.list))
}

// crowdRate is log groups a second, about 1.7 MB/s: each task looks at all of them.
const crowdRate = 10

// crowd measures what many tasks on one logstore take of memory when half of them cannot deliver, and how often they read what arrives,
// against one task alone. Tasks that can deliver pass on a log in forty.
func (b *bench) crowd(ctx context.Context) error {
	s, err := b.start(ctx, "", allowLoopback)
	if err != nil {
		return err
	}
	st, err := prepare(s, 2, nil)
	if err != nil {
		return err
	}
	r, err := listenHTTP(nil)
	if err != nil {
		return err
	}
	err = b.crowdOf(ctx, s, st, r)
	return errors.Join(err, r.close(), s.stop())
}

func (b *bench) crowdOf(ctx context.Context, s *server, st *stores, r *receiver) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	dead := map[string]any{"type": "http", "url": "http://127.0.0.1:1/", "compression": "gzip", "check": "connect"}
	host := map[string]any{"conditions": []any{map[string]any{"field": "host", "op": "equals", "values": []string{"web-07"}}}}
	live := func(i int) error {
		name := fmt.Sprintf("live-%d", i)
		return startTask(ctx, c, name, document(name, st.names[0], r.sink, map[string]any{"age": "1s"}, host))
	}
	if err := live(0); err != nil {
		return err
	}
	groups := max(1, int(crowdRate*b.latencyFor.Seconds()))
	logs := groups * weblogs.groupRecords
	alone, _, err := b.readsWhile(ctx, s, st, c, groups, logs)
	if err != nil {
		return err
	}
	if err := s.resetPeak(); err != nil {
		return err
	}
	for i := 1; i < b.tasks-b.tasks/2; i++ {
		if err := live(i); err != nil {
			return err
		}
	}
	for i := range b.tasks / 2 {
		name := fmt.Sprintf("dead-%d", i)
		if err := startTask(ctx, c, name, document(name, st.names[0], dead, nil, nil)); err != nil {
			return err
		}
	}
	if err := waitLive(ctx, c, logs); err != nil { // with what came before them
		return err
	}
	together, again, err := b.readsWhile(ctx, s, st, c, groups, 2*logs)
	if err != nil {
		return err
	}
	peak, err := s.memory("VmHWM")
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%d tasks on a logstore, %d of them with a dead destination: peak of resident memory", b.tasks, b.tasks/2)
	b.report.add("delivery", "crowd_rss", what, "MB", "≤ 300", peak)
	b.report.add("delivery", "crowd_reads", "… reads of a log group that arrives", "reads", "≤ 1", together)
	b.report.add("delivery", "crowd_rereads", "… reads of what was read before, by dead tasks that form a batch again, for each that arrives", "reads", "", again)
	b.report.add("delivery", "crowd_reads_alone", "… reads of one task alone", "reads", "", alone)
	return nil
}

// readsWhile puts log groups at a steady rate, waits until all logs that there are then are delivered, and returns how often the shards were
// read for each group: for the first time, and again.
func (b *bench) readsWhile(ctx context.Context, s *server, st *stores, c *client.Client, groups, logs int) (first, again float64, err error) {
	count := func() (reads, rereads float64, err error) {
		if reads, err = s.gauge(ctx, "sluice_delivery_source_reads_total"); err != nil {
			return 0, 0, err
		}
		rereads, err = s.gauge(ctx, "sluice_delivery_source_rereads_total")
		return reads, rereads, err
	}
	readsBefore, rereadsBefore, err := count()
	if err != nil {
		return 0, 0, err
	}
	if _, err := pace(ctx, s, st, b.bodies.list, groups, connections, crowdRate); err != nil {
		return 0, 0, err
	}
	if err := waitLive(ctx, c, logs); err != nil {
		return 0, 0, err
	}
	reads, rereads, err := count()
	again = (rereads - rereadsBefore) / float64(groups)
	return (reads-readsBefore)/float64(groups) - again, again, err
}

// startTask makes a task and brings it online.
func startTask(ctx context.Context, c *client.Client, name string, document []byte) error {
	if _, err := c.CreateDelivery(ctx, project, document); err != nil {
		return err
	}
	_, err := c.StartDelivery(ctx, project, name, false)
	return err
}

// waitLive waits until all tasks that can deliver have read so many logs and have nothing left.
func waitLive(ctx context.Context, c *client.Client, logs int) error {
	ctx, cancel := context.WithTimeout(ctx, deliveredWithin)
	defer cancel()
	poll := time.NewTicker(lookAtTasksEvery)
	defer poll.Stop()
	for {
		tasks, err := c.Deliveries(ctx, project)
		if err != nil {
			return err
		}
		busy := func(t client.DeliveryTask) bool {
			return strings.HasPrefix(t.Name, "live-") && !delivered(&t, int64(logs))
		}
		if !slices.ContainsFunc(tasks, busy) {
			return nil
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return fmt.Errorf("tasks are not done: %w", ctx.Err())
		}
	}
}
