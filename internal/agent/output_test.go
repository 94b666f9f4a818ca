package agent_test

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/agentproto"
)

// result is what the finished event of a run says.
func (d *desk) result(invocation string) *agentproto.Result {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.events {
		if e.Invocation == invocation && e.Kind == agentproto.Finished {
			return e.Result
		}
	}
	return nil
}

// Output is sent no further ahead than the window, and not beyond what the server wants; finished comes behind it.
func TestOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		long := bytes.Repeat([]byte("0123456789"), 150_000) // the server wants 1 MiB
		d.ask("t-1")
		d.finish(string(long))
		r := d.result("t-1")
		if r == nil || r.Bytes != 1<<20 || len(r.Output) != agentproto.MaxRecordOutput || int(r.Dropped) != len(long)-agentproto.MaxRecordOutput {
			t.Fatalf("%+v", r)
		}
		if got := d.output[run{"t-1", 1}]; !bytes.Equal(got, long[:1<<20]) {
			t.Errorf("%d bytes", len(got))
		}
		if d.flying > int64(d.welcome.OutputWindow) {
			t.Errorf("%d bytes were under way", d.flying)
		}
	})
}

// What the record shows in full is not sent twice, unless somebody may be looking on.
func TestShortOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.ask("t-short")
		d.finish("ok\n")
		if r := d.result("t-short"); r == nil || r.Bytes != 0 || string(r.Output) != "ok\n" || len(d.output) != 0 {
			t.Errorf("%+v", r)
		}
		d.ask("t-long")
		d.world.mu.Lock()
		for _, c := range d.world.runs {
			c.output = []byte("begun\n")
		}
		d.world.mu.Unlock()
		time.Sleep(time.Second)
		d.world.mu.Lock()
		for _, c := range d.world.runs {
			c.changed <- struct{}{}
		}
		d.world.mu.Unlock()
		synctest.Wait()
		if got := string(d.output[run{"t-long", 1}]); got != "begun\n" {
			t.Errorf("while it runs: %q", got)
		}
		d.finish("ended\n")
		if got := string(d.output[run{"t-long", 1}]); got != "begun\nended\n" {
			t.Errorf("%q", got)
		}
	})
}

// A server that takes no output gets the result all the same, when its patience is over.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.ask("t-1")
		d.mu.Lock()
		d.deaf = true
		d.mu.Unlock()
		d.finish(string(bytes.Repeat([]byte("x"), 100_000)))
		time.Sleep(59 * time.Second)
		synctest.Wait()
		d.expect("t-1", "accepted started ")
		d.mu.Lock()
		d.deaf = false
		d.mu.Unlock()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		d.expect("t-1", onceDone)
		if r := d.result("t-1"); r == nil || r.Bytes != 0 {
			t.Errorf("%+v", r)
		}
	})
}

// A line that breaks all the time loses and doubles nothing.
func TestFlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		long := bytes.Repeat([]byte("0123456789"), 60_000)
		d.ask("t-1")
		go func() {
			for range 200 {
				time.Sleep(500 * time.Millisecond)
				d.line(true)
			}
		}()
		d.world.mu.Lock()
		for _, c := range d.world.runs {
			c.output = long
			d.world.end(c, agentproto.Exited, 0)
		}
		d.world.mu.Unlock()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		d.expect("t-1", onceDone)
		if got := d.output[run{"t-1", 1}]; !bytes.Equal(got, long) {
			t.Errorf("%d bytes of output", len(got))
		}
	})
}
