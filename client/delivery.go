package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/sluicelog/sluice"
)

// DeliveryTask is a task that ships logs of a project to a destination, and how it does.
type DeliveryTask struct {
	Name     string          `json:"name"`
	State    string          `json:"state"` // draft, verifying, online, failing, paused, offline
	Reason   string          `json:"reason,omitempty"`
	Revision int64           `json:"revision"`
	Started  time.Time       `json:"started,omitzero"`
	Created  time.Time       `json:"created"`
	Modified time.Time       `json:"modified"`
	Spec     json.RawMessage `json:"spec"` // the document, secrets masked

	LagSeconds float64          `json:"lagSeconds"` // age of the oldest log that is not delivered
	Backlog    int64            `json:"backlog"`    // log groups
	Counters   DeliveryCounters `json:"counters"`
	Redriven   DeliveryCounters `json:"redriven"` // of dead letters
	Redrive    bool             `json:"redrive"`  // dead letters are being delivered again
	Error      string           `json:"error,omitempty"`
	Failing    time.Time        `json:"failingSince,omitzero"`
	Success    time.Time        `json:"lastDelivery,omitzero"`
	Rate       float64          `json:"logsPerSecond"`
	ByteRate   float64          `json:"bytesPerSecond"`
	Shards     []DeliveryShard  `json:"shards,omitempty"`
}

// DeliveryCounters say what came of the logs that a task read: Read is the sum of the others up to InFlight.
type DeliveryCounters struct {
	Read         int64 `json:"read"`
	Delivered    int64 `json:"delivered,omitempty"`
	Filtered     int64 `json:"filtered,omitempty"`
	Sampled      int64 `json:"sampled,omitempty"`
	DeadLettered int64 `json:"deadLettered,omitempty"`
	Expired      int64 `json:"expired,omitempty"`
	Skipped      int64 `json:"skipped,omitempty"`
	InFlight     int64 `json:"inFlight,omitempty"`

	Bytes   int64 `json:"bytes,omitempty"`
	Batches int64 `json:"batches,omitempty"`
	Retries int64 `json:"retries,omitempty"`

	ExpiredGroups int64 `json:"expiredGroups,omitempty"` // log groups that retention took before they were read
	DamagedGroups int64 `json:"damagedGroups,omitempty"`
	SkippedGroups int64 `json:"skippedGroups,omitempty"`
}

// DeliveryShard is how a task does in one shard.
type DeliveryShard struct {
	Shard      sluice.ShardID   `json:"shard"`
	Redrive    bool             `json:"redrive,omitempty"`
	Point      string           `json:"point"`
	Finished   bool             `json:"finished,omitempty"`
	LagSeconds float64          `json:"lagSeconds"`
	Backlog    int64            `json:"backlog"`
	Counters   DeliveryCounters `json:"counters"`
	Error      string           `json:"error,omitempty"`
	Failing    time.Time        `json:"failingSince,omitzero"`
	Success    time.Time        `json:"lastDelivery,omitzero"`
	Owner      string           `json:"owner,omitempty"`
}

const deliveriesPath = "/sluice/v1/deliveries"

func deliveryPath(task string) string { return deliveriesPath + "/" + url.PathEscape(task) }

// CreateDelivery makes a task of a document in JSON or YAML (docs/delivery.md). It is a draft until it is started. Error codes:
// ParameterInvalid, whose message names the field; DeliveryTaskAlreadyExist.
func (c *Client) CreateDelivery(ctx context.Context, project string, document []byte) (*DeliveryTask, error) {
	t := &DeliveryTask{}
	return t, c.send(ctx, documentCall(http.MethodPost, project, deliveriesPath, nil, document), t)
}

// UpdateDelivery replaces the document of a task; secrets that are masked in it stay. revision is the one it replaces, 0 any. Error codes:
// DeliveryTaskNotExist, DeliveryTaskConflict.
func (c *Client) UpdateDelivery(ctx context.Context, project, task string, revision int64, document []byte) (*DeliveryTask, error) {
	t := &DeliveryTask{}
	query := url.Values{"revision": {strconv.FormatInt(revision, 10)}}
	return t, c.send(ctx, documentCall(http.MethodPut, project, deliveryPath(task), query, document), t)
}

func documentCall(method, project, path string, query url.Values, document []byte) call {
	return call{
		method: method, project: project, path: path, query: query,
		contentType: contentJSON, body: document, rawSize: len(document),
	}
}

// Deliveries lists the tasks of a project by name.
func (c *Client) Deliveries(ctx context.Context, project string) ([]DeliveryTask, error) {
	var page struct {
		Tasks []DeliveryTask `json:"tasks"`
	}
	err := c.get(ctx, project, deliveriesPath, nil, &page)
	return page.Tasks, err
}

// Delivery returns a task. Error code: DeliveryTaskNotExist.
func (c *Client) Delivery(ctx context.Context, project, task string) (*DeliveryTask, error) {
	t := &DeliveryTask{}
	return t, c.get(ctx, project, deliveryPath(task), nil, t)
}

// DeleteDelivery deletes a task. Its dead letters stay.
func (c *Client) DeleteDelivery(ctx context.Context, project, task string) error {
	return c.send(ctx, call{method: http.MethodDelete, project: project, path: deliveryPath(task)}, nil)
}

// VerifyDelivery asks a task's destination whether logs could be delivered now; the error says what is wrong.
func (c *Client) VerifyDelivery(ctx context.Context, project, task string) (*DeliveryTask, error) {
	return c.deliveryVerb(ctx, project, task, url.Values{"action": {"verify"}})
}

// ChallengeDelivery writes a file with a token to a task's bucket and returns its name; whoever can read it proves that the bucket is theirs.
func (c *Client) ChallengeDelivery(ctx context.Context, project, task string) (file string, err error) {
	var out struct {
		File string `json:"file"`
	}
	err = c.send(ctx, call{method: http.MethodPost, project: project, path: deliveryPath(task), query: url.Values{"action": {"challenge"}}}, &out)
	return out.File, err
}

// ProveDelivery gives the content of the file that ChallengeDelivery wrote.
func (c *Client) ProveDelivery(ctx context.Context, project, task, token string) error {
	in := map[string]string{"token": token}
	return c.sendJSON(ctx, http.MethodPost, project, deliveryPath(task), url.Values{"action": {"prove"}}, in, nil)
}

// StartDelivery brings a task online where it stopped, or, with fromNow, at what arrives from now on.
func (c *Client) StartDelivery(ctx context.Context, project, task string, fromNow bool) (*DeliveryTask, error) {
	query := url.Values{"action": {"start"}}
	if fromNow {
		query.Set("from", "now")
	}
	return c.deliveryVerb(ctx, project, task, query)
}

// PauseDelivery stops a task where it is.
func (c *Client) PauseDelivery(ctx context.Context, project, task, reason string) (*DeliveryTask, error) {
	return c.deliveryVerb(ctx, project, task, url.Values{"action": {"pause"}, "reason": {reason}})
}

// StopDelivery takes a task offline; it keeps its place.
func (c *Client) StopDelivery(ctx context.Context, project, task string) (*DeliveryTask, error) {
	return c.deliveryVerb(ctx, project, task, url.Values{"action": {"stop"}})
}

// RedriveDelivery delivers the dead letters of a task again, those written in [from, to); zero times are no bounds.
func (c *Client) RedriveDelivery(ctx context.Context, project, task string, from, to time.Time) (*DeliveryTask, error) {
	query := url.Values{"action": {"redrive"}}
	for name, t := range map[string]time.Time{"from": from, "to": to} {
		if !t.IsZero() {
			query.Set(name, strconv.FormatInt(t.Unix(), 10))
		}
	}
	return c.deliveryVerb(ctx, project, task, query)
}

func (c *Client) deliveryVerb(ctx context.Context, project, task string, query url.Values) (*DeliveryTask, error) {
	t := &DeliveryTask{}
	return t, c.send(ctx, call{method: http.MethodPost, project: project, path: deliveryPath(task), query: query}, t)
}
