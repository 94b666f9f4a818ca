package auth

import (
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/iam"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/sign"
)

// role makes a role of the root account that trusts somebody, with a system policy.
func (b *bench) role(t testing.TB, name, trusted, more, system string) string {
	t.Helper()
	root := b.directory.Root()
	_, err := b.directory.CreateRole(t.Context(), iam.Role{Entry: iam.Entry{Account: root, Name: name}, Trust: `{"Version":"1","Statement":[
		{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["` + trusted + `"]}` + more + `}]}`})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.directory.Attach(t.Context(), root, iam.ToRole, name, iam.Attached{Type: iam.System, Name: system}); err != nil {
		t.Fatal(err)
	}
	return "acs:ram::" + root + ":role/" + name
}

func (b *bench) assume(t testing.TB, p *Principal, role string) Session {
	t.Helper()
	s, err := b.AssumeRole(t.Context(), p, Assume{Role: role, Session: "work"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sign authenticates a request with a session.
func (b *bench) sign(s Session) (*Principal, error) {
	p, _, err := New(b.Keys, b.now, Options{}).Authenticate(request(sign.V4, s.ID, s.Secret, b.clock, "", "x-acs-security-token", s.Token))
	return p, err
}

func TestSession(t *testing.T) {
	b := newBench(t)
	root := b.directory.Root()
	b.makeProject(t, meta.Project{Name: "p"})
	role := b.role(t, "reader", "acs:ram::"+root+":root", "", "AliyunLogReadOnlyAccess")
	alice := b.user(t, root, "alice", "AliyunSTSAssumeRoleAccess")
	generation := b.store.Generation()
	s := b.assume(t, alice, role)
	if b.store.Generation() != generation {
		t.Error("assuming a role wrote to the metadata")
	}
	if !strings.HasPrefix(s.ID, "STS.") || strings.Contains(s.Token, s.Secret) || !s.Expires.Equal(b.clock.Add(time.Hour)) {
		t.Errorf("got session %s until %v", s.ID, s.Expires)
	}
	for range 2 { // opened, and from memory
		p, err := b.sign(s)
		if err != nil {
			t.Fatal(err)
		}
		if p.Role != "reader" || p.Session != "work" || p.Account != root || p.User != "" || p.Owner || p.Root {
			t.Errorf("got %+v", p)
		}
		r := Resource{Project: "p", Logstore: "l"}
		mayAll(t, "a session", p, r, true, read)
		mayAll(t, "a session", p, r, false, write)
		mayAll(t, "a session", p, Resource{}, false, Action{Name: "ram:CreateUser", Mutating: true})
	}
}

func TestSessionRefuses(t *testing.T) {
	b := newBench(t)
	root := b.directory.Root()
	role := b.role(t, "reader", "acs:ram::"+root+":root", "", "AliyunLogReadOnlyAccess")
	alice := b.user(t, root, "alice", "AliyunSTSAssumeRoleAccess")
	s, other := b.assume(t, alice, role), b.assume(t, alice, role)
	with := func(change func(*Session)) Session {
		c := s
		change(&c)
		return c
	}
	f := func(what string, s Session, noun string) {
		t.Helper()
		_, err := b.sign(s)
		wantError(t, what, err, sluice.Unauthorized, noun)
	}
	for _, state := range []string{"before it was used", "after it was used"} {
		f(state+": no token", with(func(s *Session) { s.Token = "" }), "token")
		f(state+": another session's token", with(func(s *Session) { s.Token = other.Token }), "token")
		f(state+": a changed token", with(func(s *Session) { s.Token = s.Token[:40] + "AAAA" + s.Token[44:] }), "token")
		f(state+": half a token", with(func(s *Session) { s.Token = s.Token[:len(s.Token)/2] }), "token")
		f(state+": no base64", with(func(s *Session) { s.Token = "%%%" }), "token")
		f(state+": a wrong secret", with(func(s *Session) { s.Secret = other.Secret }), "signature")
		f(state+": another id", with(func(s *Session) { s.ID = "STS.none" }), "token")
		if _, err := b.sign(s); err != nil {
			t.Fatal(err)
		}
	}
	b.clock = s.Expires.Add(-time.Second)
	if _, err := b.sign(s); err != nil {
		t.Errorf("in its last second: %v", err)
	}
	b.clock = s.Expires
	f("expired", s, "token-expired")
}

// Whoever takes a key away takes away what was opened with it.
func TestSessionEndsWithWhatItHangsOn(t *testing.T) {
	ends := map[string]func(t *testing.T, b *bench, key string){
		"its key is disabled": func(t *testing.T, b *bench, key string) {
			if err := b.Disable(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		},
		"its key is deleted": func(t *testing.T, b *bench, key string) {
			if err := b.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		},
		"its role is made anew": func(t *testing.T, b *bench, _ string) {
			root := b.directory.Root()
			if err := b.directory.Detach(t.Context(), root, iam.ToRole, "r", iam.Attached{Type: iam.System, Name: "AdministratorAccess"}); err != nil {
				t.Fatal(err)
			}
			if err := b.directory.DeleteRole(t.Context(), root, "r"); err != nil {
				t.Fatal(err)
			}
			b.role(t, "r", "acs:ram::"+root+":root", "", "AdministratorAccess")
		},
	}
	for what, end := range ends {
		t.Run(what, func(t *testing.T) {
			b := newBench(t)
			root := b.directory.Root()
			role := b.role(t, "r", "acs:ram::"+root+":root", "", "AdministratorAccess")
			alice := b.user(t, root, "alice", "AliyunSTSAssumeRoleAccess")
			first := b.assume(t, alice, role)
			p, err := b.sign(first)
			if err != nil {
				t.Fatal(err)
			}
			chained := b.assume(t, p, role)
			q, err := b.sign(chained)
			if err != nil {
				t.Fatal(err)
			}
			if alice.Origin() != alice.AccessKeyID || p.Origin() != alice.AccessKeyID || q.Origin() != alice.AccessKeyID {
				t.Errorf("the sessions come from %s and %s, not from %s", p.Origin(), q.Origin(), alice.AccessKeyID)
			}
			end(t, b, alice.AccessKeyID)
			for name, s := range map[string]Session{"session": first, "session of a session": chained} {
				_, err := b.sign(s)
				wantError(t, name, err, sluice.Unauthorized, "token")
			}
			for name, p := range map[string]*Principal{"an answer that goes on": p, "another": q} {
				_, err := New(b.Keys, b.now, Options{}).Renew(t.Context(), p)
				wantError(t, name, err, sluice.Unauthorized, "token")
			}
		})
	}
}

func TestSessionPolicyIsALimit(t *testing.T) {
	b := newBench(t)
	root := b.directory.Root()
	b.makeProject(t, meta.Project{Name: "p"})
	b.makeProject(t, meta.Project{Name: "q"})
	role := b.role(t, "r", "acs:ram::"+root+":root", "", "AliyunLogReadOnlyAccess")
	owner := b.as(t, NewKey{Root: true})
	s, err := b.AssumeRole(t.Context(), owner, Assume{
		Role: role, Session: "work",
		Policy: `{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"acs:log:*:*:project/p/*"}]}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := b.sign(s)
	if err != nil {
		t.Fatal(err)
	}
	mayAll(t, "within both", p, Resource{Project: "p", Logstore: "l"}, true, read)
	mayAll(t, "beyond the role", p, Resource{Project: "p", Logstore: "l"}, false, write)
	mayAll(t, "beyond the session's policy", p, Resource{Project: "q", Logstore: "l"}, false, read)
	// The project's policy does not lift the limit either.
	document := `{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Principal":"acs:ram::` + root + `:role/r"}]}`
	for _, project := range []string{"p", "q"} {
		if err := b.SetPolicy(t.Context(), project, "", document); err != nil {
			t.Fatal(err)
		}
	}
	mayAll(t, "the project allows the role", b.renewed(t, p), Resource{Project: "p", Logstore: "l"}, true, write)
	mayAll(t, "the project allows the role", b.renewed(t, p), Resource{Project: "q", Logstore: "l"}, false, read)
}

func TestAssumeRoleAsksBothSides(t *testing.T) {
	b := newBench(t)
	root, other := b.directory.Root(), b.tenant(t, "other")
	trusting := b.role(t, "trusting", "acs:ram::"+root+":root", "", "AliyunLogReadOnlyAccess")
	partner := b.role(t, "partner", "acs:ram::"+other+":root", `,"Condition":{"StringEquals":{"sts:ExternalId":"x1"}}`, "AliyunLogReadOnlyAccess")
	alone := b.role(t, "alone", "acs:ram::"+root+":user/alice", "", "AliyunLogReadOnlyAccess")
	may := "AliyunSTSAssumeRoleAccess"
	alice, bob, weak := b.user(t, root, "alice", may), b.user(t, root, "bob", may), b.user(t, root, "weak")
	owner, stranger := b.as(t, NewKey{Root: true}), b.as(t, NewKey{Account: other, Root: true})
	carol := b.user(t, other, "carol", may)
	plain := b.as(t, NewKey{})
	reader := b.as(t, NewKey{User: "alice", ReadOnly: true})
	f := func(what string, p *Principal, a Assume, kind sluice.Kind, noun string) {
		t.Helper()
		a.Session = "work"
		_, err := b.AssumeRole(t.Context(), p, a)
		if noun == "" {
			if err != nil {
				t.Errorf("%s: %v", what, err)
			}
			return
		}
		wantError(t, what, err, kind, noun)
	}
	no := sluice.Unauthorized
	f("a user who may, a role that trusts the account", alice, Assume{Role: trusting}, no, "")
	f("the account itself", owner, Assume{Role: trusting}, no, "")
	f("a user who may not", weak, Assume{Role: trusting}, no, "action")
	f("a key of no user", plain, Assume{Role: trusting}, no, "action")
	f("a read-only key", reader, Assume{Role: trusting}, no, "action")
	f("a role that trusts her alone", alice, Assume{Role: alone}, no, "")
	f("a role that trusts somebody else", bob, Assume{Role: alone}, no, "action")
	f("a role that trusts somebody else, to the account", owner, Assume{Role: alone}, no, "action")

	f("another account, with the right external id", stranger, Assume{Role: partner, ExternalID: "x1"}, no, "")
	f("another account's user", carol, Assume{Role: partner, ExternalID: "x1"}, no, "")
	f("another account, without the external id", stranger, Assume{Role: partner}, no, "action")
	f("another account, with another external id", stranger, Assume{Role: partner, ExternalID: "x2"}, no, "action")
	f("another account that is not trusted", stranger, Assume{Role: trusting}, no, "action")
	f("the own account, of a role for partners", alice, Assume{Role: partner, ExternalID: "x1"}, no, "action")

	// A role that is not there looks to strangers like one that does not trust them.
	missing := "acs:ram::" + root + ":role/missing"
	f("a missing role, from its account", alice, Assume{Role: missing}, sluice.NotFound, "role")
	f("a missing role, from another account", stranger, Assume{Role: missing}, no, "action")
	_, gone := b.AssumeRole(t.Context(), stranger, Assume{Role: missing, Session: "work"})
	_, untrusted := b.AssumeRole(t.Context(), stranger, Assume{Role: trusting, Session: "work"})
	if strings.ReplaceAll(gone.Error(), "missing", "trusting") != untrusted.Error() {
		t.Errorf("a stranger can tell roles that are there: %q and %q", gone, untrusted)
	}
}

func TestAssumeRoleChecksWhatItIsTold(t *testing.T) {
	b := newBench(t)
	role := b.role(t, "r", "acs:ram::"+b.directory.Root()+":root", "", "AliyunLogReadOnlyAccess")
	owner := b.as(t, NewKey{Root: true})
	f := func(what string, a Assume, noun string) {
		t.Helper()
		_, err := b.AssumeRole(t.Context(), owner, a)
		wantError(t, what, err, sluice.Invalid, noun)
	}
	f("no role", Assume{Role: "r", Session: "work"}, "rolearn")
	f("no session", Assume{Role: role}, "sessionname")
	f("a bad session", Assume{Role: role, Session: "a/b"}, "sessionname")
	f("too short", Assume{Role: role, Session: "work", Life: time.Minute}, "session")
	f("too long", Assume{Role: role, Session: "work", Life: 2 * time.Hour}, "session")
	f("a bad policy", Assume{Role: role, Session: "work", Policy: "{}"}, "document")
	f("a long policy", Assume{Role: role, Session: "work", Policy: strings.Repeat(" ", 3000)}, "document")
}

// A session that a session opened lasts an hour at most, and never as long as whoever opened it might like.
func TestChainedSessionsAreShort(t *testing.T) {
	b := newBench(t)
	root := b.directory.Root()
	role := b.role(t, "r", "acs:ram::"+root+":root", "", "AdministratorAccess")
	if _, err := b.directory.UpdateRole(t.Context(), root, "r", func(r *iam.Role) { r.MaxSeconds = 12 * 3600 }); err != nil {
		t.Fatal(err)
	}
	long := Assume{Role: role, Session: "work", Life: 12 * time.Hour}
	s, err := b.AssumeRole(t.Context(), b.as(t, NewKey{Root: true}), long)
	if err != nil {
		t.Fatal(err)
	}
	p, err := b.sign(s)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.AssumeRole(t.Context(), p, long)
	wantError(t, "a long session of a session", err, sluice.Invalid, "session")
}

func TestSessionOfATemporaryKeyEndsWithIt(t *testing.T) {
	b := newBench(t)
	root := b.directory.Root()
	role := b.role(t, "r", "acs:ram::"+root+":root", "", "AdministratorAccess")
	b.user(t, root, "alice", "AliyunSTSAssumeRoleAccess")
	s := b.assume(t, b.as(t, NewKey{User: "alice", Temporary: MinTemporary}), role)
	if _, err := b.sign(s); err != nil {
		t.Fatal(err)
	}
	b.clock = b.clock.Add(MinTemporary)
	_, err := b.sign(s)
	if sluice.KindOf(err) != sluice.Unauthorized {
		t.Errorf("got error %v after its key has expired", err)
	}
}
