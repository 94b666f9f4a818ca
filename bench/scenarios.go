package main

import (
	"context"
	"fmt"
	"time"

	"github.com/sluicelog/sluice/internal/logpb"
)

// connections of the load generators: enough to keep a group commit filled.
const connections = 16

// throughput measures un-indexed writes and the three kinds of pull on a server of two shards.
func (b *bench) throughput(ctx context.Context) error {
	s, err := b.start(ctx, "")
	if err != nil {
		return err
	}
	st, err := prepare(s, 2, nil)
	if err != nil {
		return err
	}
	groups := int(b.putMB * 1e6 / float64(b.bodies.list[0].raw))
	cpu, wall, err := s.measure(func() error { return flood(ctx, s, st, b.bodies.list, groups, connections) })
	if err != nil {
		return err
	}
	raw := float64(b.bodies.total(groups))
	b.report.add("hub", "put", "PutLogs, lz4, fsynced, no index", "MB/CPU s", "≥ 150", raw/1e6/cpu.Seconds())
	b.report.add("hub", "put_wall", "… over the clock, client on the same machine", "MB/s", "", raw/1e6/wall.Seconds())

	for _, pull := range []struct {
		codec      logpb.Codec
		name, goal string
	}{{logpb.LZ4, "lz4", "≥ 500"}, {logpb.Zstd, "zstd", ""}, {logpb.None, "none", ""}} {
		var pulled int64
		cpu, _, err := s.measure(func() (err error) {
			pulled, err = drain(ctx, s, st, pull.codec)
			return err
		})
		if err != nil {
			return err
		}
		if float64(pulled) < raw {
			return fmt.Errorf("pulled %d bytes of the %.0f that were put", pulled, raw)
		}
		b.report.add("hub", "pull_"+pull.name, "PullLogs, "+pull.name, "MB/CPU s", pull.goal, float64(pulled)/1e6/cpu.Seconds())
	}
	return s.stop()
}

// latency measures how long acks take at half of the load that one shard can take, for one shard and for 256.
func (b *bench) latency(ctx context.Context) error {
	var half float64
	for _, shards := range []int{1, 256} {
		s, err := b.start(ctx, "")
		if err != nil {
			return err
		}
		st, err := prepare(s, shards, nil)
		if err != nil {
			return err
		}
		groups := int(b.putMB * 1e6 / float64(b.bodies.list[0].raw))
		started := time.Now()
		if err := flood(ctx, s, st, b.bodies.list, groups, connections); err != nil { // also the warm-up
			return err
		}
		if shards == 1 {
			half = float64(groups) / time.Since(started).Seconds() / 2
			b.report.add("hub", "half_load", "half of the load that one shard takes", "groups/s", "", half)
		}
		if _, err := s.settle(); err != nil {
			return err
		}
		before, err := s.histogram(ctx, "sluice_journal_sync_seconds")
		if err != nil {
			return err
		}
		took, err := pace(ctx, s, st, b.bodies.list, int(half*b.latencyFor.Seconds()), 4*connections, half)
		if err != nil {
			return err
		}
		after, err := s.histogram(ctx, "sluice_journal_sync_seconds")
		if err != nil {
			return err
		}
		what := fmt.Sprintf("ack at half load, %d active shards", shards)
		name := fmt.Sprintf("ack_%d", shards)
		b.report.add("hub", name+"_p50", what+", p50", "ms", "", milliseconds(percentile(took, 50)))
		b.report.add("hub", name+"_p99", what+", p99", "ms", "≤ 10", milliseconds(percentile(took, 99)))
		b.report.add("hub", name+"_sync_p99", "… of which write and sync of the journal, p99 at most", "ms", "", 1000*quantile(before, after, 0.99))
		b.report.add("hub", name+"_max", what+", max", "ms", "", milliseconds(percentile(took, 100)))
		if err := s.stop(); err != nil {
			return err
		}
	}
	return nil
}

// recovery fills the journal without letting anything be sealed, kills the server, and measures the next start.
func (b *bench) recovery(ctx context.Context) error {
	env := fmt.Sprintf("SLUICE_STORAGE_JOURNAL_BYTES=%.0f", max(2*b.journalGB*1e9, 256<<20)) // the least is two files
	s, err := b.start(ctx, "", env)
	if err != nil {
		return err
	}
	st, err := prepare(s, 2, nil)
	if err != nil {
		return err
	}
	stored := 0
	for _, body := range b.bodies.list {
		stored += len(body.data)
	}
	groups := int(b.journalGB * 1e9 / float64(stored) * float64(len(b.bodies.list)))
	if err := flood(ctx, s, st, b.bodies.list, groups, connections); err != nil {
		return err
	}
	if _, err := s.settle(); err != nil {
		return err
	}
	steady, err := s.memory("VmRSS")
	if err != nil {
		return err
	}
	if err := s.Kill(); err != nil {
		return err
	}
	cache := "warm"
	if b.recoverCold {
		cache = "cold"
		if err := evict(s.dir); err != nil {
			return err
		}
	}
	if s, err = b.start(ctx, s.dir, env); err != nil {
		return err
	}
	peak, err := s.memory("VmHWM")
	if err != nil {
		return err
	}
	put, pulled := b.bodies.total(groups), int64(0)
	if pulled, err = drain(ctx, s, st, logpb.LZ4); err != nil {
		return err
	}
	if pulled < put {
		return fmt.Errorf("recovered %d bytes of the %d that were acknowledged", pulled, put)
	}
	what := fmt.Sprintf("start after kill -9 with %g GB of unsealed journal, page cache %s", b.journalGB, cache)
	b.report.add("hub", "recovery", what, "s", "≤ 20 for 10 GB", s.ReadyAfter.Seconds())
	b.report.add("hub", "recovery_rss", "… peak of resident memory until ready", "MB", "", peak)
	b.report.add("hub", "recovery_rss_ratio", "… against steady before the kill", "×", "≤ 1.5", peak/steady)
	return s.stop()
}

// idle measures the memory of a server that holds a logstore and is asked for nothing.
func (b *bench) idle(ctx context.Context) error {
	s, err := b.start(ctx, "")
	if err != nil {
		return err
	}
	if _, err := prepare(s, 2, nil); err != nil {
		return err
	}
	if _, err := s.settle(); err != nil {
		return err
	}
	rss, err := s.memory("VmRSS")
	if err != nil {
		return err
	}
	b.report.add("hub", "idle_rss", "resident memory when idle", "MB", "≤ 60", rss)
	return s.stop()
}
