package collector

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/vfs"
)

func openTest(t *testing.T, disk *vfs.Mem) *journal {
	t.Helper()
	if err := disk.MkdirAll("d"); err != nil {
		t.Fatal(err)
	}
	j, _, err := openJournal(disk, "d/a", "in/s/p")
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func batchIntent(n int) *intent {
	return &intent{Cycle: 7, Count: 1, Next: json.RawMessage(fmt.Sprintf(`{"at":%d}`, n)), Forget: int64(n - 100), Events: []Event{
		{ID: fmt.Sprint("e", n), Seen: int64(n), Time: 1, Fields: []sink.Field{{Key: "k", Value: strings.Repeat("v", 2000)}}},
	}}
}

// What was written is read again, also when the file was replaced many times because it had grown.
func TestJournal(t *testing.T) {
	disk := vfs.NewMem()
	j := openTest(t, disk)
	const n = 5000
	for i := range n {
		for _, r := range []*record{{Intent: batchIntent(i)}, {Sent: "one"}, {Done: true}} {
			if err := j.write(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	if j.size > 2*slack {
		t.Errorf("the file has %d bytes", j.size)
	}
	if err := j.write(&record{Intent: batchIntent(n)}); err != nil {
		t.Fatal(err)
	}
	again := openTest(t, disk)
	if diff := cmp.Diff(j.state, again.state, cmp.AllowUnexported(state{})); diff != "" {
		t.Errorf("-written +read:\n%s", diff)
	}
	if s := again.state; s.Next != n || string(s.Place) != fmt.Sprintf(`{"at":%d}`, n-1) || s.Intent == nil || len(s.seen) != 101 {
		t.Errorf("next %d, place %s, intent %v, %d ids", s.Next, s.Place, s.Intent, len(s.seen))
	}
}

// A line that is torn at the end is as if it had not been written; a damaged one in front of a good one is an error that says so, as is a file that
// is not ours.
func TestJournalDamage(t *testing.T) {
	disk := vfs.NewMem()
	j := openTest(t, disk)
	for i := range 3 {
		for _, r := range []*record{{Intent: batchIntent(i)}, {Done: true}} {
			if err := j.write(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	whole, err := readAll(disk, "d/a")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(whole), "\n"), "\n")
	last := len(whole) - len(lines[len(lines)-1]) - len("\n")
	for cut := last; cut < len(whole); cut++ {
		j := &journal{state: state{seen: seen{}}}
		if err := j.replay(whole[:cut]); err != nil || j.state.Next != 2 || j.state.Intent == nil {
			t.Fatalf("cut at %d: %v, next %d", cut, err, j.state.Next)
		}
	}
	for at := range whole {
		if at >= last-1 { // the last line, or the line feed that divides it from the one before: as if those were torn
			break
		}
		bad := append([]byte{}, whole...)
		bad[at] ^= 1
		j := &journal{state: state{seen: seen{}}}
		if err := j.replay(bad); err == nil {
			t.Fatalf("a changed byte at %d is not noticed", at)
		}
	}
	if _, _, err := openJournal(disk, "d/a", "another/stream/p"); err == nil || !strings.Contains(err.Error(), "it is of in/s/p") {
		t.Errorf("got %v", err)
	}
}

// FuzzJournal: a file of any content is read or refused.
func FuzzJournal(f *testing.F) {
	line, err := appendLine(nil, (&state{Version: stateVersion, Stream: "s", seen: seen{}}).snapshot())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	for _, r := range []*record{{Intent: batchIntent(1)}, {Sent: "x"}, {Done: true}, {Ended: true}, {Moved: json.RawMessage("1")}} {
		if line, err = appendLine(line, r); err != nil {
			f.Fatal(err)
		}
		f.Add(line)
	}
	f.Fuzz(func(_ *testing.T, raw []byte) {
		j := &journal{state: state{seen: seen{}}}
		_ = j.replay(raw)
	})
}
