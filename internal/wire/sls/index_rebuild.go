package sls

import (
	"time"

	"github.com/sluicelog/sluice/internal/indexer"
)

// RebuildIndex: POST /sluice/v1/logstores/{logstore}/index/rebuild
//
// Body: all (also what the present configuration made); the body may be empty.
// Behavior: makes the index of the logs held anew under the present configuration, in the background; answers remain complete and
// exact meanwhile. The answer is that of GetIndexRebuild.
// Differs: an action of this server, not of Simple Log Service; jobs of type RebuildIndex do the same.

// GetIndexRebuild: GET /sluice/v1/logstores/{logstore}/index/rebuild
//
// Behavior: state (running, finished, canceled), bytes done and bytes left, segments that cannot be made anew, and times.
// Differs: an action of this server, not of Simple Log Service.

// CancelIndexRebuild: DELETE /sluice/v1/logstores/{logstore}/index/rebuild
//
// Behavior: what was made anew stays.
// Differs: an action of this server, not of Simple Log Service.

var indexRebuildRoutes = []Route{
	{Method: "POST", Path: rebuildPath, Action: "RebuildIndex", Permission: "sluice:RebuildIndex", Resource: "logstore/{logstore}", Mutating: true, handle: (*API).rebuildIndex},
	{Method: "GET", Path: rebuildPath, Action: "GetIndexRebuild", Permission: "sluice:GetIndexRebuild", Resource: "logstore/{logstore}", handle: (*API).getRebuild},
	{Method: "DELETE", Path: rebuildPath, Action: "CancelIndexRebuild", Permission: "sluice:CancelIndexRebuild", Resource: "logstore/{logstore}", Mutating: true, handle: (*API).cancelRebuild},
}

const rebuildPath = "/sluice/v1/logstores/{logstore}/index/rebuild"

type rebuildObject struct {
	State    string    `json:"state"`
	Done     int64     `json:"bytesDone"`
	Left     int64     `json:"bytesLeft"`
	Failed   int       `json:"segmentsFailed"`
	Started  time.Time `json:"startTime"`
	Finished time.Time `json:"finishTime,omitzero"`
}

func newRebuildObject(r indexer.Rebuild) rebuildObject {
	o := rebuildObject{"running", r.Done, r.Left, r.Failed, r.Started, r.Finished}
	switch {
	case r.Canceled:
		o.State = "canceled"
	case !r.Finished.IsZero():
		o.State = "finished"
	}
	return o
}

func (a *API) rebuildIndex(q *request) error {
	var body struct {
		All looseBool `json:"all"`
	}
	if q.r.ContentLength != 0 {
		if err := q.decode("parameter", &body); err != nil {
			return err
		}
	}
	if err := a.Reindex.Start(q.ctx(), q.logstore(), bool(body.All)); err != nil {
		return err
	}
	return a.getRebuild(q)
}

func (a *API) getRebuild(q *request) error {
	r, err := a.Index.Rebuild(q.ctx(), q.logstore())
	if err != nil {
		return err
	}
	return q.json(newRebuildObject(r))
}

func (a *API) cancelRebuild(q *request) error {
	if err := a.Index.CancelRebuild(q.ctx(), q.logstore()); err != nil {
		return err
	}
	return a.getRebuild(q)
}
