package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"net/http"
	"path"
	"slices"
	"sync"
	"time"
)

// searched is a server that holds a data set, ready to be asked.
type searched struct {
	*server
	set       *dataset
	logstore  string
	records   int
	questions []question
	answers   map[string]answer // what the server said first
}

func (s *searched) dial() (*searcher, error) {
	c, err := dial(s.Addr)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &searcher{conn: c, logstore: s.logstore, from: now.Add(-48 * time.Hour).Unix(), to: now.Add(time.Hour).Unix()}, nil
}

// search measures, for each data set, putting it until it is searchable, its size, and all questions of it: hot, by eight users at once,
// by a server that has just started and finds nothing in the page cache, and of DuckDB without a server.
func (b *bench) search(ctx context.Context) error {
	var errs []error
	for _, d := range b.sets {
		if err := b.searchSet(ctx, d); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", d.name, err), b.clean())
		}
	}
	return errors.Join(errs...)
}

func (b *bench) searchSet(ctx context.Context, d *dataset) error {
	s, err := b.load(ctx, d)
	if err != nil {
		return err
	}
	for _, measure := range []func(context.Context, *searched) error{b.hot, b.users, b.cold} {
		if err := measure(ctx, s); err != nil {
			return err
		}
	}
	segments, err := s.segments()
	if err != nil {
		return err
	}
	if err := s.Stop(); err != nil {
		return err
	}
	if err := b.floor(ctx, s, segments); err != nil {
		return err
	}
	return s.remove()
}

// load starts a server and measures putting a data set into it.
func (b *bench) load(ctx context.Context, d *dataset) (*searched, error) {
	bodies, err := b.bodiesOf(d)
	if err != nil {
		return nil, err
	}
	server, err := b.start(ctx, "")
	if err != nil {
		return nil, err
	}
	st, err := prepare(server, 2, d.index)
	if err != nil {
		return nil, err
	}
	cpu, wall, err := server.measure(func() error {
		if err := flood(ctx, server, st, bodies.list, len(bodies.list), connections); err != nil {
			return err
		}
		return server.waitIndexed(ctx, bodies.records)
	})
	if err != nil {
		return nil, err
	}
	stored, err := server.gauge(ctx, "sluice_index_bytes")
	if err != nil {
		return nil, err
	}
	memory, err := server.memory("VmRSS")
	if err != nil {
		return nil, err
	}
	raw := float64(bodies.raw) / 1e6
	of := fmt.Sprintf("%d records, %.0f MB raw", bodies.records, raw)
	if d == weblogs {
		b.report.add("search", "ingest", "put until searchable, fsynced, an index on every field ("+of+")", "MB/CPU s", "≥ 120", raw/cpu.Seconds())
		b.report.add("search", "ingest_wall", "… over the clock, client on the same machine", "MB/s", "", raw/wall.Seconds())
		b.report.add("search", "disk", "segments with their indexes, for 3,000,000 records", "MB", "≤ 150", stored/1e6*3e6/float64(bodies.records))
		b.report.add("search", "rss_loaded", "resident memory when all is searchable", "MB", "", memory)
	} else {
		b.report.add("sets", d.name+"_ingest", d.what+": put until searchable ("+of+")", "MB/CPU s", "", raw/cpu.Seconds())
		b.report.add("sets", d.name+"_disk", "… segments with their indexes, of 1 MB raw", "MB", "", stored/1e6/raw)
		b.report.add("sets", d.name+"_rss", "… resident memory when all is searchable", "MB", "", memory)
	}
	s := &searched{server: server, set: d, logstore: st.names[0], records: bodies.records, answers: map[string]answer{}}
	c, err := s.dial()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	id, err := c.idOf(d, bodies.records)
	for _, q := range d.questions {
		s.questions = append(s.questions, q.about(id))
	}
	return s, err
}

// segments are the names of the Parquet files of the logstore. There are others, of the server's own logs.
func (s *searched) segments() (names []string, err error) {
	c, err := s.dial()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var answer bytes.Buffer
	if _, err := c.do(http.MethodGet, "/sluice/v1/logstores/"+s.logstore+"/index/segments", "", http.Header{}, nil, &answer); err != nil {
		return nil, err
	}
	var list struct {
		Segments []struct{ Object string }
	}
	if err := json.Unmarshal(answer.Bytes(), &list); err != nil {
		return nil, err
	}
	for _, o := range list.Segments {
		names = append(names, path.Base(o.Object))
	}
	return names, nil
}

// hot asks each question again and again over one connection.
func (b *bench) hot(_ context.Context, s *searched) error {
	c, err := s.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	for _, q := range s.questions {
		took, got, err := repeat(b.asks, func() (answer, error) { return c.ask(q) })
		if err != nil {
			return err
		}
		if len(got) == 0 || slices.Equal(got, answer{"0"}) && b.records >= 200_000 {
			return fmt.Errorf("%s finds nothing", q.statement())
		}
		s.answers[q.name] = got
		b.report.asked(s.set, q).Hot.add(milliseconds(percentile(took, 50)))
	}
	return nil
}

const usersAtOnce = 8

// users asks all questions over eight connections at once, each in an order of its own, again and again.
func (b *bench) users(ctx context.Context, s *searched) error {
	if err := s.resetPeak(); err != nil {
		return err
	}
	var mu sync.Mutex
	took := map[string][]time.Duration{}
	err := parallel(ctx, usersAtOnce, func(ctx context.Context, user int) error {
		c, err := s.dial()
		if err != nil {
			return err
		}
		defer c.Close()
		order := rand.New(rand.NewSource(int64(user)))
		for range b.rounds {
			for _, i := range order.Perm(len(s.questions)) {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				q, began := s.questions[i], time.Now()
				got, err := c.ask(q)
				one := time.Since(began)
				if err != nil {
					return err
				}
				if !slices.Equal(got, s.answers[q.name]) {
					return fmt.Errorf("one of many users is answered differently: %s: %.10q, not %.10q", q.statement(), got, s.answers[q.name])
				}
				mu.Lock()
				took[q.name] = append(took[q.name], one)
				mu.Unlock()
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, q := range s.questions {
		slices.Sort(took[q.name])
		b.report.asked(s.set, q).Users.add(milliseconds(percentile(took[q.name], 99)))
	}
	if s.set != weblogs {
		return nil
	}
	peak, err := s.memory("VmHWM")
	if err != nil {
		return err
	}
	b.report.add("search", "rss_users", fmt.Sprintf("… at most, while %d users ask", usersAtOnce), "MB", "", peak)
	if _, err := s.settle(); err != nil {
		return err
	}
	after, err := s.memory("VmRSS")
	b.report.add("search", "rss_after", "… when they are gone and the server is at rest", "MB", "", after)
	return err
}

// cold asks each question as the first one of a server that has just started, when nothing of its data is in the page cache. The
// program itself is.
func (b *bench) cold(ctx context.Context, s *searched) error {
	for range b.coldAsks {
		for _, q := range s.questions {
			took, err := b.coldAsk(ctx, s, q)
			if err != nil {
				return err
			}
			b.report.asked(s.set, q).Cold.add(milliseconds(took))
		}
	}
	return nil
}

func (b *bench) coldAsk(ctx context.Context, s *searched, q question) (time.Duration, error) {
	if err := s.Stop(); err != nil {
		return 0, err
	}
	if err := evict(s.dir); err != nil {
		return 0, err
	}
	var err error
	if s.server, err = b.start(ctx, s.dir); err != nil {
		return 0, err
	}
	c, err := s.dial()
	if err != nil {
		return 0, err
	}
	defer c.Close()
	began := time.Now()
	got, err := c.ask(q)
	took := time.Since(began)
	if err == nil && !slices.Equal(got, s.answers[q.name]) {
		err = fmt.Errorf("a server that was restarted answers differently: %s: %.10q, not %.10q", q.statement(), got, s.answers[q.name])
	}
	return took, err
}
