package segment_test

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/segment"
)

var writeFixtures = flag.Bool("fixtures", false, "write testdata/v2 anew; only right while version 2 has not been released")

// TestFormatVersions opens segments that earlier builds wrote.
func TestFormatVersions(t *testing.T) {
	for _, version := range []string{"v1", "v2"} {
		t.Run(version, func(t *testing.T) { testFormatVersion(t, version) })
	}
}

func testFormatVersion(t *testing.T, version string) {
	dir := filepath.Join("testdata", version)
	rows := damageRows()[:120]
	if *writeFixtures && version == "v2" {
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
	if found, err := segment.Find(t.Context(), store, info.Name); err != nil || !cmp.Equal(found, info) {
		t.Errorf("found %+v, %v, want %+v", found, err, info)
	}
	old := open(t, store, info)
	if err := old.Check(t.Context(), "", []string{"message", "uri"}); version == "v1" && !errors.Is(err, segment.ErrUnchecked) || version != "v1" && err != nil {
		t.Errorf("check: %v", err)
	}
	if diff := cmp.Diff(rows, all(t, old), rowsEqual); diff != "" {
		t.Errorf("rows differ (-written +read):\n%s", diff)
	}
	for i := range old.Groups() {
		for _, c := range []struct{ column, token string }{{"message", "timeout"}, {"message", "id"}, {"uri", "api"}, {"rare7", "absent"}} {
			checkToken(t, old.Group(i), rows, c.column, c.token)
		}
	}
}
