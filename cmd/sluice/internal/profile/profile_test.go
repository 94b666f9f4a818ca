package profile_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/cmd/sluice/internal/profile"
)

func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sluice", "config.yaml")
	file, err := profile.Load(path)
	if err != nil {
		t.Fatalf("a missing file is an empty one, got %v", err)
	}
	want := profile.Profile{Endpoint: "http://127.0.0.1:1", AccessKeyID: "id", AccessKeySecret: "s3cret: #", Sign: "v4", Region: "r"}
	if err := file.Set("local", want); err != nil {
		t.Fatal(err)
	}
	if err := file.Save(path); err != nil {
		t.Fatal(err)
	}
	again, err := profile.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(file, again); diff != "" {
		t.Errorf("what was saved differs from what was loaded (-saved +loaded):\n%s", diff)
	}
	if again.Current != "local" {
		t.Errorf("current profile is %q; the first one set becomes it", again.Current)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode %o, want 600: the file holds secrets", got)
	}
	if profile.Exposed(path) {
		t.Error("Exposed(0600) = true")
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if !profile.Exposed(path) {
		t.Error("Exposed(0640) = false")
	}
}

func TestSaveLeavesNothingElse(t *testing.T) {
	dir := t.TempDir()
	file := &profile.File{}
	for range 3 {
		if err := file.Save(filepath.Join(dir, "config.yaml")); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("%d files after saving, want 1", len(entries))
	}
}

func TestLoadRejectsUnknownKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte("profiles:\n  a:\n    endpiont: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := profile.Load(path); err == nil {
		t.Error("a misspelt key was accepted")
	}
}

func TestNames(t *testing.T) {
	file := &profile.File{}
	for _, name := range []string{"", "a/b", "-x", "a b", "../up"} {
		if err := file.Set(name, profile.Profile{}); err == nil {
			t.Errorf("Set(%q) succeeded", name)
		}
	}
	for _, name := range []string{"b", "a"} {
		if err := file.Set(name, profile.Profile{}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"a", "b"}, file.Names()); diff != "" {
		t.Error(diff)
	}
	if err := file.Use("c"); err == nil {
		t.Error("Use of a missing profile succeeded")
	}
	if err := file.Delete("b"); err != nil {
		t.Fatal(err)
	}
	if file.Current != "" {
		t.Errorf("current is %q after its profile was deleted", file.Current)
	}
	if err := file.Delete("b"); err == nil {
		t.Error("Delete of a missing profile succeeded")
	}
}

func TestPath(t *testing.T) {
	f := func(env map[string]string, want string) {
		t.Helper()
		got, err := profile.Path(func(name string) string { return env[name] })
		if got != want || (err == nil) != (want != "") {
			t.Errorf("Path(%v) = %q, %v; want %q", env, got, err, want)
		}
	}
	f(map[string]string{"XDG_CONFIG_HOME": "/x", "HOME": "/h"}, "/x/sluice/config.yaml")
	f(map[string]string{"HOME": "/h"}, "/h/.config/sluice/config.yaml")
	f(nil, "")
}
