package agent_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/agent/journal"
	"github.com/sluicelog/sluice/internal/agent/policy"
	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/vfs"
	"github.com/sluicelog/sluice/internal/vfs/faultfs"
)

const onceDone = "accepted started finished exited "

// Altered, forged, misdirected, late and replayed envelopes do nothing, are counted, and are answered by silence. So it is whatever the machine's clock says.
func TestEnvelopes(t *testing.T) {
	_, other, _ := ed25519.GenerateKey(nil)
	for name, make := range map[string]func(d *desk) *agentproto.Envelope{
		"content altered": func(d *desk) *agentproto.Envelope {
			e := d.seal(d.task("t-bad"))
			e.Task = bytes.Replace(e.Task, []byte(`"timeout":60`), []byte(`"timeout":61`), 1)
			return e
		},
		"signature altered": func(d *desk) *agentproto.Envelope {
			e := d.seal(d.task("t-bad"))
			e.Signature[5] ^= 1
			return e
		},
		"another key": func(d *desk) *agentproto.Envelope {
			e, _ := agentproto.Seal(d.task("t-bad"), "k-1", other)
			return e
		},
		"a key that is not known": func(d *desk) *agentproto.Envelope {
			e, _ := agentproto.Seal(d.task("t-bad"), "k-2", d.key)
			return e
		},
		"another instance": func(d *desk) *agentproto.Envelope {
			return d.seal(d.task("t-bad", func(t *agentproto.Task) { t.Instance = "mi-2" }))
		},
		"expired": func(d *desk) *agentproto.Envelope {
			return d.seal(d.task("t-bad", func(t *agentproto.Task) {
				t.Issued, t.Expires = agentproto.TimeOf(time.Now().Add(-time.Minute)), agentproto.TimeOf(time.Now())
			}))
		},
		"another version of tasks": func(d *desk) *agentproto.Envelope {
			task := d.task("t-bad")
			task.V = 2
			raw, _ := json.Marshal(task)
			return &agentproto.Envelope{Key: "k-1", Task: raw, Signature: ed25519.Sign(d.key, append([]byte("sluice agent task v1\x00"), raw...))}
		},
		"signed as something else": func(d *desk) *agentproto.Envelope {
			e := d.seal(d.task("t-bad"))
			e.Signature = ed25519.Sign(d.key, e.Task)
			return e
		},
		"content that is not its hash": func(d *desk) *agentproto.Envelope {
			task := d.task("t-bad")
			task.Run.Content = []byte("rm -rf /")
			raw, _ := json.Marshal(task)
			return &agentproto.Envelope{Key: "k-1", Task: raw, Signature: ed25519.Sign(d.key, append([]byte("sluice agent task v1\x00"), raw...))}
		},
	} {
		for _, skew := range []time.Duration{0, time.Hour, -time.Hour} {
			t.Run(fmt.Sprintf("%s, clock %v off", name, skew), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := newDesk(t, func(d *desk) { d.skew = skew })
					d.send(make(d))
					if st := d.agent.Status(); st.Refused != 1 || len(st.Refusals) != 1 || len(st.Invocations) != 0 {
						t.Errorf("%+v", st)
					}
					d.expect("t-bad", "")
					d.ask("t-good") // and the connection goes on
					d.finish("")
					d.expect("t-good", onceDone)
				})
			})
		}
	}
}

// A task that is sent again changes nothing, and an envelope that is sent again is refused; also after a restart, and when all is over.
func TestReplays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		e := d.seal(d.task("t-1"))
		d.send(e, e)
		d.ask("t-1")
		if st := d.agent.Status(); st.Refused != 1 || !strings.Contains(st.Refusals[0].Why, "before") {
			t.Errorf("%+v", st)
		}
		d.finish("")
		d.expect("t-1", onceDone)
		d.send(e)
		d.kill()
		d.start()
		synctest.Wait()
		d.send(e)
		d.ask("t-1")
		d.send(d.seal(d.task("t-1", func(t *agentproto.Task) { t.Version = 7 })))
		if n := d.began("t-1"); n != 1 {
			t.Errorf("it began %d times", n)
		}
		d.expect("t-1", onceDone)
	})
}

// Events say the server's time.
func TestClockOff(t *testing.T) {
	for _, skew := range []time.Duration{time.Hour, -time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t, func(d *desk) { d.skew = skew })
			d.ask("t-1")
			d.finish("")
			d.ask("t-2", func(t *agentproto.Task) {
				t.Run.Repeat, t.Run.Frequency = agentproto.Period, "at("+time.Now().Add(5*time.Minute).UTC().Format("2006-01-02 15:04:05")+")"
			})
			at := time.Now().Add(5 * time.Minute)
			time.Sleep(4 * time.Minute)
			if d.began("t-2") != 0 {
				t.Error("it began early")
			}
			time.Sleep(2 * time.Minute)
			d.finish("")
			d.expect("t-2", "accepted started finished exited ended completed ")
			for _, e := range d.events {
				if e.Invocation == "t-1" && e.At.Go().Sub(at.Add(-5*time.Minute)).Abs() > time.Second {
					t.Errorf("%s at %v", e.Kind, e.At.Go())
				}
				if e.Kind == agentproto.Started && e.Invocation == "t-2" && e.At.Go().Sub(at).Abs() > time.Second {
					t.Errorf("%v, want %v", e.At.Go(), at)
				}
			}
		})
	}
}

// What the policy does not allow is rejected with the code that its record shows, and so is all when the policy cannot be read.
func TestRejected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := policy.Default(), error(nil)
		p.MaxInvocations = 2
		d := newDesk(t, func(d *desk) { d.o.Policy = func() (*policy.Policy, error) { return p, err } })
		d.ask("t-root", func(t *agentproto.Task) { t.Run.User = "root" })
		d.expect("t-root", "rejected AccountNotExists ")
		d.ask("t-late", func(t *agentproto.Task) { t.Run.Repeat, t.Run.Frequency = agentproto.Period, "at(1999-01-01 00:00:00)" })
		d.expect("t-late", "rejected AtExpressionExpired ")
		d.ask("t-odd", func(t *agentproto.Task) { t.Run.Repeat, t.Run.Frequency = agentproto.Period, "sometimes" })
		d.expect("t-odd", "rejected BadCronExpression ")
		d.ask("t-1")
		d.ask("t-2")
		d.ask("t-3")
		d.expect("t-3", "rejected ExecutionException ")
		d.finish("")
		err = errors.New("line 3: what is that")
		d.ask("t-4")
		d.expect("t-4", "rejected CommandNotApplicable ")
	})
}

// What waits when the policy changes is held to the new one: its run is an error, with the reason.
func TestPolicyChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now atomic.Pointer[policy.Policy]
		now.Store(policy.Default())
		d := newDesk(t, func(d *desk) { d.o.Policy = func() (*policy.Policy, error) { return now.Load(), nil } })
		d.ask("t-1", func(t *agentproto.Task) {
			t.Run.Repeat, t.Run.Frequency, t.Run.User = agentproto.Period, "rate(5m)", "deploy"
		})
		p := policy.Default()
		p.Users = []string{"www"}
		now.Store(p)
		time.Sleep(5*time.Minute + time.Second)
		synctest.Wait()
		d.expect("t-1", "accepted started finished error ")
		if d.began("t-1") != 0 {
			t.Error("it ran")
		}
	})
}

// Stop ends what runs, what waits, what is not known, and nothing twice.
func TestStop(t *testing.T) {
	stop := func(t *agentproto.Task) { t.Kind, t.Run = agentproto.TaskStop, nil }
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.ask("t-runs")
		d.ask("t-runs", stop)
		d.ask("t-runs", stop)
		d.expect("t-runs", "accepted started finished terminated ")
		d.ask("t-waits", func(t *agentproto.Task) { t.Run.Repeat, t.Run.Frequency = agentproto.Period, "rate(5m)" })
		d.ask("t-waits", stop)
		d.expect("t-waits", "accepted ended stopped ")
		d.ask("t-unknown", stop)
		d.expect("t-unknown", "ended stopped ")
		d.ask("t-unknown")
		d.expect("t-unknown", "ended stopped ")
		d.ask("t-schedule", func(t *agentproto.Task) { t.Run.Repeat, t.Run.Frequency = agentproto.Period, "rate(5m)" })
		time.Sleep(5*time.Minute + time.Second)
		d.ask("t-schedule", stop)
		d.expect("t-schedule", "accepted started finished terminated ")
		time.Sleep(time.Hour)
		if st := d.agent.Status(); len(st.Invocations) > 0 || d.began("t-schedule") != 1 {
			t.Errorf("%+v", st)
		}
	})
}

// Forget kills what runs, says nothing of it, and keeps it from beginning again.
func TestForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.ask("t-1")
		d.send(&agentproto.Forget{Invocations: []string{"t-1", "t-none"}})
		if st := d.agent.Status(); len(st.Invocations) > 0 || st.Running != 0 || d.world.left() != 0 {
			t.Errorf("%+v, %d runs are left", st, d.world.left())
		}
		d.ask("t-1")
		d.expect("t-1", "accepted started ")
	})
}

// Secrets are in no file; an agent that has restarted says that it needs them.
func TestSecretsAreNotWritten(t *testing.T) {
	secret := func(t *agentproto.Task) {
		t.Run.Content, t.Run.Sensitive, t.Run.Mask, t.Run.Password = []byte("echo hunter2"), true, []string{"hunter2"}, "hunter2"
		t.Run.Repeat, t.Run.Frequency = agentproto.Period, "rate(5m)"
	}
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.ask("t-1", secret)
		d.kill()
		for range 2 { // the second time from a journal that was written anew
			d.start()
			synctest.Wait()
			if known := d.hello[len(d.hello)-1].Known; len(known) != 1 || !known[0].NeedContent {
				t.Fatalf("known: %+v", known)
			}
			if raw := content(t, d.mem); strings.Contains(raw, "hunter2") || strings.Contains(raw, "ZWNobyBodW50ZXIy") {
				t.Error("the journal has the secret")
			}
			time.Sleep(6 * time.Minute) // and does not run without
			d.kill()
		}
		d.start()
		synctest.Wait()
		d.ask("t-1", secret)
		time.Sleep(5*time.Minute + time.Second)
		synctest.Wait()
		d.finish("")
		d.expect("t-1", "accepted started finished exited ")
		if raw := content(t, d.mem); strings.Contains(raw, "hunter2") {
			t.Error("the journal has the secret")
		}
	})
}

func content(t *testing.T, mem *vfs.Mem) string {
	t.Helper()
	f, err := mem.Open("agent/journal")
	if err != nil {
		t.Fatal(err)
	}
	size, _ := f.Size()
	raw := make([]byte, size)
	if _, err := f.ReadAt(raw, 0); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return string(raw)
}

// A full disk takes no tasks; what was begun is ended, and told, when there is room again at the latest.
func TestDiskFull(t *testing.T) {
	large := func(t *agentproto.Task) { t.Run.Content = bytes.Repeat([]byte("x"), 40<<10) }
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.mem.SetCapacity(1) // but for what is reserved
		taken := 0
		for d.kinds(fmt.Sprint("t-", taken)) != "" || taken == 0 {
			taken++
			d.ask(fmt.Sprint("t-", taken), large)
		}
		if taken < 3 || taken > 20 {
			t.Errorf("task %d was not taken", taken)
		}
		d.finish("")
		for n := 1; n < taken; n++ {
			d.expect(fmt.Sprint("t-", n), onceDone)
		}
		d.mem.SetCapacity(0)
		d.ask(fmt.Sprint("t-", taken), large)
		d.finish("")
		d.expect(fmt.Sprint("t-", taken), onceDone)
	})
}

// A disk that fails to sync ends the agent; the next one starts from what is on disk, and begins nothing twice.
func TestFailedSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.kill()
		files := faultfs.New(d.mem)
		d.files = files
		d.start()
		synctest.Wait()
		files.Set(func(_ int, op faultfs.Op, _ string) error {
			if op == faultfs.Sync {
				return faultfs.ErrInjected
			}
			return nil
		})
		d.ask("t-1")
		if err := <-d.ended; !errors.Is(err, journal.ErrFailed) {
			t.Errorf("it ended with %v", err)
		}
		d.agent, d.files = nil, nil
		d.stop()
		d.start()
		synctest.Wait()
		d.ask("t-1")
		d.finish("")
		if n := d.began("t-1"); n != 1 {
			t.Errorf("it began %d times", n)
		}
		d.expect("t-1", onceDone)
	})
}

// More runs than the policy allows at once wait for each other.
func TestMaxRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := policy.Default()
		p.MaxRuns = 2
		d := newDesk(t, func(d *desk) { d.o.Policy = func() (*policy.Policy, error) { return p, nil } })
		for n := range 5 {
			d.ask(fmt.Sprint("t-", n))
		}
		for n := range 3 {
			if st := d.agent.Status(); st.Running > 2 {
				t.Errorf("%d run", st.Running)
			}
			_ = n
			d.finish("")
			time.Sleep(time.Second)
			synctest.Wait()
		}
		for n := range 5 {
			d.expect(fmt.Sprint("t-", n), onceDone)
		}
	})
}
