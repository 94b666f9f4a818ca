package sls_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
)

// kind is a kind of documents on the wire, with what clients are told of it.
type kind struct {
	path, document           string // with %q for the name
	name                     string
	list                     string // the key of lists, and whether it holds documents
	missing, exists, invalid string
	account                  bool
}

var kinds = []kind{
	{"/machinegroups", `{"groupName":%q,"machineIdentifyType":"ip"}`, "groupName", "machinegroups", "MachineGroupNotExist", "MachineGroupAlreadyExist", "InvalidParameter", false},
	{"/configs", `{"configName":%q,"inputType":"plugin","inputDetail":{"plugin":{}},"outputDetail":{"logstoreName":"access"}}`, "configName", "configs", "ConfigNotExist", "ConfigAlreadyExist", "InvalidParameter", false},
	{"/pipelineconfigs", `{"configName":%q,"inputs":[{"Type":"i"}],"flushers":[{"Type":"f"}]}`, "configName", "configs", "ConfigNotExist", "ConfigAlreadyExist", "InvalidParameter", false},
	{"/savedsearches", `{"savedsearchName":%q}`, "savedsearchName", "savedsearches", "SavedSearchNotExist", "ParameterInvalid", "ParameterInvalid", false},
	{"/dashboards", `{"dashboardName":%q}`, "dashboardName", "dashboards", "DashboardNotExist", "ParameterInvalid", "ParameterInvalid", false},
	{"/jobs", `{"name":%q,"type":"Alert","configuration":{}}`, "name", "results", "JobNotExist", "JobAlreadyExist", "ParameterInvalid", false},
	{"/alerts", `{"name":%q,"configuration":{}}`, "name", "results", "JobNotExist", "JobAlreadyExist", "ParameterInvalid", false},
	{"/etls", `{"name":%q,"configuration":{}}`, "name", "results", "JobNotExist", "JobAlreadyExist", "ParameterInvalid", false},
	{"/scheduledsqls", `{"name":%q,"configuration":{}}`, "name", "results", "JobNotExist", "JobAlreadyExist", "ParameterInvalid", false},
	{"/ossingestions", `{"name":%q,"configuration":{}}`, "name", "results", "JobNotExist", "JobAlreadyExist", "ParameterInvalid", false},
	{"/s3ingestions", `{"name":%q,"configuration":{"source":{"bucket":"b"}}}`, "name", "results", "JobNotExist", "JobAlreadyExist", "ParameterInvalid", false},
	{"/externalstores", `{"externalStoreName":%q,"storeType":"oss","parameter":{}}`, "externalStoreName", "externalstores", "LogStoreNotExist", "ParameterInvalid", "ParameterInvalid", false},
	{"/storeviews", `{"name":%q,"storeType":"logstore","stores":[{"project":"web","storeName":"access"}]}`, "name", "storeviews", "StoreViewNotExist", "AlreadyExist", "ParameterInvalid", false},
	{"/metricsconfigs", `{"metricStore":%q,"metricsConfigDetail":"{}"}`, "metricStore", "", "MetricsConfigNotExist", "AlreadyExist", "ParameterInvalid", false},
	{"/metricstores", `{"name":%q,"shardCount":1,"ttl":1}`, "name", "metricstores", "MetricStoreNotExist", "LogStoreAlreadyExist", "LogStoreInfoInvalid", false},
	{"/logstores/access/substores", `{"name":%q,"ttl":1,"sortedKeyCount":1,"timeIndex":1,"keys":[{"name":"a","type":"text"},{"name":"t","type":"long"}]}`, "name", "substores", "SubStoreNotExist", "AlreadyExist", "ParameterInvalid", false},
	{"/etljobs", `{"etlJobName":%q}`, "etlJobName", "etlJobNameList", "EtlJobNotExist", "AlreadyExist", "ParameterInvalid", false},
	{"/resources", `{"name":%q}`, "name", "items", "ResourceNotExist", "AlreadyExist", "ParameterInvalid", true},
	{"/topostores", `{"name":%q}`, "name", "items", "TopostoreNotExist", "AlreadyExist", "ParameterInvalid", true},
}

func (k kind) call(method, rest, body string) testenv.Call {
	c := testenv.Call{Method: method, Target: k.path + rest, Body: []byte(body), Project: "web"}
	if k.account {
		c.Project = ""
	}
	return c
}

// What clients are told of every kind: statuses, codes, list keys, paging and filters.
func TestControlPlaneAnswers(t *testing.T) {
	env := hub(t)
	for _, k := range kinds {
		t.Run(strings.Trim(k.path, "/"), func(t *testing.T) {
			wantCode := func(what string, c testenv.Call, status int, code string) {
				t.Helper()
				if a := env.Do(t, c); a.Status != status || a.Code != code || status != 200 && a.Message == "" {
					t.Errorf("%s: got %d %s %q, want %d %s", what, a.Status, a.Code, a.Message, status, code)
				}
			}
			prefix := strings.ReplaceAll(strings.TrimPrefix(k.path, "/"), "/", "-")
			for i := range 5 {
				env.OK(t, k.call("POST", "", fmt.Sprintf(k.document, fmt.Sprintf("%s-%d", prefix, i))))
			}
			first := prefix + "-0"
			wantCode("made twice", k.call("POST", "", fmt.Sprintf(k.document, first)), 400, k.exists)
			wantCode("no name", k.call("POST", "", `{}`), 400, k.invalid)
			wantCode("a bad name", k.call("POST", "", fmt.Sprintf(k.document, "/")), 400, k.invalid)
			wantCode("get what is missing", k.call("GET", "/none", ""), 404, k.missing)
			wantCode("put what is missing", k.call("PUT", "/none", fmt.Sprintf(k.document, "none")), 404, k.missing)
			if k.path != "/metricstores" { // a store without text is one with defaults
				wantCode("not JSON", k.call("POST", "", `<xml/>`), 400, k.invalid)
				wantCode("another name than that of the path", k.call("PUT", "/"+first, fmt.Sprintf(k.document, "other")), 400, "BadRequest")
			}
			var d map[string]any
			env.JSON(t, k.call("GET", "/"+first, ""), &d)
			if d[k.name] != first || d["createTime"] == nil {
				t.Errorf("got %v", d)
			}
			env.OK(t, k.call("PUT", "/"+first, fmt.Sprintf(k.document, first)))
			k.pages(t, env, prefix)
			for i := range 5 {
				env.OK(t, k.call("DELETE", fmt.Sprintf("/%s-%d", prefix, i), ""))
			}
			wantCode("get what was deleted", k.call("GET", "/"+first, ""), 404, k.missing)
			if k.path == "/externalstores" { // the one kind that says it in another way there
				wantCode("delete what is missing", k.call("DELETE", "/none", ""), 400, "ParameterInvalid")
			} else {
				wantCode("delete what is missing", k.call("DELETE", "/none", ""), 404, k.missing)
			}
		})
	}
}

// pages reads the list of five documents of these names.
func (k kind) pages(t *testing.T, env *testenv.Env, prefix string) {
	t.Helper()
	if k.list == "" {
		return
	}
	filter := k.name
	switch k.list {
	case "results":
		filter = "jobName"
	case "items":
		filter = "names"
	}
	for _, c := range []struct {
		query string
		names []int
		total int
	}{
		{"", []int{0, 1, 2, 3, 4}, 5},
		{"?offset=&size=", []int{0, 1, 2, 3, 4}, 5},
		{"?offset=3&size=1", []int{3}, 5},
		{"?offset=4&size=500", []int{4}, 5},
		{"?offset=1000", nil, 5},
		{"?" + filter + "=" + prefix + "-2", []int{2}, 1},
		{"?" + filter + "=none", nil, 0},
	} {
		if filter == k.name && strings.Contains(c.query, filter) && (k.path == "/logstores/access/substores" || k.path == "/etljobs") {
			continue // lists without filters
		}
		var answer map[string]json.RawMessage
		env.JSON(t, k.call("GET", c.query, ""), &answer)
		var got []json.RawMessage
		if err := json.Unmarshal(answer[k.list], &got); err != nil || got == nil {
			t.Fatalf("%s: the list is %s", c.query, answer[k.list])
		}
		total := fmt.Sprint(c.total)
		if len(got) != len(c.names) || string(answer["count"]) != fmt.Sprint(len(c.names)) || string(answer["total"]) != total {
			t.Errorf("%s: got %d entries, count %s, total %s; want %d of %d", c.query, len(got), answer["count"], answer["total"], len(c.names), c.total)
			continue
		}
		for i, n := range c.names {
			if !strings.Contains(string(got[i]), fmt.Sprintf("%q", fmt.Sprintf("%s-%d", prefix, n))) {
				t.Errorf("%s: entry %d is %s", c.query, i, got[i])
			}
		}
	}
	for _, query := range []string{"?offset=-1", "?size=0", "?offset=x"} {
		if a := env.Do(t, k.call("GET", query, "")); a.Code != "ParameterInvalid" {
			t.Errorf("%s: got %d %s", query, a.Status, a.Code)
		}
	}
}

// Jobs are one namespace: exports, which are delivery tasks, and documents of all other types, on whatever path they were made.
func TestJobsAreOneNamespace(t *testing.T) {
	env := hub(t)
	post := func(path, body, code string) {
		t.Helper()
		if a := env.Do(t, testenv.Call{Method: "POST", Project: "web", Target: path, Body: []byte(body)}); a.Code != code {
			t.Errorf("POST %s %s: got %d %q %s, want %q", path, body, a.Status, a.Code, a.Message, code)
		}
	}
	const export = `{"name":%q,"type":"Export","configuration":{"logstore":"access","sink":{"type":"General","fields":{"type":"http","url":"http://192.0.2.1/"}}}}`
	post("/jobs", fmt.Sprintf(export, "export"), "")
	post("/alerts", `{"name":"export","configuration":{}}`, "JobAlreadyExist")
	post("/alerts", `{"name":"alert","configuration":{}}`, "")
	post("/jobs", fmt.Sprintf(export, "alert"), "JobAlreadyExist")
	post("/etls", `{"name":"alert","configuration":{}}`, "JobAlreadyExist")
	post("/jobs", `{"name":"other","type":"Dream","configuration":{}}`, "ParameterInvalid")

	list := func(target string, want ...string) {
		t.Helper()
		var answer struct {
			Total   int
			Results []struct{ Name string }
		}
		env.JSON(t, testenv.Call{Project: "web", Target: target}, &answer)
		var got []string
		for _, r := range answer.Results {
			got = append(got, r.Name)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || answer.Total != len(want) {
			t.Errorf("%s: got %q of %d, want %q", target, got, answer.Total, want)
		}
	}
	list("/jobs", "alert", "export")
	list("/jobs?logstore=access", "export")
	list("/jobs?jobType=Export", "export")
	list("/jobs?jobType=Alert", "alert")
	list("/ossexports", "export")
	list("/alerts", "alert")
	list("/etls")
	for target, code := range map[string]string{
		"/etls/alert": "JobNotExist", "/alerts/export": "JobNotExist", "/ossexports/alert": "JobNotExist", "/jobs/alert": "", "/jobs/export": "",
	} {
		if a := env.Do(t, testenv.Call{Project: "web", Target: target}); a.Code != code {
			t.Errorf("%s: got %d %q, want %q", target, a.Status, a.Code, code)
		}
	}
}

// What the Go SDK's own tests, and the Terraform provider, compare.
func TestWordsThatClientsCompare(t *testing.T) {
	env := hub(t)
	dashboard := testenv.Call{Method: "POST", Project: "web", Target: "/dashboards", Body: []byte(`{"dashboardName":"d"}`)}
	env.OK(t, dashboard)
	if a := env.Do(t, dashboard); a.Message != "specified dashboard already exists" {
		t.Errorf("a dashboard that is there: got %d %q", a.Status, a.Message)
	}
	view := `{"name":"metrics","storeType":"metricstore","stores":[{"project":"web","storeName":"access"}]}`
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/storeviews", Body: []byte(view)})
	a := env.Do(t, testenv.Call{Project: "web", Target: "/storeviews/metrics/index"})
	if a.Status != 400 || !strings.Contains(a.Message, "not support") {
		t.Errorf("the index of a view of metric stores: got %d %s %q", a.Status, a.Code, a.Message)
	}
}

// Documents of an account are not those of a project that a key is limited to, on whatever host it asks.
func TestKeysOfAProjectSeeNoResources(t *testing.T) {
	env := hub(t)
	env.OK(t, testenv.Call{Method: "POST", Target: "/resources", Body: []byte(`{"name":"users"}`)})
	limited := makeKey(t, env, `{"projects":["web"]}`)
	for _, project := range []string{"", "web"} {
		for _, target := range []string{"/resources", "/resources/users", "/resources/users/records", "/topostores"} {
			a := env.Do(t, testenv.Call{Project: project, Target: target, Key: &limited})
			if a.Code != "Unauthorized" {
				t.Errorf("%s on host %q: got %d %s", target, project, a.Status, a.Code)
			}
		}
	}
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/dashboards", Body: []byte(`{"dashboardName":"d"}`), Key: &limited})

	env.OK(t, testenv.Call{Method: "POST", Target: "/", Body: []byte(`{"projectName":"secret"}`)})
	for _, id := range []string{"web", "secret"} {
		env.OK(t, testenv.Call{Method: "POST", Target: "/tag", Body: fmt.Appendf(nil, `{"resourceType":"project","resourceId":[%q],"tags":[{"key":"k","value":"v"}]}`, id)})
	}
	var tags struct{ TagResources []struct{ ResourceID string } }
	env.JSON(t, testenv.Call{Target: "/tags?resourceType=project", Key: &limited}, &tags)
	if len(tags.TagResources) != 1 || tags.TagResources[0].ResourceID != "web" {
		t.Errorf("a key of one project sees the tags %+v", tags)
	}
	for target, body := range map[string]string{
		"/tag":           `{"resourceType":"project","resourceId":["web","secret"],"tags":[{"key":"k","value":"w"}]}`,
		"/untag":         `{"resourceType":"project","resourceId":["secret"],"tags":["k"]}`,
		"/resourcegroup": `{"resourceType":"PROJECT","resourceId":"secret","resourceGroupId":"g"}`,
	} {
		method := "POST"
		if target == "/resourcegroup" {
			method = "PUT"
		}
		if a := env.Do(t, testenv.Call{Method: method, Target: target, Body: []byte(body), Key: &limited}); a.Code != "Unauthorized" {
			t.Errorf("%s of another project: got %d %s", target, a.Status, a.Code)
		}
	}
}

// A project takes what is in it along, and a restart nothing.
func TestControlPlaneOverRestartAndDelete(t *testing.T) {
	env := hub(t)
	made := map[string]string{}
	for _, k := range kinds {
		name := "kept-" + strings.ReplaceAll(strings.TrimPrefix(k.path, "/"), "/", "-")
		env.OK(t, k.call("POST", "", fmt.Sprintf(k.document, name)))
		made[k.path] = string(env.OK(t, k.call("GET", "/"+name, "")).Body)
	}
	if err := env.Restart(); err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds {
		name := "kept-" + strings.ReplaceAll(strings.TrimPrefix(k.path, "/"), "/", "-")
		if got := string(env.OK(t, k.call("GET", "/"+name, "")).Body); got != made[k.path] {
			t.Errorf("%s: after a restart got %s, want %s", k.path, got, made[k.path])
		}
	}
	env.OK(t, testenv.Call{Method: "DELETE", Project: "web", Target: "/"})
	env.OK(t, testenv.Call{Method: "POST", Target: "/", Body: []byte(`{"projectName":"web"}`)})
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/logstores", Body: []byte(`{"logstoreName":"access"}`)})
	for _, k := range kinds {
		if k.list == "" || k.account {
			continue
		}
		var answer struct{ Total int }
		if env.JSON(t, k.call("GET", "", ""), &answer); answer.Total != 0 {
			t.Errorf("%s: a project made again has %d", k.path, answer.Total)
		}
	}
}

// A bad secret of a client is not told to others: what is shown is masked on every path.
func TestSecretsOfJobsAreMasked(t *testing.T) {
	env := hub(t)
	const body = `{"name":"etl","type":"ETL","configuration":{"accessKeySecret":"hunter2","sinks":[{"accessKeySecret":"hunter2"}]}}`
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/jobs", Body: []byte(body)})
	for _, target := range []string{"/jobs/etl", "/jobs", "/jobs?jobType=ETL", "/etls/etl", "/etls"} {
		if a := env.OK(t, testenv.Call{Project: "web", Target: target}); strings.Contains(string(a.Body), "hunter2") || !strings.Contains(string(a.Body), "********") {
			t.Errorf("%s: got %s", target, a.Body)
		}
	}
}

func TestLimitOfDocuments(t *testing.T) {
	env := testenv.Start(t, func(c *config.Config) { c.Limits.DocumentsPerKind = 1 })
	env.OK(t, testenv.Call{Method: "POST", Target: "/", Body: []byte(`{"projectName":"web"}`)})
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/dashboards", Body: []byte(`{"dashboardName":"a"}`)})
	a := env.Do(t, testenv.Call{Method: "POST", Project: "web", Target: "/dashboards", Body: []byte(`{"dashboardName":"b"}`)})
	if a.Status != 400 || a.Code != "ProjectQuotaExceed" {
		t.Errorf("got %d %s %s", a.Status, a.Code, a.Message)
	}
	large := fmt.Sprintf(`{"savedsearchName":"s","searchQuery":%q}`, strings.Repeat("x", 1<<20))
	if a := env.Do(t, testenv.Call{Method: "POST", Project: "web", Target: "/savedsearches", Body: []byte(large)}); a.Code != "PostBodyTooLarge" {
		t.Errorf("a document over 1 MiB: got %d %s", a.Status, a.Code)
	}
}

func TestMachinesOverTheWire(t *testing.T) {
	env := hub(t)
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/machinegroups", Body: []byte(`{"groupName":"ggg","machineIdentifyType":"ip","groupAttribute":{"groupTopic":"t"}}`)})
	put := func(query, body, code string) {
		t.Helper()
		if a := env.Do(t, testenv.Call{Method: "PUT", Project: "web", Target: "/machinegroups/ggg/machines" + query, Body: []byte(body)}); a.Code != code {
			t.Errorf("%s %s: got %d %q %s, want %q", query, body, a.Status, a.Code, a.Message, code)
		}
	}
	put("?action=add", `["10.0.0.1","10.0.0.2"]`, "")
	put("?action=delete", `["10.0.0.1"]`, "")
	put("?action=move", `[]`, "ParameterInvalid")
	put("?action=add", `{"a":1}`, "InvalidParameter")
	put("?action=add", `null`, "InvalidParameter")
	a := env.OK(t, testenv.Call{Project: "web", Target: "/machinegroups/ggg"})
	if !strings.Contains(string(a.Body), `"machineList":["10.0.0.2"]`) || !strings.Contains(string(a.Body), `"groupAttribute":{"groupTopic":"t"}`) {
		t.Errorf("got %s", a.Body)
	}
	a = env.OK(t, testenv.Call{Project: "web", Target: "/machinegroups/ggg/machines"})
	if got := string(a.Body); got != `{"count":0,"total":0,"machines":[]}` {
		t.Errorf("machines: got %s", got)
	}
}

func TestDomainsAndRegions(t *testing.T) {
	env := hub(t)
	call := func(method, target, body, code string) testenv.Answer {
		t.Helper()
		a := env.Do(t, testenv.Call{Method: method, Project: "web", Target: target, Body: []byte(body)})
		if a.Code != code {
			t.Errorf("%s %s: got %d %q %s, want %q", method, target, a.Status, a.Code, a.Message, code)
		}
		return a
	}
	call("POST", "/domains", `{"domainName":"logs.example.com"}`, "")
	call("POST", "/cname", `{"domain":"other.example.com"}`, "")
	call("POST", "/cname", `{"domain":"other.example.com"}`, "AlreadyExist")
	call("POST", "/domains", `{"domainName":"no domain"}`, "ParameterInvalid")
	for target, want := range map[string]string{"/domains": `"total":2`, "/cname?domain=other": `"total":1`} {
		if a := call("GET", target, "", ""); !strings.Contains(string(a.Body), want) {
			t.Errorf("%s: got %s", target, a.Body)
		}
	}
	call("DELETE", "/domains/other.example.com", "", "")
	call("DELETE", "/domains/other.example.com", "", "DomainNotExist")
	call("DELETE", "/cname/other.example.com", "", "NoSuchCname")

	var all struct {
		Total    int
		Projects []struct {
			ProjectName string
			CreateTime  int64
		}
	}
	env.JSON(t, testenv.Call{Target: "/?crossRegion=true&projectName=web"}, &all)
	if all.Total != 1 || all.Projects[0].ProjectName != "web" || all.Projects[0].CreateTime == 0 {
		t.Errorf("projects of all regions: got %+v", all)
	}
	var regions struct{ Regions []map[string]any }
	if env.JSON(t, testenv.Call{Target: "/regions?language=en"}, &regions); len(regions.Regions) != 1 || regions.Regions[0]["region"] != "local" {
		t.Errorf("regions: got %v", regions)
	}
	if a := env.OK(t, testenv.Call{Target: "/slsservice"}); !strings.Contains(string(a.Body), `"Opened"`) {
		t.Errorf("the service: got %s", a.Body)
	}
}

// A record whose id has a slash is found by the path as clients of either habit write it.
func TestRecordsWithSlashes(t *testing.T) {
	env := hub(t)
	env.OK(t, testenv.Call{Method: "POST", Target: "/resources", Body: []byte(`{"name":"users"}`)})
	env.OK(t, testenv.Call{Method: "POST", Target: "/resources/users/records", Body: []byte(`{"id":"a/b","value":"{}"}`)})
	for _, target := range []string{"/resources/users/records/a/b", "/resources/users/records/a%2Fb"} {
		env.OK(t, testenv.Call{Method: "PUT", Target: target, Body: []byte(`{"tag":"t","value":"{}"}`)})
		var got struct{ ID, Tag string }
		if env.JSON(t, testenv.Call{Target: target}, &got); got.ID != "a/b" || got.Tag != "t" {
			t.Errorf("%s: got %+v", target, got)
		}
	}
}

func TestSQLInstance(t *testing.T) {
	env := hub(t)
	call := func(method, body string) testenv.Call {
		return testenv.Call{Method: method, Project: "web", Target: "/sqlinstance", Body: []byte(body)}
	}
	want := func(want string) {
		t.Helper()
		if a := env.OK(t, call("GET", "")); string(a.Body) != want {
			t.Errorf("got %s, want %s", a.Body, want)
		}
	}
	want(`[]`)
	if a := env.Do(t, call("PUT", `{"cu":1}`)); a.Code != "SqlInstanceNotExist" {
		t.Errorf("got %d %s", a.Status, a.Code)
	}
	env.OK(t, call("POST", `{"cu":2,"useAsDefault":true}`))
	want(`[{"cu":2,"useAsDefault":true}]`)
	env.OK(t, call("PUT", `{"cu":3,"useAsDefault":false,"other":[1]}`))
	want(`[{"cu":3,"other":[1],"useAsDefault":false}]`)
	for _, body := range []string{`{}`, `{"cu":"2"}`, `{"cu":0}`, `{"cu":1001}`, `{"cu":1.5}`, `{"cu":1,"useAsDefault":1}`} {
		if a := env.Do(t, call("POST", body)); a.Code != "ParameterInvalid" {
			t.Errorf("%s: got %d %s", body, a.Status, a.Code)
		}
	}
}
