package assistant

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/agentproto"
)

var t0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// events reads a script of events: accepted, rejected, started, exit:N, timeout, terminated, error, stopped, completed; "!" marks the last.
func events(script string) []agentproto.Event {
	var all []agentproto.Event
	run := int64(0)
	for i, word := range strings.Fields(script) {
		word, last := strings.CutSuffix(word, "!")
		e := agentproto.Event{Invocation: "t-1", Seq: int64(i + 1), At: agentproto.TimeOf(t0.Add(time.Duration(i+1) * time.Second)), Last: last}
		finished := func(o agentproto.Outcome, code *int64) {
			e.Kind, e.Run, e.Outcome, e.Result = agentproto.Finished, run, o, &agentproto.Result{ExitCode: code, Output: []byte("out")}
		}
		switch kind, arg, _ := strings.Cut(word, ":"); kind {
		case "accepted":
			e.Kind = agentproto.Accepted
		case "rejected":
			e.Kind, e.ErrorCode, e.Last = agentproto.Rejected, "AccountNotExists", true
		case "started":
			run++
			e.Kind, e.Run = agentproto.Started, run
		case "exit":
			var n int64
			_, _ = fmt.Sscan(arg, &n)
			finished(agentproto.Exited, &n)
		case "timeout":
			finished(agentproto.TimedOut, nil)
		case "terminated":
			finished(agentproto.Terminated, nil)
		case "error":
			finished(agentproto.Errored, nil)
		case "stopped":
			e.Kind, e.Outcome, e.Last = agentproto.Ended, agentproto.Stopped, true
		case "completed":
			e.Kind, e.Outcome, e.Last = agentproto.Ended, agentproto.Completed, true
		}
		all = append(all, e)
	}
	return all
}

func TestTargets(t *testing.T) {
	for _, c := range []struct {
		repeat, script string
		stopped        bool // before the last event
		status         Status
		code           string
		runs, records  int64
	}{
		{"Once", "accepted", false, Pending, "", 0, 0},
		{"Once", "accepted started", false, Running, "", 1, 0},
		{"Once", "accepted started exit:0!", false, Success, "", 1, 1},
		{"Once", "accepted started exit:0", false, Success, "", 1, 1}, // nothing can follow, whatever the agent says
		{"Once", "accepted started exit:3!", false, Failed, "ExitCodeNonzero", 1, 1},
		{"Once", "accepted started timeout!", false, TimedOut, "ExecutionTimeout", 1, 1},
		{"Once", "accepted started error!", false, Errored, "ExecutionException", 1, 1},
		{"Once", "accepted started terminated!", true, Terminated, "", 1, 1},
		{"Once", "accepted started exit:0!", true, Success, "", 1, 1}, // the end that was faster
		{"Once", "rejected", false, Invalid, "AccountNotExists", 0, 1},
		{"Once", "accepted stopped", true, Cancelled, "", 0, 1},
		{"Once", "stopped", true, Cancelled, "", 0, 1},
		{"DryRun", "accepted completed", false, Success, "", 0, 0},
		{"Period", "accepted", false, Scheduled, "", 0, 0},
		{"Period", "accepted started", false, Running, "", 1, 0},
		{"Period", "accepted started exit:0", false, Scheduled, "", 1, 1},
		{"Period", "accepted started exit:0 started exit:1", false, Scheduled, "ExitCodeNonzero", 2, 2},
		{"Period", "accepted started exit:1 completed", false, Failed, "ExitCodeNonzero", 1, 1},
		{"Period", "accepted started exit:0 completed", false, Success, "", 1, 1},
		{"Period", "accepted started exit:0 stopped", true, Terminated, "", 1, 1},
		{"Period", "accepted started terminated!", true, Terminated, "", 1, 1},
		{"EveryReboot", "accepted started exit:0", false, Scheduled, "", 1, 1},
		{"NextRebootOnly", "accepted", false, Scheduled, "", 0, 0},
		{"NextRebootOnly", "accepted started exit:0!", false, Success, "", 1, 1},
	} {
		inv := &Invocation{ID: "t-1", RepeatMode: c.repeat, Timeout: 60, Created: t0}
		x := &Target{Invocation: "t-1", Instance: "mi-1", Status: Pending, Created: t0}
		all := events(c.script)
		var records int64
		for i := range all {
			if c.stopped && i == len(all)-1 {
				x.Status, x.Stopped = Stopping, t0
			}
			if x.apply(inv, &all[i], t0.Add(time.Hour)) {
				x.Recorded = true
				records++
			}
		}
		if x.Status != c.status || x.ErrorCode != c.code || x.Runs != c.runs || records != c.records || x.Seq != int64(len(all)) {
			t.Errorf("%s, %s: %s %q, %d runs, %d records, want %s %q, %d, %d", c.repeat, c.script, x.Status, x.ErrorCode, x.Runs, records, c.status, c.code, c.runs, c.records)
		}
		if c.status == TimedOut && x.Finished.Sub(x.Started) != time.Minute {
			t.Errorf("%s: finished %v after it started", c.script, x.Finished.Sub(x.Started))
		}
	}
}

// An agent whose clock is wrong moves no time out of what can be.
func TestTimesOfAgents(t *testing.T) {
	now := t0.Add(time.Minute)
	for _, at := range []time.Time{t0.Add(-time.Hour), now.Add(time.Hour)} {
		x := &Target{Created: t0}
		x.apply(&Invocation{RepeatMode: "Once"}, &agentproto.Event{Kind: agentproto.Started, Run: 1, Seq: 1, At: agentproto.TimeOf(at)}, now)
		if x.Started != now {
			t.Errorf("an event of %v is dated %v", at, x.Started)
		}
	}
}

func TestOverall(t *testing.T) {
	for _, c := range []struct {
		of     string
		status Status
		legacy string
	}{
		{"Success", Success, "Finished"},
		{"Success Success", Success, "Finished"},
		{"Success Failed", PartialFailed, "Finished"},
		{"Success Timeout", PartialFailed, "PartialFailed"},
		{"Success Terminated", Success, "Stopped"},
		{"Failed Error Timeout Invalid Aborted", Failed, "PartialFailed"},
		{"Error", Failed, "Failed"},
		{"Aborted Cancelled", Failed, "Stopped"},
		{"Cancelled Terminated", StoppedAll, "Stopped"},
		{"Pending Running Success", Running, "Running"},
		{"Stopping Running", Stopping, "Running"},
		{"Stopping Success", Stopping, "Stopping"},
		{"Scheduled Pending", Scheduled, "Running"},
	} {
		var all []Status
		for _, s := range strings.Fields(c.of) {
			all = append(all, Status(s))
		}
		if got, old := overall(all), legacyOverall(all, false); got != c.status || old != c.legacy {
			t.Errorf("%s: %s and %s, want %s and %s", c.of, got, old, c.status, c.legacy)
		}
	}
	if got := legacyOverall([]Status{Success, Failed}, true); got != "Running" {
		t.Errorf("a schedule that goes on is %s", got)
	}
}

func TestResolve(t *testing.T) {
	f := func(content, want string, secrets int) {
		t.Helper()
		r, err := resolve(content, map[string]string{"Name": "x", "evil": "{{oos-secret:s}}"}, map[string]string{"instanceid": "mi-1"},
			func(r reference) (string, error) { return "<" + r.name + ">", nil })
		got := r.content
		if err != nil {
			got = err.Error()
		}
		if got != want || len(r.secrets) != secrets {
			t.Errorf("%q: got %q and %d secrets, want %q and %d", content, got, len(r.secrets), want, secrets)
		}
	}
	f("a {{name}} {{ NAME }} {{\n name\n}}", "a x x x", 0)
	f("{{none}}|{{}}|{ {name} }", "|{{}}|{ {name} }", 0)
	f("{{ACS::InstanceId}} {{acs::instanceid}}", "mi-1 mi-1", 0)
	f("{{ACS::None}}", "there is no built-in parameter {{ACS::None}}", 0)
	f("{{oos:p}} {{oos-secret:s.1}}", "<p> <s.1>", 1)
	f("{{evil}}", "{{oos-secret:s}}", 0)
}
