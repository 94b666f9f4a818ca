package metatest

import (
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// testKeyUses goes through the life of a key's last use, and checks that it does not make caches stale.
func testKeyUses(t *testing.T, s meta.Store) {
	fill(t, s)
	before := s.Generation()
	wantSame(t, "none", read(t, s, meta.Tx.KeyUses), nil)
	update(t, s, func(tx meta.Tx) error { return tx.SetKeyUse(meta.KeyUse{Key: "k", Used: early}) })
	update(t, s, func(tx meta.Tx) error { return tx.SetKeyUse(meta.KeyUse{Key: "k", Used: late}) })
	wantSame(t, "uses", read(t, s, meta.Tx.KeyUses), []meta.KeyUse{{Key: "k", Used: late}})
	tryUpdate(t, s, "of a missing key", sluice.NotFound, "accesskey", func(tx meta.Tx) error {
		return tx.SetKeyUse(meta.KeyUse{Key: "none", Used: late})
	})
	if now := s.Generation(); now != before {
		t.Errorf("generation went from %d to %d", before, now)
	}
	for _, key := range []string{"k", "other"} {
		update(t, s, func(tx meta.Tx) error {
			return tx.CreateDocument(meta.Document{Project: meta.AccountScope(""), Kind: meta.KeyLimits, Name: key, Body: []byte("{}")})
		})
	}
	update(t, s, func(tx meta.Tx) error { return tx.DeleteAccessKey("k") })
	limits := func(tx meta.Tx) ([]string, error) { return tx.DocumentNames(meta.AccountScope(""), meta.KeyLimits) }
	wantSame(t, "limits without the key", read(t, s, limits), []string{"other"})
	wantSame(t, "uses without the key", read(t, s, meta.Tx.KeyUses), nil)
}

// testIdentities checks that neither accounts nor kinds see each other's names.
func testIdentities(t *testing.T, s meta.Store) {
	all := []meta.Identity{
		{Account: "", Kind: "account", Name: "a"},
		{Account: "a", Kind: "group", Name: "x"},
		{Account: "a", Kind: "user", Name: "x"},
		{Account: "a", Kind: "user", Name: "y"},
		{Account: "b", Kind: "user", Name: "x"},
	}
	update(t, s, func(tx meta.Tx) error {
		for _, i := range all {
			if err := tx.CreateIdentity(i); err != nil {
				return err
			}
		}
		return nil
	})
	f := func(account, kind string, want ...meta.Identity) {
		t.Helper()
		got := read(t, s, func(tx meta.Tx) ([]meta.Identity, error) { return tx.Identities(account, kind) })
		wantSame(t, account+" "+kind, got, want)
	}
	f("", "account", all[0])
	f("a", "user", all[2], all[3])
	f("a", "role")
	f("c", "user")
	update(t, s, func(tx meta.Tx) error { return tx.DeleteIdentity("a", "user", "x") })
	f("a", "user", all[3])
	f("a", "group", all[1])
	f("b", "user", all[4])
}
