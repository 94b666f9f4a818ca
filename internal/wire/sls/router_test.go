package sls

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sluicelog/sluice"
)

func route(t *testing.T, method, target, project string) (*Route, *pathVars, error) {
	t.Helper()
	u, err := url.ParseRequestURI(target)
	if err != nil {
		t.Fatal(err)
	}
	var vars pathVars
	found, err := newRouter(Routes()).find(&http.Request{Method: method, URL: u}, project, u.Query(), &vars)
	return found, &vars, err
}

func TestRequestsFindTheirAction(t *testing.T) {
	f := func(method, target, project, want string) {
		t.Helper()
		found, _, err := route(t, method, target, project)
		if err != nil {
			t.Errorf("%s %s: %v", method, target, err)
		} else if found.Action != want {
			t.Errorf("%s %s: got %s, want %s", method, target, found.Action, want)
		}
	}

	// One path, two hosts.
	f("GET", "/", "", "ListProject")
	f("GET", "/?crossRegion=False", "", "ListProject")
	f("GET", "/?crossRegion=true", "", "ListProjectCrossRegion")
	f("GET", "/", "web", "GetProject")
	f("POST", "/", "", "CreateProject")
	f("POST", "/", "web", "CreateProject")

	// One path, five meanings (reference sls-api, appendix B).
	f("GET", "/logstores/a", "web", "GetLogStore")
	f("GET", "/logstores/a?type=", "web", "GetLogStore")
	f("GET", "/logstores/a?type=log", "web", "GetLogs")
	f("GET", "/logstores/a?type=histogram&from=1", "web", "GetHistograms")
	f("GET", "/logstores/a?type=topic", "web", "ListTopics")
	f("GET", "/logstores/a?type=context_log", "web", "GetContextLogs")
	f("POST", "/logstores/a", "web", "PutLogs")

	f("GET", "/logstores/a/shards/0?type=cursor&from=begin", "web", "GetCursor")
	f("GET", "/logstores/a/shards/0?type=cursor_time", "web", "GetCursorTime")
	f("GET", "/logstores/a/shards/0?type=log", "web", "PullLogs")
	f("GET", "/logstores/a/shards/0?type=logs", "web", "PullLogs")
	f("HEAD", "/logstores/a/shards/0?type=logs", "web", "PullLogs")
	f("POST", "/logstores/a/shards/0?action=split", "web", "SplitShard")
	f("POST", "/logstores/a/shards/0?action=merge", "web", "MergeShards")
	f("POST", "/logstores/a/shards/lb", "web", "PutLogs")
	f("POST", "/logstores/a/shards/route?key=00", "web", "PutLogs")

	f("POST", "/logstores/a/consumergroups/g?type=heartbeat&consumer=c", "web", "HeartBeat")
	f("POST", "/logstores/a/consumergroups/g?type=checkpoint", "web", "ConsumerGroupUpdateCheckPoint")
	f("GET", "/logstores/a/consumergroups/g?shard=1", "web", "GetConsumerGroupCheckPoint")
	f("OPTIONS", "/logstores/a/track", "web", "PutWebtracking")
	f("GET", "/logstores/a/substores/storage/ttl", "web", "GetSubStoreTTL")
	f("GET", "/logstores/a/substores/prom", "web", "GetSubStore")

	// A bare question mark, as the Node SDK leaves behind every path.
	f("GET", "/logstores/a?", "web", "GetLogStore")
}

func TestRequestsWithoutAction(t *testing.T) {
	f := func(method, target, project, code string) {
		t.Helper()
		_, _, err := route(t, method, target, project)
		if err == nil {
			t.Errorf("%s %s: found an action, want %s", method, target, code)
		} else if got := explain(err); got.Code != code {
			t.Errorf("%s %s: got %s %q, want %s", method, target, got.Code, got.Message, code)
		}
	}

	f("GET", "/nothing", "web", "PathNotExist")
	f("GET", "/logstores/", "web", "PathNotExist")
	f("GET", "//", "web", "PathNotExist")
	f("GET", "/logstores//shards", "web", "PathNotExist")
	f("GET", "/logstores/a/", "web", "PathNotExist")
	f("GET", "/../logstores", "web", "PathNotExist")
	f("GET", "/logstores/../logstores/a", "web", "PathNotExist")
	f("GET", "/logstores%2Fa", "web", "PathNotExist")
	f("GET", "/%6cogstores/a", "web", "PathNotExist") // escapes do not spell fixed segments
	f("GET", "/logstores/"+strings.Repeat("a", 257), "web", "ParameterInvalid")

	f("PATCH", "/logstores", "web", "InvalidMethod")
	f("GET", "/logstores", "", "InvalidHost")
	f("GET", "/sluice/v1/keys", "web", "InvalidHost")
	f("GET", "/logstores/a?type=nothing", "web", "ParameterInvalid")
	f("GET", "/logstores/a/shards/0", "web", "ParameterInvalid")
	f("POST", "/logstores/a/shards/0", "web", "ParameterInvalid")
}

func TestPathVariablesAreDecodedOnceAndNeverSplit(t *testing.T) {
	f := func(target, want string) {
		t.Helper()
		_, vars, err := route(t, "GET", target, "web")
		if err != nil {
			t.Fatal(err)
		}
		if got := vars.get("logstore"); got != want {
			t.Errorf("%s: got logstore %q, want %q", target, got, want)
		}
	}
	f("/logstores/a", "a")
	f("/logstores/a%2Fshards", "a/shards")
	f("/logstores/%2e%2e", "..")
	f("/logstores/%252e", "%2e")
	f("/logstores/a+b", "a+b")
}

// Names that may have slashes are the rest of the path, whether a client encodes them or not; other names have none.
func TestNamesWithSlashes(t *testing.T) {
	f := func(target, want string) {
		t.Helper()
		found, vars, err := route(t, "GET", target, "")
		if err != nil {
			t.Errorf("%s: %v", target, err)
		} else if got := vars.get("id"); got != want || found.Action != "GetResourceRecord" || vars.get("name") != "r" {
			t.Errorf("%s: got %s of %q with id %q, want %q", target, found.Action, vars.get("name"), got, want)
		}
	}
	f("/resources/r/records/a", "a")
	f("/resources/r/records/a/b.txt", "a/b.txt")
	f("/resources/r/records/a%2Fb.txt", "a/b.txt")
	f("/resources/r/records/a//../b/", "a//../b/")
	f("/resources/r/records/records/%25", "records/%")
	f("/resources/r/records/"+strings.Repeat("a/", 512), strings.Repeat("a/", 512))
	for target, code := range map[string]string{
		"/resources/r/records//a": "PathNotExist", "/resources/r/": "PathNotExist", "/resources/a/b": "PathNotExist",
		"/resources/r/records/" + strings.Repeat("a/", 513): "ParameterInvalid",
	} {
		if _, _, err := route(t, "GET", target, ""); err == nil || explain(err).Code != code {
			t.Errorf("%s: got %v, want %s", target, err, code)
		}
	}
}

// Every row must be reachable, fit pathVars, and be complete.
func TestRouteTable(t *testing.T) {
	seen := map[string]string{}
	for _, r := range Routes() {
		row := strings.Join([]string{r.Method, r.Path, r.When}, " ")
		if r.Action == "" || r.Permission == "" || r.handle == nil {
			t.Errorf("%s: incomplete row", row)
		}
		if n := strings.Count(r.Path, "{"); n > len(pathVars{}.names) {
			t.Errorf("%s: %d variables are more than pathVars holds", row, n)
		}
		project := "web"
		if r.Host == OnBare {
			project = ""
		}
		found, _, err := route(t, r.Method, example(r), project)
		if err != nil {
			t.Errorf("%s: %v", row, err)
		} else if found.Action != r.Action || found.Path != r.Path {
			t.Errorf("%s: shadowed by %s %s", row, found.Method, found.Path)
		}
		key := row + map[Host]string{OnProject: " P", OnBare: " bare", OnAny: " any"}[r.Host]
		if seen[key] != "" {
			t.Errorf("%s: two rows, %s and %s", key, seen[key], r.Action)
		}
		seen[key] = r.Action
	}
}

// example is a request target that a route answers.
func example(r Route) string {
	target := strings.NewReplacer("{shard}", "0", "{", "x-", "...}", "", "}", "").Replace(r.Path)
	if r.When != "" {
		when, _, _ := strings.Cut(r.When, "|")
		target += "?" + when
	}
	return target
}

func TestKindsAllHaveACode(t *testing.T) {
	for kind := sluice.Internal; kind <= sluice.OutOfRange; kind++ {
		got := explain(sluice.Errorf(kind, "no such noun", "why"))
		if got.Code == "" || got.Status < 400 {
			t.Errorf("kind %v: got %+v", kind, got)
		}
		if kind != sluice.Internal && got.Status >= 500 && kind != sluice.Unavailable {
			t.Errorf("kind %v: status %d makes clients repeat what cannot succeed", kind, got.Status)
		}
	}
}
