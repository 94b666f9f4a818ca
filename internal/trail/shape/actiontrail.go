package shape

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sluicelog/sluice/internal/trail"
)

// actionVersion is the version of events, a number here.
const actionVersion = 1

// actionEvent is an event, its members in the order of the service.
type actionEvent struct {
	EventID              string          `json:"eventId"`
	EventVersion         int             `json:"eventVersion"`
	EventCategory        string          `json:"eventCategory"`
	EventType            string          `json:"eventType"`
	EventRW              string          `json:"eventRW"`
	EventName            string          `json:"eventName"`
	EventSource          string          `json:"eventSource"`
	EventTime            string          `json:"eventTime"`
	ServiceName          string          `json:"serviceName"`
	APIVersion           string          `json:"apiVersion,omitempty"`
	ACSRegion            string          `json:"acsRegion"`
	RequestID            string          `json:"requestId,omitempty"`
	SourceIPAddress      string          `json:"sourceIpAddress"`
	UserAgent            string          `json:"userAgent,omitempty"`
	IsGlobal             bool            `json:"isGlobal"`
	RecipientAccountID   string          `json:"recipientAccountId"`
	ResourceType         string          `json:"resourceType,omitempty"`
	ResourceName         string          `json:"resourceName,omitempty"`
	ReferencedResources  Object          `json:"referencedResources,omitempty"`
	RequestParameters    json.RawMessage `json:"requestParameters"`
	RequestParameterJSON string          `json:"requestParameterJson"`
	ResponseElements     json.RawMessage `json:"responseElements"`
	ErrorCode            string          `json:"errorCode,omitempty"`
	ErrorMessage         string          `json:"errorMessage,omitempty"`
	AdditionalEventData  json.RawMessage `json:"additionalEventData,omitempty"`
	UserIdentity         actionIdentity  `json:"userIdentity"`
}

// ActionTrail is an event as ActionTrail has it: JSON of one line. An error means that the event has something in it that is not JSON.
func ActionTrail(e *trail.Event) ([]byte, error) {
	a := actionEvent{
		EventID: e.ID, EventVersion: actionVersion, EventCategory: string(e.Category), EventType: types[e.Type].action, EventRW: e.RW(),
		EventName: clip(e.Name), EventSource: clip(e.Host), EventTime: second(e.Time), ServiceName: clip(ServiceName(e.Service)),
		APIVersion: clip(e.APIVersion), ACSRegion: e.Region, RequestID: clip(e.RequestID), SourceIPAddress: "Internal", UserAgent: clip(e.Agent),
		IsGlobal: isGlobal(e.Service), RecipientAccountID: e.Account, ErrorCode: clip(e.ErrorCode), ErrorMessage: clip(e.ErrorMessage),
		UserIdentity: newActionIdentity(e),
	}
	if a.EventSource == "" {
		a.EventSource = strings.ToLower(a.ServiceName)
	}
	if e.Source.IsValid() {
		a.SourceIPAddress = e.Source.String()
	}
	a.ResourceType, a.ResourceName = Resources(e.Resources)
	a.ReferencedResources = referenced(e.Resources)
	out, err := fit(e, func(p *parts) ([]byte, error) {
		a.RequestParameters, a.ResponseElements = orEmpty(p.request.text), orEmpty(p.response.text)
		a.RequestParameterJSON = string(a.RequestParameters)
		a.AdditionalEventData = p.additional.text
		if p.noResources {
			a.ResourceType, a.ResourceName, a.ReferencedResources = "", "", nil
		}
		return encode(&a)
	})
	if err != nil {
		return nil, fmt.Errorf("write event %s as ActionTrail has it: %w", e.ID, err)
	}
	return out, nil
}

// Resources are types and names of resources, joined by ";", at the same places in both.
func Resources(all []trail.Resource) (types, names string) {
	t, n := make([]string, len(all)), make([]string, len(all))
	for i, r := range all {
		t[i], n[i] = r.Type, r.Name
	}
	return strings.Join(t, ";"), strings.Join(n, ";")
}

// referenced are the names of resources by type, types in the order of the resources.
func referenced(all []trail.Resource) Object {
	var order []string
	names := map[string][]string{}
	for _, r := range all {
		if names[r.Type] == nil {
			order = append(order, r.Type)
		}
		names[r.Type] = append(names[r.Type], r.Name)
	}
	o := make(Object, 0, len(order))
	for _, t := range order {
		text, _ := encode(names[t]) // of texts: there is always one
		o = append(o, Member{Name: t, Value: text})
	}
	return o
}

func orEmpty(text json.RawMessage) json.RawMessage {
	if text == nil {
		return json.RawMessage("{}")
	}
	return text
}
