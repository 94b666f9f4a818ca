package pop

import (
	"github.com/sluicelog/sluice/internal/assistant"
)

// DescribeInvocations, DescribeInvocationResults: states in the words of both old and new clients; OssOutput members are always empty.

// StopInvocation: kills what runs, also of commands that run once; what is over is no error.

var ecsInvocations = []action{
	ecs("DescribeInvocations", false, (*API).describeInvocations),
	ecs("DescribeInvocationResults", false, (*API).describeInvocationResults),
	ecs("StopInvocation", true, (*API).stopInvocation),
	ecs("ModifyInvocationAttribute", true, (*API).modifyInvocation),
}

// invocationModel is an invocation of a command in an answer.
//
//nolint:revive // as clients spell it
type invocationModel struct {
	InvokeId, CommandId, CommandName, CommandDescription, CommandType, CommandContent, ContainerId, ContainerName, CreationTime, Frequency string

	InvocationStatus, InvokeStatus, Launcher, OssOutputDelivery, Parameters, RepeatMode, TerminationMode, Username, WorkingDir, ResourceGroupId string

	Timed           bool
	Timeout         int64
	Tags            tagList
	InvokeInstances struct{ InvokeInstance []targetModel }
}

// targetModel is what an invocation does on one instance, in its answer.
//
//nolint:revive // as clients spell it
type targetModel struct {
	InstanceId, InstanceInvokeStatus, InvocationStatus, CreationTime, StartTime, FinishTime, StopTime, UpdateTime, Output, ErrorCode, ErrorInfo string

	OssOutputStatus, OssOutputUri, OssOutputErrorCode, OssOutputErrorInfo string

	Repeats, Dropped int64
	ExitCode         *int64 `json:",omitempty"`
	Timed            bool
}

func (a *API) describeInvocations(q *request) (any, error) {
	page, err := q.paging()
	if err != nil {
		return nil, err
	}
	p := q.params
	output, err := q.isSet("IncludeOutput")
	if err != nil {
		return nil, err
	}
	f := assistant.InvocationFilter{
		ID: p.Get("InvokeId"), CommandID: p.Get("CommandId"), CommandName: p.Get("CommandName"), CommandType: p.Get("CommandType"),
		Instance: p.Get("InstanceId"), RepeatMode: p.Get("RepeatMode"), Status: p.Get("InvokeStatus"), ResourceGroup: p.Get("ResourceGroupId"), Tags: q.tags("Tag"),
	}
	if f.Timed, err = q.flag("Timed"); err != nil {
		return nil, err
	}
	if f.Instance != "" { // as documented
		f.CommandName, f.RepeatMode = "", ""
		if f.Status == "PartialFailed" {
			f.Status = ""
		}
	}
	list, err := a.fleet(q).Invocations(q.r.Context(), f, page)
	if err != nil {
		return nil, err
	}
	out := struct {
		Invocations struct{ Invocation []invocationModel }
		pageAnswer
	}{pageAnswer: paged(page, list)}
	out.Invocations.Invocation = []invocationModel{}
	for _, i := range list.Rows {
		out.Invocations.Invocation = append(out.Invocations.Invocation, modelOfInvocation(i, q.shownAs(), output && (f.ID != "" || f.Instance != "")))
	}
	return out, nil
}

func modelOfInvocation(i *assistant.InvocationState, show func(string) string, output bool) invocationModel {
	m := invocationModel{
		InvokeId: i.ID, CommandId: i.CommandID, CommandName: i.CommandName, CommandDescription: i.Description, CommandType: i.Type,
		CommandContent: show(i.Content), ContainerId: i.ContainerID, ContainerName: i.ContainerName, CreationTime: timeText(i.Created),
		Frequency: i.Frequency, InvocationStatus: string(i.Status()), InvokeStatus: i.Legacy(), Launcher: i.Launcher, Parameters: i.ParametersText(),
		RepeatMode: i.RepeatMode, TerminationMode: i.TerminationMode, Username: i.Username, WorkingDir: i.WorkingDir, ResourceGroupId: i.ResourceGroup,
		Timed: i.Timed(), Timeout: i.Timeout, Tags: wrapTags(i.Tags),
	}
	m.InvokeInstances.InvokeInstance = []targetModel{}
	for _, t := range i.Targets {
		x := targetModel{
			InstanceId: t.Instance, InstanceInvokeStatus: i.LegacyOf(t), InvocationStatus: string(t.Status), CreationTime: timeText(t.Created),
			StartTime: timeText(t.Started), FinishTime: timeText(t.Finished), StopTime: timeText(t.Stopped), UpdateTime: timeText(t.Updated),
			ErrorCode: t.ErrorCode, ErrorInfo: t.ErrorInfo, Repeats: t.Runs, Dropped: t.Dropped, ExitCode: t.ExitCode, Timed: i.Timed(),
		}
		if output {
			x.Output = show(t.Output)
		}
		m.InvokeInstances.InvokeInstance = append(m.InvokeInstances.InvokeInstance, x)
	}
	return m
}

// resultModel is a result in an answer.
//
//nolint:revive // as clients spell it
type resultModel struct {
	InvokeId, CommandId, InstanceId, InvocationStatus, InvokeRecordStatus, StartTime, FinishedTime, StopTime, Output, ErrorCode, ErrorInfo string

	Username, ContainerId, ContainerName, Launcher, TerminationMode, OssOutputDelivery, OssOutputStatus, OssOutputUri string

	OssOutputErrorCode, OssOutputErrorInfo string

	Repeats, Dropped int64
	ExitCode         *int64 `json:",omitempty"`
	Tags             tagList
}

func (a *API) describeInvocationResults(q *request) (any, error) {
	page, err := q.paging()
	if err != nil {
		return nil, err
	}
	p := q.params
	f := assistant.ResultFilter{
		Invocation: p.Get("InvokeId"), Instance: p.Get("InstanceId"), Command: p.Get("CommandId"), Status: p.Get("InvokeRecordStatus"),
		ResourceGroup: p.Get("ResourceGroupId"), Tags: q.tags("Tag"),
	}
	if f.History, err = q.isSet("IncludeHistory"); err != nil {
		return nil, err
	}
	list, err := a.fleet(q).Results(q.r.Context(), f, page)
	if err != nil {
		return nil, err
	}
	var out struct {
		Invocation struct {
			InvocationResults struct{ InvocationResult []resultModel }
			pageAnswer
		}
	}
	show := q.shownAs()
	out.Invocation.pageAnswer = paged(page, list)
	out.Invocation.InvocationResults.InvocationResult = []resultModel{}
	for _, r := range list.Rows {
		i, t := r.Invocation, r.Target
		out.Invocation.InvocationResults.InvocationResult = append(out.Invocation.InvocationResults.InvocationResult, resultModel{
			InvokeId: i.ID, CommandId: i.CommandID, InstanceId: t.Instance, InvocationStatus: string(t.Status), InvokeRecordStatus: i.LegacyOf(t),
			StartTime: timeText(t.Started), FinishedTime: timeText(t.Finished), StopTime: timeText(t.Stopped), Output: show(t.Output),
			ErrorCode: t.ErrorCode, ErrorInfo: t.ErrorInfo, Username: i.Username, ContainerId: i.ContainerID, ContainerName: i.ContainerName,
			Launcher: i.Launcher, TerminationMode: i.TerminationMode, Repeats: t.Runs, Dropped: t.Dropped, ExitCode: t.ExitCode, Tags: wrapTags(i.Tags),
		})
	}
	return out, nil
}

func (a *API) stopInvocation(q *request) (any, error) {
	id, err := q.text("InvokeId")
	if err != nil {
		return nil, err
	}
	return done(a.fleet(q).Stop(q.r.Context(), id, q.list("InstanceId")))
}

func (a *API) modifyInvocation(q *request) (any, error) {
	id, err := q.text("InvokeId")
	if err != nil {
		return nil, err
	}
	m := assistant.InvocationChange{Frequency: q.given("Frequency"), AddInstances: q.list("InstanceId"), Token: q.token()}
	if q.params.Get("CommandContent") != "" {
		text, err := q.content("CommandContent", "PlainText", "InvalidCommandContent.DecodeError")
		if err != nil {
			return nil, err
		}
		m.Content = &text
	}
	if m.EnableParameter, err = q.flag("EnableParameter"); err != nil {
		return nil, err
	}
	if m.Parameters, err = q.parameters(); err != nil {
		return nil, err
	}
	command, err := a.fleet(q).ModifyInvocation(q.r.Context(), id, m)
	return struct{ CommandId string }{command}, err //nolint:revive // as clients spell it
}

// SendFile: writes a file of at most 32 KB in base64 on instances.

var ecsFiles = []action{
	ecs("SendFile", true, (*API).sendFile),
	ecs("DescribeSendFileResults", false, (*API).describeSendFileResults),
}

func (a *API) sendFile(q *request) (any, error) {
	for _, name := range []string{"Name", "Content", "TargetDir"} {
		if _, err := q.text(name); err != nil {
			return nil, err
		}
	}
	p := q.params
	f := assistant.SendFile{
		Targets: assistant.Targets{Instances: q.list("InstanceId")},
		FileSpec: assistant.FileSpec{
			Name: p.Get("Name"), Content: p.Get("Content"), ContentType: p.Get("ContentType"), TargetDir: p.Get("TargetDir"), Owner: p.Get("FileOwner"),
			Group: p.Get("FileGroup"), Mode: p.Get("FileMode"), Description: p.Get("Description"),
		},
		Caller: a.caller(q), ResourceGroup: p.Get("ResourceGroupId"), FileTags: q.tags("Tag"), Token: q.token(),
	}
	var err error
	if f.Overwrite, err = q.isSet("Overwrite"); err != nil {
		return nil, err
	}
	if f.Timeout, err = q.seconds("Timeout"); err != nil {
		return nil, err
	}
	id, err := a.fleet(q).SendFile(q.r.Context(), f)
	return struct{ InvokeId string }{id}, err //nolint:revive // as clients spell it
}

// fileModel is an invocation of SendFile in an answer.
//
//nolint:revive // as clients spell it
type fileModel struct {
	InvokeId, Name, Content, ContentType, Description, TargetDir, FileOwner, FileGroup, FileMode, InvocationStatus, CreationTime, Overwrite string

	ResourceGroupId string
	VmCount         int
	Tags            tagList
	InvokeInstances struct{ InvokeInstance []fileTargetModel }
}

//nolint:revive // as clients spell it
type fileTargetModel struct {
	InstanceId, InvocationStatus, ErrorCode, ErrorInfo, CreationTime, StartTime, FinishTime, UpdateTime string
}

func (a *API) describeSendFileResults(q *request) (any, error) {
	page, err := q.paging()
	if err != nil {
		return nil, err
	}
	p := q.params
	list, err := a.fleet(q).Invocations(q.r.Context(), assistant.InvocationFilter{
		Files: true, ID: p.Get("InvokeId"), Instance: p.Get("InstanceId"), Name: p.Get("Name"), Status: p.Get("InvocationStatus"),
		ResourceGroup: p.Get("ResourceGroupId"), Tags: q.tags("Tag"),
	}, page)
	if err != nil {
		return nil, err
	}
	out := struct {
		Invocations struct{ Invocation []fileModel }
		pageAnswer
	}{pageAnswer: paged(page, list)}
	out.Invocations.Invocation = []fileModel{}
	for _, i := range list.Rows {
		f := i.File
		m := fileModel{
			InvokeId: i.ID, Name: f.Name, Content: f.Content, ContentType: f.ContentType, Description: f.Description, TargetDir: f.TargetDir,
			FileOwner: f.Owner, FileGroup: f.Group, FileMode: f.Mode, InvocationStatus: string(i.Status()), CreationTime: timeText(i.Created),
			Overwrite: "false", ResourceGroupId: i.ResourceGroup, VmCount: len(i.Targets), Tags: wrapTags(i.Tags),
		}
		if f.Overwrite {
			m.Overwrite = "true"
		}
		for _, t := range i.Targets {
			m.InvokeInstances.InvokeInstance = append(m.InvokeInstances.InvokeInstance, fileTargetModel{
				t.Instance, string(t.Status), t.ErrorCode, t.ErrorInfo, timeText(t.Created), timeText(t.Started), timeText(t.Finished), timeText(t.Updated),
			})
		}
		out.Invocations.Invocation = append(out.Invocations.Invocation, m)
	}
	return out, nil
}
