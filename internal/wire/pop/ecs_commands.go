package pop

import (
	"encoding/json"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/assistant"
)

// RunCommand: makes a command and runs it on instances; OssOutputDelivery is refused: full output goes to a logstore by itself.
// Differs: the policy of each machine says who runs what names no Username (nobody, if it says nothing) and whether root may run anything (no); exit codes
// of 193 and 194 do not restart the machine.

// DescribeCommands: there are no public commands: a Provider finds nothing.

// ModifyCommand: CommandContent is refused, as documented.

var ecsCommands = []action{
	ecs("RunCommand", true, (*API).runCommand),
	ecs("CreateCommand", true, (*API).createCommand),
	ecs("InvokeCommand", true, (*API).invokeCommand),
	ecs("ModifyCommand", true, (*API).modifyCommand),
	ecs("DeleteCommand", true, (*API).deleteCommand),
	ecs("DescribeCommands", false, (*API).describeCommands),
}

// command reads what makes a command. encoding is how its content comes, unless the caller says.
func (q *request) command(encoding string) (c assistant.Command, err error) {
	for _, name := range []string{"Type", "CommandContent"} {
		if _, err := q.text(name); err != nil {
			return c, err
		}
	}
	p := q.params
	c = assistant.Command{
		Name: p.Get("Name"), Description: p.Get("Description"), Type: p.Get("Type"), WorkingDir: p.Get("WorkingDir"), Launcher: p.Get("Launcher"),
		ResourceGroup: p.Get("ResourceGroupId"), Tags: q.tags("Tag"),
	}
	if c.Content, err = q.content("CommandContent", encoding, "CmdContent.DecodeError"); err != nil {
		return c, err
	}
	if c.EnableParameter, err = q.isSet("EnableParameter"); err != nil {
		return c, err
	}
	c.Timeout, err = q.seconds("Timeout")
	return c, err
}

// invoke reads how a command is run.
func (a *API) invoke(q *request) (in assistant.Invoke, err error) {
	p := q.params
	if p.Get("OssOutputDelivery") != "" {
		return in, sluice.Errorf(sluice.Unsupported, "parameter", "OssOutputDelivery is not served: full output is in logstore %v, from where a delivery task ships it", assistant.FullOutput(q.principal.Tenant()))
	}
	in = assistant.Invoke{
		Targets: assistant.Targets{Instances: q.list("InstanceId"), Tags: q.tags("ResourceTag")}, Caller: a.caller(q), RepeatMode: p.Get("RepeatMode"),
		Frequency: p.Get("Frequency"), WorkingDir: p.Get("WorkingDir"), Username: p.Get("Username"), WindowsPasswordName: p.Get("WindowsPasswordName"),
		ContainerID: p.Get("ContainerId"), ContainerName: p.Get("ContainerName"), TerminationMode: p.Get("TerminationMode"), Launcher: p.Get("Launcher"),
		ResourceGroup: p.Get("ResourceGroupId"), InvocationTags: q.tags("Tag"), Token: q.token(),
	}
	if timed, err := q.isSet("Timed"); err != nil {
		return in, err
	} else if timed && in.RepeatMode == "" {
		in.RepeatMode = "Period"
	}
	if in.Parameters, err = q.parameters(); err != nil {
		return in, err
	}
	in.Timeout, err = q.seconds("Timeout")
	return in, err
}

// parameters is the parameter Parameters: a JSON object of texts; numbers and the like are taken as they are written.
func (q *request) parameters() (map[string]string, error) {
	var raw map[string]json.RawMessage
	if _, err := q.object("Parameters", &raw); err != nil {
		return nil, sluice.Errorf(sluice.Invalid, assistant.NounCode+"InvalidParameter.Parameters", "Parameters is not a JSON object")
	}
	if len(raw) == 0 {
		return nil, nil
	}
	out := map[string]string{}
	for name, v := range raw {
		var text string
		switch {
		case json.Unmarshal(v, &text) == nil:
		case len(v) > 0 && (v[0] == '{' || v[0] == '['):
			return nil, sluice.Errorf(sluice.Conflict, assistant.NounCode+"ParameterType.NotSupported", "the value of parameter %.64q is not text", name)
		default:
			text = string(v)
		}
		out[name] = text
	}
	return out, nil
}

func (a *API) runCommand(q *request) (any, error) {
	c, err := q.command("PlainText")
	if err != nil {
		return nil, err
	}
	in, err := a.invoke(q)
	if err != nil {
		return nil, err
	}
	keep, err := q.isSet("KeepCommand")
	if err != nil {
		return nil, err
	}
	command, invocation, err := a.fleet(q).RunCommand(q.r.Context(), c, keep, in)
	return struct{ CommandId, InvokeId string }{command, invocation}, err //nolint:revive // as clients spell them
}

func (a *API) createCommand(q *request) (any, error) {
	c, err := q.command("Base64")
	if err != nil {
		return nil, err
	}
	if _, err := q.text("Name"); err != nil {
		return nil, err
	}
	id, err := a.fleet(q).CreateCommand(q.r.Context(), c, q.token())
	return struct{ CommandId string }{id}, err //nolint:revive // as clients spell it
}

func (a *API) invokeCommand(q *request) (any, error) {
	id, err := q.text("CommandId")
	if err != nil {
		return nil, err
	}
	in, err := a.invoke(q)
	if err != nil {
		return nil, err
	}
	invocation, err := a.fleet(q).InvokeCommand(q.r.Context(), id, in)
	return struct{ InvokeId string }{invocation}, err //nolint:revive // as clients spell it
}

func (a *API) modifyCommand(q *request) (any, error) {
	id, err := q.text("CommandId")
	if err != nil {
		return nil, err
	}
	if q.params.Get("CommandContent") != "" {
		return nil, sluice.Errorf(sluice.Unsupported, "parameter", "the content of a command cannot be modified: create another command")
	}
	m := assistant.CommandChange{
		Name: q.given("Name"), Description: q.given("Description"), WorkingDir: q.given("WorkingDir"), Launcher: q.given("Launcher"),
	}
	if timeout, err := q.seconds("Timeout"); err != nil {
		return nil, err
	} else if timeout != 0 {
		m.Timeout = &timeout
	}
	return done(a.fleet(q).ModifyCommand(q.r.Context(), id, m))
}

func (a *API) deleteCommand(q *request) (any, error) {
	id, err := q.text("CommandId")
	if err != nil {
		return nil, err
	}
	return done(a.fleet(q).DeleteCommand(q.r.Context(), id))
}

// commandModel is a command in an answer.
//
//nolint:revive // as clients spell it
type commandModel struct {
	CommandId, Name, Type, Description, CommandContent, WorkingDir, Category, Provider, Launcher, ResourceGroupId, CreationTime string

	Timeout         int64
	EnableParameter bool
	Latest          bool
	InvokeTimes     int32
	Version         int32
	ParameterNames  struct{ ParameterName []string }

	ParameterDefinitions struct{ ParameterDefinition []parameterModel }
	Tags                 tagList
}

type parameterModel struct {
	ParameterName, Description, DefaultValue, PatternRegex string

	Required       bool
	PossibleValues struct{ PossibleValue []string }
}

func modelOf(c *assistant.Command, show func(string) string) commandModel {
	m := commandModel{
		CommandId: c.ID, Name: c.Name, Type: c.Type, Description: c.Description, CommandContent: show(c.Content), WorkingDir: c.WorkingDir,
		Launcher: c.Launcher, ResourceGroupId: c.ResourceGroup, CreationTime: timeText(c.Created), Timeout: c.Timeout, EnableParameter: c.EnableParameter,
		Latest: true, InvokeTimes: c.InvokeTimes, Version: 1, Tags: wrapTags(c.Tags), Provider: "User", Category: "Default",
	}
	m.ParameterNames.ParameterName, m.ParameterDefinitions.ParameterDefinition = c.ParameterNames(), []parameterModel{}
	for _, name := range m.ParameterNames.ParameterName {
		p := parameterModel{ParameterName: name}
		p.PossibleValues.PossibleValue = []string{}
		m.ParameterDefinitions.ParameterDefinition = append(m.ParameterDefinitions.ParameterDefinition, p)
	}
	return m
}

func (a *API) describeCommands(q *request) (any, error) {
	page, err := q.paging()
	if err != nil {
		return nil, err
	}
	p := q.params
	list, err := a.fleet(q).Commands(q.r.Context(), assistant.CommandFilter{
		ID: p.Get("CommandId"), Name: p.Get("Name"), Description: p.Get("Description"), Type: p.Get("Type"), Provider: p.Get("Provider"),
		ResourceGroup: p.Get("ResourceGroupId"), Tags: q.tags("Tag"),
	}, page)
	if err != nil {
		return nil, err
	}
	out := struct {
		Commands struct{ Command []commandModel }
		pageAnswer
	}{pageAnswer: paged(page, list)}
	out.Commands.Command = []commandModel{}
	for _, c := range list.Rows {
		out.Commands.Command = append(out.Commands.Command, modelOf(c, q.shownAs()))
	}
	return out, nil
}
