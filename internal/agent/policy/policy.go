// Package policy is what the owner of a machine allows its agent to do: a file on the machine that no server can widen.
//
//	task ──signed by the server──► Policy.Run, Policy.File ──► nil, or a Refusal with the code that its record shows
//
// The file is read again for each task, so that a change counts at once, and a file that cannot be read or understood allows nothing. Without a file the
// defaults hold, and they refuse root.
package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sluicelog/sluice/internal/agentproto"
)

// Policy is what is allowed. Empty lists allow all that nothing else forbids.
type Policy struct {
	Root        bool     `yaml:"root"`        // [false] commands and files as root, or as another user of uid 0
	Users       []string `yaml:"users"`       // [any but root] who commands may run as, and files belong to
	DefaultUser string   `yaml:"defaultUser"` // [nobody where the agent is root, else its own user] for commands and files that name none
	Signers     []string `yaml:"signers"`     // [those of the enrolment] names of keys that tasks may be signed with
	Callers     []string `yaml:"callers"`     // [any] ids of users of the server who may ask
	Directories []string `yaml:"directories"` // [any] commands work in, and files go to, these and what is below them
	Files       *bool    `yaml:"files"`       // [true] files may be sent
	Schedules   *bool    `yaml:"schedules"`   // [true] commands may repeat

	MaxTimeout     Duration `yaml:"maxTimeout"`     // [24h] longest timeout of a command
	MaxOutput      Size     `yaml:"maxOutput"`      // [16MiB] of a run that is kept until the server has it; more is counted and dropped
	MaxSpool       Size     `yaml:"maxSpool"`       // [256MiB] of all runs together
	MaxRuns        int      `yaml:"maxRuns"`        // [16] at once; others wait
	MaxInvocations int      `yaml:"maxInvocations"` // [1000] that are not over; further ones are refused
	MaxProcesses   int      `yaml:"maxProcesses"`   // [1024] of the user of a run, root excepted; and of the run itself where its cgroup has a controller for that
	MaxMemory      Size     `yaml:"maxMemory"`      // [no limit] of each process of a command: address space, in whole KiB. Where it cannot be held nothing runs
	Grace          Duration `yaml:"grace"`          // [5s] between asking a command to end and killing it
}

// Default is the policy of a machine without a file.
func Default() *Policy {
	return &Policy{
		MaxTimeout: Duration(24 * time.Hour), MaxOutput: 16 << 20, MaxSpool: 256 << 20, MaxRuns: 16, MaxInvocations: 1000, MaxProcesses: 1024,
		Grace: Duration(5 * time.Second),
	}
}

// maxFile is the largest policy file.
const maxFile = 1 << 20

// Load reads a policy file; what it does not say is as [Default] has it. A file that is not there is the default.
func Load(path string) (*Policy, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Default(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the policy: %w", err)
	}
	defer f.Close()
	if err := trusted(f); err != nil {
		return nil, fmt.Errorf("policy %s: %w", path, err)
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	p, err := Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("policy %s: %w", path, err)
	}
	return p, nil
}

// trusted refuses a file that others than its owner may write: whoever can would allow himself what the agent can do.
func trusted(f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	const others = 0o022
	if runtime.GOOS != "windows" && st.Mode().Perm()&others != 0 {
		return fmt.Errorf("others than its owner may write it (mode %v): chmod go-w it", st.Mode().Perm())
	}
	return nil
}

// Parse reads a policy. A key that is not known is an error: it may be one that was to forbid something.
func Parse(raw []byte) (*Policy, error) {
	if len(raw) > maxFile {
		return nil, fmt.Errorf("more than %d bytes", maxFile)
	}
	p := Default()
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(p); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return p, p.check()
}

func (p *Policy) check() error {
	for _, dir := range p.Directories {
		if !filepath.IsAbs(dir) {
			return fmt.Errorf("directories: %q is not absolute", dir)
		}
	}
	for name, n := range map[string]int64{
		"maxTimeout": int64(p.MaxTimeout), "maxOutput": int64(p.MaxOutput), "maxSpool": int64(p.MaxSpool), "maxRuns": int64(p.MaxRuns),
		"maxInvocations": int64(p.MaxInvocations), "maxProcesses": int64(p.MaxProcesses), "grace": int64(p.Grace),
	} {
		if n <= 0 {
			return fmt.Errorf("%s must be more than 0", name)
		}
	}
	if p.MaxMemory != 0 && p.MaxMemory < minMemory {
		return fmt.Errorf("maxMemory must be %d MiB or more: with less not even a shell starts", minMemory>>20)
	}
	return nil
}

// minMemory is the least that a process can be given.
const minMemory = 16 << 20

// Refusal is why something is not done. Code is one that execution records show (reference cloud-assistant 2.7).
type Refusal struct {
	Code string
	Info string // for people
}

func (r *Refusal) Error() string { return r.Info + " (" + r.Code + ")" }

// Refuse makes a refusal.
func Refuse(code, format string, args ...any) *Refusal {
	return &Refusal{code, fmt.Sprintf(format, args...)}
}

// Codes of refusals, and of runs that failed.
const (
	NotApplicable = "CommandNotApplicable"
	NoAccount     = "AccountNotExists"
	NoDirectory   = "DirectoryNotExists"
	NoDefaultDir  = "DefaultWorkingDirectoryNotAvailable"
	NoContainers  = "UnsupportedContainerRuntime"
	FileAuthority = "FileAuthorityInvalid"
	FilePath      = "FilePathInvalid"
	FileName      = "FileNameInvalid"
	FileExists    = "FileAlreadyExists"
	FileFailed    = "FileCreateFail"
	NoGroup       = "UserGroupNotExists"
	Exception     = "ExecutionException"
	Interrupted   = "ExecutionInterrupted"
	Restarted     = "ClientRestarted"
	NotKilled     = "TerminationException"
	Nonzero       = "ExitCodeNonzero" // what the server would say of the exit code by itself
)

// Task says whether a task may be done; key is the name of the key that signed it. Whether its user exists is not looked at here.
func (p *Policy) Task(t *agentproto.Task, key string) *Refusal {
	if len(p.Signers) > 0 && !slices.Contains(p.Signers, key) {
		return Refuse(NotApplicable, "the policy of this machine does not allow tasks signed by %q", key)
	}
	return p.Allows(t)
}

// Allows is Task without the key, for a task that was taken before.
func (p *Policy) Allows(t *agentproto.Task) *Refusal {
	switch {
	case len(p.Callers) > 0 && !slices.Contains(p.Callers, t.Caller):
		return Refuse(NotApplicable, "the policy of this machine does not allow user %q to run anything", t.Caller)
	case t.Run != nil:
		return p.run(t.Run)
	case t.File != nil:
		return p.file(t.File)
	}
	return nil
}

func (p *Policy) run(r *agentproto.Run) *Refusal {
	once := r.Repeat == agentproto.Once || r.Repeat == agentproto.DryRun
	switch {
	case !once && p.Schedules != nil && !*p.Schedules:
		return Refuse(NotApplicable, "the policy of this machine allows no commands that repeat")
	case r.Container != "":
		return Refuse(NoContainers, "this agent does not run commands in containers")
	case r.Timeout > int64(time.Duration(p.MaxTimeout)/time.Second):
		return Refuse(NotApplicable, "the policy of this machine allows timeouts of %v at most", time.Duration(p.MaxTimeout))
	case r.Directory != "" && !p.Within(r.Directory):
		return Refuse(NoDirectory, "the policy of this machine does not allow directory %q", r.Directory)
	case !p.user(r.User):
		return Refuse(NoAccount, "the policy of this machine does not allow commands as user %q", r.User)
	}
	return nil
}

func (p *Policy) file(f *agentproto.File) *Refusal {
	switch {
	case p.Files != nil && !*p.Files:
		return Refuse(FileAuthority, "the policy of this machine allows no files to be sent")
	case !p.Within(f.Directory):
		return Refuse(FilePath, "the policy of this machine does not allow directory %q", f.Directory)
	case !p.user(f.Owner):
		return Refuse(FileAuthority, "the policy of this machine does not allow files of user %q", f.Owner)
	}
	return nil
}

func (p *Policy) user(name string) bool {
	if name == "" {
		name = p.DefaultUser
	}
	return name == "" || (p.Root || name != "root") && (len(p.Users) == 0 || slices.Contains(p.Users, name) || name == p.DefaultUser)
}

// Within reports whether a directory is one of Directories, or below one, also after all symbolic links are followed.
func (p *Policy) Within(dir string) bool {
	if len(p.Directories) == 0 {
		return true
	}
	return p.Covering(dir) != ""
}

// Covering is the directory of Directories that covers dir; "" if none does. Links of what exists of dir are followed.
func (p *Policy) Covering(dir string) string {
	if !filepath.IsAbs(dir) {
		return ""
	}
	real := follow(dir)
	for _, d := range p.Directories {
		if below(follow(d), real) && below(filepath.Clean(d), filepath.Clean(dir)) {
			return d
		}
	}
	return ""
}

// follow follows the links of as much of a path as exists.
func follow(path string) string {
	path = filepath.Clean(path)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	return filepath.Join(follow(parent), filepath.Base(path))
}

func below(parent, dir string) bool {
	rel, err := filepath.Rel(parent, dir)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
