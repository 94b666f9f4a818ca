package pop

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery"
	"github.com/sluicelog/sluice/internal/delivery/category"
	"github.com/sluicelog/sluice/internal/site"
)

// CreateSiteDeliveryTask, CreateUserDeliveryTask: a delivery task on the logstore of the category, online at once.
//
// Behavior: what arrives from then on is delivered. A bucket of S3 is asked first, and a task whose bucket refuses is not made.
// Differs: batches are tried until they are delivered, whatever MaxRetry says; what a destination refuses for good is in logstore
// sluice-dead-letters of the site's project. SlsDelivery writes to a logstore of this server, whatever its region says. OssDelivery
// needs credentials that the server's operator sets.

// UpdateSiteDeliveryTask, UpdateUserDeliveryTask: fields, category, rate and filter; the destination cannot change.

// GetSiteDeliveryTask, GetUserDeliveryTask: as they were made; secrets are masked.

// UpdateSiteDeliveryTaskStatus, UpdateUserDeliveryTaskStatus: offline keeps the place, online goes on there.

// GetSiteLogDeliveryQuota, GetUserLogDeliveryQuota: how many more tasks there may be.

var esaTasks = []action{
	esa("CreateSiteDeliveryTask", true, (*API).createSiteTask),
	esa("CreateUserDeliveryTask", true, (*API).createUserTask),
	esa("UpdateSiteDeliveryTask", true, (*API).updateSiteTask),
	esa("UpdateUserDeliveryTask", true, (*API).updateUserTask),
	esa("DeleteSiteDeliveryTask", true, (*API).deleteSiteTask),
	esa("DeleteUserDeliveryTask", true, (*API).deleteUserTask),
	esa("GetSiteDeliveryTask", false, (*API).getSiteTask),
	esa("GetUserDeliveryTask", false, (*API).getUserTask),
	esa("ListSiteDeliveryTasks", false, (*API).listSiteTasks),
	esa("ListUserDeliveryTasks", false, (*API).listUserTasks),
	esa("UpdateSiteDeliveryTaskStatus", true, (*API).setSiteTaskStatus),
	esa("UpdateUserDeliveryTaskStatus", true, (*API).setUserTaskStatus),
	esa("GetSiteLogDeliveryQuota", false, (*API).getSiteQuota),
	esa("GetUserLogDeliveryQuota", false, (*API).getUserQuota),
}

// annotation is where a task keeps what it was made with.
const annotation = "esa"

// made is what a task was made with, as it is told again.
type made struct {
	BusinessType, DeliveryType, FieldName string

	DataCenter, FilterRules, FilterVer, RawRule, Details string `json:",omitempty"`

	DiscardRate float64
	SinkConfig  json.RawMessage
}

// owner is whose tasks a request is about: those of a site, or of the account.
type owner struct {
	scope   category.Scope
	id      int64 // of the site
	project string
}

func (a *API) siteOwner(q *request) (owner, error) {
	id, err := a.siteID(q)
	return owner{category.Site, id, site.Project(id)}, err
}

func (a *API) userOwner(q *request) (owner, error) {
	tenant := q.principal.Tenant()
	o := owner{category.Account, 0, site.AccountProject(tenant)}
	err := q.permit(o.project)
	if sluice.KindOf(err) != sluice.NotFound {
		return o, err
	}
	if !q.action.mutating { // looking makes no project: there is nothing to be seen
		return o, nil
	}
	if err := a.Sites.Ensure(q.r.Context(), tenant, o.project); err != nil {
		return o, err
	}
	return o, q.permit(o.project)
}

func (a *API) createTask(q *request, o owner) (*delivery.Task, *made, error) {
	name, err := q.text("TaskName")
	if err != nil {
		return nil, nil, err
	}
	c, err := q.business(o.scope)
	if err != nil {
		return nil, nil, err
	}
	m := &made{BusinessType: c.ID, DataCenter: q.params.Get("DataCenter")}
	if m.DeliveryType, err = q.text("DeliveryType"); err != nil {
		return nil, nil, err
	}
	if err := q.choices(m); err != nil {
		return nil, nil, err
	}
	to, err := a.destination(q, o.project, m.DeliveryType)
	if err != nil {
		return nil, nil, err
	}
	if m.SinkConfig, err = json.Marshal(to.shown); err != nil {
		return nil, nil, err
	}
	s, err := a.spec(q, o, c, name, m)
	if err != nil {
		return nil, nil, err
	}
	if s.Sink, err = json.Marshal(to.section); err != nil {
		return nil, nil, err
	}
	if err := a.mayWrite(q, o.project, s); err != nil {
		return nil, nil, err
	}
	t, err := a.startTask(q, o.project, s, to.probe)
	return t, m, err
}

// choices reads what may change later: fields, rate and filter.
func (q *request) choices(m *made) (err error) {
	if m.FieldName, err = q.text("FieldName"); err != nil {
		return err
	}
	if m.DiscardRate, err = q.fraction("DiscardRate", m.DiscardRate, 0, 1); err != nil {
		return err
	}
	if m.DiscardRate == 1 {
		return invalid("DiscardRate", "1 would drop every log; take the task offline instead")
	}
	for name, field := range map[string]*string{
		"FilterRules": &m.FilterRules, "FilterVer": &m.FilterVer, "RawRule": &m.RawRule, "Details": &m.Details,
	} {
		if q.params.Has(name) {
			*field = q.params.Get(name)
		}
	}
	return nil
}

// spec is the document of a task but for its destination.
func (a *API) spec(q *request, o owner, c category.Category, name string, m *made) (*delivery.Spec, error) {
	s := &delivery.Spec{Name: name, Source: delivery.Source{Logstore: c.Logstore}}
	s.Filter.Rules = []byte(m.FilterRules)
	keep := 100 * (1 - m.DiscardRate)
	s.Sample = &keep
	s.Types = map[string]string{}
	for field := range strings.SplitSeq(m.FieldName, ",") {
		if field = strings.TrimSpace(field); field == "" || slices.Contains(s.Fields, field) {
			continue
		}
		s.Fields = append(s.Fields, field)
		if f, ok := c.Field(field); ok {
			switch f.Type {
			case category.Int, category.Float:
				s.Types[field] = "number"
			case category.Bool:
				s.Types[field] = "bool"
			}
		}
	}
	if len(s.Fields) == 0 {
		return nil, missing("FieldName")
	}
	if o.scope == category.Site && slices.Contains(s.Fields, "CustomFields") {
		s.Types["CustomFields"] = "json"
	}
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	s.Annotations = map[string]string{annotation: string(text)}
	return s, nil
}

// mayWrite asks whether the signer may write to the logstores of this server that a task would write to.
func (a *API) mayWrite(q *request, project string, s *delivery.Spec) error {
	targets, err := a.Deliveries.LocalTargets(project, s)
	if err != nil {
		return err
	}
	for _, ref := range targets {
		if err := q.mayPost(ref); err != nil {
			return err
		}
	}
	return nil
}

// startTask makes a task and brings it online. With probe a task whose destination refuses does not stay.
func (a *API) startTask(q *request, project string, s *delivery.Spec, probe bool) (*delivery.Task, error) {
	ctx := q.r.Context()
	if _, err := a.Deliveries.Create(ctx, project, s); err != nil {
		return nil, err
	}
	if probe {
		if _, err := a.Deliveries.Verify(ctx, project, s.Name); err != nil {
			return nil, a.undo(q, project, s.Name, err)
		}
	}
	t, err := a.Deliveries.Start(ctx, project, s.Name, delivery.FromPoint)
	if err != nil {
		return nil, a.undo(q, project, s.Name, err)
	}
	return t, nil
}

// undo removes a task that cannot be, because of err.
func (a *API) undo(q *request, project, name string, err error) error {
	if sluice.KindOf(err) == sluice.Conflict { // a bucket that is yet to be proved is proved with the task there
		return err
	}
	// The client may be gone by now.
	if gone := a.Deliveries.Delete(context.WithoutCancel(q.r.Context()), project, name); gone != nil {
		return fmt.Errorf("%w (and the task stays as a draft: %w)", err, gone)
	}
	return err
}

// task returns a task that was made through this API, and what it was made with.
func (a *API) task(q *request, o owner) (*delivery.Task, *made, error) {
	name, err := q.text("TaskName")
	if err != nil {
		return nil, nil, err
	}
	t, err := a.Deliveries.Task(q.r.Context(), o.project, name)
	if err != nil {
		return nil, nil, err
	}
	m, ok := madeOf(t)
	if !ok {
		return nil, nil, sluice.Errorf(sluice.NotFound, "deliverytask", "delivery task %.80q was not made through this API", name)
	}
	return t, m, nil
}

func madeOf(t *delivery.Task) (*made, bool) {
	m := &made{}
	text, ok := t.Spec.Annotations[annotation]
	return m, ok && json.Unmarshal([]byte(text), m) == nil
}

func (a *API) updateTask(q *request, o owner) error {
	return delivery.Again(func() error { return a.replaceTask(q, o) })
}

func (a *API) replaceTask(q *request, o owner) error {
	t, m, err := a.task(q, o)
	if err != nil {
		return err
	}
	if business := q.params.Get("BusinessType"); business != "" && business != m.BusinessType {
		return invalid("BusinessType", "the category of a task cannot change; make another task")
	}
	if err := q.choices(m); err != nil {
		return err
	}
	c, _ := category.Find(m.BusinessType)
	s, err := a.spec(q, o, c, t.Spec.Name, m)
	if err != nil {
		return err
	}
	s.Sink = t.Spec.Sink // masked: secrets stay
	if err := a.mayWrite(q, o.project, s); err != nil {
		return err
	}
	_, err = a.Deliveries.Update(q.r.Context(), o.project, s, t.Revision)
	return err
}

func (a *API) deleteTask(q *request, o owner) error {
	t, _, err := a.task(q, o)
	if err != nil {
		return err
	}
	return a.Deliveries.Delete(q.r.Context(), o.project, t.Spec.Name)
}

func (a *API) setTaskStatus(q *request, o owner) (any, error) {
	t, _, err := a.task(q, o)
	if err != nil {
		return nil, err
	}
	method, err := q.text("Method")
	if err != nil {
		return nil, err
	}
	switch method {
	case "online":
		if err := a.mayWrite(q, o.project, &t.Spec); err != nil {
			return nil, err
		}
		t, err = a.Deliveries.Start(q.r.Context(), o.project, t.Spec.Name, delivery.FromPoint)
	case "offline":
		t, err = a.Deliveries.Offline(q.r.Context(), o.project, t.Spec.Name)
	default:
		return nil, invalid("Method", "%.32q is neither online nor offline", method)
	}
	if err != nil {
		return nil, err
	}
	return struct{ Status, TaskName string }{status(t), t.Spec.Name}, nil
}

// status is a state in the words of this API.
func status(t *delivery.Task) string {
	switch t.State {
	case delivery.Online, delivery.Failing:
		return "online"
	}
	return "offline"
}
