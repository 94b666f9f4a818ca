package sluicelog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
)

// maxLine is the longest line that a Writer waits for the end of; longer ones are cut.
const maxLine = 1 << 20

// WriterOptions of a writer.
type WriterOptions struct {
	Content        // fields about the caller have no value here
	Level   string // ["" sends none] value of the field Level
}

// Writer is an [io.Writer] that makes a log of each line, for the log package and other writers of text. Empty lines are left out.
// What is written without a line break at its end waits for the rest. Its methods may be called from many goroutines.
type Writer struct {
	queue   *Queue
	content *content
	level   string

	mu   sync.Mutex // guards rest; taken before the queue's
	rest []byte     // the beginning of a line
}

// Writer returns a writer on q, and errors as [Queue.Handler] does.
func (q *Queue) Writer(o WriterOptions) (*Writer, error) {
	c, err := o.compile()
	if err != nil {
		return nil, err
	}
	return &Writer{queue: q, content: c, level: o.Level}, nil
}

// Write queues the lines of p. A line that is dropped because the queue is full is counted and is no error, so that other writers
// behind an [io.MultiWriter] still get it; only a closed queue is one.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, p...)
	done := 0
	for rest := w.rest; ; rest = w.rest[done:] {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 && len(rest) < maxLine {
			break
		}
		next := end + 1
		if end < 0 || end > maxLine {
			end, next = maxLine, maxLine
		}
		if err := w.line(rest[:end]); err != nil {
			w.rest = nil
			return 0, err
		}
		done += next
	}
	w.rest = w.rest[:copy(w.rest, w.rest[done:])]
	return len(p), nil
}

// Close queues the beginning of a line that still waits for its end. The queue stays open.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.line(w.rest)
	w.rest = nil
	return err
}

func (w *Writer) line(text []byte) error {
	text = bytes.TrimSuffix(text, []byte("\r"))
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	now := time.Now()
	r := sluice.Record{Time: uint32(now.Unix()), Nanos: uint32(now.Nanosecond())}
	if w.content.level != "" && w.level != "" {
		r.Fields = append(r.Fields, sluice.Field{Key: w.content.level, Value: w.level})
	}
	r.Fields = w.content.appendMessage(r.Fields, string(text))
	r.Fields = append(r.Fields, w.content.always...)
	if err := w.queue.Add(context.Background(), r); errors.Is(err, ErrClosed) {
		return fmt.Errorf("write a log: %w", err)
	}
	return nil
}
