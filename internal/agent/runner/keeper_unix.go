//go:build unix

package runner

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sluicelog/sluice/internal/agent/policy"
	"github.com/sluicelog/sluice/internal/agentproto"
)

// Bounds of a keeper.
const (
	lingering  = time.Second      // how long output is read on when the command has ended and something that it left behind holds the pipe
	killTime   = 10 * time.Second // how long processes may take to go after SIGKILL: those in the hands of a dead file system never do
	resultRoom = 64 << 10         // reserved for the result before the command is started
	pulseFD    = 3
)

// stopSignal asks a keeper to stop its command. SIGTERM is what a machine that shuts down sends to all.
const stopSignal = syscall.SIGUSR1

// keeper runs one command.
type keeper struct {
	dir    string
	order  order
	output *os.File
	result *os.File
	sink   *sink
	main   *child
	began  time.Time
}

// Keep is the body of a keeper, the process that Options.Keeper starts: it waits on in for its order, carries it out, and leaves the result in dir.
func Keep(dir string, in io.Reader) error {
	runtime.LockOSThread() // the death of the parent's thread is what children are told of
	unix.CloseOnExec(pulseFD)
	if err := unix.SetNonblock(pulseFD, true); err != nil {
		return fmt.Errorf("the pulse: %w", err)
	}
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGPIPE)
	asked := make(chan os.Signal, 4)
	signal.Notify(asked, stopSignal, syscall.SIGTERM)
	k := &keeper{dir: dir}
	if err := json.NewDecoder(in).Decode(&k.order); err != nil {
		return nil // the agent went away, or thought better of it
	}
	k.began = time.Now()
	r := k.run(asked)
	r.explain(k.order.Memory)
	r.Took = time.Since(k.began)
	if k.sink != nil {
		k.sink.fill(&r)
	}
	_ = os.RemoveAll(filepath.Dir(k.order.Script))
	return k.leave(r)
}

// run starts the command and sees it to its end.
func (k *keeper) run(asked <-chan os.Signal) Result {
	if err := k.reserve(); err != nil {
		return failed(policy.Exception, "there is no room for the output of the command: %v", err)
	}
	adopt()
	read, write, err := os.Pipe()
	if err != nil {
		return failed(policy.Exception, "make a pipe: %v", err)
	}
	k.main, err = k.start(write)
	write.Close()
	if err != nil {
		return k.notStarted(err)
	}
	k.sink = newSink(k.output, k.order.MaxOutput, k.order.Mask, func() { _, _ = unix.Write(pulseFD, []byte{1}) })
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.CopyBuffer(struct{ io.Writer }{k.sink}, struct{ io.Reader }{read}, make([]byte, 64<<10))
	}()
	r := k.await(asked)
	_ = read.SetReadDeadline(time.Now().Add(lingering))
	<-copied
	read.Close()
	k.sink.close()
	return r
}

// reserve makes the file for output, and room for the result.
func (k *keeper) reserve() (err error) {
	if k.output, err = os.OpenFile(filepath.Join(k.dir, outputName), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err != nil {
		return err
	}
	if k.result, err = os.OpenFile(filepath.Join(k.dir, resultName+".new"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err != nil {
		return err
	}
	return allocate(k.result, resultRoom)
}

// start starts the command with its output going to write.
func (k *keeper) start(write *os.File) (*child, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	o := &k.order
	sys := &syscall.SysProcAttr{Setsid: true}
	if a := o.Account; a != nil {
		sys.Credential = &syscall.Credential{Uid: a.UID, Gid: a.GID, Groups: a.Groups}
	}
	release := confine(sys, o)
	defer release()
	process, err := os.StartProcess(o.Argv[0], o.Argv, &os.ProcAttr{Dir: o.Directory, Env: o.Env, Files: []*os.File{null, write, write}, Sys: sys})
	if err != nil {
		return nil, err
	}
	return follow(process, o), nil
}

func (k *keeper) notStarted(err error) Result {
	if inside := k.enter(); inside != nil {
		return failed(policy.NoDirectory, "the directory %q cannot be entered: %v", k.order.Directory, inside)
	}
	return failed(policy.Exception, "the command cannot be started: %v", err)
}

// enter tries whether the user of the command may enter its directory.
func (k *keeper) enter() error {
	look := func() error {
		_, err := os.Stat(k.order.Directory + "/.")
		return err
	}
	if a := k.order.Account; a != nil {
		return a.act(a.GID, look)
	}
	return look()
}

func failed(code, format string, args ...any) Result {
	return Result{Outcome: agentproto.Errored, ErrorCode: code, ErrorInfo: fmt.Sprintf(format, args...)}
}

// await waits for the command to end, or ends it.
func (k *keeper) await(asked <-chan os.Signal) Result {
	timeout := time.NewTimer(k.order.Timeout)
	defer timeout.Stop()
	var r Result
	select {
	case <-k.main.exited:
		code := k.main.code()
		return Result{Outcome: agentproto.Exited, ExitCode: &code}
	case <-timeout.C:
		r.Outcome = agentproto.TimedOut
	case s := <-asked:
		r.Outcome = agentproto.Terminated
		if s == syscall.SIGTERM {
			r = failed(policy.Interrupted, "the machine was shut down while the command ran")
		}
	}
	if !k.kill() {
		r.ErrorCode, r.ErrorInfo = policy.NotKilled, "processes of the command did not go when they were killed"
	}
	return r
}

// kill ends the command: it is asked, has the time of grace, and is killed. It reports whether all that was to go is gone.
func (k *keeper) kill() bool {
	k.main.signal(k.order.Tree, syscall.SIGTERM)
	select {
	case <-k.main.exited:
	case <-time.After(k.order.Grace):
	}
	for deadline := time.Now().Add(killTime); ; {
		k.main.signal(k.order.Tree, syscall.SIGKILL)
		if k.main.gone(k.order.Tree) {
			k.main.code()
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// leave puts the result into the directory, for good.
func (k *keeper) leave(r Result) error {
	if k.output != nil {
		_ = k.output.Sync()
	}
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if k.result == nil {
		if k.result, err = os.Create(filepath.Join(k.dir, resultName+".new")); err != nil {
			return err
		}
	}
	if _, err := k.result.WriteAt(raw, 0); err != nil {
		return err
	}
	if err := errFirst(k.result.Truncate(int64(len(raw))), k.result.Sync(), k.result.Close()); err != nil {
		return err
	}
	name := filepath.Join(k.dir, resultName)
	if err := os.Rename(name+".new", name); err != nil {
		return err
	}
	d, err := os.Open(k.dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
