package segment_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/segment"
)

var writeFixtures = flag.Bool("fixtures", false, "write testdata/v1 anew; only right while version 1 has not been released")

// TestFormatVersion1 opens a segment that an earlier build wrote.
func TestFormatVersion1(t *testing.T) {
	dir := filepath.Join("testdata", "v1")
	rows := damageRows()[:120]
	if *writeFixtures {
		store := openStore(t, dir)
		raw, err := json.Marshal(build(t, store, "s", damageOptions(), rows).Info())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "info.json"), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(filepath.Join(dir, "info.json"))
	if err != nil {
		t.Fatal(err)
	}
	var info segment.Info
	if err := json.Unmarshal(raw, &info); err != nil {
		t.Fatal(err)
	}
	store := memoryStore(t)
	for _, object := range []string{info.ParquetObject(), info.IndexObject()} {
		raw, err := os.ReadFile(filepath.Join(dir, object))
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Put(t.Context(), object, raw); err != nil {
			t.Fatal(err)
		}
	}
	old := open(t, store, info)
	if diff := cmp.Diff(rows, all(t, old), rowsEqual); diff != "" {
		t.Errorf("rows differ (-written +read):\n%s", diff)
	}
	for i := range old.Groups() {
		for _, c := range []struct{ column, token string }{{"message", "timeout"}, {"message", "id"}, {"uri", "api"}, {"rare7", "absent"}} {
			checkToken(t, old.Group(i), rows, c.column, c.token)
		}
	}
}
