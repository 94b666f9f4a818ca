package sls_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/iam"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/internal/wire/sls"
)

// A metric store is a logstore, and has a path as either: what denies one denies the other, for every action that there is on both.
func TestMetricStoresAreLogstoresToPolicies(t *testing.T) {
	p := newPlace(t)
	who := p.user(p.home, "who", "AdministratorAccess")
	checked := 0
	for _, r := range sls.Routes() {
		own, ok := strings.CutPrefix(r.Resource, "metricstore/{")
		if !ok {
			if own, ok = strings.CutPrefix(r.Resource, "logstore/{"); !ok || !strings.Contains(r.Action, "LogStore") {
				continue
			}
		}
		other := strings.NewReplacer("MetricStore", "LogStore", "LogStore", "MetricStore").Replace(r.Permission)
		if own != "logstore}" || !known(other) {
			continue
		}
		checked++
		twin := "metricstore/access"
		if strings.HasPrefix(r.Resource, "metricstore") {
			twin = "logstore/access"
		}
		for _, denied := range []struct {
			action, object string
			may            bool
		}{
			{other, twin, false}, {"log:*", twin, false}, {other, twin + "x", true}, {"log:Nothing", twin, true},
		} {
			p.deny("who", denied.action, "acs:log:*:*:project/web/"+denied.object)
			if got := p.ask(r, &who); (got != "Unauthorized") != denied.may {
				t.Errorf("%s, denied %s on %s: got %q", r.Action, denied.action, denied.object, got)
			}
		}
	}
	if checked < 10 {
		t.Errorf("only %d routes were looked at", checked)
	}
}

// Who may make no logstore makes no metric store, which is one, and the other way round.
func TestMetricStoresAreMadeAsLogstoresAre(t *testing.T) {
	env := hub(t)
	deny := func(action, object string) {
		t.Helper()
		env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/policy", Body: fmt.Appendf(nil,
			`{"Version":"1","Statement":[{"Effect":"Deny","Action":%q,"Resource":"acs:log:*:*:project/web/%s","Condition":{"NotIpAddress":{"acs:SourceIp":"192.0.2.7"}}}]}`, action, object)})
	}
	metric := testenv.Call{Method: "POST", Project: "web", Target: "/metricstores", Body: []byte(`{"name":"metrics","shardCount":1,"ttl":1}`)}
	logstore := testenv.Call{Method: "POST", Project: "web", Target: "/logstores", Body: []byte(`{"logstoreName":"metrics","shardCount":1,"ttl":1,"telemetryType":"Metrics"}`)}
	deny("log:CreateLogStore", "logstore/metrics")
	if a := env.Do(t, metric); a.Code != "Unauthorized" {
		t.Errorf("a metric store: got %d %s", a.Status, a.Code)
	}
	deny("log:CreateMetricStore", "metricstore/*")
	if a := env.Do(t, logstore); a.Code != "Unauthorized" {
		t.Errorf("a logstore of metrics: got %d %s", a.Status, a.Code)
	}
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/logstores", Body: []byte(`{"logstoreName":"plain","shardCount":1,"ttl":1}`)})
	deny("log:CreateMetricStore", "metricstore/other")
	env.OK(t, metric)
}

// Who may not let logs be modified does so neither with a call that makes a logstore nor with one that changes it.
func TestNoOtherWayToLetLogsBeModified(t *testing.T) {
	env := hub(t)
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/policy", Body: []byte(
		`{"Version":"1","Statement":[{"Effect":"Deny","Action":"log:EnableLogStoreModify","Resource":"acs:log:*:*:project/web/logstore/kept*","Condition":{"NotIpAddress":{"acs:SourceIp":"192.0.2.7"}}}]}`)})
	create := func(name, rest string) testenv.Call {
		return testenv.Call{Method: "POST", Project: "web", Target: "/logstores", Body: fmt.Appendf(nil, `{"logstoreName":%q,"shardCount":1,"ttl":1%s}`, name, rest)}
	}
	update := func(name, rest string) testenv.Call {
		return testenv.Call{Method: "PUT", Project: "web", Target: "/logstores/" + name, Body: fmt.Appendf(nil, `{"logstoreName":%q,"ttl":2%s}`, name, rest)}
	}
	const modify = `,"enableModify":true`
	env.OK(t, create("kept", ""))
	env.OK(t, create("free", modify))
	env.OK(t, update("kept", ""))
	env.OK(t, update("free", modify))
	metric := func(method, path, name, rest string) testenv.Call {
		return testenv.Call{Method: method, Project: "web", Target: "/metricstores" + path, Body: fmt.Appendf(nil, `{"name":%q,"ttl":1,"shardCount":1%s}`, name, rest)}
	}
	env.OK(t, metric("POST", "", "kept-metrics", ""))
	env.OK(t, metric("PUT", "/kept-metrics", "kept-metrics", ""))
	for what, call := range map[string]testenv.Call{
		"made":                            create("kept-too", modify),
		"changed":                         update("kept", modify),
		"made for metrics":                metric("POST", "", "kept-metrics-too", modify),
		"changed, one for metrics":        metric("PUT", "/kept-metrics", "kept-metrics", modify),
		"changed, with the call for that": {Method: "PUT", Project: "web", Target: "/logstores/kept/modification", Body: []byte(`{"enabled":true}`)},
	} {
		if a := env.Do(t, call); a.Code != "Unauthorized" {
			t.Errorf("%s: got %d %s", what, a.Status, a.Code)
		}
	}
}

// known reports whether there is a route with a permission.
func known(permission string) bool {
	for _, r := range sls.Routes() {
		if r.Permission == permission {
			return true
		}
	}
	return false
}

// deny gives a user a policy that denies one thing, beside what he has.
func (p *place) deny(user, action, resource string) {
	p.t.Helper()
	ctx := p.t.Context()
	custom := iam.Attached{Type: iam.Custom, Name: "deny-" + user}
	if _, err := p.directory.Policy(ctx, p.home, custom); err == nil {
		p.must(p.directory.Detach(ctx, p.home, iam.ToUser, user, custom))
		p.must(p.directory.DeletePolicy(ctx, p.home, custom.Name))
	}
	document := fmt.Sprintf(`{"Version":"1","Statement":[{"Effect":"Deny","Action":%q,"Resource":%q}]}`, action, resource)
	_, err := p.directory.CreatePolicy(ctx, p.home, custom.Name, "", document)
	p.must(err)
	p.must(p.directory.Attach(ctx, p.home, iam.ToUser, user, custom))
}

func TestResourcePoliciesOverTheWire(t *testing.T) {
	env := hub(t)
	const path = "/resource-policies"
	put := func(kind, name, document string, dry bool) testenv.Call {
		body, err := json.Marshal(map[string]any{"resourceType": kind, "resourceName": name, "policyDocument": document, "dryRun": dry})
		if err != nil {
			t.Fatal(err)
		}
		return testenv.Call{Method: "PUT", Project: "web", Target: path, Body: body}
	}
	on := func(method, query string) testenv.Call {
		return testenv.Call{Method: method, Project: "web", Target: path + "?" + query}
	}
	const deny = `{ "Version":"1","Statement":[{"Effect":"Deny","Action":"log:GetLogStore","Resource":"*","Condition":{"NotIpAddress":{"acs:SourceIp":"192.0.2.0/24"}}}]}`
	project, store := "resourceType=project", "resourceType=logstore&resourceName=access"
	code := func(what string, c testenv.Call, want string) {
		t.Helper()
		if a := env.Do(t, c); a.Code != want {
			t.Errorf("%s: got %d %s %q, want %q", what, a.Status, a.Code, a.Message, want)
		}
	}
	look := testenv.Call{Project: "web", Target: "/logstores/access"}
	code("nothing is set", on("GET", project), "ResourcePolicyNotExist")
	code("nothing is set", on("DELETE", store), "ResourcePolicyNotExist")
	code("a dry run", put("logstore", "access", deny, true), "")
	code("sets nothing", on("GET", store), "ResourcePolicyNotExist")
	code("a bad document", put("logstore", "access", `{}`, true), "ParameterInvalid")
	code("no document", put("logstore", "access", "", false), "ParameterInvalid")
	code("of no logstore", put("logstore", "none", deny, false), "LogStoreNotExist")
	code("of a logstore without a name", put("logstore", "", deny, false), "ParameterInvalid")
	code("of another project", put("project", "other", deny, false), "ParameterInvalid")
	code("of a dashboard", put("dashboard", "d", deny, false), "ParameterInvalid")

	code("before", look, "")
	code("set", put("logstore", "access", deny, false), "")
	code("in force", look, "Unauthorized")
	var got struct {
		ResourceType, ResourceName, PolicyDocument string
		Revision, CreateTime, UpdateTime           int64
	}
	env.JSON(t, on("GET", store), &got)
	if got.PolicyDocument != deny || got.ResourceType != "logstore" || got.ResourceName != "access" || got.CreateTime == 0 || got.UpdateTime == 0 {
		t.Errorf("got %+v", got)
	}
	revision := got.Revision
	code("set again", put("logstore", "access", deny, false), "")
	env.JSON(t, on("GET", store), &got)
	if got.Revision < revision {
		t.Errorf("revision %d came after %d", got.Revision, revision)
	}
	code("taken away", on("DELETE", store), "")
	code("after", look, "")

	code("the project's", put("project", "", deny, false), "")
	code("in force", look, "Unauthorized")
	if a := env.OK(t, testenv.Call{Project: "web", Target: "/policy"}); string(a.Body) != deny {
		t.Errorf("got %q", a.Body)
	}
	code("taken away", on("DELETE", project), "")
	code("after", look, "")
}

// Who may change the policy of one logstore may not change that of another, nor the project's.
func TestResourcePoliciesAskForTheirObject(t *testing.T) {
	p := newPlace(t)
	who := p.user(p.home, "exact", "")
	for _, action := range []string{"GetResourcePolicy", "DeleteResourcePolicy"} {
		p.allow("exact", "log:"+action, "acs:log:*:*:project/web/logstore/access")
		for query, may := range map[string]bool{
			"?resourceType=logstore&resourceName=access": true, "?resourceType=logstore&resourceName=other": false, "?resourceType=project": false, "": false,
		} {
			r := route(t, action)
			r.Path += query
			if got := p.ask(r, &who); (got != "Unauthorized") != may {
				t.Errorf("%s %s: got %q", action, query, got)
			}
		}
	}
}

func route(t *testing.T, action string) sls.Route {
	t.Helper()
	for _, r := range sls.Routes() {
		if r.Action == action {
			return r
		}
	}
	t.Fatalf("there is no action %s", action)
	return sls.Route{}
}
