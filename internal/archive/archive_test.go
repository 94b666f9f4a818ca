package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const shardFile = "shards/0000000000000003/00000000000000000001-00000000000000000009.log"

var content = []struct{ name, text string }{
	{"meta.db", strings.Repeat("metadata ", 1000)},
	{"secret.key", "key"},
	{"journal/0000000000000001.wal", strings.Repeat("j", 10_000)},
	{shardFile, ""},
	{"index/segments/0000.parquet", "columns"},
}

func written(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, Header{Release: "test", Moment: time.Unix(1_700_000_000, 5).UTC(), Files: len(content), Bytes: 19_010})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range content {
		if _, err := w.Add(c.name, int64(len(c.text)), strings.NewReader(c.text+"what came later")); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// filesBelow reads a directory tree.
func filesBelow(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(filepath.Join(dir, name))
		files[name] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Both forms hold what went in, and each can be extracted.
func TestRoundTrip(t *testing.T) {
	raw := written(t)
	want := map[string]string{}
	for _, c := range content {
		want[c.name] = c.text
	}
	for _, asFile := range []bool{true, false} {
		path := filepath.Join(t.TempDir(), "backup")
		var told Header
		m, err := Save(bytes.NewReader(raw), path, asFile, func(h Header) { told = h })
		if err != nil {
			t.Fatal(err)
		}
		if told.Files != len(content) || told.Release != "test" || len(m.Entries) != len(content) || m.Size() != 19_010 || !m.Has(shardFile) {
			t.Errorf("header %+v, manifest %+v", told, m)
		}
		if asFile {
			got, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(got, raw) {
				t.Errorf("the file is not the stream: %v", err)
			}
		}
		if _, err := Save(bytes.NewReader(raw), path, asFile, nil); err == nil || !strings.Contains(err.Error(), "there already") {
			t.Errorf("wrote over a backup: %v", err)
		}
		again, err := Verify(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, again); diff != "" {
			t.Errorf("(-saved +verified):\n%s", diff)
		}
		out := t.TempDir()
		if _, err := Extract(path, Directory(out), nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, filesBelow(t, out)); diff != "" {
			t.Errorf("extracted (-want +got):\n%s", diff)
		}
		if _, err := Extract(path, Directory(out), nil); !errors.Is(err, fs.ErrExist) {
			t.Errorf("wrote over files: %v", err)
		}
	}
}

// A stream that ends anywhere before its end leaves no backup behind.
func TestCutStreamIsNoBackup(t *testing.T) {
	raw := written(t)
	end := bytes.LastIndex(raw, []byte("}")) + 1 // of the manifest; behind it are zeros
	for n := 0; n < end; n += 97 {
		for _, asFile := range []bool{true, false} {
			dir := t.TempDir()
			if _, err := Save(bytes.NewReader(raw[:n]), filepath.Join(dir, "backup"), asFile, nil); !errors.Is(err, ErrDamaged) {
				t.Fatalf("cut at %d of %d: got error %v", n, end, err)
			}
			if left := filesBelow(t, dir); len(left) > 0 {
				t.Fatalf("cut at %d: left %v", n, left)
			}
		}
	}
}

// A bit that is wrong is found, wherever it is.
func TestWrongBitsAreFound(t *testing.T) {
	raw := written(t)
	end := bytes.LastIndex(raw, []byte("}")) + 1
	path := filepath.Join(t.TempDir(), "backup")
	for n := 0; n < end; n += 61 {
		bad := bytes.Clone(raw)
		bad[n] ^= 0x10
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := Verify(path, nil)
		if err == nil && harmless(raw, bad, m) {
			continue
		}
		if err == nil {
			t.Errorf("bit at %d: nothing was found", n)
		}
	}
}

// harmless reports whether a changed bit is in what tar has between the contents, and every content came out right all the same.
func harmless(raw, bad []byte, m *Manifest) bool {
	want, err1 := Read(bytes.NewReader(raw), Discard, nil)
	got, err2 := Read(bytes.NewReader(bad), Discard, nil)
	return err1 == nil && err2 == nil && cmp.Equal(want.Entries, got.Entries) && cmp.Equal(want.Entries, m.Entries)
}

// A directory with a file too few, too many or changed is found out.
func TestDirectoryIsCompared(t *testing.T) {
	f := func(name, want string, spoil func(dir string) error) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "backup")
		if _, err := Save(bytes.NewReader(written(t)), path, false, nil); err != nil {
			t.Fatal(err)
		}
		if err := spoil(path); err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(path, nil); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want one that says %q", name, err, want)
		}
	}
	f("removed", "secret.key is missing", func(dir string) error { return os.Remove(filepath.Join(dir, "secret.key")) })
	f("changed", "secret.key has other bytes", func(dir string) error { return os.WriteFile(filepath.Join(dir, "secret.key"), []byte("kez"), 0o600) })
	f("cut", "meta.db has 5 bytes, not 9000", func(dir string) error { return os.Truncate(filepath.Join(dir, "meta.db"), 5) })
	f("added", "is in no manifest", func(dir string) error {
		return os.WriteFile(filepath.Join(dir, "journal/0000000000000002.wal"), nil, 0o600)
	})
	f("odd", "not the name", func(dir string) error { return os.WriteFile(filepath.Join(dir, "LOCK"), nil, 0o600) })
	f("link", "no plain file", func(dir string) error {
		return errors.Join(os.Remove(filepath.Join(dir, "secret.key")), os.Symlink("meta.db", filepath.Join(dir, "secret.key")))
	})
	f("no manifest", "was not finished", func(dir string) error { return os.Remove(filepath.Join(dir, manifestName)) })
	f("half a manifest", "cannot be read", func(dir string) error { return os.Truncate(filepath.Join(dir, manifestName), 100) })
}

func TestNames(t *testing.T) {
	for _, c := range content {
		if err := CheckName(c.name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{
		"", ".", "..", "/meta.db", "../meta.db", "journal/../meta.db", "LOCK", "server.id", "meta.db/x", "index", "index/", "index/..", "index/a/../b",
		"index//a", "index/.a", `index/a\b`, "shards/3/1-9.log", "journal/0000000000000001.wal.damaged", "secret.key\n", headerName, manifestName,
	} {
		if CheckName(name) == nil {
			t.Errorf("%q passes", name)
		}
	}
}

func TestForeignArchives(t *testing.T) {
	archive := func(entries ...tar.Header) io.Reader {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, e := range entries {
			text := e.PAXRecords["text"]
			e.Size, e.PAXRecords, e.Mode = int64(len(text)), nil, 0o600
			if err := w.WriteHeader(&e); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(w, text); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return &b
	}
	text := func(s string) map[string]string { return map[string]string{"text": s} }
	header := tar.Header{Name: headerName, Typeflag: tar.TypeReg, PAXRecords: text(`{"version":1}`)}
	f := func(want string, r io.Reader) {
		t.Helper()
		if _, err := Read(r, Discard, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one that says %q", err, want)
		}
	}
	f("ends too soon", strings.NewReader(""))
	f("no archive", strings.NewReader(strings.Repeat("not a tar ", 200)))
	f("does not begin as one", archive(tar.Header{Name: "meta.db", Typeflag: tar.TypeReg}))
	f("header cannot be read", archive(tar.Header{Name: headerName, Typeflag: tar.TypeReg, PAXRecords: text("{")}))
	f("version 7", archive(tar.Header{Name: headerName, Typeflag: tar.TypeReg, PAXRecords: text(`{"version":7}`)}))
	f("ends too soon", archive(header))
	f("not the name", archive(header, tar.Header{Name: "../../x", Typeflag: tar.TypeReg}))
	f("no plain file", archive(header, tar.Header{Name: "meta.db", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}))
	f("comes twice", archive(header, tar.Header{Name: "meta.db", Typeflag: tar.TypeReg}, tar.Header{Name: "meta.db", Typeflag: tar.TypeReg}))
	f("in no manifest", archive(header, tar.Header{Name: "meta.db", Typeflag: tar.TypeReg},
		tar.Header{Name: manifestName, Typeflag: tar.TypeReg, PAXRecords: text(`{"version":1}`)}))
	f("something follows", archive(header, tar.Header{Name: manifestName, Typeflag: tar.TypeReg, PAXRecords: text(`{"version":1}`)},
		tar.Header{Name: "meta.db", Typeflag: tar.TypeReg}))
}

// What is added has the size that was said.
func TestShortFileFails(t *testing.T) {
	w, err := NewWriter(io.Discard, Header{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Add("meta.db", 10, strings.NewReader("short")); err == nil {
		t.Error("a file with too few bytes was added")
	}
	if _, err := w.Add("LOCK", 0, strings.NewReader("")); err == nil {
		t.Error("a file of another form was added")
	}
}

// No stream makes a reader panic, write elsewhere, or take for a backup what does not add up.
func FuzzRead(f *testing.F) {
	raw := written(f)
	f.Add(raw)
	f.Add(raw[:1000])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		seen := recording{}
		m, err := Read(bytes.NewReader(b), seen, nil)
		for name := range seen {
			if CheckName(name) != nil {
				t.Fatalf("created %q", name)
			}
		}
		if err != nil {
			return
		}
		names := []string{}
		for _, e := range m.Entries {
			names = append(names, e.Name)
		}
		slices.Sort(names)
		for i, name := range slices.Compact(names) {
			if name != names[i] || !seen[name] {
				t.Fatalf("%q is listed and did not come, or twice", name)
			}
		}
		if len(names) != len(seen) {
			t.Fatalf("%d files came, %d are listed", len(seen), len(names))
		}
	})
}

// recording is a Sink that notes names.
type recording map[string]bool

func (r recording) Create(name string) (io.WriteCloser, error) {
	if r[name] {
		return nil, fmt.Errorf("%s comes twice", name)
	}
	r[name] = true
	return discard{io.Discard}, nil
}
