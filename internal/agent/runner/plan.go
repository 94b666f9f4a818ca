package runner

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/agent/policy"
	"github.com/sluicelog/sluice/internal/agentproto"
)

// plan is a command with all that is needed to start it.
type plan struct {
	account   *account
	directory string
	name      string // of the script's file
	start     func(script string) []string
}

// order is what a keeper is told to do: JSON, in a line on its standard input, when the start of the run is on disk.
type order struct {
	Argv      []string      `json:"argv"`
	Env       []string      `json:"env"`
	Directory string        `json:"directory"`
	Account   *account      `json:"account,omitempty"` // nil: the keeper's own
	Script    string        `json:"script"`            // path, to be removed
	Cgroup    string        `json:"cgroup,omitempty"`
	Timeout   time.Duration `json:"timeout"`
	Grace     time.Duration `json:"grace"`
	Tree      bool          `json:"tree,omitempty"`
	Processes int           `json:"processes"`
	Memory    int64         `json:"memory,omitempty"` // of each process; Argv sees to it
	MaxOutput int64         `json:"maxOutput"`
	Mask      []string      `json:"mask,omitempty"`
}

// plan finds out how to run a command, or why not.
func (r *Runner) plan(s *Spec) (*plan, *policy.Refusal) {
	run := s.Task.Run
	acc, refusal := accountOf(run.User, s.Policy)
	if refusal != nil {
		return nil, refusal
	}
	p := &plan{account: acc}
	if refusal := canLimit(s.Policy); refusal != nil {
		return nil, refusal
	}
	if refusal := p.launch(run); refusal != nil {
		return nil, refusal
	}
	return p, p.workIn(run.Directory, s.Policy)
}

// workIn chooses the directory: the one that is asked for, the home of the user, the first one that the policy allows, or /.
func (p *plan) workIn(dir string, pol *policy.Policy) *policy.Refusal {
	if dir != "" {
		if !pol.Within(dir) {
			return policy.Refuse(policy.NoDirectory, "the policy of this machine does not allow directory %q", dir)
		}
		if !isDir(dir) {
			return policy.Refuse(policy.NoDirectory, "there is no directory %q", dir)
		}
		p.directory = dir
		return nil
	}
	for _, d := range append([]string{p.account.Home}, append(pol.Directories, rootDir())...) {
		if d != "" && isDir(d) && pol.Within(d) {
			p.directory = d
			return nil
		}
	}
	return policy.Refuse(policy.NoDefaultDir, "the home of user %q is not there, or not allowed, and neither is any other directory", p.account.Name)
}

func isDir(dir string) bool {
	st, err := os.Stat(dir)
	return err == nil && st.IsDir()
}

func rootDir() string {
	if runtime.GOOS == "windows" {
		return os.Getenv("SystemDrive") + `\`
	}
	return "/"
}

var scriptName = regexp.MustCompile(`\{\{\s*(?i:ACS)\s*::\s*ScriptFileName\s*(?:\|\s*Ext\(\s*"(\.[A-Za-z0-9]{1,16})"\s*\)\s*)?\}\}`)

// launch chooses what the script is called, and what starts it.
func (p *plan) launch(run *agentproto.Run) *policy.Refusal {
	var refusal *policy.Refusal
	switch run.Type {
	case "RunShellScript":
		p.name = "script.sh"
		refusal = p.shell(run.Content)
	case "RunPowerShellScript":
		p.name = "script.ps1"
		refusal = p.powerShell()
	case "RunBatScript":
		p.name = "script.bat"
		p.start = func(script string) []string { return []string{"cmd.exe", "/d", "/c", script} }
		if runtime.GOOS != "windows" {
			refusal = policy.Refuse(policy.NotApplicable, "batch files run on Windows, and this is %s", runtime.GOOS)
		}
	default:
		refusal = policy.Refuse(policy.NotApplicable, "commands of type %.40q are not known to this agent", run.Type)
	}
	if refusal != nil || run.Launcher == "" {
		return refusal
	}
	if m := scriptName.FindStringSubmatch(run.Launcher); m != nil && m[1] != "" {
		p.name = "script" + m[1]
	}
	p.start = launcher(run.Launcher)
	return nil
}

// launcher starts a script by a line for the shell, in which its path stands for the parameter, or at the end.
func launcher(line string) func(script string) []string {
	return func(script string) []string {
		if scriptName.MatchString(line) {
			line = scriptName.ReplaceAllLiteralString(line, script)
		} else {
			line += " " + script
		}
		if runtime.GOOS == "windows" {
			return []string{"cmd.exe", "/d", "/c", line}
		}
		return []string{"/bin/sh", "-c", line}
	}
}

func (p *plan) shell(content []byte) *policy.Refusal {
	if runtime.GOOS == "windows" {
		return policy.Refuse(policy.NotApplicable, "shell scripts do not run on Windows")
	}
	p.start = func(script string) []string { return []string{"/bin/sh", script} }
	if strings.HasPrefix(string(content), "#!") {
		p.start = func(script string) []string { return []string{script} }
	}
	return nil
}

func (p *plan) powerShell() *policy.Refusal {
	for _, name := range []string{"pwsh", "powershell"} {
		if path, err := exec.LookPath(name); err == nil {
			p.start = func(script string) []string {
				return []string{path, "-NoLogo", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File", script}
			}
			return nil
		}
	}
	return policy.Refuse(policy.NotApplicable, "there is no PowerShell on this machine")
}

// order is what the keeper of a run is told.
func (p *plan) order(s *Spec, script string) *order {
	run := s.Task.Run
	o := &order{
		Argv: limited(p.start(script), int64(s.Policy.MaxMemory)), Directory: p.directory, Account: p.account.other(), Script: script, Timeout: time.Duration(run.Timeout) * time.Second,
		Grace: time.Duration(s.Policy.Grace), Tree: run.KillTree, Processes: s.Policy.MaxProcesses, Memory: int64(s.Policy.MaxMemory), MaxOutput: s.MaxOutput, Mask: run.Mask,
	}
	o.Env = append(environment(p.account), "SLUICE_INVOCATION="+s.Task.Invocation, "SLUICE_INSTANCE="+s.Task.Instance, fmt.Sprintf("SLUICE_RUN=%d", s.Run))
	return o
}

// write writes the script into a directory of its own, that only its user may enter.
func (p *plan) write(dir string, content []byte) (script string, err error) {
	sub := filepath.Join(dir, "script")
	if err := os.Mkdir(sub, 0o700); err != nil {
		return "", err
	}
	script = filepath.Join(sub, p.name)
	if err := os.WriteFile(script, content, 0o700); err != nil {
		return "", err
	}
	return script, errFirst(p.account.own(script), p.account.own(sub))
}

func errFirst(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
