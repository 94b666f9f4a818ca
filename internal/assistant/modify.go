package assistant

import (
	"context"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// InvocationChange says what of an invocation that repeats is modified; nil leaves it as it is.
type InvocationChange struct {
	Content         *string
	EnableParameter *bool
	Parameters      map[string]string
	Frequency       *string
	AddInstances    []string
	Token           Token
}

// ModifyInvocation changes the runs of an invocation that have not begun, and adds instances. It returns the id of its command, which is another if
// the content is.
func (fl *Fleet) ModifyInvocation(ctx context.Context, id string, m InvocationChange) (string, error) {
	s := fl.s
	now := s.now()
	newCommand := newID("c", now)
	return s.once(ctx, m.Token, func(tx meta.Tx) (string, func(), error) {
		inv, err := fl.invocation(tx, id)
		if err != nil {
			return "", nil, err
		}
		targets, err := targetsOf(tx, id)
		if err != nil {
			return "", nil, err
		}
		command, err := s.modify(tx, inv, &m, newCommand)
		if err != nil {
			return "", nil, err
		}
		added, err := fl.added(tx, targets, m.AddInstances, inv)
		if err != nil {
			return "", nil, err
		}
		if err := fl.roomForTargets(tx, instancesOf(added)); err != nil {
			return "", nil, err
		}
		inv.Version++
		if command != nil {
			if err := putCommand(tx, command); err != nil {
				return "", nil, err
			}
		}
		for _, t := range added {
			if err := createTarget(tx, t); err != nil {
				return "", nil, err
			}
		}
		send := slices.DeleteFunc(append(targets, added...), func(t *Target) bool { return t.Status.Final() })
		return inv.CommandID, func() { s.dispatch(send) }, putInvocation(tx, inv)
	})
}

// instancesOf are the instances of targets.
func instancesOf(targets []*Target) []string {
	ids := make([]string, len(targets))
	for i, t := range targets {
		ids[i] = t.Instance
	}
	return ids
}

// modify changes inv, and returns its new command if it has one.
func (s *Service) modify(tx meta.Tx, inv *Invocation, m *InvocationChange, newCommand string) (*Command, error) {
	switch {
	case inv.File != nil || !inv.recurring():
		return nil, fail(sluice.Conflict, "InvalidOperation.RepeatModeUnsupported", "only invocations that repeat can be modified")
	case inv.Final != "":
		return nil, fail(sluice.Conflict, "InvalidOperation.InvokeAlreadyFinished", "the invocation is over")
	}
	if m.Frequency != nil {
		if err := checkFrequency(*m.Frequency, s.now(), inv.Timeout, "InvalidParameter.Frequency"); err != nil {
			return nil, err
		}
		inv.Frequency = strings.TrimSpace(*m.Frequency)
	}
	if m.EnableParameter != nil {
		inv.EnableParameter = *m.EnableParameter
	}
	if m.Parameters != nil {
		inv.Parameters = m.Parameters
	}
	var command *Command
	if m.Content != nil && *m.Content != inv.Content {
		if size := encodedSize(len(*m.Content)); size > maxContentOnce {
			return nil, fail(sluice.TooLarge, "InvalidCommandContent.LengthLimitExceeded", "the content has %d bytes in base64, at most %d are allowed", size, maxContentOnce)
		}
		if *m.Content == "" || !utf8.ValidString(*m.Content) {
			return nil, fail(sluice.Invalid, "InvalidCommandContent.DecodeError", "the content is empty, or not UTF-8")
		}
		before, err := get[Command](tx, kindCommand, inv.CommandID)
		if err != nil {
			return nil, err
		}
		command = &Command{Account: inv.Account, Name: inv.CommandName, Description: inv.Description, Type: inv.Type, Timeout: inv.Timeout, Temporary: inv.DropCommand}
		if before != nil {
			*command = *before
		}
		command.ID, command.Content, command.EnableParameter, command.Created, command.InvokeTimes = newCommand, *m.Content, inv.EnableParameter, s.now(), 1
		inv.CommandID, inv.Content = newCommand, *m.Content
	}
	return command, errorsFirst(modifiedParameters(inv), inv.checkSize())
}

// modifiedParameters checks the parameters of an invocation in the words of its action.
func modifiedParameters(inv *Invocation) error {
	declared := map[string]bool{}
	for _, n := range parameterNames(inv.Content) {
		declared[strings.ToLower(n)] = true
	}
	if len(inv.Parameters) > maxParametersSent {
		return fail(sluice.TooLarge, "InvalidParameters.CountLimitExceeded", "%d parameters are given, at most %d are allowed", len(inv.Parameters), maxParametersSent)
	}
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(inv.Parameters)) {
		low := strings.ToLower(name)
		switch {
		case name == "":
			return fail(sluice.Invalid, "InvalidParameters.KeyEmpty", "a parameter has no name")
		case len(name) > maxParameterName:
			return fail(sluice.TooLarge, "InvalidParameters.KeyLengthLimitExceeded", "the name of a parameter has more than %d characters", maxParameterName)
		case !parameterName.MatchString(name):
			return fail(sluice.Invalid, "InvalidParameters.KeyMalformed", "the name of parameter %.64q is not made of letters, digits, _ and -", name)
		case seen[low]:
			return fail(sluice.Invalid, "InvalidParameters.KeyDuplicate", "parameter %s is given twice", name)
		case !inv.EnableParameter || !declared[low]:
			return fail(sluice.Invalid, "InvalidParameters.KeyNotMatch", "the content has no parameter %s", name)
		}
		seen[low] = true
	}
	return nil
}

// added are the targets of instances that are new to an invocation.
func (fl *Fleet) added(tx meta.Tx, have []*Target, instances []string, inv *Invocation) ([]*Target, error) {
	var added []*Target
	now := fl.s.now()
	for _, id := range unique(instances) {
		if slices.ContainsFunc(have, func(t *Target) bool { return t.Instance == id }) {
			continue
		}
		i, err := fl.instance(tx, id)
		if err != nil {
			return nil, err
		}
		if inv.fits(i) != nil {
			return nil, fail(sluice.Conflict, "InvalidInstanceId.OSTypeUnsupported", "instance %s cannot run %s", id, inv.Type)
		}
		added = append(added, &Target{Invocation: inv.ID, Instance: id, Account: inv.Account, Status: Pending, Created: now, Updated: now})
	}
	if len(have)+len(added) > maxInstances {
		return nil, fail(sluice.TooLarge, "InvalidInstanceId.CountLimitExceeded", "the invocation would have more than %d instances", maxInstances)
	}
	return added, nil
}
