package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
)

// Whoever stops waiting for a task is told that it goes on, and how to look.
func TestInterruptedWait(t *testing.T) {
	var out, errs bytes.Buffer
	a := newApp(func(string) string { return "" }, strings.NewReader(""), &out, &errs)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ref := sluice.LogstoreRef{Project: "web", Logstore: "access"}
	d, err := a.watchDeletion(ctx, nil, ref, client.Deletion{ID: "T1", State: "RUNNING"})
	if !errors.Is(err, context.Canceled) || d.ID != "T1" {
		t.Errorf("got %+v, %v", d, err)
	}
	if text := errs.String(); !strings.Contains(text, "The task goes on") || !strings.Contains(text, "deletion show web/access T1 --watch") {
		t.Errorf("told %q", text)
	}
}

// A range that does not begin and end with a second loses its parts: nothing outside of it is meant.
func TestSelectionsAreOfWholeSeconds(t *testing.T) {
	now := time.Unix(1_700_000_100, 250e6)
	f := func(r timeRange, from, to int64) {
		t.Helper()
		a := newApp(func(string) string { return "" }, strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{})
		s := selection{timeRange: r}
		which, err := s.parse(a.deleteCommand(), "*", now)
		if err != nil {
			t.Errorf("%+v: %v", r, err)
			return
		}
		if !which.From.Equal(time.Unix(from, 0)) || !which.To.Equal(time.Unix(to, 0)) {
			t.Errorf("%+v: got %v to %v", r, which.From, which.To)
		}
	}
	f(timeRange{last: "1m", to: "now"}, 1_700_000_041, 1_700_000_101)
	f(timeRange{from: "1700000000", to: "1700000060"}, 1_700_000_000, 1_700_000_060)
	f(timeRange{from: "1700000000.5", to: "1700000060.5"}, 1_700_000_001, 1_700_000_060)
	f(timeRange{from: "-1m", to: "-10s"}, 1_700_000_041, 1_700_000_090)
}
