package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/logpb"
)

const (
	joinBytes   = 1 << 20 // raw size up to which groups are joined
	joinLogs    = 4096    // and their logs
	fenceWrites = 64      // after which the fence moves on: so much is read at most to find a lost write
	writeTime   = time.Minute
	lookAgain   = 100 * time.Millisecond // between looks for a write that may be on its way
)

// shardCopier copies one shard.
type shardCopier struct {
	run *copyRun
	s   *copyShard

	sums map[string]bool // digests of the writes since the fence
	body []byte          // compressed group, used again

	parts, held logpb.Parts // the group at hand, and those that wait to be written together
	next        copyPlace   // where the shard is when held is stored
}

// copy copies what is left of the shard.
func (w *shardCopier) copy(ctx context.Context) error {
	if w.s.Done || ctx.Err() != nil {
		return nil
	}
	if w.s.Intent != nil {
		if err := w.lost(ctx); err != nil {
			return err
		}
	}
	if err := w.moveFence(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan pulledAnswer, 1)
	go w.pull(ctx, w.s.Place.Cursor, answers)
	skip := w.s.Place.Skip
	for a := range answers {
		if a.err != nil {
			return a.err
		}
		var err error
		if skip, err = w.answer(ctx, a.RawPulled, skip); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	err := w.run.state.change(func() { w.s.Done = true })
	w.run.report()
	return err
}

type pulledAnswer struct {
	*RawPulled
	err error
}

// pull reads the shard from a cursor on, one answer ahead of the writes, and closes answers at the end.
func (w *shardCopier) pull(ctx context.Context, cursor string, answers chan<- pulledAnswer) {
	defer close(answers)
	for before(cursor, w.s.End) {
		p, err := patiently(ctx, w.run.c, func() (*RawPulled, error) {
			return w.run.c.PullRaw(ctx, w.run.ref, w.s.ID, PullOptions{Cursor: cursor, EndCursor: w.s.End, Query: w.run.o.Query})
		})
		select {
		case answers <- pulledAnswer{p, err}:
		case <-ctx.Done():
			return
		}
		if err != nil || p.AtEnd && p.Next == cursor {
			return
		}
		cursor = p.Next
	}
}

// before reports whether cursor a is in front of b. What is no number is left for the server to refuse.
func before(a, b string) bool {
	p, err := sluice.ParseCursor(a)
	if err != nil {
		return a != b
	}
	q, err := sluice.ParseCursor(b)
	return err != nil || p < q
}

// answer copies the groups of an answer but for the first skip, and returns how many of those are in the next answer.
func (w *shardCopier) answer(ctx context.Context, p *RawPulled, skip int) (int, error) {
	if gap := missing(p); gap > 0 {
		w.count(&w.s.Missing, gap)
		skip = 0
	}
	n := 0
	err := logpb.Groups(p.Groups, func(group []byte) error {
		n++
		if n <= skip {
			return nil
		}
		return w.add(ctx, group, placeIn(p, n))
	})
	if err != nil || n < skip { // the server gave less this time
		return skip - n, err
	}
	if w.next = placeIn(p, n); w.held.Count > 0 {
		return 0, nil
	}
	w.run.state.mu.Lock()
	w.s.Place = w.next // in the file with the next intent
	w.run.state.mu.Unlock()
	return 0, nil
}

// placeIn is the place behind the first n groups of an answer.
func placeIn(p *RawPulled, n int) copyPlace {
	switch {
	case n == p.Count:
		return copyPlace{Cursor: p.Next}
	case p.First > 0:
		return copyPlace{Cursor: (p.First + sluice.Position(n)).Cursor()}
	}
	return copyPlace{Cursor: p.Asked, Skip: n}
}

// missing is how many groups between the place asked for and the answer cannot be read.
func missing(p *RawPulled) int64 {
	at, err := sluice.ParseCursor(p.Asked)
	if err != nil || p.First == 0 {
		return 0
	}
	return max(int64(p.First-at), 0)
}

// add joins a group to those held, or writes these first if it does not go with them.
func (w *shardCopier) add(ctx context.Context, group []byte, place copyPlace) error {
	if err := w.parts.Split(group, w.run.o.Topic, w.run.o.Source); err != nil {
		return fmt.Errorf("a log group before %s: %w", place.Cursor, err)
	}
	fits := len(w.held.Logs)+len(w.parts.Logs) <= joinBytes && w.held.Count+w.parts.Count <= joinLogs
	if w.held.Count > 0 && (!fits || string(w.held.Rest) != string(w.parts.Rest)) {
		if err := w.flush(ctx); err != nil {
			return err
		}
	}
	if w.held.Count == 0 {
		w.held, w.parts = w.parts, w.held
	} else {
		w.held.Logs = append(w.held.Logs, w.parts.Logs...)
		w.held.Count += w.parts.Count
	}
	w.next = place
	return nil
}

// flush writes what is held.
func (w *shardCopier) flush(ctx context.Context) error {
	if w.held.Count == 0 {
		return nil
	}
	sum := digest(&w.held)
	if w.sums[sum] || len(w.sums) >= fenceWrites {
		if err := w.moveFence(ctx); err != nil {
			return err
		}
	}
	w.sums[sum] = true
	raw := append(w.held.Logs, w.held.Rest...)
	intent := &copyIntent{Next: w.next, Sum: sum, Logs: int64(w.held.Count), Bytes: int64(len(raw))}
	if err := w.run.state.change(func() { w.s.Intent = intent }); err != nil {
		return err
	}
	if err := w.write(ctx, raw); err != nil {
		return err
	}
	w.run.state.mu.Lock()
	w.s.stored() // in the file with the next intent: until then the target is asked
	w.run.state.mu.Unlock()
	w.held.Count, w.held.Logs = 0, raw[:0]
	w.run.report()
	return nil
}

// digest names a group by what a server stores of it as it came. Tags are left out: a server may add to them.
func digest(p *logpb.Parts) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d,%d,%d;", len(p.Topic), len(p.Source), len(p.Logs))
	h.Write(p.Topic)
	h.Write(p.Source)
	h.Write(p.Logs)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// write sends the group of the intent until the target has it.
func (w *shardCopier) write(ctx context.Context, raw []byte) error {
	var err error
	if w.body, err = logpb.Compress(w.body, logpb.LZ4, raw); err != nil {
		return err
	}
	to := w.run.o.To
	delay := firstDelay
	for attempt := 1; ; attempt++ {
		err := w.once(ctx, raw)
		var refused *Error
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &refused) && !refused.Temporary():
			return err
		}
		if unsent(err) || (refused != nil && refused.Status < http.StatusInternalServerError) {
			if attempt >= to.options.Attempts {
				return err
			}
		} else {
			found, lookErr := w.look(ctx)
			if lookErr != nil {
				return errors.Join(err, lookErr)
			}
			if found {
				return nil
			}
			if attempt >= to.options.Attempts {
				return err
			}
			w.count(&w.s.Uncertain, 1)
		}
		if !sleep(ctx, delay) {
			return ctx.Err()
		}
		delay = min(2*delay, maxDelay)
	}
}

func (w *shardCopier) count(counter *int64, n int64) {
	w.run.state.mu.Lock()
	defer w.run.state.mu.Unlock()
	*counter += n
}

// once sends the group once: whoever repeats it has to look for it first.
func (w *shardCopier) once(ctx context.Context, raw []byte) error {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	ref := w.run.o.Target
	_, err := w.run.o.To.once(ctx, call{
		method: http.MethodPost, project: ref.Project, path: logstorePath(ref) + "/shards/route", query: url.Values{"key": {w.s.Begin}},
		contentType: contentProtobuf, body: w.body, codec: logpb.LZ4, rawSize: len(raw),
	})
	return err
}

// unsent reports whether a request never left: there was no connection.
func unsent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
