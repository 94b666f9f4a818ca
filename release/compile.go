package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/sluicelog/sluice/internal/version"
)

// workshop compiles programs, each once.
type workshop struct {
	src  *source
	dir  string // what it made
	made map[string]string
}

func newWorkshop(src *source, dir string) *workshop {
	return &workshop{src: src, dir: dir, made: map[string]string{}}
}

// program compiles a program for a platform and returns its path.
func (w *workshop) program(ctx context.Context, name string, on platform) (string, error) {
	path := filepath.Join(w.dir, on.os+"_"+on.arch, on.file(name))
	if w.made[path] != "" {
		return path, nil
	}
	env, err := w.environment(name, on)
	if err != nil {
		return "", err
	}
	stamp := fmt.Sprintf("-s -w -buildid= -X %s.release=%s -X %s.commit=%s", version.Path, w.src.version, version.Path, w.src.commit)
	// What the repository has for Go to note depends on its tags: the commit comes by the linker, so that an archive of the source gives the
	// same bytes.
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", stamp, "-o", path, "./cmd/"+name)
	cmd.Dir, cmd.Env = w.src.root, env
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s for %s: %w\n%s", name, on, err, bytes.TrimSpace(out))
	}
	w.made[path] = name
	return path, nil
}

// ours are the variables that change what a compiler makes: who builds has no say in them.
var ours = []string{"GOFLAGS", "GOEXPERIMENT", "GOFIPS140", "GODEBUG", "GOWORK", "GOOS", "GOARCH", "GOAMD64", "GOARM64", "CGO_", "CC", "CXX", "CPATH", "LIBRARY_PATH", "SOURCE_DATE_EPOCH", "LC_ALL"}

func (w *workshop) environment(name string, on platform) ([]string, error) {
	var env []string
	for _, pair := range os.Environ() {
		key, _, _ := strings.Cut(pair, "=")
		mine := false
		for _, prefix := range ours {
			mine = mine || key == prefix || strings.HasSuffix(prefix, "_") && strings.HasPrefix(key, prefix)
		}
		if !mine {
			env = append(env, pair)
		}
	}
	env = append(env, "GOFLAGS=-mod=readonly", "GOWORK=off", "GOOS="+on.os, "GOARCH="+on.arch, "GOAMD64=v1", "GOARM64=v8.0", "LC_ALL=C",
		fmt.Sprintf("SOURCE_DATE_EPOCH=%d", w.src.time.Unix()))
	if !cgo[name] {
		return append(env, "CGO_ENABLED=0"), nil
	}
	cc, err := compiler(on)
	if err != nil {
		return nil, err
	}
	env = append(env, "CGO_ENABLED=1")
	if cc != "" {
		env = append(env, "CC="+cc, "CXX="+strings.TrimSuffix(cc, "gcc")+"g++")
	}
	return env, nil
}

// host is where this program runs, and so can run others.
var host = platform{runtime.GOOS, runtime.GOARCH}

// pages are the manual pages and the completions of a program, at the places below /usr or /usr/local where they are looked for.
func (w *workshop) pages(ctx context.Context, name string) ([]entry, error) {
	path, err := w.program(ctx, name, host)
	if err != nil {
		return nil, err
	}
	var list []entry
	for shell, place := range map[string]string{
		"bash": "share/bash-completion/completions/" + name, "zsh": "share/zsh/site-functions/_" + name, "fish": "share/fish/vendor_completions.d/" + name + ".fish",
	} {
		text, err := exec.CommandContext(ctx, path, "completion", shell).Output()
		if err != nil {
			return nil, fmt.Errorf("%s completion %s: %w", name, shell, err)
		}
		list = append(list, entry{name: place, content: text})
	}
	if name != "sluice" {
		return list, nil // it alone writes manual pages
	}
	dir := filepath.Join(w.dir, "man1")
	if out, err := exec.CommandContext(ctx, path, "man", "--dir", dir).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s man: %w\n%s", name, err, out)
	}
	found, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, err
		}
		list = append(list, entry{name: "share/man/man1/" + f.Name(), content: text})
	}
	return list, nil
}
