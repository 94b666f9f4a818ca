package shard

import (
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/vfs"
	"github.com/sluicelog/sluice/internal/wal"
)

// A program that is too old for the files of a store does not take them for damage: it does not open, and leaves every byte as it is.
func TestNewerFilesAreLeftAlone(t *testing.T) {
	// The journal keeps two copies of its header; one is enough.
	const firstCopy, secondCopy = 0, 2048
	for _, c := range []struct {
		name    string
		file    int   // in fixtureFiles
		headers []int // where headers of the next version are put
	}{
		{"journal", 0, []int{firstCopy, secondCopy}},
		{"journal whose first header is damaged", 0, []int{secondCopy}},
		{"sealed file", 1, []int{0}},
	} {
		dir := t.TempDir()
		fixture(t, dir)
		path := filepath.Join(dir, fixtureFiles[c.file])
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if c.headers[0] != 0 {
			data[20] ^= 1
		}
		for _, at := range c.headers {
			head := data[at : at+headerSize]
			le.PutUint16(head[8:], formatVersion+1)
			le.PutUint32(head[60:], crc32.Checksum(head[:60], castagnoli))
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		before := contents(t, dir)
		s, err := Open(vfs.OS{}, dir, small())
		if err == nil {
			err = errors.Join(errors.New("it opens"), s.Close())
		}
		if !errors.Is(err, wal.ErrNewer) || !strings.Contains(err.Error(), filepath.Base(path)+": format version 2") {
			t.Errorf("%s: got %v", c.name, err)
		}
		after := contents(t, dir)
		for name, content := range before {
			if after[name] != content {
				t.Errorf("%s: %s was changed", c.name, name)
			}
		}
		if len(after) != len(before) {
			t.Errorf("%s: %d files became %d", c.name, len(before), len(after))
		}
	}
}

// contents are the files below a directory.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		files[path] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
