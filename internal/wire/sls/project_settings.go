package sls

import (
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/control"
	"github.com/sluicelog/sluice/internal/meta"
)

// ChangeResourceGroup: PUT /resourcegroup
//
// Body: resourceId (a project), resourceGroupId, resourceType (PROJECT).
// Behavior: the project says so from then on, and ListProject can choose by it.

// CreateLogging: POST /logging
//
// Body: loggingProject, loggingDetails with type and logstore; other members are kept.
// Differs: kept; this server writes no logs of its service there yet.

// UpdateLogging: PUT /logging
//
// Behavior: the whole document is replaced.

// GetLogging: GET /logging
//
// Behavior: what was sent.

// DeleteLogging: DELETE /logging
//
// Behavior: it is gone at once.

// DescribeRegions: GET /regions
//
// Differs: one region, the one that the server's projects say they are in.

// GetSlsService: GET /slsservice
//
// Differs: the service is always open here.

// OpenSlsService: POST /slsservice
//
// Differs: as GetSlsService: there is nothing to open.

// GetLogStoreMeteringMode: GET /logstores/{logstore}/meteringmode
//
// Behavior: ChargeByFunction until another one is set.

// UpdateLogStoreMeteringMode: PUT /logstores/{logstore}/meteringmode
//
// Body: meteringMode, ChargeByFunction or ChargeByDataIngest.
// Differs: kept; nothing is charged here.

// GetMetricStoreMeteringMode: GET /metricstores/{logstore}/meteringmode
//
// Behavior: as GetLogStoreMeteringMode.

// UpdateMetricStoreMeteringMode: PUT /metricstores/{logstore}/meteringmode
//
// Behavior: as UpdateLogStoreMeteringMode.

// GetLogStoreMultimodalConfiguration: GET /logstores/{logstore}/multimodalconfiguration
//
// Behavior: Disabled until it is set.

// PutLogStoreMultimodalConfiguration: PUT /logstores/{logstore}/multimodalconfiguration
//
// Body: status and anonymousWrite, Enabled or Disabled.
// Differs: kept; nothing acts on it, and nobody may write without a signature because of it.

// GetLogtailProfile: GET /logstores/{logstore}/logtailprofile
//
// Differs: no agent has sent a profile to this server, so there is none.

var projectSettingRoutes = []Route{
	{Method: "PUT", Path: "/resourcegroup", Host: OnAny, Action: "ChangeResourceGroup", Resource: "project", Late: true, Mutating: true, handle: (*API).changeResourceGroup},
	{Method: "POST", Path: "/logging", Action: "CreateLogging", Resource: "logging", Mutating: true, handle: putSetting(control.Logging, true, false)},
	{Method: "PUT", Path: "/logging", Action: "UpdateLogging", Resource: "logging", Mutating: true, handle: putSetting(control.Logging, false, true)},
	{Method: "GET", Path: "/logging", Action: "GetLogging", Resource: "logging", handle: getSetting(control.Logging)},
	{Method: "DELETE", Path: "/logging", Action: "DeleteLogging", Resource: "logging", Mutating: true, handle: (*API).deleteLogging},
	{Method: "GET", Path: "/regions", Host: OnAny, Action: "DescribeRegions", Resource: "project", handle: (*API).describeRegions},
	{Method: "GET", Path: "/slsservice", Host: OnAny, Action: "GetSlsService", Resource: "project", handle: (*API).slsService},
	{Method: "POST", Path: "/slsservice", Host: OnAny, Action: "OpenSlsService", Resource: "project", Mutating: true, handle: (*API).slsService},

	{Method: "GET", Path: "/logstores/{logstore}/meteringmode", Action: "GetLogStoreMeteringMode", Resource: "logstore/{logstore}", handle: getSetting(control.MeteringMode)},
	{Method: "PUT", Path: "/logstores/{logstore}/meteringmode", Action: "UpdateLogStoreMeteringMode", Resource: "logstore/{logstore}", Mutating: true, handle: putSetting(control.MeteringMode, true, true)},
	{Method: "GET", Path: "/metricstores/{logstore}/meteringmode", Action: "GetMetricStoreMeteringMode", Resource: "metricstore/{logstore}", handle: getSetting(control.MeteringMode)},
	{Method: "PUT", Path: "/metricstores/{logstore}/meteringmode", Action: "UpdateMetricStoreMeteringMode", Resource: "metricstore/{logstore}", Mutating: true, handle: putSetting(control.MeteringMode, true, true)},
	{Method: "GET", Path: "/logstores/{logstore}/multimodalconfiguration", Action: "GetLogStoreMultimodalConfiguration", Resource: "logstore/{logstore}", handle: getSetting(control.Multimodal)},
	{Method: "PUT", Path: "/logstores/{logstore}/multimodalconfiguration", Action: "PutLogStoreMultimodalConfiguration", Resource: "logstore/{logstore}", Mutating: true, handle: putSetting(control.Multimodal, true, true)},
	{Method: "GET", Path: "/logstores/{logstore}/logtailprofile", Action: "GetLogtailProfile", Resource: "logstore/{logstore}", handle: (*API).logtailProfile},
}

// settingPlace is the project or the logstore whose setting a request is about.
func (q *request) settingPlace() control.Place {
	return control.Place{Scope: q.project, Logstore: q.vars.get("logstore")}
}

func getSetting(s *control.Setting) handler {
	return func(a *API, q *request) error {
		d, err := a.Control.Setting(q.ctx(), q.settingPlace(), s)
		if err != nil {
			return err
		}
		return q.json(d)
	}
}

// putSetting stores a setting, which may be new, may be there, or both.
func putSetting(s *control.Setting, create, update bool) handler {
	return func(a *API, q *request) error {
		raw, err := q.document()
		if err != nil {
			return err
		}
		if err := a.Control.Set(q.ctx(), q.settingPlace(), s, raw, create, update); err != nil {
			return err
		}
		return q.ok()
	}
}

func (a *API) deleteLogging(q *request) error {
	if err := a.Control.Unset(q.ctx(), q.settingPlace(), control.Logging); err != nil {
		return err
	}
	return q.ok()
}

func (a *API) changeResourceGroup(q *request) error {
	var body struct {
		Resource string `json:"resourceId"`
		Group    string `json:"resourceGroupId"`
		Type     string `json:"resourceType"`
	}
	if err := q.onHost(); err != nil {
		return err
	}
	if err := q.decode("parameter", &body); err != nil {
		return err
	}
	switch {
	case !strings.EqualFold(body.Type, "PROJECT"):
		return sluice.Errorf(sluice.Invalid, "parameter", "resourceType %.40q is not PROJECT", body.Type)
	case q.project != "" && body.Resource != q.project:
		return sluice.Errorf(sluice.Invalid, "parameter", "resourceId %.64q is not the project of the host, %.64q", body.Resource, q.project)
	case len(body.Group) > maxSegment:
		return sluice.Errorf(sluice.Invalid, "parameter", "resourceGroupId is longer than %d bytes", maxSegment)
	}
	if err := q.permit(body.Resource, ""); err != nil {
		return err
	}
	if err := a.Catalog.UpdateProject(q.ctx(), body.Resource, func(p *meta.Project) { p.ResourceGroupID = body.Group }); err != nil {
		return err
	}
	return q.ok()
}

func (a *API) describeRegions(q *request) error {
	return q.json(map[string]any{"regions": []map[string]any{{
		"region": a.o.Region, "localName": a.o.Region, "internetEndpoint": a.o.Endpoint, "intranetEndpoint": a.o.Endpoint,
		"internalEndpoint": a.o.Endpoint, "dataRedundancyType": []string{"LRS", "ZRS"},
	}}})
}

func (a *API) slsService(q *request) error {
	return q.json(map[string]any{"enabled": true, "status": "Opened"})
}

func (a *API) logtailProfile(q *request) error {
	if _, err := a.Catalog.Logstore(q.ctx(), q.logstore()); err != nil {
		return err
	}
	return q.json(map[string]any{"count": 0, "total": 0, "profile": []any{}})
}
