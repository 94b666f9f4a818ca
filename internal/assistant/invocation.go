package assistant

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/schedule"
)

// Caller is who asked for an invocation.
type Caller struct {
	Account int64  `json:"account"` // the account's id
	User    int64  `json:"user"`    // the id of the identity that called: the account's, or a user's of it
	Key     string `json:"key"`     // its access key
}

// Invocation is a command to run, or a file to write, on instances. It is a copy: what happens to its command later does not change it.
type Invocation struct {
	ID      string `json:"id"`
	Account string `json:"account,omitempty"` // whose it is, and whose its instances are, as meta.Project has it
	Version int    `json:"version,omitempty"` // grows when it is modified
	Caller  Caller `json:"caller"`

	File *FileSpec `json:"file,omitempty"` // of what SendFile made

	CommandID           string            `json:"commandId,omitempty"`
	CommandName         string            `json:"commandName,omitempty"`
	Description         string            `json:"description,omitempty"`
	Type                string            `json:"type,omitempty"`
	Content             string            `json:"content,omitempty"` // as the caller wrote it: with placeholders
	EnableParameter     bool              `json:"enableParameter,omitempty"`
	Parameters          map[string]string `json:"parameters,omitempty"`
	WorkingDir          string            `json:"workingDir,omitempty"`
	Username            string            `json:"username,omitempty"`
	WindowsPasswordName string            `json:"windowsPasswordName,omitempty"`
	Launcher            string            `json:"launcher,omitempty"`
	TerminationMode     string            `json:"terminationMode,omitempty"`
	RepeatMode          string            `json:"repeatMode"`
	Frequency           string            `json:"frequency,omitempty"`
	ContainerID         string            `json:"containerId,omitempty"`
	ContainerName       string            `json:"containerName,omitempty"`
	DropCommand         bool              `json:"dropCommand,omitempty"` // the command goes with it

	Timeout       int64     `json:"timeout"` // seconds
	ResourceGroup string    `json:"resourceGroup,omitempty"`
	Tags          []Tag     `json:"tags,omitempty"`
	Created       time.Time `json:"created"`
	Finished      time.Time `json:"finished,omitzero"`
	Final         Status    `json:"final,omitempty"` // of the whole, once all targets are over
}

// FileSpec is a file to write.
type FileSpec struct {
	Name        string `json:"name"`
	Content     string `json:"content"` // as it was submitted
	ContentType string `json:"contentType"`
	TargetDir   string `json:"targetDir"`
	Owner       string `json:"owner,omitempty"`
	Group       string `json:"group,omitempty"`
	Mode        string `json:"mode,omitempty"`
	Overwrite   bool   `json:"overwrite,omitempty"`
	Description string `json:"description,omitempty"`
}

// recurring reports whether the invocation waits for its runs.
func (i *Invocation) recurring() bool {
	return i.RepeatMode == agentproto.Period || i.RepeatMode == agentproto.EveryReboot || i.RepeatMode == agentproto.NextRebootOnly
}

// single reports whether there is one run at most.
func (i *Invocation) single() bool {
	return i.RepeatMode != agentproto.Period && i.RepeatMode != agentproto.EveryReboot
}

// Targets say where something is to be done: instances by their ids, or all that have these tags now.
type Targets struct {
	Instances []string
	Tags      []Tag
}

// Invoke says how a command is run.
type Invoke struct {
	Targets
	Caller              Caller
	Parameters          map[string]string
	RepeatMode          string // "" for Once, or Period if there is a frequency
	Frequency           string
	Timeout             int64  // 0 for the command's
	WorkingDir          string // "" for the command's
	Username            string
	WindowsPasswordName string
	ContainerID         string
	ContainerName       string
	TerminationMode     string
	Launcher            string // "" for the command's
	ResourceGroup       string
	InvocationTags      []Tag
	Token               Token
}

// RunCommand makes a command and an invocation of it; the command stays if keep says so. It returns the ids of both.
func (fl *Fleet) RunCommand(ctx context.Context, c Command, keep bool, in Invoke) (command, invocation string, err error) {
	if err := c.check(keep); err != nil {
		return "", "", err
	}
	s := fl.s
	c.ID, c.Account, c.Created, c.Temporary, c.InvokeTimes = newID("c", s.now()), fl.account, s.now(), !keep, 1
	inv, err := s.newInvocation(&c, &in)
	if err != nil {
		return "", "", err
	}
	inv.DropCommand = !keep
	targets, err := fl.targets(in.Targets, maxInstances, inv)
	if err != nil {
		return "", "", err
	}
	both, err := s.once(ctx, in.Token, func(tx meta.Tx) (string, func(), error) {
		after, err := fl.create(tx, inv, targets)
		return c.ID + " " + inv.ID, after, errorsFirst(err, putCommand(tx, &c))
	})
	command, invocation, _ = strings.Cut(both, " ")
	return command, invocation, err
}

// InvokeCommand makes an invocation of a command that is there, and returns its id.
func (fl *Fleet) InvokeCommand(ctx context.Context, commandID string, in Invoke) (string, error) {
	s := fl.s
	var found *Command
	if err := s.store.View(ctx, func(tx meta.Tx) (err error) {
		found, err = fl.command(tx, commandID)
		return err
	}); err != nil {
		return "", err
	}
	inv, err := s.newInvocation(found, &in)
	if err != nil {
		return "", err
	}
	targets, err := fl.targets(in.Targets, maxInstances, inv)
	if err != nil {
		return "", err
	}
	return s.once(ctx, in.Token, func(tx meta.Tx) (string, func(), error) {
		c, err := fl.command(tx, commandID)
		if err != nil {
			return "", nil, err
		}
		c.InvokeTimes++
		after, err := fl.create(tx, inv, targets)
		return inv.ID, after, errorsFirst(err, putCommand(tx, c))
	})
}

// newInvocation makes an invocation of a command, for the same account, checked.
func (s *Service) newInvocation(c *Command, in *Invoke) (*Invocation, error) {
	now := s.now()
	inv := &Invocation{
		ID: newID("t", now), Account: c.Account, Caller: in.Caller, CommandID: c.ID, CommandName: c.Name, Description: c.Description, Type: c.Type, Content: c.Content,
		EnableParameter: c.EnableParameter, Parameters: in.Parameters, WorkingDir: or(in.WorkingDir, c.WorkingDir), Username: in.Username,
		WindowsPasswordName: in.WindowsPasswordName, Launcher: or(in.Launcher, c.Launcher), TerminationMode: or(in.TerminationMode, "Process"),
		RepeatMode: in.RepeatMode, Frequency: strings.TrimSpace(in.Frequency), ContainerID: in.ContainerID, ContainerName: in.ContainerName,
		ResourceGroup: in.ResourceGroup, Tags: in.InvocationTags, Created: now,
	}
	var err error
	if inv.Timeout, err = checkTimeout(in.Timeout, c.Timeout); err != nil {
		return nil, err
	}
	return inv, errorsFirst(inv.checkRepeat(now), inv.checkTexts(), checkParameters(c.EnableParameter, c.Content, in.Parameters), inv.checkSize(), checkTags(in.InvocationTags))
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// checkRepeat finds the repeat mode, and checks what belongs to it.
func (i *Invocation) checkRepeat(now time.Time) error {
	if i.RepeatMode == "" {
		i.RepeatMode = agentproto.Once
		if i.Frequency != "" {
			i.RepeatMode = agentproto.Period
		}
	}
	switch i.RepeatMode {
	case agentproto.Period:
		return checkFrequency(i.Frequency, now, i.Timeout, "InvalidParam.Frequency")
	case agentproto.Once, agentproto.NextRebootOnly, agentproto.EveryReboot, agentproto.DryRun:
		if i.Frequency != "" {
			return fail(sluice.Invalid, "InvalidParam.Frequency", "a frequency goes with RepeatMode Period, and not with %s", i.RepeatMode)
		}
		return nil
	}
	return fail(sluice.NotFound, "InvalidRepeatMode.NotFound", "repeat mode %.40q is none of Once, Period, NextRebootOnly, EveryReboot, DryRun", i.RepeatMode)
}

func checkFrequency(frequency string, now time.Time, timeout int64, code string) error {
	if frequency == "" {
		return fail(sluice.Invalid, "MissingParam.Frequency", "RepeatMode Period needs a frequency")
	}
	f, err := schedule.Parse(frequency)
	if err == nil {
		err = f.Check(now, time.Duration(timeout)*time.Second)
	}
	if err != nil {
		return fail(sluice.Invalid, code, "%s: %w", schedule.CodeOf(err), err)
	}
	return nil
}

func (i *Invocation) checkTexts() error {
	switch {
	case utf8.RuneCountInString(i.Username) > maxUsername:
		return fail(sluice.TooLarge, "Username.ExceedLimit", "a user name has at most %d characters", maxUsername)
	case utf8.RuneCountInString(i.WindowsPasswordName) > maxUsername:
		return fail(sluice.TooLarge, "WindowsPasswordName.ExceedLimit", "the name of a password has at most %d characters", maxUsername)
	case i.TerminationMode != "Process" && i.TerminationMode != "ProcessTree":
		return fail(sluice.NotFound, "InvalidTerminationMode.NotFound", "termination mode %.40q is neither Process nor ProcessTree", i.TerminationMode)
	case i.ContainerID != "" && !containerID(i.ContainerID):
		return fail(sluice.Invalid, "InvalidContainerId.Malformed", "container id %.100q is not 64 hexadecimal digits, behind docker://, containerd:// or cri-o:// or nothing", i.ContainerID)
	case len(i.ContainerName) > maxFileName || !plain(i.ContainerName):
		return fail(sluice.Invalid, "InvalidContainerName.Malformed", "the container name is too long, or has characters that do not print")
	}
	return errorsFirst(checkDirectory(i.WorkingDir), checkLauncher(i.Launcher))
}

// checkSize checks the content with its parameters in place. Those of the server and of the parameter store count as they are written.
func (i *Invocation) checkSize() error {
	if !i.EnableParameter {
		return nil
	}
	r, err := resolve(i.Content, i.Parameters, nil, func(reference) (string, error) { return "", nil })
	var unknown *resolveError
	if err != nil && !errors.As(err, &unknown) {
		return err
	}
	if size := encodedSize(len(r.content)); size > maxContentOnce {
		return fail(sluice.TooLarge, "CmdContent.ExceedLimit", "with its parameters the content has %d bytes in base64, at most %d are allowed", size, maxContentOnce)
	}
	return nil
}

func containerID(id string) bool {
	for _, prefix := range []string{"docker://", "containerd://", "cri-o://"} {
		id = strings.TrimPrefix(id, prefix)
	}
	return len(id) == 64 && strings.Trim(id, "0123456789abcdefABCDEF") == ""
}

// create writes an invocation with its targets, and hands it to agents once that is committed.
func (fl *Fleet) create(tx meta.Tx, inv *Invocation, instances []string) (func(), error) {
	for _, id := range instances { // before anything is written
		if err := fl.has(tx, id); err != nil {
			return nil, err
		}
	}
	if err := fl.roomForTargets(tx, instances); err != nil {
		return nil, err
	}
	if err := putInvocation(tx, inv); err != nil {
		return nil, err
	}
	targets := make([]*Target, len(instances))
	for i, id := range instances {
		t := &Target{Invocation: inv.ID, Instance: id, Account: inv.Account, Status: Pending, Created: inv.Created, Updated: inv.Created}
		if err := createTarget(tx, t); err != nil {
			return nil, err
		}
		targets[i] = t
	}
	return func() { fl.s.dispatch(targets) }, nil
}

// has is the error of invocations for an instance that the account does not have.
func (fl *Fleet) has(tx meta.Tx, id string) error {
	i, err := find[Instance](tx, fl.account, kindInstance, id)
	if err == nil && i == nil {
		err = noInstance(id)
	}
	return err
}

func noInstance(id string) error {
	return fail(sluice.NotFound, "InvalidInstance.NotFound", "instance %.80q does not exist", id)
}

func createTarget(tx meta.Tx, t *Target) error {
	return errorsFirst(putTarget(tx, t), tx.SetItem(meta.Item{Kind: kindLive, Name: t.key().name(), Group: t.Instance}))
}

// targets finds the instances that are meant, by id.
func (fl *Fleet) targets(t Targets, most int, inv *Invocation) ([]string, error) {
	if len(t.Instances) > 0 && len(t.Tags) > 0 {
		return nil, fail(sluice.Invalid, "InvalidResourceTag.ConflictWithInstanceIds", "give either instance ids or resource tags")
	}
	ids := t.Instances
	if len(t.Tags) > 0 {
		if err := checkResourceTags(t.Tags); err != nil {
			return nil, err
		}
		if ids = fl.taggedInstances(t.Tags); len(ids) == 0 {
			return nil, fail(sluice.Invalid, "InvalidResourceTag.InstanceNotFound", "no instance has these tags")
		}
	} else if len(ids) > most {
		return nil, fail(sluice.TooLarge, "InstanceIds.ExceedLimit", "%d instances are given, at most %d are allowed", len(ids), most)
	}
	if len(ids) == 0 {
		return nil, fail(sluice.Invalid, "MissingParam.InstanceId", "give instance ids or resource tags")
	}
	ids = unique(ids)
	s := fl.s
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		i := s.instances[id]
		if i == nil || i.Account != fl.account {
			return nil, noInstance(id)
		}
		if err := inv.fits(i); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// fits checks that an invocation can be for an instance.
func (i *Invocation) fits(to *Instance) error {
	windows := to.OS == "windows"
	if i.Type == typeBat && !windows {
		return fail(sluice.Invalid, "InvalidInstance.NotMatch", "instance %s does not run Windows, and %s does not run elsewhere", to.ID, i.Type)
	}
	if windows && i.Username != "" && i.WindowsPasswordName == "" {
		return fail(sluice.Conflict, "WindowsPasswordName.Missed", "instance %s runs Windows: a user name needs WindowsPasswordName", to.ID)
	}
	return nil
}

func unique(ids []string) []string {
	seen := map[string]bool{}
	out := make([]string, 0, len(ids))
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}

func checkResourceTags(tags []Tag) error {
	if len(tags) > maxTags {
		return fail(sluice.Invalid, "NumberExceed.ResourceTags", "at most %d resource tags are allowed", maxTags)
	}
	seen := map[string]bool{}
	for _, t := range tags {
		if t.Key == "" {
			return fail(sluice.Invalid, "MissingParameter.ResourceTagKey", "a resource tag needs a key")
		}
		if seen[t.Key] {
			return fail(sluice.Invalid, "Duplicate.ResourceTagKey", "the resource tag key %.64q is there twice", t.Key)
		}
		seen[t.Key] = true
	}
	return nil
}

// ParametersText is the JSON text of the parameters, "{}" for none.
func (i *Invocation) ParametersText() string {
	if len(i.Parameters) == 0 {
		return "{}"
	}
	raw, _ := json.Marshal(i.Parameters) // of strings
	return string(raw)
}

// finishInvocation notes that an invocation is over, if its last target is.
func finishInvocation(tx meta.Tx, id string, now time.Time) error {
	inv, err := getInvocation(tx, id)
	if err != nil || inv == nil {
		return err
	}
	left, err := tx.Items(kindLive, meta.ItemRange{Prefix: inv.ID + "/", Limit: 1})
	if err != nil || len(left) > 0 || inv.Final != "" {
		return err
	}
	targets, err := targetsOf(tx, inv.ID)
	if err != nil {
		return err
	}
	inv.Final, inv.Finished = overall(statuses(targets)), now
	if inv.DropCommand {
		if err := tx.DeleteItem(kindCommand, inv.CommandID); err != nil {
			return err
		}
	}
	return putInvocation(tx, inv)
}

func statuses(targets []*Target) []Status {
	all := make([]Status, len(targets))
	for i, t := range targets {
		all[i] = t.Status
	}
	return all
}
