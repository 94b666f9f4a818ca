package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/iam"
	"github.com/sluicelog/sluice/internal/meta"
)

func alphanumeric(s string) bool {
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") == ""
}

func TestCreate(t *testing.T) {
	b := newBench(t)
	full := b.create(t, NewKey{})
	scoped := b.create(t, NewKey{Projects: []string{"p", "q"}, ReadOnly: true, Description: "d"})
	temporary := b.create(t, NewKey{Temporary: MinTemporary})
	for _, c := range []Created{full, scoped, temporary} {
		if len(c.ID) != 24 || !strings.HasPrefix(c.ID, "SLUICE") || !alphanumeric(c.ID) {
			t.Errorf("got id %q, want SLUICE and 18 alphanumerics", c.ID)
		}
		if len(c.Secret) < 30 || !alphanumeric(c.Secret) {
			t.Errorf("got a secret of %d characters, want 30 alphanumerics or more", len(c.Secret))
		}
	}
	if full.ID == scoped.ID || full.Secret == scoped.Secret {
		t.Error("two keys share an id or a secret")
	}
	if full.Token != "" || !full.Expires.IsZero() {
		t.Errorf("a permanent key has a token or expires at %v", full.Expires)
	}
	if temporary.Token == "" || !temporary.Expires.Equal(b.clock.Add(MinTemporary)) {
		t.Errorf("a temporary key has no token, or expires at %v", temporary.Expires)
	}

	want := map[string]Key{
		full.ID:      {ID: full.ID, Account: b.directory.Root(), Created: b.clock},
		scoped.ID:    {ID: scoped.ID, Account: b.directory.Root(), Created: b.clock, Projects: []string{"p", "q"}, ReadOnly: true, Description: "d"},
		temporary.ID: {ID: temporary.ID, Account: b.directory.Root(), Created: b.clock, Temporary: true, Expires: temporary.Expires},
	}
	all, err := b.List(t.Context())
	if err != nil || len(all) != len(want) {
		t.Fatalf("got %d keys and error %v, want %d", len(all), err, len(want))
	}
	for _, key := range all {
		if diff := cmp.Diff(want[key.ID], key); diff != "" {
			t.Errorf("List (-want +got):\n%s", diff)
		}
		got, err := b.Get(t.Context(), key.ID)
		if diff := cmp.Diff(want[key.ID], got); diff != "" || err != nil {
			t.Errorf("Get, error %v (-want +got):\n%s", err, diff)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	b := newBench(t)
	for name, n := range map[string]NewKey{
		"too short a life":             {Temporary: MinTemporary - 1},
		"too long a life":              {Temporary: MaxTemporary + 1},
		"a negative life":              {Temporary: -time.Hour},
		"a read-only root":             {Root: true, ReadOnly: true},
		"a root of one project":        {Root: true, Projects: []string{"p"}},
		"a temporary root":             {Root: true, Temporary: time.Hour},
		"a long description":           {Description: strings.Repeat("d", 1025)},
		"a project without a name":     {Projects: []string{"p", ""}},
		"more projects than anybody's": {Projects: make([]string, 1001)},
	} {
		_, err := b.Create(t.Context(), n)
		wantError(t, name, err, sluice.Invalid, "accesskey")
	}
	if all, err := b.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("got %d keys and error %v, want none", len(all), err)
	}
}

func TestCreatedKeepsItsSecretsOutOfLogs(t *testing.T) {
	c := newBench(t).create(t, NewKey{Temporary: time.Hour})
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "key", c)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "key", c)
	fmt.Fprintf(&out, "%v %+v %s", c, c, c)
	if strings.Contains(out.String(), c.Secret) || strings.Contains(out.String(), c.Token) {
		t.Errorf("secrets in the log: %s", out.String())
	}
	if !strings.Contains(out.String(), c.ID) {
		t.Errorf("no id in the log: %s", out.String())
	}
}

func TestKeyHoldsNoSecret(t *testing.T) {
	b := newBench(t)
	c := b.create(t, NewKey{Temporary: time.Hour})
	all, err := b.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(all)
	if err != nil || strings.Contains(string(raw), c.Secret) || strings.Contains(string(raw), c.Token) {
		t.Errorf("List tells secrets, or error %v", err)
	}
}

func TestMissingKey(t *testing.T) {
	b := newBench(t)
	_, err := b.Get(t.Context(), "k")
	wantError(t, "Get", err, sluice.NotFound, "accesskey")
	wantError(t, "Disable", b.Disable(t.Context(), "k"), sluice.NotFound, "accesskey")
	wantError(t, "Enable", b.Enable(t.Context(), "k"), sluice.NotFound, "accesskey")
	wantError(t, "Delete", b.Delete(t.Context(), "k"), sluice.NotFound, "accesskey")
}

func TestLastRootStays(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	_, first, _, err := b.EnsureRoot(ctx, "", "")
	if err != nil {
		t.Fatal(err)
	}
	b.create(t, NewKey{}) // does not count
	wantError(t, "disable the only root", b.Disable(ctx, first), sluice.Conflict, "accesskey")
	wantError(t, "delete the only root", b.Delete(ctx, first), sluice.Conflict, "accesskey")

	second := b.create(t, NewKey{Root: true})
	if err := b.Disable(ctx, second.ID); err != nil {
		t.Fatal(err)
	}
	wantError(t, "disable the only enabled root", b.Disable(ctx, first), sluice.Conflict, "accesskey")
	wantError(t, "delete the only enabled root", b.Delete(ctx, first), sluice.Conflict, "accesskey")
	if err := b.Enable(ctx, second.ID); err != nil {
		t.Fatal(err)
	}
	if err := b.Delete(ctx, first); err != nil {
		t.Errorf("delete one of two roots: %v", err)
	}
	wantError(t, "delete the root that is left", b.Delete(ctx, second.ID), sluice.Conflict, "accesskey")
}

func TestExpiredKeysAreDropped(t *testing.T) {
	b := newBench(t)
	old := b.create(t, NewKey{Temporary: MinTemporary})
	b.clock = old.Expires.Add(keepExpired)
	young := b.create(t, NewKey{Temporary: MinTemporary})
	if _, err := b.Get(t.Context(), old.ID); err != nil {
		t.Errorf("an expired key was dropped too early: %v", err)
	}
	b.clock = b.clock.Add(1)
	b.create(t, NewKey{})
	_, err := b.Get(t.Context(), old.ID)
	wantError(t, "an old key", err, sluice.NotFound, "accesskey")
	if _, err := b.Get(t.Context(), young.ID); err != nil {
		t.Errorf("a key in use was dropped: %v", err)
	}
}

func TestEnsureRootMakesOne(t *testing.T) {
	b := newBench(t)
	created, id, secret, err := b.EnsureRoot(t.Context(), "", "")
	if err != nil || !created || len(id) != 24 || len(secret) < 30 {
		t.Errorf("got created %v, id %q, %d characters of secret, error %v; want a new key", created, id, len(secret), err)
	}
	key, err := b.Get(t.Context(), id)
	if want := (Key{ID: id, Account: b.directory.Root(), Root: true, Created: b.clock}); err != nil || !cmp.Equal(key, want) {
		t.Errorf("got %+v and error %v, want %+v", key, err, want)
	}
	created, again, secret, err := b.EnsureRoot(t.Context(), "", "")
	if err != nil || created || again != id || secret != "" {
		t.Errorf("the second start: got created %v, id %q, error %v; want the first key without its secret", created, again, err)
	}
}

func TestEnsureRootGiven(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	ensure := func(state, id, secret string, want bool) {
		t.Helper()
		created, gotID, gotSecret, err := b.EnsureRoot(ctx, id, secret)
		if !want {
			secret = ""
		}
		if err != nil || created != want || gotID != id || gotSecret != secret {
			t.Errorf("%s: got created %v, id %q, error %v; want created %v", state, created, gotID, err, want)
		}
		key, err := b.Get(ctx, id)
		if err != nil || !key.Root || key.Disabled || key.ReadOnly || len(key.Projects) > 0 || key.Temporary {
			t.Errorf("%s: got %+v and error %v, want an unlimited root key", state, key, err)
		}
	}
	ensure("at first start", "admin", "first-secret", true)
	before := b.store.Generation()
	ensure("the same again", "admin", "first-secret", false)
	if b.store.Generation() != before {
		t.Error("a start that changed nothing wrote to the metadata")
	}
	ensure("another secret", "admin", "second-secret", true)
	ensure("another id", "admin2", "second-secret", true)
	if err := b.Disable(ctx, "admin"); err != nil {
		t.Fatal(err)
	}
	ensure("a disabled key", "admin", "second-secret", true)
	ordinary := b.create(t, NewKey{ReadOnly: true, Projects: []string{"p"}, Temporary: time.Hour})
	ensure("an ordinary key", ordinary.ID, ordinary.Secret, true)
}

func TestEnsureRootRefuses(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct{ name, id, secret string }{
		{"no secret", "admin", ""},
		{"no id", "", "long-enough"},
		{"a short secret", "admin", "1234567"},
		{"a long secret", "admin", strings.Repeat("s", 129)},
		{"a secret with a line break", "admin", "long-enough\n"},
		{"a long id", strings.Repeat("i", 129), "long-enough"},
		{"an id with a colon", "ad:min", "long-enough"},
		{"an id with a slash", "ad/min", "long-enough"},
		{"an id with a space", "ad min", "long-enough"},
	} {
		_, _, _, err := b.EnsureRoot(t.Context(), c.id, c.secret)
		wantError(t, c.name, err, sluice.Invalid, "accesskey")
		if c.secret != "" && err != nil && strings.Contains(err.Error(), c.secret) {
			t.Errorf("%s: the error holds the secret", c.name)
		}
	}
}

func TestEnsureRootWithAnotherKeyFile(t *testing.T) {
	b := newBench(t)
	if _, _, _, err := b.EnsureRoot(t.Context(), "admin", "first-secret"); err != nil {
		t.Fatal(err)
	}
	ring, err := LoadOrCreateKeyring(filepath.Join(b.dir, "other"))
	if err != nil {
		t.Fatal(err)
	}
	lost := NewKeys(b.store, ring, b.directory, b.now)
	if _, _, _, err := lost.EnsureRoot(t.Context(), "", ""); err == nil || !strings.Contains(err.Error(), "key file") {
		t.Errorf("got error %v, want one that says what to do", err)
	}
	if created, _, _, err := lost.EnsureRoot(t.Context(), "admin", "first-secret"); err != nil || !created {
		t.Errorf("given credentials: got created %v and error %v, want the key replaced", created, err)
	}
}

// A lookup whose row was read before a change, and that is kept after it, must not make the change undone.
func TestCacheRefusesWhatIsOld(t *testing.T) {
	var o opened
	o.put(2, "k", &entry{secret: "new"})
	o.put(1, "k", &entry{secret: "old"})
	if e := o.get(2, "k"); e == nil || e.secret != "new" {
		t.Errorf("got %+v, want the new one", e)
	}
	if e := o.get(1, "k"); e != nil {
		t.Errorf("got %+v for a generation that is past", e)
	}
	o.put(3, "other", &entry{})
	if e := o.get(3, "k"); e != nil {
		t.Errorf("got %+v of an older generation", e)
	}
}

// noQueries is a store that fails when it is asked.
type noQueries struct{ meta.Store }

func (noQueries) View(context.Context, func(meta.Tx) error) error {
	return fmt.Errorf("a query on the hot path")
}

func TestLookupIsCached(t *testing.T) {
	b := newBench(t)
	c := b.create(t, NewKey{})
	if _, err := b.lookup(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	b.Keys.store, b.Keys.ring = noQueries{b.store}, nil
	e, err := b.lookup(t.Context(), c.ID)
	if err != nil || e.secret != c.Secret {
		t.Errorf("got error %v, want the key from memory", err)
	}
	if err := b.store.Update(t.Context(), func(tx meta.Tx) error { return tx.CreateProject(meta.Project{Name: "p"}) }); err != nil {
		t.Fatal(err)
	}
	if _, err := b.lookup(t.Context(), c.ID); err == nil {
		t.Error("the key came from memory although metadata changed")
	}
}

// An account has as many keys of no user as it may; those of its users and of other accounts do not count.
func TestAccountKeyQuota(t *testing.T) {
	b := newBench(t)
	account, err := b.directory.CreateAccount(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.directory.CreateUser(t.Context(), iam.User{Entry: iam.Entry{Account: account.ID, Name: "ann"}}); err != nil {
		t.Fatal(err)
	}
	row := func(i int) meta.AccessKey {
		return meta.AccessKey{ID: fmt.Sprintf("SLUICE%d", i), Account: account.ID, Secret: []byte{1}, Created: b.clock}
	}
	err = b.store.Update(t.Context(), func(tx meta.Tx) error {
		for i := range maxAccountKeys {
			if err := tx.CreateAccessKey(row(i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []NewKey{{Account: account.ID}, {Account: account.ID, Root: true}, {Account: account.ID, Temporary: MinTemporary}} {
		_, err := b.Create(t.Context(), n)
		wantError(t, fmt.Sprintf("one more, %+v", n), err, sluice.Throttled, "accesskey")
	}
	b.create(t, NewKey{Account: account.ID, User: "ann"})
	b.create(t, NewKey{})
	if err := b.Delete(t.Context(), row(0).ID); err != nil {
		t.Fatal(err)
	}
	b.create(t, NewKey{Account: account.ID})
}
