// Package shape writes audit events in the words of the services that clients know, and reads records of one of them.
//
//	trail.Event ──CloudTrail──> record   (reference audit 1.1.2)     names, identities, ARNs of AWS; accounts by a 12-digit alias
//	            └─ActionTrail─> event    (reference audit 2.3)       names, identities of Alibaba Cloud
//	record ──ParseCloudTrail──> Record ──Append──> the same record
//
// Invariants:
//   - Both shapes of an event have its id, and say the same; field by field they are held against each other in a test.
//   - The same event gives the same bytes, whenever and as often as it is asked for.
//   - A shape has at most [MaxRecord] bytes. What had to go to get there is named in it, and the event itself never goes.
//   - All functions are pure.
package shape

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sluicelog/sluice/internal/trail"
)

// Limits of a shape in bytes (reference audit 1.1.2, 3.2).
const (
	MaxRecord     = 256 << 10 // of it all
	maxParameters = 100 << 10 // of requestParameters, responseElements, serviceEventDetails, each
	maxAdditional = 28 << 10  // of additionalEventData
	maxText       = 1 << 10   // of any other text
	longText      = 4 << 10   // of a text in requestParameters, from where it may be replaced by its hash
)

// Options of CloudTrail records. The zero value is of use.
type Options struct {
	Account func(account string) string // the 12 digits that stand for an account; nil: accounts are called as they are
	Suffix  string                      // of event sources, "sls." + Suffix; "" is "sluice.internal". Rules of others may want "amazonaws.com"
}

// defaultSuffix is that of event sources.
const defaultSuffix = "sluice.internal"

func (o Options) account(account string) string {
	if o.Account == nil || account == "" {
		return account
	}
	return o.Account(account)
}

func (o Options) suffix() string {
	if o.Suffix == "" {
		return "." + defaultSuffix
	}
	return "." + o.Suffix
}

// services are what services are called: eventSource of CloudTrail begins with cloud, serviceName of ActionTrail is action.
var services = []struct {
	service, cloud, action string
	global                 bool // of ActionTrail: it is in no region
}{
	{trail.ServiceSLS, "sls", "Sls", false},
	{trail.ServiceECS, "ecs-assist", "Ecs", false},
	{trail.ServiceOOS, "oos", "OOS", false},
	{trail.ServiceESA, "delivery", "ESA", true},
	{trail.ServiceRAM, "iam", "Ram", true},
	{trail.ServiceSTS, "sts", "Sts", false},
	{trail.ServiceActionTrail, "actiontrail", "ActionTrail", false},
	{trail.ServiceCloudTrail, "trail", "CloudTrail", false},
	{trail.ServiceQueue, "queue", "Mns", false},
	{trail.ServiceAgent, "agent", "Agent", false},
	{trail.ServiceServer, "server", "Sluice", false},
}

// Source is the eventSource of a CloudTrail record: "sls.sluice.internal".
func (o Options) Source(service string) string {
	for _, s := range services {
		if s.service == service {
			return s.cloud + o.suffix()
		}
	}
	return service + o.suffix()
}

// Service is what [Options.Source] was made from, in any case of letters. An unknown source is no service: false.
func (o Options) Service(source string) (service string, ok bool) {
	for _, s := range services {
		if strings.EqualFold(s.cloud+o.suffix(), source) {
			return s.service, true
		}
	}
	return "", false
}

// ServiceName is the serviceName of an ActionTrail event: "Sls".
func ServiceName(service string) string {
	for _, s := range services {
		if s.service == service {
			return s.action
		}
	}
	return service
}

// ServiceNamed is what [ServiceName] was made from, in any case of letters. An unknown name is no service: false.
func ServiceNamed(name string) (service string, ok bool) {
	for _, s := range services {
		if strings.EqualFold(s.action, name) {
			return s.service, true
		}
	}
	return "", false
}

func isGlobal(service string) bool {
	for _, s := range services {
		if s.service == service {
			return s.global
		}
	}
	return false
}

// types are what kinds of events are called.
var types = map[trail.Type]struct{ cloud, action string }{
	trail.APICall:       {"AwsApiCall", "ApiCall"},
	trail.ConsoleSignIn: {"AwsConsoleSignIn", "ConsoleSignin"},
	trail.ServiceEvent:  {"AwsServiceEvent", "AliyunServiceEvent"},
}

// hiddenUser stands for what somebody gave as a user's name at a sign-in and that is none: people type passwords there.
const hiddenUser = "HIDDEN_DUE_TO_SECURITY_REASONS"

// second is how both shapes write times.
func second(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// clip cuts a text to what a member of a shape may have.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	end := maxText
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// encode is v as JSON of one line, with < and > as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
