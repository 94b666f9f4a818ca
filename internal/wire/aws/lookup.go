package aws

import (
	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/history"
	"github.com/sluicelog/sluice/internal/trail/shape"
)

// LookupEvents: management events of the account, of the last 90 days, newest first, whether it has trails or not. An event can be found as soon as its
// call was answered, or a moment later.
//
// Differs: an account may look up more often in a second, as the operator says.

var lookupOperations = []operation{{name: "LookupEvents", handle: (*API).lookupEvents}}

type lookupArguments struct {
	LookupAttributes []struct{ AttributeKey, AttributeValue string }
	StartTime        epoch
	EndTime          epoch
	EventCategory    string
	MaxResults       *int
	NextToken        string
}

// attributes are what events are looked up by, and how the history has it.
var attributes = map[string]struct {
	field string
	value func(a *API, text string) string
}{
	"EventId":      {trail.FieldID, asIs},
	"EventName":    {trail.FieldName, func(_ *API, text string) string { return shape.CloudNamed(text) }},
	"ReadOnly":     {trail.FieldRW, readWrite},
	"Username":     {trail.FieldUser, asIs},
	"ResourceType": {trail.FieldResourceType, asIs},
	"ResourceName": {trail.FieldResourceName, asIs},
	"EventSource":  {trail.FieldService, serviceOf},
	"AccessKeyId":  {trail.FieldAccessKey, asIs},
}

func asIs(_ *API, text string) string { return text }

// readWrite are the values of [trail.FieldRW].
func readWrite(_ *API, text string) string {
	switch text {
	case "true":
		return "Read"
	case "false":
		return "Write"
	}
	return text // which no event has
}

func serviceOf(a *API, source string) string {
	s, ok := a.Shape.Service(source)
	if !ok {
		return source // which no event has
	}
	return s
}

func (in *lookupArguments) query(a *API) (history.Query, error) {
	q := history.Query{Start: in.StartTime.Time, End: in.EndTime.Time, Max: history.MaxPage, Token: in.NextToken}
	switch {
	case in.EventCategory == "insight":
		return q, sluice.Errorf(sluice.Unsupported, "", "this server makes no insight events")
	case in.EventCategory != "":
		return q, sluice.Errorf(sluice.Invalid, "category", "event category %.40q is not insight", in.EventCategory)
	case len(in.LookupAttributes) > 1:
		return q, sluice.Errorf(sluice.Invalid, "lookupattribute", "events are looked up by one attribute, not by %d", len(in.LookupAttributes))
	}
	if in.MaxResults != nil {
		q.Max = *in.MaxResults
	}
	for _, x := range in.LookupAttributes {
		by, ok := attributes[x.AttributeKey]
		if !ok || x.AttributeValue == "" {
			return q, sluice.Errorf(sluice.Invalid, "lookupattribute", "attribute %.40q is not one that events are looked up by, or has no value", x.AttributeKey)
		}
		q.Attributes = append(q.Attributes, history.Attribute{Field: by.field, Value: by.value(a, x.AttributeValue)})
	}
	return q, nil
}

// eventModel is an event that was found.
type eventModel struct {
	EventId         string //nolint:revive // as clients spell it
	EventName       string
	ReadOnly        string
	AccessKeyId     string `json:",omitempty"` //nolint:revive // as clients spell it
	EventTime       epoch
	EventSource     string
	Username        string `json:",omitempty"`
	Resources       []resourceModel
	CloudTrailEvent string
}

type resourceModel struct{ ResourceType, ResourceName string }

func (a *API) lookupEvents(q *request) (any, error) {
	var in lookupArguments
	if err := decode(q.body, &in); err != nil {
		return nil, err
	}
	query, err := in.query(a)
	if err != nil {
		return nil, err
	}
	page, err := a.History.Lookup(q.r.Context(), q.principal.Account, query)
	if err != nil {
		return nil, err
	}
	if page.Incomplete { // the service has no word for it
		return nil, sluice.Errorf(sluice.Unavailable, "lookup", "the events could not be read in time, or not all: try again, with a shorter range")
	}
	out := struct {
		Events    []eventModel
		NextToken string `json:",omitempty"`
	}{[]eventModel{}, page.Token}
	for _, e := range page.Events {
		m, err := a.found(e)
		if err != nil {
			return nil, err
		}
		out.Events = append(out.Events, m)
	}
	return out, nil
}

func (a *API) found(e *trail.Event) (eventModel, error) {
	record, err := shape.CloudTrail(e, a.Shape)
	m := eventModel{
		EventId: e.ID, EventName: shape.CloudName(e.Name), ReadOnly: "false", AccessKeyId: e.Identity.AccessKey, EventTime: epoch{e.Time},
		EventSource: a.Shape.Source(e.Service), Username: e.Identity.UserName(), Resources: []resourceModel{}, CloudTrailEvent: string(record),
	}
	if e.ReadOnly {
		m.ReadOnly = "true"
	}
	for _, r := range e.Resources {
		m.Resources = append(m.Resources, resourceModel{r.Type, r.Name})
	}
	return m, err
}
