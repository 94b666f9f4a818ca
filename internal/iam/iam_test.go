package iam

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/iam/policy"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/meta/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	allowRead = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:Get*","Resource":"*"}]}`
	trustHome = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::1000000000000001:root"}}]}`
)

type bench struct {
	*Directory
	store meta.Store
	clock time.Time
	root  string // id of the root account
	other string // id of another one
}

func newBench(t *testing.T) *bench {
	t.Helper()
	store, err := sqlite.Open(filepath.Join(t.TempDir(), "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bench{store: store, clock: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)}
	b.Directory = New(store, func() time.Time { return b.clock })
	root, err := b.EnsureRoot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other, err := b.CreateAccount(t.Context(), "other")
	if err != nil {
		t.Fatal(err)
	}
	b.root, b.other = root.ID, other.ID
	return b
}

func (b *bench) user(t *testing.T, account, name string) {
	t.Helper()
	if _, err := b.CreateUser(t.Context(), User{Entry: Entry{Account: account, Name: name}}); err != nil {
		t.Fatal(err)
	}
}

func ok(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func refused(t *testing.T, what string, err error, kind sluice.Kind, noun string) {
	t.Helper()
	var e *sluice.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Noun != noun {
		t.Errorf("%s: got error %#v, want %v [%s]", what, err, kind, noun)
	}
}

func TestRootAccountIsMadeOnce(t *testing.T) {
	b := newBench(t)
	again, err := New(b.store, time.Now).EnsureRoot(t.Context())
	if err != nil || again.ID != b.root || len(again.ID) != 16 || !again.Root {
		t.Errorf("got %+v and error %v, want account %s", again, err, b.root)
	}
	if !b.IsRoot("") || !b.IsRoot(b.root) || b.IsRoot(b.other) {
		t.Error("IsRoot does not know the root account")
	}
}

func TestAccounts(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	_, err := b.CreateAccount(ctx, "OTHER")
	refused(t, "a name that is taken", err, sluice.AlreadyExists, "account")
	_, err = b.CreateAccount(ctx, "a b")
	refused(t, "a bad name", err, sluice.Invalid, "accountname")
	refused(t, "delete the root", b.DeleteAccount(ctx, b.root), sluice.Conflict, "account")
	refused(t, "delete what is not there", b.DeleteAccount(ctx, "1"), sluice.NotFound, "account")

	b.user(t, b.other, "alice")
	b.user(t, b.root, "alice")
	ok(t, "update", b.store.Update(ctx, func(tx meta.Tx) error {
		return errors.Join(
			tx.CreateProject(meta.Project{Name: "p", Account: b.other}),
			tx.CreateDocument(meta.Document{Project: meta.AccountScope(b.other), Kind: "resource", Name: "users"}),
			tx.CreateDocument(meta.Document{Project: meta.AccountScope(""), Kind: "resource", Name: "users"}),
			tx.CreateAccessKey(meta.AccessKey{ID: "k", Account: b.other, User: "alice"}), tx.CreateAccessKey(meta.AccessKey{ID: "r"}))
	}))
	refused(t, "delete one with a project", b.DeleteAccount(ctx, b.other), sluice.Conflict, "account")
	ok(t, "delete the project", b.store.Update(ctx, func(tx meta.Tx) error { return tx.DeleteProject("p") }))
	document := meta.Document{Project: meta.AccountScope(b.other), Kind: "resource", Name: "d"}
	ok(t, "a document", b.store.Update(ctx, func(tx meta.Tx) error { return tx.CreateDocument(document) }))
	ok(t, "delete the account", b.DeleteAccount(ctx, b.other))
	ok(t, "documents", b.store.View(ctx, func(tx meta.Tx) error {
		left, err := tx.Documents(document.Project, document.Kind)
		if len(left) > 0 {
			t.Errorf("documents of the account stay: %+v", left)
		}
		return err
	}))
	users, err := b.Users(ctx, b.other)
	if err != nil || len(users) != 0 {
		t.Errorf("got %d users of the account that is gone, and error %v", len(users), err)
	}
	if _, err := b.User(ctx, b.root, "alice"); err != nil {
		t.Errorf("the other account's alice is gone: %v", err)
	}
	ok(t, "documents", b.store.View(ctx, func(tx meta.Tx) error {
		gone, err := tx.DocumentNames(meta.AccountScope(b.other), "resource")
		left, others := tx.DocumentNames(meta.AccountScope(""), "resource")
		if len(gone) != 0 || len(left) != 1 {
			t.Errorf("got documents %q of the account that is gone and %q of the root's", gone, left)
		}
		return errors.Join(err, others)
	}))
	ok(t, "keys", b.store.View(ctx, func(tx meta.Tx) error {
		keys, err := tx.AccessKeys()
		if len(keys) != 1 || keys[0].ID != "r" {
			t.Errorf("got keys %+v, want the root's alone", keys)
		}
		return err
	}))
}

func TestUsers(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	for _, name := range []string{"", "a/b", "a b", "a:b", "*", strings.Repeat("x", 65), "ä"} {
		_, err := b.CreateUser(ctx, User{Entry: Entry{Account: b.root, Name: name}})
		refused(t, name, err, sluice.Invalid, "username")
	}
	_, err := b.CreateUser(ctx, User{Entry: Entry{Account: b.root, Name: "x"}, Comments: strings.Repeat("x", 2000)})
	refused(t, "a long comment", err, sluice.Invalid, "parameter")

	b.user(t, b.root, "alice")
	_, err = b.CreateUser(ctx, User{Entry: Entry{Account: b.root, Name: "alice"}})
	refused(t, "again", err, sluice.AlreadyExists, "user")
	_, err = b.User(ctx, b.other, "alice")
	refused(t, "from another account", err, sluice.NotFound, "user")

	b.clock = b.clock.Add(time.Hour)
	u, err := b.UpdateUser(ctx, b.root, "alice", func(u *User) { u.Comments, u.ID, u.Groups = "c", "0", []string{"admins"} })
	ok(t, "update", err)
	got, err := b.User(ctx, b.root, "alice")
	if diff := cmp.Diff(u, got); diff != "" || err != nil || len(got.ID) != 18 || got.Groups != nil || !got.Modified.Equal(b.clock) || got.Created.Equal(b.clock) {
		t.Errorf("got %+v and error %v\n%s", got, err, diff)
	}
}

func TestRenamedUserKeepsWhatItHas(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	b.user(t, b.root, "alice")
	b.user(t, b.root, "bob")
	ok(t, "keys", b.store.Update(ctx, func(tx meta.Tx) error {
		return errors.Join(tx.CreateAccessKey(meta.AccessKey{ID: "k", User: "alice"}), tx.CreateAccessKey(meta.AccessKey{ID: "l", Account: b.other, User: "alice"}))
	}))
	ok(t, "attach", b.Attach(ctx, b.root, ToUser, "alice", Attached{System, "ReadOnlyAccess"}))
	rename := func(to string) error {
		_, err := b.UpdateUser(ctx, b.root, "alice", func(u *User) { u.Name = to })
		return err
	}
	refused(t, "to a name that is taken", rename("bob"), sluice.AlreadyExists, "user")
	refused(t, "to a bad name", rename("a/b"), sluice.Invalid, "username")
	ok(t, "rename", rename("carol"))
	got, err := b.User(ctx, b.root, "carol")
	if err != nil || len(got.Policies) != 1 {
		t.Errorf("got %+v and error %v, want alice's policy", got, err)
	}
	ok(t, "view", b.store.View(ctx, func(tx meta.Tx) error {
		k, err := tx.AccessKey("k")
		l, err2 := tx.AccessKey("l")
		if k.User != "carol" || l.User != "alice" {
			t.Errorf("the keys belong to %q and %q", k.User, l.User)
		}
		return errors.Join(err, err2)
	}))
	_, err = b.User(ctx, b.root, "alice")
	refused(t, "the old name", err, sluice.NotFound, "user")
}

func TestNothingGoesThatSomethingHangsOn(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	b.user(t, b.root, "alice")
	_, err := b.CreateGroup(ctx, Group{Entry: Entry{Account: b.root, Name: "ops"}})
	ok(t, "group", err)
	_, err = b.CreatePolicy(ctx, b.root, "reads", "", allowRead)
	ok(t, "policy", err)
	_, err = b.CreateRole(ctx, Role{Entry: Entry{Account: b.root, Name: "reader"}, Trust: trustHome})
	ok(t, "role", err)
	reads := Attached{Custom, "reads"}
	ok(t, "key", b.store.Update(ctx, func(tx meta.Tx) error { return tx.CreateAccessKey(meta.AccessKey{ID: "k", User: "alice"}) }))
	ok(t, "member", b.AddToGroup(ctx, b.root, "alice", "ops"))
	ok(t, "attach", b.Attach(ctx, b.root, ToUser, "alice", reads))
	ok(t, "attach", b.Attach(ctx, b.root, ToGroup, "ops", reads))
	ok(t, "attach", b.Attach(ctx, b.root, ToRole, "reader", reads))

	refused(t, "a user with a key", b.DeleteUser(ctx, b.root, "alice"), sluice.Conflict, "user-key")
	ok(t, "key", b.store.Update(ctx, func(tx meta.Tx) error { return tx.DeleteAccessKey("k") }))
	refused(t, "a user in a group", b.DeleteUser(ctx, b.root, "alice"), sluice.Conflict, "user-group")
	refused(t, "a group with a member", b.DeleteGroup(ctx, b.root, "ops"), sluice.Conflict, "group-user")
	ok(t, "member", b.RemoveFromGroup(ctx, b.root, "alice", "ops"))
	refused(t, "a user with a policy", b.DeleteUser(ctx, b.root, "alice"), sluice.Conflict, "user-policy")
	refused(t, "a group with a policy", b.DeleteGroup(ctx, b.root, "ops"), sluice.Conflict, "group-policy")
	refused(t, "a role with a policy", b.DeleteRole(ctx, b.root, "reader"), sluice.Conflict, "role-policy")
	for to, name := range map[Holder]string{ToUser: "alice", ToGroup: "ops", ToRole: "reader"} {
		refused(t, "an attached policy", b.DeletePolicy(ctx, b.root, "reads"), sluice.Conflict, "policy-attached")
		ok(t, "detach", b.Detach(ctx, b.root, to, name, reads))
		refused(t, "detach again", b.Detach(ctx, b.root, to, name, reads), sluice.NotFound, "attachment")
	}
	ok(t, "policy", b.DeletePolicy(ctx, b.root, "reads"))
	ok(t, "user", b.DeleteUser(ctx, b.root, "alice"))
	ok(t, "group", b.DeleteGroup(ctx, b.root, "ops"))
	ok(t, "role", b.DeleteRole(ctx, b.root, "reader"))
}

func TestMembership(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	b.user(t, b.root, "alice")
	b.user(t, b.other, "alice")
	_, err := b.CreateGroup(ctx, Group{Entry: Entry{Account: b.root, Name: "ops"}})
	ok(t, "group", err)
	refused(t, "another account's group", b.AddToGroup(ctx, b.other, "alice", "ops"), sluice.NotFound, "group")
	refused(t, "nobody", b.AddToGroup(ctx, b.root, "bob", "ops"), sluice.NotFound, "user")
	ok(t, "add", b.AddToGroup(ctx, b.root, "alice", "ops"))
	refused(t, "twice", b.AddToGroup(ctx, b.root, "alice", "ops"), sluice.AlreadyExists, "membership")
	members, err := b.Members(ctx, b.root, "ops")
	if err != nil || len(members) != 1 || members[0].Name != "alice" {
		t.Errorf("got %+v and error %v, want alice", members, err)
	}
	ok(t, "remove", b.RemoveFromGroup(ctx, b.root, "alice", "ops"))
	refused(t, "remove again", b.RemoveFromGroup(ctx, b.root, "alice", "ops"), sluice.NotFound, "membership")
}

func TestRoles(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	role := func(r Role) error {
		r.Account = b.root
		_, err := b.CreateRole(ctx, r)
		return err
	}
	refused(t, "a bad name", role(Role{Entry: Entry{Name: "a/b"}, Trust: trustHome}), sluice.Invalid, "rolename")
	refused(t, "no trust", role(Role{Entry: Entry{Name: "r"}}), sluice.Invalid, "document")
	refused(t, "an identity's policy", role(Role{Entry: Entry{Name: "r"}, Trust: allowRead}), sluice.Invalid, "document")
	for _, seconds := range []int64{-1, 1, 899, 43201, 1 << 62} {
		refused(t, "its sessions", role(Role{Entry: Entry{Name: "r"}, Trust: trustHome, MaxSeconds: seconds}), sluice.Invalid, "session")
	}
	ok(t, "create", role(Role{Entry: Entry{Name: "r"}, Trust: trustHome}))
	r, err := b.UpdateRole(ctx, b.root, "r", func(r *Role) {
		r.Name, r.MaxSeconds, r.Policies = "other", 7200, []Attached{{System, "AdministratorAccess"}}
	})
	if err != nil || r.Name != "r" || r.MaxSeconds != 7200 || r.Policies != nil {
		t.Errorf("got %+v and error %v, want another time alone", r, err)
	}
	_, err = b.UpdateRole(ctx, b.root, "r", func(r *Role) { r.Trust = `{}` })
	refused(t, "update to a bad trust", err, sluice.Invalid, "document")
}

func TestPolicyVersions(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	_, err := b.CreatePolicy(ctx, b.root, "p", "", `{"Version":"1"}`)
	refused(t, "a bad document", err, sluice.Invalid, "document")
	if err != nil && !strings.Contains(err.Error(), "line 1:1") {
		t.Errorf("%v does not say where", err)
	}
	_, err = b.CreatePolicy(ctx, b.root, "p", "d", allowRead)
	ok(t, "create", err)
	second := strings.Replace(allowRead, "Get", "List", 1)
	v, err := b.AddVersion(ctx, b.root, "p", second, false)
	if err != nil || v.ID != "v2" {
		t.Fatalf("got %+v and error %v, want v2", v, err)
	}
	document := func() string {
		p, err := b.Policy(ctx, b.root, Attached{Custom, "p"})
		ok(t, "get", err)
		return p.Document()
	}
	if document() != allowRead {
		t.Error("another version than the default counts")
	}
	refused(t, "delete the default", b.DeleteVersion(ctx, b.root, "p", "v1"), sluice.Conflict, "policyversion")
	refused(t, "delete the policy", b.DeletePolicy(ctx, b.root, "p"), sluice.Conflict, "policy-version")
	refused(t, "a version that is not there", b.SetDefaultVersion(ctx, b.root, "p", "v9"), sluice.NotFound, "policyversion")
	ok(t, "set the default", b.SetDefaultVersion(ctx, b.root, "p", "v2"))
	if document() != second {
		t.Error("the version that was chosen does not count")
	}
	ok(t, "delete the first", b.DeleteVersion(ctx, b.root, "p", "v1"))
	for range maxVersions - 1 {
		_, err = b.AddVersion(ctx, b.root, "p", allowRead, true)
		ok(t, "add", err)
	}
	_, err = b.AddVersion(ctx, b.root, "p", allowRead, true)
	refused(t, "too many", err, sluice.Throttled, "policyversion")
}

func TestPoliciesAreListedWithTheirUse(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	b.user(t, b.root, "alice")
	_, err := b.CreatePolicy(ctx, b.root, "mine", "", allowRead)
	ok(t, "create", err)
	ok(t, "attach", b.Attach(ctx, b.root, ToUser, "alice", Attached{Custom, "mine"}))
	refused(t, "twice", b.Attach(ctx, b.root, ToUser, "alice", Attached{Custom, "mine"}), sluice.AlreadyExists, "attachment")
	refused(t, "none", b.Attach(ctx, b.root, ToUser, "alice", Attached{System, "mine"}), sluice.NotFound, "policy")
	refused(t, "no type", b.Attach(ctx, b.root, ToUser, "alice", Attached{"", "mine"}), sluice.Invalid, "policytype")
	f := func(account, typ string, custom int, used int) {
		t.Helper()
		all, attached, err := b.Policies(ctx, account, typ)
		ok(t, "list", err)
		have, uses := 0, 0
		for i, p := range all {
			if p.Type == Custom {
				have++
			}
			uses += attached[i]
		}
		system := len(all) - have
		if have != custom || uses != used || (system > 0) != (typ != Custom) {
			t.Errorf("%q: got %d custom and %d system policies, %d attachments", typ, have, system, uses)
		}
	}
	f(b.root, "", 1, 1)
	f(b.root, Custom, 1, 1)
	f(b.root, System, 0, 0)
	f(b.other, "", 0, 0)
}

// What a user may is what its own policies and those of its groups say, and decisions name them.
func TestUserGrants(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	b.user(t, b.root, "alice")
	_, err := b.CreateGroup(ctx, Group{Entry: Entry{Account: b.root, Name: "ops"}})
	ok(t, "group", err)
	_, err = b.CreatePolicy(ctx, b.root, "no-deletes", "", `{"Version":"1","Statement":[{"Effect":"Deny","Action":"log:Delete*","Resource":"*"}]}`)
	ok(t, "policy", err)
	decide := func(action string) policy.Decision {
		t.Helper()
		var set policy.Set
		ok(t, "grants", b.store.View(ctx, func(tx meta.Tx) (err error) {
			set, err = b.UserGrants(tx, b.root, "alice")
			return err
		}))
		return set.Decide(&policy.Request{Action: []byte(strings.ToLower(action)), Service: []byte("log"), Context: &policy.Context{}})
	}
	if got := decide("log:GetLogStore"); got.Effect != policy.None {
		t.Errorf("got %+v of a user without policies", got)
	}
	ok(t, "attach", b.Attach(ctx, b.root, ToGroup, "ops", Attached{System, "AliyunLogFullAccess"}))
	ok(t, "member", b.AddToGroup(ctx, b.root, "alice", "ops"))
	if got := decide("log:DeleteProject"); got.Effect != policy.Allow || got.Policy != "System policy AliyunLogFullAccess of group ops" {
		t.Errorf("got %+v, want the group's policy to allow it", got)
	}
	ok(t, "attach", b.Attach(ctx, b.root, ToUser, "alice", Attached{Custom, "no-deletes"}))
	if got := decide("log:DeleteProject"); got.Effect != policy.Deny || got.Policy != "Custom policy no-deletes" {
		t.Errorf("got %+v, want the user's policy to deny it", got)
	}
}

func TestSystemPolicies(t *testing.T) {
	b := newBench(t)
	may := func(name, action string) bool {
		t.Helper()
		p, err := b.Policy(t.Context(), b.root, Attached{System, name})
		ok(t, "get", err)
		compiled, err := b.Compile(p.Document(), policy.Identity)
		ok(t, "compile", err)
		set := policy.Set{{Name: name, Policy: compiled}}
		service, _, _ := strings.Cut(action, ":")
		return set.Decide(&policy.Request{Action: []byte(strings.ToLower(action)), Service: []byte(service), Context: &policy.Context{}}).Effect == policy.Allow
	}
	f := func(action string, names ...string) {
		t.Helper()
		for _, p := range systemPolicies {
			want := false
			for _, name := range names {
				want = want || name == p.Name
			}
			if got := may(p.Name, action); got != want {
				t.Errorf("%s on %s: got %v, want %v", p.Name, action, got, want)
			}
		}
	}
	f("log:GetLogStoreLogs", "AdministratorAccess", "ReadOnlyAccess", "AliyunLogFullAccess", "AliyunLogReadOnlyAccess")
	f("log:GetCursorOrData", "AdministratorAccess", "ReadOnlyAccess", "AliyunLogFullAccess", "AliyunLogReadOnlyAccess")
	f("log:PostLogStoreLogs", "AdministratorAccess", "AliyunLogFullAccess")
	f("log:DeleteProject", "AdministratorAccess", "AliyunLogFullAccess")
	f("log:PutProjectPolicy", "AdministratorAccess", "AliyunLogFullAccess")
	f("sluice:StartDeliveryTask", "AdministratorAccess", "AliyunLogFullAccess")
	f("esa:ListSites", "AdministratorAccess", "ReadOnlyAccess", "AliyunESAFullAccess", "AliyunESAReadOnlyAccess")
	f("esa:DeleteSite", "AdministratorAccess", "AliyunESAFullAccess")
	f("ram:CreateUser", "AdministratorAccess", "AliyunRAMFullAccess")
	f("ram:ListUsers", "AdministratorAccess", "ReadOnlyAccess", "AliyunRAMFullAccess", "AliyunRAMReadOnlyAccess")
	f("sts:AssumeRole", "AdministratorAccess", "AliyunSTSAssumeRoleAccess")
}

func TestLimits(t *testing.T) {
	b := newBench(t)
	old := limits[kindGroup]
	limits[kindGroup] = 2
	defer func() { limits[kindGroup] = old }()
	for i, name := range []string{"a", "b", "c"} {
		_, err := b.CreateGroup(context.Background(), Group{Entry: Entry{Account: b.root, Name: name}})
		if i < 2 {
			ok(t, name, err)
		} else {
			refused(t, name, err, sluice.Throttled, "group")
		}
	}
}
