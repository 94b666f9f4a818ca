package pop

import (
	"slices"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/assistant"
)

// DescribeCloudAssistantStatus: an agent counts as there for two minutes after its last heartbeat.

// InstallCloudAssistant: UnsupportedOperation: this server cannot reach machines without an agent.

// StartTerminalSession, EndTerminalSession, DescribeTerminalSessions: UnsupportedOperation.

// CreateActivation: what enrols with it belongs to the account that made it.

// RegisterManagedInstance: UnsupportedOperation: agents enrol by themselves, with the code of an activation.

var ecsInstances = []action{
	ecs("DescribeCloudAssistantStatus", false, (*API).describeAssistantStatus),
	ecs("InstallCloudAssistant", true, unsupported),
	ecs("StartTerminalSession", true, unsupported),
	ecs("EndTerminalSession", true, unsupported),
	ecs("DescribeTerminalSessions", false, unsupported),
	ecs("CreateActivation", true, (*API).createActivation),
	ecs("DescribeActivations", false, (*API).describeActivations),
	ecs("DisableActivation", true, (*API).disableActivation),
	ecs("DeleteActivation", true, (*API).deleteActivation),
	ecs("RegisterManagedInstance", true, unsupported),
	ecs("DescribeManagedInstances", false, (*API).describeManagedInstances),
	ecs("ModifyManagedInstance", true, (*API).modifyManagedInstance),
	ecs("DeregisterManagedInstance", true, (*API).deregisterManagedInstance),
	ecs("TagResources", true, (*API).tagResources),
	ecs("UntagResources", true, (*API).untagResources),
}

func unsupported(_ *API, q *request) (any, error) {
	return nil, sluice.Errorf(sluice.Unsupported, "action", "%s is not served by this server", q.action.name)
}

// statusModel is whether an agent is there.
//
//nolint:revive // as clients spell it
type statusModel struct {
	InstanceId, CloudAssistantStatus, CloudAssistantVersion, LastHeartbeatTime, LastInvokedTime, OSType string

	ActiveTaskCount, InvocationCount int64
	SupportSessionManager            bool
}

func (a *API) describeAssistantStatus(q *request) (any, error) {
	page, err := q.paging()
	if err != nil {
		return nil, err
	}
	ids := q.list("InstanceId")
	if len(ids) > maxPage {
		return nil, sluice.Errorf(sluice.TooLarge, assistant.NounCode+"InstanceIds.ExceedLimit", "%d instances are given, at most %d are allowed", len(ids), maxPage)
	}
	if len(ids) > 0 && q.params.Get("PageSize") == "" && !page.Token {
		page.Size = maxPage
	}
	list, err := a.fleet(q).Instances(q.r.Context(), assistant.InstanceFilter{IDs: ids, OSType: q.params.Get("OSType")}, page)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if !slices.ContainsFunc(list.Rows, func(i assistant.InstanceState) bool { return i.ID == id }) && q.params.Get("OSType") == "" && list.Total < len(ids) {
			return nil, sluice.Errorf(sluice.NotFound, assistant.NounCode+"InvalidInstance.NotFound", "instance %.80q does not exist", id)
		}
	}
	out := struct {
		InstanceCloudAssistantStatusSet struct{ InstanceCloudAssistantStatus []statusModel }
		pageAnswer
	}{pageAnswer: paged(page, list)}
	rows := []statusModel{}
	for _, i := range list.Rows {
		m := statusModel{
			InstanceId: i.ID, CloudAssistantStatus: "false", CloudAssistantVersion: i.AgentVersion, LastHeartbeatTime: timeText(i.Seen),
			LastInvokedTime: timeText(i.LastInvoked), OSType: i.OSType(), ActiveTaskCount: int64(i.Active), InvocationCount: i.Invocations,
		}
		if i.Connected {
			m.CloudAssistantStatus = "true"
		}
		rows = append(rows, m)
	}
	out.InstanceCloudAssistantStatusSet.InstanceCloudAssistantStatus = rows
	return out, nil
}

func (a *API) createActivation(q *request) (any, error) {
	p := q.params
	count, err := q.number("InstanceCount", 0, 1, 1<<31-1)
	if err != nil {
		return nil, err
	}
	hours, err := q.number("TimeToLiveInHours", 0, 1, 1<<31-1)
	if err != nil {
		return nil, err
	}
	id, code, err := a.fleet(q).CreateActivation(q.r.Context(), assistant.Activation{
		InstanceName: p.Get("InstanceName"), Description: p.Get("Description"), IPRange: p.Get("IpAddressRange"), InstanceCount: int32(count),
		TimeToLive: hours, ResourceGroup: p.Get("ResourceGroupId"), Tags: q.tags("Tag"),
	}, q.token())
	return struct{ ActivationId, ActivationCode string }{id, code}, err //nolint:revive // as clients spell them
}

// activationModel is an activation in an answer.
//
//nolint:revive // as clients spell it
type activationModel struct {
	ActivationId, CreationTime, Description, InstanceName, IpAddressRange, ResourceGroupId string

	Disabled                                          bool
	InstanceCount, RegisteredCount, DeregisteredCount int32
	TimeToLiveInHours                                 int64
	Tags                                              []tagModel
}

func modelOfActivation(a *assistant.Activation) activationModel {
	return activationModel{
		ActivationId: a.ID, CreationTime: timeText(a.Created), Description: a.Description, InstanceName: a.InstanceName, IpAddressRange: a.IPRange,
		ResourceGroupId: a.ResourceGroup, Disabled: a.Disabled, InstanceCount: a.InstanceCount, RegisteredCount: a.Registered,
		DeregisteredCount: a.Deregistered, TimeToLiveInHours: a.TimeToLive, Tags: flatTags(a.Tags),
	}
}

func (a *API) describeActivations(q *request) (any, error) {
	page, err := q.paging()
	if err != nil {
		return nil, err
	}
	list, err := a.fleet(q).Activations(q.r.Context(), q.params.Get("ActivationId"), q.params.Get("InstanceName"), q.tags("Tag"), page)
	if err != nil {
		return nil, err
	}
	out := struct {
		ActivationList []activationModel
		pageAnswer
	}{[]activationModel{}, paged(page, list)}
	for _, x := range list.Rows {
		out.ActivationList = append(out.ActivationList, modelOfActivation(x))
	}
	return out, nil
}

func (a *API) disableActivation(q *request) (any, error) {
	id, err := q.text("ActivationId")
	if err != nil {
		return nil, err
	}
	x, err := a.fleet(q).DisableActivation(q.r.Context(), id)
	if err != nil {
		return nil, err
	}
	return struct{ Activation activationModel }{modelOfActivation(x)}, nil
}

func (a *API) deleteActivation(q *request) (any, error) {
	id, err := q.text("ActivationId")
	if err != nil {
		return nil, err
	}
	x, err := a.fleet(q).DeleteActivation(q.r.Context(), id)
	if err != nil {
		return nil, err
	}
	return struct{ Activation activationModel }{modelOfActivation(x)}, nil
}

// instanceModel is a managed instance in an answer.
//
//nolint:revive // as clients spell it
type instanceModel struct {
	ActivationId, AgentVersion, Hostname, InstanceId, InstanceName, InternetIp, IntranetIp, LastInvokedTime string

	MachineId, OsType, OsVersion, RegistrationTime, ResourceGroupId string

	Connected       bool
	InvocationCount int64
	Tags            []tagModel
}

func modelOfInstance(i assistant.InstanceState) instanceModel {
	return instanceModel{
		ActivationId: i.Activation, AgentVersion: i.AgentVersion, Hostname: i.Hostname, InstanceId: i.ID, InstanceName: i.Name, InternetIp: i.InternetIP,
		IntranetIp: i.IntranetIP, LastInvokedTime: timeText(i.LastInvoked), MachineId: i.MachineID, OsType: strings.ToLower(i.OSType()),
		OsVersion: i.OSVersion, RegistrationTime: timeText(i.Registered), ResourceGroupId: i.ResourceGroup, Connected: i.Connected,
		InvocationCount: i.Invocations, Tags: flatTags(i.Tags),
	}
}

func (a *API) describeManagedInstances(q *request) (any, error) {
	page, err := q.paging()
	if err != nil {
		return nil, err
	}
	p := q.params
	f := assistant.InstanceFilter{
		Activation: p.Get("ActivationId"), IDs: q.list("InstanceId"), IP: p.Get("InstanceIp"), Name: p.Get("InstanceName"), Machine: p.Get("MachineId"),
		OSType: p.Get("OsType"), ResourceGroup: p.Get("ResourceGroupId"), Tags: q.tags("Tag"),
	}
	if f.Connected, err = q.flag("Connected"); err != nil {
		return nil, err
	}
	list, err := a.fleet(q).Instances(q.r.Context(), f, page)
	if err != nil {
		return nil, err
	}
	out := struct {
		Instances []instanceModel
		pageAnswer
	}{[]instanceModel{}, paged(page, list)}
	for _, i := range list.Rows {
		out.Instances = append(out.Instances, modelOfInstance(i))
	}
	return out, nil
}

func (a *API) modifyManagedInstance(q *request) (any, error) {
	id, err := q.text("InstanceId")
	if err != nil {
		return nil, err
	}
	name, err := q.text("InstanceName")
	if err != nil {
		return nil, err
	}
	if err := a.fleet(q).RenameInstance(q.r.Context(), id, name, nil); err != nil {
		return nil, err
	}
	//nolint:revive // as clients spell them
	return struct {
		Instance struct{ InstanceId, InstanceName string }
	}{struct{ InstanceId, InstanceName string }{id, name}}, nil
}

func (a *API) deregisterManagedInstance(q *request) (any, error) {
	id, err := q.text("InstanceId")
	if err != nil {
		return nil, err
	}
	gone, err := a.fleet(q).Deregister(q.r.Context(), id)
	if err != nil {
		return nil, err
	}
	return struct{ Instance instanceModel }{modelOfInstance(assistant.InstanceState{Instance: gone})}, nil
}

// taggedInstances are the resources of a call that is about tags.
func (q *request) taggedInstances() ([]string, error) {
	if kind := q.params.Get("ResourceType"); !strings.EqualFold(kind, "managedinstance") {
		return nil, invalid("ResourceType", "%.40q: this server keeps tags of managedinstance", kind)
	}
	ids := q.list("ResourceId")
	if len(ids) == 0 {
		return nil, missing("ResourceId")
	}
	if len(ids) > maxPage {
		return nil, invalid("ResourceId", "%d resources are given, at most %d are allowed", len(ids), maxPage)
	}
	return ids, nil
}

func (a *API) tagResources(q *request) (any, error) {
	ids, err := q.taggedInstances()
	if err != nil {
		return nil, err
	}
	tags := q.tags("Tag")
	if len(tags) == 0 {
		return nil, missing("Tag")
	}
	for _, id := range ids {
		if err := a.fleet(q).TagInstance(q.r.Context(), id, tags, nil); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (a *API) untagResources(q *request) (any, error) {
	ids, err := q.taggedInstances()
	if err != nil {
		return nil, err
	}
	all, err := q.isSet("All")
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		keys := q.list("TagKey")
		if all {
			list, err := a.fleet(q).Instances(q.r.Context(), assistant.InstanceFilter{IDs: []string{id}}, assistant.Page{Size: 1})
			if err != nil {
				return nil, err
			}
			for _, i := range list.Rows {
				for _, t := range i.Tags {
					keys = append(keys, t.Key)
				}
			}
		}
		if err := a.fleet(q).TagInstance(q.r.Context(), id, nil, keys); err != nil {
			return nil, err
		}
	}
	return nil, nil
}
