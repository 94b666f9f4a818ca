package sls

import (
	"encoding/json"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/shipper"
)

// CreateJob: POST /jobs
//
// Behavior: of type Export, a delivery task to OSS, online at once, from fromTime (0 and 1: the oldest log) to toTime (0: for ever).
// Differs: endpoint is one of OSS, and where the server's operator set one, it is that.
// Differs: jobs of other types are refused with NotSupported.
// Differs: sink type General takes in fields the destination of a delivery task (docs/delivery.md); AliyunODPS is refused with NotSupported.

// ListJobs: GET /jobs
//
// Behavior: those of jobType Export, by name. No other jobs are ever there.

// GetJob: GET /jobs/{name}
//
// Behavior: what was sent, with what clients insist on filled in.

// UpdateJob: PUT /jobs/{name}
//
// Behavior: the job goes on where it is; with action START or STOP it comes online or goes offline, with RESTART it begins anew with the document that is sent.

// DeleteJob: DELETE /jobs/{name}
//
// Behavior: what it has not exported stays so.

// CreateOSSExport: POST /ossexports
//
// Behavior: as CreateJob; jobs and exports are two views of one thing.

// ListOSSExports: GET /ossexports
//
// Behavior: as ListJobs.

// GetOSSExport: GET /ossexports/{name}
//
// Behavior: as GetJob.

// UpdateOSSExport: PUT /ossexports/{name}
//
// Behavior: as UpdateJob.

// DeleteOSSExport: DELETE /ossexports/{name}
//
// Behavior: as DeleteJob.

var jobRoutes = []Route{
	{Method: "GET", Path: "/jobs", Action: "ListJobs", Resource: "job/*", handle: (*API).listJobs},
	{Method: "POST", Path: "/jobs", Action: "CreateJob", Resource: "job/*", Mutating: true, handle: (*API).createJob},
	{Method: "GET", Path: "/jobs/{name}", Action: "GetJob", Resource: "job/{name}", handle: (*API).getJob},
	{Method: "PUT", Path: "/jobs/{name}", Action: "UpdateJob", Resource: "job/{name}", Mutating: true, handle: (*API).updateJob},
	{Method: "DELETE", Path: "/jobs/{name}", Action: "DeleteJob", Resource: "job/{name}", Mutating: true, handle: (*API).deleteJob},
	{Method: "GET", Path: "/ossexports", Action: "ListOSSExports", Resource: "job/*", handle: (*API).listJobs},
	{Method: "POST", Path: "/ossexports", Action: "CreateOSSExport", Resource: "job/*", Mutating: true, handle: (*API).createJob},
	{Method: "GET", Path: "/ossexports/{name}", Action: "GetOSSExport", Resource: "job/{name}", handle: (*API).getJob},
	{Method: "PUT", Path: "/ossexports/{name}", Action: "UpdateOSSExport", Resource: "job/{name}", Mutating: true, handle: (*API).updateJob},
	{Method: "DELETE", Path: "/ossexports/{name}", Action: "DeleteOSSExport", Resource: "job/{name}", Mutating: true, handle: (*API).deleteJob},
}

// exportDocument reads the document of an export; jobs of other types are not supported. What would write to this server is asked for.
func (a *API) exportDocument(q *request) ([]byte, error) {
	raw, err := q.document()
	if err != nil {
		return nil, err
	}
	if ok, kind := shipper.IsExport(raw); !ok {
		return nil, sluice.Errorf(sluice.Unsupported, "action", "%s of type %.40q is not supported by this server; type Export is", q.route.Action, kind)
	}
	return raw, a.mayExport(q, raw)
}

// mayExport asks whether the signer may write to the logstores of this server that an export would write to.
func (a *API) mayExport(q *request, raw []byte) error {
	targets, err := a.Shippers.LocalTargets(q.project, raw)
	if err != nil {
		return err
	}
	return q.mayWrite(targets)
}

func (a *API) createJob(q *request) error {
	raw, err := a.exportDocument(q)
	if err != nil {
		return err
	}
	if err := a.Shippers.CreateExport(q.ctx(), q.project, raw); err != nil {
		return err
	}
	return q.ok()
}

func (a *API) updateJob(q *request) error {
	name := q.vars.get("name")
	var err error
	switch action := q.query.Get("action"); action {
	case "START":
		if _, err = a.Shippers.Export(q.ctx(), q.project, name); err == nil {
			err = a.mayRun(q, name)
		}
		if err != nil {
			return err
		}
		err = a.Shippers.StartExport(q.ctx(), q.project, name)
	case "STOP":
		err = a.Shippers.StopExport(q.ctx(), q.project, name)
	case "", "RESTART":
		var raw []byte
		if raw, err = a.exportDocument(q); err != nil {
			return err
		}
		if action == "" {
			err = a.Shippers.UpdateExport(q.ctx(), q.project, name, raw)
		} else {
			err = a.Shippers.RestartExport(q.ctx(), q.project, name, raw)
		}
	default:
		return badParameter("action", action, "none of START, STOP, RESTART")
	}
	if err != nil {
		return err
	}
	return q.ok()
}

func (a *API) getJob(q *request) error {
	d, err := a.Shippers.Export(q.ctx(), q.project, q.vars.get("name"))
	if err != nil {
		return err
	}
	return q.json(d)
}

func (a *API) deleteJob(q *request) error {
	if err := a.Shippers.DeleteExport(q.ctx(), q.project, q.vars.get("name")); err != nil {
		return err
	}
	return q.ok()
}

func (a *API) listJobs(q *request) error {
	offset, size, err := q.page()
	if err != nil {
		return err
	}
	var all []json.RawMessage
	if kind := q.query.Get("jobType"); kind == "" || kind == "Export" {
		if _, err := a.Catalog.Project(q.ctx(), q.project); err != nil {
			return err
		}
		f := shipper.ExportFilter{Logstore: q.query.Get("logstore"), Name: q.query.Get("jobName"), DisplayName: q.query.Get("displayName")}
		if all, err = a.Shippers.Exports(q.ctx(), q.project, f); err != nil {
			return err
		}
	}
	page := array(slice(all, offset, size))
	return q.json(struct {
		Count   int               `json:"count"`
		Total   int               `json:"total"`
		Results []json.RawMessage `json:"results"`
	}{len(page), len(all), page})
}
