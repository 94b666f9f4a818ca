package collector

import (
	"log/slog"
	"testing"
	"time"
)

// The sentences are those of the seed's log, to the letter.
func TestLines(t *testing.T) {
	began := time.Date(2025, 2, 17, 11, 34, 16, 792_993_000, time.UTC)
	s := statistics{id: began.UnixMilli(), began: began, now: func() time.Time { return began.Add(891_600 * time.Microsecond) }}
	s.add(Counts{Requests: 1, Received: 50, Sent: 50})
	s.add(Counts{Requests: 1, Received: 24, Sent: 24})
	at := time.Date(2025, 2, 17, 17, 4, 17, 690_000_000, time.FixedZone("", 5*3600+1800))
	l := Line{Time: at, Level: slog.LevelInfo, Process: "InputProcess", Module: "ActionTrailStandardPuller", Input: "alibaba", InputID: "12341", Service: "actiontrail", Text: s.line(false)}
	want := "2025-02-17T17:04:17.690 INFO InputProcess::ActionTrailStandardPuller(alibaba#12341,actiontrail#predefined) -> Statistics for this pull cycle (@devo_pulling_id=1739792056792):Number of requests made: 2; Number of events received: 74; Number of duplicated events filtered out: 0; Number of events generated and sent: 74; Average of events per second: 82.997."
	if got := l.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	l = Line{Time: at, Level: slog.LevelInfo, Process: "InputProcess", Module: "MainThread", Text: memoryLine(
		memory{61.3, 81379983, 2319282340}, memory{61.3, 82082529, 2319282340})}
	want = "2025-02-17T17:04:17.690 INFO InputProcess::MainThread -> [GC] global: 61.3% -> 61.3%, process: RSS(77.61MiB -> 78.28MiB), VMS(2.16GiB -> 2.16GiB)"
	if got := l.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestMemory(t *testing.T) {
	got, err := parseMemory("MemTotal:       1000 kB\nMemFree: 10 kB\nMemAvailable:    400 kB\n", "500 20 3 4 5 6 7\n", 4096)
	if want := (memory{60, 20 * 4096, 500 * 4096}); err != nil || got != want {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for _, c := range [][2]string{{"MemTotal: 1 kB", ""}, {"", "1 2"}, {"MemTotal: x kB", "1 2"}} {
		if _, err := parseMemory(c[0], c[1], 4096); err == nil {
			t.Errorf("%q was read", c)
		}
	}
}
