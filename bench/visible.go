package main

import (
	"context"
	"fmt"
	"math/rand"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/logpb"
)

const (
	visibleRate  = 30 // log groups a second beside the probes, about 5 MB/s
	probeApart   = 50 * time.Millisecond
	givenUpAfter = 30 * time.Second
)

// visible measures how long it takes from sending a log until a search finds it, while other logs arrive. The search is asked again as
// soon as it is answered.
func (b *bench) visible(ctx context.Context) error {
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
	var took []time.Duration
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		_, err := pace(ctx, s, st, background.list, int(visibleRate*b.latencyFor.Seconds()), 4, visibleRate)
		return err
	})
	group.Go(func() (err error) {
		took, err = probe(ctx, s, st.names[0], b.latencyFor)
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	b.report.add("search", "visible_p50", fmt.Sprintf("from sending a log until a search finds it, beside %d log groups a second, p50", visibleRate), "ms", "",
		milliseconds(percentile(took, 50)))
	b.report.add("search", "visible_p99", "… p99", "ms", "≤ 1000", milliseconds(percentile(took, 99)))
	return s.stop()
}

// probe puts logs of an id of their own for so long, looks for each until it is there, and returns how long that took, sorted.
func probe(ctx context.Context, s *server, logstore string, during time.Duration) ([]time.Duration, error) {
	writer, err := dial(s.Addr)
	if err != nil {
		return nil, err
	}
	defer writer.Close()
	reader, err := dial(s.Addr)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	now := time.Now()
	ask := &searcher{conn: reader, logstore: logstore, from: now.Add(-time.Minute).Unix(), to: now.Add(time.Hour).Unix()}

	ids := dice{rand.New(rand.NewSource(now.UnixNano()))}
	next := time.NewTicker(probeApart)
	defer next.Stop()
	var took []time.Duration
	for time.Since(now) < during || len(took) == 0 {
		id := ids.letters(32, hexDigits)
		one, err := probeOnce(writer, ask, id)
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

func probeOnce(writer *conn, ask *searcher, id string) (time.Duration, error) {
	r := record(time.Now(), "trace_id", id, "message", "probe")
	packed, err := pack(nil, logpb.Append(nil, &sluice.LogGroup{Topic: "probe", Records: []sluice.Record{r}}))
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := writer.put(ask.logstore, "", &packed); err != nil {
		return 0, err
	}
	for {
		found, err := ask.logs("trace_id:"+id, 1, 0)
		took := time.Since(began)
		switch {
		case err != nil:
			return 0, err
		case len(found) > 0:
			return took, nil
		case took > givenUpAfter:
			return 0, fmt.Errorf("a log cannot be found %v after it was put", givenUpAfter)
		}
	}
}
