package assistant

import (
	"crypto/rand"
	"errors"
	"strconv"
	"time"

	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/meta"
)

// dispatch sends what targets have to do to the agents that are there. The others get it when they come.
func (s *Service) dispatch(targets []*Target) {
	var there []targetKey
	for _, t := range targets {
		s.setLive(t)
		switch x := s.session(t.Instance); {
		case x == nil:
		case x.kick != nil:
			x.kick()
		default:
			there = append(there, t.key())
		}
	}
	if len(there) == 0 {
		return
	}
	s.sending.Go(func() { // not in the way of other commits
		if err := s.sendTasks(there); err != nil {
			s.o.Logger.Warn("tasks were not sent", "first", there[0].invocation, "error", err)
		}
	})
}

// sendTasks signs and sends the tasks of targets, each as it is now. What they are is found among the commits: a target that is stopped before is
// not sent, and one that is stopped later is known to be sent.
func (s *Service) sendTasks(keys []targetKey) error {
	var tasks []*agentproto.Task
	refused := map[targetKey]*resolveError{}
	if err := s.commits.do(func(tx meta.Tx) (func(), error) {
		tasks = tasks[:0]
		clear(refused)
		for _, key := range keys {
			task, err := s.taskOf(tx, key)
			var unresolved *resolveError
			if errors.As(err, &unresolved) {
				refused[key] = unresolved
				continue
			}
			if err != nil {
				return nil, err
			}
			if task != nil {
				tasks = append(tasks, task)
				s.mu.Lock()
				s.sent[key] = true
				s.mu.Unlock()
			}
		}
		return nil, nil
	}); err != nil {
		return err
	}
	for key, why := range refused {
		if err := s.endIf(key, func(*Target) bool { return true }, Invalid, why.code, why.info); err != nil {
			return err
		}
	}
	for _, task := range tasks {
		envelope, err := agentproto.Seal(task, s.identity.keyName, s.identity.signer)
		if err != nil {
			return err
		}
		if x := s.session(task.Instance); x != nil {
			x.peer.Send(envelope)
		}
	}
	return nil
}

// taskOf makes the task of a target; nil if it has nothing to do, or may no longer begin.
func (s *Service) taskOf(tx meta.Tx, key targetKey) (*agentproto.Task, error) {
	t, err := get[Target](tx, kindTarget, key.name())
	if err != nil || t == nil || t.Status.Final() {
		return nil, err
	}
	inv, err := getInvocation(tx, key.invocation)
	if err != nil || inv == nil {
		return nil, err
	}
	now := s.now()
	task := &agentproto.Task{
		V: agentproto.TaskVersion, Instance: key.instance, Invocation: key.invocation, Version: inv.Version, Nonce: rand.Text(),
		Issued: agentproto.TimeOf(now), Expires: agentproto.TimeOf(now.Add(s.o.Deliver)), Caller: strconv.FormatInt(inv.Caller.User, 10),
	}
	task.NextSeq = t.Seq + 1
	if t.Status == Stopping {
		task.Kind = agentproto.TaskStop
		return task, nil
	}
	if !t.Accepted {
		expires := t.Created.Add(s.o.Deliver)
		if !now.Before(expires) {
			return nil, nil
		}
		task.Expires = agentproto.TimeOf(expires)
	}
	if inv.File != nil {
		return task, s.fileTask(task, inv)
	}
	return task, s.runTask(tx, task, inv, t)
}

func (s *Service) fileTask(task *agentproto.Task, inv *Invocation) error {
	f := inv.File
	content, err := f.bytes()
	task.Kind, task.SHA256 = agentproto.TaskFile, agentproto.HashOf(content)
	task.File = &agentproto.File{
		Name: f.Name, Directory: f.TargetDir, Content: content, Owner: f.Owner, Group: f.Group, Mode: f.Mode, Overwrite: f.Overwrite, Timeout: inv.Timeout,
	}
	return err
}

func (s *Service) runTask(tx meta.Tx, task *agentproto.Task, inv *Invocation, t *Target) error {
	content := resolved{content: inv.Content}
	var err error
	if inv.EnableParameter {
		builtIns := map[string]string{
			"regionid": s.o.Region, "accountid": strconv.FormatInt(inv.Caller.Account, 10), "instanceid": t.Instance,
			"instancename": s.instanceName(t.Instance), "invokeid": inv.ID, "commandid": inv.CommandID,
		}
		if content, err = resolve(inv.Content, inv.Parameters, builtIns, s.lookup(tx, inv.Account)); err != nil {
			return err
		}
	}
	password := ""
	if inv.WindowsPasswordName != "" {
		if password, err = s.lookup(tx, inv.Account)(reference{secret, inv.WindowsPasswordName}); err != nil {
			return err
		}
	}
	raw := []byte(content.content)
	task.Kind, task.SHA256 = agentproto.TaskRun, agentproto.HashOf(raw)
	task.Run = &agentproto.Run{
		CommandID: inv.CommandID, CommandName: inv.CommandName, Type: inv.Type, Content: raw, Launcher: inv.Launcher, Directory: inv.WorkingDir,
		User: inv.Username, Password: password, Timeout: inv.Timeout, KillTree: inv.TerminationMode == "ProcessTree", Repeat: inv.RepeatMode,
		Frequency: inv.Frequency, Created: agentproto.TimeOf(inv.Created), NextRun: t.Runs + 1, Container: or(inv.ContainerID, inv.ContainerName),
		Sensitive: len(content.secrets) > 0 || password != "", Mask: content.secrets,
	}
	return nil
}

func (s *Service) instanceName(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.instances[id]; i != nil {
		return i.Name
	}
	return ""
}

// endTarget ends a target without its agent, in a transaction; nil if it is over already.
func (s *Service) endTarget(tx meta.Tx, key targetKey, status Status, code, info string) (*Target, error) {
	t, err := get[Target](tx, kindTarget, key.name())
	if err != nil || t == nil || t.Status.Final() {
		return nil, err
	}
	inv, err := getInvocation(tx, key.invocation)
	if err != nil || inv == nil {
		return nil, err
	}
	now := s.now()
	record := t.end(inv, status, code, info, now)
	return t, s.putChanged(tx, inv, t, record, now)
}

// putChanged writes a target that changed, with all that follows from it.
func (s *Service) putChanged(tx meta.Tx, inv *Invocation, t *Target, record bool, now time.Time) error {
	if record {
		t.Recorded = true
		if err := s.putRecord(tx, inv, t); err != nil {
			return err
		}
		if !inv.single() {
			if err := errorsFirst(put(tx, kindRun, runName(t), "", t), trimHistory(tx, t)); err != nil {
				return err
			}
		}
	}
	if err := putTarget(tx, t); err != nil {
		return err
	}
	if !t.Status.Final() {
		return nil
	}
	return atEnd(tx, inv.ID, func() error { return finishInvocation(tx, inv.ID, now) })
}
