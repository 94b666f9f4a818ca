package backup

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/archive"
	"github.com/sluicelog/sluice/internal/lz4block"
	"github.com/sluicelog/sluice/internal/meta/sqlite"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/vfs"
)

// place is a data directory with a store of metadata, a store of logs, and an index of which the tests write the files.
type place struct {
	t       *testing.T
	dir     string
	backups *Backups
	log     *shard.Log
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{t: t, dir: t.TempDir()}
	store, err := sqlite.Open(filepath.Join(p.dir, metaFile))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	logs, err := shard.Open(vfs.OS{}, p.dir, shard.Options{JournalFileBytes: 64 << 10, JournalBytes: 128 << 10, MinFreeBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { logs.Close() })
	if p.log, err = logs.Log(1, 1); err != nil {
		t.Fatal(err)
	}
	p.write(keyFile, "key")
	p.write(other, "part of the index")
	p.backups, err = New(Node{
		Dir: p.dir, Meta: store, Logs: logs, Index: func() func() { return func() {} },
		Release: "test", Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// write makes a file of the data directory in the place of any other of its name, as an index does.
func (p *place) write(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	temp := filepath.Join(filepath.Dir(path), ".new")
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(temp, []byte(text), 0o600), os.Rename(temp, path)); err != nil {
		p.t.Fatal(err)
	}
}

// append appends a log group that does not compress.
func (p *place) append(text string) {
	p.t.Helper()
	raw := []byte(text)
	data, err := lz4block.Compress(nil, raw)
	if err != nil {
		p.t.Fatal(err)
	}
	tail, err := lz4block.Tail(data)
	if err == nil {
		_, err = p.log.Append(p.t.Context(), shard.Block{Data: data, Raw: len(raw), Tail: tail, Logs: 1})
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// stream takes a backup.
func (p *place) stream(o Options) (archive.Header, []byte) {
	h, raw, _ := p.streamReading(o)
	return h, raw
}

// streamReading takes a backup, and tells how many files it read only to say what they are.
func (p *place) streamReading(o Options) (_ archive.Header, _ []byte, read int) {
	p.t.Helper()
	b, err := p.backups.Begin(p.t.Context(), o)
	if err != nil {
		p.t.Fatal(err)
	}
	var out bytes.Buffer
	if err := errors.Join(b.WriteTo(p.t.Context(), &out), b.Close()); err != nil {
		p.t.Fatal(err)
	}
	return b.Header(), out.Bytes(), b.sums.read
}

// save takes a backup into a new directory, on a base or on none, and tells what it shares.
func (p *place) save(base string) (path string, shared int, stream []byte) {
	p.t.Helper()
	path = filepath.Join(p.t.TempDir(), "backup")
	d, err := archive.NewDraft(path, base)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := d.TakeOver(p.t.Context(), func(int64, int64) {}); err != nil {
		p.t.Fatal(err)
	}
	_, stream = p.stream(Options{Have: d.Claims()})
	if _, err := d.Fill(bytes.NewReader(stream), nil); err != nil {
		p.t.Fatal(err)
	}
	if _, err := archive.Verify(path, nil); err != nil {
		p.t.Fatal(err)
	}
	shared, _ = d.Shared()
	return path, shared, stream
}

// lasting lists the files of a backup that the next may share.
func lasting(t *testing.T, raw []byte) (list []archive.File) {
	t.Helper()
	m, err := archive.Read(bytes.NewReader(raw), archive.Discard, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range m.Entries {
		if archive.Lasting(f.Name) {
			list = append(list, f)
		}
	}
	return list
}

func readFile(t *testing.T, dir, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

const (
	kept    = "index/segments/0/kept.parquet"
	changed = "index/segments/0/changed.parquet"
	other   = "index/segments/0/other.parquet"
)

// Of two backups the second sends what the first has not: what is new, and what has the name and size of a file that was another then.
func TestBackupOnBase(t *testing.T) {
	p := newPlace(t)
	p.write(kept, strings.Repeat("as it was ", 1000))
	p.write(changed, strings.Repeat("of monday! ", 1000))
	monday, _, _ := p.save("")
	p.write(changed, strings.Repeat("of tuesday ", 1000))
	p.write("index/segments/1/new.parquet", "new")
	tuesday, shared, stream := p.save(monday)
	if shared != 2 {
		t.Errorf("%d files are shared", shared)
	}
	if bytes.Contains(stream, []byte("as it was ")) || !bytes.Contains(stream, []byte("of tuesday ")) {
		t.Error("it sent what had not to be sent, or not what had")
	}
	for _, name := range []string{kept, changed, "index/segments/1/new.parquet", keyFile} {
		if diff := cmp.Diff(readFile(t, p.dir, name), readFile(t, tuesday, name)); diff != "" {
			t.Errorf("%s (-server +backup):\n%s", name, diff)
		}
	}
	if got := readFile(t, monday, changed); !strings.HasPrefix(got, "of monday!") {
		t.Errorf("the base has %.20q now", got)
	}
	restored := t.TempDir()
	if _, err := Restore(t.Context(), tuesday, restored, func(Step, int64, int64) {}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(restored, kept), []byte("changed there"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Verify(tuesday, nil); err != nil {
		t.Errorf("what is restored is not apart from the backup: %v", err)
	}
}

// Sealed files are shared as the parts of an index are, whatever the mover does meanwhile.
func TestSealedFilesAreShared(t *testing.T) {
	p := newPlace(t)
	inShards := func(f archive.File) bool { return strings.HasPrefix(f.Name, "shards/") }
	for sealed := false; !sealed; { // a journal that is long enough is moved, sooner or later
		for range 8 {
			p.append(strings.Repeat(time.Now().String(), 500))
		}
		_, raw := p.stream(Options{})
		sealed = slices.ContainsFunc(lasting(t, raw), inShards)
	}
	monday, _, _ := p.save("")
	first, err := archive.Verify(monday, nil)
	if err != nil {
		t.Fatal(err)
	}
	tuesday, _, stream := p.save(monday)
	sealed := 0
	for _, f := range first.Entries {
		if !inShards(f) {
			continue
		}
		sealed++
		if _, err := os.Stat(filepath.Join(p.dir, f.Name)); err != nil {
			continue // merged since
		}
		if readFile(t, monday, f.Name) != readFile(t, tuesday, f.Name) || bytes.Contains(stream, []byte(readFile(t, monday, f.Name))) {
			t.Errorf("%s was sent, or is another", f.Name)
		}
	}
	if sealed == 0 {
		t.Error("the first backup has no sealed file")
	}
}

// The header tells how much will come: not what the client has already.
func TestHeaderOfBackupOnBase(t *testing.T) {
	p := newPlace(t)
	p.write(kept, strings.Repeat("as it was ", 1000))
	full, raw := p.stream(Options{})
	have := slices.DeleteFunc(lasting(t, raw), func(f archive.File) bool { return f.Name != kept })
	part, raw := p.stream(Options{Have: have})
	if part.Files != full.Files || part.Bytes != full.Bytes-10_000 || len(raw) > 10_000+int(part.Bytes) {
		t.Errorf("full %+v, on a base %+v with a stream of %d bytes", full, part, len(raw))
	}
}

// What a client cannot have is refused, with what is wrong about it.
func TestClaims(t *testing.T) {
	p := newPlace(t)
	sum := strings.Repeat("0a", 32)
	f := func(want string, have ...archive.File) {
		t.Helper()
		_, err := p.backups.Begin(t.Context(), Options{Have: have})
		var refused *sluice.Error
		if !errors.As(err, &refused) || refused.Kind != sluice.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one that says %q", err, want)
		}
	}
	f("always sent", archive.File{Name: metaFile, SHA256: sum})
	f("always sent", archive.File{Name: keyFile, SHA256: sum})
	f("always sent", archive.File{Name: "../secret", SHA256: sum})
	f("without its size", archive.File{Name: kept, Size: -1, SHA256: sum})
	f("without its size", archive.File{Name: kept, SHA256: "0a"})
	f("without its size", archive.File{Name: kept, SHA256: strings.Repeat("zz", 32)})
	f("twice", archive.File{Name: kept, SHA256: sum}, archive.File{Name: kept, Size: 1, SHA256: sum})
	f("list the largest", make([]archive.File, archive.MaxClaims+1)...)
	p.stream(Options{Have: []archive.File{{Name: kept, SHA256: sum}}}) // of a file that is not there: nothing follows from it
}

// A file that was read for one backup is not read for the next while it is the same file, and is once it is not.
func TestSumsAreRemembered(t *testing.T) {
	p := newPlace(t)
	p.write(kept, "as it was")
	p.write(changed, "of monday!")
	_, raw := p.stream(Options{}) // which sends, and so knows, all of them
	have := slices.DeleteFunc(lasting(t, raw), func(f archive.File) bool { return !strings.HasPrefix(f.Name, "index/") })
	f := func(what string, want int, change func()) {
		t.Helper()
		change()
		if _, _, read := p.streamReading(Options{Have: have}); read != want {
			t.Errorf("%s: %d files were read, want %d", what, read, want)
		}
	}
	was, err := os.Stat(filepath.Join(p.dir, changed))
	if err != nil {
		t.Fatal(err)
	}
	f("nothing is changed", 0, func() {})
	f("another file of the same name, size and time", 1, func() {
		p.write(changed, "of tuesday")
		if err := os.Chtimes(filepath.Join(p.dir, changed), was.ModTime(), was.ModTime()); err != nil {
			t.Fatal(err)
		}
	})
	f("nothing is changed", 0, func() {})
	f("what was noted is damaged", 3, func() { p.write(sumsFile, `{"index`) })
	f("what was noted is odd", 3, func() { p.write(sumsFile, `{"index/segments/0/kept.parquet": 7}`) })
	f("nothing was noted", 3, func() {
		if err := os.Remove(filepath.Join(p.dir, sumsFile)); err != nil {
			t.Fatal(err)
		}
	})
	f("a copy of the files", 3, func() {
		for _, name := range []string{kept, changed, other} {
			p.write(name, readFile(t, p.dir, name))
		}
	})
}

// What was noted of the journal would be no use: its files are written in place.
func TestJournalIsRead(t *testing.T) {
	p := newPlace(t)
	for range 40 {
		p.append(strings.Repeat("x", 100) + time.Now().String() + strings.Repeat("y", 4000))
	}
	_, raw := p.stream(Options{})
	if journal := sumsOf(t, p, "journal/"); journal > 0 {
		t.Errorf("%d files of the journal are noted", journal)
	}
	if sumsOf(t, p, "index/") == 0 {
		t.Error("no file of the index is noted")
	}
	_, _, read := p.streamReading(Options{Have: lasting(t, raw)})
	if read == 0 {
		t.Error("no file of the journal was read")
	}
}

func sumsOf(t *testing.T, p *place, prefix string) (n int) {
	t.Helper()
	for name := range loadSums(p.dir).known {
		if strings.HasPrefix(name, prefix) {
			n++
		}
	}
	return n
}
