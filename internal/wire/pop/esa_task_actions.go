package pop

import (
	"encoding/json"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery"
	"github.com/sluicelog/sluice/internal/delivery/category"
)

// The actions of ESA on delivery tasks: those of a site and those of the account differ in their names and in what they tell.

// maxTasks is what the quota says there may be of tasks of one category.
const maxTasks = 200

func (a *API) createSiteTask(q *request) (any, error) {
	o, err := a.siteOwner(q)
	if err != nil {
		return nil, err
	}
	t, m, err := a.createTask(q, o)
	if err != nil {
		return nil, err
	}
	return struct {
		SiteID               int64 `json:"SiteId"`
		TaskName, DataCenter string
	}{o.id, t.Spec.Name, m.DataCenter}, nil
}

func (a *API) createUserTask(q *request) (any, error) {
	o, err := a.userOwner(q)
	if err != nil {
		return nil, err
	}
	t, m, err := a.createTask(q, o)
	if err != nil {
		return nil, err
	}
	return struct{ TaskName, DataCenter, Status string }{t.Spec.Name, m.DataCenter, status(t)}, nil
}

func (a *API) updateSiteTask(q *request) (any, error) {
	o, err := a.siteOwner(q)
	if err != nil {
		return nil, err
	}
	return nil, a.updateTask(q, o)
}

func (a *API) updateUserTask(q *request) (any, error) {
	o, err := a.userOwner(q)
	if err != nil {
		return nil, err
	}
	return nil, a.updateTask(q, o)
}

func (a *API) deleteSiteTask(q *request) (any, error) {
	o, err := a.siteOwner(q)
	if err != nil {
		return nil, err
	}
	return nil, a.deleteTask(q, o)
}

func (a *API) deleteUserTask(q *request) (any, error) {
	o, err := a.userOwner(q)
	if err != nil {
		return nil, err
	}
	return nil, a.deleteTask(q, o)
}

// taskModel is a task as clients see it.
type taskModel struct {
	TaskName, BusinessType, DeliveryType, DataCenter, FieldList, FilterRules, FilterVer, RawRule, Status string

	DiscardRate float64
	SinkConfig  json.RawMessage
}

func newTaskModel(t *delivery.Task, m *made) taskModel {
	return taskModel{
		t.Spec.Name, m.BusinessType, m.DeliveryType, m.DataCenter, m.FieldName, m.FilterRules, m.FilterVer, m.RawRule, status(t),
		m.DiscardRate, m.SinkConfig,
	}
}

func (a *API) getSiteTask(q *request) (any, error) {
	o, err := a.siteOwner(q)
	if err != nil {
		return nil, err
	}
	t, m, err := a.task(q, o)
	if err != nil {
		return nil, err
	}
	s, err := a.Sites.Get(q.r.Context(), o.id)
	if err != nil {
		return nil, err
	}
	return struct {
		taskModel
		SiteID   int64 `json:"SiteId"`
		SiteName string
	}{newTaskModel(t, m), o.id, s.Name}, nil
}

func (a *API) getUserTask(q *request) (any, error) {
	o, err := a.userOwner(q)
	if err != nil {
		return nil, err
	}
	t, m, err := a.task(q, o)
	if err != nil {
		return nil, err
	}
	return struct {
		taskModel
		Details string
	}{newTaskModel(t, m), m.Details}, nil
}

func (a *API) listSiteTasks(q *request) (any, error) {
	o, err := a.siteOwner(q)
	if err != nil {
		return nil, err
	}
	return a.listTasks(q, o)
}

func (a *API) listUserTasks(q *request) (any, error) {
	o, err := a.userOwner(q)
	if err != nil {
		return nil, err
	}
	return a.listTasks(q, o)
}

func (a *API) listTasks(q *request, o owner) (any, error) {
	number, size, err := q.page()
	if err != nil {
		return nil, err
	}
	all, err := a.tasks(q, o)
	if err != nil {
		return nil, err
	}
	type row struct{ TaskName, BusinessType, DeliveryType, DataCenter, Status string }
	rows := []row{}
	business := q.params.Get("BusinessType")
	for _, t := range all {
		if m, ok := madeOf(t); ok && (business == "" || business == m.BusinessType) {
			rows = append(rows, row{t.Spec.Name, m.BusinessType, m.DeliveryType, m.DataCenter, status(t)})
		}
	}
	return struct {
		PageNumber, PageSize int64
		TotalCount           int
		Tasks                []row
	}{number, size, len(rows), pageOf(rows, number, size)}, nil
}

func (a *API) setSiteTaskStatus(q *request) (any, error) {
	o, err := a.siteOwner(q)
	if err != nil {
		return nil, err
	}
	return a.setTaskStatus(q, o)
}

func (a *API) setUserTaskStatus(q *request) (any, error) {
	o, err := a.userOwner(q)
	if err != nil {
		return nil, err
	}
	return a.setTaskStatus(q, o)
}

func (a *API) getSiteQuota(q *request) (any, error) {
	o, err := a.siteOwner(q)
	if err != nil {
		return nil, err
	}
	business, free, err := a.quota(q, o)
	return struct {
		SiteID       int64 `json:"SiteId"`
		BusinessType string
		FreeQuota    int
	}{o.id, business, free}, err
}

func (a *API) getUserQuota(q *request) (any, error) {
	o, err := a.userOwner(q)
	if err != nil {
		return nil, err
	}
	business, free, err := a.quota(q, o)
	return struct {
		BusinessType string
		FreeQuota    int
	}{business, free}, err
}

// tasks are all tasks of an owner; none for the account before anything made its project.
func (a *API) tasks(q *request, o owner) ([]*delivery.Task, error) {
	all, err := a.Deliveries.Tasks(q.r.Context(), o.project)
	if o.scope == category.Account && sluice.KindOf(err) == sluice.NotFound {
		return nil, nil
	}
	return all, err
}

// quota is how many more tasks there may be.
func (a *API) quota(q *request, o owner) (business string, free int, err error) {
	if _, err := q.text("BusinessType"); err != nil {
		return "", 0, err
	}
	c, err := q.business(o.scope)
	if err != nil {
		return "", 0, err
	}
	all, err := a.tasks(q, o)
	return c.ID, max(0, maxTasks-len(all)), err
}
