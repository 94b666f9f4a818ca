package sls

import (
	"context"
	"errors"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/control"
	"github.com/sluicelog/sluice/internal/reindex"
	"github.com/sluicelog/sluice/internal/shipper"
)

// CreateJob: POST /jobs
//
// Behavior: of type Export, a delivery task to OSS, online at once, from fromTime (0 and 1: the oldest log) to toTime (0: for ever).
// Of type Alert, ScheduledSQL, ETL, Ingestion, Report, AuditJob or DownSampling, a document that comes back as it was; passwords and
// secret keys in it are sealed, and shown as asterisks. Of type RebuildIndex, the index of configuration.logstore is made anew, at once and
// in the background, under the present index configuration.
// Differs: a rebuild takes in the whole logstore, whatever fromTime and toTime say, and of it what is not indexed under the present configuration.
// Differs: endpoint is one of OSS, and where the server's operator set one, it is that.
// Differs: alerts are kept and not evaluated yet; scheduled SQL, ETL, ingestions, reports and the rest are kept and not run yet.
// Differs: sink type General takes in fields the destination of a delivery task (docs/delivery.md); AliyunODPS is refused with NotSupported.

// ListJobs: GET /jobs
//
// Behavior: by name; jobType and logstore match whole, jobName and displayName parts, resourceProvider the dashboard of an alert.

// GetJob: GET /jobs/{name}
//
// Behavior: what was sent, with what clients insist on filled in. Alerts and scheduled SQL are ENABLED or DISABLED; of the others,
// exports and rebuilds of an index tell how they do (RUNNING, SUCCEEDED, FAILED, STOPPED, executionDetails), and the rest are STOPPED or, since
// nothing runs them yet, STARTING; an ingestion with a schedule is ENABLED.

// UpdateJob: PUT /jobs/{name}
//
// Behavior: the whole document is replaced, and an export goes on where it is. With action enable or disable an alert or a scheduled SQL is
// switched, with START or STOP another job; with RESTART it begins anew with the document that is sent. A rebuild of an index can be stopped alone.
// Differs: enabling what is enabled, and so on, is ParameterInvalid, save for exports.

// DeleteJob: DELETE /jobs/{name}
//
// Behavior: what an export has not exported stays so.

// ListJobInstances: GET /jobs/{name}/jobinstances
//
// Differs: no job has run, so there are none; exports tell what they did as delivery tasks.

// GetJobInstance: GET /jobs/{name}/jobinstances/{id}
//
// Differs: JobInstanceNotExist, see ListJobInstances.

// ModifyJobInstanceState: PUT /jobs/{name}/jobinstances/{id}
//
// Differs: JobInstanceNotExist, see ListJobInstances.

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
	{Method: "GET", Path: "/jobs/{name}/jobinstances", Action: "ListJobInstances", Resource: "job/{name}", handle: (*API).listJobInstances},
	{Method: "GET", Path: "/jobs/{name}/jobinstances/{id}", Action: "GetJobInstance", Resource: "job/{name}", handle: (*API).jobInstance},
	{Method: "PUT", Path: "/jobs/{name}/jobinstances/{id}", Action: "ModifyJobInstanceState", Resource: "job/{name}", Mutating: true, handle: (*API).jobInstance},
	{Method: "GET", Path: "/ossexports", Action: "ListOSSExports", Permission: "log:ListJobs", Resource: "job/*", handle: (*API).listExports},
	{Method: "POST", Path: "/ossexports", Action: "CreateOSSExport", Permission: "log:CreateJob", Resource: "job/*", Mutating: true, handle: (*API).createExport},
	{Method: "GET", Path: "/ossexports/{name}", Action: "GetOSSExport", Permission: "log:GetJob", Resource: "job/{name}", handle: (*API).getExport},
	{Method: "PUT", Path: "/ossexports/{name}", Action: "UpdateOSSExport", Permission: "log:UpdateJob", Resource: "job/{name}", Mutating: true, handle: (*API).updateExport},
	{Method: "DELETE", Path: "/ossexports/{name}", Action: "DeleteOSSExport", Permission: "log:DeleteJob", Resource: "job/{name}", Mutating: true, handle: (*API).deleteExport},
}

// A job of any type but Export is a document (package control); an export is a delivery task (package shipper). isDocument tells by the
// name, which the two share.
func (a *API) isDocument(q *request) (bool, error) {
	_, err := a.Control.Get(q.ctx(), control.Place{Scope: q.project}, control.Jobs, q.vars.get("name"))
	var e *sluice.Error
	if errors.As(err, &e) && e.Kind == sluice.NotFound && e.Noun == control.Jobs.Noun {
		return false, nil
	}
	return err == nil, err
}

func (a *API) createJob(q *request) error {
	raw, err := q.document()
	if err != nil {
		return err
	}
	switch export, kind := shipper.IsExport(raw); {
	case export:
		return a.makeExport(q, raw)
	case kind == reindex.Type:
		return a.makeDocumentJob(q, raw, a.Reindex.Create)
	}
	return a.makeJob(q, raw)
}

// makeJob makes a job that is a document.
func (a *API) makeJob(q *request, raw []byte) error {
	return a.makeDocumentJob(q, raw, a.Control.CreateJob)
}

// makeDocumentJob has create make a job, whose name no export may have.
func (a *API) makeDocumentJob(q *request, raw []byte, create func(ctx context.Context, project string, raw []byte, taken func(string) (bool, error)) error) error {
	err := create(q.ctx(), q.project, raw, func(name string) (bool, error) {
		_, err := a.Shippers.Export(q.ctx(), q.project, name)
		if sluice.KindOf(err) == sluice.NotFound {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return err
	}
	return q.ok()
}

func (a *API) updateJob(q *request) error {
	document, err := a.isDocument(q)
	if err != nil {
		return err
	}
	if !document {
		if _, err := a.Shippers.Export(q.ctx(), q.project, q.vars.get("name")); err != nil {
			return err
		}
		return a.updateExport(q)
	}
	switch d, err := a.rebuildJob(q); {
	case err != nil:
		return err
	case d != nil:
		return a.switchRebuildJob(q, d)
	}
	return a.updateDocumentJob(q, func(raw []byte) ([]byte, error) { return raw, nil })
}

// updateDocumentJob changes a job that is a document, after adapt made one of jobs of the body.
func (a *API) updateDocumentJob(q *request, adapt func([]byte) ([]byte, error)) error {
	name, action := q.vars.get("name"), q.query.Get("action")
	if action != "" && action != "RESTART" {
		if err := a.Control.SwitchJob(q.ctx(), q.project, name, action); err != nil {
			return err
		}
		return q.ok()
	}
	raw, err := q.document()
	if err == nil {
		raw, err = adapt(raw)
	}
	if err == nil && action == "RESTART" {
		err = a.Control.RestartJob(q.ctx(), q.project, name, raw)
	} else if err == nil {
		err = a.Control.Update(q.ctx(), control.Place{Scope: q.project}, control.Jobs, name, raw)
	}
	if err != nil {
		return err
	}
	return q.ok()
}

func (a *API) getJob(q *request) error {
	d, err := a.job(q)
	if err != nil {
		return err
	}
	return q.json(d)
}

// job is the job that the path names, of whatever type.
func (a *API) job(q *request) (any, error) {
	document, err := a.isDocument(q)
	switch {
	case err != nil:
		return nil, err
	case document:
		d, err := a.Control.Get(q.ctx(), control.Place{Scope: q.project}, control.Jobs, q.vars.get("name"))
		if err != nil {
			return nil, err
		}
		return a.shown(q, d)
	}
	return a.Shippers.Export(q.ctx(), q.project, q.vars.get("name"))
}

func (a *API) deleteJob(q *request) error {
	document, err := a.isDocument(q)
	switch {
	case err != nil:
		return err
	case document:
		return a.deleteDocumentJob(q)
	}
	return a.deleteExport(q)
}

func (a *API) deleteDocumentJob(q *request) error {
	d, err := a.rebuildJob(q)
	switch {
	case err != nil:
		return err
	case d == nil:
		return deleteDocument(control.Jobs)(a, q)
	}
	if err := a.Reindex.Delete(q.ctx(), q.project, d); err != nil {
		return err
	}
	return q.ok()
}

// jobFilters are the parameters of lists of jobs, and what of a job they are compared with.
var jobFilters = map[string]func(control.Document) []string{
	"jobType":          text("type"),
	"logstore":         func(d control.Document) []string { return control.JobLogstores(d) },
	"resourceProvider": func(d control.Document) []string { return []string{d.Object("configuration").Text("dashboard")} },
}

func (a *API) listJobs(q *request) error {
	l := listing{kind: control.Jobs, key: "results", part: "jobName", parts: "displayName", bodies: true, values: jobFilters, shown: (*API).shown}
	switch q.query.Get("jobType") {
	case "Export":
		return a.listExports(q)
	case "":
		l.others = a.exportDocuments
	}
	return list(l)(a, q)
}

func (a *API) listJobInstances(q *request) error {
	if _, _, err := q.page(); err != nil {
		return err
	}
	if _, err := a.job(q); err != nil {
		return err
	}
	return q.json(map[string]any{"count": 0, "total": 0, "results": []any{}})
}

func (a *API) jobInstance(q *request) error {
	if _, err := a.job(q); err != nil {
		return err
	}
	return sluice.Errorf(sluice.NotFound, "jobinstance", "Job %s has no instance %s: it has not run", q.vars.get("name"), q.vars.get("id"))
}
