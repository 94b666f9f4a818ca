package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
)

// repository makes a repository of what the project has, in one commit that is always the same.
func repository(t *testing.T, files ...string) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git")
	}
	root := t.TempDir()
	for _, name := range files {
		if info, err := os.Stat(filepath.Join(project, name)); err != nil {
			t.Fatal(err)
		} else if info.IsDir() {
			if err := os.CopyFS(filepath.Join(root, name), os.DirFS(filepath.Join(project, name))); err != nil {
				t.Fatal(err)
			}
			continue
		}
		copyFile(t, name, root)
	}
	git(t, root, "init", "-q", "-b", "main")
	git(t, root, "add", "-A")
	git(t, root, "commit", "-q", "-m", "all")
	return root
}

func git(t *testing.T, root string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", root, "-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgsign=false", "-c", "core.autocrlf=false"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_AUTHOR_DATE=2026-11-27T01:02:03Z", "GIT_COMMITTER_DATE=2026-11-27T01:02:03Z", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// No version is built of what others cannot get, or of what is not told.
func TestSourceIsRefused(t *testing.T) {
	root := repository(t, changelogFile, chartFile, "changes/README.md", migrationDir)
	source := func(version string) error {
		_, err := readSource(t.Context(), root, version)
		return err
	}
	f := func(what, version, says string) {
		t.Helper()
		if err := source(version); says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: got %v, want %q", what, err, says)
		}
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	commit := func() {
		t.Helper()
		git(t, root, "add", "-A")
		git(t, root, "commit", "-q", "-m", "more")
	}
	f("a version that is not told", "0.1.0", "has no version 0.1.0")
	f("a preview need not be", "0.1.0-rc.1", "")
	write("changes/1-a.added.md", "Something.\n")
	f("a tree with changes", "0.1.0-rc.1", "1-a.added.md")
	commit()
	f("changes that wait", "0.1.0", "1 changes in changes wait")
	f("for a preview they may", "0.1.0-rc.1", "")
	git(t, root, "tag", "v0.1.0-rc.1")
	c, err := collate(root, "0.1.0", "2026-11-27")
	if err := errors.Join(err, c.write()); err != nil {
		t.Fatal(err)
	}
	commit()
	f("all is told", "0.1.0", "")
	write(migrationDir+"/9999_late.sql", "CREATE TABLE late (n INTEGER);\n")
	commit()
	f("a migration that nobody noted", "0.1.0", "9999_late.sql")
	git(t, root, "rm", "-q", migrationDir+"/9999_late.sql")
	commit()
	f("another commit had that version", "0.1.0-rc.1", "given once")
	write("changes/odd.md", "Something.\n")
	commit()
	f("a change that is none", "0.1.1-rc.1", "odd.md")

	s, err := readSource(t.Context(), t.TempDir(), "0.1.0")
	if err == nil || !strings.Contains(err.Error(), "git") {
		t.Errorf("no repository: got %v, %v", s, err)
	}
}

// The agent for this machine, built twice in different places: the same bytes; and it is what it says, with all that belongs to it.
func TestBuild(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a program")
	}
	all, err := exec.Command("git", "-C", project, "ls-files", "-z", "*.go", "*.s", "go.mod", "go.sum", "changes", "packaging", "docs/howto/agent-on-machines.md", "LICENSE", changelogFile, ".gitignore").Output()
	if err != nil {
		t.Skip("this is no repository:", err)
	}
	var files []string
	for name := range strings.SplitSeq(strings.Trim(string(all), "\x00"), "\x00") {
		if _, err := os.Stat(filepath.Join(project, name)); err == nil { // not removed since
			files = append(files, name)
		}
	}
	agent := bundle{name: "sluice-agent", on: host}
	const version = "0.1.0-rc.1"
	var sums []string
	var dist string
	for range 2 {
		root := repository(t, files...)
		t.Chdir(root)
		said := release(t, "build", "-version", version, "-only", agent.dir("*"))
		if !strings.Contains(said, "not all of the version") {
			t.Errorf("got %s", said)
		}
		dist = filepath.Join(root, "dist")
		sums = append(sums, textOf(t, filepath.Join(dist, sumsFile)))
	}
	if sums[0] != sums[1] {
		t.Errorf("two builds differ:\n%s\n%s", sums[0], sums[1])
	}
	for line := range strings.Lines(sums[1]) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if got, err := sumOf(filepath.Join(dist, name)); err != nil || got != sum {
			t.Errorf("%s: got sum %s, %v, want %s", name, got, err, sum)
		}
	}
	checkAgent(t, filepath.Join(dist, agent.file(version)), agent.dir(version), version)
	checkBOM(t, filepath.Join(dist, agent.dir(version)+".cdx.json"), version)
}

// A build takes the place of one before it, and of nothing else.
func TestMayReplace(t *testing.T) {
	for _, c := range []struct {
		name string
		dir  string
		ok   bool
	}{
		{"nothing", filepath.Join(t.TempDir(), "dist"), true},
		{"an empty directory", t.TempDir(), true},
		{"an earlier build", tree(t, map[string]string{sumsFile: "sums", "a.tar.gz": "archive"}), true},
		{"something else", tree(t, map[string]string{"thesis.txt": "text"}), false},
		{"a file", filepath.Join(tree(t, map[string]string{"dist": "text"}), "dist"), false},
	} {
		if err := mayReplace(c.dir); (err == nil) != c.ok {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}

func checkAgent(t *testing.T, archive, dir, version string) {
	t.Helper()
	if host.os == "windows" {
		t.Skip("archives for this system are zip, which TestPack reads")
	}
	files := unpack(t, archive)
	for _, name := range []string{"LICENSE", changelogFile, noticesFile, "docs/howto/agent-on-machines.md"} {
		if len(files[dir+"/"+name]) == 0 {
			t.Errorf("the archive has no %s", name)
		}
	}
	if notices := string(files[dir+"/"+noticesFile]); !strings.Contains(notices, "  Go 1.") || !strings.Contains(notices, "Redistributions in binary form") {
		t.Errorf("got notices %.300s", notices)
	}
	program := filepath.Join(t.TempDir(), "sluice-agent")
	if err := os.WriteFile(program, files[dir+"/bin/sluice-agent"], 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "--version").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "sluice-agent "+version+" (go1.") || !strings.Contains(string(out), ", commit ") {
		t.Errorf("the program says %s, %v", out, err)
	}
}

func checkBOM(t *testing.T, path, version string) {
	t.Helper()
	var bom cyclonedx.BOM
	if err := json.Unmarshal([]byte(textOf(t, path)), &bom); err != nil {
		t.Fatal(err)
	}
	if about := bom.Metadata.Component; about.Version != version || bom.Metadata.Timestamp != "2026-11-27T01:02:03Z" {
		t.Errorf("the bill is of %+v at %s", about, bom.Metadata.Timestamp)
	}
	found := map[string]string{}
	for _, c := range *bom.Components {
		if c.Licenses == nil {
			t.Errorf("%s has no licence", c.Name)
		}
		name, _, _ := strings.Cut(c.PackageURL, "@")
		found[name] = c.Version
	}
	if found["pkg:golang/stdlib"] == "" || found["pkg:golang/go.yaml.in/yaml/v3"] == "" {
		t.Errorf("the bill lists %v", found)
	}
}

// unpack reads a tar.gz, and looks that nothing in it tells of who made it.
func unpack(t *testing.T, path string) map[string][]byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Uname != "" || !h.ModTime.Equal(time.Date(2026, 11, 27, 1, 2, 3, 0, time.UTC)) {
			t.Errorf("%s is of %d %q at %s", h.Name, h.Uid, h.Uname, h.ModTime)
		}
		if want := int64(0o644); strings.Contains(h.Name, "/bin/") != (h.Mode == 0o755) || !strings.Contains(h.Name, "/bin/") && h.Mode != want {
			t.Errorf("%s has mode %o", h.Name, h.Mode)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

// Archives of both kinds are the same for the same files, in whatever order they come.
func TestPack(t *testing.T) {
	at := time.Date(2026, 11, 27, 1, 2, 3, 4, time.FixedZone("east", 3600))
	for _, name := range []string{"a.tar.gz", "a.zip"} {
		var packed [][]byte
		for _, order := range [][]int{{0, 1}, {1, 0}} {
			files := []entry{{name: "bin/p", content: []byte("program"), program: true}, {name: "LICENSE", content: bytes.Repeat([]byte("terms "), 1000)}}
			path := filepath.Join(t.TempDir(), name)
			if err := pack(path, "dir", at, []entry{files[order[0]], files[order[1]]}); err != nil {
				t.Fatal(err)
			}
			packed = append(packed, []byte(textOf(t, path)))
		}
		if !bytes.Equal(packed[0], packed[1]) {
			t.Errorf("%s: the order of the files shows", name)
		}
	}
	path := filepath.Join(t.TempDir(), "a.zip")
	if err := pack(path, "dir", at, []entry{{name: "bin/p.exe", content: []byte("program"), program: true}}); err != nil {
		t.Fatal(err)
	}
	r, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if f := r.File[0]; f.Name != "dir/bin/p.exe" || f.Mode() != 0o755 || !f.Modified.Equal(at.Truncate(2*time.Second)) {
		t.Errorf("got %s, %s, %s", f.Name, f.Mode(), f.Modified)
	}
}

// Every bundle has a name of its own, is of files that are there, and can be chosen.
func TestBundles(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range bundles() {
		dir := b.dir("0.1.0")
		if seen[dir] {
			t.Errorf("%s twice", dir)
		}
		seen[dir] = true
		for _, name := range b.tracked {
			if _, err := os.Stat(filepath.Join(project, name)); err != nil {
				t.Error(err)
			}
		}
		for _, name := range b.programs {
			if _, err := os.Stat(filepath.Join(project, "cmd", name)); err != nil {
				t.Error(err)
			}
		}
		list, missing, err := chosen("0.1.0", dir)
		if len(list)+len(missing) != 1 || err != nil && len(missing) == 0 {
			t.Errorf("%s: chosen %v, missing %v, %v", dir, list, missing, err)
		}
	}
	if _, _, err := chosen("0.1.0", "[a"); !errors.Is(err, errUsage) {
		t.Errorf("a pattern that is none: got %v", err)
	}
	if _, _, err := chosen("0.1.0", "none"); !errors.Is(err, errUsage) {
		t.Errorf("nothing: got %v", err)
	}
}

// Nothing of the environment gets into what is built.
func TestEnvironment(t *testing.T) {
	for _, name := range []string{"GOFLAGS", "CGO_CFLAGS", "GOAMD64", "CC", "GOEXPERIMENT"} {
		t.Setenv(name, "odd")
	}
	t.Setenv("SLUICE_KEPT", "yes")
	w := newWorkshop(&source{time: time.Unix(1795741163, 0)}, "")
	env, err := w.environment("sluice-agent", platform{"windows", "arm64"})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		got[name] = value
	}
	for name, want := range map[string]string{
		"GOFLAGS": "-mod=readonly", "CGO_CFLAGS": "", "CC": "", "GOEXPERIMENT": "", "GOOS": "windows", "GOARCH": "arm64", "CGO_ENABLED": "0", "GOAMD64": "v1",
		"SOURCE_DATE_EPOCH": "1795741163", "SLUICE_KEPT": "yes",
	} {
		if got[name] != want {
			t.Errorf("%s: got %q, want %q", name, got[name], want)
		}
	}
}
