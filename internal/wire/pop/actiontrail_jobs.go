package pop

import (
	"math"

	"github.com/sluicelog/sluice/internal/trail/backfill"
)

// CreateDeliveryHistoryJob, GetDeliveryHistoryJob, ListDeliveryHistoryJobs, DeleteDeliveryHistoryJob: what the history has of the last 90 days goes to the logstore of a
// trail, as far as the trail chooses it and does not deliver it by itself.
//
// Differs: a job that is deleted before it is over ends. After a crash of the server some events may be delivered twice; their eventId tells.

var auditJobs = []action{
	audit("CreateDeliveryHistoryJob", true, (*API).createHistoryJob, ofTheTrail),
	audit("GetDeliveryHistoryJob", false, (*API).getHistoryJob, "*"),
	audit("ListDeliveryHistoryJobs", false, (*API).listHistoryJobs, "*"),
	audit("DeleteDeliveryHistoryJob", true, (*API).deleteHistoryJob, "*"),
}

// historyJob is a job in a list.
type historyJob struct {
	JobId                 int64 //nolint:revive // as clients spell it
	JobStatus             backfill.Status
	TrailName, HomeRegion string
	StartTime, EndTime    string
	CreatedTime           string
	UpdatedTime           string
}

func (a *API) historyJob(j backfill.Job) historyJob {
	return historyJob{j.ID, j.Status, j.Trail, a.Trails.Region(), dated(j.Start), dated(j.End), dated(j.Created), dated(j.Updated)}
}

func (a *API) createHistoryJob(q *request) (any, error) {
	key, err := q.trailKey(paramOfTrail)
	if err != nil {
		return nil, err
	}
	token, err := q.text("ClientToken")
	if err != nil {
		return nil, err
	}
	j, err := a.HistoryJobs.Create(q.r.Context(), key, token)
	if err != nil {
		return nil, err
	}
	return struct{ JobId int64 }{j.ID}, nil //nolint:revive // as clients spell it
}

// job is the number of a job.
func (q *request) job() (int64, error) {
	if _, err := q.text(paramJob); err != nil {
		return 0, err
	}
	return q.number(paramJob, 0, 0, math.MaxInt64)
}

func (a *API) getHistoryJob(q *request) (any, error) {
	id, err := q.job()
	if err != nil {
		return nil, err
	}
	j, err := a.HistoryJobs.Get(q.r.Context(), q.account(), id)
	if err != nil {
		return nil, err
	}
	type regional struct {
		Region string
		Status backfill.Status
	}
	return struct {
		historyJob
		Status []regional
	}{a.historyJob(j), []regional{{a.Trails.Region(), j.Status}}}, nil
}

func (a *API) listHistoryJobs(q *request) (any, error) {
	number, size, err := q.page()
	if err != nil {
		return nil, err
	}
	all, err := a.HistoryJobs.List(q.r.Context(), q.account())
	if err != nil {
		return nil, err
	}
	from := min((number-1)*size, int64(len(all)))
	return struct {
		DeliveryHistoryJobs              []historyJob
		PageNumber, PageSize, TotalCount int64
	}{each(all[from:min(from+size, int64(len(all)))], a.historyJob), number, size, int64(len(all))}, nil
}

func (a *API) deleteHistoryJob(q *request) (any, error) {
	id, err := q.job()
	if err != nil {
		return nil, err
	}
	return nil, a.HistoryJobs.Delete(q.r.Context(), q.account(), id)
}
