package mns_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/internal/wire/mns"
)

/*
The matrix: every row of the table of actions, asked for by everybody there is, as the other dialects have it. The queue of the requests is not
there, so that who is admitted finds nothing to break:

	admitted   any answer but those to strangers, such as QueueNotExist
	denied     AccessDenied, or the code of a signature that does not hold
*/

// target is what a request for a row asks for, and what policies know that by.
func target(r mns.Row) (path, resource string) {
	switch r.Path {
	case "queue":
		path = "/queues/none"
	case "messages":
		path = "/queues/none/messages"
	default:
		path = "/queues"
	}
	resource = path
	switch r.With {
	case "":
	case "ReceiptHandle":
		path += "?ReceiptHandle=x"
	default:
		path += "?" + r.With + "=true"
	}
	return path, resource
}

// example is a body that makes nothing.
func example(r mns.Row) string {
	if r.Name == "CreateQueue" {
		return "<Queue><VisibilityTimeout>0</VisibilityTimeout></Queue>"
	}
	return ""
}

// people are all who ask, and what tells them apart.
type people struct {
	env    *testenv.Env
	t      *testing.T
	root   *client.Client
	home   string // account
	policy map[string]bool
}

func (p *people) client(k testenv.Key) *client.Client {
	p.t.Helper()
	c, err := client.New(client.Options{Endpoint: p.env.URL(), AccessKeyID: k.ID, Secret: k.Secret, SecurityToken: k.Token})
	ok(p.t, err)
	return c
}

// user makes a user of an account with a system policy, and a key of it.
func (p *people) user(c *client.Client, name, policy string) *testenv.Key {
	p.t.Helper()
	_, err := c.CreateUser(p.t.Context(), name, "")
	ok(p.t, err)
	if policy != "" {
		ok(p.t, c.AttachPolicy(p.t.Context(), "System", policy, client.Holder{User: name}))
	}
	k, err := c.CreateUserKey(p.t.Context(), name)
	ok(p.t, err)
	return &testenv.Key{ID: k.ID, Secret: k.Secret}
}

func (p *people) key(spec client.KeySpec) *testenv.Key {
	p.t.Helper()
	k, err := p.root.CreateKey(p.t.Context(), spec)
	ok(p.t, err)
	return &testenv.Key{ID: k.ID, Secret: k.Secret, Token: k.SecurityToken}
}

// grant makes a user's only policy a statement about one resource.
func (p *people) grant(user, action, resource string) {
	p.t.Helper()
	document := fmt.Sprintf(`{"Version":"1","Statement":[{"Effect":"Allow","Action":%q,"Resource":"acs:mns:*:%s:%s"}]}`, action, p.home, resource)
	if p.policy[user] {
		ok(p.t, p.root.UpdatePolicy(p.t.Context(), user, document))
		return
	}
	p.policy[user] = true
	ok(p.t, p.root.CreatePolicy(p.t.Context(), user, "", document))
	ok(p.t, p.root.AttachPolicy(p.t.Context(), "Custom", user, client.Holder{User: user}))
}

var knownName = regexp.MustCompile(`^mns:[A-Z][A-Za-z]+$`)

func TestMatrix(t *testing.T) {
	env := testenv.Start(t)
	p := &people{env: env, t: t, policy: map[string]bool{}}
	p.root = p.client(testenv.RootKey)
	me, err := p.root.WhoAmI(t.Context())
	ok(t, err)
	p.home = me.AccountID

	admin, reader := p.user(p.root, "admin", "AdministratorAccess"), p.user(p.root, "reader", "ReadOnlyAccess")
	exact, elsewhere := p.user(p.root, "exact", ""), p.user(p.root, "elsewhere", "")
	plain, readOnly := p.key(client.KeySpec{}), p.key(client.KeySpec{ReadOnly: true})
	scoped, brief := p.key(client.KeySpec{Projects: []string{"web"}}), p.key(client.KeySpec{ExpiresInSeconds: 3600})
	untold := &testenv.Key{ID: brief.ID, Secret: brief.Secret}
	disabled := p.key(client.KeySpec{})
	ok(t, p.root.SetKeyDisabled(t.Context(), disabled.ID, true))
	account, err := p.root.CreateAccount(t.Context(), "far")
	ok(t, err)
	far := &testenv.Key{ID: account.AccessKeyID, Secret: account.Secret}

	strangers := []string{
		"AccessDenied", "MissingAuthorizationHeader", "SignatureDoesNotMatch", "InvalidAccessKeyId", "InvalidSecurityToken",
	}
	for _, r := range mns.Rows() {
		if !knownName.MatchString(r.Permission) {
			t.Errorf("%s: permission %q: nobody can say who may", r.Name, r.Permission)
			continue
		}
		path, resource := target(r)
		p.grant("exact", r.Permission, resource)
		p.grant("elsewhere", r.Permission, resource+"x")
		looks := regexp.MustCompile("^mns:(Get|List|Query|Describe)").MatchString(r.Permission)
		for _, c := range []struct {
			who  string
			key  *testenv.Key
			may  bool
			code string // instead of AccessDenied
		}{
			{"the root", &testenv.RootKey, true, ""},
			{"an administrator", admin, true, ""},
			{"a reader by policy", reader, looks, ""},
			{"a user of just this", exact, true, ""},
			{"a user of the same elsewhere", elsewhere, false, ""},
			{"a key without a user", plain, true, ""},
			{"a read-only key", readOnly, !r.Mutating, ""},
			{"a key of a project", scoped, false, ""},
			{"a key for an hour", brief, true, ""},
			{"the same without its token", untold, false, "InvalidSecurityToken"},
			{"another account itself", far, true, ""},
			{"a disabled key", disabled, false, "InvalidAccessKeyId"},
			{"a key that nobody has", &testenv.Key{ID: "nobody", Secret: "secret"}, false, "InvalidAccessKeyId"},
			{"a forged signature", &testenv.Key{ID: testenv.RootID, Secret: "not the secret"}, false, "SignatureDoesNotMatch"},
			{"no signature", nil, false, "MissingAuthorizationHeader"},
		} {
			got := call(t, env, c.key, r.Method, path, example(r))
			want := c.code
			if want == "" {
				want = "AccessDenied"
			}
			if slices.Contains(strangers, got.Code) == c.may || !c.may && got.Code != want {
				t.Errorf("%s (%s on %q), %s: got %d %s, want admitted: %v", r.Name, r.Permission, resource, c.who, got.status, got.body, c.may)
			}
		}
	}
}

// Accounts have queues of their own, under the same names.
func TestTenantsAreApart(t *testing.T) {
	env := testenv.Start(t)
	p := &people{env: env, t: t}
	account, err := p.client(testenv.RootKey).CreateAccount(t.Context(), "far")
	ok(t, err)
	far := &testenv.Key{ID: account.AccessKeyID, Secret: account.Secret}
	f := func(key *testenv.Key, method, path, body string, status int) answer {
		t.Helper()
		a := call(t, env, key, method, path, body)
		if a.status != status {
			t.Fatalf("%s %s: got %d %s, want %d", method, path, a.status, a.body, status)
		}
		return a
	}
	root := &testenv.RootKey
	f(root, "PUT", "/queues/q", "", http.StatusCreated)
	f(root, "POST", "/queues/q/messages", "<Message><MessageBody>ours</MessageBody></Message>", http.StatusCreated)
	f(far, "GET", "/queues/q", "", http.StatusNotFound)
	f(far, "PUT", "/queues/q", "", http.StatusCreated)
	f(far, "GET", "/queues/q/messages", "", http.StatusNotFound)
	f(far, "POST", "/queues/q/messages", "<Message><MessageBody>theirs</MessageBody></Message>", http.StatusCreated)
	got := f(root, "GET", "/queues/q/messages?numOfMessages=16", "", http.StatusOK)
	if strings.Contains(got.body, "theirs") || !strings.Contains(got.body, "ours") {
		t.Errorf("received %s", got.body)
	}
	handle := regexp.MustCompile("<ReceiptHandle>(.*)</ReceiptHandle>").FindStringSubmatch(got.body)[1]
	f(far, "DELETE", "/queues/q/messages?ReceiptHandle="+handle, "", http.StatusNotFound)
	f(far, "DELETE", "/queues/q", "", http.StatusNoContent)
	f(root, "DELETE", "/queues/q/messages?ReceiptHandle="+handle, "", http.StatusNoContent)
	// Not even the logs of bodies can be had.
	a := env.Do(t, testenv.Call{Project: "mns-queues", Target: "/logstores/messages", Key: far})
	if a.Code != "Unauthorized" {
		t.Errorf("the logstore of another account: %d %s", a.Status, a.Code)
	}
}
