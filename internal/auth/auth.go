// Package auth answers two questions for every handler: who signed this request, and may they do this.
//
//	headers ──Authenticate──> Principal, Digest ──Authorize──> body ──Digest.Check──> handler
//
// Handlers ask and never decide: Authenticate gives a Principal, Authorize says yes or returns the error to send. Today the
// answer comes from the scope of the access key (projects, read-only, root); policies will come behind the same two calls.
//
// Invariants:
//   - A secret is in clear only in memory: metadata holds it sealed under a key file that lies elsewhere, and no error, log or
//     answer holds it but the answer of the call that made it.
//   - A disabled or deleted key opens nothing once Disable or Delete has returned.
//   - There is always an enabled root key.
package auth

import (
	"cmp"
	"slices"
)

// Action names what a request wants to do, in RAM's words: "log:PostLogStoreLogs".
type Action struct {
	Name     string
	Mutating bool // a read-only key may not
	Root     bool // only a root key may: managing keys
}

// Resource is what it wants to do it to. An empty Project is the account itself: listing projects, managing keys.
type Resource struct {
	Project  string
	Logstore string // in Project
	Path     string // below the project, or below the account if there is none, instead of Logstore: "dashboard/d", "project/*"
}

// Principal is who signed a request.
type Principal struct {
	AccessKeyID string
	Root        bool
	ReadOnly    bool
	Projects    []string // empty means all
}

// Authorize returns nil if p may do a on r, and otherwise an error for the client: Unauthorized, noun "action".
func (p *Principal) Authorize(a Action, r Resource) error {
	switch {
	case a.Root && !p.Root:
		return denied(a, r, "it takes a root access key")
	case a.Mutating && p.ReadOnly:
		return denied(a, r, "the access key is read-only")
	case len(p.Projects) > 0 && !slices.Contains(p.Projects, r.Project):
		return denied(a, r, "the access key is limited to other projects")
	}
	return nil
}

func denied(a Action, r Resource, why string) error {
	return refuse("action", "denied by sts or ram, action: %s, resource: acs:log:*:*:%s (%s)", a.Name, r.name(), why)
}

// name is the last part of the resource's name, as policies have it.
func (r Resource) name() string {
	name := r.Path
	if r.Logstore != "" {
		name = "logstore/" + r.Logstore
	}
	switch {
	case r.Project != "" && name != "":
		return "project/" + r.Project + "/" + name
	case r.Project != "":
		return "project/" + r.Project
	}
	return cmp.Or(name, "*")
}
