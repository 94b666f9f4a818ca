//go:build unix

package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sluicelog/sluice/internal/agent/policy"
	"github.com/sluicelog/sluice/internal/agentproto"
)

// Names in the directory of a run.
const (
	outputName = "output"
	pulseName  = "pulse"
	resultName = "result"
	keeperName = "keeper" // Ref, for what nobody knows any more
)

// process is a run whose command has a keeper, as the agent sees it.
type process struct {
	base
	r       *Runner
	ref     Ref
	dir     string
	began   time.Time
	changed chan struct{}
	pulse   *os.File

	mu     sync.Mutex // guards what is below
	keeper *os.Process
	gone   bool     // the keeper has been waited for: its process id means nothing any more
	order  *order   // of a run that has not begun
	in     *os.File // the keeper's standard input, until it has begun
	output *os.File
}

// prepare makes the directory of a run, and its keeper.
func (r *Runner) prepare(plan *plan, s *Spec) (_ Process, err error) {
	p := &process{base: newBase(), r: r, changed: make(chan struct{}, 1), ref: Ref{Dir: dirName(s), Boot: r.o.BootID}}
	p.dir = filepath.Join(r.o.Dir, p.ref.Dir)
	if err := errFirst(os.Mkdir(p.dir, 0o700), os.Chmod(p.dir, 0o711)); err != nil { //nolint:gosec // the user of the command passes through it, to his script
		return nil, fmt.Errorf("make the directory of a run: %w", err)
	}
	defer func() {
		if err != nil {
			os.RemoveAll(p.dir)
		}
	}()
	script, err := plan.write(p.dir, s.Task.Run.Content)
	if err != nil {
		return nil, fmt.Errorf("write a script: %w", err)
	}
	p.order = plan.order(s, script)
	if p.order.Cgroup, err = r.groups.make(p.ref.Dir, s.Policy); err != nil {
		return nil, err
	}
	return p, p.startKeeper()
}

// startKeeper starts the keeper, which waits for its order.
func (p *process) startKeeper() error {
	name := filepath.Join(p.dir, pulseName)
	if err := unix.Mkfifo(name, 0o600); err != nil {
		return fmt.Errorf("make the pulse of a run: %w", err)
	}
	both, err := os.OpenFile(name, os.O_RDWR, 0) // the keeper's end: while it is open, the pulse goes on
	if err != nil {
		return err
	}
	defer both.Close()
	in, out, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	argv := append(append([]string(nil), p.r.o.Keeper...), p.dir)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = []string{"GOMAXPROCS=1", "GOGC=50", "PATH=/usr/bin:/bin"}
	cmd.Dir, cmd.Stdin, cmd.ExtraFiles = "/", in, []*os.File{both}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return errors.Join(fmt.Errorf("start a keeper: %w", err), out.Close())
	}
	p.keeper, p.in = cmd.Process, out
	p.ref.PID = cmd.Process.Pid
	p.ref.Start, err = startOf(p.ref.PID)
	if err == nil {
		err = p.note()
	}
	if err == nil {
		p.pulse, err = os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	}
	if err != nil {
		p.in.Close()
		_ = cmd.Wait()
		return fmt.Errorf("find a keeper: %w", err)
	}
	go p.watch()
	return nil
}

// note writes down who the keeper is.
func (p *process) note() error {
	raw, err := json.Marshal(p.ref)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(p.dir, keeperName), raw, 0o600)
}

// clear ends the run in a directory that nobody knows any more, and removes what is left of it.
func (r *Runner) clear(name string) {
	var ref Ref
	raw, err := os.ReadFile(filepath.Join(r.o.Dir, name, keeperName))
	if err == nil {
		err = json.Unmarshal(raw, &ref)
	}
	if ref.Dir = name; err != nil {
		os.RemoveAll(filepath.Join(r.o.Dir, name))
		return
	}
	p := r.attach(ref)
	p.Stop()
	go func() {
		<-p.Done()
		p.Remove()
	}()
}

// attach finds the keeper of a run that began, or what it left.
func (r *Runner) attach(ref Ref) Process {
	p := &process{base: newBase(), r: r, ref: ref, dir: filepath.Join(r.o.Dir, filepath.Base(ref.Dir)), changed: make(chan struct{}, 1), began: time.Now()}
	p.gone = true
	if done, err := p.readResult(); err == nil {
		p.end(done)
		return p
	}
	if ref.Boot != r.o.BootID {
		p.end(Lost("the machine was started anew while the command ran"))
		return p
	}
	pulse, err := os.OpenFile(filepath.Join(p.dir, pulseName), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		p.end(Lost("nothing is left of the run"))
		return p
	}
	p.pulse = pulse
	// The handle is taken before it is looked at, so that it stays the same process whatever becomes of the number.
	if keeper, err := os.FindProcess(ref.PID); err == nil {
		if start, err := startOf(ref.PID); err == nil && start == ref.Start {
			p.keeper, p.gone = keeper, false
		}
	}
	go p.watch()
	return p
}

// watch waits until the keeper is gone, and takes what it left.
func (p *process) watch() {
	buf := make([]byte, 64)
	for {
		_, err := p.pulse.Read(buf)
		if err != nil { // nobody holds the other end any more
			break
		}
		select {
		case p.changed <- struct{}{}:
		default:
		}
	}
	p.pulse.Close()
	p.mu.Lock()
	child := p.in != nil || p.order != nil
	began := p.order == nil
	if p.keeper != nil {
		_, _ = p.keeper.Wait() // if it is a child of this very process
	}
	p.gone = true
	p.mu.Unlock()
	result, err := p.readResult()
	if err != nil {
		p.r.groups.kill(p.ref.Dir)
		result = Lost("the agent was started anew, and the command was gone")
		if began && child {
			result = Result{Outcome: agentproto.Errored, ErrorCode: policy.Interrupted, ErrorInfo: "the process that keeps the command was killed"}
		}
		result.Took = time.Since(p.began)
		result.Kept = p.Kept()
	}
	p.end(result)
}

func (p *process) readResult() (r Result, err error) {
	raw, err := os.ReadFile(filepath.Join(p.dir, resultName))
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(raw, &r)
}

// Ref implements [Process].
func (p *process) Ref() Ref { return p.ref }

// Begin implements [Process].
func (p *process) Begin() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.order == nil {
		return errors.New("the run has begun, or was abandoned")
	}
	raw, err := json.Marshal(p.order)
	if err != nil {
		return err
	}
	p.order, p.began = nil, time.Now()
	if _, err := p.in.Write(append(raw, '\n')); err != nil {
		return fmt.Errorf("tell a keeper to begin: %w", err)
	}
	return nil
}

// Abandon implements [Process].
func (p *process) Abandon() {
	p.mu.Lock()
	p.order = nil
	p.mu.Unlock()
	p.in.Close() // the keeper ends
	<-p.done
	p.Remove()
}

// Stop implements [Process].
func (p *process) Stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keeper != nil && !p.gone {
		_ = p.keeper.Signal(stopSignal)
	}
}

// Changed implements [Process].
func (p *process) Changed() <-chan struct{} { return p.changed }

// Kept implements [Process].
func (p *process) Kept() int64 {
	st, err := os.Stat(filepath.Join(p.dir, outputName))
	if err != nil {
		return 0
	}
	return st.Size()
}

// ReadAt implements [Process].
func (p *process) ReadAt(b []byte, off int64) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.output == nil {
		f, err := os.Open(filepath.Join(p.dir, outputName))
		if errors.Is(err, fs.ErrNotExist) {
			return 0, io.EOF
		}
		if err != nil {
			return 0, err
		}
		p.output = f
	}
	return p.output.ReadAt(b, off)
}

// Remove implements [Process].
func (p *process) Remove() {
	p.mu.Lock()
	if p.in != nil {
		p.in.Close()
	}
	if p.output != nil {
		p.output.Close()
		p.output = nil
	}
	p.mu.Unlock()
	os.RemoveAll(p.dir)
	p.r.groups.remove(p.ref.Dir)
}
