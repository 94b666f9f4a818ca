package pop

import (
	"encoding/json"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/history"
	"github.com/sluicelog/sluice/internal/trail/shape"
)

// LookupEvents: management events of the last 90 days, without any trail.
//
// Differs: how often an account may ask in a second is configured (`trail.lookups_per_second`). An answer that could not look at everything has the member
// Incomplete. In version 2017-12-04 EventType is not served, and the range is not limited to 30 days.

var auditLookups = []action{
	audit("LookupEvents", false, (*API).lookupEvents, "*"),
	oldAudit(audit("LookupEvents", false, (*API).lookupEventsOld, "*")),
}

const (
	lookupSpan    = 7 * 24 * time.Hour  // that is looked at if no start is given
	oldLookupSpan = 30 * 24 * time.Hour // the same in the old version
	lookupEvents  = 20                  // of a page if no number is given
)

// lookupFields are what the attributes of lookups are called, in the new version and in the old one, and the fields that have them.
var lookupFields = []struct{ name, old, field string }{
	{"EventId", "Event", trail.FieldID},
	{"EventName", "EventName", trail.FieldName},
	{"ServiceName", "ServiceName", trail.FieldService},
	{"User", "User", trail.FieldUser},
	{"ResourceType", "ResourceType", trail.FieldResourceType},
	{"ResourceName", "ResourceName", trail.FieldResourceName},
	{"EventRW", "EventRW", trail.FieldRW},
	{"EventAccessKeyId", "EventAccessKeyId", trail.FieldAccessKey},
	{"", "Request", trail.FieldRequest},
}

func (a *API) lookupEvents(q *request) (any, error) {
	asked, err := q.lookup(lookupSpan)
	if err != nil {
		return nil, err
	}
	switch direction := q.params.Get("Direction"); direction {
	case "", "BACKWARD":
	case "FORWARD":
		asked.OldestFirst = true
	default:
		return nil, invalid("Direction", "%.20q is neither FORWARD nor BACKWARD", direction)
	}
	attributes := q.tags("LookupAttribute")
	if len(attributes) > 1 {
		return nil, invalid("LookupAttribute", "there are %d, and only one may be given", len(attributes))
	}
	for _, given := range attributes {
		if err := ask(&asked, given.Key, given.Value); err != nil {
			return nil, err
		}
	}
	return a.lookUp(q, asked)
}

func ask(asked *history.Query, key, value string) error {
	for _, f := range lookupFields {
		if f.name == key && key != "" {
			return askField(asked, f.name, f.field, value)
		}
	}
	return invalid("LookupAttribute", "events are not looked up by %.80q: the keys are ServiceName, EventName, User, EventId, ResourceType, ResourceName, "+
		"EventRW and EventAccessKeyId", key)
}

// askField adds an attribute in the words of the log.
func askField(asked *history.Query, param, field, value string) error {
	switch field {
	case trail.FieldService:
		if service, ok := shape.ServiceNamed(value); ok {
			value = service
		}
	case trail.FieldRequest:
		value = callID(value)
	case trail.FieldRW:
		switch value {
		case "All":
			return nil
		case "Read", "Write":
		default:
			return invalid(param, "%.20q is none of Read, Write and All", value)
		}
	}
	asked.Attributes = append(asked.Attributes, history.Attribute{Field: field, Value: value})
	return nil
}

// lookupEventsOld is of the old version: attributes are parameters, all of which count, and no reads are found unless they are asked for.
func (a *API) lookupEventsOld(q *request) (any, error) {
	asked, err := q.lookup(oldLookupSpan)
	if err != nil {
		return nil, err
	}
	if q.params.Get("EventType") != "" {
		return nil, sluice.Errorf(sluice.Unsupported, "parameter", "events are not looked up by EventType here")
	}
	if q.params.Get("EventRW") == "" {
		q.params.Set("EventRW", "Write")
	}
	for _, f := range lookupFields {
		if value := q.params.Get(f.old); value != "" {
			if err := askField(&asked, f.old, f.field, value); err != nil {
				return nil, err
			}
		}
	}
	return a.lookUp(q, asked)
}

// lookup is what both versions ask for.
func (q *request) lookup(span time.Duration) (asked history.Query, err error) {
	asked = history.Query{Span: span, Token: q.params.Get(paramNextPage)}
	if asked.Start, err = q.moment("StartTime"); err != nil {
		return asked, err
	}
	if asked.End, err = q.moment("EndTime"); err != nil {
		return asked, err
	}
	n, err := q.number("MaxResults", lookupEvents, 0, history.MaxPage)
	if asked.Max = int(n); n == 0 {
		asked.Max = lookupEvents
	}
	return asked, err
}

// lookedUp is a page of events.
type lookedUp struct {
	StartTime, EndTime string
	Events             []json.RawMessage
	NextToken          string `json:",omitempty"`
	Incomplete         bool   `json:",omitempty"`
}

func (a *API) lookUp(q *request, asked history.Query) (any, error) {
	page, err := a.History.Lookup(q.r.Context(), q.account(), asked)
	if err != nil {
		return nil, err
	}
	answer := lookedUp{dated(page.Start), dated(page.End), make([]json.RawMessage, len(page.Events)), page.Token, page.Incomplete}
	for i, e := range page.Events {
		if answer.Events[i], err = shape.ActionTrail(e); err != nil {
			return nil, err
		}
	}
	return answer, nil
}
