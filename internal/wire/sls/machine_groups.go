package sls

import (
	"encoding/json"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/agentconf"
	"github.com/sluicelog/sluice/internal/control"
)

// CreateMachineGroup: POST /machinegroups
//
// Body: groupName, groupType, groupAttribute, machineIdentifyType (ip or userdefined), machineList; other members are kept.

// ListMachineGroup: GET /machinegroups
//
// Behavior: names, sorted; groupName matches parts.

// GetMachineGroup: GET /machinegroups/{name}
//
// Behavior: what was sent, with createTime and lastModifyTime.

// UpdateMachineGroup: PUT /machinegroups/{name}
//
// Behavior: the whole group is replaced; its configurations stay applied.

// DeleteMachineGroup: DELETE /machinegroups/{name}
//
// Behavior: configurations that were applied to it stay, and apply to it no more.

// ListMachines: GET /machinegroups/{name}/machines
//
// Behavior: the agents of the group that were heard of in the last day, by id.
// Differs: agents are heard of where they have this server for a ConfigServer (agents.networks), and anew after a restart.

// UpdateMachineGroupMachine: PUT /machinegroups/{name}/machines
//
// Body: an array of identifiers, which are added or, with action=delete, taken away.

// GetAppliedConfigs: GET /machinegroups/{name}/configs
//
// Behavior: the names of the configurations that apply to the group.

// ApplyConfigToMachineGroup: PUT /machinegroups/{name}/configs/{config}
//
// Also: a pipeline config, by the same path.
// Behavior: applying twice is no error. Agents of the group have it from their next heartbeat on.
// Differs: syslog and streamlog configs reach no agent.

// RemoveConfigFromMachineGroup: DELETE /machinegroups/{name}/configs/{config}
//
// Behavior: removing what is not applied is no error.

var machineGroupRoutes = []Route{
	{Method: "GET", Path: "/machinegroups", Action: "ListMachineGroup", Resource: "machinegroup/*", handle: list(listing{kind: control.MachineGroups, key: "machinegroups", part: "groupName"})},
	{Method: "POST", Path: "/machinegroups", Action: "CreateMachineGroup", Resource: "machinegroup/*", Mutating: true, handle: createDocument(control.MachineGroups)},
	{Method: "GET", Path: "/machinegroups/{name}", Action: "GetMachineGroup", Resource: "machinegroup/{name}", handle: getDocument(control.MachineGroups)},
	{Method: "PUT", Path: "/machinegroups/{name}", Action: "UpdateMachineGroup", Resource: "machinegroup/{name}", Mutating: true, handle: updateDocument(control.MachineGroups)},
	{Method: "DELETE", Path: "/machinegroups/{name}", Action: "DeleteMachineGroup", Resource: "machinegroup/{name}", Mutating: true, handle: deleteDocument(control.MachineGroups)},
	{Method: "GET", Path: "/machinegroups/{name}/machines", Action: "ListMachines", Resource: "machinegroup/{name}", handle: (*API).listMachines},
	{Method: "PUT", Path: "/machinegroups/{name}/machines", Action: "UpdateMachineGroupMachine", Resource: "machinegroup/{name}", Mutating: true, handle: (*API).changeMachines},
	{Method: "GET", Path: "/machinegroups/{name}/configs", Action: "GetAppliedConfigs", Resource: "machinegroup/{name}", handle: (*API).appliedConfigs},
	{Method: "PUT", Path: "/machinegroups/{name}/configs/{config}", Action: "ApplyConfigToMachineGroup", Resource: "machinegroup/{name}", Mutating: true, handle: (*API).applyConfig},
	{Method: "DELETE", Path: "/machinegroups/{name}/configs/{config}", Action: "RemoveConfigFromMachineGroup", Resource: "machinegroup/{name}", Mutating: true, handle: (*API).removeConfig},
}

// machine is a machine that was heard of.
type machine struct {
	IP            string `json:"ip"`
	UniqueID      string `json:"machine-uniqueid"`
	UserDefinedID string `json:"userdefined-id"`
	LastHeartbeat int64  `json:"lastHeartbeatTime"`
}

func newMachine(a *agentconf.Agent) machine {
	ip := a.IP
	if ip == "" {
		ip = a.Address.String()
	}
	return machine{IP: ip, UniqueID: a.ID, UserDefinedID: strings.Join(a.UserDefined(), ","), LastHeartbeat: a.Heartbeat.Unix()}
}

func (a *API) listMachines(q *request) error {
	offset, size, err := q.page()
	if err != nil {
		return err
	}
	agents, err := a.Agents.Machines(q.ctx(), q.project, q.vars.get("name"))
	if err != nil {
		return err
	}
	var heard []machine
	for i := range agents {
		heard = append(heard, newMachine(&agents[i]))
	}
	page := array(slice(heard, offset, size))
	return q.json(struct {
		Count    int       `json:"count"`
		Total    int       `json:"total"`
		Machines []machine `json:"machines"`
	}{len(page), len(heard), page})
}

func (a *API) changeMachines(q *request) error {
	raw, err := q.document()
	if err != nil {
		return err
	}
	var ids []string
	if err := json.Unmarshal(raw, &ids); err != nil || ids == nil {
		return sluice.Errorf(sluice.Invalid, "machinegroup", "invalid machine list json: the body is not an array of identifiers")
	}
	action := q.query.Get("action")
	if action != "" && action != "add" && action != "delete" {
		return badParameter("action", action, "neither add nor delete")
	}
	if err := a.Control.ChangeMachines(q.ctx(), q.project, q.vars.get("name"), action != "delete", ids); err != nil {
		return err
	}
	return q.ok()
}

func (a *API) appliedConfigs(q *request) error {
	names, err := a.Control.AppliedConfigs(q.ctx(), q.project, q.vars.get("name"))
	if err != nil {
		return err
	}
	return q.json(map[string]any{"count": len(names), "total": len(names), "configs": array(names)})
}

func (a *API) applyConfig(q *request) error {
	if err := a.Control.Apply(q.ctx(), q.project, q.vars.get("name"), q.vars.get("config")); err != nil {
		return err
	}
	return q.ok()
}

func (a *API) removeConfig(q *request) error {
	if err := a.Control.Remove(q.ctx(), q.project, q.vars.get("name"), q.vars.get("config")); err != nil {
		return err
	}
	return q.ok()
}
