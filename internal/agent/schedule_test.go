package agent_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/agentproto"
)

func repeat(mode, frequency string) func(*agentproto.Task) {
	return func(t *agentproto.Task) { t.Run.Repeat, t.Run.Frequency = mode, frequency }
}

// Schedules run while the line is down, and what came of them is told in order, with their output, when it is up again.
func TestOfflineSchedules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.ask("t-rate", repeat(agentproto.Period, "rate(10m)"))
		d.ask("t-cron", repeat(agentproto.Period, "0 0/30 * * * ? Asia/Shanghai"))
		at := time.Now().Add(45 * time.Minute).UTC().Format("2006-01-02 15:04:05")
		d.ask("t-at", repeat(agentproto.Period, "at("+at+")"))
		d.line(false)
		long := strings.Repeat("0123456789", 5000)
		for range 61 {
			time.Sleep(time.Minute)
			d.finish(long)
		}
		for id, want := range map[string]string{"t-rate": "accepted ", "t-cron": "accepted ", "t-at": "accepted "} {
			d.expect(id, want)
		}
		d.line(true)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		d.expect("t-rate", "accepted "+strings.Repeat("started finished exited ", 6))
		d.expect("t-cron", "accepted "+strings.Repeat("started finished exited ", 2))
		d.expect("t-at", "accepted started finished exited ended completed ")
		for r := range d.world.began {
			if string(d.output[r]) != long {
				t.Errorf("%v: %d bytes of output", r, len(d.output[r]))
			}
		}
		if d.world.left() != 0 {
			t.Errorf("%d runs are left on disk", d.world.left())
		}
	})
}

// A time that comes while a run goes on is passed over, and one that was missed while the agent was away is, too, unless it was a moment ago.
func TestMissedTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.ask("t-1", repeat(agentproto.Period, "rate(10m)"))
		time.Sleep(35 * time.Minute) // the run of 10 goes on over 20 and 30
		if n := d.began("t-1"); n != 1 {
			t.Errorf("%d runs", n)
		}
		d.finish("")
		time.Sleep(4 * time.Minute)
		d.kill()
		time.Sleep(80*time.Second + 10*time.Minute) // 40 is missed, and 50 was 20 s ago
		d.start()
		synctest.Wait()
		if n := d.began("t-1"); n != 2 {
			t.Errorf("%d runs", n)
		}
		d.finish("")
		d.kill()
		time.Sleep(12 * time.Minute)
		d.start()
		synctest.Wait()
		if n := d.began("t-1"); n != 2 {
			t.Errorf("%d runs", n)
		}
	})
}

// Each boot is one, however often the agent is started in it.
func TestBoots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.ask("t-next", repeat(agentproto.NextRebootOnly, ""))
		d.ask("t-every", repeat(agentproto.EveryReboot, ""))
		again := func(boot string) {
			d.kill()
			d.o.BootID = boot
			d.start()
			synctest.Wait()
			d.finish("")
		}
		again("boot-0")
		if d.began("t-next")+d.began("t-every") != 0 {
			t.Error("they ran before a boot")
		}
		d.line(false) // offline, too
		again("boot-1")
		again("boot-1")
		again("boot-2")
		d.line(true)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		d.expect("t-next", "accepted started finished exited ")
		d.expect("t-every", "accepted started finished exited started finished exited ")
	})
}

// A newer version counts for runs that have not begun.
func TestModified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.ask("t-1", repeat(agentproto.Period, "rate(10m)"))
		d.ask("t-1", repeat(agentproto.Period, "rate(3m)"), func(t *agentproto.Task) { t.Version = 2 })
		d.ask("t-1", repeat(agentproto.Period, "rate(1h)")) // an older one, late
		for range 10 {
			time.Sleep(time.Minute)
			d.finish("")
		}
		if n := d.began("t-1"); n != 3 {
			t.Errorf("%d runs", n)
		}
		d.kill()
		d.start()
		synctest.Wait()
		if k := d.hello[len(d.hello)-1].Known; len(k) != 1 || k[0].Version != 2 {
			t.Errorf("%+v", k)
		}
	})
}

// A dry run is checked, and begins nothing.
func TestDryRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.ask("t-dry", repeat(agentproto.DryRun, ""))
		d.expect("t-dry", "accepted ended completed ")
	})
}

// A server that is away for weeks costs neither memory nor disk without end, and the agent starts with what it has: the newest results have no output, and
// then the schedule pauses.
func TestLongOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.ask("t-1", repeat(agentproto.Period, "rate(1m)"))
		d.line(false)
		output := strings.Repeat("0123456789", 2000)
		for range 1200 {
			time.Sleep(time.Minute)
			synctest.Wait()
			d.finish(output)
		}
		began := d.began("t-1")
		if began < 990 || began > 1010 {
			t.Errorf("%d runs", began)
		}
		d.kill()
		d.start()
		synctest.Wait()
		if st := d.agent.Status(); st.Journal > 20<<20 || st.Invocations[0].Unsent < 2000 {
			t.Errorf("%d bytes of journal, %d events", st.Journal, st.Invocations[0].Unsent)
		}
		d.line(true)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if d.began("t-1") == began {
			t.Error("the schedule does not go on")
		}
		with := 0
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, e := range d.events {
			if e.Kind == agentproto.Finished {
				if len(e.Result.Output) == len(output) {
					with++
				} else if int(e.Result.Dropped) != len(output) {
					t.Fatalf("%+v", e.Result)
				}
			}
		}
		if with < 400 || with > 440 || d.seqs["t-1"] < int64(2*began) {
			t.Errorf("%d results have output, %d events have arrived", with, d.seqs["t-1"])
		}
	})
}
