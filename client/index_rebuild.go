package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/sluicelog/sluice"
)

// Rebuild is how the last rebuild of the index of a logstore does.
type Rebuild struct {
	State    string    `json:"state"` // running, finished or canceled
	Done     int64     `json:"bytesDone"`
	Left     int64     `json:"bytesLeft"`
	Failed   int       `json:"segmentsFailed"` // that cannot be made anew
	Started  time.Time `json:"startTime"`
	Finished time.Time `json:"finishTime,omitzero"`
}

func rebuildPath(ref sluice.LogstoreRef) string {
	return "/sluice/v1/logstores/" + url.PathEscape(ref.Logstore) + "/index/rebuild"
}

// RebuildIndex makes the index of the logs held anew under the present configuration: what another one made, or all. The server does it
// in the background. Error codes: IndexConfigNotExist, IndexRebuildRunning.
func (c *Client) RebuildIndex(ctx context.Context, ref sluice.LogstoreRef, all bool) (Rebuild, error) {
	var r Rebuild
	err := c.sendJSON(ctx, http.MethodPost, ref.Project, rebuildPath(ref), nil, map[string]bool{"all": all}, &r)
	return r, err
}

// IndexRebuild tells of the last rebuild. Error code: IndexRebuildNotExist.
func (c *Client) IndexRebuild(ctx context.Context, ref sluice.LogstoreRef) (Rebuild, error) {
	var r Rebuild
	err := c.get(ctx, ref.Project, rebuildPath(ref), nil, &r)
	return r, err
}

// CancelRebuild ends a rebuild that runs; what was made anew stays. Error code: IndexRebuildNotExist.
func (c *Client) CancelRebuild(ctx context.Context, ref sluice.LogstoreRef) (Rebuild, error) {
	var r Rebuild
	err := c.send(ctx, call{method: http.MethodDelete, project: ref.Project, path: rebuildPath(ref)}, &r)
	return r, err
}
