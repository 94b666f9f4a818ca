package queue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/queue"
	"github.com/sluicelog/sluice/internal/shard"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a service over the real parts.
type bench struct {
	*catalogtest.Env
	*queue.Service
	t *testing.T
}

func open(t *testing.T, o queue.Options) *bench {
	t.Helper()
	b := &bench{Env: catalogtest.Open(t, catalog.Options{}, shard.Options{MinFreeBytes: -1}), t: t}
	b.start(o)
	return b
}

func (b *bench) start(o queue.Options) {
	b.t.Helper()
	if o.Now == nil {
		o.Now = b.Clock.Now
	}
	var err error
	door := ingest.New(b.Catalog, ingest.Options{Now: o.Now, Past: -1, Future: -1})
	if b.Service, err = queue.New(b.t.Context(), b.Meta, b.Catalog, door, o); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) create(ref queue.Ref, change func(*queue.Attributes)) {
	b.t.Helper()
	a := queue.DefaultAttributes()
	if change != nil {
		change(&a)
	}
	if made, err := b.Create(b.t.Context(), ref, a); err != nil || !made {
		b.t.Fatalf("create %v: %v, %v", ref, made, err)
	}
}

func (b *bench) send(ref queue.Ref, out ...queue.Outgoing) []queue.Sent {
	b.t.Helper()
	sent, err := b.Send(b.t.Context(), ref, out)
	for i := range sent {
		err = errors.Join(err, sent[i].Err)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return sent
}

func (b *bench) bodies(ref queue.Ref, n int) (list []string) {
	b.t.Helper()
	got, err := b.Receive(b.t.Context(), ref, n, 0)
	if err != nil && !is(err, sluice.NotFound, "message") {
		b.t.Fatal(err)
	}
	for _, m := range got {
		list = append(list, m.Body)
	}
	return list
}

func is(err error, kind sluice.Kind, noun string) bool {
	var e *sluice.Error
	return errors.As(err, &e) && e.Kind == kind && e.Noun == noun
}

func want(t *testing.T, what string, err error, kind sluice.Kind, noun string) {
	t.Helper()
	if !is(err, kind, noun) {
		t.Errorf("%s: got %v, want %v %q", what, err, kind, noun)
	}
}

func text(bodies ...string) (out []queue.Outgoing) {
	for _, body := range bodies {
		out = append(out, queue.Outgoing{Body: body})
	}
	return out
}

var q1 = queue.Ref{Name: "q1"}

func seconds(n int64) *int64 { return &n }

// Small priorities first, and among the same the oldest; delayed messages when they are due; each for as long as it is hidden.
func TestOrderDelayAndVisibility(t *testing.T) {
	b := open(t, queue.Options{})
	b.create(q1, func(a *queue.Attributes) { a.VisibilityTimeout = 10 })
	b.send(q1, queue.Outgoing{Body: "late", Priority: 16}, queue.Outgoing{Body: "first", Priority: 1}, queue.Outgoing{Body: "a"}, queue.Outgoing{Body: "b"})
	b.send(q1, queue.Outgoing{Body: "delayed", Priority: 1, DelaySeconds: seconds(5)})
	f := func(want ...string) {
		t.Helper()
		if got := b.bodies(q1, queue.MaxBatch); !slices.Equal(got, want) {
			t.Errorf("received %q, want %q", got, want)
		}
	}
	f("first", "a", "b", "late")
	f()
	b.Clock.Advance(5 * time.Second)
	f("delayed")
	b.Clock.Advance(4 * time.Second)
	f()
	b.Clock.Advance(time.Second)
	f("first", "a", "b", "late")
	i, err := b.Get(q1)
	if err != nil || i.Active != 0 || i.Inactive != 5 || i.Delayed != 0 {
		t.Errorf("%+v, %v", i, err)
	}
}

// A message that nobody deletes goes when it is too old, from metadata too, and not with the clock of the next restart.
func TestExpiry(t *testing.T) {
	b := open(t, queue.Options{})
	b.create(q1, func(a *queue.Attributes) { a.MessageRetentionPeriod = 60 })
	b.send(q1, text("old")...)
	if err := b.Set(t.Context(), q1, func(a *queue.Attributes) { a.MessageRetentionPeriod = 3600 }); err != nil {
		t.Fatal(err)
	}
	b.send(q1, text("new")...)
	b.Clock.Advance(time.Minute)
	b.start(queue.Options{}) // a restart in between finds it too old
	if got := b.bodies(q1, 16); !slices.Equal(got, []string{"new"}) {
		t.Errorf("received %q", got)
	}
	b.Sweep(t.Context())
	if n := b.items(); n != 1 {
		t.Errorf("%d messages in metadata", n)
	}
}

func (b *bench) items() (n int) {
	b.t.Helper()
	if err := b.Meta.View(b.t.Context(), func(tx meta.Tx) error {
		rows, err := tx.Items("queue-message", meta.ItemRange{})
		n = len(rows)
		return err
	}); err != nil {
		b.t.Fatal(err)
	}
	return n
}

// A handle is good for one reception, and who shows another gets to know why.
func TestHandles(t *testing.T) {
	b := open(t, queue.Options{})
	b.create(q1, nil)
	b.send(q1, text("m")...)
	get := func() queue.Received {
		t.Helper()
		got, err := b.Receive(t.Context(), q1, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		return got[0]
	}
	del := func(handle string) error {
		t.Helper()
		refused, err := b.DeleteMessages(t.Context(), q1, []string{handle})
		if err != nil {
			t.Fatal(err)
		}
		return refused[0]
	}
	first := get()
	want(t, "a handle with another nonce", del(first.Handle[:len(first.Handle)-8]+"00000001"), sluice.Invalid, "handle")
	renewed, visible, err := b.ChangeVisibility(t.Context(), q1, first.Handle, 5)
	if err != nil || !visible.Equal(b.Clock.Now().Add(5*time.Second)) {
		t.Fatalf("changed: %v, %v", visible, err)
	}
	want(t, "the handle before the change", del(first.Handle), sluice.Invalid, "handle")
	b.Clock.Advance(5 * time.Second)
	want(t, "a handle whose time is over", del(renewed), sluice.Invalid, "handle")
	second := get()
	if second.Count != 2 || !second.First.Equal(first.First) || second.ID != first.ID {
		t.Errorf("received again as %+v, at first %+v", second, first)
	}
	if err := del(second.Handle); err != nil {
		t.Error(err)
	}
	want(t, "deleted before", del(second.Handle), sluice.NotFound, "message")
	for _, bad := range []string{"", "-", strings.Repeat("0", 32), strings.Repeat("0", 32) + "-x", "x-00000000"} {
		want(t, "handle "+bad, del(bad), sluice.Invalid, "handle")
	}
	delayed := b.send(q1, queue.Outgoing{Body: "never", DelaySeconds: seconds(60)})[0]
	if err := del(delayed.Handle); err != nil {
		t.Errorf("a delayed message: %v", err)
	}
}

// The bounds that the operator sets, and those of a queue.
func TestLimits(t *testing.T) {
	b := open(t, queue.Options{MaxQueues: 2, MaxMessages: 3})
	b.create(q1, func(a *queue.Attributes) { a.MaximumMessageSize = 1024 })
	b.create(queue.Ref{Name: "q2"}, nil)
	_, err := b.Create(t.Context(), queue.Ref{Name: "q3"}, queue.DefaultAttributes())
	want(t, "a queue too many", err, sluice.Throttled, "queues")
	b.create(queue.Ref{Account: "1001", Name: "q3"}, nil)
	b.send(q1, text("a", "b")...)
	_, err = b.Send(t.Context(), q1, text("c", "d"))
	want(t, "messages too many", err, sluice.Throttled, "messages")
	b.send(q1, text("c")...)
	sent, err := b.Send(t.Context(), queue.Ref{Name: "q2"}, text(strings.Repeat("x", queue.MaxBody), strings.Repeat("x", queue.MaxBody+1)))
	if err != nil || sent[0].Err != nil {
		t.Errorf("the largest: %v, %v", err, sent)
	}
	want(t, "a body too large", sent[1].Err, sluice.Invalid, "argument")
	if n, err := b.Purge(t.Context(), q1); n != 3 || err != nil || b.items() != 1 {
		t.Errorf("purged %d, %v; %d left", n, err, b.items())
	}
	b.send(q1, text("again")...)
}

// A queue that is made again has nothing of the old one, and what deleting left behind is removed at the next start.
func TestDeleteAndMakeAgain(t *testing.T) {
	b := open(t, queue.Options{})
	b.create(q1, nil)
	b.send(q1, text("old")...)
	if err := b.Delete(t.Context(), q1); err != nil {
		t.Fatal(err)
	}
	_, err := b.Send(t.Context(), q1, text("x"))
	want(t, "sent to none", err, sluice.NotFound, "queue")
	b.create(q1, nil)
	if got := b.bodies(q1, 1); got != nil {
		t.Errorf("received %q", got)
	}
	b.send(q1, text("left")...)
	if err := b.Meta.Update(t.Context(), func(tx meta.Tx) error { return tx.DeleteItem("queue", "/q1") }); err != nil { // as far as a crash let it come
		t.Fatal(err)
	}
	b.start(queue.Options{})
	if n := b.items(); n != 0 {
		t.Errorf("%d messages of no queue", n)
	}
}

// Messages whose bodies are gone are gone, and said to be; the others are received. Another logstore under the name has none of them.
func TestLostBodies(t *testing.T) {
	b := open(t, queue.Options{})
	b.create(q1, nil)
	b.send(q1, text("lost 1", "lost 2")...)
	ref := queue.Logstore("")
	if err := b.Catalog.DeleteLogstore(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	b.send(q1, text("kept")...) // makes the logstore again
	if _, err := b.Peek(t.Context(), q1, 1); !is(err, sluice.NotFound, "message") {
		t.Errorf("peeked at what is lost: %v", err)
	}
	if got := b.bodies(q1, 3); !slices.Equal(got, []string{"kept"}) {
		t.Errorf("received %q", got)
	}
	if n := b.items(); n != 1 {
		t.Errorf("%d messages in metadata", n)
	}
}

// A project of that name that is somebody else's gets no bodies.
func TestForeignProject(t *testing.T) {
	b := open(t, queue.Options{})
	ref := queue.Ref{Account: "1001", Name: "q"}
	if err := b.Catalog.CreateProject(t.Context(), meta.Project{Name: queue.Logstore("1001").Project}); err != nil {
		t.Fatal(err)
	}
	_, err := b.Create(t.Context(), ref, queue.DefaultAttributes())
	want(t, "a queue", err, sluice.Conflict, "logstore")
}

// Who waits is woken by a message that is sent, that becomes visible, and that is due; or by nothing, when the time is over.
func TestLongPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, queue.Options{Now: time.Now})
		b.create(q1, func(a *queue.Attributes) { a.VisibilityTimeout, a.PollingWaitSeconds = 7, 20 })
		poll := func(wait int64, bodies ...string) time.Duration {
			t.Helper()
			began := time.Now()
			got, err := b.Receive(t.Context(), q1, 16, wait)
			var list []string
			for _, m := range got {
				list = append(list, m.Body)
			}
			if !slices.Equal(list, bodies) || err != nil && !is(err, sluice.NotFound, "message") {
				t.Errorf("received %q, %v; want %q", list, err, bodies)
			}
			return time.Since(began).Round(100 * time.Millisecond)
		}
		took := func(what string, d, want time.Duration) {
			t.Helper()
			if d != want {
				t.Errorf("%s took %v, want %v", what, d, want)
			}
		}
		took("an empty queue", poll(3), 3*time.Second)
		took("an empty queue, asked for nothing", poll(-1), 20*time.Second)
		took("an empty queue, asked not to wait", poll(0), 0)
		var g sync.WaitGroup
		g.Go(func() { time.Sleep(2 * time.Second); b.send(q1, text("sent")...) })
		took("a message that is sent", poll(30, "sent"), 2*time.Second)
		g.Wait()
		took("a message that is hidden", poll(30, "sent"), 7*time.Second)
		// Somebody waits when another takes the message: it is visible again while he still waits.
		b.send(q1, queue.Outgoing{Body: "due", DelaySeconds: seconds(4), Priority: 1})
		took("a message that is delayed", poll(30, "due"), 4*time.Second)
		if _, err := b.Purge(t.Context(), q1); err != nil {
			t.Fatal(err)
		}
		b.send(q1, text("x")...)
		_ = poll(0, "x")
		g.Go(func() { took("hidden after the wait began", poll(30, "x"), 7*time.Second) })
		g.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := b.Receive(ctx, q1, 1, 30); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a client that left: %v", err)
		}
		g.Go(func() { time.Sleep(time.Second); b.Drain() })
		took("a server that stops", poll(30), time.Second)
		g.Wait()
	})
}

// A waiter that is woken and leaves hands the message to the next.
func TestManyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, queue.Options{Now: time.Now})
		b.create(q1, func(a *queue.Attributes) { a.VisibilityTimeout = 300 })
		var g sync.WaitGroup
		var mu sync.Mutex
		var got []string
		for range 20 {
			g.Go(func() {
				m, err := b.Receive(t.Context(), q1, 1, 30)
				if err != nil {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				got = append(got, m[0].Body)
			})
		}
		synctest.Wait()
		var sent []string
		for i := range 12 {
			sent = append(sent, fmt.Sprintf("%02d", i))
			b.send(q1, text(sent[i])...)
		}
		g.Wait()
		slices.Sort(got)
		if !slices.Equal(got, sent) {
			t.Errorf("received %q", got)
		}
	})
}

// Producers and consumers at once: each message is deleted by one of them, and none is left.
func TestStorm(t *testing.T) {
	b := open(t, queue.Options{})
	b.create(q1, func(a *queue.Attributes) { a.VisibilityTimeout = 43200 })
	const producers, each, consumers = 4, 40, 4
	var mu sync.Mutex
	seen := map[string]int{}
	var g sync.WaitGroup
	for p := range producers {
		g.Go(func() {
			for i := range each {
				if _, err := b.Send(t.Context(), q1, text(fmt.Sprintf("%d/%d", p, i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range consumers {
		g.Go(func() {
			for {
				got, err := b.Receive(t.Context(), q1, 5, 30)
				if is(err, sluice.NotFound, "message") {
					return // all were seen
				}
				if err != nil {
					t.Error(err)
					return
				}
				var handles []string
				mu.Lock()
				for _, m := range got {
					handles = append(handles, m.Handle)
					if seen[m.Body]++; len(seen) == producers*each {
						b.Drain()
					}
				}
				mu.Unlock()
				refused, err := b.DeleteMessages(t.Context(), q1, handles)
				if err := errors.Join(append(refused, err)...); err != nil {
					t.Error(err)
				}
			}
		})
	}
	g.Wait()
	for body, n := range seen {
		if n != 1 {
			t.Errorf("%s is received %d times", body, n)
		}
	}
	if n := b.items(); n != 0 {
		t.Errorf("%d messages are left", n)
	}
}
