package shard

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/vfs"
)

// TestSeekUnderClockSteps compares Seek with a search through all receive times, under a clock that jumps up to an hour either way.
func TestSeekUnderClockSteps(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 3))
			now := time.Unix(1_700_000_000, 0)
			o := small()
			o.Now = func() time.Time { return now }
			mem := vfs.NewMem()
			s := mustOpen(t, mem, o)
			l := mustLog(t, s, 1)
			var received []time.Time
			for range 400 {
				switch r.IntN(12) {
				case 0:
					now = now.Add(time.Duration(r.IntN(7200)-3600) * time.Second)
				case 1:
					if err := l.move(); err != nil {
						t.Fatal(err)
					}
				case 2:
					if err := l.Trim(now.Add(-2 * time.Hour)); err != nil {
						t.Fatal(err)
					}
				default:
					now = now.Add(time.Duration(r.IntN(3000)) * time.Millisecond)
				}
				mustAppend(t, l, []byte("x"))
				received = append(received, now)
				if r.IntN(20) == 0 {
					checkSeek(t, r, l, received)
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = mustOpen(t, mem, o)
			defer s.Close()
			checkSeek(t, r, mustLog(t, s, 1), received)
		})
	}
}

func checkSeek(t *testing.T, r *rand.Rand, l *Log, received []time.Time) {
	t.Helper()
	begin, end := l.Bounds()
	for range 20 {
		at := received[r.IntN(len(received))].Add(time.Duration(r.IntN(2001)-1000) * time.Millisecond)
		if r.IntN(5) == 0 {
			at = at.Add(time.Duration(r.IntN(3)-1) * 3 * time.Hour)
		}
		want := begin
		for want < end && received[want-base].Before(at) {
			want++
		}
		if got, err := l.Seek(at); err != nil || got != want {
			t.Fatalf("Seek(%v) = %d, %v; want %d of %d to %d", at, got, err, want, begin, end)
		}
	}
	for range 20 {
		p := begin + sluice.Position(r.Int64N(int64(end-begin)+1))
		want := l.s.o.Now()
		if p < end {
			want = received[p-base]
		}
		if got, err := l.ReceivedAt(p); err != nil || !got.Equal(want) {
			t.Fatalf("ReceivedAt(%d) = %v, %v; want %v", p, got, err, want)
		}
	}
}
