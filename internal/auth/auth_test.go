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
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/meta/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a Keys over a real store, with a clock that tests set.
type bench struct {
	*Keys
	store meta.Store
	dir   string
	clock time.Time
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
	b.Keys = NewKeys(store, ring, b.now)
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

func TestAuthorize(t *testing.T) {
	read, write, manage := Action{Name: "log:GetLogStore"}, Action{Name: "log:PostLogStoreLogs", Mutating: true},
		Action{Name: "log:CreateAccessKey", Mutating: true, Root: true}
	account, p, q := Resource{}, Resource{Project: "p", Logstore: "l"}, Resource{Project: "q"}
	for _, c := range []struct {
		name  string
		who   Principal
		do    Action
		to    Resource
		allow bool
	}{
		{"anything by root", Principal{Root: true}, manage, account, true},
		{"write by a full key", Principal{}, write, p, true},
		{"keys managed by a full key", Principal{}, manage, account, false},
		{"read by a read-only key", Principal{ReadOnly: true}, read, p, true},
		{"write by a read-only key", Principal{ReadOnly: true}, write, p, false},
		{"write in its project", Principal{Projects: []string{"x", "p"}}, write, p, true},
		{"read in another project", Principal{Projects: []string{"p"}}, read, q, false},
		{"account by a key of a project", Principal{Projects: []string{"p"}}, read, account, false},
		{"write by a read-only key of the project", Principal{Projects: []string{"p"}, ReadOnly: true}, write, p, false},
	} {
		err := c.who.Authorize(c.do, c.to)
		if c.allow && err != nil {
			t.Errorf("%s: got error %v, want it allowed", c.name, err)
		}
		if !c.allow {
			wantError(t, c.name, err, sluice.Unauthorized, "action")
		}
	}
}

// Clients look for these words (reference sls-api 2.8).
func TestDenialNamesActionAndResource(t *testing.T) {
	who := Principal{ReadOnly: true}
	for resource, want := range map[Resource]string{
		{}:                            "resource: acs:log:*:*:* (",
		{Project: "p"}:                "resource: acs:log:*:*:project/p (",
		{Project: "p", Logstore: "l"}: "resource: acs:log:*:*:project/p/logstore/l (",
	} {
		err := who.Authorize(Action{Name: "log:X", Mutating: true}, resource)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "denied by sts or ram, action: log:X, ") {
			t.Errorf("got %v, want it to name %q", err, want)
		}
	}
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
