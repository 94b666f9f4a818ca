package sls_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/asyncsql"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/control"
	"github.com/sluicelog/sluice/internal/iam"
	"github.com/sluicelog/sluice/internal/keyquota"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/sign"
	"github.com/sluicelog/sluice/internal/wire"
	"github.com/sluicelog/sluice/internal/wire/sls"
)

/*
The matrix: every row of the table of routes, asked for by everybody there is. Who is admitted is worked out here a second time, from the row
and from what each of them is, and has to be what the server does:

	routes ×  the root · an administrator · a reader by policy · a key without a user · a read-only key · a key of this project · a key of another ·
	          a user of just this action on just this resource · of the same on another resource · of another action on this resource ·
	          a session of a reader's role · the same with a limit · another account itself · its administrator ·
	          a disabled key · a deleted key · a key that nobody has · a forged signature · no signature

A route that is not of a known shape fails, since nobody could say who may.
*/

// place is a dialect whose actions do nothing, over identities that are real.
type place struct {
	t         *testing.T
	server    *httptest.Server
	keys      *auth.Keys
	directory *iam.Directory
	store     meta.Store
	home, far string // ids of the root account and of another one
}

func newPlace(t *testing.T) *place {
	env := catalogtest.Open(t, catalog.Options{}, shard.Options{})
	p := &place{t: t, store: env.Meta}
	ring, err := auth.LoadOrCreateKeyring(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	p.directory = iam.New(p.store, time.Now)
	p.keys = auth.NewKeys(p.store, ring, p.directory, time.Now)
	api := sls.New(sls.Services{
		Auth: auth.New(p.keys, time.Now, auth.Options{}), Keys: p.keys, Catalog: env.Catalog,
		Control: control.New(p.store, ring, control.Options{}), AsyncSQL: asyncsql.New(asyncsql.Options{}), KeyQuotas: keyquota.New(p.store, keyquota.Options{Now: time.Now}),
	}, sls.Options{Addressing: wire.NewAddressing("sls.test")})
	api.Hollow()
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api.Serve(w, r, &wire.Call{ID: strings.Repeat("0", 24)})
	}))
	t.Cleanup(p.server.Close)
	root, err := p.directory.EnsureRoot(t.Context())
	p.must(err)
	far, err := p.directory.CreateAccount(t.Context(), "far")
	p.must(err)
	p.home, p.far = root.ID, far.ID
	p.must(p.store.Update(t.Context(), func(tx meta.Tx) error { return tx.CreateProject(meta.Project{Name: "web"}) }))
	return p
}

func (p *place) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) key(n auth.NewKey) auth.Created {
	p.t.Helper()
	c, err := p.keys.Create(p.t.Context(), n)
	p.must(err)
	return c
}

// user makes a user with a system policy and returns a key of it.
func (p *place) user(account, name, policy string) auth.Created {
	p.t.Helper()
	_, err := p.directory.CreateUser(p.t.Context(), iam.User{Entry: iam.Entry{Account: account, Name: name}})
	p.must(err)
	if policy != "" {
		p.must(p.directory.Attach(p.t.Context(), account, iam.ToUser, name, iam.Attached{Type: iam.System, Name: policy}))
	}
	return p.key(auth.NewKey{Account: account, User: name})
}

// session assumes a role with a system policy.
func (p *place) session(role, policy, limit string) auth.Created {
	p.t.Helper()
	ctx := p.t.Context()
	_, err := p.directory.CreateRole(ctx, iam.Role{Entry: iam.Entry{Account: p.home, Name: role}, Trust: `{"Version":"1","Statement":[
		{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::` + p.home + `:root"}}]}`})
	p.must(err)
	p.must(p.directory.Attach(ctx, p.home, iam.ToRole, role, iam.Attached{Type: iam.System, Name: policy}))
	owner := p.key(auth.NewKey{Root: true})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Host = "sls.test"
	signV1(r, owner)
	who, _, err := auth.New(p.keys, time.Now, auth.Options{}).Authenticate(r)
	p.must(err)
	s, err := p.keys.AssumeRole(ctx, who, auth.Assume{Role: "acs:ram::" + p.home + ":role/" + role, Session: "matrix", Policy: limit})
	p.must(err)
	return s.Created
}

func signV1(r *http.Request, c auth.Created) {
	r.Header.Set("x-log-apiversion", "0.6.0")
	r.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	if c.Token != "" {
		r.Header.Set("x-acs-security-token", c.Token)
	}
	sign.SignV1(c.Secret, c.ID, &sign.Request{Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Host: r.Host, Header: r.Header})
}

// ask sends a route's request, signed unless c is nil, and returns the code of the answer.
func (p *place) ask(r sls.Route, c *auth.Created) string {
	p.t.Helper()
	call := example(r)
	u, err := url.Parse(p.server.URL + call.Target)
	p.must(err)
	req, err := http.NewRequestWithContext(p.t.Context(), r.Method, u.String(), strings.NewReader(string(call.Body)))
	p.must(err)
	req.Host = "sls.test"
	if call.Project != "" {
		req.Host = call.Project + ".sls.test"
	}
	if c != nil {
		signV1(req, *c)
	} else {
		req.Header.Set("x-log-apiversion", "0.6.0")
	}
	resp, err := http.DefaultClient.Do(req)
	p.must(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	p.must(err)
	var failure struct{ ErrorCode string }
	if resp.StatusCode != http.StatusOK && r.Method == http.MethodHead {
		return map[int]string{400: "MissAccessKeyId", 401: "Unauthorized"}[resp.StatusCode] // no body, no code
	}
	if resp.StatusCode != http.StatusOK && json.Unmarshal(body, &failure) != nil {
		p.t.Fatalf("%s: %d %s", r.Action, resp.StatusCode, body)
	}
	return failure.ErrorCode
}

// object is the resource of a route's example, below the account: worked out from the row alone.
func object(r sls.Route) string {
	below, ofAccount := strings.CutPrefix(r.Resource, "/")
	project := r.Host != sls.OnBare && !ofAccount
	name := strings.NewReplacer("{logstore}", "access", "{shard}", "0", "{", "x-", "}", "").Replace(below)
	switch {
	case r.Late && r.Action == "CreateLogStore":
		return "project/web/logstore/access"
	case name == "project" && project:
		return "project/web"
	case name == "account":
		return "*"
	case project:
		return "project/web/" + name
	}
	return name
}

var (
	looks    = regexp.MustCompile(`^(log|sluice):(Get|List|Query|Describe)`)
	actionOK = regexp.MustCompile(`^(log|sluice):[A-Z][A-Za-z0-9]+$`)
)

func TestMatrix(t *testing.T) {
	p := newPlace(t)
	ctx := t.Context()
	admin, reader := p.user(p.home, "admin", "AdministratorAccess"), p.user(p.home, "reader", "ReadOnlyAccess")
	exact, elsewhere, otherwise := p.user(p.home, "exact", ""), p.user(p.home, "elsewhere", ""), p.user(p.home, "otherwise", "")
	root, plain, readOnly := p.key(auth.NewKey{Root: true}), p.key(auth.NewKey{}), p.key(auth.NewKey{ReadOnly: true})
	here, there := p.key(auth.NewKey{Projects: []string{"web"}}), p.key(auth.NewKey{Projects: []string{"other"}})
	session := p.session("reader", "AliyunLogReadOnlyAccess", "")
	limited := p.session("limited", "AdministratorAccess", `{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:Nothing","Resource":"*"}]}`)
	owner, stranger := p.key(auth.NewKey{Account: p.far, Root: true}), p.user(p.far, "admin", "AdministratorAccess")
	disabled, deleted := p.key(auth.NewKey{Root: true}), p.key(auth.NewKey{Root: true})
	p.must(p.keys.Disable(ctx, disabled.ID))
	p.must(p.keys.Delete(ctx, deleted.ID))
	unknown, forged := auth.Created{ID: "nobody", Secret: "secret"}, auth.Created{ID: root.ID, Secret: "not the secret"}
	expectedDenials := []string{"Unauthorized"}

	for _, r := range sls.Routes() {
		if r.Anonymous {
			continue // TestEveryRouteAsksWhoAndWhether has them
		}
		if !actionOK.MatchString(r.Permission) || r.Resource == "" {
			t.Errorf("%s: permission %q on %q: nobody can say who may", r.Action, r.Permission, r.Resource)
			continue
		}
		p.allow("exact", r.Permission, "acs:log:*:"+p.home+":"+object(r))
		p.allow("elsewhere", r.Permission, "acs:log:*:"+p.home+":x"+object(r))
		p.allow("otherwise", r.Permission+"X", "*")
		home := strings.HasPrefix(object(r), "project/web") // the example is about project web
		for _, c := range []struct {
			who  string
			key  *auth.Created
			may  bool
			code string // instead of Unauthorized
		}{
			{"the root", &root, true, ""},
			{"an administrator", &admin, !r.Root, ""},
			{"a reader by policy", &reader, !r.Root && looks.MatchString(r.Permission), ""},
			{"a key without a user", &plain, !r.Root, ""},
			{"a read-only key", &readOnly, !r.Root && !r.Mutating, ""},
			{"a key of this project", &here, !r.Root && home, ""},
			{"a key of another project", &there, false, ""},
			{"a user of just this", &exact, !r.Root, ""},
			{"a user of the same elsewhere", &elsewhere, false, ""},
			{"a user of something else", &otherwise, false, ""},
			{"a session of a reader", &session, !r.Root && looks.MatchString(r.Permission), ""},
			{"a session with a limit", &limited, false, ""},
			{"another account itself", &owner, !r.Root && (!home || r.Action == "CreateProject"), ""},
			{"another account's administrator", &stranger, !r.Root && (!home || r.Action == "CreateProject"), ""},
			{"a disabled key", &disabled, false, ""},
			{"a deleted key", &deleted, false, ""},
			{"a key that nobody has", &unknown, false, ""},
			{"a forged signature", &forged, false, "SignatureNotMatch"},
			{"no signature", nil, false, "MissAccessKeyId"},
		} {
			got := p.ask(r, c.key)
			denied := got == expectedDenials[0] || got == "SignatureNotMatch" || got == "MissAccessKeyId"
			switch {
			case c.may == denied, !c.may && c.code != "" && got != c.code && r.Method != http.MethodHead:
				t.Errorf("%s (%s %s, %s on %s), %s: got %q, want admitted: %v %s", r.Action, r.Method, r.Path, r.Permission, object(r), c.who, got, c.may, c.code)
			}
		}
	}
}

// allow makes a user's only policy one statement.
func (p *place) allow(user, action, resource string) {
	p.t.Helper()
	ctx := p.t.Context()
	document := fmt.Sprintf(`{"Version":"1","Statement":[{"Effect":"Allow","Action":%q,"Resource":%q}]}`, action, resource)
	custom := iam.Attached{Type: iam.Custom, Name: user}
	if _, err := p.directory.Policy(ctx, p.home, custom); err == nil {
		p.must(p.directory.Detach(ctx, p.home, iam.ToUser, user, custom))
		p.must(p.directory.DeletePolicy(ctx, p.home, user))
	}
	_, err := p.directory.CreatePolicy(ctx, p.home, user, "", document)
	p.must(err)
	p.must(p.directory.Attach(ctx, p.home, iam.ToUser, user, custom))
}
