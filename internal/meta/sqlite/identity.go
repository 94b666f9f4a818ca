package sqlite

import "github.com/sluicelog/sluice/internal/meta"

var identities = table[meta.Identity]{
	noun:    "identity",
	name:    "identities",
	keys:    []string{"account", "kind", "name"},
	columns: []string{"account", "kind", "name", "body", "created", "modified"},
	fields: func(i *meta.Identity) []any {
		return []any{&i.Account, &i.Kind, &i.Name, (*blob)(&i.Body), (*moment)(&i.Created), (*moment)(&i.Modified)}
	},
}

func (t *tx) Identity(account, kind, name string) (meta.Identity, error) {
	return identities.get(t, account, kind, name)
}

func (t *tx) Identities(account, kind string) ([]meta.Identity, error) {
	return identities.list(t, account, kind)
}

func (t *tx) CreateIdentity(i meta.Identity) error { return identities.insert(t, &i) }
func (t *tx) UpdateIdentity(i meta.Identity) error { return identities.update(t, &i) }

func (t *tx) DeleteIdentity(account, kind, name string) error {
	return identities.delete(t, account, kind, name)
}
