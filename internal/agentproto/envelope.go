package agentproto

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

/*
An envelope holds the bytes of a task, so that what is signed is what is read, and no second encoding of it matters:

	{"key": "k-1", "task": base64(JSON of Task), "signature": base64(Ed25519 over signaturePrefix + task)}
*/

// Envelope is a signed task.
type Envelope struct {
	Key       string `json:"key"`  // which of the server's keys signed
	Task      []byte `json:"task"` // JSON of a Task
	Signature []byte `json:"signature"`
}

// signaturePrefix keeps a signature over a task from being one over anything else.
const signaturePrefix = "sluice agent task v1\x00"

// Kind implements [Message].
func (*Envelope) Kind() Kind { return KindTask }

// Check implements [Message]. It does not verify: see [Keys.Open].
func (e *Envelope) Check() error {
	if len(e.Task) == 0 || len(e.Signature) != ed25519.SignatureSize {
		return errors.New("an envelope without a task or a signature")
	}
	return nil
}

// Seal signs a task.
func Seal(t *Task, key string, private ed25519.PrivateKey) (*Envelope, error) {
	if err := t.Check(); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	return &Envelope{Key: key, Task: raw, Signature: ed25519.Sign(private, append([]byte(signaturePrefix), raw...))}, nil
}

// Keys are the keys that an agent trusts to sign tasks, by name.
type Keys map[string]ed25519.PublicKey

// Why an envelope is refused.
var (
	ErrUnsigned  = errors.New("the task is not signed by a key of the server")
	ErrNotForMe  = errors.New("the task is for another instance")
	ErrExpired   = errors.New("the task has expired")
	ErrMalformed = errors.New("the task cannot be read")
)

// Open verifies an envelope for an instance at a time by the server's clock, and returns its task. An agent that gets an error does nothing but
// note it: an answer would tell a forger something.
func (k Keys) Open(e *Envelope, instance string, now time.Time) (*Task, error) {
	public, ok := k[e.Key]
	if !ok || len(public) != ed25519.PublicKeySize || !ed25519.Verify(public, append([]byte(signaturePrefix), e.Task...), e.Signature) {
		return nil, ErrUnsigned
	}
	t := &Task{}
	if err := json.Unmarshal(e.Task, t); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if err := t.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if t.Instance != instance {
		return nil, ErrNotForMe
	}
	if !now.Before(t.Expires.Go()) {
		return nil, ErrExpired
	}
	return t, nil
}

// TaskVersion is the version of Task in this package. An agent does nothing of another.
const TaskVersion = 1

// TaskKind is what an agent is to do.
type TaskKind string

// The kinds of tasks.
const (
	TaskRun  TaskKind = "run"
	TaskFile TaskKind = "file"
	TaskStop TaskKind = "stop"
)

// Task is one thing to do on one instance.
type Task struct {
	V          int      `json:"v"`
	Kind       TaskKind `json:"kind"`
	Instance   string   `json:"instance"`
	Invocation string   `json:"invocation"`
	Version    int      `json:"version"`          // grows when an invocation is modified
	NextSeq    int64    `json:"nextSeq"`          // number of its next event, if the agent's journal does not know the invocation
	Nonce      string   `json:"nonce"`            // never the same twice
	Issued     Time     `json:"issued"`           // when it was signed
	Expires    Time     `json:"expires"`          // no agent takes it then or later
	Caller     string   `json:"caller,omitempty"` // who asked for it, for the agent's own policy and log
	SHA256     string   `json:"sha256,omitempty"` // of the content, in lower-case hexadecimal digits

	Run  *Run  `json:"run,omitempty"`
	File *File `json:"file,omitempty"`
}

// Run is a command to run, now or by a schedule. All parameters are resolved in it.
type Run struct {
	CommandID   string   `json:"commandId"`
	CommandName string   `json:"commandName,omitempty"`
	Type        string   `json:"type"` // RunShellScript, RunBatScript, RunPowerShellScript
	Content     []byte   `json:"content"`
	Launcher    string   `json:"launcher,omitempty"`  // how to start the script, with {{ACS::ScriptFileName}} in it; "" for the usual way
	Directory   string   `json:"directory,omitempty"` // "" for the home of the user
	User        string   `json:"user,omitempty"`      // "" for the agent's default
	Password    string   `json:"password,omitempty"`  // of User, on Windows
	Timeout     int64    `json:"timeout"`             // seconds of each run
	KillTree    bool     `json:"killTree,omitempty"`  // at a timeout or stop: the descendants too, not just the process group
	Repeat      string   `json:"repeat"`              // Once, Period, NextRebootOnly, EveryReboot, DryRun
	Frequency   string   `json:"frequency,omitempty"` // of Period; see package schedule
	Created     Time     `json:"created"`             // of the invocation: where rates count from
	NextRun     int64    `json:"nextRun"`             // number of the next run, if the agent's journal does not say a higher one
	Container   string   `json:"container,omitempty"` // id or name
	Sensitive   bool     `json:"sensitive,omitempty"` // the content holds secrets
	Mask        []string `json:"mask,omitempty"`      // words to be replaced in output
}

// File is a file to write.
type File struct {
	Name      string `json:"name"`
	Directory string `json:"directory"`
	Content   []byte `json:"content"` // decoded
	Owner     string `json:"owner,omitempty"`
	Group     string `json:"group,omitempty"`
	Mode      string `json:"mode"` // octal, like 0644
	Overwrite bool   `json:"overwrite,omitempty"`
	Timeout   int64  `json:"timeout"` // seconds
}

// MaskText stands in output for words that are masked.
const MaskText = "******"

// How a command repeats.
const (
	Once           = "Once"
	Period         = "Period"
	NextRebootOnly = "NextRebootOnly"
	EveryReboot    = "EveryReboot"
	DryRun         = "DryRun"
)

// MaxContent is the largest content of a command or file, decoded, in bytes.
const MaxContent = 48 << 10

// MaxLife is the longest time from Issued to Expires. An agent remembers the ids of invocations that are over, or that it was told to forget, for as
// long: a task that was under way meanwhile must not begin them again.
const MaxLife = time.Hour

// Check says what is wrong with a task. A task that passes has the structure of its kind, and content that fits its hash.
func (t *Task) Check() error {
	if t.V != TaskVersion {
		return fmt.Errorf("version %d of tasks is not %d", t.V, TaskVersion)
	}
	if err := errors.Join(checkID(t.Instance), checkID(t.Invocation)); err != nil {
		return err
	}
	if t.Version < 0 || t.NextSeq < 1 || t.Nonce == "" || len(t.Nonce) > maxText || t.Expires <= 0 {
		return errors.New("a task without a nonce, or one that never expires")
	}
	if t.Expires.Go().Sub(t.Issued.Go()) > MaxLife {
		return fmt.Errorf("a task that lives longer than %v", MaxLife)
	}
	switch {
	case t.Kind == TaskStop && t.Run == nil && t.File == nil:
		return nil
	case t.Kind == TaskRun && t.Run != nil && t.File == nil:
		return errors.Join(checkContent(t.Run.Content, t.SHA256), t.Run.check())
	case t.Kind == TaskFile && t.File != nil && t.Run == nil:
		return errors.Join(checkContent(t.File.Content, t.SHA256), t.File.check())
	}
	return fmt.Errorf("a task of kind %.20q without what belongs to it", t.Kind)
}

func (r *Run) check() error {
	switch r.Repeat {
	case Once, NextRebootOnly, EveryReboot, DryRun, Period:
	default:
		return fmt.Errorf("repeat %.40q is none that is known", r.Repeat)
	}
	if (r.Repeat == Period) != (r.Frequency != "") {
		return errors.New("a frequency belongs to Period, and to nothing else")
	}
	if r.Timeout < 1 || r.NextRun < 1 {
		return errors.New("timeout and nextRun are at least 1")
	}
	return nil
}

func (f *File) check() error {
	if f.Name == "" || f.Directory == "" || f.Timeout < 1 {
		return errors.New("a file needs a name, a directory and a timeout")
	}
	return nil
}

func checkContent(content []byte, want string) error {
	if len(content) > MaxContent {
		return fmt.Errorf("content of %d bytes is over %d", len(content), MaxContent)
	}
	if HashOf(content) != want {
		return errors.New("the content is not what its hash says")
	}
	return nil
}

// HashOf is the SHA-256 of content in lower-case hexadecimal digits.
func HashOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
