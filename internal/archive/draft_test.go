package archive

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

const (
	oldFile = "shards/0000000000000003/00000000000000000001-00000000000000000005.log"
	newFile = "shards/0000000000000004/00000000000000000001-00000000000000000002.log"
	part    = "index/segments/0/0000.parquet"
	full    = "journal/0000000000000001.wal"
	growing = "journal/0000000000000002.wal"
)

// What a server has on two days: a file is gone, one is new, the metadata and the journal are others, and two are as they were.
var (
	monday = map[string]string{
		"meta.db": "of monday", "secret.key": "key", full: strings.Repeat("j", 700), growing: "jjj",
		shardFile: strings.Repeat("logs ", 1000), part: strings.Repeat("columns ", 500), oldFile: "merged away on tuesday",
	}
	tuesday = map[string]string{
		"meta.db": "of tuesday", "secret.key": "key", full: monday[full], growing: "jjj and more",
		shardFile: monday[shardFile], part: monday[part], newFile: "came on tuesday",
	}
)

// streamOf is what a server that has those files sends to a client that has others.
func streamOf(t testing.TB, files map[string]string, have []File) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, Header{Release: "test", Moment: time.Unix(1_700_000_000, 5).UTC()})
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f := File{Name: name, Size: int64(len(files[name])), SHA256: sumOf(files[name])}
		if err == nil && slices.Contains(have, f) {
			err = w.Keep(f)
		} else if err == nil {
			_, err = w.Add(name, f.Size, strings.NewReader(files[name]))
		}
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func sumOf(text string) string {
	in := &reader{sink: Discard}
	f, err := in.file("", strings.NewReader(text))
	if err != nil {
		panic(err)
	}
	return f.SHA256
}

// saved makes a directory of monday.
func saved(t testing.TB) (base string) {
	t.Helper()
	base = filepath.Join(t.TempDir(), "monday")
	if _, err := Save(bytes.NewReader(streamOf(t, monday, nil)), base, false, nil); err != nil {
		t.Fatal(err)
	}
	return base
}

// takenOver begins a draft on a base.
func takenOver(t testing.TB, path, base string) (*Draft, Taken) {
	t.Helper()
	d, err := NewDraft(path, base)
	if err != nil {
		t.Fatal(err)
	}
	taken, err := d.TakeOver(t.Context(), func(int64, int64) {})
	if err != nil {
		t.Fatal(err)
	}
	return d, taken
}

// checkHolds demands that the backup at path is whole by itself and has those files.
func checkHolds(t *testing.T, path string, want map[string]string) {
	t.Helper()
	var told Header // to those who wait, however little of it was sent
	if _, err := Verify(path, func(h Header) { told = h }); err != nil {
		t.Fatal(err)
	}
	got := filesBelow(t, path)
	delete(got, manifestName)
	var size int64
	for _, text := range want {
		size += int64(len(text))
	}
	if told.Files != len(want) || told.Bytes != size {
		t.Errorf("%s: told of %d files and %d bytes, want %d and %d", path, told.Files, told.Bytes, len(want), size)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func sameFile(t *testing.T, a, b string) bool {
	t.Helper()
	infoA, err := os.Stat(a)
	if err != nil {
		t.Fatal(err)
	}
	infoB, err := os.Stat(b)
	if err != nil {
		t.Fatal(err)
	}
	return os.SameFile(infoA, infoB)
}

// A backup on a base has what a full one has; what both have is on disk once and was not sent; each outlives the other.
func TestDraftOnBase(t *testing.T) {
	base := saved(t)
	path := filepath.Join(filepath.Dir(base), "tuesday")
	d, taken := takenOver(t, path, base)
	if taken.Files != 5 || taken.Copied != 0 || taken.Spoilt != 0 || len(d.Claims()) != 5 {
		t.Errorf("taken over: %+v", taken)
	}
	stream := streamOf(t, tuesday, d.Claims())
	if bytes.Contains(stream, []byte(tuesday[part])) {
		t.Error("what the base has was sent")
	}
	if _, err := Read(bytes.NewReader(stream), Discard, nil); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("what was sent passes for a backup by itself: %v", err)
	}
	m, err := d.Fill(bytes.NewReader(stream), nil)
	if err = errors.Join(err, d.Close()); err != nil {
		t.Fatal(err)
	}
	if files, n := d.Shared(); files != 3 || n != int64(len(tuesday[shardFile])+len(tuesday[part])+len(tuesday[full])) {
		t.Errorf("shared: %d files, %d bytes", files, n)
	}
	whole, err := Read(bytes.NewReader(streamOf(t, tuesday, nil)), Discard, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(whole, m); diff != "" {
		t.Errorf("(-full +on base):\n%s", diff)
	}
	for name, want := range map[string]bool{shardFile: true, part: true, full: true, growing: false, "meta.db": false, "secret.key": false} {
		if sameFile(t, filepath.Join(base, name), filepath.Join(path, name)) != want {
			t.Errorf("%s is one file: %t", name, !want)
		}
	}
	checkHolds(t, base, monday)
	if err := os.RemoveAll(base); err != nil {
		t.Fatal(err)
	}
	checkHolds(t, path, tuesday)
}

// Where there can be no links, files are copied.
func TestDraftCopies(t *testing.T) {
	for _, why := range []error{unix.EXDEV, unix.EPERM, unix.EMLINK} {
		base := saved(t)
		path := filepath.Join(t.TempDir(), "tuesday")
		d, err := NewDraft(path, base)
		if err != nil {
			t.Fatal(err)
		}
		d.link = func(from, to string) error { return &os.LinkError{Op: "link", Old: from, New: to, Err: why} }
		taken, err := d.TakeOver(t.Context(), func(int64, int64) {})
		if err != nil || taken.Files != 5 || taken.Copied != 5 || taken.Spoilt != 0 {
			t.Errorf("%v: taken over %+v, %v", why, taken, err)
		}
		if _, err := d.Fill(bytes.NewReader(streamOf(t, tuesday, d.Claims())), nil); err != nil {
			t.Fatal(err)
		}
		if sameFile(t, filepath.Join(base, part), filepath.Join(path, part)) {
			t.Errorf("%v: a link all the same", why)
		}
		checkHolds(t, path, tuesday)
	}
}

// What of a base is not what it was is not taken over, and comes from the server.
func TestDraftOnSpoiltBase(t *testing.T) {
	f := func(name, want string, spoilt int, spoil func(dir, file string) error) {
		t.Helper()
		base := saved(t)
		if err := spoil(base, filepath.Join(base, part)); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "tuesday")
		d, taken := takenOver(t, path, base)
		if taken.Spoilt != spoilt || taken.Files != 5-spoilt || taken.Reason == nil || !strings.Contains(taken.Reason.Error(), want) {
			t.Errorf("%s: %+v, want a reason that says %q", name, taken, want)
		}
		if _, err := d.Fill(bytes.NewReader(streamOf(t, tuesday, d.Claims())), nil); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		checkHolds(t, path, tuesday)
	}
	f("changed", "other bytes", 1, func(_, file string) error { return os.WriteFile(file, []byte(strings.Repeat("columms ", 500)), 0o600) })
	f("cut", "it has 3 bytes", 1, func(_, file string) error { return os.Truncate(file, 3) })
	f("removed", "no such file", 1, func(_, file string) error { return os.Remove(file) })
	f("a directory", "no plain file", 1, func(_, file string) error { return errors.Join(os.Remove(file), os.Mkdir(file, 0o700)) })
	f("a pipe", "no plain file", 1, func(_, file string) error { return errors.Join(os.Remove(file), unix.Mkfifo(file, 0o600)) })
	f("a link", "no plain file", 1, func(dir, file string) error {
		return errors.Join(os.Rename(file, filepath.Join(dir, "elsewhere")), os.Symlink(filepath.Join(dir, "elsewhere"), file))
	})
	f("all removed but its manifest", "no such file", 5, func(dir, _ string) error {
		return errors.Join(os.RemoveAll(filepath.Join(dir, "journal")), os.RemoveAll(filepath.Join(dir, "shards")), os.RemoveAll(filepath.Join(dir, "index")))
	})
}

// A file of the base that somebody puts a link in the place of, after it was looked at, is not taken over: who owns what a link names could
// change the backup, or have it end when he likes.
func TestDraftOnChangingBase(t *testing.T) {
	base := saved(t)
	path := filepath.Join(t.TempDir(), "tuesday")
	d, err := NewDraft(path, base)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	d.link = func(from, to string) error {
		if from == filepath.Join(base, part) {
			if err := errors.Join(os.Rename(from, elsewhere), os.Symlink(elsewhere, from)); err != nil {
				return err
			}
		}
		return os.Link(from, to)
	}
	taken, err := d.TakeOver(t.Context(), func(int64, int64) {})
	if err != nil || taken.Spoilt != 1 || taken.Files != 4 || taken.Reason == nil || !strings.Contains(taken.Reason.Error(), "no plain file") {
		t.Errorf("%+v, %v", taken, err)
	}
	if _, err := d.Fill(bytes.NewReader(streamOf(t, tuesday, d.Claims())), nil); err != nil {
		t.Fatal(err)
	}
	checkHolds(t, path, tuesday)
}

// A manifest that lists a file twice is none that was written by us: the second would take away what the first has given, and it would be claimed.
func TestDraftOnBaseThatRepeats(t *testing.T) {
	base := saved(t)
	m, err := readManifest(base, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range m.Entries {
		if f.Name == part {
			m.Entries = append(m.Entries, f)
		}
	}
	raw, err := json.Marshal(m)
	if err == nil {
		err = os.WriteFile(filepath.Join(base, manifestName), raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "tuesday")
	d, err := NewDraft(path, base)
	if err == nil {
		_, taken := d.TakeOver(t.Context(), func(int64, int64) {})
		_, filled := d.Fill(bytes.NewReader(streamOf(t, tuesday, d.Claims())), nil)
		_, whole := Verify(path, nil)
		t.Fatalf("it is taken for a base: %v, %v; what came of it: %v", taken, filled, whole)
	}
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "twice") {
		t.Error(err)
	}
}

// The base of another server, or of one that was restored since, may have other bytes under the same names and of the same sizes: they are
// sent, and the base keeps its own.
func TestDraftOnForeignBase(t *testing.T) {
	base := saved(t)
	path := filepath.Join(t.TempDir(), "tuesday")
	other := maps.Clone(tuesday)
	other[shardFile] = strings.ToUpper(tuesday[shardFile])
	other[part] = strings.ToUpper(tuesday[part])
	other[full] = strings.ToUpper(tuesday[full])
	d, _ := takenOver(t, path, base)
	if _, err := d.Fill(bytes.NewReader(streamOf(t, other, d.Claims())), nil); err != nil {
		t.Fatal(err)
	}
	if files, n := d.Shared(); files != 0 || n != 0 {
		t.Errorf("shared: %d files, %d bytes", files, n)
	}
	checkHolds(t, path, other)
	checkHolds(t, base, monday)
}

// A base may be removed or damaged by name as soon as its files are taken over.
func TestDraftOutlivesBase(t *testing.T) {
	base := saved(t)
	path := filepath.Join(t.TempDir(), "tuesday")
	d, _ := takenOver(t, path, base)
	if err := os.RemoveAll(base); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Fill(bytes.NewReader(streamOf(t, tuesday, d.Claims())), nil); err != nil {
		t.Fatal(err)
	}
	checkHolds(t, path, tuesday)
}

// A server that lists what the draft does not have, or not so, makes no backup.
func TestDraftChecksWhatWasKept(t *testing.T) {
	f := func(want string, more File) {
		t.Helper()
		base, dir := saved(t), t.TempDir()
		d, _ := takenOver(t, filepath.Join(dir, "tuesday"), base)
		var b bytes.Buffer
		w, err := NewWriter(&b, Header{})
		if err = errors.Join(err, w.Keep(more), w.Close()); err != nil {
			t.Fatal(err)
		}
		_, err = d.Fill(&b, nil)
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one that says %q", err, want)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if left := filesBelow(t, dir); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		checkHolds(t, base, monday)
	}
	size := int64(len(monday[part]))
	f("is missing", File{Name: newFile, Size: 3, SHA256: sumOf("new")})
	f("bytes, not 1", File{Name: part, Size: 1, SHA256: sumOf(monday[part])})
	f("other bytes", File{Name: part, Size: size, SHA256: sumOf("else")})
	w, err := NewWriter(new(bytes.Buffer), Header{})
	if err != nil {
		t.Fatal(err)
	}
	for name := range monday {
		if err := w.Keep(File{Name: name}); (err == nil) != Lasting(name) {
			t.Errorf("keep %s: %v", name, err)
		}
	}
}

// A stream that ends anywhere before its end leaves the base as it was and nothing else.
func TestDraftCut(t *testing.T) {
	base := saved(t)
	claimed, _ := takenOver(t, filepath.Join(t.TempDir(), "x"), base)
	raw := streamOf(t, tuesday, claimed.Claims())
	end := bytes.LastIndex(raw, []byte("}")) + 1
	for n := 0; n < end; n += 211 {
		dir := t.TempDir()
		d, _ := takenOver(t, filepath.Join(dir, "tuesday"), base)
		if _, err := d.Fill(bytes.NewReader(raw[:n]), nil); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut at %d of %d: got error %v", n, end, err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if left := filesBelow(t, dir); len(left) > 0 {
			t.Fatalf("cut at %d: left %v", n, left)
		}
	}
	checkHolds(t, base, monday)
}

// What cannot be a base is refused before anything is made or removed.
func TestNoBase(t *testing.T) {
	dir := t.TempDir()
	f := func(want, path, base string) {
		t.Helper()
		before := filesBelow(t, dir)
		if _, err := NewDraft(filepath.Join(dir, path), filepath.Join(dir, base)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s on %s: got error %v, want one that says %q", path, base, err, want)
		}
		if diff := cmp.Diff(before, filesBelow(t, dir)); diff != "" {
			t.Errorf("%s on %s changed (-before +after):\n%s", path, base, diff)
		}
	}
	for path, asFile := range map[string]bool{"whole.tar": true, "whole": false, "next.partial": false, "unfinished": false, "odd": false, "newer": false} {
		if _, err := Save(bytes.NewReader(written(t)), filepath.Join(dir, path), asFile, nil); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(
		os.Remove(filepath.Join(dir, "unfinished", manifestName)),
		os.WriteFile(filepath.Join(dir, "odd", manifestName), []byte(`{"version":1,"entries":7}`), 0o600),
		os.WriteFile(filepath.Join(dir, "newer", manifestName), []byte(`{"version":2}`), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	f("no such file", "next", "nowhere")
	f("it is a file", "next", "whole.tar")
	f("was not finished", "next", "unfinished")
	f("manifest cannot be read", "next", "odd")
	f("version 2", "next", "newer")
	f("choose another name", "next", "next.partial")
	f("there already", "whole", "whole")
}

// What is claimed fits a request, however many files the base has and however long their names are.
func TestClaimsAreBounded(t *testing.T) {
	f := func(length, files, want int) {
		t.Helper()
		list := make([]File, files)
		for n := range list {
			list[n] = File{Name: strings.Repeat("n", length), Size: 1 << 62, SHA256: strings.Repeat("0a", 32)}
		}
		got := claimable(list)
		if len(got) != want {
			t.Errorf("%d files with names of %d bytes: %d are claimed, want %d", files, length, len(got), want)
		}
		if raw, err := json.Marshal(got); err != nil || len(raw) > MaxClaimBytes {
			t.Errorf("%d files with names of %d bytes: a list of %d bytes, %v", files, length, len(raw), err)
		}
	}
	f(80, 0, 0)
	f(80, 7, 7)
	f(80, MaxClaims, MaxClaims)
	f(80, MaxClaims+1, MaxClaims)
	f(maxName, MaxClaims, MaxClaimBytes/(claimBytes+maxName))
}

// A draft that is told to stop stops, and what a draft that was never closed left is removed by the next of its name.
func TestDraftAbandoned(t *testing.T) {
	base := saved(t)
	path := filepath.Join(t.TempDir(), "tuesday")
	d, err := NewDraft(path, base)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	if _, err := d.TakeOver(ctx, func(int64, int64) { stop() }); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
	if len(d.Claims()) != 1 {
		t.Errorf("took over %d files after it was told to stop", len(d.Claims()))
	}
	if _, err := Verify(d.partial, nil); !errors.Is(err, ErrDamaged) {
		t.Errorf("half a draft: got error %v", err)
	}
	if err := d.lock.Close(); err != nil { // as the end of a process would
		t.Fatal(err)
	}
	again, _ := takenOver(t, path, base)
	if _, err := again.Fill(bytes.NewReader(streamOf(t, tuesday, again.Claims())), nil); err != nil {
		t.Fatal(err)
	}
	checkHolds(t, path, tuesday)
	if _, err := os.Stat(d.partial); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left behind: %v", err)
	}
}

// Of two that would make the same backup the second is refused, and the first goes on undisturbed.
func TestOneDraftOfAName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tuesday")
	d, _ := takenOver(t, path, saved(t))
	if _, err := NewDraft(path, ""); err == nil || !strings.Contains(err.Error(), "by another process") {
		t.Errorf("a second draft: got error %v", err)
	}
	if _, err := Save(bytes.NewReader(written(t)), path, true, nil); err == nil || !strings.Contains(err.Error(), "by another process") {
		t.Errorf("a file of the same name: got error %v", err)
	}
	if _, err := d.Fill(bytes.NewReader(streamOf(t, tuesday, d.Claims())), nil); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Mkdir(d.partial, 0o700), d.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(d.partial); err != nil {
		t.Errorf("a draft that has its name removed what another made since: %v", err)
	}
	checkHolds(t, path, tuesday)
	file := filepath.Join(t.TempDir(), "tuesday.tar")
	r, w := io.Pipe()
	done := make(chan error)
	go func() {
		_, err := Save(r, file, true, nil)
		done <- err
	}()
	raw := written(t)
	if _, err := w.Write(raw[:2000]); err != nil { // it has begun
		t.Fatal(err)
	}
	if _, err := Save(bytes.NewReader(raw), file, true, nil); err == nil || !strings.Contains(err.Error(), "by another process") {
		t.Errorf("a second file: got error %v", err)
	}
	if _, err := w.Write(raw[2000:]); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), <-done); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(file, nil); err != nil {
		t.Error(err)
	}
}

// killedChild names to a child process of TestDraftKilled the backup to make, and its base.
const killedChild = "SLUICE_TEST_DRAFT"

// A process that is killed while it makes a backup, at whatever moment, leaves the base as it was and no backup; the next makes one.
func TestDraftKilled(t *testing.T) {
	if path, base, ok := strings.Cut(os.Getenv(killedChild), "|"); ok {
		d, err := NewDraft(path, base)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.TakeOver(t.Context(), func(int64, int64) { fmt.Println("took one") }); err != nil {
			t.Fatal(err)
		}
		_, _ = d.Fill(os.Stdin, func(Header) { fmt.Println("header") })
		return
	}
	base := saved(t)
	claimed, _ := takenOver(t, filepath.Join(t.TempDir(), "x"), base)
	raw := streamOf(t, tuesday, claimed.Claims())
	path := filepath.Join(t.TempDir(), "tuesday")
	for lines := 1; lines <= 6; lines++ { // five files of the base, then the header
		for sent := 2000; sent < len(raw)-2048; sent += 1500 {
			killDraft(t, path, base, raw[:sent], lines)
			if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("killed after line %d with %d bytes sent: there is a backup, %v", lines, sent, err)
			}
			checkHolds(t, base, monday)
			if lines < 6 {
				break // whatever was sent, it read none of it
			}
		}
	}
	d, _ := takenOver(t, path, base)
	if _, err := d.Fill(bytes.NewReader(raw), nil); err != nil {
		t.Fatal(err)
	}
	checkHolds(t, path, tuesday)
}

// killDraft makes a backup in a process of its own from part of a stream, and kills it behind a line of its output.
func killDraft(t *testing.T, path, base string, part []byte, lines int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDraftKilled$")
	cmd.Env = append(os.Environ(), killedChild+"="+path+"|"+base)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err == nil {
		_, err = in.Write(part) // fits a pipe, so it waits for nobody
	}
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for text := bufio.NewScanner(out); seen < lines && text.Scan(); {
		if text.Text() == "took one" || text.Text() == "header" {
			seen++
		}
	}
	if seen < lines {
		t.Errorf("it ended after %d lines, before it could be killed", seen)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}
