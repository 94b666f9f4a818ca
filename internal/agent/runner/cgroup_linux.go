package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sluicelog/sluice/internal/agent/policy"
)

/*
cgroups are those of version 2 that the agent may make groups below:

	base             that of the service (systemd: Delegate=yes), or of whatever started the agent; the agent and its keepers are in it
	└── run-…        a command and all that descends from it, so that one write kills them all

Controllers are not handed on: base, which has processes, could then take no others, and the service would not start again while a command goes on.
Limits are those of users, of the service as a whole (TasksMax), and of a controller that is there anyway.
*/
type cgroups struct{ base string }

// findCgroups finds where groups can be made; nil if nowhere.
func findCgroups() *cgroups {
	if base := cgroupBase(); base != "" {
		return &cgroups{base}
	}
	return nil
}

// cgroupBase is where groups can be made; "" if nowhere.
func cgroupBase() string {
	mount := cgroupMount()
	raw, err := os.ReadFile("/proc/self/cgroup")
	if mount == "" || err != nil {
		return ""
	}
	for line := range strings.Lines(string(raw)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			if g := (&cgroups{filepath.Join(mount, path)}); g.usable() {
				return g.base
			}
		}
	}
	return ""
}

// usable tries whether groups can be made, and be killed: the kernel knows that since 5.14.
func (g *cgroups) usable() bool {
	try, err := os.MkdirTemp(g.base, "try-")
	if err != nil {
		return false
	}
	defer os.Remove(try)
	return unix.Access(filepath.Join(try, "cgroup.kill"), unix.W_OK) == nil
}

// cgroupMount is where cgroups of version 2 are mounted; "" if they are not.
func cgroupMount() string {
	raw, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(raw)) {
		mount, source, ok := strings.Cut(line, " - ")
		fields := strings.Fields(mount)
		const point = 4
		if ok && strings.HasPrefix(source, "cgroup2 ") && len(fields) > point {
			return fields[point]
		}
	}
	return ""
}

func (g *cgroups) path(run string) string { return filepath.Join(g.base, "run-"+run) }

// make makes the group of a run, and returns its path; "" where there are none.
func (g *cgroups) make(run string, p *policy.Policy) (string, error) {
	if g == nil {
		return "", nil
	}
	dir := g.path(run)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the cgroup of a run: %w", err)
	}
	_ = os.WriteFile(filepath.Join(dir, "pids.max"), []byte(strconv.Itoa(p.MaxProcesses)), 0) // if there is such a controller
	return dir, nil
}

// kill kills all that is in the group of a run.
func (g *cgroups) kill(run string) {
	if g != nil {
		_ = os.WriteFile(filepath.Join(g.path(run), "cgroup.kill"), []byte("1"), 0)
	}
}

// remove removes the group of a run, if it is empty: what a command left behind stays in it. What was killed a moment ago may still be on its way out.
func (g *cgroups) remove(run string) {
	if g == nil {
		return
	}
	const tries, between = 50, 2 * time.Millisecond
	for range tries {
		if err := os.Remove(g.path(run)); err == nil || errors.Is(err, fs.ErrNotExist) {
			return
		}
		time.Sleep(between)
	}
}
