package runner

import (
	"errors"
	"os/user"
	"strconv"

	"github.com/sluicelog/sluice/internal/agent/policy"
)

// account is a user of the machine.
type account struct {
	Name   string   `json:"name"`
	UID    uint32   `json:"uid"`
	GID    uint32   `json:"gid"`
	Groups []uint32 `json:"groups,omitempty"`
	Home   string   `json:"home"`

	self bool // it is the agent's own
}

// other is the account if it is not the agent's own; else nil.
func (a *account) other() *account {
	if a.self {
		return nil
	}
	return a
}

// defaultUser is who runs commands that name nobody where the agent is root.
const defaultUser = "nobody"

// accountOf finds the user that a task is done as: the one it names, the policy's, nobody, or the agent's own where it cannot be another.
func accountOf(name string, p *policy.Policy) (*account, *policy.Refusal) {
	me, err := user.Current()
	if err != nil {
		return nil, policy.Refuse(policy.NoAccount, "who the agent runs as is not known: %v", err)
	}
	if name == "" {
		name = p.DefaultUser
	}
	if name == "" {
		name = me.Username
		if mayBecomeOthers() {
			name = defaultUser
		}
	}
	found, err := user.Lookup(name)
	if err != nil {
		var unknown user.UnknownUserError
		if errors.As(err, &unknown) {
			return nil, policy.Refuse(policy.NoAccount, "there is no user %q on this machine", name)
		}
		return nil, policy.Refuse(policy.NoAccount, "user %q cannot be looked up: %v", name, err)
	}
	acc := &account{Name: found.Username, Home: found.HomeDir, self: found.Uid == me.Uid}
	if !acc.self && !mayBecomeOthers() {
		return nil, policy.Refuse(policy.NoAccount, "the agent runs as %q and cannot run anything as %q", me.Username, name)
	}
	if err := acc.number(found); err != nil {
		return nil, policy.Refuse(policy.NoAccount, "user %q: %v", name, err)
	}
	if acc.isRoot() && !p.Root {
		return nil, policy.Refuse(policy.NoAccount, "the policy of this machine does not allow commands or files of root")
	}
	return acc, nil
}

// number fills in the ids, where the system has any.
func (a *account) number(u *user.User) error {
	if !hasIDs {
		return nil
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return err
	}
	a.UID, a.GID = uint32(uid), uint32(gid)
	ids, err := u.GroupIds()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if n, err := strconv.ParseUint(id, 10, 32); err == nil {
			a.Groups = append(a.Groups, uint32(n))
		}
	}
	return nil
}

// User is who a task for a user would be done as, in words; "" is whoever names nobody.
func User(name string, p *policy.Policy) (string, *policy.Refusal) {
	acc, refusal := accountOf(name, p)
	if refusal != nil {
		return "", refusal
	}
	if name == "" {
		return acc.Name + ", for commands that name nobody", nil
	}
	return acc.Name, nil
}
