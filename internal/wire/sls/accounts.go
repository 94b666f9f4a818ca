package sls

import (
	"time"

	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/iam"
)

// CreateAccount: POST /sluice/v1/accounts
//
// Body: name.
// Behavior: another account, a tenant, with a first key of its own, whose secret is in this answer alone. What is in it, its own keys manage.
// Differs: an action of this server, not of Simple Log Service; root keys only, on the bare host.

// ListAccounts: GET /sluice/v1/accounts
//
// Differs: an action of this server, not of Simple Log Service; root keys only, on the bare host.

// DeleteAccount: DELETE /sluice/v1/accounts/{id}
//
// Behavior: an account without projects and without machines goes, with its commands, keys, users, groups, roles and policies.
// Differs: an action of this server, not of Simple Log Service; root keys only, on the bare host.

var accountRoutes = []Route{
	{Method: "POST", Path: "/sluice/v1/accounts", Host: OnBare, Action: "CreateAccount", Permission: "sluice:CreateAccount", Resource: "account", Mutating: true, Root: true, handle: (*API).createAccount},
	{Method: "GET", Path: "/sluice/v1/accounts", Host: OnBare, Action: "ListAccounts", Permission: "sluice:ListAccounts", Resource: "account", Root: true, handle: (*API).listAccounts},
	{Method: "DELETE", Path: "/sluice/v1/accounts/{id}", Host: OnBare, Action: "DeleteAccount", Permission: "sluice:DeleteAccount", Resource: "account", Mutating: true, Root: true, handle: (*API).deleteAccount},
	{Method: "GET", Path: "/sluice/v1/permission", Host: OnBare, Action: "ExplainPermission", Permission: "sluice:ExplainPermission", Resource: "account", handle: (*API).explainPermission},
}

type accountObject struct {
	ID      string    `json:"accountId"`
	Name    string    `json:"name"`
	Root    bool      `json:"root"`
	Created time.Time `json:"createTime"`
}

func newAccountObject(a iam.Account) accountObject {
	return accountObject{a.ID, a.Alias, a.Root, a.Created}
}

func (a *API) createAccount(q *request) error {
	var body struct {
		Name string `json:"name"`
	}
	if err := q.decode("account", &body); err != nil {
		return err
	}
	made, err := a.Identity.CreateAccount(q.ctx(), body.Name)
	if err != nil {
		return err
	}
	key, err := a.Keys.Create(q.ctx(), auth.NewKey{Account: made.ID, Root: true, Description: "first key of account " + made.Alias})
	if err != nil {
		return err
	}
	return q.json(struct {
		accountObject
		KeyID  string `json:"accessKeyId"`
		Secret string `json:"accessKeySecret"`
	}{newAccountObject(made), key.ID, key.Secret})
}

func (a *API) listAccounts(q *request) error {
	all, err := a.Identity.Accounts(q.ctx())
	if err != nil {
		return err
	}
	objects := make([]accountObject, len(all))
	for i, account := range all {
		objects[i] = newAccountObject(account)
	}
	return q.json(struct {
		Accounts []accountObject `json:"accounts"`
	}{objects})
}

func (a *API) deleteAccount(q *request) error {
	if err := a.Identity.DeleteAccount(q.ctx(), q.vars.get("id")); err != nil {
		return err
	}
	return q.ok()
}

// ExplainPermission: GET /sluice/v1/permission
//
// Behavior: whether user, or role, of the signer's account may do action to resource, and which statement of which policy says so. sourceIp and secure say how
// the request would come. resource is a name such as acs:log:*:*:project/web/logstore/app, or its last part.
// Differs: an action of this server, not of Simple Log Service; on the bare host.

func (a *API) explainPermission(q *request) error {
	secure, err := q.flag("secure")
	if err != nil {
		return err
	}
	e, err := a.Keys.Explain(q.ctx(), q.principal, auth.Question{
		User: q.query.Get("user"), Role: q.query.Get("role"), Action: q.query.Get("action"), Resource: q.query.Get("resource"),
		SourceIP: q.query.Get("sourceIp"), Secure: secure,
	})
	if err != nil {
		return err
	}
	return q.json(struct {
		Allowed   bool   `json:"allowed"`
		Reason    string `json:"reason"`
		Policy    string `json:"policy,omitempty"`
		Effect    string `json:"effect,omitempty"`
		Statement int    `json:"statement,omitempty"` // from 1
		Line      int    `json:"line,omitempty"`
	}{e.Allowed, e.Reason, e.Policy, e.Effect, e.Statement, e.Line})
}
