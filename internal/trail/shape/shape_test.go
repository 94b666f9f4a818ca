package shape_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/shape"
)

var update = flag.Bool("update", false, "rewrite the outputs of testdata by what is written now")

// aliases are what the accounts of the fixtures are called in records.
var aliases = shape.Options{Account: func(account string) string {
	return map[string]string{"1234567890123456": "123456789012", "6543210987654321": "654321098765"}[account]
}}

// TestFixtures: events above ----, both shapes of them below. Blank lines separate cases.
func TestFixtures(t *testing.T) {
	const file = "testdata/events.txt"
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, text := range strings.Split(strings.TrimSpace(string(raw)), "\n\n") {
		input, want, _ := strings.Cut(text, "\n----\n")
		var e trail.Event
		if err := json.Unmarshal([]byte(input), &e); err != nil {
			t.Fatalf("%s: %v", input, err)
		}
		got := "CloudTrail " + indented(t, cloud(t, &e, aliases)) + "\nActionTrail " + indented(t, action(t, &e))
		out = append(out, input+"\n----\n"+got)
		if diff := cmp.Diff(want, got); diff != "" && !*update {
			t.Errorf("%s\n(-want +got)\n%s", input, diff)
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(out, "\n\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func cloud(t testing.TB, e *trail.Event, o shape.Options) []byte {
	t.Helper()
	out, err := shape.CloudTrail(e, o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func action(t testing.TB, e *trail.Event) []byte {
	t.Helper()
	out, err := shape.ActionTrail(e)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func indented(t *testing.T, text []byte) string {
	t.Helper()
	if bytes.ContainsRune(text, '\n') {
		t.Errorf("a shape has to be one line: %s", text)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return b.String()
}

// fixtures are the events of the fixtures.
func fixtures(t testing.TB) []*trail.Event {
	t.Helper()
	raw, err := os.ReadFile("testdata/events.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []*trail.Event
	for _, text := range strings.Split(strings.TrimSpace(string(raw)), "\n\n") {
		input, _, _ := strings.Cut(text, "\n----\n")
		e := &trail.Event{}
		if err := json.Unmarshal([]byte(input), e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// TestFieldMap holds the two shapes against each other (reference audit 2.7).
func TestFieldMap(t *testing.T) {
	type object = map[string]any
	at := func(o object, path string) any {
		var v any = o
		for _, name := range strings.Split(path, ".") {
			m, _ := v.(object)
			v = m[name]
		}
		return v
	}
	same := func(v any) any { return v }
	oneOf := func(pairs map[any]any) func(any) any { return func(v any) any { return pairs[v] } }
	rows := []struct {
		cloud, action string
		as            func(any) any // what the member of a record says, in ActionTrail's words
	}{
		{"eventID", "eventId", same},
		{"eventVersion", "eventVersion", func(any) any { return 1.0 }},
		{"awsRegion", "acsRegion", same},
		{"requestID", "requestId", same},
		{"userAgent", "userAgent", same},
		{"apiVersion", "apiVersion", same},
		{"errorCode", "errorCode", same},
		{"errorMessage", "errorMessage", same},
		{"eventTime", "eventTime", same},
		{"eventCategory", "eventCategory", same},
		{"additionalEventData", "additionalEventData", same},
		{"readOnly", "eventRW", oneOf(map[any]any{true: "Read", false: "Write"})},
		{"eventName", "eventName", func(v any) any { return shape.CloudNamed(v.(string)) }},
		{"eventType", "eventType", oneOf(map[any]any{"AwsApiCall": "ApiCall", "AwsConsoleSignIn": "ConsoleSignin", "AwsServiceEvent": "AliyunServiceEvent"})},
		{"userIdentity.type", "userIdentity.type", oneOf(map[any]any{
			"Root": "root-account", "IAMUser": "ram-user", "AssumedRole": "assumed-role", "AWSService": "system", "Unknown": "unknown",
		})},
		{"userIdentity.accessKeyId", "userIdentity.accessKeyId", same},
		{"userIdentity.sessionContext.attributes", "userIdentity.sessionContext.attributes", same},
		{"eventSource", "serviceName", func(v any) any {
			service, ok := aliases.Service(v.(string))
			if !ok {
				service, _, _ = strings.Cut(v.(string), ".")
			}
			return shape.ServiceName(service)
		}},
	}
	for _, e := range fixtures(t) {
		var c, a object
		if err := json.Unmarshal(cloud(t, e, aliases), &c); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(action(t, e), &a); err != nil {
			t.Fatal(err)
		}
		if e.Identity.Kind == trail.System { // a record has to name the service there, too
			delete(c, "userAgent")
		}
		for _, row := range rows {
			if diff := cmp.Diff(row.as(at(c, row.cloud)), at(a, row.action)); diff != "" {
				t.Errorf("%s: %s of a record and %s of ActionTrail differ:\n%s", e.Name, row.cloud, row.action, diff)
			}
		}
		if got, want := at(c, "recipientAccountId"), aliases.Account(at(a, "recipientAccountId").(string)); got != want {
			t.Errorf("%s: recipientAccountId is %v, and %v by the alias", e.Name, got, want)
		}
		if got, want := at(c, "managementEvent"), at(a, "eventCategory") == "Management"; got != want {
			t.Errorf("%s: managementEvent is %v", e.Name, got)
		}
		if source := at(c, "sourceIPAddress"); e.Source.IsValid() && source != at(a, "sourceIpAddress") {
			t.Errorf("%s: source addresses differ: %v and %v", e.Name, source, at(a, "sourceIpAddress"))
		}
		var text object
		if err := json.Unmarshal([]byte(at(a, "requestParameterJson").(string)), &text); err != nil {
			t.Errorf("%s: requestParameterJson: %v", e.Name, err)
		} else if diff := cmp.Diff(at(a, "requestParameters"), any(text)); diff != "" {
			t.Errorf("%s: requestParameterJson differs from requestParameters:\n%s", e.Name, diff)
		}
	}
}

func TestServices(t *testing.T) {
	for _, o := range []shape.Options{{}, {Suffix: "amazonaws.com"}} {
		for _, service := range []string{
			trail.ServiceSLS, trail.ServiceECS, trail.ServiceOOS, trail.ServiceESA, trail.ServiceRAM, trail.ServiceSTS, trail.ServiceActionTrail,
			trail.ServiceCloudTrail, trail.ServiceQueue, trail.ServiceAgent, trail.ServiceServer,
		} {
			if got, ok := o.Service(strings.ToUpper(o.Source(service))); !ok || got != service {
				t.Errorf("%s is the source %s, and that is the service %q", service, o.Source(service), got)
			}
			if got, ok := shape.ServiceNamed(strings.ToLower(shape.ServiceName(service))); !ok || got != service {
				t.Errorf("%s has the name %s, and that is the service %q", service, shape.ServiceName(service), got)
			}
		}
		if got, ok := o.Service("s3.amazonaws.com"); ok {
			t.Errorf("s3 is %q", got)
		}
	}
	if _, ok := shape.ServiceNamed("Oss"); ok {
		t.Error("Oss is a service")
	}
}

// TestAnswersAreStable: the same event gives the same bytes.
func TestAnswersAreStable(t *testing.T) {
	for _, e := range fixtures(t) {
		for range 20 {
			if !bytes.Equal(cloud(t, e, aliases), cloud(t, e, aliases)) || !bytes.Equal(action(t, e), action(t, e)) {
				t.Fatalf("%s: two answers differ", e.Name)
			}
		}
	}
}
