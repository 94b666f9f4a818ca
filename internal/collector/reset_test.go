package collector_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/collector"
	"github.com/sluicelog/sluice/internal/vfs"
)

// startAt records where a service was told to begin, each time that it reads a part for the first time.
type startAt struct {
	flaky
	mu     sync.Mutex
	starts []string
}

func (s *startAt) Read(ctx context.Context, p collector.Part, place json.RawMessage, c collector.Cycle) (*collector.Batch, error) {
	if len(place) == 0 || string(place) == "null" {
		s.mu.Lock()
		s.starts = append(s.starts, p.Name+" "+c.Start.UTC().Format(time.RFC3339))
		s.mu.Unlock()
	}
	return s.flaky.Read(ctx, p, place, c)
}

// The state counts until initial_start_time_in_utc is another one than last time; then the service begins anew, once, and what it knew is kept for a week.
func TestReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{r: rand.New(rand.NewPCG(1, 1)), lasting: true, told: map[string]string{}, ids: map[string]int{}, deleted: map[string]bool{}}
		src, disk, dir := &startAt{flaky: flaky{w}}, vfs.NewMem(), t.TempDir()
		live := func(start string) string {
			t.Helper()
			config, err := collector.Parse(fmt.Appendf(nil, `{"inputs": {"in": {"credentials": {"access_key_id": "k", "access_key_secret": "s"},
				"services": {"flaky": {%s}}}}, "outputs": {"o": {"type": "deaf"}}}`, start), nil)
			if err != nil {
				t.Fatal(err)
			}
			src.starts = nil
			c, err := collector.New(config, collector.Options{
				Dir: dir, FS: disk, Once: true,
				Kinds: map[string]collector.Kind{"flaky": {
					Module: "FlakyStandardPuller", Period: time.Minute, Oldest: 90 * 24 * time.Hour,
					Open: func(collector.SourceSetup) (collector.Source, error) { return src, nil },
				}},
				Outputs: map[string]collector.OutputKind{"deaf": func(string, json.RawMessage) (collector.Destination, error) { return deaf{w, t}, nil }},
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute) // events have other numbers when they come anew
			return strings.Join(src.starts, ", ")
		}
		kept := func() (n int) {
			list, err := disk.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range list {
				if strings.Contains(e.Name(), ".reset-") {
					n++
				}
			}
			return n
		}
		first, second := `"initial_start_time_in_utc": "1999-12-30T00:00:00Z"`, `"initial_start_time_in_utc": "1999-12-29T00:00:00Z"`
		for i, step := range []struct {
			start, want string
			kept        int
		}{
			{first, "a 1999-12-30T00:00:00Z, b 1999-12-30T00:00:00Z", 0},
			{first, "", 0},
			{second, "a 1999-12-29T00:00:00Z, b 1999-12-29T00:00:00Z", 2},
			{second, "", 2},
			{"", "a 1999-12-31T00:04:00Z, b 1999-12-31T00:04:00Z", 4},
			{"", "", 4},
		} {
			if got := live(step.start); got != step.want || kept() != step.kept {
				t.Errorf("step %d: began at %q, want %q; %d files are kept, want %d", i, got, step.want, kept(), step.kept)
			}
		}
		time.Sleep(8 * 24 * time.Hour)
		if live(""); kept() != 0 {
			t.Errorf("%d files are kept for more than a week", kept())
		}
		old := `"initial_start_time_in_utc": "1990-01-01T00:00:00Z"`
		if got, want := live(old), "a 1999-10-11T"; !strings.HasPrefix(got, want) {
			t.Errorf("began at %s, want %s: no event is older", got, want)
		}
	})
}
