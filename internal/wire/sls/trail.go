package sls

import "github.com/sluicelog/sluice/internal/trail"

// GetTrailAnchor: GET /sluice/v1/trail/anchor
//
// Behavior: the newest signed anchor of the audit events, and the public keys that anchors were signed with, each with what the one before vouches for it
// by: what it takes to verify the events of project sluice-trail, and to prove later that none of them is gone.
// Differs: an action of this server, not of Simple Log Service; root keys only, on the bare host.

// CreateTrailAnchor: POST /sluice/v1/trail/anchor
//
// Behavior: signs an anchor behind all events that are there, instead of within trail.anchor_interval. The answer is that of GetTrailAnchor.
// Differs: an action of this server, not of Simple Log Service; root keys only, on the bare host.

// RotateTrailKey: POST /sluice/v1/trail/key
//
// Behavior: makes a new key for anchors; the present one vouches for it in the record of audit events, and its private part is destroyed. The answer is
// that of GetTrailAnchor, with an anchor by the new key.
// Differs: an action of this server, not of Simple Log Service; root keys only, on the bare host.

var trailRoutes = []Route{
	{Method: "GET", Path: "/sluice/v1/trail/anchor", Host: OnBare, Action: "GetTrailAnchor", Permission: "sluice:GetTrailAnchor", Resource: "account", Root: true, handle: (*API).getTrailAnchor},
	{Method: "POST", Path: "/sluice/v1/trail/anchor", Host: OnBare, Action: "CreateTrailAnchor", Permission: "sluice:CreateTrailAnchor", Resource: "account", Mutating: true, Root: true, handle: (*API).createTrailAnchor},
	{Method: "POST", Path: "/sluice/v1/trail/key", Host: OnBare, Action: "RotateTrailKey", Permission: "sluice:RotateTrailKey", Resource: "account", Mutating: true, Root: true, handle: (*API).rotateTrailKey},
}

func (a *API) getTrailAnchor(q *request) error {
	keys, newest, err := a.Trail.Stored(q.ctx())
	if err != nil {
		return err
	}
	evidence, err := trail.NewEvidence(keys, newest)
	if err != nil {
		return err
	}
	return q.json(evidence)
}

func (a *API) createTrailAnchor(q *request) error {
	if _, err := a.Trail.Anchor(q.ctx()); err != nil {
		return err
	}
	return a.getTrailAnchor(q)
}

func (a *API) rotateTrailKey(q *request) error {
	if err := a.Trail.RotateKey(q.ctx()); err != nil {
		return err
	}
	return a.getTrailAnchor(q)
}
