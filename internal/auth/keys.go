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
	"github.com/sluicelog/sluice/internal/iam"
	"github.com/sluicelog/sluice/internal/iam/policy"
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
	store     meta.Store
	ring      *Keyring
	directory *iam.Directory
	now       func() time.Time
	region    []byte
	guarded   string // see Guard
	reserved  func(sluice.LogstoreRef) bool
	plain     policy.Set
	opened    opened
	owners    owners
	uses      uses
}

// Region is the region of the resources of this server, in their names.
const Region = "local"

// NewKeys returns the keys in store, sealed with ring, of who is in directory.
func NewKeys(store meta.Store, ring *Keyring, directory *iam.Directory, now func() time.Time) *Keys {
	plain, err := directory.Compile(plainPolicy, policy.Identity)
	if err != nil {
		panic(err) // a constant
	}
	return &Keys{
		store: store, ring: ring, directory: directory, now: now, region: []byte(Region),
		plain: policy.Set{{Name: "policy of keys that are no user's", Policy: plain}},
	}
}

// Key is what may be known of an access key: everything but its secrets.
type Key struct {
	ID          string
	Account     string   // whose it is
	User        string   // of the account; "" for keys of no user
	Projects    []string // projects it may touch; empty means all
	ReadOnly    bool
	Root        bool // is the account itself: may do everything in it; that of the root account may manage accounts and keys
	Temporary   bool // comes with a security token
	Disabled    bool
	Description string
	Expires     time.Time // zero means never
	Created     time.Time
	LastUsed    time.Time // zero means never
}

// NewKey says what a new key may do. Its zero value is a permanent key that may do everything in the root account but manage identities.
type NewKey struct {
	Account     string   // whose it is; "" is the root account
	User        string   // of the account, whose policies say what the key may; "" for a key of no user
	Projects    []string // projects it may touch; empty means all
	ReadOnly    bool
	Root        bool // the account itself; neither limited nor temporary, nor a user's
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

// Create makes a key with a new id and secret. Errors: Invalid "accesskey"; NotFound "account", "user"; Throttled "accesskey" for more than two
// keys of a user, or too many of an account.
func (k *Keys) Create(ctx context.Context, n NewKey) (Created, error) {
	if err := n.check(); err != nil {
		return Created{}, err
	}
	if k.directory.IsRoot(n.Account) {
		n.Account = ""
	}
	now := k.now()
	c := newSecrets()
	row := meta.AccessKey{
		ID: c.ID, Account: n.Account, User: n.User, Secret: k.ring.Seal([]byte(c.Secret), sealSecret, c.ID),
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
		if err := k.checkHolder(tx, n); err != nil {
			return err
		}
		return tx.CreateAccessKey(row)
	})
	if err != nil {
		return Created{}, err
	}
	return c, nil
}

// Bounds of keys. Those of accounts are read whole whenever one is made.
const (
	maxUserKeys    = 2      // of a user: one in use, and one to rotate to
	maxAccountKeys = 10_000 // of an account and no user, permanent and temporary
)

// checkHolder says whether there is who gets a key, and room for it.
func (k *Keys) checkHolder(tx meta.Tx, n NewKey) error {
	if err := k.directory.Exists(tx, n.Account, n.User); err != nil {
		return err
	}
	all, err := tx.AccessKeys()
	has := 0
	for _, row := range all {
		if row.User == n.User && row.Account == n.Account {
			has++
		}
	}
	if n.User == "" && has >= maxAccountKeys {
		return sluice.Errorf(sluice.Throttled, "accesskey", "the account has %d access keys that are no user's: delete some first, or wait for temporary ones to expire", has)
	}
	if n.User != "" && has >= maxUserKeys {
		return sluice.Errorf(sluice.Throttled, "accesskey", "the user %s has %d access keys: delete one first", n.User, has)
	}
	return err
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
	case n.Root && (n.ReadOnly || len(n.Projects) > 0 || n.Temporary != 0 || n.User != ""):
		return invalidKey("a root key can be neither read-only, nor limited to projects, nor temporary, nor a user's")
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
		if err != nil {
			return err
		}
		last, err := k.lastUses(tx)
		for _, row := range rows {
			all = append(all, k.describe(row, last))
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
		if err != nil {
			return err
		}
		last, err := k.lastUses(tx)
		key = k.describe(row, last)
		return err
	})
	return key, err
}

func (k *Keys) describe(row meta.AccessKey, last map[string]time.Time) Key {
	return Key{
		ID: row.ID, Account: k.AccountID(row.Account), User: row.User, Projects: row.Projects, ReadOnly: row.ReadOnly, Root: row.Root, Temporary: len(row.Token) > 0,
		Disabled: row.Disabled, Description: row.Description, Expires: row.Expires, Created: row.Created, LastUsed: last[row.ID],
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
		if err := k.spareLastRoot(tx, row); err != nil {
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
		if err := k.spareLastRoot(tx, row); err != nil {
			return err
		}
		return tx.DeleteAccessKey(id)
	})
}

// spareLastRoot refuses to take away row if nobody could manage keys without it.
func (k *Keys) spareLastRoot(tx meta.Tx, row meta.AccessKey) error {
	if !k.isRoot(row) || row.Disabled {
		return nil
	}
	all, err := tx.AccessKeys()
	if err != nil {
		return err
	}
	for _, other := range all {
		if k.isRoot(other) && !other.Disabled && other.ID != row.ID {
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
	if _, err := k.directory.EnsureRoot(ctx); err != nil {
		return false, "", "", fmt.Errorf("root account: %w", err)
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

// isRoot reports whether a key is of the root account itself.
func (k *Keys) isRoot(row meta.AccessKey) bool { return row.Root && k.directory.IsRoot(row.Account) }

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
		if !k.isRoot(row) || row.Disabled {
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
