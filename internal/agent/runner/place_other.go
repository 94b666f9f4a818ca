//go:build !linux

package runner

import (
	"os"
	"runtime"

	"github.com/sluicelog/sluice/internal/agent/policy"
)

// act calls fn as the agent's own user: threads have no rights of their own here.
func (a *account) act(_ uint32, fn func() error) error {
	if !a.self {
		return policy.Refuse(policy.FileAuthority, "on %s files are written as the agent's own user", runtime.GOOS)
	}
	return fn()
}

func (a *account) give(f *os.File, gid uint32) error {
	if !hasIDs {
		return nil
	}
	return f.Chown(-1, int(gid))
}

func syncNames(d *os.File) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	return d.Sync()
}
