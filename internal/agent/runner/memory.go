package runner

import (
	"fmt"
	"runtime"
	"strconv"

	"github.com/sluicelog/sluice/internal/agent/policy"
	"github.com/sluicelog/sluice/internal/agentproto"
)

// A limit of memory is one of the address space of each process of a command (RLIMIT_AS), set by a shell that becomes the command: so it holds from the
// command's first instruction on, and for all that descends from it. The keeper cannot set it on itself for a moment, as it has more than most limits
// by then, nor on the command later, which may have descendants by then. A cgroup would count all processes together; its controllers are not
// handed on, see cgroups.

// limit is what a shell does before it becomes the command.
const limit = `ulimit -v "$1" && shift && exec "$@"`

// limited is how a command is started with so many bytes of memory for each of its processes; 0 is no limit.
func limited(argv []string, memory int64) []string {
	if memory == 0 {
		return argv
	}
	const unit = 1 << 10
	return append([]string{"/bin/sh", "-c", limit, "sh", strconv.FormatInt(memory/unit, 10)}, argv...)
}

// canLimit is the refusal of whatever would run without the limit of memory that the policy has.
func canLimit(p *policy.Policy) *policy.Refusal {
	if p.MaxMemory == 0 || runtime.GOOS == "linux" {
		return nil
	}
	return policy.Refuse(policy.NotApplicable, "the policy of this machine limits memory (maxMemory), which this agent cannot do on %s", runtime.GOOS)
}

// explain tells of the limit in the result of a command that failed under one: what it had to say of memory is in its output.
func (r *Result) explain(memory int64) {
	if memory == 0 || r.Outcome != agentproto.Exited || r.ExitCode == nil || *r.ExitCode == 0 || r.ErrorCode != "" {
		return
	}
	r.ErrorCode = policy.Nonzero
	r.ErrorInfo = fmt.Sprintf("the exit code is %d; the policy of this machine gives each process %d MiB of memory", *r.ExitCode, memory>>20)
}
