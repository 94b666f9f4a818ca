// Package runner does tasks on a machine: it runs commands under keepers, and writes files.
//
//	agent ── Prepare ──► keeper (sluice-agent keep): waits
//	   │ the start is journaled
//	   ├── Begin ──────► keeper ── command, in a process group and a cgroup of its own, as its user
//	   │                    │ ◄── output, one pipe ──┘
//	   │                    ├─► output   the first bytes, up to a limit      ─┐
//	   │                    ├─► pulse    a byte when there is more; its end     ├─ in the directory of the run
//	   │                    └─► result   how it ended, synced, renamed        ─┘
//	   └── Attach, after a restart: the same keeper, or what it left, or nothing
//
// A keeper is a process for each run. It outlives the agent, so that an agent that is updated or killed loses nothing: not the exit code, not the output,
// not the timeout. It adopts what its command leaves behind, so that the whole tree can be killed.
//
// Invariants:
//   - Nothing runs before Begin, and a keeper whose agent goes away before it ends without having done anything.
//   - A keeper is known by its process id, its start time and the boot of the machine; nothing else is ever signalled.
//   - Of the output of a command no more is held in memory than a record shows, and no more on disk than its limit, however much is written.
//   - Secrets of a command are masked before its output touches the disk, and its script goes when it is over.
package runner

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/agent/policy"
	"github.com/sluicelog/sluice/internal/agentproto"
)

// Spec is one run.
type Spec struct {
	Task      *agentproto.Task // of kind run or file, with its content
	Run       int64            // its number
	Policy    *policy.Policy
	MaxOutput int64 // bytes that are kept
}

// Ref finds a run again after a restart.
type Ref struct {
	Dir   string `json:"dir"`             // its directory, below that of the runner
	PID   int    `json:"pid,omitempty"`   // of its keeper
	Start string `json:"start,omitempty"` // of that process, as the system tells it
	Boot  string `json:"boot,omitempty"`  // of the machine
}

// Result is what came of a run.
type Result struct {
	Outcome   agentproto.Outcome `json:"outcome"`
	ErrorCode string             `json:"errorCode,omitempty"`
	ErrorInfo string             `json:"errorInfo,omitempty"`
	ExitCode  *int64             `json:"exitCode,omitempty"`
	Took      time.Duration      `json:"took"`             // from the start on
	Output    []byte             `json:"output,omitempty"` // for the record
	Dropped   int64              `json:"dropped,omitempty"`
	Kept      int64              `json:"kept"`            // bytes of output that are kept
	Whole     bool               `json:"whole,omitempty"` // Output is all there is, byte by byte
}

// Lost is the result of a run that began and of which nothing is left.
func Lost(why string) Result {
	return Result{Outcome: agentproto.Errored, ErrorCode: policy.Restarted, ErrorInfo: why}
}

// Process is a run.
type Process interface {
	Ref() Ref
	// Begin begins it, once its start is on disk. An error means that it did not begin.
	Begin() error
	// Abandon takes the place of Begin: nothing was done, and nothing is left.
	Abandon()
	// Stop has it end with outcome terminated. It returns at once, and may be called again.
	Stop()
	// Changed has a value when there is more output.
	Changed() <-chan struct{}
	// Done is closed when it is over.
	Done() <-chan struct{}
	// Result is what came of it; only after Done.
	Result() Result
	// Kept is how many bytes of output are kept, and ReadAt reads them.
	Kept() int64
	ReadAt(p []byte, off int64) (int, error)
	// Remove removes what is left of it; only after Done.
	Remove()
}

// Options of a runner.
type Options struct {
	Dir    string   // where runs have their directories; others may pass through it, and not look into it
	Keeper []string // the command that is a keeper when the directory of a run is put behind it
	BootID string
}

// Runner runs commands. It is safe for concurrent use.
type Runner struct {
	o      Options
	groups *cgroups
}

// New makes a runner, and its directory.
func New(o Options) (*Runner, error) {
	if err := os.MkdirAll(o.Dir, 0o711); err != nil {
		return nil, err
	}
	if err := os.Chmod(o.Dir, 0o711); err != nil { //nolint:gosec // scripts below are read by the users that run them
		return nil, err
	}
	return &Runner{o: o, groups: findCgroups()}, nil
}

// Cgroups says where the cgroups of runs are; "" if there are none.
func (r *Runner) Cgroups() string {
	if r.groups == nil {
		return ""
	}
	return r.groups.base
}

// CgroupBase says where an agent that is started now would find cgroups, without arranging any.
func CgroupBase() string { return cgroupBase() }

// Check says whether a task could be done now.
func (r *Runner) Check(s *Spec) *policy.Refusal {
	if s.Task.File != nil {
		_, refusal := r.placement(s)
		return refusal
	}
	_, refusal := r.plan(s)
	return refusal
}

// Prepare makes everything that a run needs and begins nothing. The error is a *policy.Refusal if it could not be done later either.
func (r *Runner) Prepare(s *Spec) (Process, error) {
	if s.Task.File != nil {
		p, refusal := r.placement(s)
		if refusal != nil {
			return nil, refusal
		}
		return newPlacing(p), nil
	}
	plan, refusal := r.plan(s)
	if refusal != nil {
		return nil, refusal
	}
	return r.prepare(plan, s)
}

// Attach finds a run that began. What is not to be found any more is over, as lost. For a file task it says whether the file is there.
func (r *Runner) Attach(ref Ref, s *Spec) Process {
	if s.Task.File != nil {
		return r.placed(s)
	}
	if ref.Dir == "" || ref.Dir != filepath.Base(ref.Dir) || strings.HasPrefix(ref.Dir, ".") {
		p := &never{newBase(), ref}
		p.end(Lost("the run had not been prepared"))
		return p
	}
	return r.attach(ref)
}

// never is a run that never got a directory.
type never struct {
	base
	ref Ref
}

// Ref implements [Process].
func (n *never) Ref() Ref { return n.ref }

// Begin implements [Process].
func (n *never) Begin() error { return errors.New("the run is over") }

// Abandon implements [Process].
func (n *never) Abandon() {}

// Clean ends and removes all runs but those to keep, by the names of their directories: such as were forgotten just before the agent was killed.
func (r *Runner) Clean(keep map[string]bool) error {
	entries, err := os.ReadDir(r.o.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !keep[e.Name()] {
			r.clear(e.Name())
		}
	}
	return nil
}

// dirName is a new name for the directory of a run. It is never used twice: a run that was abandoned and one that follows it share nothing.
func dirName(s *Spec) string {
	return fmt.Sprintf("%s-%d-%s", s.Task.Invocation, s.Run, rand.Text()[:8])
}

// base is what processes have in common that are over from the beginning, or live in the agent itself.
type base struct {
	done   chan struct{}
	result Result // written before done is closed
}

func newBase() base { return base{done: make(chan struct{})} }

func (b *base) end(r Result) {
	b.result = r
	close(b.done)
}

// Changed implements [Process].
func (b *base) Changed() <-chan struct{} { return nil }

// Done implements [Process].
func (b *base) Done() <-chan struct{} { return b.done }

// Result implements [Process].
func (b *base) Result() Result { return b.result }

// Kept implements [Process].
func (b *base) Kept() int64 { return 0 }

// ReadAt implements [Process].
func (b *base) ReadAt([]byte, int64) (int, error) { return 0, errors.New("there is no output") }

// Stop implements [Process].
func (b *base) Stop() {}

// Remove implements [Process].
func (b *base) Remove() {}
