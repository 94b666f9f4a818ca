package sls

import "github.com/sluicelog/sluice/internal/trail"

// GetTrailAnchor: GET /sluice/v1/trail/anchor
//
// Behavior: the newest signed anchor of the audit events, and the public keys that anchors were signed with: what it takes to verify the events of
// project sluice-trail, and to prove later that none of them is gone.
// Differs: an action of this server, not of Simple Log Service; root keys only, on the bare host.

var trailRoutes = []Route{
	{Method: "GET", Path: "/sluice/v1/trail/anchor", Host: OnBare, Action: "GetTrailAnchor", Permission: "sluice:GetTrailAnchor", Resource: "account", Root: true, handle: (*API).getTrailAnchor},
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
