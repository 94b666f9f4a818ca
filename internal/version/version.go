// Package version says what a program was built of: what is printed for people who report something, and kept where somebody has to know
// later which program it was.
//
//	make, Dockerfile ──linker──> release, commit ──┐
//	go build, go install ──build information───────┴──> Current
package version

import (
	"fmt"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
)

// Path is the import path of this package, for the flags of linkers: -X Path.release=0.1.0 -X Path.commit=HASH.
const Path = "github.com/sluicelog/sluice/internal/version"

// release and commit are set by the linker. Programs built without them know what Go noted of the working copy.
var release, commit string

// Info is what a program was built of.
type Info struct {
	Version string `json:"version"` // of the release, what git describe made of the commit, or devel with the commit
	Commit  string `json:"commit"`  // the full hash; "" where nobody noted it
	Go      string `json:"go"`      // the compiler, "go1.26.8"
	System  string `json:"system"`  // what it runs on, "linux/amd64"
}

// Current is what this program was built of.
func Current() Info {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return of(release, commit, info)
}

// of is Current for what the linker and Go noted.
func of(release, commit string, info *debug.BuildInfo) Info {
	i := Info{Version: release, Commit: commit, Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	changed := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && commit == "":
			i.Commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "+changes"
		}
	}
	switch {
	case release != "":
	case i.Commit != "":
		i.Version = "devel-" + i.short() + changed
	case tagged.MatchString(info.Main.Version): // go install …@v0.1.0
		i.Version = strings.TrimPrefix(info.Main.Version, "v")
	default:
		i.Version = "devel"
	}
	return i
}

var tagged = regexp.MustCompile(`^v[0-9]`)

// short is enough of the commit to find it by.
func (i Info) short() string { return i.Commit[:min(12, len(i.Commit))] }

// Line says it all of the program of that name: "sluice 0.1.0 (go1.26.8, linux/amd64, commit 0123456789ab)".
func (i Info) Line(program string) string {
	of := i.Go + ", " + i.System
	if i.Commit != "" {
		of += ", commit " + i.short()
	}
	return fmt.Sprintf("%s %s (%s)", program, i.Version, of)
}
