package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sluicelog/sluice/internal/agent/policy"
)

/*
cgroups are those of version 2 that the agent may make groups below:

	base             that of the service (systemd: Delegate=yes), or of whatever started the agent
	├── agent        the agent itself and its keepers, so that base may hand controllers on
	└── run-…        a command and all that descends from it: limits, and one write that kills them all

Where there are none, limits are those of users, and trees are found by their parents.
*/
type cgroups struct{ base string }

// own is the name of the group that the agent moves into.
const own = "agent"

// findCgroups finds where groups can be made, and arranges them; nil if nowhere.
func findCgroups() *cgroups {
	base := cgroupBase()
	if base == "" {
		return nil
	}
	if base != cgroupMount() { // what is at the root is not the agent's to arrange
		mine := filepath.Join(base, own)
		_ = os.Mkdir(mine, 0o755)
		_ = os.WriteFile(filepath.Join(mine, "cgroup.procs"), []byte("0"), 0)
	}
	for _, controller := range []string{"+pids", "+memory"} { // whichever there are
		_ = os.WriteFile(filepath.Join(base, "cgroup.subtree_control"), []byte(controller), 0)
	}
	return &cgroups{base}
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
			if filepath.Base(path) == own {
				path = filepath.Dir(path)
			}
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
	limit := func(file string, n int64) {
		_ = os.WriteFile(filepath.Join(dir, file), []byte(strconv.FormatInt(n, 10)), 0) // if there is such a controller
	}
	limit("pids.max", int64(p.MaxProcesses))
	if p.MaxMemory > 0 {
		limit("memory.max", int64(p.MaxMemory))
		limit("memory.swap.max", 0)
	}
	return dir, nil
}

// kill kills all that is in the group of a run.
func (g *cgroups) kill(run string) {
	if g != nil {
		_ = os.WriteFile(filepath.Join(g.path(run), "cgroup.kill"), []byte("1"), 0)
	}
}

// remove removes the group of a run, if it is empty: what a command left behind stays in it.
func (g *cgroups) remove(run string) {
	if g != nil {
		_ = os.Remove(g.path(run))
	}
}
