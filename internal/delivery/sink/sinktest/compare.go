package sinktest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

func timeOf(e *sink.Entry) time.Time { return time.Unix(int64(e.Time), int64(e.Nanos)).UTC() }

// batch forms a batch of logs.
func batch(t *testing.T, s sink.Sink, shard sluice.ShardID, logs []*sink.Entry) sink.Batch {
	t.Helper()
	b := s.Begin(header(shard, logs[0]))
	for i, e := range logs {
		if err := b.Add(e); err != nil {
			t.Fatalf("add log %d: %v", i, err)
		}
	}
	if b.Len() != len(logs) {
		t.Fatalf("the batch has %d logs, %d were added", b.Len(), len(logs))
	}
	return b
}

// send forms a batch of logs and sends it once.
func send(t *testing.T, s sink.Sink, shard sluice.ShardID, logs []*sink.Entry) {
	t.Helper()
	b := batch(t, s, shard, logs)
	defer b.Release()
	if err := trySend(t, b, logs); err != nil {
		t.Fatalf("send: %v", err)
	}
}

// trySend sends b and returns its error, within patience.
func trySend(t *testing.T, b sink.Batch, logs []*sink.Entry) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return b.Send(ctx, behind(logs[len(logs)-1]))
}

// received waits for n logs.
func received(t *testing.T, d Destination, n int) []Delivery {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got, err := d.Received(ctx, n)
	if err != nil {
		t.Fatalf("read back: %v", err)
	}
	return got
}

// flat joins the logs of deliveries.
func flat(deliveries []Delivery) [][]sink.Field {
	var out [][]sink.Field
	for _, d := range deliveries {
		out = append(out, d.Logs...)
	}
	return out
}

// shardOf selects the logs of a shard, by the name in their first field.
func shardOf(logs [][]sink.Field, shard sluice.ShardID) [][]sink.Field {
	return slices.DeleteFunc(slices.Clone(logs), func(fields []sink.Field) bool {
		return !strings.HasPrefix(nameOf(fields), shard.String()+"-")
	})
}

// nameOf is the value of the field that names a log of these tests.
func nameOf(fields []sink.Field) string {
	for _, f := range fields {
		if f.Key == "n" {
			return f.Value
		}
	}
	return ""
}

// ids are the different batch ids, in order of arrival.
func ids(deliveries []Delivery) []string {
	var out []string
	for _, d := range deliveries {
		if !slices.Contains(out, d.ID) {
			out = append(out, d.ID)
		}
	}
	return out
}

// compare fails the test unless got is exactly what the destination should hold of want.
func (h *Harness) compare(t *testing.T, got [][]sink.Field, want []*sink.Entry) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d logs arrived, want %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		g, w := h.order(got[i]), h.order(h.Want(want[i]))
		if !slices.EqualFunc(g, w, sameText) {
			t.Fatalf("log %d arrived as\n%s\nwant\n%s", i, show(g), show(w))
		}
	}
}

// order sorts the fields where the destination does not keep their order.
func (h *Harness) order(fields []sink.Field) []sink.Field {
	if !h.Unsorted {
		return fields
	}
	fields = slices.Clone(fields)
	slices.SortStableFunc(fields, func(a, b sink.Field) int { return cmp.Compare(a.Key, b.Key) })
	return fields
}

func sameText(a, b sink.Field) bool { return a.Key == b.Key && a.Value == b.Value }

func show(fields []sink.Field) string {
	var b strings.Builder
	for _, f := range fields {
		b.WriteString(quote(f.Key) + "=" + quote(f.Value) + " ")
	}
	return b.String()
}

// classOf says what err tells the engine.
func classOf(err error) Class {
	var (
		refused *sink.Refused
		halt    *sink.Halt
		later   *sink.Later
	)
	switch {
	case errors.As(err, &refused):
		return Refused
	case errors.As(err, &halt):
		return Halt
	case errors.As(err, &later):
		return Later
	case errors.Is(err, sink.ErrTooLarge):
		return Oversize
	}
	return Retry
}

// hides fails the test if err shows a secret.
func (h *Harness) hides(t *testing.T, err error) {
	t.Helper()
	for _, secret := range h.Secrets {
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
}
