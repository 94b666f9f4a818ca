package main

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluicelog/sluice/internal/logpb"
)

// stores spreads a load over shards: logstores of at most shardsPerStore shards each, addressed shard by shard with hash keys.
type stores struct {
	names  []string
	shards int // of each
}

const shardsPerStore = 64

// prepare creates the project and logstores with the number of shards in all, and an index for each if there is one.
func prepare(s *server, shards int, index map[string]any) (*stores, error) {
	c, err := dial(s.Addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.post("/", map[string]any{"projectName": project, "description": "benchmark"}); err != nil {
		return nil, err
	}
	st := &stores{shards: min(shards, shardsPerStore)}
	for i := range (shards + st.shards - 1) / st.shards {
		name := fmt.Sprintf("store-%d", i)
		st.names = append(st.names, name)
		store := map[string]any{"logstoreName": name, "ttl": 30, "shardCount": st.shards, "autoSplit": false}
		if err := c.post("/logstores", store); err != nil {
			return nil, err
		}
		if index == nil {
			continue
		}
		if err := c.post("/logstores/"+name+"/index", index); err != nil {
			return nil, err
		}
	}
	return st, nil
}

// place returns the logstore and the hash key of the i-th put: all shards in turn.
func (st *stores) place(i int) (logstore, key string) {
	shard := i / len(st.names) % st.shards
	return st.names[i%len(st.names)], fmt.Sprintf("%02x", (2*shard+1)*128/st.shards) // the middle of the shard's range
}

// flood puts n log groups as fast as connections connections can.
func flood(ctx context.Context, s *server, st *stores, bodies []body, n, connections int) error {
	var next atomic.Int64
	return each(ctx, s, connections, func(ctx context.Context, c *conn) error {
		for ctx.Err() == nil {
			i := int(next.Add(1)) - 1
			if i >= n {
				return nil
			}
			logstore, key := st.place(i)
			if err := c.put(logstore, key, &bodies[i%len(bodies)]); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
}

// pace puts n log groups at a steady rate per second and returns how long each answer took, sorted. A put that starts late because all
// connections wait for answers counts from when it was due, so that a stall is seen by every put that it held up.
func pace(ctx context.Context, s *server, st *stores, bodies []body, n, connections int, rate float64) ([]time.Duration, error) {
	took := make([]time.Duration, n)
	start := time.Now()
	var next atomic.Int64
	err := each(ctx, s, connections, func(ctx context.Context, c *conn) error {
		for ctx.Err() == nil {
			i := int(next.Add(1)) - 1
			if i >= n {
				return nil
			}
			from := start.Add(time.Duration(float64(i) / rate * float64(time.Second)))
			if wait := time.Until(from); wait > 0 {
				time.Sleep(wait)
				from = time.Now() // the timer's lateness is not the server's
			}
			logstore, key := st.place(i)
			if err := c.put(logstore, key, &bodies[i%len(bodies)]); err != nil {
				return err
			}
			took[i] = time.Since(from)
		}
		return ctx.Err()
	})
	slices.Sort(took)
	return took, err
}

// drain pulls all shards, each on a connection of its own, and returns the raw bytes read.
func drain(ctx context.Context, s *server, st *stores, codec logpb.Codec) (int64, error) {
	var raw atomic.Int64
	group, _ := errgroup.WithContext(ctx)
	for _, name := range st.names {
		for shard := range st.shards {
			group.Go(func() error {
				c, err := dial(s.Addr)
				if err != nil {
					return err
				}
				defer c.Close()
				n, err := c.pullAll(name, shard, codec)
				raw.Add(n)
				return err
			})
		}
	}
	err := group.Wait()
	return raw.Load(), err
}

// each runs do on connections connections at once; the first error stops all.
func each(ctx context.Context, s *server, connections int, do func(context.Context, *conn) error) error {
	return parallel(ctx, connections, func(ctx context.Context, _ int) error {
		c, err := dial(s.Addr)
		if err != nil {
			return err
		}
		defer c.Close()
		return do(ctx, c)
	})
}

// parallel runs do n times at once; the first error stops all.
func parallel(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for i := range n {
		group.Go(func() error { return do(ctx, i) })
	}
	return group.Wait()
}
