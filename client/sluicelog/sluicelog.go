// Package sluicelog sends what a Go program logs to a logstore: as a [slog.Handler] and as an [io.Writer], without files between.
//
//	slog.Logger ──Handler──┐                                  ┌─> PutLogs, again until it is stored
//	log.Logger ───Writer───┴─> Queue ──batches──> one sender ─┤
//	                             │ full: wait, then drop      └─> refused for good: dropped
//	                             └── what was dropped is counted, and reported to OnReport
//
// A program makes one queue for a logstore, gives its loggers handlers on it, and closes it before it exits:
//
//	c, err := client.New(client.Options{Endpoint: endpoint, AccessKeyID: id, Secret: secret})
//	queue, err := sluicelog.Open(c, sluice.LogstoreRef{Project: "shop", Logstore: "app"}, sluicelog.Options{Topic: "checkout"})
//	defer queue.Close()
//	handler, err := queue.Handler(sluicelog.HandlerOptions{})
//	slog.SetDefault(slog.New(handler))
//
// Invariants:
//   - A log is in the queue, stored, or counted as dropped. Close leaves none in the queue.
//   - Logs of one queue are sent in the order in which they came; with a HashKey they stay in it.
//   - A log may be stored twice when the answer to a write was lost, as with every client of the dialect.
//   - Memory is bounded by QueueSize and QueueBytes, besides the one batch in the air.
//   - Logging waits for nothing but room in the queue, and for that no longer than FullWait.
//   - What the sending itself logs is not queued, where it logs with the context that it was called with.
package sluicelog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
)

// Sender stores log groups: a [client.Client]. It is to answer an error of type [client.Error] where the server refused.
type Sender interface {
	PutLogs(ctx context.Context, ref sluice.LogstoreRef, group *sluice.LogGroup, o client.PutOptions) error
}

// Options of a queue. The zero value of each stands for what is in brackets.
type Options struct {
	Topic   string         // of all logs
	Source  string         // [the name of the host] of all logs
	Tags    []sluice.Field // of all logs
	HashKey string         // sends all logs to the shard that owns it, so that they stay in order; 1 to 32 hexadecimal digits

	QueueSize  int // [40960] logs that may wait, at least 1
	QueueBytes int // [32 MiB] of logs that may wait, at least 1

	BatchSize int // [1024, or QueueSize if that is less] logs of one write
	// PutWait is how long a log waits at most for others to share a write with [2 s].
	PutWait time.Duration
	// FullWait is how long logging waits for room in a full queue before the log is dropped [twice PutWait]; negative does not
	// wait at all.
	FullWait time.Duration
	// CloseWait is how long Close tries to send what is left [5 s].
	CloseWait time.Duration

	// OnReport hears of logs that were dropped and of writes that keep failing, at most once a ReportEvery. It runs in a goroutine
	// of its own, so it may log, through this queue too. [A line on standard error.]
	OnReport    func(Report)
	ReportEvery time.Duration // [10 s]
}

// Report is what went wrong since the last one.
type Report struct {
	Dropped int64 // logs
	Waiting int   // logs in the queue
	Err     error // the last failure of a write, or why the last log was dropped
}

func (r Report) String() string {
	return fmt.Sprintf("sluicelog: %d logs dropped, %d waiting: %v", r.Dropped, r.Waiting, r.Err)
}

// Stats count the logs of a queue.
type Stats struct {
	Queued  int64 // ever taken
	Sent    int64 // and stored
	Dropped int64 // and lost, or not even taken
	Waiting int   // in the queue or in the air
	Retries int64 // writes that were sent again
}

// ErrFull says that a log was dropped because the queue stayed full.
var ErrFull = errors.New("the log queue is full")

// ErrClosed says that a log came after Close.
var ErrClosed = errors.New("the log queue is closed")

const (
	defaultQueueSize  = 40960
	defaultQueueBytes = 32 << 20
	defaultBatchSize  = 1024
	maxBatchBytes     = 2 << 20 // of one write; servers take 10 MiB at most
	firstDelay        = 100 * time.Millisecond
	maxDelay          = 5 * time.Second
)

func (o *Options) complete() error {
	if o.QueueSize < 0 || o.QueueBytes < 0 || o.BatchSize < 0 || o.PutWait < 0 || o.CloseWait < 0 || o.ReportEvery < 0 {
		return errors.New("sluicelog: sizes and waits must not be negative, except FullWait")
	}
	if o.HashKey != "" {
		if _, err := sluice.ParseHashKey(o.HashKey); err != nil {
			return fmt.Errorf("sluicelog: %w", err)
		}
	}
	defaultTo(&o.QueueSize, defaultQueueSize)
	defaultTo(&o.QueueBytes, defaultQueueBytes)
	defaultTo(&o.BatchSize, defaultBatchSize)
	o.BatchSize = min(o.BatchSize, o.QueueSize)
	defaultTo(&o.PutWait, 2*time.Second)
	defaultTo(&o.FullWait, 2*o.PutWait)
	defaultTo(&o.CloseWait, 5*time.Second)
	defaultTo(&o.ReportEvery, 10*time.Second)
	if o.Source == "" {
		o.Source, _ = os.Hostname() // without a name the server notes the address
	}
	if o.OnReport == nil {
		o.OnReport = func(r Report) { fmt.Fprintln(os.Stderr, r) }
	}
	return nil
}

func defaultTo[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// processName is the name of the program that runs.
func processName() string {
	if name, err := os.Executable(); err == nil {
		return filepath.Base(name)
	}
	return filepath.Base(os.Args[0])
}
