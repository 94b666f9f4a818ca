package sqlite

import (
	"github.com/sluicelog/sluice/internal/meta"
)

var accessKeys = table[meta.AccessKey]{
	noun: "accesskey",
	name: "access_keys",
	keys: []string{"id"},
	columns: []string{
		"id", "account", "user", "secret", "token", "projects", "read_only", "root", "disabled", "description", "expires",
		"created",
	},
	fields: func(k *meta.AccessKey) []any {
		return []any{
			&k.ID, &k.Account, &k.User, (*blob)(&k.Secret), (*blob)(&k.Token), (*list[string])(&k.Projects), &k.ReadOnly, &k.Root,
			&k.Disabled, &k.Description, (*moment)(&k.Expires), (*moment)(&k.Created),
		}
	},
}

func (t *tx) AccessKey(id string) (meta.AccessKey, error) { return accessKeys.get(t, id) }
func (t *tx) AccessKeys() ([]meta.AccessKey, error)       { return accessKeys.list(t) }
func (t *tx) CreateAccessKey(k meta.AccessKey) error      { return accessKeys.insert(t, &k) }
func (t *tx) UpdateAccessKey(k meta.AccessKey) error      { return accessKeys.update(t, &k) }

func (t *tx) DeleteAccessKey(id string) error {
	if err := accessKeys.delete(t, id); err != nil {
		return err
	}
	_, err := t.change("DELETE FROM documents WHERE project = ? AND kind = ? AND name = ?", meta.AccountScope(""), meta.KeyLimits, id)
	return wrap("delete the limits of an access key", err)
}

var keyUses = table[meta.KeyUse]{
	noun:    "keyuse",
	name:    "key_uses",
	keys:    []string{"id"},
	columns: []string{"id", "used"},
	parent:  &accessKeys,
	quiet:   true,
	fields:  func(u *meta.KeyUse) []any { return []any{&u.Key, (*moment)(&u.Used)} },
}

func (t *tx) KeyUses() ([]meta.KeyUse, error) { return keyUses.list(t) }
func (t *tx) SetKeyUse(u meta.KeyUse) error   { return keyUses.replace(t, &u) }
