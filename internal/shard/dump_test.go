package shard

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/vfs"
)

var update = flag.Bool("update", false, "write the files under testdata anew; only together with a new format version")

// fixture fills a store in dir so that every byte is always the same.
func fixture(t *testing.T, dir string) {
	t.Helper()
	salt := uint64(100)
	o := small()
	o.Now = func() time.Time { return time.Unix(1_700_000_000, 123) }
	o.Salt = func() uint64 { salt++; return salt }
	s, err := Open(vfs.OS{}, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	a, b := mustLog(t, s, 1), mustLog(t, s, 2)
	mustAppend(t, b, []byte("of another log"))
	for k := range uint64(12) {
		mustAppend(t, a, payloadOf(k, 1))
	}
	if err := errors.Join(a.move(), s.Close()); err != nil {
		t.Fatal(err)
	}
}

var fixtureFiles = []string{
	"journal/0000000000000001.wal",
	"shards/" + sluice.LogID(1).String() + "/" + fileName(base, base+12),
}

// TestFixtures reads files that version 1 of the formats has written, and checks that they would be written the same today.
func TestFixtures(t *testing.T) {
	dir := t.TempDir()
	fixture(t, dir)
	for _, name := range fixtureFiles {
		fixed := filepath.Join("testdata", "v1", filepath.Base(name))
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, fixed, got)
		var out strings.Builder
		if err := Dump(&out, vfs.OS{}, fixed); err != nil {
			t.Errorf("dump %s: %v", fixed, err)
		}
		golden(t, fixed+".txt", []byte(out.String()))
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what this program writes (%v): a changed byte needs a new format version", name, err)
	}
}

func TestDumpReportsDamage(t *testing.T) {
	dir := t.TempDir()
	fixture(t, dir)
	for _, name := range fixtureFiles {
		name = filepath.Join(dir, name)
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(data, []byte("group 5"))
		if at < 0 {
			t.Fatalf("%s does not hold group 5 in clear", name)
		}
		data[at] ^= 1
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := Dump(&out, vfs.OS{}, name); !errors.Is(err, ErrDamaged) || strings.Count(out.String(), "CORRUPT") != 1 {
			t.Errorf("dump %s: %v\n%s", name, err, out.String())
		}
	}
	if err := Dump(&strings.Builder{}, vfs.OS{}, os.Args[0]); err == nil {
		t.Error("a program passes for a data file")
	}
}
