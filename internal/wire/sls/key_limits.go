package sls

import (
	"github.com/sluicelog/sluice/internal/keyquota"
	"github.com/sluicelog/sluice/internal/quota"
)

// GetAccessKeyLimits: GET /sluice/v1/keys/{id}/limits
//
// Behavior: writeRequests, writeBytes, readRequests, readBytes, each per second and 0 for no limit; own says whether they are the key's own or
// those that the server is configured with. A root key without its own has none.
// Differs: an action of this server, not of Simple Log Service; root keys only, on the bare host.

// SetAccessKeyLimits: PUT /sluice/v1/keys/{id}/limits
//
// Body: writeRequests, writeBytes, readRequests, readBytes; what is missing is 0, no limit.
// Behavior: they hold from the next request on. What is over is refused with WriteQuotaExceed or ReadQuotaExceed.
// Differs: an action of this server, not of Simple Log Service; root keys only, on the bare host.

// DeleteAccessKeyLimits: DELETE /sluice/v1/keys/{id}/limits
//
// Behavior: the key is held to the configured limits again.
// Differs: an action of this server, not of Simple Log Service; root keys only, on the bare host.

var keyLimitRoutes = []Route{
	{Method: "GET", Path: "/sluice/v1/keys/{id}/limits", Host: OnBare, Action: "GetAccessKeyLimits", Permission: "sluice:GetAccessKey", Resource: "account", Root: true, handle: (*API).getKeyLimits},
	{Method: "PUT", Path: "/sluice/v1/keys/{id}/limits", Host: OnBare, Action: "SetAccessKeyLimits", Permission: "sluice:UpdateAccessKey", Resource: "account", Mutating: true, Root: true, handle: (*API).setKeyLimits},
	{Method: "DELETE", Path: "/sluice/v1/keys/{id}/limits", Host: OnBare, Action: "DeleteAccessKeyLimits", Permission: "sluice:UpdateAccessKey", Resource: "account", Mutating: true, Root: true, handle: (*API).deleteKeyLimits},
}

// keyLimits are limits as clients see them.
type keyLimits struct {
	Own           bool     `json:"own"`
	WriteRequests looseInt `json:"writeRequests"`
	WriteBytes    looseInt `json:"writeBytes"`
	ReadRequests  looseInt `json:"readRequests"`
	ReadBytes     looseInt `json:"readBytes"`
}

func (a *API) getKeyLimits(q *request) error {
	key, err := a.Keys.Get(q.ctx(), q.vars.get("id"))
	if err != nil {
		return err
	}
	l, own, err := a.KeyQuotas.Own(q.ctx(), key.ID)
	if err != nil {
		return err
	}
	if !own && !key.Root {
		l = a.KeyQuotas.Default()
	}
	return q.json(keyLimits{
		own, looseInt(l.Write.RequestsPerSecond), looseInt(l.Write.BytesPerSecond),
		looseInt(l.Read.RequestsPerSecond), looseInt(l.Read.BytesPerSecond),
	})
}

func (a *API) setKeyLimits(q *request) error {
	var body keyLimits
	if err := q.decode("accesskey", &body); err != nil {
		return err
	}
	key, err := a.Keys.Get(q.ctx(), q.vars.get("id"))
	if err != nil {
		return err
	}
	if err := a.KeyQuotas.Set(q.ctx(), key.ID, keyquota.Limits{
		Write: quota.Rate{RequestsPerSecond: int64(body.WriteRequests), BytesPerSecond: int64(body.WriteBytes)},
		Read:  quota.Rate{RequestsPerSecond: int64(body.ReadRequests), BytesPerSecond: int64(body.ReadBytes)},
	}); err != nil {
		return err
	}
	return q.ok()
}

func (a *API) deleteKeyLimits(q *request) error {
	key, err := a.Keys.Get(q.ctx(), q.vars.get("id"))
	if err != nil {
		return err
	}
	if err := a.KeyQuotas.Reset(q.ctx(), key.ID); err != nil {
		return err
	}
	return q.ok()
}
