package main

import (
	"fmt"
	"os/exec"
	"path"
	"runtime"
	"strings"
)

// platform is what a program runs on, in the words of Go.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "/" + p.arch }

// file is what a program is called there.
func (p platform) file(program string) string {
	if p.os == "windows" {
		return program + ".exe"
	}
	return program
}

// bundle is an archive to be made.
type bundle struct {
	name     string
	programs []string
	on       platform
	tracked  []string // files and directories of the project that are in it, at their places
	pages    []string // programs whose manual pages and completions are in it
}

// cgo names the programs that are linked with C++, the SQL engine, and so need a compiler for where they run.
var cgo = map[string]bool{"sluiced": true}

// everyone gets these, whatever they download.
var everyone = []string{"LICENSE", "CHANGELOG.md"}

// bundles lists all that a version consists of.
func bundles() []bundle {
	var list []bundle
	for _, arch := range []string{"amd64", "arm64"} {
		list = append(list, bundle{
			name: "sluice", programs: []string{"sluiced", "sluice", "sluice-agent"}, on: platform{"linux", arch}, pages: []string{"sluice", "sluiced"},
			// The places are those of the repository, so that links lead somewhere, and what packaging/README.md says can be typed.
			tracked: append([]string{
				"README.md", "SECURITY.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs", "changes/README.md", "packaging/README.md", "packaging/docker", "packaging/helm",
				"packaging/systemd/sluice-agent.service", "packaging/systemd/sluice.yaml", "packaging/systemd/sluiced.service",
			}, everyone...),
		})
	}
	for _, on := range []platform{
		{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}, {"windows", "arm64"},
	} {
		agent := append([]string{"docs/howto/agent-on-machines.md"}, everyone...)
		if on.os == "linux" {
			agent = append(agent, "packaging/systemd/sluice-agent.service")
		}
		list = append(list,
			bundle{name: "sluice-cli", programs: []string{"sluice"}, on: on, tracked: everyone, pages: []string{"sluice"}},
			bundle{name: "sluice-agent", programs: []string{"sluice-agent"}, on: on, tracked: agent})
	}
	return list
}

// dir is the archive without its ending, and the one directory in it.
func (b bundle) dir(version string) string {
	return fmt.Sprintf("%s_%s_%s_%s", b.name, version, b.on.os, b.on.arch)
}

func (b bundle) file(version string) string {
	if b.on.os == "windows" {
		return b.dir(version) + ".zip"
	}
	return b.dir(version) + ".tar.gz"
}

// compiler is the C compiler for programs with C++ on a platform, "" for the one that Go takes by itself. Its error says what is missing.
func compiler(on platform) (string, error) {
	if on == (platform{runtime.GOOS, runtime.GOARCH}) {
		return "", nil
	}
	triple := map[platform]string{{"linux", "arm64"}: "aarch64-linux-gnu", {"linux", "amd64"}: "x86_64-linux-gnu"}[on]
	if triple == "" {
		return "", fmt.Errorf("no C++ compiler is known for %s", on)
	}
	for _, tool := range []string{triple + "-gcc", triple + "-g++"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", fmt.Errorf("the server for %s links C++, and there is no %s (Debian has it in g++-%s)", on, tool, strings.ReplaceAll(triple, "_", "-"))
		}
	}
	return triple + "-gcc", nil
}

// chosen are the bundles whose names match a pattern, all for "", and why others of them cannot be made here.
func chosen(version, only string) (list []bundle, missing []error, err error) {
	for _, b := range bundles() {
		if only != "" {
			if match, err := path.Match(only, b.dir(version)); err != nil {
				return nil, nil, misused("-only %q: %w", only, err)
			} else if !match {
				continue
			}
		}
		lacks := error(nil)
		for _, program := range b.programs {
			if cgo[program] {
				_, lacks = compiler(b.on)
			}
		}
		if lacks != nil {
			missing = append(missing, fmt.Errorf("%s is left out: %w", b.file(version), lacks))
			continue
		}
		list = append(list, b)
	}
	if len(list) == 0 {
		return nil, missing, misused("nothing of version %s is called %s", version, only)
	}
	return list, missing, nil
}
