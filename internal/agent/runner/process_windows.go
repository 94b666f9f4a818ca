package runner

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/sluicelog/sluice/internal/agentproto"
)

// process is a command in a job object. There are no keepers here yet: a command ends with its agent, and is reported as lost.
type process struct {
	base
	ref     Ref
	dir     string
	order   *order
	changed chan struct{}
	stop    chan struct{}
	once    sync.Once
	job     windows.Handle
	output  *os.File
	sink    *sink
}

// Keep is not there on Windows.
func Keep(string, io.Reader) error { return errors.New("there are no keepers on Windows") }

func (r *Runner) prepare(plan *plan, s *Spec) (Process, error) {
	p := &process{base: newBase(), changed: make(chan struct{}, 1), stop: make(chan struct{}), ref: Ref{Dir: dirName(s), Boot: r.o.BootID}}
	p.dir = filepath.Join(r.o.Dir, p.ref.Dir)
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of a run: %w", err)
	}
	script, err := plan.write(p.dir, s.Task.Run.Content)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(p.dir))
	}
	p.order = plan.order(s, script)
	return p, nil
}

func (r *Runner) attach(ref Ref) Process {
	p := &process{base: newBase(), ref: ref, dir: filepath.Join(r.o.Dir, filepath.Base(ref.Dir))}
	p.end(Lost("the agent was started anew while the command ran"))
	return p
}

// clear removes what is left of a run that nobody knows any more.
func (r *Runner) clear(name string) { _ = os.RemoveAll(filepath.Join(r.o.Dir, name)) }

func (p *process) Ref() Ref { return p.ref }

// Begin implements [Process].
func (p *process) Begin() (err error) {
	if p.output, err = os.Create(filepath.Join(p.dir, "output")); err != nil {
		return err
	}
	p.sink = newSink(p.output, p.order.MaxOutput, p.order.Mask, func() {
		select {
		case p.changed <- struct{}{}:
		default:
		}
	})
	if p.job, err = newJob(); err != nil {
		return err
	}
	o := p.order
	cmd := exec.Command(o.Argv[0], o.Argv[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = o.Directory, o.Env, p.sink, p.sink, time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_SUSPENDED | windows.CREATE_NEW_PROCESS_GROUP}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := p.admit(cmd.Process.Pid); err != nil {
		return errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	go p.run(cmd, began)
	return nil
}

// newJob makes a job that kills what is in it when its last handle is closed.
func newJob() (windows.Handle, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return 0, err
	}
	info := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	info.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	return job, err
}

// admit puts a suspended process into the job, and lets it run.
func (p *process) admit(pid int) error {
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(pid))
	if err != nil {
		return err
	}
	defer windows.CloseHandle(process) //nolint:errcheck // it was only looked at
	if err := windows.AssignProcessToJobObject(p.job, process); err != nil {
		return err
	}
	return resume(uint32(pid))
}

// resume resumes the one thread of a process that was started suspended.
func resume(pid uint32) error {
	all, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPTHREAD, 0)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(all) //nolint:errcheck // it was only read
	entry := windows.ThreadEntry32{Size: uint32(unsafe.Sizeof(windows.ThreadEntry32{}))}
	for err = windows.Thread32First(all, &entry); err == nil; err = windows.Thread32Next(all, &entry) {
		if entry.OwnerProcessID != pid {
			continue
		}
		thread, err := windows.OpenThread(windows.THREAD_SUSPEND_RESUME, false, entry.ThreadID)
		if err != nil {
			return err
		}
		_, err = windows.ResumeThread(thread)
		return errors.Join(err, windows.CloseHandle(thread))
	}
	return err
}

func (p *process) run(cmd *exec.Cmd, began time.Time) {
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	timeout := time.NewTimer(p.order.Timeout)
	defer timeout.Stop()
	var r Result
	select {
	case <-exited:
		code := int64(cmd.ProcessState.ExitCode())
		r = Result{Outcome: agentproto.Exited, ExitCode: &code}
	case <-timeout.C:
		r.Outcome = agentproto.TimedOut
	case <-p.stop:
		r.Outcome = agentproto.Terminated
	}
	if r.Outcome != agentproto.Exited {
		_ = windows.TerminateJobObject(p.job, 1)
		<-exited
	}
	p.sink.close()
	p.sink.fill(&r)
	r.Took = time.Since(began)
	p.end(r)
}

func (p *process) Abandon()                 { _ = os.RemoveAll(p.dir) }
func (p *process) Stop()                    { p.once.Do(func() { close(p.stop) }) }
func (p *process) Changed() <-chan struct{} { return p.changed }

func (p *process) Kept() int64 {
	if p.sink == nil {
		return 0
	}
	return p.sink.kept.Load()
}

func (p *process) ReadAt(b []byte, off int64) (int, error) {
	if p.output == nil {
		return 0, io.EOF
	}
	return p.output.ReadAt(b, off)
}

func (p *process) Remove() {
	if p.output != nil {
		p.output.Close()
	}
	if p.job != 0 {
		_ = windows.CloseHandle(p.job)
	}
	_ = os.RemoveAll(p.dir)
}
