package control_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/control"
	"github.com/sluicelog/sluice/internal/meta"
)

// app is a log audit with more variables than the account that it has to have.
func app(more string) string {
	return `{"appName":"audit","displayName":"security","config":{"initParam":{"aliuid":"1",` + more + `}}}`
}

// policy is a collection policy with more members.
func policy(more string) string {
	return `{"policyName":"abc","dataCode":"access_log","policyConfig":{"resourceMode":"all"},` + more + `}`
}

// What the kinds ask of their documents: the first of each is right, each of the others is wrong in the way that its error says.
func TestChecksOfKinds(t *testing.T) {
	for _, c := range []struct {
		kind  *control.Kind
		at    control.Place
		right []string
		wrong map[string]string // a document, and a part of what is said of it
	}{
		{control.MachineGroups, web, []string{
			`{"groupName":"g01","machineIdentifyType":"ip","machineList":["10.0.0.1"]}`,
			`{"groupName":"g02","groupType":"Armory","machineIdentifyType":"userdefined","groupAttribute":{"groupTopic":""}}`,
		}, map[string]string{
			`{"groupName":"ggg"}`:                                                         "machineIdentifyType is missing",
			`{"groupName":"ggg","machineIdentifyType":"mac"}`:                             "neither ip nor userdefined",
			`{"groupName":"ggg","machineIdentifyType":"ip","machineList":"a"}`:            "machineList is a text",
			`{"groupName":"ggg","machineIdentifyType":"ip","machineList":[1]}`:            "not an array of texts",
			`{"groupName":"ggg","machineIdentifyType":"ip","groupType":"x"}`:              "neither empty nor Armory",
			`{"groupName":"ggg","machineIdentifyType":"ip","groupAttribute":[]}`:          "groupAttribute is an array",
			`{"groupName":"Upper","machineIdentifyType":"ip"}`:                            "3 to 128 lower-case",
			`{"groupName":"` + strings.Repeat("a", 129) + `","machineIdentifyType":"ip"}`: "3 to 128 lower-case",
		}},
		{control.Configs, web, []string{
			string(config("json")),
			`{"configName":"Old.Name","inputType":"plugin","inputDetail":{"plugin":{}},"outputDetail":{"logstoreName":"l"}}`,
			`{"configName":"syslog","inputType":"syslog","inputDetail":{"tag":"t"},"outputDetail":{"logstoreName":"l"}}`,
			`{"configName":"stream","inputType":"streamlog","inputDetail":{},"outputDetail":{"logstoreName":"l"}}`,
			`{"configName":"apsara","inputType":"file","inputDetail":{"logType":"apsara_log","logPath":"/","filePattern":"*"},"outputDetail":{"logstoreName":"l"}}`,
			`{"configName":"regex","inputType":"file","inputDetail":{"logType":"common_reg_log","logPath":"/","filePattern":"*","regex":"(.*)","key":["a"]},"outputDetail":{"logstoreName":"l"}}`,
			`{"configName":"delimiter","inputType":"file","inputDetail":{"logType":"delimiter_log","logPath":"/","filePattern":"*","separator":"|","key":["a"]},"outputDetail":{"logstoreName":"l"}}`,
		}, map[string]string{
			`{"configName":"cc"}`: "inputType is missing",
			`{"configName":"cc","inputType":"file","inputDetail":[],"outputDetail":{"logstoreName":"l"}}`:                                                                       "inputDetail is an array",
			`{"configName":"cc","inputType":"file","inputDetail":{},"outputDetail":{}}`:                                                                                         "outputDetail.logstoreName is missing",
			`{"configName":"cc","inputType":"file","inputDetail":{},"outputDetail":{"logstoreName":""}}`:                                                                        "logstoreName is empty",
			`{"configName":"cc","inputType":"tape","inputDetail":{},"outputDetail":{"logstoreName":"l"}}`:                                                                       `inputType "tape" is none of`,
			`{"configName":"cc","inputType":"file","inputDetail":{},"outputDetail":{"logstoreName":"l"}}`:                                                                       "inputDetail.logType is missing",
			`{"configName":"cc","inputType":"file","inputDetail":{"logType":"xml"},"outputDetail":{"logstoreName":"l"}}`:                                                        `logType "xml" is none of`,
			`{"configName":"cc","inputType":"file","inputDetail":{"logType":"json_log"},"outputDetail":{"logstoreName":"l"}}`:                                                   "inputDetail.logPath is missing",
			`{"configName":"cc","inputType":"file","inputDetail":{"logType":"delimiter_log","logPath":"/","filePattern":"*","key":[]},"outputDetail":{"logstoreName":"l"}}`:     "separator is missing",
			`{"configName":"cc","inputType":"file","inputDetail":{"logType":"json_log","logPath":"/","filePattern":"*","filterKey":["a"]},"outputDetail":{"logstoreName":"l"}}`: "go in pairs",
			`{"configName":"cc","inputType":"plugin","inputDetail":{},"outputDetail":{"logstoreName":"l"}}`:                                                                     "inputDetail.plugin is missing",
			`{"configName":"cc","inputType":"syslog","inputDetail":{},"outputDetail":{"logstoreName":"l"}}`:                                                                     "inputDetail.tag is missing",
			`{"configName":"../x","inputType":"plugin","inputDetail":{"plugin":{}},"outputDetail":{"logstoreName":"l"}}`:                                                        "1 to 128 letters",
		}},
		{control.PipelineConfigs, web, []string{
			`{"configName":"p1","inputs":[{"Type":"input_file"}],"flushers":[{"Type":"flusher_sls"}],"processors":[]}`,
		}, map[string]string{
			`{"configName":"p2","inputs":[],"flushers":[]}`:                                  "an input and a flusher at least",
			`{"configName":"p2","inputs":[{}],"flushers":[{"Type":"f"}]}`:                    "inputs[0].Type is missing",
			`{"configName":"p2","inputs":[{"Type":"i"}],"flushers":["f"]}`:                   "flushers[0] is a text",
			`{"configName":"p2","inputs":[{"Type":"i"}],"flushers":[{"Type":"f"}],"task":1}`: "task is a number",
		}},
		{control.Dashboards, web, []string{`{"dashboardName":"d1","charts":[{"title":"a"}]}`, `{"dashboardName":"Überblick 1"}`}, map[string]string{
			`{"dashboardName":"d2","charts":{}}`:     "charts is an object",
			`{"dashboardName":"d2","charts":[1]}`:    "not an array of objects",
			`{"dashboardName":"d2","charts":[null]}`: "not an array of objects",
			`{"dashboardName":"d2","charts":[` + strings.TrimSuffix(strings.Repeat(`{},`, 101), ",") + `]}`: "more than 100",
			`{"dashboardName":"a/b"}`: "without /",
		}},
		{control.Jobs, web, []string{
			`{"name":"j1","type":"Alert","configuration":{}}`, `{"name":"j2","type":"ETL","configuration":{},"description":null}`,
		}, map[string]string{
			`{"name":"j3","configuration":{}}`:                            "type is missing",
			`{"name":"j3","type":"Dream","configuration":{}}`:             `type "Dream" is none of`,
			`{"name":"j3","type":"Alert"}`:                                "configuration is missing",
			`{"name":"j3","type":"Alert","configuration":{},"status":1}`:  "status is a number",
			`{"name":"j3","type":"Alert","configuration":{},"state":[1]}`: "state is an array",
			`{"name":"j","type":"Alert","configuration":{}}`:              "2 to 64",
		}},
		{control.StoreViews, web, []string{`{"name":"v1","storeType":"logstore","stores":[{"project":"p","storeName":"s"}]}`}, map[string]string{
			`{"name":"v2","storeType":"x","stores":[{"project":"p","storeName":"s"}]}`: "neither logstore nor metricstore",
			`{"name":"v2","storeType":"logstore","stores":[]}`:                         "stores is empty",
			`{"name":"v2","storeType":"logstore","stores":[{"project":"p"}]}`:          "stores[0] needs",
		}},
		{control.SubStores, access, []string{
			`{"name":"s1","ttl":1,"sortedKeyCount":1,"timeIndex":1,"keys":[{"name":"a","type":"text"},{"name":"t","type":"long"}]}`,
		}, map[string]string{
			`{"name":"s2","ttl":0,"sortedKeyCount":1,"timeIndex":1,"keys":[]}`:                                                        "ttl must be within",
			`{"name":"s2","ttl":1,"sortedKeyCount":0,"timeIndex":1,"keys":[]}`:                                                        "sortedKeyCount must be",
			`{"name":"s2","ttl":1,"sortedKeyCount":1,"timeIndex":0,"keys":[{"name":"a","type":"text"},{"name":"t","type":"long"}]}`:   "timeIndex must be",
			`{"name":"s2","ttl":1,"sortedKeyCount":1,"timeIndex":1,"keys":[{"name":"a","type":"date"},{"name":"t","type":"long"}]}`:   "is none of",
			`{"name":"s2","ttl":1,"sortedKeyCount":1,"timeIndex":1,"keys":[{"name":"a","type":"text"},{"name":"t","type":"text"}]}`:   "has to be long",
			`{"name":"s2","ttl":1,"sortedKeyCount":1,"timeIndex":1,"keys":[{"name":"a","type":"double"},{"name":"t","type":"long"}]}`: "cannot be double",
			`{"name":"s2","ttl":1,"sortedKeyCount":1,"timeIndex":1,"keys":[{"name":"","type":"text"},{"name":"t","type":"long"}]}`:    "name is empty",
			`{"name":"s2","ttl":1.5,"sortedKeyCount":1,"timeIndex":1,"keys":[{"name":"","type":"text"},{"name":"t","type":"long"}]}`:  "cannot unmarshal",
			`{"name":"s2","ttl":"1","sortedKeyCount":1,"timeIndex":1,"keys":[{"name":"a","type":"text"},{"name":"t","type":"long"}]}`: "ttl is a text",
		}},
		{control.Resources, account, []string{`{"name":"sls.common.user","type":"userdefine"}`}, map[string]string{
			`{"name":"r2","schema":{}}`: "schema is an object",
		}},
		{control.CollectionPolicies, account, []string{
			`{"policyName":"oss-logs","productCode":"oss","dataCode":"access_log","enabled":true,"policyConfig":{"resourceMode":"all"}}`,
			`{"policyName":"by_tag","productCode":"slb","dataCode":"access_log","enabled":false,"policyConfig":{"resourceMode":"attributeMode","regions":["*"],"resourceTags":{"a":"b"}},` +
				`"centralizeEnabled":true,"centralizeConfig":{"destRegion":"local","destProject":"p","destLogstore":"l","destTTL":7},"dataConfig":{},"resourceDirectory":{},"attribute":{}}`,
		}, map[string]string{
			`{"policyName":"ab"}`:                     "3 to 63 lower-case",
			`{"policyName":"Abc"}`:                    "3 to 63 lower-case",
			`{"policyName":"abc"}`:                    "productCode is missing",
			policy(`"productCode":"","enabled":true`): "productCode is empty",
			policy(`"productCode":"oss"`):             "enabled is missing",
			policy(`"productCode":"oss","enabled":1`): "enabled is a number",
			policy(`"productCode":"oss","enabled":true,"centralizeConfig":{"destTTL":"7"}`):                                                  "destTTL is a text",
			`{"policyName":"abc","productCode":"a","dataCode":"b","enabled":true,"policyConfig":{}}`:                                         "resourceMode is missing",
			`{"policyName":"abc","productCode":"a","dataCode":"b","enabled":true,"policyConfig":{"resourceMode":"some"}}`:                    `"some" is none of`,
			`{"policyName":"abc","productCode":"a","dataCode":"b","enabled":true,"policyConfig":{"resourceMode":"all","instanceIds":"i-1"}}`: "instanceIds is a text",
		}},
		{control.Apps, account, []string{
			app(`"oss_access_enabled":"true","oss_access_ttl":"7","rds_audit_collection_policy":"accept tag.env == \"prod\"","project":"p","logstore":"slsaudit","region":"local"`),
		}, map[string]string{
			`{"appName":"fraud","displayName":"a","config":{"initParam":{"aliuid":"1"}}}`: "audit, the only one",
			`{"appName":"audit","config":{"initParam":{"aliuid":"1"}}}`:                   "displayName is missing",
			`{"appName":"audit","displayName":"a/b","config":{"initParam":{}}}`:           "without /",
			`{"appName":"audit","displayName":"a","config":{}}`:                           "initParam is missing",
			`{"appName":"audit","displayName":"a","config":{"initParam":{}}}`:             "aliuid is missing",
			`{"appName":"audit","displayName":"a","config":{"initParam":{"aliuid":1}}}`:   "aliuid is a number",
			app(`"aliuid":"1"`):                                     "there twice",
			app(`"oss_access":"true"`):                              "is no variable",
			app(`"_ttl":"7"`):                                       "is no variable",
			app(`"oss_enabled":"on"`):                               "neither true nor false",
			app(`"oss_enabled":true`):                               "oss_enabled is true or false and not a text",
			app(`"oss_ttl":"0"`):                                    "days from 1 to 3650",
			app(`"oss_ttl":"week"`):                                 "days from 1 to 3650",
			app(`"multi_account":"1"`):                              "multi_account is not a list of accounts",
			app(`"multi_account":"[1]"`):                            "multi_account is not a list of accounts",
			app(`"multi_account":"[{}]"`):                           "not the number of an account",
			app(`"multi_account":"[{\"uid\":1},{\"uid\":\"me\"}]"`): `"me" is not the number of an account`,
			app(`"resource_directory":"{}"`):                        "neither custom nor all",
			app(`"resource_directory":"{\"type\":\"all\",\"multi_account\":[1]}"`):      "is not a resource directory",
			app(`"resource_directory":"{\"type\":\"all\",\"multi_account\":[\"me\"]}"`): "not the number of an account",
			app(`"rds_audit_collection_policy":"` + strings.Repeat("a", 64<<10) + `"`):  "may have 65536",
		}},
		{control.MetricsConfigs, web, []string{`{"metricStore":"m1","metricsConfigDetail":"{}"}`}, map[string]string{
			`{"metricStore":"m2"}`: "metricsConfigDetail is missing",
		}},
		{control.ExternalStores, web, []string{`{"externalStoreName":"db","storeType":"rds-vpc","parameter":{}}`}, map[string]string{
			`{"externalStoreName":"dc","storeType":"rds-vpc"}`: "parameter is missing",
		}},
	} {
		e := open(t, control.Options{})
		for _, raw := range c.right {
			if err := e.Create(t.Context(), c.at, c.kind, []byte(raw)); err != nil {
				t.Errorf("%s %s: %v", c.kind.Title, raw, err)
			}
		}
		for raw, says := range c.wrong {
			err := e.Create(t.Context(), c.at, c.kind, []byte(raw))
			wantError(t, c.kind.Title+" "+raw, err, sluice.Invalid, c.kind.Noun)
			if err != nil && !strings.Contains(err.Error(), says) {
				t.Errorf("%s %.200s: error %q does not say %q", c.kind.Title, raw, err, says)
			}
		}
	}
}

// A state follows from what was said and done: of a new job, of switches, of updates that say nothing, of those that say something.
func TestStatesOfJobs(t *testing.T) {
	for _, c := range []struct {
		document string
		do       []string // actions, or documents to update with
		want     string
	}{
		{`{"type":"Alert"}`, nil, "ENABLED"},
		{`{"type":"Alert","state":"Disabled"}`, nil, "DISABLED"},
		{`{"type":"Alert","status":"DISABLED"}`, []string{"enable"}, "ENABLED"},
		{`{"type":"Alert"}`, []string{"disable", `{"type":"Alert"}`}, "DISABLED"},
		{`{"type":"Alert"}`, []string{"disable", `{"type":"Alert","status":"ENABLED"}`}, "ENABLED"},
		{`{"type":"Alert"}`, []string{"disable", `{"displayName":"type left out"}`}, "DISABLED"},
		{`{"type":"ScheduledSQL"}`, nil, "Enabled"},
		{`{"type":"ScheduledSQL"}`, []string{"disable"}, "Disabled"},
		{`{"type":"ETL"}`, nil, "STARTING"},
		{`{"type":"ETL","status":"RUNNING"}`, nil, "STARTING"}, // saying so does not make it run
		{`{"type":"ETL"}`, []string{"STOP"}, "STOPPED"},
		{`{"type":"Ingestion"}`, []string{"STOP", "START"}, "STARTING"},
		{`{"type":"Ingestion"}`, []string{"STOP", "RESTART"}, "STARTING"},
		{`{"type":"Ingestion","schedule":{"type":"Resident"}}`, nil, "STARTING"},
		{`{"type":"Ingestion","schedule":{"type":"FixedRate"}}`, nil, "ENABLED"},
		{`{"type":"Ingestion","schedule":{"type":"FixedRate"}}`, []string{"STOP"}, "STOPPED"},
	} {
		e := open(t, control.Options{})
		full := func(raw string) []byte {
			return []byte(strings.Replace(raw, "{", `{"name":"job","configuration":{},`, 1))
		}
		free := func(string) (bool, error) { return false, nil }
		must(t, e.CreateJob(t.Context(), "web", full(c.document), free))
		for _, do := range c.do {
			switch {
			case do[0] == '{':
				must(t, e.Update(t.Context(), web, control.Jobs, "job", full(do)))
			case do == "RESTART":
				must(t, e.RestartJob(t.Context(), "web", "job", full(c.document)))
			default:
				must(t, e.SwitchJob(t.Context(), "web", "job", do))
				wantError(t, do+" twice", e.SwitchJob(t.Context(), "web", "job", do), sluice.Conflict, "job")
			}
		}
		d, err := e.Get(t.Context(), web, control.Jobs, "job")
		must(t, err)
		if got := d.Text("status"); got != c.want {
			t.Errorf("%s after %q: got status %s, want %s", c.document, c.do, got, c.want)
		}
	}
}

func TestActionsThatAJobDoesNotHave(t *testing.T) {
	e := open(t, control.Options{})
	free := func(string) (bool, error) { return false, nil }
	must(t, e.CreateJob(t.Context(), "web", []byte(`{"name":"alert","type":"Alert","configuration":{}}`), free))
	for _, action := range []string{"START", "STOP", "PAUSE", ""} {
		wantError(t, action, e.SwitchJob(t.Context(), "web", "alert", action), sluice.Invalid, "job")
	}
	wantError(t, "restart", e.RestartJob(t.Context(), "web", "alert", []byte(`{"name":"alert","type":"Alert","configuration":{}}`)), sluice.Invalid, "job")
	taken := func(string) (bool, error) { return true, nil }
	wantError(t, "a name of an export", e.CreateJob(t.Context(), "web", []byte(`{"name":"other","type":"Alert","configuration":{}}`), taken), sluice.AlreadyExists, "job")
	made := false
	reserve := func(name string) error {
		return e.ReserveJob(t.Context(), "web", name, func() error { made = true; return nil })
	}
	wantError(t, "an export of the name of a job", reserve("alert"), sluice.AlreadyExists, "job")
	if made {
		t.Error("it was made all the same")
	}
	if must(t, reserve("export")); !made {
		t.Error("an export with a name of its own was not made")
	}
}

// Secrets lie sealed, are shown as asterisks, stay when those come back, and can be had by who acts on the document.
func TestSecrets(t *testing.T) {
	e := open(t, control.Options{})
	ctx := t.Context()
	at := func(raw string) []byte { return []byte(raw) }
	must(t, e.Create(ctx, web, control.Jobs, at(`{"name":"etl","type":"ETL","configuration":{"accessKeySecret":"first-secret","sinks":[{"accessKeySecret":"second-secret"},{"accessKeySecret":""}]}}`)))
	stored := func() string {
		var d meta.Document
		must(t, e.store.View(ctx, func(tx meta.Tx) (err error) { d, err = tx.Document("web", "job", "etl"); return err }))
		return string(d.Body)
	}
	if strings.Contains(stored(), "-secret") {
		t.Errorf("stored in clear: %s", stored())
	}
	d, err := e.Get(ctx, web, control.Jobs, "etl")
	must(t, err)
	const masked = `{"accessKeySecret":"********","sinks":[{"accessKeySecret":"********"},{"accessKeySecret":""}]}`
	if got := string(d["configuration"]); got != masked {
		t.Errorf("shown: got %s, want %s", got, masked)
	}
	l, err := e.List(ctx, web, control.Jobs, control.Query{Bodies: true})
	must(t, err)
	if got := string(l.Documents[0]["configuration"]); got != masked {
		t.Errorf("listed: got %s", got)
	}

	secrets := func() string {
		t.Helper()
		d, err := e.Reveal(ctx, web, control.Jobs, "etl")
		must(t, err)
		return string(d["configuration"])
	}
	d.Set("displayName", "changed")
	raw, err := json.Marshal(d)
	must(t, err)
	must(t, e.Update(ctx, web, control.Jobs, "etl", raw))
	must(t, e.SwitchJob(ctx, "web", "etl", "STOP"))
	if want := strings.NewReplacer(`{"accessKeySecret":"********","sinks"`, `{"accessKeySecret":"first-secret","sinks"`, "********", "second-secret").Replace(masked); secrets() != want {
		t.Errorf("after an update with asterisks: got %s, want %s", secrets(), want)
	}
	must(t, e.Update(ctx, web, control.Jobs, "etl", at(`{"type":"ETL","configuration":{"accessKeySecret":"third"}}`)))
	if want := `{"accessKeySecret":"third"}`; secrets() != want {
		t.Errorf("after another secret: got %s", secrets())
	}
	err = e.Update(ctx, web, control.Jobs, "etl", at(`{"type":"ETL","configuration":{"sinks":[{"accessKeySecret":"********"}]}}`))
	wantError(t, "asterisks where nothing is kept", err, sluice.Invalid, "job")
	wantError(t, "asterisks in a new document", e.Create(ctx, web, control.ExternalStores,
		at(`{"externalStoreName":"db","storeType":"rds-vpc","parameter":{"password":"********"}}`)), sluice.Invalid, "externalstore")
}

// What goes takes along what hangs on it, and nothing else.
func TestCascades(t *testing.T) {
	e := open(t, control.Options{})
	ctx := t.Context()
	for _, name := range []string{"g-a", "g-b"} {
		must(t, e.Create(ctx, web, control.MachineGroups, group(name)))
	}
	for _, name := range []string{"c1", "c2"} {
		must(t, e.Create(ctx, web, control.Configs, config(name)))
	}
	for _, link := range [][2]string{{"g-a", "c1"}, {"g-a", "c2"}, {"g-b", "c1"}} {
		must(t, e.Apply(ctx, "web", link[0], link[1]))
	}
	groups := func(config string) []string {
		t.Helper()
		names, err := e.AppliedGroups(ctx, "web", config)
		must(t, err)
		return names
	}
	must(t, e.Delete(ctx, web, control.MachineGroups, "g-a"))
	if !slices.Equal(groups("c1"), []string{"g-b"}) || len(groups("c2")) != 0 {
		t.Errorf("after deleting a group: c1 is applied to %q, c2 to %q", groups("c1"), groups("c2"))
	}
	must(t, e.Delete(ctx, web, control.Configs, "c1"))
	must(t, e.Create(ctx, web, control.MachineGroups, group("g-a")))
	pipeline := func(name string) []byte {
		return []byte(`{"configName":"` + name + `","inputs":[{"Type":"i"}],"flushers":[{"Type":"f"}]}`)
	}
	wantError(t, "a pipeline of the name of a config", e.Create(ctx, web, control.PipelineConfigs, pipeline("c2")), sluice.AlreadyExists, "config")
	must(t, e.Create(ctx, web, control.PipelineConfigs, pipeline("p1")))
	wantError(t, "a config of the name of a pipeline", e.Create(ctx, web, control.Configs, config("p1")), sluice.AlreadyExists, "config")
	must(t, e.Apply(ctx, "web", "g-a", "p1"))
	if !slices.Equal(groups("p1"), []string{"g-a"}) {
		t.Errorf("a pipeline is applied to %q", groups("p1"))
	}
	must(t, e.Delete(ctx, web, control.PipelineConfigs, "p1"))
	if names, err := e.AppliedConfigs(ctx, "web", "g-a"); err != nil || len(names) != 0 {
		t.Errorf("a group made again has %q, %v", names, err)
	}

	must(t, e.Create(ctx, account, control.Resources, []byte(`{"name":"users"}`)))
	users := control.Place{Scope: account.Scope, Parent: "users"}
	must(t, e.Create(ctx, users, control.Records, []byte(`{"id":"a@b/c","value":"{}"}`)))
	wantError(t, "a record of no resource", e.Create(ctx, control.Place{Scope: account.Scope, Parent: "none"}, control.Records, []byte(`{"id":"x","value":""}`)), sluice.NotFound, "resource")
	_, err := e.Get(ctx, control.Place{Scope: meta.AccountScope("2"), Parent: "users"}, control.Records, "a@b/c")
	wantError(t, "a record of another account", err, sluice.NotFound, "resource")
	must(t, e.Delete(ctx, account, control.Resources, "users"))
	must(t, e.Create(ctx, account, control.Resources, []byte(`{"name":"users"}`)))
	if l, err := e.List(ctx, users, control.Records, control.Query{}); err != nil || l.Total != 0 {
		t.Errorf("a resource made again has %d records, %v", l.Total, err)
	}
}

// Several documents in one request: all of them or none.
func TestUpsertsAndDeletesAreWhole(t *testing.T) {
	e := open(t, control.Options{})
	ctx := t.Context()
	must(t, e.Create(ctx, account, control.Resources, []byte(`{"name":"users"}`)))
	users := control.Place{Scope: account.Scope, Parent: "users"}
	upsert := func(documents ...json.RawMessage) error { return e.Upsert(ctx, users, control.Records, documents) }
	must(t, upsert(json.RawMessage(`{"id":"a","value":"1"}`), json.RawMessage(`{"id":"b","value":"1"}`)))
	wantError(t, "one is wrong", upsert(json.RawMessage(`{"id":"a","value":"2"}`), json.RawMessage(`{"id":"c","value":2}`)), sluice.Invalid, "record")
	must(t, upsert(json.RawMessage(`{"id":"b","value":"2"}`)))
	wantError(t, "one is missing", e.Delete(ctx, users, control.Records, "a", "none"), sluice.NotFound, "record")
	l, err := e.List(ctx, users, control.Records, control.Query{Bodies: true})
	must(t, err)
	var got []string
	for _, d := range l.Documents {
		got = append(got, d.Text("id")+d.Text("value"))
	}
	if !slices.Equal(got, []string{"a1", "b2"}) {
		t.Errorf("got %q", got)
	}
	must(t, e.Delete(ctx, users, control.Records, "a", "b"))
}

func TestCharts(t *testing.T) {
	e := open(t, control.Options{})
	ctx := t.Context()
	must(t, e.Create(ctx, web, control.Dashboards, []byte(`{"dashboardName":"d","more":1}`)))
	must(t, e.CreateChart(ctx, "web", "d", []byte(`{"title":"a","n":1}`)))
	must(t, e.CreateChart(ctx, "web", "d", []byte(`{"title":"b","n":1}`)))
	wantError(t, "twice", e.CreateChart(ctx, "web", "d", []byte(`{"title":"a"}`)), sluice.AlreadyExists, "chart")
	wantError(t, "no title", e.CreateChart(ctx, "web", "d", []byte(`{"n":1}`)), sluice.Invalid, "dashboard")
	wantError(t, "of no dashboard", e.CreateChart(ctx, "web", "none", []byte(`{"title":"a"}`)), sluice.NotFound, "dashboard")
	wantError(t, "to a title that is there", e.UpdateChart(ctx, "web", "d", "a", []byte(`{"title":"b"}`)), sluice.AlreadyExists, "chart")
	wantError(t, "missing", e.UpdateChart(ctx, "web", "d", "none", []byte(`{"title":"none"}`)), sluice.NotFound, "chart")
	must(t, e.UpdateChart(ctx, "web", "d", "a", []byte(`{"title":"c","n":2}`)))
	chart, err := e.Chart(ctx, "web", "d", "c")
	must(t, err)
	if string(chart["n"]) != "2" {
		t.Errorf("got %v", chart)
	}
	must(t, e.DeleteChart(ctx, "web", "d", "b"))
	wantError(t, "missing", e.DeleteChart(ctx, "web", "d", "b"), sluice.NotFound, "chart")
	d, err := e.Get(ctx, web, control.Dashboards, "d")
	must(t, err)
	if got := string(d["charts"]); got != `[{"n":2,"title":"c"}]` || string(d["more"]) != "1" {
		t.Errorf("got dashboard %v with charts %s", d, got)
	}
}

func TestMachines(t *testing.T) {
	e := open(t, control.Options{})
	ctx := t.Context()
	must(t, e.Create(ctx, web, control.MachineGroups, group("ggg")))
	must(t, e.ChangeMachines(ctx, "web", "ggg", true, []string{"b", "a", "b"}))
	must(t, e.ChangeMachines(ctx, "web", "ggg", false, []string{"a", "x"}))
	kind, ids, err := e.Machines(ctx, "web", "ggg")
	if err != nil || kind != "ip" || !slices.Equal(ids, []string{"b"}) {
		t.Errorf("got %s %q, %v", kind, ids, err)
	}
	wantError(t, "missing", e.ChangeMachines(ctx, "web", "none", true, nil), sluice.NotFound, "machinegroup")
}

func TestSettings(t *testing.T) {
	e := open(t, control.Options{})
	ctx := t.Context()
	_, err := e.Setting(ctx, web, control.Logging)
	wantError(t, "none", err, sluice.NotFound, "logging")
	logging := []byte(`{"loggingProject":"web","loggingDetails":[{"type":"operation_log","logstore":"l"}],"more":1}`)
	wantError(t, "update of none", e.Set(ctx, web, control.Logging, logging, false, true), sluice.NotFound, "logging")
	must(t, e.Set(ctx, web, control.Logging, logging, true, false))
	wantError(t, "made twice", e.Set(ctx, web, control.Logging, logging, true, false), sluice.AlreadyExists, "logging")
	d, err := e.Setting(ctx, web, control.Logging)
	must(t, err)
	if got, _ := json.Marshal(d); string(got) != `{"loggingDetails":[{"type":"operation_log","logstore":"l"}],"loggingProject":"web","more":1}` {
		t.Errorf("got %s", got)
	}
	must(t, e.Unset(ctx, web, control.Logging))
	wantError(t, "gone", e.Unset(ctx, web, control.Logging), sluice.NotFound, "logging")

	d, err = e.Setting(ctx, access, control.MeteringMode)
	must(t, err)
	if d.Text("meteringMode") != "ChargeByFunction" {
		t.Errorf("the default: got %v", d)
	}
	wantError(t, "an unknown mode", e.Set(ctx, access, control.MeteringMode, []byte(`{"meteringMode":"Free"}`), true, true), sluice.Invalid, "meteringmode")
	_, err = e.Setting(ctx, control.Place{Scope: "web", Logstore: "none"}, control.MeteringMode)
	wantError(t, "of a missing logstore", err, sluice.NotFound, "logstore")
}
