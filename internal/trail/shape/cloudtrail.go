package shape

import (
	"encoding/json"
	"fmt"

	"github.com/sluicelog/sluice/internal/trail"
)

// cloudVersion is the version of records: that of the newest member below.
const cloudVersion = "1.08"

// cloudRecord is a record, its members in the order that readers are used to.
type cloudRecord struct {
	EventVersion        string          `json:"eventVersion"`
	UserIdentity        cloudIdentity   `json:"userIdentity"`
	EventTime           string          `json:"eventTime"`
	EventSource         string          `json:"eventSource"`
	EventName           string          `json:"eventName"`
	AWSRegion           string          `json:"awsRegion"`
	SourceIPAddress     string          `json:"sourceIPAddress"`
	UserAgent           string          `json:"userAgent,omitempty"`
	ErrorCode           string          `json:"errorCode,omitempty"`
	ErrorMessage        string          `json:"errorMessage,omitempty"`
	RequestParameters   json.RawMessage `json:"requestParameters"`
	ResponseElements    json.RawMessage `json:"responseElements"`
	AdditionalEventData json.RawMessage `json:"additionalEventData,omitempty"`
	RequestID           string          `json:"requestID,omitempty"`
	EventID             string          `json:"eventID"`
	ReadOnly            bool            `json:"readOnly"`
	Resources           []cloudResource `json:"resources,omitempty"`
	EventType           string          `json:"eventType"`
	APIVersion          string          `json:"apiVersion,omitempty"`
	ManagementEvent     bool            `json:"managementEvent"`
	RecipientAccountID  string          `json:"recipientAccountId"`
	ServiceEventDetails json.RawMessage `json:"serviceEventDetails,omitempty"`
	EventCategory       string          `json:"eventCategory"`
}

type cloudResource struct {
	ARN       string `json:"ARN,omitempty"`
	AccountID string `json:"accountId"`
	Type      string `json:"type"`
}

// signInNames are what sign-ins are called in records, where others keep their names.
var signInNames = map[string]string{"ConsoleSignin": "ConsoleLogin", "ConsoleSignout": "Logout"}

// CloudName is the eventName of a record of an event of this name.
func CloudName(name string) string {
	if c, ok := signInNames[name]; ok {
		return c
	}
	return name
}

// CloudNamed is what [CloudName] was made from.
func CloudNamed(name string) string {
	for n, c := range signInNames {
		if c == name {
			return n
		}
	}
	return name
}

// CloudTrail is an event as a CloudTrail record: JSON of one line. Of an event of the server itself the parameters are its details.
// An error means that the event has something in it that is not JSON.
func CloudTrail(e *trail.Event, o Options) ([]byte, error) {
	r := cloudRecord{
		EventVersion: cloudVersion, UserIdentity: newCloudIdentity(e, o), EventTime: second(e.Time), EventSource: clip(o.Source(e.Service)),
		EventName: clip(CloudName(e.Name)), AWSRegion: e.Region, UserAgent: clip(e.Agent), ErrorCode: clip(e.ErrorCode), ErrorMessage: clip(e.ErrorMessage),
		RequestID: clip(e.RequestID), EventID: e.ID, ReadOnly: e.ReadOnly, EventType: types[e.Type].cloud, APIVersion: clip(e.APIVersion),
		ManagementEvent: e.Category == trail.Management, RecipientAccountID: o.account(e.Account), EventCategory: string(e.Category),
	}
	if r.SourceIPAddress = r.EventSource; e.Source.IsValid() {
		r.SourceIPAddress = e.Source.String()
	}
	if e.Identity.Kind == trail.System {
		r.UserAgent = r.EventSource
	}
	for _, x := range e.Resources {
		r.Resources = append(r.Resources, cloudResource{ARN: clip(x.ARN), AccountID: o.account(e.Account), Type: x.Type})
	}
	out, err := fit(e, func(p *parts) ([]byte, error) {
		if e.Type == trail.ServiceEvent {
			r.ServiceEventDetails = p.request.text
		} else {
			r.RequestParameters = p.request.text
		}
		r.ResponseElements, r.AdditionalEventData = p.response.text, p.additional.text
		if p.noResources {
			r.Resources = nil
		}
		return encode(&r)
	})
	if err != nil {
		return nil, fmt.Errorf("write event %s as a CloudTrail record: %w", e.ID, err)
	}
	return out, nil
}
