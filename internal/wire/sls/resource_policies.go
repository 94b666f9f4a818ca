package sls

import (
	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/iam"
	"github.com/sluicelog/sluice/internal/iam/policy"
)

// GetResourcePolicy: GET /resource-policies
//
// Behavior: resourceType, resourceName, policyDocument as it was sent, revision, which grows with every change, createTime and updateTime.

// PutResourcePolicy: PUT /resource-policies
//
// Body: resourceType (project or logstore), resourceName (of a logstore), policyDocument (JSON as text), dryRun (check it, and set nothing).
// Behavior: that of a project is the project's policy, as PutProjectPolicy sets it. That of a logstore is asked, beside the project's, about
// everything that is done to this logstore, and goes with it.
// Differs: as PutProjectPolicy.

// DeleteResourcePolicy: DELETE /resource-policies
//
// Behavior: ResourcePolicyNotExist if there is none.

var resourcePolicyRoutes = []Route{
	{Method: "GET", Path: "/resource-policies", Action: "GetResourcePolicy", Resource: "project", Late: true, handle: (*API).getResourcePolicy},
	{Method: "PUT", Path: "/resource-policies", Action: "PutResourcePolicy", Resource: "project", Late: true, Mutating: true, handle: (*API).putResourcePolicy},
	{Method: "DELETE", Path: "/resource-policies", Action: "DeleteResourcePolicy", Resource: "project", Late: true, Mutating: true, handle: (*API).deleteResourcePolicy},
}

// What has a policy.
const (
	ofProject  = "project"
	ofLogstore = "logstore"
)

// policyOf asks whether the signer may do this to the policy of a project or a logstore, and returns the logstore; "" for the project.
func (q *request) policyOf(kind, name string) (logstore string, err error) {
	switch {
	case kind == ofProject && (name == "" || name == q.project):
	case kind == ofLogstore && name != "":
		logstore = name
	default:
		err = sluice.Errorf(sluice.Invalid, "parameter",
			"resourceType %.40q with resourceName %.64q is neither %s, of this host, nor %s with a name", kind, name, ofProject, ofLogstore)
	}
	if allowed := q.permit(q.project, logstore); allowed != nil {
		return "", allowed // first: who may not ask learns nothing
	}
	return logstore, err
}

func (a *API) getResourcePolicy(q *request) error {
	kind := q.query.Get("resourceType")
	logstore, err := q.policyOf(kind, q.query.Get("resourceName"))
	if err != nil {
		return err
	}
	p, err := a.Keys.Policy(q.ctx(), q.project, logstore)
	if err != nil {
		return err
	}
	if p.Document == "" {
		return noPolicy(kind)
	}
	name := logstore
	if name == "" {
		name = q.project
	}
	return q.json(map[string]any{
		"resourceType": kind, "resourceName": name, "policyDocument": p.Document, "revision": p.Modified.UnixMicro(),
		"createTime": p.Created.Unix(), "updateTime": p.Modified.Unix(),
	})
}

func noPolicy(kind string) error {
	return sluice.Errorf(sluice.NotFound, "resourcepolicy", "the %s has no policy", kind)
}

func (a *API) putResourcePolicy(q *request) error {
	var body struct {
		Type     string    `json:"resourceType"`
		Name     string    `json:"resourceName"`
		Document string    `json:"policyDocument"`
		DryRun   looseBool `json:"dryRun"`
	}
	if err := q.decode("parameter", &body); err != nil {
		return err
	}
	logstore, err := q.policyOf(body.Type, body.Name)
	if err != nil {
		return err
	}
	if err := iam.CheckDocument(body.Document, policy.Resource); err != nil {
		return err
	}
	if !body.DryRun {
		err = a.Keys.SetPolicy(q.ctx(), q.project, logstore, body.Document)
	}
	if err != nil {
		return err
	}
	return q.ok()
}

func (a *API) deleteResourcePolicy(q *request) error {
	kind := q.query.Get("resourceType")
	logstore, err := q.policyOf(kind, q.query.Get("resourceName"))
	if err != nil {
		return err
	}
	switch p, err := a.Keys.Policy(q.ctx(), q.project, logstore); {
	case err != nil:
		return err
	case p.Document == "":
		return noPolicy(kind)
	}
	if err := a.Keys.SetPolicy(q.ctx(), q.project, logstore, ""); err != nil {
		return err
	}
	return q.ok()
}
