package filesink_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/delivery/object"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/filesink"
	"github.com/sluicelog/sluice/internal/delivery/sink/sinktest"
	"github.com/sluicelog/sluice/internal/vfs"
	"github.com/sluicelog/sluice/internal/vfs/faultfs"
)

// directory is a directory of a real disk that can fail.
type directory struct {
	t    *testing.T
	root string
	fs   *faultfs.FS
	sink sink.Sink
}

func newDirectory(t *testing.T) *directory {
	d := &directory{t: t, root: t.TempDir(), fs: faultfs.New(vfs.OS{})}
	c := filesink.Config{Options: object.Options{Names: object.Names{Prefix: "logs/%Y"}}}
	s, err := filesink.Under(d.fs, d.root)(c, sink.Env{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	d.sink = s
	return d
}

func (d *directory) Sink() sink.Sink { return d.sink }

func (d *directory) files() (names []string) {
	d.t.Helper()
	err := filepath.WalkDir(d.root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return names
}

// Received reads the files, in the order of their names, which is that of the times of their logs.
func (d *directory) Received(context.Context, int) ([]sinktest.Delivery, error) {
	var all []sinktest.Delivery
	for _, name := range d.files() {
		if !strings.HasSuffix(name, ".json.gz") {
			continue
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		r, err := gzip.NewReader(bytes.NewReader(content))
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		delivery := sinktest.Delivery{ID: name}
		for line := range bytes.Lines(text) {
			fields, err := sinktest.DecodeJSON(line)
			if err != nil {
				return nil, err
			}
			delivery.Logs = append(delivery.Logs, fields)
		}
		all = append(all, delivery)
	}
	return all, nil
}

// faults: what fails, and how.
var faults = map[sinktest.Fault]struct {
	op  faultfs.Op
	err error
}{
	sinktest.Refuse: {faultfs.Create, errors.New("input/output error")}, sinktest.Cut: {faultfs.Write, errors.New("no space left on device")},
	sinktest.Silent: {faultfs.Sync, errors.New("input/output error")}, sinktest.Broken: {faultfs.SyncDir, errors.New("input/output error")},
	sinktest.Forbidden: {faultfs.Create, fs.ErrPermission},
}

func (d *directory) Inject(f sinktest.Fault) {
	d.fs.Set(func(_ int, op faultfs.Op, _ string) error {
		if op == faults[f].op {
			return faults[f].err
		}
		return nil
	})
}

func (d *directory) Heal() { d.fs.Set(nil) }

func TestSink(t *testing.T) {
	sinktest.Run(t, sinktest.Harness{
		Open:    func(t *testing.T) sinktest.Destination { return newDirectory(t) },
		Repeats: sinktest.Once,
		Faults: map[sinktest.Fault]sinktest.Class{
			sinktest.Refuse: sinktest.Retry, sinktest.Cut: sinktest.Retry, sinktest.Silent: sinktest.Retry, sinktest.Broken: sinktest.Retry,
			sinktest.Forbidden: sinktest.Halt,
		},
	})
}

var header = sink.Header{Project: "p1", Task: "../t1", From: sink.Point{Position: 1}, Arrived: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}

// batch is one of n logs.
func batch(t *testing.T, s sink.Sink, n int) sink.Batch {
	t.Helper()
	b := s.Begin(header)
	t.Cleanup(b.Release)
	for i := range n {
		if err := b.Add(&sink.Entry{Time: 1767323045, Fields: []sink.Field{{Key: "i", Value: fmt.Sprint(i)}}}); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// TestDurable fails each operation in turn, takes the power away then, and sends the batch again after that: a file has all logs whenever it is
// there, and is there whenever Send said yes.
func TestDurable(t *testing.T) {
	for n := 1; ; n++ {
		mem := vfs.NewMem()
		faulty := faultfs.FailNth(mem, n)
		err := send(t, faulty)
		for seed := range uint64(20) {
			crashed := mem.Crash(rand.New(rand.NewPCG(uint64(n), seed)))
			if found := readAll(t, crashed, "root"); found > 1 || err == nil && found == 0 {
				t.Errorf("operation %d, seed %d: %d files after %v", n, seed, found, err)
			}
			if err := send(t, crashed); err != nil {
				t.Errorf("operation %d, seed %d: send again: %v", n, seed, err)
			} else if found := readAll(t, crashed.Crash(rand.New(rand.NewPCG(seed, 1))), "root"); found != 1 {
				t.Errorf("operation %d, seed %d: send said yes and there are %d files", n, seed, found)
			}
		}
		switch {
		case faulty.Count() < n:
			if err != nil || n < 5 {
				t.Errorf("nothing failed, and send said %v after %d operations", err, n)
			}
			return
		case err == nil:
			t.Errorf("operation %d failed and send said yes", n)
		}
	}
}

// send sends one batch to a directory of files.
func send(t *testing.T, files vfs.FS) error {
	t.Helper()
	s, err := filesink.Under(files, "root")(filesink.Config{}, sink.Env{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return batch(t, s, 10).Send(t.Context(), sink.Point{Position: 2})
}

// readAll counts the files below dir, and checks that each of them is whole.
func readAll(t *testing.T, files vfs.FS, dir string) (n int) {
	t.Helper()
	entries, err := files.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := dir + "/" + e.Name()
		switch {
		case e.IsDir():
			n += readAll(t, files, name)
		case !strings.HasPrefix(e.Name(), "."):
			n++
			f, err := files.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			r, err := gzip.NewReader(io.NewSectionReader(f, 0, 1<<20))
			if err != nil {
				t.Errorf("%s is not whole: %v", name, err)
				continue
			}
			r.Multistream(false)
			if text, err := io.ReadAll(r); err != nil || bytes.Count(text, []byte("\n")) != 10 {
				t.Errorf("%s has %d logs: %v", name, bytes.Count(text, []byte("\n")), err)
			}
		}
	}
	return n
}

func TestFilesStayBelowTheRoot(t *testing.T) {
	d := newDirectory(t)
	if err := errors.Join(d.sink.Check(t.Context()), batch(t, d.sink, 1).Send(t.Context(), sink.Point{Position: 2})); err != nil {
		t.Fatal(err)
	}
	want := filepath.Join(d.root, "logs", "2026") + string(filepath.Separator) + "-.-t1_"
	if files := d.files(); len(files) != 1 || !strings.HasPrefix(files[0], want) {
		t.Errorf("files %q, want one that begins %s", files, want)
	}
	for _, prefix := range []string{"..", "a/../../b", "./x", "a\\b"} {
		c := filesink.Config{Options: object.Options{Names: object.Names{Prefix: prefix}}}
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), "prefix: ") {
			t.Errorf("prefix %s: %v", prefix, err)
		}
	}
}

func TestInTheWay(t *testing.T) {
	d := newDirectory(t)
	if err := os.WriteFile(filepath.Join(d.root, "logs"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var halt *sink.Halt
	if err := batch(t, d.sink, 1).Send(t.Context(), sink.Point{Position: 2}); !errors.As(err, &halt) || !strings.Contains(halt.Reason, "in the way") {
		t.Errorf("got %v", err)
	}
}

func TestSwitchedOff(t *testing.T) {
	if _, err := filesink.Under(vfs.OS{}, "")(filesink.Config{}, sink.Env{}); err == nil || !strings.HasPrefix(err.Error(), "type: ") {
		t.Errorf("got %v", err)
	}
}
