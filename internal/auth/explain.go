package auth

import (
	"context"
	"net/netip"
	"regexp"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/iam/policy"
	"github.com/sluicelog/sluice/internal/meta"
)

// Question asks whether somebody may do something.
type Question struct {
	User, Role string // one of them
	Action     string // log:GetLogStoreLogs
	Resource   string // acs:log:*:*:project/web/logstore/app, or its last part
	SourceIP   string // "" for none
	Secure     bool   // over TLS
}

// Explanation is the decision, and what decided.
type Explanation struct {
	Allowed   bool
	Reason    string
	Policy    string // whose statement decided; "" if none applied
	Effect    string // of the statement
	Statement int    // its number, from 1
	Line      int    // of the document on which it begins
}

var actionName = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}:[A-Za-z0-9]{1,128}$`)

// Explain answers a question about a user or a role of asker's account, by the same decision as requests. The scopes of keys are not asked for: they are
// those of keys, not of users. Errors: Invalid "parameter"; NotFound "user", "role".
func (k *Keys) Explain(ctx context.Context, asker *Principal, q Question) (Explanation, error) {
	if !actionName.MatchString(q.Action) {
		return Explanation{}, sluice.Errorf(sluice.Invalid, "parameter", "action %.80q is not one action such as log:GetLogStoreLogs", q.Action)
	}
	if (q.User == "") == (q.Role == "") {
		return Explanation{}, sluice.Errorf(sluice.Invalid, "parameter", "ask about one of user and role")
	}
	r, err := k.parseResource(asker, q.Resource)
	if err != nil {
		return Explanation{}, err
	}
	how := policy.Context{Time: k.now(), Secure: q.Secure}
	if q.SourceIP != "" {
		if how.Source, err = netip.ParseAddr(q.SourceIP); err != nil {
			return Explanation{}, sluice.Errorf(sluice.Invalid, "parameter", "sourceIp %.80q is not an address", q.SourceIP)
		}
	}
	p := Principal{Account: asker.Account, User: q.User, Role: q.Role, keys: k}
	err = k.store.View(ctx, func(tx meta.Tx) (err error) {
		if q.User != "" {
			p.grants, err = k.directory.UserGrants(tx, p.Account, q.User)
			return err
		}
		_, p.grants, err = k.directory.RoleGrants(tx, p.Account, q.Role)
		return err
	})
	if err != nil {
		return Explanation{}, err
	}
	v, err := p.at(how).judge(Action{Name: q.Action}, r)
	if err != nil && sluice.KindOf(err) != sluice.NotFound { // a project that is yet to be made
		return Explanation{}, err
	}
	e := Explanation{Allowed: v.allowed, Reason: v.why}
	if v.by.Effect != policy.None {
		e.Policy, e.Effect, e.Statement, e.Line = v.by.Policy, v.by.Effect.String(), v.by.Statement+1, v.by.Line
	}
	return e, nil
}

// parseResource reads a resource's name, whole or its last part. One of another account has to be a project.
func (k *Keys) parseResource(asker *Principal, name string) (Resource, error) {
	if strings.HasPrefix(name, "acs:") {
		parts := strings.SplitN(name, ":", 5)
		if len(parts) < 5 {
			return Resource{}, sluice.Errorf(sluice.Invalid, "parameter", "resource %.200q is not a name such as acs:log:*:*:project/web", name)
		}
		if account := parts[3]; account != "*" && account != "" && account != asker.Account && !strings.HasPrefix(parts[4], "project/") {
			return Resource{}, sluice.Errorf(sluice.Invalid, "parameter", "resource %.200q is of another account", name)
		}
		name = parts[4]
	}
	rest, ok := strings.CutPrefix(name, "project/")
	if !ok || rest == "*" {
		return Resource{Path: name}, nil
	}
	project, path, _ := strings.Cut(rest, "/")
	return Resource{Project: project, Path: path}, nil
}
