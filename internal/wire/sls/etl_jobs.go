package sls

import "github.com/sluicelog/sluice/internal/control"

// CreateEtlJob: POST /etljobs
//
// Body: etlJobName, sourceConfig, triggerConfig, functionConfig, functionParameter, logConfig, enable; other members are kept.
// Differs: kept and not run: there is no function service.

// ListEtlJob: GET /etljobs
//
// Behavior: names, sorted.

// GetEtlJob: GET /etljobs/{name}
//
// Behavior: what was sent, with createTime and updateTime.

// UpdateEtlJob: PUT /etljobs/{name}
//
// Behavior: the whole document is replaced.

// DeleteEtlJob: DELETE /etljobs/{name}
//
// Behavior: it is gone at once.

var etlJobRoutes = []Route{
	{Method: "GET", Path: "/etljobs", Action: "ListEtlJob", Resource: "etljob/*", handle: list(listing{kind: control.EtlJobs, key: "etlJobNameList"})},
	{Method: "POST", Path: "/etljobs", Action: "CreateEtlJob", Resource: "etljob/*", Mutating: true, handle: createDocument(control.EtlJobs)},
	{Method: "GET", Path: "/etljobs/{name}", Action: "GetEtlJob", Resource: "etljob/{name}", handle: getDocument(control.EtlJobs)},
	{Method: "PUT", Path: "/etljobs/{name}", Action: "UpdateEtlJob", Resource: "etljob/{name}", Mutating: true, handle: updateDocument(control.EtlJobs)},
	{Method: "DELETE", Path: "/etljobs/{name}", Action: "DeleteEtlJob", Resource: "etljob/{name}", Mutating: true, handle: deleteDocument(control.EtlJobs)},
}
