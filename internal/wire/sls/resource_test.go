package sls

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/auth"
)

// Every row says what it acts on, in words that its path has.
func TestEveryRouteSaysItsResource(t *testing.T) {
	shape := regexp.MustCompile(`^/?[a-z_]+(/(\*|\{[a-z]+\}|[a-z_]+))*$`)
	variable := regexp.MustCompile(`\{[a-z]+\}`)
	for _, r := range Routes() {
		if !shape.MatchString(r.Resource) {
			t.Errorf("%s (%s %s) acts on %q; say what: see resource.go", r.Action, r.Method, r.Path, r.Resource)
		}
		for _, name := range variable.FindAllString(r.Resource, -1) {
			if !strings.Contains(strings.ReplaceAll(r.Path, "...", ""), name) {
				t.Errorf("%s: the path %s has no %s, which %q is about", r.Action, r.Path, name, r.Resource)
			}
		}
		if r.Resource == "account" && r.Host == OnProject {
			t.Errorf("%s: acts on the account, but is an action of a project's host", r.Action)
		}
	}
}

func TestResourceOfARequest(t *testing.T) {
	f := func(method, target, project string, want auth.Resource) {
		t.Helper()
		r, vars, err := route(t, method, target, project)
		if err != nil {
			t.Fatal(err)
		}
		q := &request{route: r, vars: *vars, project: project}
		if got := q.resource(); got != want {
			t.Errorf("%s %s: got %+v, want %+v", method, target, got, want)
		}
	}
	f(http.MethodGet, "/", "web", auth.Resource{Project: "web"})
	f(http.MethodGet, "/", "", auth.Resource{Path: "project/*"})
	f(http.MethodGet, "/logstores", "web", auth.Resource{Project: "web", Path: "logstore/*"})
	f(http.MethodPost, "/logstores/app/shards/lb", "web", auth.Resource{Project: "web", Logstore: "app"})
	f(http.MethodPut, "/logstores/app/consumergroups/g", "web", auth.Resource{Project: "web", Path: "logstore/app/consumergroup/g"})
	f(http.MethodGet, "/jobs/a%2Fb", "web", auth.Resource{Project: "web", Path: "job/a/b"})
	f(http.MethodGet, "/sluice/v1/keys", "", auth.Resource{})
}
