package sls_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/operation"
	"github.com/sluicelog/sluice/internal/wire/sls"
)

// Every action has a line in the table of operations, which says that it changes something if its row here does.
func TestEveryRouteHasAnOperation(t *testing.T) {
	differs := []string{
		"DeleteAsyncSQL", // a query of one's own ends
		"PutWebtracking", // its OPTIONS, which browsers ask first, changes nothing
	}
	for _, r := range sls.Routes() {
		o := operation.Find(trail.ServiceSLS, r.Action)
		if !o.Known {
			t.Errorf("%s has no line in the table of operations", r.Action)
		}
		if o.ReadOnly == r.Mutating && !slices.Contains(differs, r.Action) {
			t.Errorf("%s is mutating: %t, and read-only as an operation: %t", r.Action, r.Mutating, o.ReadOnly)
		}
	}
}

// inRecord is a request of a route for the project of the audit events.
func inRecord(r sls.Route) testenv.Call {
	c := example(r)
	if c.Project != "" {
		c.Project = trail.Project
	}
	c.Target = strings.NewReplacer("/access", "/"+trail.Events.Logstore, "/web/", "/"+trail.Project+"/").Replace(c.Target)
	switch {
	case r.Action == "CreateProject" || r.Action == "CreateLogStore":
		c.Body = []byte(`{"projectName":"` + trail.Project + `","logstoreName":"events2","ttl":1,"shardCount":1}`)
	case r.Late && r.Host == sls.OnProject:
		c.Body = []byte(`{"resourceType":"project","logstore":"` + trail.Events.Logstore + `","query":"* | select 1","policyDocument":"{\"Version\":\"1\",\"Statement\":[]}"}`)
		c.Target += "?resourceType=project"
	case r.Late:
		c.Body = []byte(`{"resourceType":"PROJECT","resourceId":["` + trail.Project + `"],"tags":[{"key":"a","value":"b"}],"resourceGroupId":"x"}`)
		c.Project = ""
		if strings.HasPrefix(r.Action, "Untag") {
			c.Body = []byte(`{"resourceType":"PROJECT","resourceId":["` + trail.Project + `"],"tags":["a"]}`)
		}
		if r.Action == "ChangeResourceGroup" {
			c.Body = []byte(`{"resourceType":"PROJECT","resourceId":"` + trail.Project + `","resourceGroupId":"x"}`)
		}
	case r.Mutating && c.Body == nil:
		c.Body = []byte(`{"ttl":1,"keys":{},"line":{"token":[","]},"checkpoint":"x","name":"x"}`)
	}
	return c
}

// state is all that could be changed of the logstore of the audit events from outside.
func state(t *testing.T, env *testenv.Env) string {
	t.Helper()
	l, err := env.Node.Catalog.Logstore(t.Context(), trail.Events)
	if err != nil {
		t.Fatal(err)
	}
	project, err := env.Node.Catalog.Project(t.Context(), trail.Project)
	if err != nil {
		t.Fatal(err)
	}
	index, err := env.Node.Catalog.Index(t.Context(), trail.Events)
	if err != nil {
		t.Fatal(err)
	}
	names, _, err := env.Node.Catalog.Logstores(t.Context(), trail.Project, catalog.LogstoreFilter{})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%+v %+v %d %v %s %v", project, l.Logstore, len(l.Shards), l.Shards[0].ReadOnly, index.Config, names)
}

// Nobody touches the record, the root neither; and nobody else reads it.
func TestNobodyChangesTheRecord(t *testing.T) {
	env := hub(t)
	before := state(t, env)
	var made struct{ AccessKeyID, AccessKeySecret string }
	env.JSON(t, testenv.Call{Method: "POST", Target: "/sluice/v1/accounts", Body: []byte(`{"name":"far"}`)}, &made)
	far := &testenv.Key{ID: made.AccessKeyID, Secret: made.AccessKeySecret}
	plainKey := makeKey(t, env, `{}`)
	plain := &plainKey
	calls := 0
	for _, r := range sls.Routes() {
		c := inRecord(r)
		if r.Host == sls.OnBare && !r.Late {
			continue
		}
		if strings.HasPrefix(r.Resource, "/") { // of the account, whatever the host
			continue
		}
		for _, key := range []*testenv.Key{nil, plain, far} {
			if key != nil && !r.Mutating && (r.Host == sls.OnAny || r.Action == "ListTagResources" || r.Action == "ListSystemTagResources") {
				continue
			}
			if r.Action == "TailLogs" && key == nil {
				continue // one that is allowed does not end
			}
			c.Key = key
			a := env.Do(t, c)
			calls++
			reads := !r.Mutating && key == nil // what the root may
			if refused := a.Status == 401 || a.Status == 403; !refused && !reads && r.Method != http.MethodOptions {
				t.Errorf("%s (%s %s): got %d %s %s", r.Action, r.Method, c.Target, a.Status, a.Code, a.Message)
			}
		}
	}
	if after := state(t, env); after != before {
		t.Errorf("the record was changed\nfrom %s\nto   %s", before, after)
	}
	group := &sluice.LogGroup{Records: []sluice.Record{{Time: 1, Fields: []sluice.Field{{Key: "a", Value: "b"}}}}}
	if _, _, err := env.Node.Ingest.Append(t.Context(), trail.Events, group); sluice.KindOf(err) != sluice.Unauthorized {
		t.Errorf("a part of the server writes into the record: %v", err)
	}
	if a := env.Do(t, testenv.Call{Method: "POST", Project: "web", Target: "/sluice/v1/deliveries", Body: []byte(
		`{"name":"t","source":{"logstore":"access"},"sink":{"type":"sls","project":"sluice-trail","logstore":"events"}}`)}); a.Code != "Unauthorized" {
		t.Errorf("a delivery task into the record: %d %s %s", a.Status, a.Code, a.Message)
	}
	ctx, cat := t.Context(), env.Node.Catalog
	_, split := cat.Split(ctx, trail.Events, 0, nil, 2)
	_, merge := cat.Merge(ctx, trail.Events, 0)
	for what, err := range map[string]error{
		"split": split, "merge": merge, "delete shard": cat.DeleteShard(ctx, trail.Events, 0),
		"delete project": cat.DeleteProject(ctx, trail.Project), "update project": cat.UpdateProject(ctx, trail.Project, func(*meta.Project) {}),
		"create logstore": cat.CreateLogstore(ctx, meta.Logstore{Project: trail.Project, Name: "more", TTLDays: 1}, 1),
		"update logstore": cat.UpdateLogstore(ctx, trail.Events, func(*meta.Logstore) error { return nil }),
		"delete logstore": cat.DeleteLogstore(ctx, trail.Events), "update index": cat.UpdateIndex(ctx, trail.Events, json.RawMessage(`{"keys":{}}`)),
		"create index": cat.CreateIndex(ctx, trail.Events, json.RawMessage(`{"keys":{}}`)), "delete index": cat.DeleteIndex(ctx, trail.Events),
	} {
		if sluice.KindOf(err) != sluice.Unauthorized {
			t.Errorf("%s, by a part of the server: %v", what, err)
		}
	}
	var list struct {
		Projects []struct{ ProjectName string }
	}
	env.JSON(t, testenv.Call{Target: "/"}, &list)
	for _, p := range list.Projects {
		if p.ProjectName == trail.Project {
			t.Error("lists of projects have it")
		}
	}
	refused := 0
	for _, e := range env.Events(t) {
		if e.Status == 401 || e.Status == 403 {
			refused++
		}
	}
	if refused < calls/3 {
		t.Errorf("%d refusals are recorded, of %d calls", refused, calls)
	}
}

// The installation's root reads the record like any logstore, by pull and by search.
func TestRootReadsTheRecord(t *testing.T) {
	env := hub(t)
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/logstores", Body: []byte(`{"logstoreName":"seen","ttl":1,"shardCount":1}`)})
	env.Events(t)
	if err := env.Node.Index.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := env.OK(t, testenv.Call{Project: trail.Project, Target: "/logstores/events?type=log&from=0&to=4000000000&line=10&query=eventName%3ACreateLogStore%20and%20resourceName%3Aseen"})
	var logs []map[string]string
	if err := json.Unmarshal(a.Body, &logs); err != nil || len(logs) != 1 {
		t.Fatalf("%d logs are found, want the one event: %s", len(logs), a.Body)
	}
	var e trail.Event
	if err := json.Unmarshal([]byte(logs[0][trail.FieldEvent]), &e); err != nil {
		t.Fatal(err)
	}
	if e.Identity.Kind != trail.Root || e.Identity.AccessKey != testenv.RootID || e.ReadOnly || e.Account == "" || !e.Source.IsLoopback() || e.APIVersion != "0.6.0" ||
		e.Additional["SignatureVersion"] != "LOG-HMAC-SHA1" || fmt.Sprint(e.Request) != "map[logstoreName:seen shardCount:1 ttl:1]" {
		t.Errorf("got %+v", e)
	}
}

// lines is what a logger writes.
type lines struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

const canary = "canary-4711-sings"

// planted is an object with a secret in every kind of place.
func planted() map[string]any {
	secret := map[string]any{"password": canary, "x": canary, "nested": map[string]any{"secretKey": canary, "list": []any{canary, map[string]any{"y": canary}}}}
	text, _ := json.Marshal(secret)
	o := map[string]any{
		"password": canary, "accessKeySecret": canary, "access_key_secret": canary, "token": canary, "unheardOf": canary, "list": []any{canary},
		"nested": secret, "text": string(text), "url": "https://me:" + canary + "@h.example/p?key=" + canary, "SecurityToken": canary, "plugin": secret,
		"inputDetail": secret, "outputDetail": secret, "tags": []any{map[string]any{"key": "k", "value": canary}}, "parameter": secret, "charts": []any{secret},
		"sink": secret, "configuration": secret, "targetConfiguration": secret, "machineList": []any{canary}, "body": canary, "value": canary,
	}
	return o
}

// Secrets that are planted in every parameter, header and member of the body of every route are in no event, no line of the access log and no metric.
func TestSecretsAreNotRecorded(t *testing.T) {
	var log lines
	env := testenv.StartLogged(t, &log)
	env.OK(t, testenv.Call{Method: "POST", Target: "/", Body: []byte(`{"projectName":"web","description":"d"}`)})
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/logstores", Body: []byte(`{"logstoreName":"access","ttl":1,"shardCount":1}`)})
	env.Node.Audit.Select(func(*trail.Event) bool { return true })
	for _, r := range sls.Routes() {
		if r.Action == "DeleteProject" || r.Action == "DeleteLogStore" || r.Action == "TailLogs" || r.Action == "CreateBackup" {
			continue // the rest need what it removes, and a tail does not end
		}
		c := example(r)
		var body map[string]any
		if len(c.Body) > 0 {
			if err := json.Unmarshal(c.Body, &body); err != nil {
				t.Fatal(err)
			}
		}
		o := planted()
		for name, value := range body {
			o[name] = value
		}
		c.Body, _ = json.Marshal(o)
		more := "?"
		if strings.Contains(c.Target, "?") {
			more = "&"
		}
		c.Target += more + "secretKey=" + canary + "&unheardOf=" + canary + "&SecurityToken=" + canary
		c.Header = map[string]string{
			"Cookie": canary, "X-Unheard-Of": canary, "X-Api-Key": canary, "Content-Type": "application/json", "X-Log-Token": canary,
		}
		env.Do(t, c)
		c.Header["x-acs-security-token"] = canary // which refuses it
		env.Do(t, c)
		c.Spoil = func(r *http.Request) { r.Header.Set("Authorization", "LOG "+testenv.RootID+":"+canary) }
		env.Do(t, c)
	}
	resp, err := env.Client().Get(env.URL() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	events := env.Events(t)
	if len(events) < 2*len(sls.Routes()) {
		t.Errorf("%d events of %d routes", len(events), len(sls.Routes()))
	}
	for _, e := range events {
		if raw, _ := json.Marshal(e); bytes.Contains(raw, []byte(canary)) {
			t.Errorf("event: %s", raw)
		}
	}
	if bytes.Contains(metrics, []byte(canary)) {
		t.Error("metrics have the secret")
	}
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, canary) {
			t.Errorf("log: %.600s", line)
		}
	}
}
