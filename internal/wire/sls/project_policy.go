package sls

import (
	"net/http"

	"github.com/sluicelog/sluice/internal/iam"
	"github.com/sluicelog/sluice/internal/iam/policy"
)

// GetProjectPolicy: GET /policy
//
// Behavior: the document as it was sent; nothing if there is none.

// PutProjectPolicy: POST /policy
//
// Body: the document, at most 16 KB. Every fault in it is refused with its line and column.
// Behavior: in force when the answer leaves. Deny counts for everybody, the account itself included, which can still change the policy; Allow lets
// in other accounts, whose own policies have to allow the same.
// Differs: a statement that allows and names nobody is about the users and roles of the project's own account, and lets nobody else in; only
// accounts, users and roles of this server can be named.
// Differs: condition keys are acs:SourceIp, acs:SourceVpc (which no request has), acs:CurrentTime, acs:SecureTransport, acs:MFAPresent,
// acs:PrincipalARN and log:TLSVersion; others are refused.

// DeleteProjectPolicy: DELETE /policy
//
// Behavior: success if there is none, too.

var projectPolicyRoutes = []Route{
	{Method: "GET", Path: "/policy", Action: "GetProjectPolicy", Resource: "project", handle: (*API).getProjectPolicy},
	{Method: "POST", Path: "/policy", Action: "PutProjectPolicy", Resource: "project", Mutating: true, handle: (*API).putProjectPolicy},
	{Method: "DELETE", Path: "/policy", Action: "DeleteProjectPolicy", Resource: "project", Mutating: true, handle: (*API).deleteProjectPolicy},
}

func (a *API) getProjectPolicy(q *request) error {
	p, err := a.Keys.Policy(q.ctx(), q.project, "")
	if err != nil {
		return err
	}
	send(q.w, http.StatusOK, []string{"application/json"}, []byte(p.Document))
	return nil
}

func (a *API) putProjectPolicy(q *request) error {
	buf, err := q.readDocument(policy.MaxBytes)
	if err != nil {
		return err
	}
	defer buf.release()
	document := string(buf.b)
	if err := iam.CheckDocument(document, policy.Resource); err != nil {
		return err
	}
	if err := a.Keys.SetPolicy(q.ctx(), q.project, "", document); err != nil {
		return err
	}
	return q.ok()
}

func (a *API) deleteProjectPolicy(q *request) error {
	if err := a.Keys.SetPolicy(q.ctx(), q.project, "", ""); err != nil {
		return err
	}
	return q.ok()
}
