package sls

import (
	"strings"

	"github.com/sluicelog/sluice/internal/auth"
)

/*
A row's Resource says, in RAM's words, what its action acts on. Policies and denials know it by that name:

	"project"              acs:log:REGION:ACCOUNT:project/web               the project that the host names
	"logstore/{logstore}"  acs:log:REGION:ACCOUNT:project/web/logstore/app  below it; {name} is what the path has there
	"dashboard/*"          acs:log:REGION:ACCOUNT:project/web/dashboard/*   all of a kind: to list them, or to make one
	"account"              acs:log:REGION:ACCOUNT:*                         no project is concerned
	"/resource/{name}"     acs:log:REGION:ACCOUNT:resource/r                below the account, whatever host it is asked on
	"/project/*"           acs:log:REGION:ACCOUNT:project/*
*/

// resource is what the request's route acts on.
func (q *request) resource() auth.Resource {
	r := auth.Resource{Project: q.project}
	pattern := q.route.Resource
	switch below, ofAccount := strings.CutPrefix(pattern, "/"); {
	case ofAccount:
		return auth.Resource{Path: q.fill(below)}
	case pattern == "project", pattern == "account":
	case pattern == "logstore/{logstore}": // the hot path builds no text
		r.Logstore = q.vars.get("logstore")
	default:
		r.Path = q.fill(pattern)
	}
	return r
}

// fill replaces each {name} of a pattern by what the path has there.
func (q *request) fill(pattern string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(pattern, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		b.WriteString(q.vars.get(name))
		pattern = after
	}
}
