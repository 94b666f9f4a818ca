package pop_test

import (
	"encoding/json"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/testenv"
)

const logAPI = "2019-10-23"

// described is what a client reads of an app.
type described struct {
	Success  bool
	Message  string
	AppModel struct {
		AppName, DisplayName, Config string
		UID                          int64
	}
}

// variablesOf reads what an answer says that is to be collected.
func variablesOf(t *testing.T, d described) (v map[string]string) {
	t.Helper()
	var config struct{ InitParam map[string]string }
	if err := json.Unmarshal([]byte(d.AppModel.Config), &config); err != nil {
		t.Fatalf("%s: %v", d.AppModel.Config, err)
	}
	return config.InitParam
}

// What a client wants the log audit to collect comes back as it was sent, to its account alone, until it is replaced or forgotten; and no answer looks as if
// anything were collected.
func TestLogAudit(t *testing.T) {
	env := testenv.Start(t)
	root := &testenv.RootKey
	account, far := accountOf(t, env, root), newAccount(t, env, "far")
	analyze := func(key *testenv.Key, title string, variables map[string]string) described {
		t.Helper()
		raw, err := json.Marshal(variables)
		if err != nil {
			t.Fatal(err)
		}
		var d described
		rpc(t, env, key, logAPI, "AnalyzeAppLog", &d, "AppType", "audit", "DisplayName", title, "VariableMap", string(raw))
		return d
	}
	describe := func(key *testenv.Key) (d described) {
		t.Helper()
		rpc(t, env, key, logAPI, "DescribeApp", &d, "AppName", "audit")
		return d
	}
	gone := func(key *testenv.Key, action string) {
		t.Helper()
		if a := call(t, env, key, logAPI, action, url.Values{"AppName": {"audit"}}); a.status != 404 || a.Code != "AppNotExist" {
			t.Errorf("%s of none: %d %s", action, a.status, a.body)
		}
	}

	gone(root, "DescribeApp")
	gone(root, "DeleteApp")
	first := map[string]string{
		"aliuid": account, "region": "local", "project": "slsaudit-center-" + account + "-local", "logstore": "slsaudit", "oss_access_enabled": "true", "oss_access_ttl": "7",
		"rds_audit_collection_policy": `accept tag.env == "<prod>" & true`, "multi_account": `[{"uid":"123456789123"},{"uid":7}]`,
	}
	if d := analyze(root, "security", first); !d.Success || !strings.Contains(d.Message, "nothing is collected") {
		t.Errorf("analyzed: got %+v", d)
	}
	d := describe(root)
	if got := variablesOf(t, d); !reflect.DeepEqual(got, first) {
		t.Errorf("got %v, want %v", got, first)
	}
	if m := d.AppModel; m.AppName != "audit" || m.DisplayName != "security" || m.UID == 0 || !strings.Contains(d.Message, "nothing is collected") {
		t.Errorf("described: got %+v", d)
	}

	gone(far, "DescribeApp")
	other := map[string]string{"aliuid": "2", "resource_directory": `{"type":"all","multi_account":null}`}
	analyze(far, "another's", other)
	second := map[string]string{"aliuid": account, "actiontrail_enabled": "false"}
	analyze(root, "renamed", second)
	if d := describe(root); d.AppModel.DisplayName != "renamed" || !reflect.DeepEqual(variablesOf(t, d), second) {
		t.Errorf("replaced: got %+v", d)
	}
	if d := describe(far); d.AppModel.DisplayName != "another's" || !reflect.DeepEqual(variablesOf(t, d), other) {
		t.Errorf("another's: got %+v", d)
	}
	rpc(t, env, root, logAPI, "DeleteApp", nil, "AppName", "audit")
	gone(root, "DescribeApp")
	describe(far)
}

func TestRefusedLogAudits(t *testing.T) {
	env := testenv.Start(t)
	f := func(code, part string, more ...string) {
		t.Helper()
		p := url.Values{"AppType": {"audit"}, "DisplayName": {"a"}, "VariableMap": {`{"aliuid":"1"}`}}
		for i := 0; i < len(more); i += 2 {
			p.Set(more[i], more[i+1])
		}
		if a := call(t, env, &testenv.RootKey, logAPI, "AnalyzeAppLog", p); a.Code != code || !strings.Contains(a.body, part) {
			t.Errorf("%q: got %s, want %s and %q", more, a.body, code, part)
		}
	}
	f("MissingAppType", "", "AppType", "")
	f("MissingDisplayName", "", "DisplayName", "")
	f("MissingVariableMap", "", "VariableMap", "")
	f("InvalidParameter", "the only one", "AppType", "fraud")
	f("InvalidVariableMap", "not JSON", "VariableMap", "{")
	f("InvalidParameter", "an object", "VariableMap", "[]")
	f("InvalidParameter", "there twice", "VariableMap", `{"aliuid":"1","aliuid":"2"}`)
	f("InvalidParameter", "is no variable", "VariableMap", `{"aliuid":"1","rds":"true"}`)
	f("InvalidParameter", "levels deep", "VariableMap", strings.Repeat("[", 100)+strings.Repeat("]", 100))
}

// The service is open, in the form that clients look at before they would order it.
func TestLogServiceIsOpen(t *testing.T) {
	env := testenv.Start(t)
	for _, action := range []string{"GetSlsService", "OpenSlsService"} {
		var got struct{ Success, Enabled bool }
		if rpc(t, env, &testenv.RootKey, logAPI, action, &got); !got.Success || !got.Enabled {
			t.Errorf("%s: got %+v", action, got)
		}
	}
}

// What the service would make for products and alerts is refused in words, with a code by which clients do not ask again.
func TestPlacesOfProductsAreRefused(t *testing.T) {
	env := testenv.Start(t)
	for _, action := range []string{"AnalyzeProductLog", "InitUserAlertResource", "InitProjectAlertResource"} {
		a := call(t, env, &testenv.RootKey, logAPI, action, url.Values{"CloudProduct": {"sls.alert"}, "Project": {"web"}, "Logstore": {"internal-alert-history"}})
		if a.status != 400 || a.Code != "UnsupportedOperation" || !strings.Contains(a.body, "no alerts run") {
			t.Errorf("%s: %d %s", action, a.status, a.body)
		}
	}
}
