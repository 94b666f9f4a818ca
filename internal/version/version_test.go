package version

import (
	"reflect"
	"runtime"
	"runtime/debug"
	"testing"
)

func TestOf(t *testing.T) {
	const hash = "0123456789abcdef0123456789abcdef01234567"
	clean := []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: hash}, {Key: "vcs.modified", Value: "false"}}
	dirty := append(clean[:2:2], debug.BuildSetting{Key: "vcs.modified", Value: "true"})
	for _, c := range []struct {
		name            string
		release, commit string
		module          string
		settings        []debug.BuildSetting
		version, says   string
	}{
		{"a release", "0.1.0", hash, "(devel)", nil, "0.1.0", ", commit 0123456789ab)"},
		{"of an archive without a repository", "0.1.0", "", "(devel)", nil, "0.1.0", ")"},
		{"make build", "v0.1.0-3-gabc", "", "(devel)", dirty, "v0.1.0-3-gabc", ", commit 0123456789ab)"},
		{"the linker knows better", "0.1.0", "fedcba9876543210", "(devel)", clean, "0.1.0", ", commit fedcba987654)"},
		{"go build", "", "", "v0.0.0-20261127010101-0123456789ab", clean, "devel-0123456789ab", ", commit 0123456789ab)"},
		{"go build of changed files", "", "", "(devel)", dirty, "devel-0123456789ab+changes", ", commit 0123456789ab)"},
		{"go install of a tag", "", "", "v0.1.0", nil, "0.1.0", ")"},
		{"go test", "", "", "(devel)", nil, "devel", ")"},
		{"nothing noted", "", "", "", nil, "devel", ")"},
	} {
		got := of(c.release, c.commit, &debug.BuildInfo{Main: debug.Module{Version: c.module}, Settings: c.settings})
		line := "sluice " + c.version + " (" + runtime.Version() + ", " + runtime.GOOS + "/" + runtime.GOARCH + c.says
		if got.Version != c.version || got.Line("sluice") != line {
			t.Errorf("%s: got version %q and %q, want %q and %q", c.name, got.Version, got.Line("sluice"), c.version, line)
		}
	}
}

// The linker is told to set variables of this package by its path: one that is not so would be passed over in silence.
func TestPath(t *testing.T) {
	if got := reflect.TypeFor[Info]().PkgPath(); got != Path {
		t.Errorf("the package is %s, and Path says %s", got, Path)
	}
}
