package follow_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/cmd/sluice/internal/follow"
)

// world is a directory of log files and a follower of them.
type world struct {
	t   *testing.T
	dir string
	f   *follow.Files
}

func newWorld(t *testing.T, backlog int64) *world {
	dir := t.TempDir()
	w := &world{t: t, dir: dir, f: follow.New(backlog, filepath.Join(dir, "*.log"))}
	t.Cleanup(w.f.Close)
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) add(name, text string) {
	w.t.Helper()
	file, err := os.OpenFile(w.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(text); err != nil {
		w.t.Fatal(err)
	}
}

// want reads and expects the lines, each with its file in front.
func (w *world) want(lines ...string) {
	w.t.Helper()
	read, err := w.f.Read()
	if err != nil {
		w.t.Fatal(err)
	}
	var got []string
	for _, l := range read {
		for _, line := range l.Lines {
			got = append(got, filepath.Base(l.Path)+": "+string(line))
		}
	}
	if diff := cmp.Diff(lines, got); diff != "" {
		w.t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFollow(t *testing.T) {
	w := newWorld(t, 1<<20)
	w.add("a.log", "one\ntwo\nthr")
	w.add("other.txt", "not followed\n")
	w.want("a.log: one", "a.log: two")
	w.want()
	w.add("a.log", "ee\r\n\n")
	w.want("a.log: three")
	w.add("b.log", "late\n")
	w.want("b.log: late")
}

func TestBacklogBeginsWithAWholeLine(t *testing.T) {
	w := newWorld(t, 10)
	w.add("a.log", "first line\nlast\nend\n")
	w.want("a.log: last", "a.log: end")
	w.add("late.log", "a file that comes later is read from its beginning\n")
	w.want("late.log: a file that comes later is read from its beginning")
}

func TestRotation(t *testing.T) {
	w := newWorld(t, 100)
	w.add("a.log", "1\n")
	w.want("a.log: 1")
	w.add("a.log", "2\n")
	if err := os.Rename(w.path("a.log"), w.path("a.log.1")); err != nil {
		t.Fatal(err)
	}
	w.add("a.log", "3\n")
	w.want("a.log: 2")
	w.want()
	w.want("a.log: 3")
}

func TestTruncation(t *testing.T) {
	w := newWorld(t, 100)
	w.add("a.log", "1\n2\n")
	w.want("a.log: 1", "a.log: 2")
	if err := os.Truncate(w.path("a.log"), 0); err != nil {
		t.Fatal(err)
	}
	w.add("a.log", "3\n")
	w.want("a.log: 3")
}

func TestRemovedFileIsForgotten(t *testing.T) {
	w := newWorld(t, 100)
	w.add("a.log", "1\n")
	w.want("a.log: 1")
	if err := os.Remove(w.path("a.log")); err != nil {
		t.Fatal(err)
	}
	w.want()
	if paths := w.f.Paths(); len(paths) != 0 {
		t.Errorf("still following %v", paths)
	}
}

func TestWhatCannotBeReadIsSkipped(t *testing.T) {
	w := newWorld(t, 100)
	if err := os.Mkdir(w.path("dir.log"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.add("a.log", "1\n")
	w.want("a.log: 1")
	if diff := cmp.Diff([]string{w.path("dir.log")}, w.f.Skipped()); diff != "" {
		t.Error(diff)
	}
}

func TestHugeLine(t *testing.T) {
	w := newWorld(t, 10<<20)
	w.add("a.log", strings.Repeat("x", 3<<20)+"\nnext\n")
	var lines int
	for range 5 {
		read, err := w.f.Read()
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range read {
			lines += len(l.Lines)
		}
	}
	w.add("a.log", "after\n")
	w.want("a.log: after")
	if lines < 2 {
		t.Errorf("%d lines of a file with a huge one", lines)
	}
}
