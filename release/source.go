package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

// source is what a version is built from.
type source struct {
	root    string
	version string
	commit  string
	time    time.Time // of the commit: the time of everything that is made of it
	tagged  bool      // the commit has the version's tag
}

// checkVersion says why a version is not one: they are those of Semantic Versioning, without a v in front and without metadata of the build,
// which would not take part in what comes before what.
func checkVersion(v string) error {
	if v == "" {
		return misused("say which version, as 0.1.0")
	}
	if s := "v" + v; semver.Canonical(s) != s {
		return misused("version %q is not of the form 0.1.0 or 0.1.0-rc.1", v)
	}
	return nil
}

// isPreview says whether a version comes before one, as 0.1.0-rc.1 does. Its changes go on waiting for the version itself.
func isPreview(v string) bool { return semver.Prerelease("v"+v) != "" }

// readSource finds out what is checked out at root, and refuses what no version can be built from.
func readSource(ctx context.Context, root, version string) (*source, error) {
	s := &source{root: root, version: version}
	changed, err := s.git(ctx, "status", "--porcelain")
	if err != nil {
		return nil, err
	}
	if changed != "" {
		return nil, fmt.Errorf("the tree is not what is committed; commit these or take them back, so that others can build the same:\n%s", changed)
	}
	if s.commit, err = s.git(ctx, "rev-parse", "HEAD"); err != nil {
		return nil, err
	}
	seconds, err := s.git(ctx, "show", "-s", "--format=%ct", "HEAD")
	if err != nil {
		return nil, err
	}
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("git says the commit is of %q", seconds)
	}
	s.time = time.Unix(unix, 0).UTC()
	return s, errors.Join(s.checkTag(ctx), s.checkChangelog())
}

// checkTag looks that the version was not given to another commit.
func (s *source) checkTag(ctx context.Context) error {
	tag := "v" + s.version
	have, err := s.git(ctx, "tag", "--list", tag)
	if err != nil || have == "" {
		return err
	}
	of, err := s.git(ctx, "rev-parse", tag+"^{commit}")
	if err != nil {
		return err
	}
	if of != s.commit {
		return fmt.Errorf("%s is commit %.12s, and %.12s is checked out: a version is given once", tag, of, s.commit)
	}
	s.tagged = true
	return nil
}

// checkChangelog looks that the changes of the version are told.
func (s *source) checkChangelog() error {
	fragments, err := readFragments(s.root)
	if err != nil || isPreview(s.version) {
		return err
	}
	if n := len(fragments); n > 0 {
		return fmt.Errorf("%d changes in %s wait for %s: move them with make changelog VERSION=%s WRITE=1, and commit", n, fragmentDir, changelogFile, s.version)
	}
	text, err := os.ReadFile(filepath.Join(s.root, changelogFile))
	if err != nil {
		return err
	}
	if !hasVersion(string(text), s.version) {
		return fmt.Errorf("%s has no version %s", changelogFile, s.version)
	}
	steps, err := readMigrations(s.root)
	if err == nil && len(steps.rest) > 0 {
		err = fmt.Errorf("%s does not have %s: they came after the changelog was made", steps.path, strings.Join(steps.rest, ", "))
	}
	return err
}

// git is the output of git in the tree.
func (s *source) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", s.root}, args...)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(said.String()))
	}
	return strings.TrimRight(string(out), "\n"), nil
}
