package actiontrail_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/collector"
	"github.com/sluicelog/sluice/internal/collector/actiontrail"
	"github.com/sluicelog/sluice/internal/vfs"
)

// kept is an output that keeps what it gets.
type kept struct {
	mu     sync.Mutex
	events []string
}

func (k *kept) Check(context.Context) error                           { return nil }
func (k *kept) Mark(context.Context, string) (json.RawMessage, error) { return nil, nil }
func (k *kept) Close() error                                          { return nil }
func (k *kept) Send(_ context.Context, d *collector.Delivery) ([]collector.Refusal, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range d.Events {
		k.events = append(k.events, string(d.Events[i].AppendJSON(nil)))
	}
	return nil, nil
}

// bench is a collector of the service in made-up time, on a disk in memory.
type bench struct {
	double  *double
	out     *kept
	disk    *vfs.Mem
	dir     string
	lines   []collector.Line
	mu      sync.Mutex
	service string // its section
}

func newBench(t *testing.T, seed uint64, bad bool, service string) *bench {
	d := &double{secret: "s", bad: bad, r: rand.New(rand.NewPCG(seed, 3)), tokens: map[string]cursor{}}
	return &bench{double: d, out: &kept{}, disk: vfs.NewMem(), dir: t.TempDir(), service: service}
}

func (b *bench) start(t *testing.T) *collector.Collector {
	t.Helper()
	config, err := collector.Parse(fmt.Appendf(nil, `{"inputs": {"alibaba": {"id": "12341", "credentials": {"access_key_id": "k", "access_key_secret": "s"},
		"services": {"actiontrail": %s}}}, "outputs": {"out": {"type": "kept"}}}`, b.service), nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := collector.New(config, collector.Options{
		Kinds: map[string]collector.Kind{"actiontrail": actiontrail.Kind()}, Dir: b.dir, FS: b.disk, Transport: b.double,
		Outputs: map[string]collector.OutputKind{"kept": func(string, json.RawMessage) (collector.Destination, error) { return b.out, nil }},
		Tell: func(l collector.Line) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.lines = append(b.lines, l)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// live runs the collector for a while, ends it, and cuts the power if that is to be.
func (b *bench) live(t *testing.T, d time.Duration, crash bool) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	c := b.start(t)
	go func() { ended <- c.Run(ctx) }()
	time.Sleep(d)
	synctest.Wait()
	disk := b.disk
	if crash {
		b.out.mu.Lock() // between two deliveries
		disk = b.disk.Crash(b.double.r)
		b.out.mu.Unlock()
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	b.disk = disk
}

func (b *bench) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var s strings.Builder
	for _, l := range b.lines {
		fmt.Fprintln(&s, l)
	}
	return s.String()
}

// numbers are how often each event arrived.
func (b *bench) numbers(t *testing.T) map[int]int {
	t.Helper()
	got := map[int]int{}
	for _, text := range b.out.events {
		var e struct {
			Number *int
			Pull   *int64 `json:"@devo_pulling_id"`
		}
		if err := json.Unmarshal([]byte(text), &e); err != nil || e.Number == nil || e.Pull == nil {
			t.Fatalf("%s: %v", text, err)
		}
		got[*e.Number]++
	}
	return got
}

func (b *bench) check(t *testing.T, n int) {
	t.Helper()
	got := b.numbers(t)
	wrong := 0
	for i := range n {
		if got[i] != 1 {
			if wrong++; wrong < 5 {
				t.Errorf("event %d arrived %d times", i, got[i])
			}
		}
	}
	if wrong > 0 {
		t.Fatalf("%d of %d events are wrong", wrong, n)
	}
	if len(got) != n {
		t.Fatalf("%d events instead of %d", len(got), n)
	}
}

// An API that misbehaves in every way that is known loses nothing and gives nothing twice: events come late, pages repeat, tokens expire.
func TestBadAPI(t *testing.T) {
	n := 40
	if testing.Short() {
		n = 5
	}
	for seed := range uint64(n) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				version := []string{"2020-07-06", "2017-12-04"}[seed%2]
				b := newBench(t, seed, true, fmt.Sprintf(`{"region": "cn-test", "api_version": %q, "initial_start_time_in_utc": "1999-12-31T23:00:00Z"}`, version))
				b.double.skew = []time.Duration{0, time.Hour, -2 * time.Hour, 10 * time.Second}[seed%4]
				const count = 600
				for i := range count { // an hour of the past, which has settled, and three to come
					at := time.Date(1999, 12, 31, 23, 0, 0, 0, time.UTC).Add(time.Duration(b.double.r.IntN(4*3600)) * time.Second)
					b.double.add(i, at)
				}
				for _, e := range b.double.events {
					if e.at.Before(b.double.now().Add(-30 * time.Minute)) {
						e.shy = false // history is read once
					}
				}
				b.live(t, 7*time.Hour, false)
				b.check(t, count)
				if b.double.throttled > 0 && !b.double.bad {
					t.Errorf("%d requests were one too many", b.double.throttled)
				}
			})
		})
	}
}

// The state goes back to what was synced when the power fails; then the source is as it was. Here power fails between deliveries, so even an output
// that cannot be asked gets each event once, but for the batch that was under way.
func TestRestarts(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, seed, true, `{"region": "cn-test", "initial_start_time_in_utc": "1999-12-31T23:00:00Z"}`)
				const count = 500
				for i := range count {
					b.double.add(i, time.Date(1999, 12, 31, 23, 50, 0, 0, time.UTC).Add(time.Duration(b.double.r.IntN(3*3600))*time.Second))
				}
				for range 100 {
					b.live(t, time.Duration(b.double.r.IntN(120_000))*time.Millisecond, true)
				}
				b.live(t, 5*time.Hour, false)
				b.check(t, count)
			})
		})
	}
}

// A good API is never asked more than twice a second, whatever is to be read, and history is read once.
func TestBackfill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1, false, `{"region": "cn-test", "initial_start_time_in_utc": "1999-06-01T00:00:00Z"}`)
		const count = 20_000
		began := time.Date(1999, 10, 5, 0, 0, 0, 0, time.UTC)
		for i := range count {
			at := began.Add(time.Duration(i) * 5 * time.Minute)
			if i%2 == 0 {
				at = began.Add(time.Duration(i) * time.Second) // a busy time
			}
			if at.After(time.Now().Add(-time.Hour)) {
				at = time.Now().Add(-time.Hour)
			}
			b.double.add(i, at.UTC())
			b.double.events[i].visible = at
		}
		b.live(t, 30*time.Minute, false)
		b.check(t, count)
		if b.double.throttled > 0 {
			t.Errorf("%d requests were one too many", b.double.throttled)
		}
		text := b.text()
		if !strings.Contains(text, "The service keeps events for 90 days: pulling from 1999-10-03 00:00:00+00:00 on") {
			t.Errorf("the log does not say that older events are gone:\n%.2000s", text)
		}
	})
}

// The log is that of the collector that we follow, with its times.
func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(12*time.Hour + 792*time.Millisecond + 993*time.Microsecond)
		b := newBench(t, 1, false, `{"region": "cn-test", "initial_start_time_in_utc": "2000-01-01T11:00:00Z"}`)
		for i := range 74 {
			b.double.add(i, time.Date(2000, 1, 1, 11, 0, i, 0, time.UTC))
			b.double.events[i].visible = b.double.events[i].at
		}
		b.live(t, 59*time.Second, false)
		b.check(t, 74)
		began := time.Date(2000, 1, 1, 12, 0, 0, 792_993_000, time.UTC).Local().Format("2006-01-02T15:04:05.000 INFO ")
		want := []string{
			began + "InputProcess::ActionTrailStandardPuller(alibaba#12341,actiontrail#predefined) -> Starting thread",
			began + "InputProcess::ActionTrailPullerSetup(alibaba#12341,actiontrail#predefined) -> Setup for module <ActionTrailStandardPuller> has been successfully executed",
			"-> Pull Started",
			"(Partial) Statistics for this pull cycle (@devo_pulling_id=946728000792):Number of requests made: 1; Number of events received: 50; Number of duplicated events filtered out: 0; Number of events generated and sent: 50; Average of events per second: 100.000.",
			"(Partial) Statistics for this pull cycle (@devo_pulling_id=946728000792):Number of requests made: 2; Number of events received: 74; Number of duplicated events filtered out: 0; Number of events generated and sent: 74; Average of events per second: 74.000.",
			"-> Retrieving timestamp (2000-01-01 12:00:00.792993+00:00) is greater than 2000-01-01 11:50:00.792993+00:00 (datetime.now() - 600 seconds). Setting end datetime to 2000-01-01 11:50:00.792993+00:00.",
			"-> Setting end_datetime to 2000-01-01 11:49:59.999999+00:00 (end of previous second to account for Alibaba time filtration granularity)",
			"-> Statistics for this pull cycle (@devo_pulling_id=946728000792):Number of requests made: 3; Number of events received: 74;",
			"-> The data is up to date!",
			"-> Data collection completed. Elapsed time: 1.500 seconds. Waiting for 58.500 second(s) until the next one",
		}
		text := b.text()
		rest := text
		for _, line := range want {
			_, after, ok := strings.Cut(rest, line)
			if !ok {
				t.Fatalf("no line %q behind those before it, in:\n%s", line, text)
			}
			rest = after
		}
	})
}

// What nobody can heal is said with the numbers under which users look it up.
func TestErrors(t *testing.T) {
	f := func(section, keys string, want ...string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, 1, false, section)
			b.double.secret = keys
			err := b.start(t).Run(t.Context())
			if err == nil {
				t.Fatal("it ran")
			}
			for _, text := range want {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("%v does not say %q", err, text)
				}
			}
		})
	}
	f(`{"region": "cn-test", "initial_start_time_in_utc": "yesterday"}`, "s", "InitVariablesError [2]: initial_start_time_in_utc is not set as per the datetime_format : %Y-%m-%dT%H:%M:%SZ")
	f(`{"region": "cn-test", "initial_start_time_in_utc": "2999-01-01T00:00:00Z"}`, "s", "InitVariablesError [3]: Date 2999-01-01T00:00:00Z is in the future")
	f(`{}`, "s", "SetupError [100]: Failed to build authentication. Reason region is needed")
	f(`{"region": "cn-test"}`, "another", "SetupError [101]: Authentication test failed. Reason region cn-test: SignatureDoesNotMatch")
}

// A cycle that fails says so, and the next goes on.
func TestPullError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1, false, `{"region": "cn-test", "initial_start_time_in_utc": "1999-12-31T23:00:00Z"}`)
		for i := range 2 {
			b.double.add(i, time.Date(1999, 12, 31, 23, 30+20*i, 30, 0, time.UTC))
			b.double.events[i].visible = b.double.events[i].at
		}
		b.double.events[1].text = "{"
		go func() {
			time.Sleep(5 * time.Minute)
			b.double.mu.Lock()
			defer b.double.mu.Unlock()
			b.double.events[1].text = `{"number":1}`
		}()
		b.live(t, 10*time.Minute, false)
		b.check(t, 2)
		if text := b.text(); !strings.Contains(text, "ERROR InputProcess::ActionTrailStandardPuller(alibaba#12341,actiontrail#predefined) -> PullError [300]: Error during pull: part cn-test: ") {
			t.Errorf("no error in\n%s", text)
		}
		for _, l := range b.lines {
			if l.Level == slog.LevelWarn {
				t.Errorf("unexpected warning %s", l)
			}
		}
	})
}
