package sqlite

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestMigrationsAreNumbered(t *testing.T) {
	steps := migrations()
	if len(steps) == 0 || steps[0].name != "0001_init" {
		t.Errorf("got steps %v, want 0001_init first", steps)
	}
}

func TestMigrateStepByStep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	s := mustOpen(t, path)
	steps := migrations()
	next := migration{
		version: len(steps) + 1, name: "next",
		script: "CREATE TABLE next (n INTEGER) STRICT; INSERT INTO next VALUES (1);",
	}
	for range 2 { // the second time it is not applied again
		if err := migrate(s.write, append(steps, next)); err != nil {
			t.Fatal(err)
		}
	}
	var rows, recorded int
	if err := s.write.QueryRow("SELECT count(*), (SELECT count(*) FROM migrations) FROM next").Scan(&rows, &recorded); err != nil {
		t.Fatal(err)
	}
	if rows != 1 || recorded != next.version {
		t.Errorf("got %d rows and %d recorded steps, want 1 and %d", rows, recorded, next.version)
	}

	again, err := Open(path) // now a program that does not know the step
	if !errors.Is(err, ErrNewer) {
		t.Errorf("Open of a newer file: got error %v, want ErrNewer", err)
	}
	if err == nil {
		again.Close()
	}
}

func TestFailedMigrationLeavesNothing(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "meta.db"))
	steps := migrations()
	bad := migration{
		version: len(steps) + 1, name: "bad",
		script: "CREATE TABLE half (n INTEGER); INSERT INTO nowhere VALUES (1);",
	}
	if err := migrate(s.write, append(steps, bad)); err == nil || !strings.Contains(err.Error(), "migration bad") {
		t.Errorf("got error %v, want one that names the migration", err)
	}
	var tables, recorded int
	const count = "SELECT count(*), (SELECT count(*) FROM migrations) FROM sqlite_master WHERE name = 'half'"
	if err := s.write.QueryRow(count).Scan(&tables, &recorded); err != nil {
		t.Fatal(err)
	}
	if tables != 0 || recorded != len(steps) {
		t.Errorf("got %d tables of the failed step and %d recorded steps, want 0 and %d", tables, recorded, len(steps))
	}
}
