package pop_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/testenv"
)

const actionTrailAPI = "2020-07-06"

// TestLogstoreOfATrail makes a trail to a project. Its logstore fills, can be searched by the names of the service, and takes nobody else's logs.
func TestLogstoreOfATrail(t *testing.T) {
	env := testenv.Start(t)
	root := &testenv.RootKey
	account := accountOf(t, env, root)
	env.OK(t, testenv.Call{Method: "POST", Target: "/", Body: []byte(`{"projectName":"security","description":""}`)})
	arn := "acs:log:local:" + account + ":project/security"
	rpc(t, env, root, actionTrailAPI, "CreateTrail", nil, "Name", "audit-all", "SlsProjectArn", arn, "EventRW", "All")
	rpc(t, env, root, actionTrailAPI, "StartLogging", nil, "Name", "audit-all")
	env.OK(t, testenv.Call{Method: "POST", Target: "/", Body: []byte(`{"projectName":"made-now","description":""}`)})

	far := newAccount(t, env, "far")
	if a := call(t, env, far, actionTrailAPI, "CreateTrail", url.Values{"Name": {"audit-spy"}, "SlsProjectArn": {arn}}); a.Code == "" {
		t.Errorf("another account's trail to the project: %s", a.body)
	}

	const logstore = "/logstores/actiontrail_audit-all"
	deadline := time.Now().Add(time.Minute)
	for found := false; !found; {
		a := env.OK(t, testenv.Call{Project: "security", Target: logstore + "?type=log&from=0&to=4000000000&query=" + url.QueryEscape("event.eventName: CreateProject and event.serviceName: Sls")})
		found = strings.Contains(string(a.Body), "made-now")
		if time.Now().After(deadline) {
			t.Fatalf("the event does not come: %s", a.Body)
		}
	}
	log := []byte("\x0a\x11\x08\x80\x8c\x8d\xac\x06\x12\x09\x0a\x03key\x12\x02va")
	for what, c := range map[string]testenv.Call{
		"to write":           {Method: "POST", Target: logstore + "/shards/lb", Body: log, Header: map[string]string{"Content-Type": "application/x-protobuf", "x-log-bodyrawsize": "19"}},
		"to delete it":       {Method: "DELETE", Target: logstore},
		"to shorten it":      {Method: "PUT", Target: logstore, Body: []byte(`{"logstoreName":"actiontrail_audit-all","ttl":1,"shardCount":1}`)},
		"to take its index":  {Method: "DELETE", Target: logstore + "/index"},
		"to split its shard": {Method: "POST", Target: logstore + "/shards/0?action=split&key=ef000000000000000000000000000000"},
	} {
		c.Project = "security"
		if a := env.Do(t, c); a.Code != "Unauthorized" || !strings.Contains(a.Message, "audit trail") {
			t.Errorf("%s: %d %s %s", what, a.Status, a.Code, a.Message)
		}
	}
	env.OK(t, testenv.Call{Method: "POST", Project: "security", Target: logstore + "/consumergroups", Body: []byte(`{"consumerGroup":"siem","timeout":60,"order":true}`)})

	rpc(t, env, root, actionTrailAPI, "DeleteTrail", nil, "Name", "audit-all")
	if a := env.Do(t, testenv.Call{Method: "DELETE", Project: "security", Target: logstore}); a.Code != "Unauthorized" {
		t.Errorf("while its last events are delivered: %s", a.Code)
	}
}
