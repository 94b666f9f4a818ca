//go:build unix

package runner

import (
	"os"
	"os/user"
	"strconv"

	"github.com/sluicelog/sluice/internal/agent/policy"
)

const hasIDs = true

// mayBecomeOthers reports whether the agent can run things as other users.
func mayBecomeOthers() bool { return os.Geteuid() == 0 }

func (a *account) isRoot() bool { return a.UID == 0 }

// own gives a file to the account.
func (a *account) own(path string) error {
	if a.self {
		return nil
	}
	return os.Lchown(path, int(a.UID), int(a.GID))
}

// groupOf finds a group that files of an account may belong to; "" is its own.
func (a *account) groupOf(name string) (uint32, *policy.Refusal) {
	if name == "" {
		return a.GID, nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, policy.Refuse(policy.NoGroup, "there is no group %q on this machine", name)
	}
	gid, err := strconv.ParseUint(g.Gid, 10, 32)
	if err != nil {
		return 0, policy.Refuse(policy.NoGroup, "group %q: %v", name, err)
	}
	id := uint32(gid)
	if a.isRoot() || id == a.GID {
		return id, nil
	}
	for _, of := range a.Groups {
		if id == of {
			return id, nil
		}
	}
	return 0, policy.Refuse(policy.FileAuthority, "user %q is not a member of group %q", a.Name, name)
}

// environment is what commands find: nothing of the agent's own.
func environment(a *account) []string {
	path := "/usr/local/bin:/usr/bin:/bin"
	if a.isRoot() {
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	return []string{"PATH=" + path, "HOME=" + a.Home, "USER=" + a.Name, "LOGNAME=" + a.Name, "SHELL=/bin/sh", "LANG=C.UTF-8"}
}
