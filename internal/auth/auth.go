// Package auth answers two questions for every handler: who signed this request, and may they do this.
//
//	headers ──Authenticate──> Principal, Digest ──Authorize──> body ──Digest.Check──> handler
//	              │                                  │
//	   key or session, how it came      scope of the key, policies of its user or role (package iam), policy of the project
//
// Handlers ask and never decide: Authenticate gives a Principal, Authorize says yes or returns the error to send.
//
// Invariants:
//   - A secret is in clear only in memory: metadata holds it sealed under a key file that lies elsewhere, and no error, log or
//     answer holds it but the answer of the call that made it.
//   - A disabled or deleted key opens nothing once Disable or Delete has returned, and neither does a session that it opened.
//   - There is always an enabled root key.
//   - Nobody does anything in another account but by a policy of its project, or as a role of it that trusts him.
package auth

import (
	"cmp"
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/iam/policy"
	"github.com/sluicelog/sluice/internal/meta"
)

// Action names what a request wants to do, in RAM's words: "log:PostLogStoreLogs".
type Action struct {
	Name     string
	Mutating bool // a read-only key may not
	Root     bool // only a root key may: managing accounts and keys; no policy can give it
}

// Resource is what it wants to do it to. An empty Project is the account itself: listing projects, managing keys.
type Resource struct {
	Project  string
	Logstore string // in Project
	Path     string // below the project, or below the account if there is none, instead of Logstore: "dashboard/d", "project/*"
	Name     string // below the account, where policies know what is in Project by another name: "site/123"

	account string // whose it is, if it lets others in by itself: a role
}

// Principal is who signed a request, and how it came. It does not change. The zero Principal may do nothing.
type Principal struct {
	AccessKeyID string
	Root        bool     // the installation's root: a key of the root account itself
	ReadOnly    bool     // scope of the key: whatever else it may, no more than this
	Projects    []string // scope of the key: empty means all

	Account string // whose the key is
	Owner   bool   // the account itself, which may do everything in it
	User    string // a user of the account
	Role    string // who assumed a role of the account,
	Session string // under this name

	grants  policy.Set // of the user or the role
	limit   policy.Set // of a session: what it may at most; nil is no limit
	context policy.Context
	token   string // of a session
	origin  string // of a session: the key that opened it
	keys    *Keys
}

// Caller is who p is, for policies that name somebody.
func (p *Principal) Caller() policy.Caller {
	return policy.Caller{Account: p.Account, User: p.User, Role: p.Role}
}

// Authorize returns nil if p may do a on r, and otherwise an error for the client:
//
//	Unauthorized  "action"   no
//	NotFound      "project"  p could, but there is no such project. Only making one is allowed without it: who may act on nothing could
//	                         be acting on somebody else's by the time its request has arrived.
func (p *Principal) Authorize(a Action, r Resource) error {
	v, err := p.judge(a, r)
	if err != nil || v.allowed {
		return err
	}
	return refuse("action", "denied by sts or ram, action: %s, resource: acs:%s:*:*:%s (%s)", a.Name, service(a), r.name(), v.why)
}

// verdict is the answer, and why.
type verdict struct {
	allowed bool
	why     string
	by      policy.Decision // which statement said so, if one did
}

func denied(why string, by policy.Decision) verdict { return verdict{why: why, by: by} }

func (p *Principal) judge(a Action, r Resource) (verdict, error) {
	switch {
	case p.keys == nil:
		return denied("nobody signed", policy.Decision{}), nil
	case a.Root && !p.Root:
		return denied("it takes a root access key", policy.Decision{}), nil
	case a.Mutating && p.ReadOnly:
		return denied("the access key is read-only", policy.Decision{}), nil
	case p.keys.guards(r.Project) && (a.Mutating || a.Root):
		return denied("nobody changes anything in the server's own record of what was done", policy.Decision{}), nil
	case p.keys.guards(r.Project) && !p.Root:
		return denied("it takes a root access key; look up your account's events instead", policy.Decision{}), nil
	case p.keys.reserves(a, r):
		return denied("the logstore belongs to an audit trail", policy.Decision{}), nil
	case len(p.Projects) > 0 && !slices.Contains(p.Projects, r.Project):
		return denied("the access key is limited to other projects", policy.Decision{}), nil
	}
	project := owned{account: p.Account}
	exists := true
	if r.Project != "" && a.Name != createProject {
		var err error
		if project, exists, err = p.keys.owner(context.Background(), r.Project); err != nil {
			return verdict{}, err
		}
		if !exists {
			project.account = p.Account
		}
	}
	if r.account != "" {
		project.account = r.account
	}
	v := p.weigh(a, r, project)
	if v.allowed && !exists {
		return v, meta.Missing("project", r.Project)
	}
	return v, nil
}

const createProject = "log:CreateProject"

// weigh decides by policies.
func (p *Principal) weigh(a Action, r Resource, project owned) verdict {
	var buf [512]byte // policies are asked for every request: no text is made on the heap
	action := appendLower(buf[:0], a.Name)
	rest := action[len(action):]
	path := r.appendName(rest)
	rest = path[len(path):]
	account := append(rest, project.account...)
	rest = account[len(account):]
	ask := policy.Request{
		Action: action, Service: append(rest, service(a)...), Account: account, Path: path, Caller: p.Caller(), Context: &p.context,
	}
	if string(ask.Service) != "ram" { // whose names have no region
		ask.Region = p.keys.region
	}
	own := policy.Decision{Effect: policy.Allow}
	if !p.Owner {
		own = p.grants.Decide(&ask)
	}
	var shared policy.Decision
	if !p.keepsControl(a, project) {
		shared = project.shared(&r).Decide(&ask)
	}
	if p.limit != nil && own.Effect != policy.Deny {
		if limit := p.limit.Decide(&ask); limit.Effect != policy.Allow {
			return denied("the session's policy does not allow it", limit)
		}
	}
	return combine(own, shared, project.account == p.Account || r.account != "")
}

// combine is what is allowed by the policies of whoever asks and by that of the project.
func combine(own, shared policy.Decision, home bool) verdict {
	switch {
	case own.Effect == policy.Deny:
		return denied("a policy denies it", own)
	case shared.Effect == policy.Deny:
		return denied("the project's policy denies it", shared)
	case home && own.Effect == policy.Allow:
		return verdict{true, "a policy allows it", own}
	case home && shared.Effect == policy.Allow:
		return verdict{true, "the project's policy allows it", shared}
	case home:
		return denied("no policy allows it", own)
	case shared.Effect != policy.Allow:
		return denied("the project belongs to another account", shared)
	case own.Effect != policy.Allow:
		return denied("no policy allows it", own)
	}
	return verdict{true, "the project's policy allows it", shared}
}

// keepsControl reports whether the project's policy is not asked: its owner can always look at it and change it, however it locked itself out.
func (p *Principal) keepsControl(a Action, project owned) bool {
	if !p.Owner || p.Account != project.account {
		return false
	}
	switch a.Name {
	case "log:GetProjectPolicy", "log:PutProjectPolicy", "log:DeleteProjectPolicy",
		"log:GetResourcePolicy", "log:PutResourcePolicy", "log:DeleteResourcePolicy":
		return true
	}
	return false
}

// service is the part of a resource's name that says whose it is.
func service(a Action) string {
	service, _, _ := strings.Cut(a.Name, ":")
	switch service {
	case "sluice": // actions that the service followed here does not have, on its resources
		return "log"
	case "sts":
		return "ram"
	}
	return service
}

func appendLower(b []byte, text string) []byte {
	for i := range len(text) {
		c := text[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}

// appendName appends the last part of the resource's name, as policies have it.
func (r Resource) appendName(b []byte) []byte {
	if r.Name != "" {
		return append(b, r.Name...)
	}
	if r.Project == "" {
		return append(b, cmp.Or(r.Path, "*")...)
	}
	b = append(append(b, "project/"...), r.Project...)
	switch {
	case r.Logstore != "":
		b = append(append(b, "/logstore/"...), r.Logstore...)
	case r.Path != "":
		b = append(append(b, '/'), r.Path...)
	}
	return b
}

// logstore is the logstore that the resource is, or is a part of; "" if it is in none.
func (r *Resource) logstore() string {
	if r.Logstore != "" {
		return r.Logstore
	}
	kind, rest, _ := strings.Cut(r.Path, "/")
	if kind != "logstore" && kind != "metricstore" { // two names of the same thing
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

func (r Resource) name() string { return string(r.appendName(nil)) }

// Origin is the id of the key that stands behind p: that with which its session was opened, or its own. What a key may take of the server, all
// sessions of it take together.
func (p *Principal) Origin() string { return cmp.Or(p.origin, p.AccessKeyID) }

// Tenant is the principal's account as metadata has it: "" for the root account.
func (p *Principal) Tenant() string {
	if p.keys.directory.IsRoot(p.Account) {
		return ""
	}
	return p.Account
}

// Owns reports whether what belongs to account, as metadata has it, is the principal's own.
func (p *Principal) Owns(account string) bool { return account == p.Tenant() }

// Anonymous is whoever sent r without a signature. Nothing is allowed to him; a handler that lets him in asks Forbids first.
func (a *Authenticator) Anonymous(r *http.Request) *Principal {
	return Principal{keys: a.keys}.at(a.transport(r, a.now()))
}

// Forbids returns the error for the client if the policy of r's project denies a to p, whatever else allows it.
func (p *Principal) Forbids(a Action, r Resource) error {
	if p.keys.guards(r.Project) {
		return refuse("action", "project %s is the server's own: nobody else writes to it", r.Project)
	}
	if p.keys.reserves(a, r) {
		return refuse("action", "logstore %s belongs to an audit trail: nobody else writes to it", r.name())
	}
	project, _, err := p.keys.owner(context.Background(), r.Project)
	if err != nil {
		return err
	}
	if v := p.weigh(a, r, project); v.by.Effect == policy.Deny {
		return refuse("action", "denied by sts or ram, action: %s, resource: acs:%s:*:*:%s (%s)", a.Name, service(a), r.name(), v.why)
	}
	return nil
}

// Source is the address that the request came from; the zero Addr if it is not known.
func (p *Principal) Source() netip.Addr { return p.context.Source }

func refuse(noun, format string, args ...any) error {
	return sluice.Errorf(sluice.Unauthorized, noun, format, args...)
}
