package trail

import (
	"net/netip"
	"time"
)

// Event is one audit event: one call, or one thing that the server did by itself. It is what all shapes are rendered from and what the
// chain covers, so it has no secrets in it already: see redaction in [Recorder]. It does not change once it is made.
type Event struct {
	ID       string    `json:"id"`       // a UUID of version 7, made when the call was seen; the same in every shape and in every delivery
	Seq      uint64    `json:"seq"`      // its place in the chain, from 1, without gaps
	Time     time.Time `json:"time"`     // when the call was over, in milliseconds
	Received time.Time `json:"received"` // when it had come in

	Category Category `json:"category"`
	Type     Type     `json:"type"`
	ReadOnly bool     `json:"readOnly,omitempty"` // by the table of operations, never by the HTTP method

	Service    string `json:"service"` // one of the Service constants
	Name       string `json:"name"`    // of the action, "CreateLogStore"; "" where none was found
	APIVersion string `json:"apiVersion,omitempty"`
	Region     string `json:"region"`
	Host       string `json:"host,omitempty"` // that the client called
	RequestID  string `json:"requestId"`      // as the client was told

	Account  string     `json:"account"` // whose resource it is, which is not always the caller's; that is who finds it in his history
	Identity Identity   `json:"identity"`
	Source   netip.Addr `json:"source"` // the zero Addr for what the server did by itself
	Agent    string     `json:"userAgent,omitempty"`

	Resources []Resource     `json:"resources,omitempty"` // outermost first
	Request   map[string]any `json:"request,omitempty"`   // JSON, redacted; nil is null
	Response  map[string]any `json:"response,omitempty"`

	Status       int    `json:"status,omitempty"`    // of HTTP
	ErrorCode    string `json:"errorCode,omitempty"` // in the dialect of the call; "" for success
	ErrorMessage string `json:"errorMessage,omitempty"`

	Additional map[string]any `json:"additional,omitempty"` // reference audit 3.2: SignatureVersion, bytesIn, bytesOut, latencyMs, truncated, forwardedFor
}

// Category is what selectors choose by first.
type Category string

// Categories of events. Management events are always recorded, data events where a trail asks for them.
const (
	Management Category = "Management"
	Data       Category = "Data"
)

// Type is how an event came to be.
type Type string

// Types of events.
const (
	APICall       Type = "ApiCall"
	ConsoleSignIn Type = "ConsoleSignin"
	ServiceEvent  Type = "ServiceEvent" // of the server itself: a task that was disabled, events that were lost, an anchor
)

// Services that events are of. Each shape has its own words for them.
const (
	ServiceSLS         = "sls"
	ServiceECS         = "ecs"
	ServiceOOS         = "oos"
	ServiceESA         = "esa"
	ServiceRAM         = "ram"
	ServiceSTS         = "sts"
	ServiceActionTrail = "actiontrail"
	ServiceCloudTrail  = "cloudtrail"
	ServiceQueue       = "mns"
	ServiceAgent       = "agent" // agents of the assistant, and log agents
	ServiceServer      = "sluice"
)

// Identity is who called. What is not known is empty: of a call that was not signed, or badly, the key as it was given is all there is.
type Identity struct {
	Kind      Kind      `json:"kind"`
	Account   string    `json:"account,omitempty"`
	User      string    `json:"user,omitempty"`
	Role      string    `json:"role,omitempty"`
	Session   string    `json:"session,omitempty"` // name of the session of the role
	AccessKey string    `json:"accessKey,omitempty"`
	Since     time.Time `json:"since,omitzero"` // when the session was opened
}

// Kind is a kind of identity.
type Kind string

// Kinds of identities.
const (
	Root    Kind = "root"    // an account itself
	User    Kind = "user"    // of an account
	Role    Kind = "role"    // a session of a role
	System  Kind = "system"  // the server
	Machine Kind = "machine" // an agent; User is the instance
	Unknown Kind = "unknown"
)

// Resource is what was acted on.
type Resource struct {
	Type string `json:"type"` // ActionTrail's: "ACS::SLS::Logstore"
	Name string `json:"name"` // "app"
	ARN  string `json:"arn,omitempty"`
}

// Fields of the log that holds an event. All but FieldEvent are there to be searched by: each has an index of its own.
const (
	FieldEvent        = "event"     // the event, as JSON; the chain covers these very bytes
	FieldChain        = "chain"     // hexadecimal SHA-256 over the chain of the event before and these bytes
	FieldSeq          = "seq"       // long
	FieldID           = "eventId"   // as a whole: no tokens
	FieldTime         = "eventTime" // long, milliseconds of the epoch
	FieldName         = "eventName"
	FieldService      = "service"
	FieldRW           = "eventRW" // "Read" or "Write"
	FieldCategory     = "category"
	FieldAccount      = "account"
	FieldUser         = "userName" // "root" for the account, "role:session" for a role
	FieldAccessKey    = "accessKeyId"
	FieldResourceType = "resourceType" // joined by ";", as ActionTrail has them
	FieldResourceName = "resourceName"
	FieldSource       = "sourceIp"
	FieldError        = "errorCode"
	FieldRequest      = "requestId"
)
