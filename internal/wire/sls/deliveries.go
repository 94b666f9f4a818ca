package sls

import (
	"bytes"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/delivery"
)

// CreateDeliveryTask: POST /sluice/v1/deliveries
//
// Body: the task's document, JSON or YAML (docs/delivery.md).
// Behavior: the task is a draft; verify asks its destination, start brings it online.
// Differs: an action of this server, not of Simple Log Service.

// ListDeliveryTasks: GET /sluice/v1/deliveries
//
// Behavior: all tasks of the project, by name, each with how it does.
// Differs: an action of this server, not of Simple Log Service.

// GetDeliveryTask: GET /sluice/v1/deliveries/{task}
//
// Behavior: the document without secrets, and how the task does, shard by shard.
// Differs: an action of this server, not of Simple Log Service.

// UpdateDeliveryTask: PUT /sluice/v1/deliveries/{task}
//
// Body: the whole document; a secret that is masked stays as it was. revision, a parameter, refuses to overwrite somebody else's change.
// Differs: an action of this server, not of Simple Log Service.

// DeleteDeliveryTask: DELETE /sluice/v1/deliveries/{task}
//
// Behavior: in any state; dead letters stay.
// Differs: an action of this server, not of Simple Log Service.

// VerifyDeliveryTask: POST /sluice/v1/deliveries/{task}?action=verify
//
// Behavior: asks the destination whether logs could be delivered now; the error says what is wrong.
// Differs: an action of this server, not of Simple Log Service.

// StartDeliveryTask: POST /sluice/v1/deliveries/{task}?action=start
//
// Behavior: goes on where the task stopped; with from=now it leaves out what came meanwhile.
// Differs: an action of this server, not of Simple Log Service.

// PauseDeliveryTask: POST /sluice/v1/deliveries/{task}?action=pause
//
// Behavior: the task keeps its place; reason is shown to whoever looks.
// Differs: an action of this server, not of Simple Log Service.

// StopDeliveryTask: POST /sluice/v1/deliveries/{task}?action=stop
//
// Behavior: the task is offline and keeps its place.
// Differs: an action of this server, not of Simple Log Service.

// ChallengeDeliveryTask: POST /sluice/v1/deliveries/{task}?action=challenge
//
// Behavior: writes a file with a token to the task's bucket and says which; whoever can read it proves that the bucket is theirs.
// Differs: an action of this server, not of Simple Log Service.

// ProveDeliveryTask: POST /sluice/v1/deliveries/{task}?action=prove
//
// Body: token, the content of the file.
// Differs: an action of this server, not of Simple Log Service.

// RedriveDeliveryTask: POST /sluice/v1/deliveries/{task}?action=redrive
//
// Behavior: delivers dead letters again, those written in [from, to), seconds since 1970.
// Differs: an action of this server, not of Simple Log Service.

var deliveryRoutes = []Route{
	{Method: "POST", Path: "/sluice/v1/deliveries", Action: "CreateDeliveryTask", Permission: "sluice:CreateDeliveryTask", Resource: "delivery/*", Mutating: true, handle: (*API).createDelivery},
	{Method: "GET", Path: "/sluice/v1/deliveries", Action: "ListDeliveryTasks", Permission: "sluice:ListDeliveryTasks", Resource: "delivery/*", handle: (*API).listDeliveries},
	{Method: "GET", Path: "/sluice/v1/deliveries/{task}", Action: "GetDeliveryTask", Permission: "sluice:GetDeliveryTask", Resource: "delivery/{task}", handle: (*API).getDelivery},
	{Method: "PUT", Path: "/sluice/v1/deliveries/{task}", Action: "UpdateDeliveryTask", Permission: "sluice:UpdateDeliveryTask", Resource: "delivery/{task}", Mutating: true, handle: (*API).updateDelivery},
	{Method: "DELETE", Path: "/sluice/v1/deliveries/{task}", Action: "DeleteDeliveryTask", Permission: "sluice:DeleteDeliveryTask", Resource: "delivery/{task}", Mutating: true, handle: (*API).deleteDelivery},
	deliveryVerb("VerifyDeliveryTask", "verify", (*API).verifyDelivery),
	deliveryVerb("ChallengeDeliveryTask", "challenge", (*API).challengeDelivery),
	deliveryVerb("ProveDeliveryTask", "prove", (*API).proveDelivery),
	deliveryVerb("StartDeliveryTask", "start", (*API).startDelivery),
	deliveryVerb("PauseDeliveryTask", "pause", (*API).pauseDelivery),
	deliveryVerb("StopDeliveryTask", "stop", (*API).stopDelivery),
	deliveryVerb("RedriveDeliveryTask", "redrive", (*API).redriveDelivery),
}

func deliveryVerb(action, verb string, handle func(*API, *request) error) Route {
	return Route{
		Method: "POST", Path: "/sluice/v1/deliveries/{task}", When: "action=" + verb,
		Action: action, Permission: "sluice:" + action, Resource: "delivery/{task}", Mutating: true, handle: handle,
	}
}

// maxDelivery is the largest document in bytes.
const maxDelivery = 256 << 10

// spec reads the task's document, and asks whether the signer may write where it writes on this server.
func (a *API) spec(q *request) (*delivery.Spec, error) {
	buf, err := q.readDocument(maxDelivery)
	if err != nil {
		return nil, err
	}
	raw := bytes.Clone(buf.b) // the document keeps parts of it
	buf.release()
	s, err := delivery.ParseSpec(raw)
	if err != nil {
		return nil, err
	}
	targets, err := a.Deliveries.LocalTargets(q.project, s)
	if err != nil {
		return nil, err
	}
	return s, q.mayWrite(targets)
}

// mayWrite asks whether the signer may write to logstores of this server that a task would write to.
func (q *request) mayWrite(targets []sluice.LogstoreRef) error {
	for _, ref := range targets {
		err := q.principal.Authorize(auth.Action{Name: "log:PostLogStoreLogs", Mutating: true}, auth.Resource{Project: ref.Project, Logstore: ref.Logstore})
		if err != nil {
			return err
		}
	}
	return nil
}

// mayRun asks whether the signer may have a task that is there write where it writes: whoever stopped it may have had a reason.
func (a *API) mayRun(q *request, name string) error {
	t, err := a.Deliveries.Task(q.ctx(), q.project, name)
	if err != nil {
		return err
	}
	targets, err := a.Deliveries.LocalTargets(q.project, &t.Spec)
	if err != nil {
		return err
	}
	return q.mayWrite(targets)
}

func (a *API) createDelivery(q *request) error {
	s, err := a.spec(q)
	if err != nil {
		return err
	}
	t, err := a.Deliveries.Create(q.ctx(), q.project, s)
	if err != nil {
		return err
	}
	return q.json(newDeliveryObject(t))
}

func (a *API) updateDelivery(q *request) error {
	s, err := a.spec(q)
	if err != nil {
		return err
	}
	if name := q.vars.get("task"); s.Name != name {
		return sluice.Errorf(sluice.Invalid, "deliverytask", "name: %.80q is not %.80q, which the path names; a task cannot be renamed", s.Name, name)
	}
	revision, err := q.number("revision", 0)
	if err != nil {
		return err
	}
	t, err := a.Deliveries.Update(q.ctx(), q.project, s, int64(revision))
	if err != nil {
		return err
	}
	return q.json(newDeliveryObject(t))
}

func (a *API) listDeliveries(q *request) error {
	tasks, err := a.Deliveries.Tasks(q.ctx(), q.project)
	if err != nil {
		return err
	}
	list := []deliveryStatus{}
	for _, t := range tasks {
		s, err := a.Deliveries.Status(q.ctx(), q.project, t.Spec.Name)
		if sluice.KindOf(err) == sluice.NotFound {
			continue // deleted since
		}
		if err != nil {
			return err
		}
		list = append(list, newDeliveryStatus(s))
	}
	return q.json(struct {
		Tasks []deliveryStatus `json:"tasks"`
	}{list})
}

func (a *API) getDelivery(q *request) error {
	s, err := a.Deliveries.Status(q.ctx(), q.project, q.vars.get("task"))
	if err != nil {
		return err
	}
	return q.json(newDeliveryStatus(s))
}

func (a *API) deleteDelivery(q *request) error {
	if err := a.Deliveries.Delete(q.ctx(), q.project, q.vars.get("task")); err != nil {
		return err
	}
	return q.ok()
}

func (a *API) verifyDelivery(q *request) error {
	return q.task(a.Deliveries.Verify(q.ctx(), q.project, q.vars.get("task")))
}

func (a *API) challengeDelivery(q *request) error {
	file, err := a.Deliveries.Challenge(q.ctx(), q.project, q.vars.get("task"))
	if err != nil {
		return err
	}
	return q.json(struct {
		File string `json:"file"`
	}{file})
}

func (a *API) proveDelivery(q *request) error {
	var body struct {
		Token string `json:"token"`
	}
	if err := q.decode("parameter", &body); err != nil {
		return err
	}
	if err := a.Deliveries.Prove(q.ctx(), q.project, q.vars.get("task"), body.Token); err != nil {
		return err
	}
	return q.ok()
}

func (a *API) startDelivery(q *request) error {
	from := delivery.FromPoint
	switch text := q.query.Get("from"); text {
	case "":
	case "now":
		from = delivery.FromNow
	default:
		return badParameter("from", text, `not "now"`)
	}
	if err := a.mayRun(q, q.vars.get("task")); err != nil {
		return err
	}
	return q.task(a.Deliveries.Start(q.ctx(), q.project, q.vars.get("task"), from))
}

func (a *API) pauseDelivery(q *request) error {
	const longest = 512
	reason := q.query.Get("reason")
	if len(reason) > longest {
		reason = strings.ToValidUTF8(reason[:longest], "")
	}
	return q.task(a.Deliveries.Pause(q.ctx(), q.project, q.vars.get("task"), reason))
}

func (a *API) stopDelivery(q *request) error {
	return q.task(a.Deliveries.Offline(q.ctx(), q.project, q.vars.get("task")))
}

func (a *API) redriveDelivery(q *request) error {
	var bounds [2]time.Time
	for i, name := range []string{"from", "to"} {
		seconds, err := q.number(name, 0)
		if err != nil {
			return err
		}
		if seconds != 0 {
			bounds[i] = time.Unix(int64(seconds), 0)
		}
	}
	if err := a.mayRun(q, q.vars.get("task")); err != nil {
		return err
	}
	return q.task(a.Deliveries.Redrive(q.ctx(), q.project, q.vars.get("task"), bounds[0], bounds[1]))
}

// task answers with a task.
func (q *request) task(t *delivery.Task, err error) error {
	if err != nil {
		return err
	}
	return q.json(newDeliveryObject(t))
}

// deliveryObject is a task as clients see it.
type deliveryObject struct {
	Name     string        `json:"name"`
	State    string        `json:"state"`
	Reason   string        `json:"reason,omitempty"`
	Revision int64         `json:"revision"`
	Started  time.Time     `json:"started,omitzero"`
	Created  time.Time     `json:"created"`
	Modified time.Time     `json:"modified"`
	Spec     delivery.Spec `json:"spec"`
}

func newDeliveryObject(t *delivery.Task) deliveryObject {
	return deliveryObject{t.Spec.Name, string(t.State), t.Reason, t.Revision, t.Started, t.Created, t.Modified, t.Spec}
}

// deliveryStatus is a task with how it does.
type deliveryStatus struct {
	deliveryObject
	LagSeconds float64             `json:"lagSeconds"` // age of the oldest log that is not delivered
	Backlog    int64               `json:"backlog"`    // log groups
	Counters   delivery.Counters   `json:"counters"`
	Redriven   delivery.Counters   `json:"redriven"`
	Redrive    bool                `json:"redrive"`
	Error      string              `json:"error,omitempty"`
	Failing    time.Time           `json:"failingSince,omitzero"`
	Success    time.Time           `json:"lastDelivery,omitzero"`
	Rate       float64             `json:"logsPerSecond"`
	ByteRate   float64             `json:"bytesPerSecond"`
	Shards     []deliveryShardInfo `json:"shards"`
}

type deliveryShardInfo struct {
	Shard      sluice.ShardID    `json:"shard"`
	Redrive    bool              `json:"redrive,omitempty"`
	Point      string            `json:"point"`
	Finished   bool              `json:"finished,omitempty"`
	LagSeconds float64           `json:"lagSeconds"`
	Backlog    int64             `json:"backlog"`
	Counters   delivery.Counters `json:"counters"`
	Error      string            `json:"error,omitempty"`
	Failing    time.Time         `json:"failingSince,omitzero"`
	Success    time.Time         `json:"lastDelivery,omitzero"`
	Owner      string            `json:"owner,omitempty"`
}

func newDeliveryStatus(s *delivery.Status) deliveryStatus {
	d := deliveryStatus{
		deliveryObject: newDeliveryObject(&s.Task), LagSeconds: s.Lag.Seconds(), Backlog: s.Backlog, Counters: s.Counters, Redriven: s.Redriven,
		Redrive: s.Redrive, Error: s.Error, Failing: s.Failing, Success: s.Success, Rate: s.Rate, ByteRate: s.ByteRate, Shards: []deliveryShardInfo{},
	}
	for _, p := range s.Shards {
		d.Shards = append(d.Shards, deliveryShardInfo{
			p.Shard, p.Redrive, p.Point, p.Finished, p.Lag.Seconds(), p.Backlog, p.Counters, p.Error, p.Failing, p.Success, p.Owner,
		})
	}
	return d
}
