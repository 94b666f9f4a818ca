package sinktest

import (
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

func testTwice(t *testing.T, h Harness) {
	d := h.Open(t)
	logs := entries(0, 0, 10)
	b := batch(t, d.Sink(), 0, logs)
	defer b.Release()
	for range 2 {
		if err := trySend(t, b, logs); err != nil {
			t.Fatal(err)
		}
	}
	h.compareRepeated(t, d, logs)
}

func testFormedAgain(t *testing.T, h Harness) {
	d := h.Open(t)
	logs := entries(0, 0, 10)
	send(t, d.Sink(), 0, logs)
	send(t, d.Sink(), 0, logs)
	h.compareRepeated(t, d, logs)
}

// compareRepeated expects logs after their batch was sent twice.
func (h *Harness) compareRepeated(t *testing.T, d Destination, logs []*sink.Entry) {
	t.Helper()
	if h.Repeats == Once {
		h.compare(t, flat(received(t, d, len(logs))), logs)
		return
	}
	got := received(t, d, 2*len(logs))
	h.compare(t, flat(got), append(logs[:len(logs):len(logs)], logs...))
	if h.Repeats == SameID {
		if id := header(0, logs[0]).ID(behind(logs[len(logs)-1])); len(ids(got)) != 1 || got[0].ID != id {
			t.Errorf("the batch arrived under the ids %q, want %q alone", ids(got), id)
		}
	}
}

func testIDs(t *testing.T, h Harness) {
	d := h.Open(t)
	all := entries(0, 0, 30)
	for i := 0; i < len(all); i += 10 {
		send(t, d.Sink(), 0, all[i:i+10])
	}
	got := received(t, d, len(all))
	h.compare(t, flat(got), all)
	if h.Repeats == SameID && len(ids(got)) != 3 {
		t.Errorf("3 batches arrived under the ids %q", ids(got))
	}
}

func testShards(t *testing.T, h Harness) {
	const shards, batches, size = 4, 5, 8
	d := h.Open(t)
	var g errgroup.Group
	for shard := range sluice.ShardID(shards) {
		g.Go(func() error {
			for k := range batches {
				if err := sendIn(t, d.Sink(), shard, entries(shard, k*size, size)); err != nil {
					return fmt.Errorf("batch %d of shard %d: %w", k, shard, err)
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	got := flat(received(t, d, shards*batches*size))
	if len(got) != shards*batches*size {
		t.Errorf("%d logs arrived, want %d", len(got), shards*batches*size)
	}
	for shard := range sluice.ShardID(shards) {
		h.compare(t, shardOf(got, shard), entries(shard, 0, batches*size))
	}
}

// sendIn is send for goroutines, which must not end the test.
func sendIn(t *testing.T, s sink.Sink, shard sluice.ShardID, logs []*sink.Entry) error {
	b := s.Begin(header(shard, logs[0]))
	defer b.Release()
	for _, e := range logs {
		if err := b.Add(e); err != nil {
			return err
		}
	}
	return trySend(t, b, logs)
}

func testRelease(t *testing.T, h Harness) {
	d := h.Open(t)
	for range 3 {
		batch(t, d.Sink(), 0, entries(0, 0, 10)).Release()
		d.Sink().Begin(header(0, entry(0, 0))).Release()
	}
	if got := flat(received(t, d, 0)); len(got) != 0 {
		t.Errorf("%d logs arrived of batches that were not sent", len(got))
	}
	logs := entries(0, 0, 10)
	send(t, d.Sink(), 0, logs)
	h.compare(t, flat(received(t, d, len(logs))), logs)
}
