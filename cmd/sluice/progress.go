package main

import (
	"fmt"
	"time"

	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

// transfer shows how far a long operation is, on a terminal: a bar, the part, bytes, their rate, and how long it still takes.
type transfer struct {
	app    *app
	begun  time.Time
	shown  time.Time
	skip   int64 // bytes and parts of earlier runs
	before int64
	first  bool
}

func (a *app) transfer() *transfer { return &transfer{app: a, begun: a.now(), first: true} }

// show is called after each step, with the parts done of a total and the bytes so far.
func (t *transfer) show(done, total, bytes int64) {
	now := t.app.now()
	if t.first {
		t.first, t.before, t.skip = false, done, bytes
	}
	if !t.app.err.Terminal() || now.Sub(t.shown) < 100*time.Millisecond {
		return
	}
	t.shown = now
	t.app.err.Status(t.line(now.Sub(t.begun), done, total, bytes))
}

func (t *transfer) line(took time.Duration, done, total, bytes int64) string {
	part := float64(done) / float64(max(total, 1))
	seconds := max(took.Seconds(), 0.001)
	text := fmt.Sprintf("%s %3.0f%%  %s  %s/s", tty.Progress(part, progressWidth), part*100, bytesText(bytes), bytesText(int64(float64(bytes-t.skip)/seconds)))
	if rate := float64(done-t.before) / seconds; rate > 0 {
		text += fmt.Sprintf("  %s left", time.Duration(float64(total-done)/rate*float64(time.Second)).Round(time.Second))
	}
	return text
}

// rate is bytes of this run by its time, for the last line.
func (t *transfer) rate(bytes int64) string {
	seconds := max(t.app.now().Sub(t.begun).Seconds(), 0.001)
	return fmt.Sprintf("%s in %.1f s, %s/s", bytesText(bytes), seconds, bytesText(int64(float64(bytes-t.skip)/seconds)))
}
