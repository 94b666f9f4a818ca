package delivery_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery"
	"github.com/sluicelog/sluice/internal/meta"
)

func TestParseSpec(t *testing.T) {
	const yaml = `
name: edge
source: {logstore: access, start: beginning}
fields: [ClientIP, n]
limits: {logs: 10, bytes: 1000, age: 5s}
retry: {max: 3, onExhausted: deadLetter}
sink: {type: tape, tape: x, secret: hunter2}
`
	s, err := delivery.ParseSpec([]byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "edge" || s.Limits.Age != delivery.Duration(5*time.Second) || s.Retry.OnExhausted != "deadLetter" || len(s.Fields) != 2 {
		t.Errorf("got %+v", s)
	}
	again, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	back, err := delivery.ParseSpec(again)
	if err != nil || back.Limits != s.Limits || back.Retry != s.Retry {
		t.Errorf("a round trip gives %+v and error %v", back, err)
	}
}

// Every mistake is refused with the field named.
func TestRefusedSpecs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBed(t, 1)
		e := b.make(b.options("a"))
		for _, test := range []struct{ doc, field string }{
			{`{}`, "name"},
			{`{"name":"a b"}`, "name"},
			{`{"name":"x","source":{}}`, "source.logstore"},
			{`{"name":"x","source":{"logstore":"access","start":"yesterday"}}`, "source.start"},
			{`{"name":"x","source":{"logstore":"access","end":"tomorrow"}}`, "source.end"},
			{`{"name":"x","source":{"logstore":"access","start":"2026-01-02T00:00:00Z","end":"2026-01-01T00:00:00Z"}}`, "source.end"},
			{`{"name":"x","source":{"logstore":"access"},"deadLetter":"access"}`, "deadLetter"},
			{`{"name":"x","source":{"logstore":"access"},"deadLetter":"No"}`, "deadLetter"},
			{`{"name":"x","source":{"logstore":"access"},"limits":{"logs":-1}}`, "limits.logs"},
			{`{"name":"x","source":{"logstore":"access"},"limits":{"bytes":-1}}`, "limits.bytes"},
			{`{"name":"x","source":{"logstore":"access"},"limits":{"age":"soon"}}`, "duration"},
			{`{"name":"x","source":{"logstore":"access"},"limits":{"age":"25h"}}`, "limits.age"},
			{`{"name":"x","source":{"logstore":"access"},"retry":{"max":-1}}`, "retry.max"},
			{`{"name":"x","source":{"logstore":"access"},"retry":{"onExhausted":"drop"}}`, "retry.onExhausted"},
			{`{"name":"x","source":{"logstore":"access"},"sample":101}`, "sample"},
			{`{"name":"x","source":{"logstore":"access"},"sample":0}`, "sample"},
			{`{"name":"x","source":{"logstore":"access"},"filter":{"search":"a and"}}`, "filter.search"},
			{`{"name":"x","source":{"logstore":"access"}}`, "sink"},
			{`{"name":"x","source":{"logstore":"access"},"sink":{}}`, "sink"},
			{`{"name":"x","source":{"logstore":"access"},"sink":{"tape":"x"}}`, "sink.type"},
			{`{"name":"x","source":{"logstore":"access"},"sink":{"type":"fax"}}`, "sink.type"},
			{`{"name":"x","source":{"logstore":"access"},"sink":{"type":"tape","tap":"x"}}`, "tap"},
			{`{"name":"x","source":{"logstore":"access"},"sink":{"type":"tape"}}`, "sink.tape"},
			{`{"name":"x","sauce":{}}`, "sauce"},
			{`{"name":"x"} {}`, "nothing may follow"},
			{`[1`, "neither JSON nor YAML"},
			{strings.Repeat(" ", 300<<10), "bytes"},
		} {
			s, err := delivery.ParseSpec([]byte(test.doc))
			if err == nil {
				_, err = e.Create(ctx, project, s)
			}
			if sluice.KindOf(err) != sluice.Invalid || !strings.Contains(err.Error(), test.field) {
				t.Errorf("%.200s: got error %v, want one that names %q", test.doc, err, test.field)
			}
		}
	})
}

func TestSecretsStayInside(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBed(t, 1)
		e := b.start(b.options("a"))
		secret := func(text string) func(*delivery.Spec) {
			return func(s *delivery.Spec) { s.Sink = []byte(`{"type":"tape","tape":"x","secret":"` + text + `"}`) }
		}
		b.online(e.Engine, spec("x", secret("hunter2")))
		b.write(1)
		b.settle(e.Engine, "x")
		task, err := e.Task(ctx, project, "x")
		b.must(err)
		shown, err := json.Marshal(task)
		b.must(err)
		var stored meta.DeliveryTask
		b.must(b.meta.View(ctx, func(tx meta.Tx) (err error) {
			stored, err = tx.DeliveryTask(project, "x")
			return err
		}))
		if all := string(shown) + string(stored.Spec) + string(stored.Secrets); strings.Contains(all, "hunter2") {
			t.Errorf("the secret shows: %s", all)
		}
		if got := b.tape("x").secret; got != "hunter2" {
			t.Errorf("the sink got %q", got)
		}
		task.Spec.Description = "changed by somebody who never saw the secret"
		_, err = e.Update(ctx, project, &task.Spec, task.Revision)
		b.must(err)
		b.write(1)
		b.settle(e.Engine, "x")
		if got := b.tape("x").secret; got != "hunter2" {
			t.Errorf("after an update with the mask the sink got %q", got)
		}
		if _, err := e.Update(ctx, project, &task.Spec, task.Revision); sluice.KindOf(err) != sluice.Conflict {
			t.Errorf("update of an old revision: got error %v", err)
		}
	})
}

func TestStates(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBed(t, 1)
		e := b.start(b.options("a"))
		want := func(state delivery.State, reason string) {
			t.Helper()
			task, err := e.Task(ctx, project, "x")
			b.must(err)
			if task.State != state || task.Reason != reason {
				t.Errorf("got %s %q, want %s %q", task.State, task.Reason, state, reason)
			}
		}
		_, err := e.Create(ctx, project, spec("x"))
		b.must(err)
		if _, err := e.Create(ctx, project, spec("x")); sluice.KindOf(err) != sluice.AlreadyExists {
			t.Errorf("again: got error %v", err)
		}
		want(delivery.Draft, "")
		b.tape("x").check = errors.New("no such host")
		if _, err := e.Verify(ctx, project, "x"); sluice.KindOf(err) != sluice.Invalid {
			t.Errorf("verify: got error %v", err)
		}
		want(delivery.Draft, "the destination of x does not answer as it should: no such host")
		b.tape("x").check = nil
		_, err = e.Verify(ctx, project, "x")
		b.must(err)
		want(delivery.Draft, "")
		if _, err := e.Pause(ctx, project, "x", "no"); sluice.KindOf(err) != sluice.Conflict {
			t.Errorf("pause of a draft: got error %v", err)
		}
		_, err = e.Start(ctx, project, "x", delivery.FromPoint)
		b.must(err)
		b.write(1)
		b.settle(e.Engine, "x")
		_, err = e.Pause(ctx, project, "x", "lunch")
		b.must(err)
		want(delivery.Paused, "lunch")
		time.Sleep(time.Minute)
		b.write(2)
		time.Sleep(time.Minute)
		wantLogs(t, "while paused", b.tape("x").logs(), numbers(1, 1))
		if s := b.status(e.Engine, "x"); s.Backlog != 1 || s.Lag != time.Minute {
			t.Errorf("while paused: backlog %d, lag %v", s.Backlog, s.Lag)
		}
		_, err = e.Start(ctx, project, "x", delivery.FromPoint)
		b.must(err)
		b.settle(e.Engine, "x")
		wantLogs(t, "after the pause", b.tape("x").logs(), numbers(1, 3))
		if _, err := e.Start(ctx, project, "x", delivery.FromNow); sluice.KindOf(err) != sluice.Conflict {
			t.Errorf("skip while online: got error %v", err)
		}
		_, err = e.Offline(ctx, project, "x")
		b.must(err)
		want(delivery.Offline, "")
		b.write(4)
		_, err = e.Start(ctx, project, "x", delivery.FromNow)
		b.must(err)
		b.write(1)
		s := b.settle(e.Engine, "x")
		wantLogs(t, "after a skip", b.tape("x").logs(), []string{"1", "2", "3", "8"})
		if s.Counters.SkippedGroups != 1 {
			t.Errorf("after a skip: counters %+v", s.Counters)
		}
		wantBalanced(t, e.Engine, s)
		b.must(e.Delete(ctx, project, "x"))
		if _, err := e.Status(ctx, project, "x"); sluice.KindOf(err) != sluice.NotFound {
			t.Errorf("after delete: got error %v", err)
		}
		time.Sleep(time.Minute)
		if e.Workers() != 0 {
			t.Errorf("%d workers work on a task that is gone", e.Workers())
		}
	})
}

// A batch that was announced is the same batch after the task changed and the engine was restarted.
func TestAnnouncedBatchOutlivesChanges(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBed(t, 1)
		e := b.start(b.options("a"))
		b.tape("x").set(func(_ context.Context, batch *tapeBatch) error {
			batch.take(len(batch.logs))
			return errors.New("the answer is lost")
		})
		b.online(e.Engine, spec("x", func(s *delivery.Spec) { s.Limits.Logs = 7 }))
		b.write(20)
		time.Sleep(10 * time.Second)
		_, err := e.Update(ctx, project, spec("x", func(s *delivery.Spec) { s.Limits.Logs = 3 }), 0)
		b.must(err)
		time.Sleep(10 * time.Second)
		e.stop()
		b.tape("x").set(nil)
		e = b.start(b.options("a"))
		wantBalanced(t, e.Engine, b.settle(e.Engine, "x"))
		wantLogs(t, "all", firsts(b.tape("x").logs()), numbers(1, 20))
		wantSameIDs(t, b.tape("x").sent())
		for i, s := range b.tape("x").sent() {
			if want := map[bool]int{true: 7, false: 3}[s.logs[0] == "1"]; len(s.logs) != want && s.logs[0] != "20" {
				t.Errorf("batch %d has logs %v, want %d", i, s.logs, want)
			}
		}
	})
}
