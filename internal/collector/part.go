package collector

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
)

// worker reads one part of a service and sends what it reads. One goroutine uses it.
type worker struct {
	service *service
	part    Part
	journal *journal

	events  []Event // of the intent
	again   bool    // an output may have the intent, or some of it
	batches int     // since the outputs were marked
}

// markEvery is after how many batches outputs are asked for new marks. What is looked for in an output lies behind the last.
const markEvery = 64

// drain reads the part to its end, as the cycle sees it.
func (w *worker) drain(ctx context.Context, c *cycle) error {
	s := &w.journal.state
	for !s.Finished {
		if s.Intent != nil {
			if err := w.finish(ctx, c); err != nil {
				return err
			}
		}
		b, err := w.service.source.Read(ctx, w.part, s.Place, c.Cycle)
		if err != nil {
			return err
		}
		if err := w.take(ctx, c, b); err != nil {
			return err
		}
		if b.Trouble != nil {
			return b.Trouble
		}
		if b.AtEnd {
			if !w.part.Ended {
				return nil
			}
			if err := w.journal.write(&record{Ended: true}); err != nil {
				return err
			}
		}
	}
	return nil
}

// take sends a batch on.
func (w *worker) take(ctx context.Context, c *cycle, b *Batch) error {
	received := len(b.Events)
	if !b.Lasting {
		b.Events = w.fresh(b.Events)
	}
	c.add(Counts{Requests: int64(b.Requests), Received: int64(received), Duplicates: int64(received - len(b.Events))})
	if len(b.Events) > 0 {
		if err := w.announce(ctx, c, b); err != nil {
			return err
		}
		return w.finish(ctx, c)
	}
	if !bytes.Equal(b.Next, w.journal.state.Place) {
		if err := w.journal.write(&record{Moved: b.Next, Forget: unixOf(b)}); err != nil {
			return err
		}
	}
	w.settle(ctx, b.Receipt)
	return nil
}

func unixOf(b *Batch) int64 {
	if b.Forget.IsZero() {
		return 0
	}
	return b.Forget.Unix()
}

// fresh are the events that were not seen, each once.
func (w *worker) fresh(events []Event) []Event {
	inBatch := map[eventKey]bool{}
	return slices.DeleteFunc(events, func(e Event) bool {
		if e.ID == "" {
			return false
		}
		key := keyOf(e.ID)
		_, known := w.journal.state.seen[key]
		if known || inBatch[key] {
			return true
		}
		inBatch[key] = true
		return false
	})
}

// announce writes down that a batch is about to go out.
func (w *worker) announce(ctx context.Context, c *cycle, b *Batch) error {
	if n := len(w.journal.state.seen) + len(b.Events); n > maxSeen {
		return fmt.Errorf("%d events of one time are more than can be remembered", n)
	}
	i := &intent{Cycle: c.ID, Count: int64(len(b.Events)), Lasting: b.Lasting, Next: b.Next, Forget: unixOf(b), Receipt: b.Receipt}
	if !b.Lasting {
		i.Events = b.Events
	}
	if w.batches%markEvery == 0 {
		var err error
		if i.Marks, err = w.marks(ctx); err != nil {
			return err
		}
	}
	if err := w.journal.write(&record{Intent: i}); err != nil {
		return err
	}
	w.batches++
	w.events, w.again = b.Events, false
	return nil
}

func (w *worker) marks(ctx context.Context) (map[string]json.RawMessage, error) {
	marks := map[string]json.RawMessage{}
	for _, o := range w.service.outputs {
		mark, err := o.Mark(ctx, streamName(w.service.input, w.service.name, w.part.Name))
		if err != nil {
			return nil, fmt.Errorf("output %s: %w", o.name, err)
		}
		if mark != nil {
			marks[o.name] = mark
		}
	}
	return marks, nil
}

// finish has the outputs take the batch that was announced, by this process or one before it, and moves the place.
func (w *worker) finish(ctx context.Context, c *cycle) error {
	s := &w.journal.state
	i := s.Intent
	if err := w.recall(ctx, c); err != nil {
		return err
	}
	refused := 0
	for _, o := range w.service.outputs {
		if slices.Contains(i.Sent, o.name) {
			continue
		}
		refusals, err := o.Send(ctx, w.delivery(i, o.name))
		if err != nil {
			w.again = true
			return fmt.Errorf("output %s: %w", o.name, err)
		}
		if err := w.keepRefused(o.name, refusals); err != nil {
			return err
		}
		refused = max(refused, len(refusals))
		if len(w.service.outputs) == 1 {
			break
		}
		if err := w.journal.write(&record{Sent: o.name}); err != nil {
			w.again = true
			return err
		}
	}
	if err := w.journal.write(&record{Done: true}); err != nil {
		w.again = true
		return err
	}
	c.add(Counts{Sent: i.Count - int64(refused), Refused: int64(refused)})
	c.partial()
	w.events = nil
	w.settle(ctx, i.Receipt)
	return nil
}

// recall makes sure of the events of the intent, which an earlier process may have announced.
func (w *worker) recall(ctx context.Context, c *cycle) error {
	s := &w.journal.state
	i := s.Intent
	if w.events != nil {
		return nil
	}
	w.again = true
	if !i.Lasting {
		w.events = i.Events
		return nil
	}
	past := c.Cycle
	past.ID = i.Cycle
	events, err := w.service.source.Again(ctx, w.part, s.Place, i.Next, past)
	if errors.Is(err, ErrGone) || err == nil && int64(len(events)) != i.Count {
		w.service.tell(slog.LevelError, w.service.kind.Module, fmt.Sprintf("part %s: of %d events that were about to be sent when the collector "+
			"ended, the source has %d now; they may have been sent or not", w.part.Name, i.Count, len(events)))
		w.events = []Event{}
		return w.journal.write(&record{Done: true})
	}
	w.events = events
	return err
}

func (w *worker) delivery(i *intent, output string) *Delivery {
	return &Delivery{
		Input: w.service.input, Service: w.service.name, Part: w.part.Name, Tag: w.service.tag, Cycle: i.Cycle,
		First: w.journal.state.Next, Events: w.events, Mark: w.journal.state.Marks[output], Again: w.again,
	}
}

// settle tells the source that a batch is where it belongs. If that fails it comes again, and is known.
func (w *worker) settle(ctx context.Context, receipt json.RawMessage) {
	if len(receipt) == 0 || string(receipt) == "null" {
		return
	}
	if err := w.service.source.Settle(ctx, w.part, receipt); err != nil && ctx.Err() == nil {
		w.service.tell(slog.LevelWarn, w.service.kind.Module, "The source was not told that a batch is delivered, and will give it again: "+err.Error())
	}
}
