package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/sluicelog/sluice"
)

// Deletion is a task that deletes what a search finds, in the background and from the oldest log on.
type Deletion struct {
	ID       string  `json:"taskId"`
	State    string  `json:"status"`   // RUNNING, SUCCEEDED or FAILED
	Progress float64 `json:"progress"` // percent of the time range, 100 when all of it is done
	Deleted  int64   `json:"deleted"`  // logs, so far
	Query    string  `json:"query"`
	Topic    string  `json:"topic,omitempty"`
	Message  string  `json:"message,omitempty"` // why it failed

	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Created  time.Time `json:"created"`
	Finished time.Time `json:"finished,omitzero"`
}

// Running reports whether a task is not over.
func (d *Deletion) Running() bool { return d.State == "RUNNING" }

// deletionAnswer is a task as the server tells of it.
type deletionAnswer struct {
	Deletion
	Deleted  int64 `json:"affectedRows"`
	From     int64 `json:"from"`
	To       int64 `json:"to"`
	Created  int64 `json:"createTime"`
	Finished int64 `json:"finishTime"`
}

func (a *deletionAnswer) task() Deletion {
	d := a.Deletion
	d.Deleted = a.Deleted
	d.From, d.To, d.Created, d.Finished = unixTime(a.From), unixTime(a.To), unixTime(a.Created), unixTime(a.Finished)
	return d
}

func deletionsPath(ref sluice.LogstoreRef) string { return logstorePath(ref) + "/deletelogtasks" }

// CreateDeletion begins to delete what a search finds, any number of logs. The server does it in the background, also after a restart of it; a task cannot be
// called back. Error codes: those of DeleteLogs; ProjectQuotaExceed while as many run as may.
func (c *Client) CreateDeletion(ctx context.Context, ref sluice.LogstoreRef, s Selection) (Deletion, error) {
	body, err := s.body()
	if err != nil {
		return Deletion{}, err
	}
	var a deletionAnswer
	err = c.sendJSON(ctx, http.MethodPost, ref.Project, deletionsPath(ref), nil, body, &a)
	return a.task(), err
}

// Deletions lists the tasks of a logstore, the newest first: all that run, and the last of those that are over.
func (c *Client) Deletions(ctx context.Context, ref sluice.LogstoreRef) ([]Deletion, error) {
	all := []Deletion{}
	for {
		var page struct {
			Total int              `json:"total"`
			Tasks []deletionAnswer `json:"tasks"`
		}
		if err := c.get(ctx, ref.Project, deletionsPath(ref), pageQuery(len(all)), &page); err != nil {
			return nil, err
		}
		for i := range page.Tasks {
			all = append(all, page.Tasks[i].task())
		}
		if len(page.Tasks) == 0 || len(all) >= page.Total {
			return all, nil
		}
	}
}

// Deletion tells how a task does. Error code: DeleteLogsTaskNotExist.
func (c *Client) Deletion(ctx context.Context, ref sluice.LogstoreRef, id string) (Deletion, error) {
	var a deletionAnswer
	err := c.get(ctx, ref.Project, deletionsPath(ref)+"/"+url.PathEscape(id), nil, &a)
	return a.task(), err
}
