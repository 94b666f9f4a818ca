package client

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/url"
	"strconv"
	"time"
)

// eventVersion is the version of the lookup whose conditions combine.
const eventVersion = "2017-12-04"

// EventQuery asks for audit events of the account. What is empty is not asked about; the rest has to hold together, to the letter.
type EventQuery struct {
	From, To time.Time // whole seconds, both inclusive; zero: as far back as there are any, and now
	ID       string
	Name     string // of the action, "CreateLogStore"
	Service  string // "Sls", "Ram", in any case of letters
	User     string // "root" for the account itself, "role:session" for a session of a role
	Access   string // "Read", "Write"; "" is both
	Key      string // id of an access key

	ResourceType, ResourceName string
	RequestID                  string
}

// Event is an audit event.
type Event struct {
	ID           string    `json:"eventId"`
	Time         time.Time `json:"eventTime"`
	Name         string    `json:"eventName"`
	Service      string    `json:"serviceName"`
	Access       string    `json:"eventRW"`
	Source       string    `json:"sourceIpAddress"`
	ResourceType string    `json:"resourceType"` // several are joined by ";"
	ResourceName string    `json:"resourceName"`
	ErrorCode    string    `json:"errorCode"`
	RequestID    string    `json:"requestId"`
	Identity     struct {
		UserName    string `json:"userName"`
		AccessKeyID string `json:"accessKeyId"`
	} `json:"userIdentity"`

	Raw json.RawMessage `json:"-"` // all of it, in the form of ActionTrail
}

// MarshalJSON implements [json.Marshaler]: all of the event.
func (e Event) MarshalJSON() ([]byte, error) { return e.Raw, nil }

// UnmarshalJSON implements [json.Unmarshaler].
func (e *Event) UnmarshalJSON(text []byte) error {
	type plain Event
	if err := json.Unmarshal(text, (*plain)(e)); err != nil {
		return err
	}
	e.Raw = append(json.RawMessage(nil), text...)
	return nil
}

const eventPage = 50 // events that are asked for at once

// eventHistory is how far back there are events at most.
const eventHistory = 90 * 24 * time.Hour

// Events yields the audit events of a query, the newest first, page by page as they are wanted. An error ends it. Error codes: Throttling.User,
// InvalidLookupAttribute.
func (c *Client) Events(ctx context.Context, q EventQuery) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		p := q.params(c.now())
		for {
			var out struct {
				Events     []Event
				NextToken  string
				Incomplete bool
			}
			err := c.rpc(ctx, eventVersion, "LookupEvents", p, &out)
			if err == nil && out.Incomplete {
				err = errors.New("the server could not look at all events: ask again, or for a shorter time")
			}
			if err != nil {
				yield(Event{}, err)
				return
			}
			for _, e := range out.Events {
				if !yield(e, nil) {
					return
				}
			}
			if out.NextToken == "" {
				return
			}
			p.Set("NextToken", out.NextToken)
		}
	}
}

func (q *EventQuery) params(now time.Time) url.Values {
	from, access := q.From, q.Access
	if from.IsZero() {
		from = now.Add(-eventHistory)
	}
	if access == "" {
		access = "All"
	}
	p := url.Values{"MaxResults": {strconv.Itoa(eventPage)}, "EventRW": {access}, "StartTime": {from.UTC().Format(time.RFC3339)}}
	if !q.To.IsZero() {
		p.Set("EndTime", q.To.UTC().Format(time.RFC3339))
	}
	for name, value := range map[string]string{
		"Event": q.ID, "EventName": q.Name, "ServiceName": q.Service, "User": q.User, "EventAccessKeyId": q.Key,
		"ResourceType": q.ResourceType, "ResourceName": q.ResourceName, "Request": q.RequestID,
	} {
		if value != "" {
			p.Set(name, value)
		}
	}
	return p
}
