package runner

import (
	"os"
	"strings"

	"github.com/sluicelog/sluice/internal/agent/policy"
)

const hasIDs = false

// mayBecomeOthers: on Windows that takes the user's password, and is not done yet.
func mayBecomeOthers() bool { return false }

// isRoot: there is no such user here; what the agent's own account may do, the owner of the machine decides when he installs it.
func (a *account) isRoot() bool { return false }

func (a *account) own(string) error { return nil }

func (a *account) groupOf(string) (uint32, *policy.Refusal) { return 0, nil }

// environment is the agent's own without what is meant for the agent.
func environment(*account) []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SLUICE_") {
			env = append(env, v)
		}
	}
	return env
}
