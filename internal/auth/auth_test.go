package auth

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/iam"
	"github.com/sluicelog/sluice/internal/iam/policy"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/meta/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a Keys over a real store, with a clock that tests set.
type bench struct {
	*Keys
	directory *iam.Directory
	store     meta.Store
	dir       string
	clock     time.Time
}

func newBench(t testing.TB) *bench {
	t.Helper()
	dir := t.TempDir()
	store, err := sqlite.Open(filepath.Join(dir, "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	ring, err := LoadOrCreateKeyring(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{store: store, dir: dir, clock: time.Date(2023, 11, 14, 22, 13, 20, 0, time.UTC)}
	b.directory = iam.New(store, b.now)
	if _, err := b.directory.EnsureRoot(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.Keys = NewKeys(store, ring, b.directory, b.now)
	return b
}

func (b *bench) now() time.Time { return b.clock }

func (b *bench) create(t testing.TB, n NewKey) Created {
	t.Helper()
	c, err := b.Create(context.Background(), n)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func wantError(t *testing.T, what string, err error, kind sluice.Kind, noun string) {
	t.Helper()
	var e *sluice.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Noun != noun {
		t.Errorf("%s: got error %#v, want %v [%s]", what, err, kind, noun)
	}
}

// as is the principal of a new key.
func (b *bench) as(t testing.TB, n NewKey) *Principal {
	t.Helper()
	e, err := b.lookup(t.Context(), b.create(t, n).ID)
	if err != nil {
		t.Fatal(err)
	}
	return e.principal.at(policy.Context{Time: b.clock})
}

func (b *bench) makeProject(t testing.TB, p meta.Project) {
	t.Helper()
	if err := b.store.Update(t.Context(), func(tx meta.Tx) error { return tx.CreateProject(p) }); err != nil {
		t.Fatal(err)
	}
}

func TestAuthorize(t *testing.T) {
	b := newBench(t)
	b.makeProject(t, meta.Project{Name: "p"})
	b.makeProject(t, meta.Project{Name: "q"})
	read, write, manage := Action{Name: "log:GetLogStore"}, Action{Name: "log:PostLogStoreLogs", Mutating: true},
		Action{Name: "log:CreateAccessKey", Mutating: true, Root: true}
	account, p, q := Resource{}, Resource{Project: "p", Logstore: "l"}, Resource{Project: "q"}
	for _, c := range []struct {
		name  string
		who   NewKey
		do    Action
		to    Resource
		allow bool
	}{
		{"anything by root", NewKey{Root: true}, manage, account, true},
		{"write by a full key", NewKey{}, write, p, true},
		{"keys managed by a full key", NewKey{}, manage, account, false},
		{"users made by a full key", NewKey{}, Action{Name: "ram:CreateUser", Mutating: true}, account, false},
		{"read by a read-only key", NewKey{ReadOnly: true}, read, p, true},
		{"write by a read-only key", NewKey{ReadOnly: true}, write, p, false},
		{"write in its project", NewKey{Projects: []string{"x", "p"}}, write, p, true},
		{"read in another project", NewKey{Projects: []string{"p"}}, read, q, false},
		{"account by a key of a project", NewKey{Projects: []string{"p"}}, read, account, false},
		{"write by a read-only key of the project", NewKey{Projects: []string{"p"}, ReadOnly: true}, write, p, false},
	} {
		err := b.as(t, c.who).Authorize(c.do, c.to)
		if c.allow && err != nil {
			t.Errorf("%s: got error %v, want it allowed", c.name, err)
		}
		if !c.allow {
			wantError(t, c.name, err, sluice.Unauthorized, "action")
		}
	}
	wantError(t, "the zero principal", (&Principal{Root: true, Owner: true}).Authorize(read, p), sluice.Unauthorized, "action")
}

// Who may act on a project that is not there could be acting on somebody else's by the time its request has arrived.
func TestMissingProject(t *testing.T) {
	b := newBench(t)
	owner, limited := b.as(t, NewKey{Root: true}), b.as(t, NewKey{Projects: []string{"p"}})
	missing := Resource{Project: "none"}
	wantError(t, "read", owner.Authorize(Action{Name: "log:GetProject"}, missing), sluice.NotFound, "project")
	wantError(t, "read by who may not", limited.Authorize(Action{Name: "log:GetProject"}, missing), sluice.Unauthorized, "action")
	if err := owner.Authorize(Action{Name: "log:CreateProject", Mutating: true}, missing); err != nil {
		t.Errorf("make it: %v", err)
	}
}

// Clients look for these words (reference sls-api 2.8).
func TestDenialNamesActionAndResource(t *testing.T) {
	b := newBench(t)
	who := b.as(t, NewKey{ReadOnly: true})
	f := func(action string, r Resource, want string) {
		t.Helper()
		err := who.Authorize(Action{Name: action, Mutating: true}, r)
		want = "denied by sts or ram, action: " + action + ", resource: " + want + " ("
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	f("log:X", Resource{}, "acs:log:*:*:*")
	f("log:X", Resource{Project: "p"}, "acs:log:*:*:project/p")
	f("log:X", Resource{Project: "p", Logstore: "l"}, "acs:log:*:*:project/p/logstore/l")
	f("sluice:X", Resource{Project: "p", Path: "delivery/d"}, "acs:log:*:*:project/p/delivery/d")
	f("esa:X", Resource{Project: "esa-1", Name: "site/1"}, "acs:esa:*:*:site/1")
	f("sts:AssumeRole", Resource{Path: "role/r"}, "acs:ram:*:*:role/r")
}

func TestSecretsAreNotOnDisk(t *testing.T) {
	b := newBench(t)
	c := b.create(t, NewKey{Temporary: time.Hour})
	_, _, root, err := b.EnsureRoot(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(b.dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for name, secret := range map[string]string{"secret": c.Secret, "token": c.Token, "root secret": root} {
			if strings.Contains(string(raw), secret) {
				t.Errorf("%s holds a %s in clear", e.Name(), name)
			}
		}
	}
	if len(entries) < 2 {
		t.Errorf("looked into %d files, want the metadata and the key file at least", len(entries))
	}
}
