package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/sluicelog/sluice/internal/meta"
)

// A copy has what was committed when the snapshot was fixed, and nothing of what came while it was made.
func TestSnapshotIsOfOneMoment(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s, err := Open(filepath.Join(dir, "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	add := func(n int) {
		t.Helper()
		if err := s.Update(ctx, func(tx meta.Tx) error { return tx.CreateProject(meta.Project{Name: fmt.Sprintf("p%04d", n)}) }); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 500 {
		add(n)
	}
	snapshot, err := s.NewSnapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	add(500)
	if err := snapshot.Fix(ctx); err != nil {
		t.Fatal(err)
	}
	for n := 501; n < 900; n++ {
		add(n)
	}
	path := filepath.Join(dir, "copy.db")
	if err := snapshot.WriteTo(path); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(snapshot.Close(), snapshot.Close(), Check(path)); err != nil {
		t.Fatal(err)
	}
	add(900) // the snapshot stands in nobody's way
	for file, want := range map[string]int{path: 501, filepath.Join(dir, "meta.db"): 901} {
		if file == filepath.Join(dir, "meta.db") {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if got := projectsIn(t, file); got != want {
			t.Errorf("%s has %d projects, want %d", filepath.Base(file), got, want)
		}
	}
}

func projectsIn(t *testing.T, path string) (n int) {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	err = s.View(t.Context(), func(tx meta.Tx) error {
		all, err := tx.Projects()
		n = len(all)
		return err
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCheckFindsDamage(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "meta.db")
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 200 {
		if err := s.Update(t.Context(), func(tx meta.Tx) error { return tx.CreateProject(meta.Project{Name: fmt.Sprint("p", n)}) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(s.Close(), Check(path)); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func([]byte) []byte{
		"cut":      func(b []byte) []byte { return b[:len(b)/2] },
		"zeros":    func(b []byte) []byte { clear(b[len(b)/2:]); return b },
		"no store": func([]byte) []byte { return []byte("not a database, but long enough to be looked at") },
		"empty":    func([]byte) []byte { return nil },
	} {
		bad := filepath.Join(dir, name)
		if err := os.WriteFile(bad, damage(append([]byte(nil), raw...)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Check(bad); err == nil {
			t.Errorf("%s: nothing was found", name)
		}
	}
	if err := Check(filepath.Join(dir, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: got %v", err)
	}
}
