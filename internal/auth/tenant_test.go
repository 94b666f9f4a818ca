package auth

import (
	"net/netip"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/iam"
	"github.com/sluicelog/sluice/internal/iam/policy"
	"github.com/sluicelog/sluice/internal/meta"
)

// tenant makes an account and returns its id.
func (b *bench) tenant(t testing.TB, name string) string {
	t.Helper()
	a, err := b.directory.CreateAccount(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return a.ID
}

// user makes a user of an account with system policies, and returns its principal.
func (b *bench) user(t testing.TB, account, name string, policies ...string) *Principal {
	t.Helper()
	ctx := t.Context()
	if _, err := b.directory.CreateUser(ctx, iam.User{Entry: iam.Entry{Account: account, Name: name}}); err != nil {
		t.Fatal(err)
	}
	for _, p := range policies {
		if err := b.directory.Attach(ctx, account, iam.ToUser, name, iam.Attached{Type: iam.System, Name: p}); err != nil {
			t.Fatal(err)
		}
	}
	return b.as(t, NewKey{Account: account, User: name})
}

// custom gives a user a policy of its own.
func (b *bench) custom(t testing.TB, account, user, name, document string) {
	t.Helper()
	if _, err := b.directory.CreatePolicy(t.Context(), account, name, "", document); err != nil {
		t.Fatal(err)
	}
	if err := b.directory.Attach(t.Context(), account, iam.ToUser, user, iam.Attached{Type: iam.Custom, Name: name}); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) renewed(t testing.TB, p *Principal) *Principal {
	t.Helper()
	now, err := New(b.Keys, b.now, Options{}).Renew(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return now
}

var (
	read  = Action{Name: "log:GetLogStoreLogs"}
	write = Action{Name: "log:PostLogStoreLogs", Mutating: true}
)

func mayAll(t *testing.T, what string, p *Principal, r Resource, want bool, actions ...Action) {
	t.Helper()
	for _, a := range actions {
		err := p.Authorize(a, r)
		if want && err != nil {
			t.Errorf("%s: %s on %s: %v", what, a.Name, r.name(), err)
		}
		if !want {
			wantError(t, what+": "+a.Name+" on "+r.name(), err, sluice.Unauthorized, "action")
		}
	}
}

func TestAccountsDoNotReachEachOther(t *testing.T) {
	b := newBench(t)
	other := b.tenant(t, "other")
	b.makeProject(t, meta.Project{Name: "ours"})
	b.makeProject(t, meta.Project{Name: "theirs", Account: other})
	ours, theirs := Resource{Project: "ours", Logstore: "l"}, Resource{Project: "theirs", Logstore: "l"}
	root, owner := b.as(t, NewKey{Root: true}), b.as(t, NewKey{Account: other, Root: true})
	admin := b.user(t, other, "admin", "AdministratorAccess")
	plain := b.as(t, NewKey{Account: other})
	for name, p := range map[string]*Principal{"owner": owner, "admin": admin, "plain key": plain} {
		mayAll(t, name, p, theirs, true, read, write)
		mayAll(t, name, p, ours, false, read, write)
		if p.Root || p.Owns("") || !p.Owns(other) || p.Account != other {
			t.Errorf("%s: got %+v", name, p)
		}
		mayAll(t, name, p, Resource{}, false, Action{Name: "sluice:CreateAccount", Mutating: true, Root: true})
	}
	mayAll(t, "root", root, ours, true, read, write)
	mayAll(t, "root", root, theirs, false, read, write)
}

func TestUsersMayWhatTheirPoliciesSay(t *testing.T) {
	b := newBench(t)
	root := b.directory.Root()
	b.makeProject(t, meta.Project{Name: "app"})
	b.makeProject(t, meta.Project{Name: "web"})
	none := b.user(t, root, "none")
	reader := b.user(t, root, "reader", "AliyunLogReadOnlyAccess")
	app := b.user(t, root, "app")
	b.custom(t, root, "app", "app", `{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:*","Resource":["acs:log:*:*:project/app","acs:log:*:*:project/app/logstore/a*"]}]}`)
	a, c := Resource{Project: "app", Logstore: "a1"}, Resource{Project: "app", Logstore: "c"}
	mayAll(t, "a user without policies", none, a, false, read, write)
	mayAll(t, "a reader", reader, a, true, read)
	mayAll(t, "a reader", reader, a, false, write)
	app = b.renewed(t, app)
	mayAll(t, "a user of some logstores", app, a, true, read, write)
	mayAll(t, "a user of some logstores", app, c, false, read, write)
	mayAll(t, "a user of some logstores", app, Resource{Project: "web", Logstore: "a1"}, false, read, write)
	mayAll(t, "a user of some logstores", app, Resource{}, false, Action{Name: "ram:AttachPolicyToUser", Mutating: true})

	// What is taken away counts at once.
	if err := b.directory.Detach(t.Context(), root, iam.ToUser, "app", iam.Attached{Type: iam.Custom, Name: "app"}); err != nil {
		t.Fatal(err)
	}
	mayAll(t, "a user whose policy was detached", b.renewed(t, app), a, false, read, write)
}

func TestScopeOfAKeyLimitsItsUser(t *testing.T) {
	b := newBench(t)
	root := b.directory.Root()
	b.makeProject(t, meta.Project{Name: "app"})
	b.makeProject(t, meta.Project{Name: "web"})
	b.user(t, root, "admin", "AdministratorAccess")
	p := b.as(t, NewKey{User: "admin", Projects: []string{"app"}, ReadOnly: true})
	mayAll(t, "a scoped key", p, Resource{Project: "app"}, true, read)
	mayAll(t, "a scoped key", p, Resource{Project: "app"}, false, write)
	mayAll(t, "a scoped key", p, Resource{Project: "web"}, false, read)
}

func TestUsersHaveTwoKeysAtMost(t *testing.T) {
	b := newBench(t)
	b.user(t, b.directory.Root(), "alice") // has one
	b.create(t, NewKey{User: "alice"})
	_, err := b.Create(t.Context(), NewKey{User: "alice"})
	wantError(t, "a third key", err, sluice.Throttled, "accesskey")
	_, err = b.Create(t.Context(), NewKey{User: "nobody"})
	wantError(t, "a key of nobody", err, sluice.NotFound, "user")
	_, err = b.Create(t.Context(), NewKey{Account: "1234567890123456"})
	wantError(t, "a key of no account", err, sluice.NotFound, "account")
	_, err = b.Create(t.Context(), NewKey{User: "alice", Root: true})
	wantError(t, "a user that is the account", err, sluice.Invalid, "accesskey")
}

// The keys of other accounts do not count among those of the installation's root.
func TestOwnersOfOtherAccountsAreNotTheRoot(t *testing.T) {
	b := newBench(t)
	_, root, _, err := b.EnsureRoot(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	owner := b.create(t, NewKey{Account: b.tenant(t, "other"), Root: true})
	wantError(t, "the last root key", b.Disable(t.Context(), root), sluice.Conflict, "accesskey")
	if err := b.Disable(t.Context(), owner.ID); err != nil {
		t.Errorf("the only key of another account: %v", err)
	}
}

func TestProjectPolicies(t *testing.T) {
	b := newBench(t)
	home, other := b.directory.Root(), b.tenant(t, "other")
	b.makeProject(t, meta.Project{Name: "p"})
	p := Resource{Project: "p", Logstore: "l"}
	root := b.as(t, NewKey{Root: true})
	alice := b.user(t, home, "alice")
	stranger, bob := b.as(t, NewKey{Account: other, Root: true}), b.user(t, other, "bob", "AliyunLogReadOnlyAccess")
	set := func(statements string) {
		t.Helper()
		document := ""
		if statements != "" {
			document = `{"Version":"1","Statement":[` + statements + `]}`
		}
		if err := b.SetPolicy(t.Context(), "p", "", document); err != nil {
			t.Fatal(err)
		}
	}
	set(`{"Effect":"Allow","Action":"log:*","Resource":"*","Principal":["` + other + `"]}`)
	mayAll(t, "an account that is let in", stranger, p, true, read, write)
	mayAll(t, "its user, as far as its own policies go", bob, p, true, read)
	mayAll(t, "its user, as far as its own policies go", bob, p, false, write)
	mayAll(t, "a user of the owner", alice, p, false, read)

	set(`{"Effect":"Allow","Action":"log:Get*","Resource":"acs:log:*:*:project/p/*","Principal":["acs:ram::` + home + `:user/alice"]}`)
	mayAll(t, "a user that the project lets in", alice, p, true, read)
	mayAll(t, "a user that the project lets in", alice, p, false, write)
	mayAll(t, "an account that is no longer let in", stranger, p, false, read)

	set(`{"Effect":"Deny","Action":"*","Resource":"*","Principal":"*","Condition":{"NotIpAddress":{"acs:SourceIp":"192.0.2.0/24"}}}`)
	control := []Action{{Name: "log:GetProjectPolicy"}, {Name: "log:PutProjectPolicy", Mutating: true}, {Name: "log:DeleteProjectPolicy", Mutating: true}}
	mayAll(t, "the owner from elsewhere", root, p, false, read, write)
	mayAll(t, "the owner from elsewhere", root, Resource{Project: "p"}, true, control...)
	inside := root.at(policy.Context{Source: netip.MustParseAddr("192.0.2.1"), Time: b.clock})
	mayAll(t, "the owner from inside", inside, p, true, read, write)

	set("")
	mayAll(t, "the owner without a policy", root, p, true, read, write)
	got, err := b.Policy(t.Context(), "p", "")
	if got != (SharedPolicy{}) || err != nil {
		t.Errorf("got policy %+v and error %v after it was taken away", got, err)
	}
	wantError(t, "of a missing project", b.SetPolicy(t.Context(), "none", "", ""), sluice.NotFound, "project")
	wantError(t, "a bad one", b.SetPolicy(t.Context(), "p", "", "{}"), sluice.Invalid, "document")
}

// The policy of a logstore is about that logstore alone, by whatever name, and is asked beside the project's.
func TestPolicyOfALogstore(t *testing.T) {
	b := newBench(t)
	other := b.tenant(t, "other")
	b.makeProject(t, meta.Project{Name: "p"})
	store := func(fn func(tx meta.Tx) error) {
		t.Helper()
		if err := b.store.Update(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	l := meta.Logstore{Project: "p", Name: "l", TTLDays: 1}
	store(func(tx meta.Tx) error { return tx.CreateLogstore(l) })
	set := func(logstore, statement string) {
		t.Helper()
		document := ""
		if statement != "" {
			document = `{"Version":"1","Statement":[` + statement + `]}`
		}
		if err := b.SetPolicy(t.Context(), "p", logstore, document); err != nil {
			t.Fatal(err)
		}
	}
	root, stranger := b.as(t, NewKey{Root: true}), b.as(t, NewKey{Account: other, Root: true})
	names := []Resource{{Project: "p", Logstore: "l"}, {Project: "p", Path: "logstore/l/consumergroup/g"}, {Project: "p", Path: "logstore/l"}, {Project: "p", Path: "metricstore/l"}}
	all := func(who string, p *Principal, may bool, actions ...Action) {
		t.Helper()
		for _, r := range names {
			mayAll(t, who, p, r, may, actions...)
		}
		for _, r := range []Resource{{Project: "p", Logstore: "l2"}, {Project: "p", Path: "logstore/l2/x"}, {Project: "p", Path: "dashboard/l"}, {Project: "p"}} {
			mayAll(t, who+", elsewhere", p, r, p == root, actions...)
		}
	}
	set("l", `{"Effect":"Allow","Action":"log:*","Resource":"*","Principal":["`+other+`"]}`)
	all("an account that is let in", stranger, true, read, write)
	set("l", `{"Effect":"Deny","Action":"log:*","Resource":"*","Principal":["`+b.directory.Root()+`"]}`)
	all("the owner", root, false, read, write)
	control := []Action{{Name: "log:GetResourcePolicy"}, {Name: "log:PutResourcePolicy", Mutating: true}, {Name: "log:DeleteResourcePolicy", Mutating: true}}
	mayAll(t, "the owner, who keeps control", root, names[0], true, control...)
	set("l", "")
	all("the owner", root, true, read, write)

	set("l", `{"Effect":"Allow","Action":"log:*","Resource":"*","Principal":["`+other+`"]}`)
	set("", `{"Effect":"Deny","Action":"*","Resource":"acs:log:*:*:project/p/logstore/*","Principal":["`+other+`"]}`)
	mayAll(t, "whom the project denies", stranger, names[0], false, read, write)
	set("", "")
	mayAll(t, "whom the project does not deny any more", stranger, names[0], true, read)
	store(func(tx meta.Tx) error { return tx.DeleteLogstore(l.Ref()) })
	store(func(tx meta.Tx) error { return tx.CreateLogstore(l) })
	mayAll(t, "of another logstore of that name", stranger, names[0], false, read, write)
	set("l", `{"Effect":"Deny","Action":"log:*","Resource":"*","Principal":["`+b.directory.Root()+`"]}`)
	mayAll(t, "of another logstore of that name, which has one", root, names[0], false, read)
	wantError(t, "of a missing logstore", b.SetPolicy(t.Context(), "p", "none", ""), sluice.NotFound, "logstore")
}

func TestAnonymousIsForbiddenByAPolicyAlone(t *testing.T) {
	b := newBench(t)
	b.makeProject(t, meta.Project{Name: "p"})
	a := New(b.Keys, b.now, Options{})
	track, p := Action{Name: "log:PutWebTracking", Mutating: true}, Resource{Project: "p", Logstore: "l"}
	who := a.Anonymous(request(1, "x", "y", b.clock, ""))
	if err := who.Forbids(track, p); err != nil {
		t.Errorf("without a policy: %v", err)
	}
	wantError(t, "what he may by himself", who.Authorize(track, p), sluice.Unauthorized, "action")
	if err := b.SetPolicy(t.Context(), "p", "", `{"Version":"1","Statement":[{"Effect":"Deny","Action":"log:PutWebTracking","Resource":"*","Principal":"*"}]}`); err != nil {
		t.Fatal(err)
	}
	wantError(t, "by the policy", who.Forbids(track, p), sluice.Unauthorized, "action")
}

func TestDeliveriesKeepToTheirAccount(t *testing.T) {
	b := newBench(t)
	other := b.tenant(t, "other")
	b.makeProject(t, meta.Project{Name: "from"})
	b.makeProject(t, meta.Project{Name: "ours"})
	b.makeProject(t, meta.Project{Name: "theirs", Account: other})
	ship := func(to string) error {
		return b.MayShip(t.Context(), "from", sluice.LogstoreRef{Project: to, Logstore: "l"})
	}
	if err := ship("ours"); err != nil {
		t.Error(err)
	}
	if err := ship("none"); err != nil {
		t.Errorf("to what is not there, which the write door says: %v", err)
	}
	wantError(t, "to another account", ship("theirs"), sluice.Unauthorized, "action")
	document := `{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:PostLogStoreLogs","Resource":"*","Principal":"` + b.directory.Root() + `"}]}`
	if err := b.SetPolicy(t.Context(), "theirs", "", document); err != nil {
		t.Fatal(err)
	}
	if err := ship("theirs"); err != nil {
		t.Errorf("where its policy lets it: %v", err)
	}
}

func TestLastUse(t *testing.T) {
	b := newBench(t)
	c, unused := b.create(t, NewKey{}), b.create(t, NewKey{})
	a := New(b.Keys, b.now, Options{})
	if _, _, err := a.Authenticate(request(1, c.ID, c.Secret, b.clock, "")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.Authenticate(request(1, unused.ID, "wrong", b.clock, "")); err == nil {
		t.Fatal("a wrong secret was accepted")
	}
	generation := b.store.Generation()
	for range 2 {
		if err := b.FlushUses(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if b.store.Generation() != generation {
		t.Error("writing the last use made caches stale")
	}
	again := NewKeys(b.store, b.ring, b.directory, b.now) // after a restart
	for id, want := range map[string]time.Time{c.ID: b.clock, unused.ID: {}} {
		for name, keys := range map[string]*Keys{"before": b.Keys, "after a restart": again} {
			if got, err := keys.Get(t.Context(), id); err != nil || !got.LastUsed.Equal(want) {
				t.Errorf("%s: got %v and error %v, want %v", name, got.LastUsed, err, want)
			}
		}
	}
	if err := b.Delete(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	if err := b.FlushUses(t.Context()); err != nil {
		t.Errorf("a key that is gone: %v", err)
	}
}

// BenchmarkAuthorize is a decision with all around it: whose project it is, a user's hundred statements, the answer.
func BenchmarkAuthorize(b *testing.B) {
	bench := newBench(b)
	bench.makeProject(b, meta.Project{Name: "p"})
	owner := bench.as(b, NewKey{Root: true})
	user := bench.user(b, bench.directory.Root(), "alice", "AliyunLogFullAccess")
	for name, p := range map[string]*Principal{"owner": owner, "user": user} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Authorize(write, Resource{Project: "p", Logstore: "l"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
