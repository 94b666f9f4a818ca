package sls

import (
	"github.com/sluicelog/sluice/internal/control"
)

// CreateConfig: POST /configs
//
// Body: a Logtail configuration: configName, inputType (file, syslog, streamlog or plugin), inputDetail, outputDetail with logstoreName.
// Behavior: what agents cannot do without is checked, by inputType and logType; other members are kept.
// Differs: agents fetch it by the open ConfigServer protocol alone, and only where the operator lets them in (docs/howto/agents.md).
// Differs: passwords of plug-ins are sealed at rest with the rest of the document, and shown as they were sent to whoever may read it, for that is where
// agents read them.

// ListConfig: GET /configs
//
// Behavior: names, sorted; configName matches parts, logstoreName the whole of outputDetail's.

// GetConfig: GET /configs/{name}
//
// Behavior: what was sent, with createTime and lastModifyTime.

// UpdateConfig: PUT /configs/{name}
//
// Behavior: the whole configuration is replaced; it stays applied where it is.

// DeleteConfig: DELETE /configs/{name}
//
// Behavior: it applies to no machine group any more.

// GetAppliedMachineGroups: GET /configs/{name}/machinegroups
//
// Behavior: the names of the groups that it applies to.

// CreateLogtailPipelineConfig: POST /pipelineconfigs
//
// Body: configName, inputs, processors, aggregators, flushers, global, task, logSample; every plug-in has a Type.
// Differs: agents fetch it by the open ConfigServer protocol alone, and only where the operator lets them in (docs/howto/agents.md).

// ListLogtailPipelineConfig: GET /pipelineconfigs
//
// Behavior: names, sorted; configName matches parts, logstoreName the whole of a flusher's Logstore.

// GetLogtailPipelineConfig: GET /pipelineconfigs/{name}
//
// Behavior: what was sent, with createTime and lastModifyTime.

// UpdateLogtailPipelineConfig: PUT /pipelineconfigs/{name}
//
// Behavior: the whole configuration is replaced.

// DeleteLogtailPipelineConfig: DELETE /pipelineconfigs/{name}
//
// Behavior: it is gone at once.

var configRoutes = []Route{
	{Method: "GET", Path: "/configs", Action: "ListConfig", Resource: "logtailconfig/*", handle: list(listing{
		kind: control.Configs, key: "configs", part: "configName",
		values: map[string]func(control.Document) []string{
			"logstoreName": func(d control.Document) []string { return []string{control.ConfigLogstore(d)} },
		},
	})},
	{Method: "POST", Path: "/configs", Action: "CreateConfig", Resource: "logtailconfig/*", Mutating: true, handle: createDocument(control.Configs)},
	{Method: "GET", Path: "/configs/{name}", Action: "GetConfig", Resource: "logtailconfig/{name}", handle: getDocument(control.Configs)},
	{Method: "PUT", Path: "/configs/{name}", Action: "UpdateConfig", Resource: "logtailconfig/{name}", Mutating: true, handle: updateDocument(control.Configs)},
	{Method: "DELETE", Path: "/configs/{name}", Action: "DeleteConfig", Resource: "logtailconfig/{name}", Mutating: true, handle: deleteDocument(control.Configs)},
	{Method: "GET", Path: "/configs/{name}/machinegroups", Action: "GetAppliedMachineGroups", Resource: "logtailconfig/{name}", handle: (*API).appliedGroups},

	{Method: "GET", Path: "/pipelineconfigs", Action: "ListLogtailPipelineConfig", Resource: "logtailconfig/*", handle: list(listing{
		kind: control.PipelineConfigs, key: "configs", part: "configName",
		values: map[string]func(control.Document) []string{"logstoreName": control.PipelineLogstores},
	})},
	{Method: "POST", Path: "/pipelineconfigs", Action: "CreateLogtailPipelineConfig", Resource: "logtailconfig/*", Mutating: true, handle: createDocument(control.PipelineConfigs)},
	{Method: "GET", Path: "/pipelineconfigs/{name}", Action: "GetLogtailPipelineConfig", Resource: "logtailconfig/{name}", handle: getDocument(control.PipelineConfigs)},
	{Method: "PUT", Path: "/pipelineconfigs/{name}", Action: "UpdateLogtailPipelineConfig", Resource: "logtailconfig/{name}", Mutating: true, handle: updateDocument(control.PipelineConfigs)},
	{Method: "DELETE", Path: "/pipelineconfigs/{name}", Action: "DeleteLogtailPipelineConfig", Resource: "logtailconfig/{name}", Mutating: true, handle: deleteDocument(control.PipelineConfigs)},
}

func (a *API) appliedGroups(q *request) error {
	names, err := a.Control.AppliedGroups(q.ctx(), q.project, q.vars.get("name"))
	if err != nil {
		return err
	}
	return q.json(map[string]any{"count": len(names), "total": len(names), "machinegroups": array(names)})
}
