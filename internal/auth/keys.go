package auth

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Life of a temporary key.
const (
	MinTemporary = 15 * time.Minute
	MaxTemporary = 12 * time.Hour
)

// keepExpired is how long an expired key is kept, so that its user hears "expired" and not "not found".
const keepExpired = 24 * time.Hour

// Bounds of what may be given for a key.
const (
	maxKeyID       = 128
	minSecret      = 8
	maxSecret      = 128
	maxDescription = 1024
	maxScope       = 1000 // projects of one key
)

// Keys keeps the access keys: their secrets sealed in a metadata store, and those in use opened in memory. It is safe for
// concurrent use. Who may call it is for the caller to ask.
type Keys struct {
	store  meta.Store
	ring   *Keyring
	now    func() time.Time
	opened opened
}

// NewKeys returns the keys in store, sealed with ring.
func NewKeys(store meta.Store, ring *Keyring, now func() time.Time) *Keys {
	return &Keys{store: store, ring: ring, now: now}
}

// Key is what may be known of an access key: everything but its secrets.
type Key struct {
	ID          string
	Projects    []string // projects it may touch; empty means all
	ReadOnly    bool
	Root        bool // may manage keys
	Temporary   bool // comes with a security token
	Disabled    bool
	Description string
	Expires     time.Time // zero means never
	Created     time.Time
}

// NewKey says what a new key may do. Its zero value is a permanent key that may do everything but manage keys.
type NewKey struct {
	Projects    []string // projects it may touch; empty means all
	ReadOnly    bool
	Root        bool // may manage keys; neither limited nor temporary
	Description string
	Temporary   time.Duration // life of a temporary key, MinTemporary to MaxTemporary; 0 makes a permanent one
}

// Created is a new key, the only time that its secrets are told.
type Created struct {
	ID, Secret string
	Token      string    // security token of a temporary key
	Expires    time.Time // of a temporary key
}

// String and LogValue keep the secrets out of logs.
func (c Created) String() string       { return "access key " + c.ID }
func (c Created) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Create makes a key with a new id and secret. Errors: Invalid, noun "accesskey".
func (k *Keys) Create(ctx context.Context, n NewKey) (Created, error) {
	if err := n.check(); err != nil {
		return Created{}, err
	}
	now := k.now()
	c := newSecrets()
	row := meta.AccessKey{
		ID: c.ID, Secret: k.ring.Seal([]byte(c.Secret), sealSecret, c.ID),
		Projects: slices.Clone(n.Projects), ReadOnly: n.ReadOnly, Root: n.Root, Description: n.Description, Created: now,
	}
	if n.Temporary > 0 {
		c.Token, c.Expires = rand.Text()+rand.Text(), now.Add(n.Temporary)
		row.Token, row.Expires = k.ring.Seal([]byte(c.Token), sealToken, c.ID), c.Expires
	}
	err := k.store.Update(ctx, func(tx meta.Tx) error {
		if err := dropExpired(tx, now.Add(-keepExpired)); err != nil {
			return err
		}
		return tx.CreateAccessKey(row)
	})
	if err != nil {
		return Created{}, err
	}
	return c, nil
}

// What a Keyring seals for a key.
const (
	sealSecret = "accesskey-secret"
	sealToken  = "accesskey-token"
)

// newSecrets makes an id of the length that clients are used to, and 200 bits of secret.
func newSecrets() Created {
	return Created{ID: "SLUICE" + rand.Text()[:18], Secret: rand.Text()[:20] + rand.Text()[:20]}
}

func (n NewKey) check() error {
	switch {
	case n.Root && (n.ReadOnly || len(n.Projects) > 0 || n.Temporary != 0):
		return invalidKey("a root key can be neither read-only, nor limited to projects, nor temporary")
	case n.Temporary != 0 && (n.Temporary < MinTemporary || n.Temporary > MaxTemporary):
		return invalidKey("a temporary key lives from %v to %v, not %v", MinTemporary, MaxTemporary, n.Temporary)
	case len(n.Description) > maxDescription:
		return invalidKey("the description is longer than %d bytes", maxDescription)
	case len(n.Projects) > maxScope:
		return invalidKey("the key is limited to more than %d projects", maxScope)
	case slices.Contains(n.Projects, ""):
		return invalidKey("the key is limited to a project without a name")
	}
	return nil
}

func invalidKey(format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, "accesskey", format, args...)
}

// dropExpired deletes temporary keys that expired before t: they would pile up otherwise.
func dropExpired(tx meta.Tx, t time.Time) error {
	all, err := tx.AccessKeys()
	if err != nil {
		return err
	}
	for _, row := range all {
		if !row.Expires.IsZero() && row.Expires.Before(t) {
			if err := tx.DeleteAccessKey(row.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// List returns all keys, sorted by id.
func (k *Keys) List(ctx context.Context) ([]Key, error) {
	var all []Key
	err := k.store.View(ctx, func(tx meta.Tx) error {
		rows, err := tx.AccessKeys()
		for _, row := range rows {
			all = append(all, describe(row))
		}
		return err
	})
	return all, err
}

// Get returns a key. Errors: NotFound, noun "accesskey".
func (k *Keys) Get(ctx context.Context, id string) (Key, error) {
	var key Key
	err := k.store.View(ctx, func(tx meta.Tx) error {
		row, err := tx.AccessKey(id)
		key = describe(row)
		return err
	})
	return key, err
}

func describe(row meta.AccessKey) Key {
	return Key{
		ID: row.ID, Projects: row.Projects, ReadOnly: row.ReadOnly, Root: row.Root, Temporary: len(row.Token) > 0,
		Disabled: row.Disabled, Description: row.Description, Expires: row.Expires, Created: row.Created,
	}
}

// Disable makes every request that is authenticated after it returned fail. Errors: NotFound, and Conflict for the last
// enabled root key, noun "accesskey".
func (k *Keys) Disable(ctx context.Context, id string) error { return k.setDisabled(ctx, id, true) }

// Enable takes Disable back. Errors: NotFound, noun "accesskey".
func (k *Keys) Enable(ctx context.Context, id string) error { return k.setDisabled(ctx, id, false) }

func (k *Keys) setDisabled(ctx context.Context, id string, disabled bool) error {
	return k.store.Update(ctx, func(tx meta.Tx) error {
		row, err := tx.AccessKey(id)
		if err != nil || row.Disabled == disabled {
			return err
		}
		if err := spareLastRoot(tx, row); err != nil {
			return err
		}
		row.Disabled = disabled
		return tx.UpdateAccessKey(row)
	})
}

// Delete removes a key, with the effect and the errors of Disable.
func (k *Keys) Delete(ctx context.Context, id string) error {
	return k.store.Update(ctx, func(tx meta.Tx) error {
		row, err := tx.AccessKey(id)
		if err != nil {
			return err
		}
		if err := spareLastRoot(tx, row); err != nil {
			return err
		}
		return tx.DeleteAccessKey(id)
	})
}

// spareLastRoot refuses to take away row if nobody could manage keys without it.
func spareLastRoot(tx meta.Tx, row meta.AccessKey) error {
	if !row.Root || row.Disabled {
		return nil
	}
	all, err := tx.AccessKeys()
	if err != nil {
		return err
	}
	for _, other := range all {
		if other.Root && !other.Disabled && other.ID != row.ID {
			return nil
		}
	}
	return sluice.Errorf(sluice.Conflict, "accesskey", "the last enabled root key can be neither disabled nor deleted")
}

// EnsureRoot sees to it that a root key exists. Given credentials win: the key of that id is made, or replaced where it
// differs. Without them one is made unless an enabled root key exists. created reports whether a key was made or replaced;
// only then the secret is returned, to be shown once.
//
// Errors: Invalid, noun "accesskey", for given credentials that no client could use; and one that tells the operator what to
// do when the existing root keys were sealed with another key file.
func (k *Keys) EnsureRoot(ctx context.Context, id, secret string) (created bool, rootID, rootSecret string, err error) {
	c := Created{ID: id, Secret: secret}
	given := id != "" || secret != ""
	if given {
		err = checkGiven(id, secret)
	} else {
		c = newSecrets()
	}
	if err != nil {
		return false, "", "", err
	}
	err = k.store.Update(ctx, func(tx meta.Tx) error {
		if given {
			created, err = k.replaceRoot(tx, c)
			return err
		}
		if rootID, err = k.findRoot(tx); err != nil || rootID != "" {
			return err
		}
		created = true
		return tx.CreateAccessKey(k.root(c))
	})
	switch {
	case err != nil:
		return false, "", "", fmt.Errorf("root access key: %w", err)
	case created:
		return true, c.ID, c.Secret, nil
	case given:
		return false, c.ID, "", nil
	}
	return false, rootID, "", nil
}

func (k *Keys) root(c Created) meta.AccessKey {
	return meta.AccessKey{ID: c.ID, Secret: k.ring.Seal([]byte(c.Secret), sealSecret, c.ID), Root: true, Created: k.now()}
}

// replaceRoot makes the key of id c.ID the root key with c's secret, and reports whether it was not.
func (k *Keys) replaceRoot(tx meta.Tx, c Created) (bool, error) {
	row, err := tx.AccessKey(c.ID)
	switch {
	case sluice.KindOf(err) == sluice.NotFound:
		return true, tx.CreateAccessKey(k.root(c))
	case err != nil:
		return false, err
	}
	if e, err := k.open(row); err == nil && e.isRoot(c.Secret) {
		return false, nil
	}
	return true, tx.UpdateAccessKey(k.root(c))
}

// findRoot returns the id of an enabled root key, "" if there is none.
func (k *Keys) findRoot(tx meta.Tx) (string, error) {
	all, err := tx.AccessKeys()
	if err != nil {
		return "", err
	}
	var failed error
	for _, row := range all {
		if !row.Root || row.Disabled {
			continue
		}
		if _, failed = k.open(row); failed == nil {
			return row.ID, nil
		}
	}
	if failed != nil {
		return "", fmt.Errorf("%w; bring the key file back, or give new root credentials", failed)
	}
	return "", nil
}

// checkGiven refuses credentials that cannot be written in an Authorization header or are too easy to guess.
func checkGiven(id, secret string) error {
	unprintable := func(r rune) bool { return r <= ' ' || r > '~' }
	odd := func(r rune) bool { return unprintable(r) || strings.ContainsRune(`:/,="`, r) }
	switch {
	case id == "" || secret == "":
		return invalidKey("root credentials need both an access key id and a secret")
	case len(id) > maxKeyID || strings.ContainsFunc(id, odd):
		return invalidKey("the root access key id is not 1 to %d plain characters", maxKeyID)
	case len(secret) < minSecret || len(secret) > maxSecret || strings.ContainsFunc(secret, unprintable):
		return invalidKey("the root access key secret is not %d to %d printable ASCII characters", minSecret, maxSecret)
	}
	return nil
}
