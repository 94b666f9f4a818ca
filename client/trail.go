package client

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"time"
)

const trailVersion = "2020-07-06"

// Trail is what an account wants delivered of its audit events, and where to.
type Trail struct {
	Name    string `json:"Name"`
	Status  string `json:"Status"`  // Fresh for one that never logged, Enable, Disable
	EventRW string `json:"EventRW"` // which events: Write, Read or All

	ProjectARN string `json:"SlsProjectArn,omitempty"` // of the project that has the logstore actiontrail_NAME
	Bucket     string `json:"OssBucketName,omitempty"`
	Prefix     string `json:"OssKeyPrefix,omitempty"`

	ARN     string    `json:"TrailArn"`
	Region  string    `json:"HomeRegion"`
	Created time.Time `json:"CreateTime"`
	Changed time.Time `json:"UpdateTime"`
}

// TrailSpec is what a trail is to be. A field that is nil stays as it is; one that is "" is taken away.
type TrailSpec struct {
	EventRW        *string
	ProjectARN     *string
	Bucket, Prefix *string
}

func (s TrailSpec) params(name string) url.Values {
	p := url.Values{"Name": {name}}
	for param, v := range map[string]*string{"EventRW": s.EventRW, "SlsProjectArn": s.ProjectARN, "OssBucketName": s.Bucket, "OssKeyPrefix": s.Prefix} {
		if v != nil {
			p.Set(param, *v)
		}
	}
	return p
}

// ProjectARN names a project of an account as trails want it.
func ProjectARN(account, project string) string { return "acs:log::" + account + ":project/" + project }

// Trails lists the trails of the account.
func (c *Client) Trails(ctx context.Context) ([]Trail, error) {
	var out struct{ TrailList []Trail }
	err := c.rpc(ctx, trailVersion, "DescribeTrails", nil, &out)
	return out.TrailList, err
}

// Trail returns a trail. Error code: TrailNotFoundException.
func (c *Client) Trail(ctx context.Context, name string) (Trail, error) {
	var out struct{ TrailList []Trail }
	if err := c.rpc(ctx, trailVersion, "DescribeTrails", url.Values{"NameList": {name}}, &out); err != nil {
		return Trail{}, err
	}
	if len(out.TrailList) == 0 { // then the server says what is wrong, in its own words
		_, err := c.TrailStatus(ctx, name)
		return Trail{}, err
	}
	return out.TrailList[0], nil
}

// CreateTrail makes a trail, which does not log yet. Error codes: TrailAlreadyExistsException, InvalidTrailNameException,
// InsufficientBucketPolicyException and others about the destination.
func (c *Client) CreateTrail(ctx context.Context, name string, s TrailSpec) error {
	return c.rpc(ctx, trailVersion, "CreateTrail", s.params(name), nil)
}

// UpdateTrail changes a trail. Error codes: TrailNotFoundException, and those of CreateTrail.
func (c *Client) UpdateTrail(ctx context.Context, name string, s TrailSpec) error {
	return c.rpc(ctx, trailVersion, "UpdateTrail", s.params(name), nil)
}

// DeleteTrail deletes a trail; what happened before is still delivered. Error code: TrailNotFoundException.
func (c *Client) DeleteTrail(ctx context.Context, name string) error {
	return c.rpc(ctx, trailVersion, "DeleteTrail", url.Values{"Name": {name}}, nil)
}

// StartTrail makes a trail log. Error code: TrailNotFoundException.
func (c *Client) StartTrail(ctx context.Context, name string) error {
	return c.rpc(ctx, trailVersion, "StartLogging", url.Values{"Name": {name}}, nil)
}

// StopTrail ends the logging of a trail. Error code: TrailNotFoundException.
func (c *Client) StopTrail(ctx context.Context, name string) error {
	return c.rpc(ctx, trailVersion, "StopLogging", url.Values{"Name": {name}}, nil)
}

// TrailStatus is how a trail fares. An error is the code of the destination, and there until the next delivery succeeds.
type TrailStatus struct {
	Logging bool      `json:"IsLogging"`
	Started time.Time `json:"StartLoggingTime,omitzero"`
	Stopped time.Time `json:"StopLoggingTime,omitzero"`

	BucketOK      bool      `json:"OssBucketStatus"`
	BucketTime    time.Time `json:"LatestDeliveryTime,omitzero"`
	BucketError   string    `json:"LatestDeliveryError,omitempty"`
	LogstoreOK    bool      `json:"SlsLogStoreStatus"`
	LogstoreTime  time.Time `json:"LatestDeliveryLogServiceTime,omitzero"`
	LogstoreError string    `json:"LatestDeliveryLogServiceError,omitempty"`
}

// TrailStatus returns how a trail fares. Error code: TrailNotFoundException.
func (c *Client) TrailStatus(ctx context.Context, name string) (s TrailStatus, err error) {
	err = c.rpc(ctx, trailVersion, "GetTrailStatus", url.Values{"Name": {name}}, &s)
	return s, err
}

// DataEvents are those of a service that are about data: all of them, or those of these names.
type DataEvents struct {
	Service string
	Events  []string // empty: all
}

// dataEventsModel is the form in which the API has them.
type dataEventsModel struct {
	ServiceName string
	EventName   *struct{ Equals []string } `json:",omitempty"`
}

// TrailDataEvents are the data events that a trail delivers. Error code: TrailNotFoundException.
func (c *Client) TrailDataEvents(ctx context.Context, name string) ([]DataEvents, error) {
	var out struct{ DataEventSelectors string }
	if err := c.rpc(ctx, trailVersion, "GetDataEventSelector", url.Values{"TrailName": {name}}, &out); err != nil {
		return nil, err
	}
	var models []dataEventsModel
	if err := json.Unmarshal([]byte(out.DataEventSelectors), &models); err != nil {
		return nil, err
	}
	all := make([]DataEvents, len(models))
	for i, m := range models {
		all[i].Service = m.ServiceName
		if m.EventName != nil {
			all[i].Events = m.EventName.Equals
		}
	}
	return all, nil
}

// SetTrailDataEvents says which data events a trail delivers, beside the management events; none may be named. Error codes: TrailNotFoundException,
// InvalidEventSelectors.
func (c *Client) SetTrailDataEvents(ctx context.Context, name string, events []DataEvents) error {
	p := url.Values{"TrailName": {name}}
	if len(events) == 0 {
		return c.rpc(ctx, trailVersion, "DeleteDataEventSelector", p, nil)
	}
	models := make([]dataEventsModel, len(events))
	for i, e := range events {
		models[i].ServiceName = e.Service
		if len(e.Events) > 0 {
			models[i].EventName = &struct{ Equals []string }{e.Events}
		}
	}
	text, err := json.Marshal(models)
	if err != nil {
		return err
	}
	p.Set("EventSelectors", string(text))
	return c.rpc(ctx, trailVersion, "PutDataEventSelector", p, nil)
}

// HistoryJob delivers what the history has of before a trail to the trail's logstore.
type HistoryJob struct {
	ID      int64     `json:"JobId"`
	Trail   string    `json:"TrailName"`
	State   int       `json:"JobStatus"` // 0 waits, 1 runs, 2 is done, 3 failed
	From    time.Time `json:"StartTime"`
	To      time.Time `json:"EndTime"`
	Created time.Time `json:"CreatedTime"`
	Updated time.Time `json:"UpdatedTime"`
}

// CreateHistoryJob makes a job for a trail; with the same token it is the same job. Error codes: TrailNotFoundException, NotSupportDeliveryHistoryJob,
// IncorrectStatus while another job is not over.
func (c *Client) CreateHistoryJob(ctx context.Context, trail, token string) (id int64, err error) {
	var out struct{ JobID int64 }
	err = c.rpc(ctx, trailVersion, "CreateDeliveryHistoryJob", url.Values{"TrailName": {trail}, "ClientToken": {token}}, &out)
	return out.JobID, err
}

// HistoryJob returns a job. Error code: DeliveryHistoryJobNotFound.
func (c *Client) HistoryJob(ctx context.Context, id int64) (j HistoryJob, err error) {
	err = c.rpc(ctx, trailVersion, "GetDeliveryHistoryJob", url.Values{"JobId": {strconv.FormatInt(id, 10)}}, &j)
	return j, err
}
