package indexer

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/segment"
)

// model is the segments of a logstore, merged as planned.
type model struct {
	parts []part
	made  int
	cost  int64 // rows built into segments, those copied left out
}

const groupRows = 122880

func (x *model) add(from time.Time, span time.Duration, rows, bytes int64) {
	x.made++
	info := segment.Info{Name: fmt.Sprintf("%08d", x.made), Rows: rows, Bytes: bytes, First: from, Last: from.Add(span)}
	x.parts = append(x.parts, part{Info: info})
	x.cost += rows
}

// merge merges until there is nothing to merge.
func (x *model) merge(t *testing.T, window time.Duration) {
	t.Helper()
	for range 100 {
		chosen := plan(x.parts, window)
		if chosen == nil {
			return
		}
		if len(chosen) < 2 {
			t.Fatalf("merges %d segments", len(chosen))
		}
		x.made++
		sum := segment.Info{Name: fmt.Sprintf("%08d", x.made), First: chosen[0].First, Last: chosen[0].Last}
		old := map[string]bool{}
		for _, p := range chosen {
			old[p.Name] = true
			sum.Rows += p.Rows
			sum.Bytes += p.Bytes
			if p.Last.After(sum.Last) {
				sum.Last = p.Last
			}
			if segment.Small(p.Info) {
				x.cost += p.Rows
			}
		}
		kept := []part{{Info: sum}}
		for _, p := range x.parts {
			if !old[p.Name] {
				kept = append(kept, p)
			}
		}
		x.parts = kept
	}
	t.Fatal("merging does not end")
}

var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// TestPlan: whatever the rate of logs, segments stay few, and logs are built few times.
func TestPlan(t *testing.T) {
	for _, tt := range []struct {
		name    string
		rows    int64 // in each second; 333 bytes each
		seconds int
		most    int     // segments at any time
		builds  float64 // of each log, at most
	}{
		{"one log in a second", 1, 20_000, 60, 6},
		{"a hundred logs", 100, 20_000, 60, 4.5},
		{"small segments that soon make a group", 10_000, 2_000, 40, 2.1},
		{"large ones", 50_000, 1_000, 40, 2.1},
		{"half a group or more", 70_000, 1_000, 40, 1},
		{"full groups", groupRows, 1_000, 40, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := &model{}
			most, total := 0, int64(0)
			if testing.Short() {
				tt.seconds /= 10
			}
			for i := range tt.seconds {
				x.add(start.Add(time.Duration(i)*time.Second), time.Second-1, tt.rows, 333*tt.rows)
				x.merge(t, windowOf(30))
				most = max(most, len(x.parts))
				total += tt.rows
			}
			if most > tt.most+int(total*333/largestByte) {
				t.Errorf("%d segments", most)
			}
			if builds := float64(x.cost) / float64(total); builds > tt.builds {
				t.Errorf("logs are built %.1f times", builds)
			}
			left := int64(0)
			for _, p := range x.parts {
				left += p.Rows
			}
			if left != total {
				t.Errorf("%d rows of %d", left, total)
			}
		})
	}
}

// TestPlanKeepsTimesApart: logs of long ago are not merged with those of today.
func TestPlanKeepsTimesApart(t *testing.T) {
	x := &model{}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 2_000 {
		at := start.Add(time.Duration(i) * time.Second)
		if r.IntN(4) == 0 {
			at = at.Add(-time.Duration(1+r.IntN(5)) * 24 * time.Hour)
		}
		x.add(at, time.Second-1, 5000, 333*5000)
		x.merge(t, windowOf(30))
	}
	for _, p := range x.parts {
		if span := p.Last.Sub(p.First); span > 24*time.Hour {
			t.Errorf("a segment spans %v", span)
		}
	}
	if len(x.parts) > 120 {
		t.Errorf("%d segments", len(x.parts))
	}
}

// TestPlanOfAnyTimes: times that say nothing do not keep segments from being merged.
func TestPlanOfAnyTimes(t *testing.T) {
	x := &model{}
	r := rand.New(rand.NewPCG(3, 4))
	for range 1_000 {
		x.add(time.Unix(r.Int64N(1<<32), 0), 0, 10, 3330)
		x.merge(t, windowOf(30))
	}
	if len(x.parts) > maxSmall {
		t.Errorf("%d segments", len(x.parts))
	}
}

func TestWindowOf(t *testing.T) {
	for days, want := range map[int]time.Duration{1: 90 * time.Minute, 7: 10*time.Hour + 30*time.Minute, 30: 24 * time.Hour, 3650: 24 * time.Hour} {
		if got := windowOf(days); got != want {
			t.Errorf("%d days: got %v, want %v", days, got, want)
		}
	}
}
