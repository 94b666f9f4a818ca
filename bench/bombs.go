package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// bombs are statements that would never end, or fill the memory, if nothing held them.
var bombs = []struct{ name, statement string }{
	{"cross join", "* | SELECT count(*) AS c FROM log a, log b, log c WHERE a.bytes < b.bytes AND b.bytes < c.bytes"},
	{"group by everything", "* | SELECT trace_id, message, array_agg(uri) AS u, count(*) AS c GROUP BY trace_id, message ORDER BY c DESC LIMIT 1000000"},
	{"sort of everything", "* | SELECT trace_id, message, ua, uri ORDER BY message, trace_id LIMIT 1000000"},
	{"regular expression", "* | SELECT count(*) AS c WHERE regexp_like(message, '(([a-z]+ ?)*[0-9]*)*(.*a.*b.*c.*d){8}$')"},
	{"long text", "* | SELECT max(length(repeat(message, 100000))) AS n"},
	{"wildcards", strings.Join(strings.Split("abcdefghijklmnopqrstuvw", ""), "* or ") + "*"},
	{"parentheses", strings.Repeat("(", 1000) + "timeout" + strings.Repeat(")", 1000)},
	{"a statement of 10 MB", "* | SELECT " + strings.Repeat("1 + ", 10<<20/4) + "1 AS n"},
}

const (
	bombers    = 2 // connections that ask bombs, again and again
	bombPhases = 2 // with bombs, and as many without, in turn
)

// bomb measures acks at a quarter of the highest rate, without and with bombs beside.
func (b *bench) bomb(ctx context.Context) error {
	all, err := b.bodiesOf(weblogs)
	if err != nil {
		return err
	}
	s, err := b.start(ctx, "")
	if err != nil {
		return err
	}
	st, err := prepare(s, 2, weblogs.index)
	if err != nil {
		return err
	}
	n := max(1, len(all.list)/10)
	began := time.Now()
	if err := flood(ctx, s, st, all.list, n, connections); err != nil {
		return err
	}
	if err := s.waitIndexed(ctx, n*weblogs.groupRecords); err != nil {
		return err
	}
	rate := float64(n) / time.Since(began).Seconds() / 4
	if err := s.resetPeak(); err != nil {
		return err
	}

	var calm, bombed []time.Duration
	hit := &outcomes{worst: map[string]time.Duration{}, said: map[string]string{}}
	for range bombPhases {
		for _, beside := range []bool{false, true} {
			if _, err := s.settle(); err != nil {
				return err
			}
			took, err := b.acks(ctx, s, st, all.list, rate, beside, hit)
			if err != nil {
				return err
			}
			if beside {
				bombed = append(bombed, took...)
			} else {
				calm = append(calm, took...)
			}
		}
	}
	slices.Sort(calm)
	slices.Sort(bombed)
	quiet, loud := milliseconds(percentile(calm, 99)), milliseconds(percentile(bombed, 99))
	b.report.add("bombs", "bomb_calm", fmt.Sprintf("ack with an index at a quarter of the highest rate (%.0f log groups a second), p99", rate), "ms", "", quiet)
	b.report.add("bombs", "bomb_ack", fmt.Sprintf("… while %d connections ask query bombs, p99", bombers), "ms", "", loud)
	b.report.add("bombs", "bomb_ratio", "… so many times the one without", "×", "≤ 2", loud/quiet)
	for _, bomb := range bombs {
		if took, ok := hit.worst[bomb.name]; ok {
			b.report.add("bombs", "bomb_"+bomb.name, fmt.Sprintf("%s: at most, %s", bomb.name, hit.said[bomb.name]), "ms", "", milliseconds(took))
		}
	}
	peak, err := s.memory("VmHWM")
	if err != nil {
		return err
	}
	b.report.add("bombs", "bomb_rss", "resident memory at most meanwhile", "MB", "", peak)
	return s.stop()
}

// acks is how long puts take at a rate.
func (b *bench) acks(ctx context.Context, s *server, st *stores, bodies []body, rate float64, beside bool, hit *outcomes) ([]time.Duration, error) {
	bombing, stop := context.WithCancel(ctx)
	defer stop()
	bombers := new(errgroup.Group)
	if beside {
		bombers.Go(func() error { return throw(bombing, s, st.names[0], hit) })
	}
	took, err := pace(ctx, s, st, bodies, max(1, int(rate*b.latencyFor.Seconds())), 4*connections, rate)
	stop()
	return took, errors.Join(err, bombers.Wait())
}

// outcomes is how bombs were answered.
type outcomes struct {
	mu    sync.Mutex
	worst map[string]time.Duration
	said  map[string]string // with the longest answer
}

func (o *outcomes) add(name string, took time.Duration, said string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if took >= o.worst[name] {
		o.worst[name], o.said[name] = took, said
	}
}

// throw asks bombs until ctx is done; who waits for an answer then leaves, and the server has to notice.
func throw(ctx context.Context, s *server, logstore string, hit *outcomes) error {
	return parallel(ctx, bombers, func(ctx context.Context, i int) error {
		for n := i; ; n++ {
			bomb := bombs[n%len(bombs)]
			began := time.Now()
			said, err := throwOne(ctx, s, logstore, bomb.statement)
			if ctx.Err() != nil {
				hit.add(bomb.name, time.Since(began), "when its client left")
				return nil
			}
			if err != nil {
				return fmt.Errorf("%s: %w", bomb.name, err)
			}
			hit.add(bomb.name, time.Since(began), said)
		}
	})
}

// throwOne asks a bomb over a connection of its own, by POST because it may be long, and returns the code of the refusal, or that there
// was none.
func throwOne(ctx context.Context, s *server, logstore, statement string) (said string, err error) {
	c, err := dial(s.Addr)
	if err != nil {
		return "", err
	}
	defer context.AfterFunc(ctx, func() { c.Close() })()
	defer c.Close()
	now := time.Now()
	err = c.post("/logstores/"+logstore+"/logs", map[string]any{
		"from": now.Add(-48 * time.Hour).Unix(), "to": now.Add(time.Hour).Unix(), "query": statement, "line": 100,
	})
	var refused *refusal
	if errors.As(err, &refused) {
		return "refused with " + refused.code(), nil
	}
	return "answered", err
}
