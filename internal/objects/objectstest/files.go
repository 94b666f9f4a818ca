package objectstest

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/objects"
)

// RunFiles runs the suite of [objects.Filer], on a store in a real directory. open returns an empty store, which it closes by
// t.Cleanup.
func RunFiles(t *testing.T, open func(t *testing.T) objects.Filer) {
	t.Run("a file has the bytes of its object", func(t *testing.T) { testFile(t, open(t)) })
	t.Run("another object has a file of another version", func(t *testing.T) { testFileReplaced(t, open(t)) })
}

func fileContent(t *testing.T, s objects.Filer, name string) (content []byte, version string) {
	t.Helper()
	f, err := s.File(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Release()
	if !strings.HasPrefix(f.Path, s.FilesDir()+"/") || !filepath.IsAbs(f.Path) {
		t.Errorf("the file %s is not in %s", f.Path, s.FilesDir())
	}
	if content, err = os.ReadFile(f.Path); err != nil {
		t.Fatal(err)
	}
	return content, f.Version
}

func testFile(t *testing.T, s objects.Filer) {
	for name, size := range map[string]int{"f/empty": 0, "f/small": 1, "f/large": 3<<20 + 5} {
		want := bytes.Repeat([]byte{'a', 'b', 'c'}, size/3+1)[:size]
		put(t, s, name, string(want))
		got, version := fileContent(t, s, name)
		again, sameVersion := fileContent(t, s, name)
		if !bytes.Equal(got, want) || !bytes.Equal(again, want) || version != sameVersion {
			t.Errorf("%s: %d bytes of version %q, then %d of %q, want %d", name, len(got), version, len(again), sameVersion, len(want))
		}
	}
	if _, err := s.File(t.Context(), "f/none"); !errors.Is(err, objects.ErrNotFound) {
		t.Errorf("a missing object: got error %v, want ErrNotFound", err)
	}
	if _, err := s.File(t.Context(), "../f"); !errors.Is(err, objects.ErrName) {
		t.Errorf("a name that escapes: got error %v, want ErrName", err)
	}
}

func testFileReplaced(t *testing.T, s objects.Filer) {
	versions := map[string]bool{}
	for _, content := range []string{"one", "other", "third"} {
		put(t, s, "f", content)
		got, version := fileContent(t, s, "f")
		if string(got) != content || versions[version] {
			t.Errorf("got %q of version %q, want %q of a new one", got, version, content)
		}
		versions[version] = true
	}
	if err := s.Delete(t.Context(), "f"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.File(t.Context(), "f"); !errors.Is(err, objects.ErrNotFound) {
		t.Errorf("a deleted object: got error %v, want ErrNotFound", err)
	}
}
