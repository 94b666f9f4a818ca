package sls

import (
	"encoding/json"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/control"
)

// The 2020-12-30 API has a path for each type of job; its documents are those of jobs without the type. They are views of the same jobs,
// and policies know their actions by the names of those of jobs, so that a policy about jobs is about all of them.

// CreateAlert: POST /alerts
//
// Behavior: as CreateJob of type Alert.

// ListAlerts: GET /alerts
//
// Behavior: as ListJobs of that type.

// GetAlert: GET /alerts/{name}
//
// Behavior: as GetJob.

// UpdateAlert: PUT /alerts/{name}
//
// Behavior: as UpdateJob, with its actions.

// DeleteAlert: DELETE /alerts/{name}
//
// Behavior: as DeleteJob.

// CreateETL: POST /etls
//
// Behavior: as CreateJob of type ETL.

// ListETLs: GET /etls
//
// Behavior: as ListJobs of that type.

// GetETL: GET /etls/{name}
//
// Behavior: as GetJob.

// UpdateETL: PUT /etls/{name}
//
// Behavior: as UpdateJob, with its actions.

// DeleteETL: DELETE /etls/{name}
//
// Behavior: as DeleteJob.

// CreateScheduledSQL: POST /scheduledsqls
//
// Behavior: as CreateJob of type ScheduledSQL.

// ListScheduledSQLs: GET /scheduledsqls
//
// Behavior: as ListJobs of that type.

// GetScheduledSQL: GET /scheduledsqls/{name}
//
// Behavior: as GetJob.

// UpdateScheduledSQL: PUT /scheduledsqls/{name}
//
// Behavior: as UpdateJob, with its actions.

// DeleteScheduledSQL: DELETE /scheduledsqls/{name}
//
// Behavior: as DeleteJob.

// CreateOSSIngestion: POST /ossingestions
//
// Behavior: as CreateJob of type Ingestion with a source of type AliyunOSS.

// ListOSSIngestions: GET /ossingestions
//
// Behavior: as ListJobs of that type and source.

// GetOSSIngestion: GET /ossingestions/{name}
//
// Behavior: as GetJob.

// UpdateOSSIngestion: PUT /ossingestions/{name}
//
// Behavior: as UpdateJob, with its actions.

// DeleteOSSIngestion: DELETE /ossingestions/{name}
//
// Behavior: as DeleteJob.

// CreateS3Ingestion: POST /s3ingestions
//
// Behavior: as CreateJob of type Ingestion with a source of type S3.

// ListS3Ingestions: GET /s3ingestions
//
// Behavior: as ListJobs of that type and source.

// GetS3Ingestion: GET /s3ingestions/{name}
//
// Behavior: as GetJob.

// UpdateS3Ingestion: PUT /s3ingestions/{name}
//
// Behavior: as UpdateJob, with its actions.

// DeleteS3Ingestion: DELETE /s3ingestions/{name}
//
// Behavior: as DeleteJob.

// typedJob is a type of jobs with a path of its own.
type typedJob struct{ path, one, many, kind, source string }

var typedJobRoutes = typedJobs([]typedJob{
	{"/alerts", "Alert", "Alerts", "Alert", ""},
	{"/etls", "ETL", "ETLs", "ETL", ""},
	{"/scheduledsqls", "ScheduledSQL", "ScheduledSQLs", "ScheduledSQL", ""},
	{"/ossingestions", "OSSIngestion", "OSSIngestions", "Ingestion", "AliyunOSS"},
	{"/s3ingestions", "S3Ingestion", "S3Ingestions", "Ingestion", "S3"},
})

func typedJobs(types []typedJob) (routes []Route) {
	for _, t := range types {
		routes = append(routes, []Route{
			{Method: "GET", Path: t.path, Action: "List" + t.many, Permission: "log:ListJobs", Resource: "job/*", handle: t.list},
			{Method: "POST", Path: t.path, Action: "Create" + t.one, Permission: "log:CreateJob", Resource: "job/*", Mutating: true, handle: t.create},
			{Method: "GET", Path: t.path + "/{name}", Action: "Get" + t.one, Permission: "log:GetJob", Resource: "job/{name}", handle: t.get},
			{Method: "PUT", Path: t.path + "/{name}", Action: "Update" + t.one, Permission: "log:UpdateJob", Resource: "job/{name}", Mutating: true, handle: t.update},
			{Method: "DELETE", Path: t.path + "/{name}", Action: "Delete" + t.one, Permission: "log:DeleteJob", Resource: "job/{name}", Mutating: true, handle: t.delete},
		}...)
	}
	return routes
}

// is reports whether a job is of this type.
func (t typedJob) is(d control.Document) bool {
	return d.Text("type") == t.kind && (t.source == "" || d.Object("configuration").Object("source").Text("type") == t.source)
}

// adapt makes a document of the type that the path says.
func (t typedJob) adapt(raw []byte) ([]byte, error) {
	d, err := control.Parse(control.Jobs, raw)
	if err != nil {
		return nil, err
	}
	d.Set("type", t.kind)
	if configuration := d.Object("configuration"); t.source != "" && configuration != nil {
		source := configuration.Object("source")
		if source == nil {
			source = control.Document{}
		}
		source.Set("type", t.source)
		configuration.Set("source", source)
		d.Set("configuration", configuration)
	}
	return json.Marshal(d)
}

func (t typedJob) create(a *API, q *request) error {
	raw, err := q.document()
	if err == nil {
		raw, err = t.adapt(raw)
	}
	if err != nil {
		return err
	}
	return a.makeJob(q, raw)
}

// find returns the job that the path names, if it is of this type.
func (t typedJob) find(a *API, q *request) (control.Document, error) {
	name := q.vars.get("name")
	d, err := a.Control.Get(q.ctx(), control.Place{Scope: q.project}, control.Jobs, name)
	if err == nil && !t.is(d) {
		err = sluice.Errorf(sluice.NotFound, control.Jobs.Noun, "Job %s does not exist among those of type %s", name, t.one)
	}
	return d, err
}

func (t typedJob) get(a *API, q *request) error {
	d, err := t.find(a, q)
	if err != nil {
		return err
	}
	return q.json(d)
}

func (t typedJob) update(a *API, q *request) error {
	if _, err := t.find(a, q); err != nil {
		return err
	}
	return a.updateDocumentJob(q, t.adapt)
}

func (t typedJob) delete(a *API, q *request) error {
	if _, err := t.find(a, q); err != nil {
		return err
	}
	return deleteDocument(control.Jobs)(a, q)
}

func (t typedJob) list(a *API, q *request) error {
	return list(listing{kind: control.Jobs, key: "results", part: "jobName", parts: "displayName", bodies: true, values: jobFilters, only: t.is})(a, q)
}
