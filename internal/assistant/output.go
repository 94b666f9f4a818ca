package assistant

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/agentproto"
)

// fullOutput keeps what runs write, in pieces that follow each other in the logstore, each once.
//
// How much of a run is there is in memory alone: a piece is acknowledged when it is appended, and needs no transaction. After a restart, and after an append
// of which it is not known whether it took place, the logstore is read from the beginning of the oldest run that is under way.
type fullOutput struct {
	s      *Service
	stores logstores

	mu   sync.Mutex // guards what is below
	runs map[targetKey]*outputRun
}

// outputRun is the output of the run that goes on at a target.
type outputRun struct {
	turn  sync.Mutex // held over an append; guards what is below
	run   int64
	known bool  // size is what the logstore has
	size  int64 // bytes that are in the logstore
	head  []byte
}

func newFullOutput(s *Service) *fullOutput {
	return &fullOutput{s: s, stores: logstores{cat: s.cat}, runs: map[targetKey]*outputRun{}}
}

// of returns the output of a target, of which run is under way.
func (f *fullOutput) of(key targetKey, t *Target) *outputRun {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.runs[key]
	if r == nil || r.run != t.Runs {
		r = &outputRun{run: t.Runs, known: t.Started.After(f.s.started)}
		f.runs[key] = r
	}
	return r
}

// forget drops what is known of a target that runs no more.
func (f *fullOutput) forget(key targetKey) {
	f.mu.Lock()
	delete(f.runs, key)
	f.mu.Unlock()
}

// live is the beginning of what the run under way has written; nil if it is not known here.
func (f *fullOutput) live(key targetKey) []byte {
	f.mu.Lock()
	r := f.runs[key]
	f.mu.Unlock()
	if r == nil {
		return nil
	}
	r.turn.Lock()
	defer r.turn.Unlock()
	return r.head
}

// output takes a piece of output, if it is the next, and answers with how much is there.
func (x *Session) output(ctx context.Context, m *agentproto.Output) error {
	key := targetKey{m.Invocation, x.instance}
	x.s.mu.Lock()
	t := x.s.live[key.instance][key.invocation]
	x.s.mu.Unlock()
	if t == nil {
		x.peer.Send(&agentproto.Forget{Invocations: []string{m.Invocation}})
		return nil
	}
	if m.Run > t.Runs {
		return nil // its start has not been taken yet: the agent sends both again
	}
	ack := agentproto.OutputAck{Invocation: m.Invocation, Run: m.Run, Offset: m.Offset + int64(len(m.Data))}
	if t.RunOpen && t.Runs == m.Run { // otherwise it is over, and nobody waits for more
		size, err := x.s.output.take(ctx, key, t, m)
		if err != nil {
			return err
		}
		ack.Offset = size
	}
	x.peer.Send(&agentproto.Ack{Output: []agentproto.OutputAck{ack}})
	return nil
}

// take appends a piece if it follows what is there, and returns how much that is then.
func (f *fullOutput) take(ctx context.Context, key targetKey, t *Target, m *agentproto.Output) (int64, error) {
	r := f.of(key, t)
	r.turn.Lock()
	defer r.turn.Unlock()
	if !r.known {
		if err := f.find(ctx, key, t, r); err != nil {
			return 0, fmt.Errorf("look for output that was written: %w", err)
		}
	}
	if m.Offset != r.size || f.s.o.OutputBytes < 0 || r.size >= f.s.o.OutputBytes {
		return r.size, nil
	}
	ref := FullOutput(t.Account)
	if err := f.stores.ensure(ctx, t.Account, ref, outputIndex); err != nil {
		return 0, fmt.Errorf("make logstore %v: %w", ref, err)
	}
	if _, _, err := f.s.door.Append(ctx, ref, piece(key, m, f.s.now(), f.s.o.Region)); err != nil {
		r.known = false // it may be there all the same
		return 0, fmt.Errorf("append to %v: %w", ref, err)
	}
	r.size += int64(len(m.Data))
	if room := agentproto.MaxRecordHead - len(r.head); room > 0 {
		r.head = append(r.head, m.Data[:min(room, len(m.Data))]...)
	}
	f.s.metrics.output.Add(float64(len(m.Data)))
	return r.size, nil
}

// find reads how much of a run is in the logstore.
func (f *fullOutput) find(ctx context.Context, key targetKey, t *Target, r *outputRun) error {
	var size int64
	r.head = nil
	run := strconv.FormatInt(t.Runs, 10)
	from := t.Created // a run's start is what its agent says
	if err := readBack(ctx, f.s.cat, FullOutput(t.Account), from.Add(-clockSlack), func(l *sluice.Record) {
		v := fields(l)
		if v["InvokeId"] != key.invocation || v["InstanceId"] != key.instance || v["Repeats"] != run {
			return
		}
		offset, err := strconv.ParseInt(v["Offset"], 10, 64)
		if err != nil || offset != size {
			return
		}
		size += int64(len(v["Output"]))
		if room := agentproto.MaxRecordHead - len(r.head); room > 0 {
			r.head = append(r.head, v["Output"][:min(room, len(v["Output"]))]...)
		}
	}); err != nil {
		return err
	}
	r.known, r.size = true, size
	return nil
}

// piece is a piece of output as a log.
func piece(key targetKey, m *agentproto.Output, now time.Time, region string) *sluice.LogGroup {
	return &sluice.LogGroup{Topic: "cloud_assistant_output", Source: region, Records: []sluice.Record{{
		Time: uint32(max(now.Unix(), 0)), Nanos: uint32(now.Nanosecond()),
		Fields: []sluice.Field{
			{Key: "InvokeId", Value: key.invocation},
			{Key: "InstanceId", Value: key.instance},
			{Key: "Repeats", Value: strconv.FormatInt(m.Run, 10)},
			{Key: "Offset", Value: strconv.FormatInt(m.Offset, 10)},
			{Key: "Output", Value: string(m.Data)},
		},
	}}}
}
