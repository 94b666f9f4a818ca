package runner

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/agent/policy"
	"github.com/sluicelog/sluice/internal/agentproto"
)

/*
A file is written with the rights of its owner, not with the agent's: the kernel says what he may write where, and what links he may follow.

	allowed directory ──openat──► target directory ──► .NAME.random ── write, mode, owner, sync ──► link or rename to NAME ── sync of the directory

Below a directory of the policy no link leads out (os.Root). A name that is taken is replaced as a whole or not at all, whatever it is.
*/
type placement struct {
	account   *account
	gid       uint32
	mode      os.FileMode
	root      string // the directory that nothing leads out of; "" for none
	directory string
	file      *agentproto.File
}

// placement finds out how to write a file, or why not.
func (r *Runner) placement(s *Spec) (*placement, *policy.Refusal) {
	f := s.Task.File
	if f.Name != filepath.Base(f.Name) || strings.ContainsAny(f.Name, "/\\\x00") || f.Name == "." || f.Name == ".." {
		return nil, policy.Refuse(policy.FileName, "file name %q is a path", f.Name)
	}
	if !filepath.IsAbs(f.Directory) {
		return nil, policy.Refuse(policy.FilePath, "directory %q is not absolute", f.Directory)
	}
	mode, err := strconv.ParseUint(f.Mode, 8, 32)
	if err != nil || mode > 0o777 {
		return nil, policy.Refuse(policy.FileAuthority, "mode %q is not like 0644", f.Mode)
	}
	p := &placement{mode: os.FileMode(mode), directory: filepath.Clean(f.Directory), file: f}
	var refusal *policy.Refusal
	if p.account, refusal = accountOf(f.Owner, s.Policy); refusal != nil {
		return nil, refusal
	}
	if p.gid, refusal = p.account.groupOf(f.Group); refusal != nil {
		return nil, refusal
	}
	if len(s.Policy.Directories) > 0 {
		if p.root = s.Policy.Covering(p.directory); p.root == "" {
			return nil, policy.Refuse(policy.FilePath, "the policy of this machine does not allow directory %q", f.Directory)
		}
	}
	return p, nil
}

// place writes the file.
func (p *placement) place() error {
	return p.account.act(p.gid, func() error {
		dir, err := p.open()
		if err != nil {
			return err
		}
		defer dir.Close()
		return p.write(dir)
	})
}

// open opens the target directory, and makes it if it is not there.
func (p *placement) open() (*os.Root, error) {
	if p.root == "" {
		if err := os.MkdirAll(p.directory, 0o755); err != nil {
			return nil, refuseFile(policy.FilePath, err)
		}
		dir, err := os.OpenRoot(p.directory)
		return dir, refuseFile(policy.FilePath, err)
	}
	root, err := os.OpenRoot(p.root)
	if err != nil {
		return nil, refuseFile(policy.FilePath, err)
	}
	rel, err := filepath.Rel(p.root, p.directory)
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	if rel == "." {
		return root, nil
	}
	defer root.Close()
	if err := root.MkdirAll(rel, 0o755); err != nil {
		return nil, refuseFile(policy.FilePath, err)
	}
	dir, err := root.OpenRoot(rel)
	return dir, refuseFile(policy.FilePath, err)
}

// refuseFile is an error as a refusal.
func refuseFile(code string, err error) error {
	if err == nil {
		return nil
	}
	return policy.Refuse(code, "%v", err)
}

func (p *placement) write(dir *os.Root) error {
	temp := "." + p.file.Name + "." + rand.Text()[:10]
	const longest = 255
	if len(temp) > longest {
		temp = temp[len(temp)-longest:]
	}
	f, err := dir.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return refuseFile(policy.FileFailed, err)
	}
	_, err = f.Write(p.file.Content)
	err = errFirst(err, p.account.give(f, p.gid), f.Chmod(p.mode), f.Sync(), f.Close())
	if err == nil {
		err = p.name(dir, temp)
	}
	if err != nil {
		_ = dir.Remove(temp)
		var refusal *policy.Refusal
		if errors.As(err, &refusal) {
			return err
		}
		return refuseFile(policy.FileFailed, err)
	}
	d, err := dir.Open(".")
	if err != nil {
		return refuseFile(policy.FileFailed, err)
	}
	defer d.Close()
	return refuseFile(policy.FileFailed, syncNames(d))
}

// name gives the file its name. Without leave to overwrite it takes a name only if that is free, which link decides at once.
func (p *placement) name(dir *os.Root, temp string) error {
	if p.file.Overwrite {
		if st, err := dir.Lstat(p.file.Name); err == nil && st.IsDir() {
			return policy.Refuse(policy.FileExists, "%s is a directory", p.file.Name)
		}
		return dir.Rename(temp, p.file.Name)
	}
	err := dir.Link(temp, p.file.Name)
	if errors.Is(err, fs.ErrExist) {
		return policy.Refuse(policy.FileExists, "File already exists: %s", p.file.Name)
	}
	if err != nil {
		return err
	}
	return dir.Remove(temp)
}

// holds reports whether the file is there as it was to be.
func (p *placement) holds() bool {
	err := p.account.act(p.gid, func() error {
		f, err := os.OpenInRoot(p.directory, p.file.Name)
		if err != nil {
			return err
		}
		defer f.Close()
		content, err := io.ReadAll(io.LimitReader(f, int64(len(p.file.Content))+1))
		if err == nil && !bytes.Equal(content, p.file.Content) {
			err = errors.New("it is another file")
		}
		return err
	})
	return err == nil
}

// placing is the writing of a file as a run: it is over at once.
type placing struct {
	base
	p *placement
}

func newPlacing(p *placement) *placing { return &placing{newBase(), p} }

// Ref implements [Process].
func (p *placing) Ref() Ref { return Ref{} }

// Begin implements [Process].
func (p *placing) Begin() error {
	began := time.Now()
	err := p.p.place()
	r := Result{Took: time.Since(began)}
	var refusal *policy.Refusal
	if errors.As(err, &refusal) {
		r.Outcome, r.ErrorCode, r.ErrorInfo = agentproto.Errored, refusal.Code, refusal.Info
	} else if err != nil {
		r.Outcome, r.ErrorCode, r.ErrorInfo = agentproto.Errored, policy.FileFailed, fmt.Sprint(err)
	} else {
		r = sent(r.Took)
	}
	p.end(r)
	return nil
}

func sent(took time.Duration) Result {
	return Result{Outcome: agentproto.Exited, ExitCode: new(int64), Took: took, Whole: true}
}

// Abandon implements [Process].
func (p *placing) Abandon() { p.end(Result{}) }

// placed is a file of which it is not known whether it was written before the agent ended: it was, if it is there.
func (r *Runner) placed(s *Spec) Process {
	p, refusal := r.placement(s)
	out := newPlacing(p)
	if refusal == nil && p.holds() {
		out.end(sent(0))
	} else {
		out.end(Lost("the agent was started anew while it wrote the file"))
	}
	return out
}
