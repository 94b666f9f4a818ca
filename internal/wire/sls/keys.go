package sls

import (
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/auth"
)

// CreateAccessKey: POST /sluice/v1/keys
//
// Body: description, projects (none means all), readOnly, root, expiresInSeconds (makes a temporary key); accountId for the key of another account,
// userName for that of one of its users, whose policies say what it may.
// Behavior: the only answer that has accessKeySecret and, for a temporary key, securityToken.
// Differs: an action of this server, not of Simple Log Service; root keys only, on the bare host.

// ListAccessKeys: GET /sluice/v1/keys
//
// Differs: an action of this server, not of Simple Log Service; root keys only, on the bare host.

// GetAccessKey: GET /sluice/v1/keys/{id}
//
// Differs: an action of this server, not of Simple Log Service; root keys only, on the bare host.

// UpdateAccessKey: PATCH /sluice/v1/keys/{id}
//
// Body: disabled; the key opens nothing, or everything again, when the answer leaves. The last enabled root key stays enabled.
// Differs: an action of this server, not of Simple Log Service; root keys only, on the bare host.

// DeleteAccessKey: DELETE /sluice/v1/keys/{id}
//
// Behavior: the key opens nothing when the answer leaves. The last enabled root key stays.
// Differs: an action of this server, not of Simple Log Service; root keys only, on the bare host.

var keyRoutes = []Route{
	{Method: "POST", Path: "/sluice/v1/keys", Host: OnBare, Action: "CreateAccessKey", Permission: "sluice:CreateAccessKey", Resource: "account", Mutating: true, Root: true, handle: (*API).createKey},
	{Method: "GET", Path: "/sluice/v1/keys", Host: OnBare, Action: "ListAccessKeys", Permission: "sluice:ListAccessKeys", Resource: "account", Root: true, handle: (*API).listKeys},
	{Method: "GET", Path: "/sluice/v1/keys/{id}", Host: OnBare, Action: "GetAccessKey", Permission: "sluice:GetAccessKey", Resource: "account", Root: true, handle: (*API).getKey},
	{Method: "PATCH", Path: "/sluice/v1/keys/{id}", Host: OnBare, Action: "UpdateAccessKey", Permission: "sluice:UpdateAccessKey", Resource: "account", Mutating: true, Root: true, handle: (*API).updateKey},
	{Method: "DELETE", Path: "/sluice/v1/keys/{id}", Host: OnBare, Action: "DeleteAccessKey", Permission: "sluice:DeleteAccessKey", Resource: "account", Mutating: true, Root: true, handle: (*API).deleteKey},
}

type keyObject struct {
	ID          string    `json:"accessKeyId"`
	Account     string    `json:"accountId"`
	User        string    `json:"userName,omitempty"`
	Description string    `json:"description"`
	Projects    []string  `json:"projects"`
	ReadOnly    bool      `json:"readOnly"`
	Root        bool      `json:"root"`
	Disabled    bool      `json:"disabled"`
	Created     time.Time `json:"createTime"`
	Expires     time.Time `json:"expireTime,omitzero"`
	LastUsed    time.Time `json:"lastUseTime,omitzero"`
}

func newKeyObject(k auth.Key) keyObject {
	return keyObject{
		ID: k.ID, Account: k.Account, User: k.User, Description: k.Description, Projects: array(k.Projects), ReadOnly: k.ReadOnly, Root: k.Root,
		Disabled: k.Disabled, Created: k.Created, Expires: k.Expires, LastUsed: k.LastUsed,
	}
}

func (a *API) createKey(q *request) error {
	var body struct {
		Description string    `json:"description"`
		Projects    []string  `json:"projects"`
		ReadOnly    looseBool `json:"readOnly"`
		Root        looseBool `json:"root"`
		Life        looseInt  `json:"expiresInSeconds"`
		Account     string    `json:"accountId"`
		User        string    `json:"userName"`
	}
	if err := q.decode("accesskey", &body); err != nil {
		return err
	}
	created, err := a.Keys.Create(q.ctx(), auth.NewKey{
		Account: body.Account, User: body.User, Projects: body.Projects, ReadOnly: bool(body.ReadOnly), Root: bool(body.Root),
		Description: body.Description, Temporary: seconds(body.Life),
	})
	if err != nil {
		return err
	}
	key, err := a.Keys.Get(q.ctx(), created.ID)
	if err != nil {
		return err
	}
	return q.json(struct {
		keyObject
		Secret string `json:"accessKeySecret"`
		Token  string `json:"securityToken,omitempty"`
	}{newKeyObject(key), created.Secret, created.Token})
}

func (a *API) listKeys(q *request) error {
	keys, err := a.Keys.List(q.ctx())
	if err != nil {
		return err
	}
	objects := make([]keyObject, len(keys))
	for i, k := range keys {
		objects[i] = newKeyObject(k)
	}
	return q.json(struct {
		Keys []keyObject `json:"keys"`
	}{objects})
}

func (a *API) getKey(q *request) error {
	key, err := a.Keys.Get(q.ctx(), q.vars.get("id"))
	if err != nil {
		return err
	}
	return q.json(newKeyObject(key))
}

func (a *API) updateKey(q *request) error {
	var body struct {
		Disabled *looseBool `json:"disabled"`
	}
	if err := q.decode("accesskey", &body); err != nil {
		return err
	}
	if body.Disabled == nil {
		return sluice.Errorf(sluice.Invalid, "accesskey", "the request body says nothing of disabled, all that can be changed")
	}
	change := a.Keys.Enable
	if *body.Disabled {
		change = a.Keys.Disable
	}
	if err := change(q.ctx(), q.vars.get("id")); err != nil {
		return err
	}
	return q.ok()
}

func (a *API) deleteKey(q *request) error {
	id := q.vars.get("id")
	if err := a.Keys.Delete(q.ctx(), id); err != nil {
		return err
	}
	return q.ok()
}
