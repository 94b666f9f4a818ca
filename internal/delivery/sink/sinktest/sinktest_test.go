package sinktest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/sinktest"
)

// memory is a destination and its sink in one.
type memory struct {
	mutant string // what it does wrong

	mu      sync.Mutex // guards what is below
	arrived []sinktest.Delivery
	fault   sinktest.Fault
}

var mutants = []string{
	"loses the last log", "swaps two logs", "keeps the entry", "trims values", "replaces controls", "drops empty values", "counts refused logs",
	"new id on retry", "same id always", "half of it on errors", "wrong class", "secret in errors", "check always passes", "check leaves a log",
	"ignores the context", "says yes to the fault", "sends on release", "mixes shards", "empties on error", "loses large values",
}

func harness(mutant string) sinktest.Harness {
	return sinktest.Harness{
		Open:    func(*testing.T) sinktest.Destination { return &memory{mutant: mutant} },
		Repeats: sinktest.SameID,
		Faults: map[sinktest.Fault]sinktest.Class{
			sinktest.Refuse: sinktest.Retry, sinktest.Stall: sinktest.Retry, sinktest.Unauthorized: sinktest.Halt,
			sinktest.Busy: sinktest.Later, sinktest.TooLarge: sinktest.Oversize, sinktest.Invalid: sinktest.Refused,
		},
		Refusable: func() *sink.Entry {
			return &sink.Entry{Fields: []sink.Field{{Key: "n", Value: "x"}, {Key: "refuse me"}}}
		},
		Secrets: []string{"hunter2"},
	}
}

func TestSuitePasses(t *testing.T) { sinktest.Run(t, harness("")) }

// TestSuiteFinds runs the suite on sinks with one mistake each, in processes of their own, since they are to fail.
func TestSuiteFinds(t *testing.T) {
	if mutant := os.Getenv("SINKTEST_MUTANT"); mutant != "" {
		sinktest.Run(t, harness(mutant))
		return
	}
	if testing.Short() {
		t.Skip("a process for each mistake")
	}
	for _, mutant := range mutants {
		t.Run(mutant, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestSuiteFinds$")
			cmd.Env = append(os.Environ(), "SINKTEST_MUTANT="+mutant)
			if out, err := cmd.CombinedOutput(); err == nil {
				t.Errorf("the suite passed:\n%s", out)
			} else if strings.Contains(string(out), "panic:") {
				t.Errorf("the suite panicked:\n%s", out)
			}
		})
	}
}

func (m *memory) Sink() sink.Sink { return m }

func (m *memory) Received(context.Context, int) ([]sinktest.Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.arrived), nil
}

func (m *memory) Inject(f sinktest.Fault) { m.set(f) }
func (m *memory) Heal()                   { m.set("") }

func (m *memory) set(f sinktest.Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = f
}

func (m *memory) Check(ctx context.Context) error {
	if m.mutant == "check always passes" {
		return nil
	}
	if m.mutant == "check leaves a log" {
		m.arrive("x", [][]sink.Field{{{Key: "n", Value: "x"}}})
	}
	return m.trouble(ctx)
}

func (m *memory) Limits() sink.Limits { return sink.Limits{Logs: 500, Age: time.Second} }
func (m *memory) Close() error        { return nil }

func (m *memory) Begin(h sink.Header) sink.Batch { return &memoryBatch{m: m, header: h} }

// trouble is the error of the fault that was injected.
func (m *memory) trouble(ctx context.Context) error {
	m.mu.Lock()
	f := m.fault
	m.mu.Unlock()
	cause := errors.New("cause")
	if m.mutant == "secret in errors" {
		cause = errors.New("login with hunter2")
	}
	switch f {
	case sinktest.Refuse:
		return fmt.Errorf("connect: %w", cause)
	case sinktest.Stall:
		<-ctx.Done()
		return ctx.Err()
	case sinktest.Unauthorized:
		if m.mutant == "wrong class" {
			return cause
		}
		return &sink.Halt{Reason: "log in: " + cause.Error(), Err: cause}
	case sinktest.Busy:
		return &sink.Later{After: time.Second, Err: cause}
	case sinktest.TooLarge:
		return fmt.Errorf("%w: %w", sink.ErrTooLarge, cause)
	case sinktest.Invalid:
		return &sink.Refused{Reason: "no"}
	}
	return nil
}

func (m *memory) arrive(id string, logs [][]sink.Field) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.arrived = append(m.arrived, sinktest.Delivery{ID: id, Logs: logs})
}

type memoryBatch struct {
	m      *memory
	header sink.Header
	logs   [][]sink.Field
	bytes  int64
	tries  int
	extra  int
}

func (b *memoryBatch) Add(e *sink.Entry) error {
	if slices.ContainsFunc(e.Fields, func(f sink.Field) bool { return f.Key == "refuse me" }) {
		if b.m.mutant == "counts refused logs" {
			b.extra++
		}
		return fmt.Errorf("add: %w", &sink.Refused{Reason: "as it asked"})
	}
	var fields []sink.Field
	for _, f := range sinktest.Plain(e) {
		fields = append(fields, b.keep(f))
	}
	switch b.m.mutant {
	case "keeps the entry":
		fields = e.Fields
	case "drops empty values":
		fields = slices.DeleteFunc(fields, func(f sink.Field) bool { return f.Value == "" })
	}
	b.logs = append(b.logs, fields)
	b.bytes += 100
	return nil
}

func (b *memoryBatch) keep(f sink.Field) sink.Field {
	f = sink.Field{Key: strings.Clone(f.Key), Value: strings.Clone(f.Value)}
	switch b.m.mutant {
	case "trims values":
		f.Value = strings.TrimSpace(f.Value)
	case "replaces controls":
		f.Value = strings.ReplaceAll(f.Value, "\x00", " ")
	case "loses large values":
		f.Value = f.Value[:min(len(f.Value), 1<<20-1)]
	}
	return f
}

func (b *memoryBatch) Len() int       { return len(b.logs) + b.extra }
func (b *memoryBatch) Encoded() int64 { return b.bytes }
func (b *memoryBatch) Memory() int64  { return b.bytes }

func (b *memoryBatch) Send(ctx context.Context, to sink.Point) error {
	b.tries++
	if len(b.logs) == 0 {
		return nil
	}
	id := b.header.ID(to)
	logs := slices.Clone(b.logs)
	var err error
	if b.m.mutant != "ignores the context" {
		err = errors.Join(ctx.Err(), b.m.trouble(ctx))
	}
	switch b.m.mutant {
	case "loses the last log":
		logs = logs[:len(logs)-1]
	case "swaps two logs":
		if len(logs) > 1 {
			logs[0], logs[1] = logs[1], logs[0]
		}
	case "new id on retry":
		id = fmt.Sprint(id, b.tries)
	case "same id always":
		id = "x"
	case "half of it on errors":
		if b.tries > 1 {
			logs = logs[:len(logs)/2]
		}
	case "ignores the context":
		err = nil
	case "says yes to the fault":
		err = ctx.Err()
	case "mixes shards":
		slices.Reverse(logs)
	case "empties on error":
		if err != nil {
			b.logs = nil
		}
	}
	if err != nil {
		return err
	}
	b.m.arrive(id, logs)
	return nil
}

func (b *memoryBatch) Release() {
	if b.m.mutant == "sends on release" {
		b.m.arrive("x", b.logs)
	}
}
