// Package auth answers two questions for every handler: who signed this request, and may they do this.
//
// Handlers ask and never decide: Authenticate gives a Principal, Authorize says yes or returns the error to send. Today the
// answer comes from the scope of the access key (projects, read-only, root); policies will come behind the same two calls.
package auth

import (
	"github.com/sluicelog/sluice"
)

// Action names what a request wants to do, in RAM's words: "log:PostLogStoreLogs".
type Action struct {
	Name     string
	Mutating bool // a read-only key may not
}

// Resource is what it wants to do it to. An empty Project is the account itself: listing projects, managing keys.
type Resource struct {
	Project  string
	Logstore string
}

// Principal is who signed a request.
type Principal struct {
	AccessKeyID string
	Root        bool
	ReadOnly    bool
	Projects    []string // empty means all
}

// Authorize returns nil if p may do a on r, and otherwise an Unauthorized error fit for the client.
func (p *Principal) Authorize(a Action, r Resource) error {
	if p.ReadOnly && a.Mutating {
		return denied(a, r, "the access key is read-only")
	}
	if len(p.Projects) == 0 {
		return nil
	}
	for _, name := range p.Projects {
		if name == r.Project {
			return nil
		}
	}
	return denied(a, r, "the access key is limited to other projects")
}

func denied(a Action, r Resource, why string) error {
	resource := "acs:log:*:*:project/" + r.Project
	if r.Project == "" {
		resource = "acs:log:*:*:*"
	} else if r.Logstore != "" {
		resource += "/logstore/" + r.Logstore
	}
	return sluice.Errorf(sluice.Unauthorized, "action", "denied by sts or ram, action: %s, resource: %s (%s)", a.Name, resource, why)
}
