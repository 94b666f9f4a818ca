package rpc

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	actiontrail "github.com/alibabacloud-go/actiontrail-20200706/v3/client"
	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	util "github.com/alibabacloud-go/tea-utils/v2/service"
	"github.com/alibabacloud-go/tea/tea"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
)

// trailClient makes a client of ActionTrail.
func trailClient(t *testing.T, env *testenv.Env, algorithm *string, key testenv.Key) *actiontrail.Client {
	t.Helper()
	c, err := actiontrail.NewClient(&openapi.Config{
		AccessKeyId: tea.String(key.ID), AccessKeySecret: tea.String(key.Secret),
		Endpoint: tea.String(env.Addr), Protocol: tea.String("HTTP"), SignatureAlgorithm: algorithm,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// oldTrail calls an action of the old version, as the client for all products does.
func oldTrail(c *actiontrail.Client, action string, params map[string]string) (map[string]any, error) {
	query := map[string]*string{}
	for name, value := range params {
		query[name] = tea.String(value)
	}
	answer, err := c.CallApi(&openapi.Params{
		Action: tea.String(action), Version: tea.String("2017-12-04"), Protocol: tea.String("HTTP"), Pathname: tea.String("/"), Method: tea.String("POST"),
		AuthType: tea.String("AK"), Style: tea.String("RPC"), ReqBodyType: tea.String("formData"), BodyType: tea.String("json"),
	}, &openapi.OpenApiRequest{Query: query}, &util.RuntimeOptions{})
	if err != nil {
		return nil, err
	}
	body, _ := answer["body"].(map[string]any)
	return body, nil
}

// events are all that a lookup finds, page by page.
func lookUp(t *testing.T, c *actiontrail.Client, r *actiontrail.LookupEventsRequest) (all []map[string]any, pages int) {
	t.Helper()
	for {
		got, err := c.LookupEvents(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, got.Body.Events...)
		pages++
		if r.NextToken = got.Body.NextToken; tea.StringValue(r.NextToken) == "" {
			return all, pages
		}
	}
}

// eventually looks again and again until it is so: events of calls that change nothing are written a moment after the answer, and trails deliver
// every two seconds.
func eventually(t *testing.T, so func() bool) {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !so() {
		<-again.C
	}
}

func attribute(key, value string) []*actiontrail.LookupEventsRequestLookupAttribute {
	return []*actiontrail.LookupEventsRequestLookupAttribute{{Key: tea.String(key), Value: tea.String(value)}}
}

func makeProject(t *testing.T, env *testenv.Env, project string, logstores int) {
	t.Helper()
	env.OK(t, testenv.Call{Method: "POST", Target: "/", Body: []byte(`{"projectName":"` + project + `","description":""}`)})
	for i := range logstores {
		env.OK(t, testenv.Call{Method: "POST", Project: project, Target: "/logstores", Body: fmt.Appendf(nil, `{"logstoreName":"store%03d","ttl":1,"shardCount":1}`, i)})
	}
}

// audited makes events be found as soon as a call that changes something is answered, as often as one likes.
func audited(c *config.Config) { c.Trail.LookupsPerSecond, c.Trail.Strict = 0, true }

// find looks up by one attribute.
func find(t *testing.T, c *actiontrail.Client, key, value string) []map[string]any {
	t.Helper()
	all, _ := lookUp(t, c, &actiontrail.LookupEventsRequest{LookupAttribute: attribute(key, value)})
	return all
}

func TestLookupEvents(t *testing.T) {
	env := testenv.Start(t, audited)
	const logstores = 53
	makeProject(t, env, "web", logstores)
	for name, algorithm := range signatures {
		t.Run(name, func(t *testing.T) {
			c := trailClient(t, env, algorithm, testenv.RootKey)
			all, pages := lookUp(t, c, &actiontrail.LookupEventsRequest{LookupAttribute: attribute("EventName", "CreateLogStore"), MaxResults: tea.String("20")})
			if len(all) != logstores || pages != 3 {
				t.Fatalf("%d events on %d pages, want %d on 3", len(all), pages, logstores)
			}
			oldest, _ := lookUp(t, c, &actiontrail.LookupEventsRequest{LookupAttribute: attribute("EventName", "CreateLogStore"), MaxResults: tea.String("50"), Direction: tea.String("FORWARD")})
			for i, e := range oldest {
				if want := fmt.Sprintf("web;store%03d", i); e["resourceName"] != want || all[logstores-1-i]["resourceName"] != want {
					t.Fatalf("event %d is of %v oldest first and of %v newest first, want %s", i, e["resourceName"], all[logstores-1-i]["resourceName"], want)
				}
			}
			e := all[0]
			identity, _ := e["userIdentity"].(map[string]any)
			if e["eventRW"] != "Write" || e["serviceName"] != "Sls" || e["eventCategory"] != "Management" || identity["type"] != "root-account" || identity["accessKeyId"] != testenv.RootID ||
				e["requestId"] == "" || e["sourceIpAddress"] != "127.0.0.1" {
				t.Errorf("the event is %v", e)
			}
			for key, value := range map[string]string{
				"ServiceName": "sls", "User": "root", "ResourceName": "store007", "ResourceType": "ACS::SLS::Logstore", "EventId": e["eventId"].(string),
				"EventRW": "Write", "EventAccessKeyId": testenv.RootID,
			} {
				if len(find(t, c, key, value)) == 0 {
					t.Errorf("nothing is found by %s %s", key, value)
				}
			}
			if found := find(t, c, "EventName", "createlogstore"); len(found) != 0 {
				t.Errorf("%v is found by a name that is written otherwise", found)
			}
		})
	}
}

func TestLookupErrors(t *testing.T) {
	env := testenv.Start(t, audited)
	c := trailClient(t, env, nil, testenv.RootKey)
	makeProject(t, env, "web", 3)
	page, err := c.LookupEvents(&actiontrail.LookupEventsRequest{MaxResults: tea.String("1"), LookupAttribute: attribute("EventName", "CreateLogStore")})
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]struct {
		r    actiontrail.LookupEventsRequest
		code string
	}{
		"a key that there is not":   {actiontrail.LookupEventsRequest{LookupAttribute: attribute("Color", "red")}, "InvalidLookupAttribute"},
		"two attributes":            {actiontrail.LookupEventsRequest{LookupAttribute: append(attribute("User", "a"), attribute("EventName", "b")...)}, "InvalidLookupAttribute"},
		"no value":                  {actiontrail.LookupEventsRequest{LookupAttribute: attribute("User", "")}, "InvalidLookupAttribute"},
		"neither read nor write":    {actiontrail.LookupEventsRequest{LookupAttribute: attribute("EventRW", "both")}, "InvalidEventRW"},
		"too many on a page":        {actiontrail.LookupEventsRequest{MaxResults: tea.String("51")}, "InvalidMaxResults"},
		"another direction":         {actiontrail.LookupEventsRequest{Direction: tea.String("SIDEWAYS")}, "InvalidDirection"},
		"no time":                   {actiontrail.LookupEventsRequest{StartTime: tea.String("yesterday")}, "InvalidStartTime"},
		"the end first":             {actiontrail.LookupEventsRequest{StartTime: tea.String("2026-01-05T00:00:00Z"), EndTime: tea.String("2026-01-04T00:00:00Z")}, "InvalidTimeRange"},
		"a token of another lookup": {actiontrail.LookupEventsRequest{MaxResults: tea.String("1"), NextToken: page.Body.NextToken}, "InvalidNextToken"},
	} {
		_, err := c.LookupEvents(&f.r)
		wantCode(t, name, err, f.code, 400)
	}
}

// Who asks too often is told to wait.
func TestLookupsAreLimited(t *testing.T) {
	env := testenv.Start(t, func(c *config.Config) { c.Trail.LookupsPerSecond = 1 })
	c := trailClient(t, env, nil, testenv.RootKey)
	var err error
	for range 1000 {
		if _, err = c.LookupEvents(&actiontrail.LookupEventsRequest{}); err != nil {
			break
		}
	}
	wantCode(t, "too many lookups", err, "Throttling.User", 400)
}

// The old version: conditions are parameters and combine, and reads are found only by who asks for them.
func TestOldLookupEvents(t *testing.T) {
	env := testenv.Start(t, audited)
	c := trailClient(t, env, nil, testenv.RootKey)
	makeProject(t, env, "web", 2)
	env.OK(t, testenv.Call{Project: "web", Target: "/logstores/store000"})
	eventually(t, func() bool { return len(find(t, c, "EventName", "GetLogStore")) == 1 })
	for _, f := range []struct {
		params map[string]string
		want   int
	}{
		{map[string]string{"EventName": "GetLogStore"}, 0},
		{map[string]string{"EventName": "GetLogStore", "EventRW": "Read"}, 1},
		{map[string]string{"EventName": "GetLogStore", "EventRW": "All"}, 1},
		{map[string]string{"EventName": "CreateLogStore"}, 2},
		{map[string]string{"EventName": "CreateLogStore", "ResourceName": "store001", "User": "root", "ServiceName": "Sls"}, 1},
		{map[string]string{"EventName": "CreateLogStore", "ResourceName": "store001", "User": "somebody"}, 0},
	} {
		body, err := oldTrail(c, "LookupEvents", f.params)
		if err != nil {
			t.Fatal(err)
		}
		if events, _ := body["Events"].([]any); len(events) != f.want {
			t.Errorf("%v: %d events, want %d", f.params, len(events), f.want)
		}
	}
	_, err := oldTrail(c, "LookupEvents", map[string]string{"EventType": "ApiCall"})
	wantCode(t, "by type", err, "UnsupportedOperation", 400)
}

// Nobody finds events of another account.
func TestLookupsOfAnotherAccount(t *testing.T) {
	env := testenv.Start(t, audited)
	makeProject(t, env, "web", 3)
	root := trailClient(t, env, nil, testenv.RootKey)
	var made struct{ AccessKeyID, AccessKeySecret string }
	env.JSON(t, testenv.Call{Method: "POST", Target: "/sluice/v1/accounts", Body: []byte(`{"name":"far"}`)}, &made)
	far := testenv.Key{ID: made.AccessKeyID, Secret: made.AccessKeySecret}
	env.OK(t, testenv.Call{Method: "POST", Target: "/", Key: &far, Body: []byte(`{"projectName":"far","description":""}`)})
	c := trailClient(t, env, nil, far)
	found := find(t, c, "EventName", "CreateProject")
	all, _ := lookUp(t, c, &actiontrail.LookupEventsRequest{})
	for _, e := range append(found, all...) {
		if text, _ := json.Marshal(e); strings.Contains(string(text), "web") || e["recipientAccountId"] == "" {
			t.Errorf("another account finds %s", text)
		}
	}
	if len(found) != 1 {
		t.Errorf("another account finds %d projects that were made, want its own", len(found))
	}
	page, err := root.LookupEvents(&actiontrail.LookupEventsRequest{MaxResults: tea.String("1")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.LookupEvents(&actiontrail.LookupEventsRequest{MaxResults: tea.String("1"), NextToken: page.Body.NextToken})
	wantCode(t, "a token of another account", err, "InvalidNextToken", 400)
}

// The life of a trail to a logstore: what happens while it logs is delivered, and what happened before, when that is asked for.
func TestTrailToLogstore(t *testing.T) {
	env := testenv.Start(t, audited)
	c := trailClient(t, env, nil, testenv.RootKey)
	makeProject(t, env, "audit", 0)
	makeProject(t, env, "web", 5)
	before := find(t, c, "EventName", "CreateLogStore")
	account := before[0]["recipientAccountId"].(string)
	made, err := c.CreateTrail(&actiontrail.CreateTrailRequest{
		Name: tea.String("audit-main"), SlsProjectArn: tea.String("acs:log:local:" + account + ":project/audit"), SlsWriteRoleArn: tea.String("acs:ram::" + account + ":role/x"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if b := made.Body; *b.EventRW != "Write" || *b.TrailRegion != "All" || *b.HomeRegion != "local" || *b.Name != "audit-main" {
		t.Errorf("made: %v", b)
	}
	list, err := c.DescribeTrails(&actiontrail.DescribeTrailsRequest{})
	if err != nil || len(list.Body.TrailList) != 1 || *list.Body.TrailList[0].Status != "Fresh" {
		t.Fatalf("list: %v, %v", list, err)
	}
	if got, want := *list.Body.TrailList[0].TrailArn, "acs:actiontrail:local:"+account+":trail/audit-main"; got != want {
		t.Errorf("the ARN is %s, want %s", got, want)
	}
	if _, err := c.StartLogging(&actiontrail.StartLoggingRequest{Name: tea.String("audit-main")}); err != nil {
		t.Fatal(err)
	}
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/logstores", Body: []byte(`{"logstoreName":"later","ttl":1,"shardCount":1}`)})
	delivered := func(want ...string) {
		t.Helper()
		eventually(t, func() bool {
			names := eventsIn(t, env, "audit", "actiontrail_audit-main")
			return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(names, w) })
		})
	}
	delivered("CreateLogStore web;later", "StartLogging audit-main")
	status, err := c.GetTrailStatus(&actiontrail.GetTrailStatusRequest{Name: tea.String("audit-main")})
	if err != nil || !*status.Body.IsLogging || !*status.Body.SlsLogStoreStatus || *status.Body.OssBucketStatus || tea.StringValue(status.Body.LatestDeliveryLogServiceError) != "" ||
		tea.StringValue(status.Body.StartLoggingTime) == "" {
		t.Errorf("status: %v, %v", status, err)
	}
	for _, name := range eventsIn(t, env, "audit", "actiontrail_audit-main") {
		if strings.Contains(name, "store00") {
			t.Errorf("%s was before the trail, and is delivered", name)
		}
	}
	job, err := c.CreateDeliveryHistoryJob(&actiontrail.CreateDeliveryHistoryJobRequest{TrailName: tea.String("audit-main"), ClientToken: tea.String("one")})
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.CreateDeliveryHistoryJob(&actiontrail.CreateDeliveryHistoryJobRequest{TrailName: tea.String("audit-main"), ClientToken: tea.String("one")})
	if err != nil || *again.Body.JobId != *job.Body.JobId {
		t.Errorf("the same token: %v, %v", again, err)
	}
	eventually(t, func() bool {
		j, err := c.GetDeliveryHistoryJob(&actiontrail.GetDeliveryHistoryJobRequest{JobId: tea.Int64(int64(*job.Body.JobId))})
		if err != nil || *j.Body.JobStatus == 3 {
			t.Fatal(j, err)
		}
		return *j.Body.JobStatus == 2
	})
	delivered("CreateLogStore web;store000", "CreateLogStore web;store004", "CreateProject audit")
	jobs, err := c.ListDeliveryHistoryJobs(&actiontrail.ListDeliveryHistoryJobsRequest{PageNumber: tea.Int32(1), PageSize: tea.Int32(10)})
	if err != nil || *jobs.Body.TotalCount != 1 || *jobs.Body.DeliveryHistoryJobs[0].TrailName != "audit-main" {
		t.Errorf("jobs: %v, %v", jobs, err)
	}
	if _, err := c.DeleteDeliveryHistoryJob(&actiontrail.DeleteDeliveryHistoryJobRequest{JobId: job.Body.JobId}); err != nil {
		t.Error(err)
	}
	_, err = c.DeleteDeliveryHistoryJob(&actiontrail.DeleteDeliveryHistoryJobRequest{JobId: job.Body.JobId})
	wantCode(t, "a job that is gone", err, "DeliveryHistoryJobNotFound", 404)

	if _, err := c.StopLogging(&actiontrail.StopLoggingRequest{Name: tea.String("audit-main")}); err != nil {
		t.Fatal(err)
	}
	delivered("StopLogging audit-main")
	list, err = c.DescribeTrails(&actiontrail.DescribeTrailsRequest{NameList: tea.String("audit-main,other")})
	if err != nil || *list.Body.TrailList[0].Status != "Disable" || tea.StringValue(list.Body.TrailList[0].StopLoggingTime) == "" {
		t.Errorf("stopped: %v, %v", list, err)
	}
	if _, err := c.UpdateTrail(&actiontrail.UpdateTrailRequest{Name: tea.String("audit-main"), EventRW: tea.String("All")}); err != nil {
		t.Error(err)
	}
	if _, err := c.DeleteTrail(&actiontrail.DeleteTrailRequest{Name: tea.String("audit-main")}); err != nil {
		t.Error(err)
	}
	_, err = c.GetTrailStatus(&actiontrail.GetTrailStatusRequest{Name: tea.String("audit-main")})
	wantCode(t, "a trail that is gone", err, "TrailNotFoundException", 404)
}

// eventsIn are the events of a logstore: what they are called, and what they are about.
func eventsIn(t *testing.T, env *testenv.Env, project, logstore string) (names []string) {
	t.Helper()
	a := env.Do(t, testenv.Call{Project: project, Target: "/logstores/" + logstore + "?type=log&from=0&to=4000000000&line=100"})
	if a.Code == "LogStoreNotExist" || a.Code == "IndexConfigNotExist" {
		return nil
	}
	var logs []map[string]string
	if err := json.Unmarshal(a.Body, &logs); err != nil {
		t.Fatalf("%s: %v", a.Body, err)
	}
	for _, l := range logs {
		var e struct{ EventName, ResourceName string }
		if err := json.Unmarshal([]byte(l["event"]), &e); err != nil {
			t.Fatalf("%v: %v", l, err)
		}
		names = append(names, e.EventName+" "+e.ResourceName)
	}
	return names
}

// What of a trail is refused, in both versions.
func TestTrailErrors(t *testing.T) {
	env := testenv.Start(t, audited)
	c := trailClient(t, env, nil, testenv.RootKey)
	makeProject(t, env, "audit", 0)
	account := find(t, c, "EventName", "CreateProject")[0]["recipientAccountId"].(string)
	project := "acs:log:local:" + account + ":project/audit"
	for name, f := range map[string]struct {
		params map[string]string
		code   string
		status int
	}{
		"nowhere to go":          {map[string]string{"Name": "audit-main"}, "InvalidParameterCombinationException", 400},
		"no name":                {map[string]string{"SlsProjectArn": project}, "MissingName", 400},
		"a short name":           {map[string]string{"Name": "audit", "SlsProjectArn": project}, "InvalidTrailNameException", 400},
		"a project that is none": {map[string]string{"Name": "audit-main", "SlsProjectArn": "audit"}, "InvalidSlsProjectArn", 400},
		"of another account":     {map[string]string{"Name": "audit-main", "SlsProjectArn": "acs:log:local:1:project/audit"}, "InvalidSlsProjectArn", 400},
		"a project that is gone": {map[string]string{"Name": "audit-main", "SlsProjectArn": project + "2"}, "NotFound", 404},
		"a region elsewhere":     {map[string]string{"Name": "audit-main", "SlsProjectArn": project, "TrailRegion": "cn-hangzhou"}, "InvalidTrailRegion", 400},
		"neither read nor write": {map[string]string{"Name": "audit-main", "SlsProjectArn": project, "EventRW": "Both"}, "InvalidEventRW", 400},
		"an organization":        {map[string]string{"Name": "audit-main", "SlsProjectArn": project, "IsOrganizationTrail": "true"}, "UnsupportedOperation", 400},
		"a queue":                {map[string]string{"Name": "audit-main", "SlsProjectArn": project, "MnsTopicArn": "acs:mns:x"}, "UnsupportedOperation", 400},
		"a warehouse":            {map[string]string{"Name": "audit-main", "MaxComputeProjectArn": "acs:odps:x"}, "UnsupportedOperation", 400},
	} {
		_, err := oldTrail(c, "CreateTrail", f.params)
		wantCode(t, name, err, f.code, f.status)
	}
	create := func(name string) error {
		_, err := c.CreateTrail(&actiontrail.CreateTrailRequest{Name: tea.String(name), SlsProjectArn: tea.String(project), EventRW: tea.String("All")})
		return err
	}
	for n := range 5 {
		if err := create(fmt.Sprint("audit-", n)); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, "again", create("audit-0"), "TrailAlreadyExistsException", 409)
	wantCode(t, "one too many", create("audit-5"), "MaximumNumberOfTrailsExceededException", 409)
	body, err := oldTrail(c, "DescribeTrails", nil)
	if list, _ := body["TrailList"].([]any); err != nil || len(list) != 5 {
		t.Errorf("in the old version: %v, %v", body, err)
	}
	_, err = c.UpdateTrail(&actiontrail.UpdateTrailRequest{Name: tea.String("audit-0"), SlsProjectArn: tea.String("")})
	wantCode(t, "a trail that is to go nowhere", err, "InvalidParameterCombinationException", 400)
	_, err = oldTrail(c, "GetTrailStatus", map[string]string{"Name": "nothing"})
	wantCode(t, "no such trail", err, "TrailNotFoundException", 404)
}

// Data events are delivered to a trail that asks for them.
func TestDataEvents(t *testing.T) {
	env := testenv.Start(t, audited)
	c := trailClient(t, env, nil, testenv.RootKey)
	call := func(action string, params map[string]string) (map[string]any, error) {
		query := map[string]*string{}
		for name, value := range params {
			query[name] = tea.String(value)
		}
		answer, err := c.CallApi(&openapi.Params{
			Action: tea.String(action), Version: tea.String("2020-07-06"), Protocol: tea.String("HTTP"), Pathname: tea.String("/"), Method: tea.String("POST"),
			AuthType: tea.String("AK"), Style: tea.String("RPC"), ReqBodyType: tea.String("formData"), BodyType: tea.String("json"),
		}, &openapi.OpenApiRequest{Query: query}, &util.RuntimeOptions{})
		if err != nil {
			return nil, err
		}
		body, _ := answer["body"].(map[string]any)
		return body, nil
	}
	services, err := call("ListDataEventServices", map[string]string{"MaxResults": "100"})
	if text, _ := json.Marshal(services); err != nil || !strings.Contains(string(text), `"PostLogStoreLogs"`) || !strings.Contains(string(text), `"ServiceName":"Sls"`) {
		t.Errorf("services: %s, %v", text, err)
	}
	makeProject(t, env, "audit", 0)
	makeProject(t, env, "web", 1)
	account := find(t, c, "EventName", "CreateProject")[0]["recipientAccountId"].(string)
	if _, err := c.CreateTrail(&actiontrail.CreateTrailRequest{Name: tea.String("audit-data"), SlsProjectArn: tea.String("acs:log:local:" + account + ":project/audit")}); err != nil {
		t.Fatal(err)
	}
	const selectors = `[{"ServiceName":"Sls","EventName":{"Equals":["ListShards","GetCursorOrData"]}}]`
	if _, err := call("PutDataEventSelector", map[string]string{"TrailName": "audit-data", "EventSelectors": selectors}); err != nil {
		t.Fatal(err)
	}
	got, err := call("GetDataEventSelector", map[string]string{"TrailName": "audit-data"})
	if err != nil || got["DataEventSelectors"] != selectors {
		t.Errorf("selectors: %v, %v", got, err)
	}
	if list, err := call("ListDataEventSelectors", nil); err != nil || !strings.Contains(fmt.Sprint(list), "audit-data") {
		t.Errorf("list: %v, %v", list, err)
	}
	if _, err := c.StartLogging(&actiontrail.StartLoggingRequest{Name: tea.String("audit-data")}); err != nil {
		t.Fatal(err)
	}
	env.OK(t, testenv.Call{Project: "web", Target: "/logstores/store000/shards/0?type=cursor&from=begin"})
	eventually(t, func() bool {
		return slices.Contains(eventsIn(t, env, "audit", "actiontrail_audit-data"), "GetCursorOrData web;store000")
	})
	if found := find(t, c, "EventName", "GetCursorOrData"); len(found) > 0 {
		t.Errorf("the history shows data events: %v", found)
	}
	for text, code := range map[string]string{
		`{}`: "InvalidEventSelectors", `[{"ServiceName":"Oss"}]`: "InvalidEventSelectors", `[{"ServiceName":"Sls","ResourceArn":{"Equals":["x"]}}]`: "InvalidEventSelectors",
		`[{"ServiceName":"Sls","ReadWriteType":"Read"}]`: "UnsupportedOperation",
	} {
		_, err := call("PutDataEventSelector", map[string]string{"TrailName": "audit-data", "EventSelectors": text})
		wantCode(t, text, err, code, 400)
	}
	if _, err := call("DeleteDataEventSelector", map[string]string{"TrailName": "audit-data"}); err != nil {
		t.Error(err)
	}
	if got, err := call("GetDataEventSelector", map[string]string{"TrailName": "audit-data"}); err != nil || got["DataEventSelectors"] != "[]" {
		t.Errorf("no selectors: %v, %v", got, err)
	}
}

// What a key was last used for.
func TestAccessKeyLastUsed(t *testing.T) {
	env := testenv.Start(t, audited)
	c := trailClient(t, env, nil, testenv.RootKey)
	makeProject(t, env, "web", 2)
	key := tea.String(testenv.RootID)
	info, err := c.GetAccessKeyLastUsedInfo(&actiontrail.GetAccessKeyLastUsedInfoRequest{AccessKey: key})
	if err != nil || *info.Body.UserName != "root" || *info.Body.AccountType != "root-account" || *info.Body.UsedTimestamp == 0 || *info.Body.ServiceName == "" {
		t.Fatalf("info: %v, %v", info, err)
	}
	events, err := c.GetAccessKeyLastUsedEvents(&actiontrail.GetAccessKeyLastUsedEventsRequest{AccessKey: key, ServiceName: tea.String("Sls"), PageSize: tea.String("1")})
	if err != nil || len(events.Body.Events) != 1 || *events.Body.Events[0].EventName != "CreateLogStore" || tea.StringValue(events.Body.NextToken) == "" {
		t.Fatalf("events: %v, %v", events, err)
	}
	events, err = c.GetAccessKeyLastUsedEvents(&actiontrail.GetAccessKeyLastUsedEventsRequest{
		AccessKey: key, ServiceName: tea.String("Sls"), PageSize: tea.String("1"), NextToken: events.Body.NextToken,
	})
	if err != nil || len(events.Body.Events) != 1 || *events.Body.Events[0].EventName != "CreateProject" {
		t.Fatalf("the next: %v, %v", events, err)
	}
	ips, err := c.GetAccessKeyLastUsedIps(&actiontrail.GetAccessKeyLastUsedIpsRequest{AccessKey: key})
	if err != nil || len(ips.Body.Ips) != 1 || *ips.Body.Ips[0].Ip != "127.0.0.1" {
		t.Errorf("addresses: %v, %v", ips, err)
	}
	products, err := c.GetAccessKeyLastUsedProducts(&actiontrail.GetAccessKeyLastUsedProductsRequest{AccessKey: key})
	if err != nil || len(products.Body.Products) == 0 {
		t.Errorf("products: %v, %v", products, err)
	}
	resources, err := c.GetAccessKeyLastUsedResources(&actiontrail.GetAccessKeyLastUsedResourcesRequest{AccessKey: key, ServiceName: tea.String("Sls")})
	if err != nil || len(resources.Body.Resources) != 3 || *resources.Body.Resources[0].ResourceName != "web;store001" {
		t.Errorf("resources: %v, %v", resources, err)
	}
	never, err := c.GetAccessKeyLastUsedInfo(&actiontrail.GetAccessKeyLastUsedInfoRequest{AccessKey: tea.String("never")})
	if err != nil || never.Body.UsedTimestamp != nil {
		t.Errorf("a key that was never used: %v, %v", never, err)
	}
}

// There is one region.
func TestRegions(t *testing.T) {
	env := testenv.Start(t, audited)
	c := trailClient(t, env, nil, testenv.RootKey)
	regions, err := c.DescribeRegions(&actiontrail.DescribeRegionsRequest{})
	if err != nil || len(regions.Body.Regions.Region) != 1 || *regions.Body.Regions.Region[0].RegionId != "local" || *regions.Body.Regions.Region[0].RegionEndpoint != env.Addr {
		t.Errorf("regions: %v, %v", regions, err)
	}
	where, err := c.GetGlobalEventsStorageRegion()
	if err != nil || *where.Body.StorageRegion != "local" {
		t.Errorf("global events: %v, %v", where, err)
	}
	if _, err := c.UpdateGlobalEventsStorageRegion(&actiontrail.UpdateGlobalEventsStorageRegionRequest{StorageRegion: tea.String("local")}); err != nil {
		t.Error(err)
	}
	_, err = c.UpdateGlobalEventsStorageRegion(&actiontrail.UpdateGlobalEventsStorageRegionRequest{StorageRegion: tea.String("cn-hangzhou")})
	wantCode(t, "another region", err, "InvalidStorageRegion", 400)
}
