package iam

import (
	"context"
	"slices"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Account is a tenant. Its Name is its number, like its ID; people call it by its Alias.
type Account struct {
	Entry
	Alias string
	Root  bool // of the installation
}

// EnsureRoot returns the root account, which it makes at the first start.
func (d *Directory) EnsureRoot(ctx context.Context) (root Account, err error) {
	err = d.store.View(ctx, func(tx meta.Tx) (err error) {
		root, err = d.root(tx)
		return err
	})
	if err == nil {
		d.rootID.Store(&root.ID)
	}
	if sluice.KindOf(err) != sluice.NotFound {
		return root, err
	}
	err = d.store.Update(ctx, func(tx meta.Tx) (err error) {
		if root, err = d.root(tx); sluice.KindOf(err) != sluice.NotFound {
			return err
		}
		id := newID(16)
		root = Account{Entry: Entry{Name: id, ID: id}, Alias: "root", Root: true}
		return insert(d, tx, kindAccount, &root)
	})
	if err == nil {
		d.rootID.Store(&root.ID)
	}
	return root, err
}

func (d *Directory) root(tx meta.Tx) (Account, error) {
	accounts, err := list[Account](tx, kindAccount, "")
	if err != nil {
		return Account{}, err
	}
	if i := slices.IndexFunc(accounts, func(a Account) bool { return a.Root }); i >= 0 {
		return accounts[i], nil
	}
	return Account{}, sluice.Errorf(sluice.NotFound, string(kindAccount), "there is no root account yet")
}

// OwnerOf is the id of the account that metadata calls account: "" is the root, whose id it asks for only until it is known.
func (d *Directory) OwnerOf(tx meta.Tx, account string) (string, error) {
	if account != "" {
		return account, nil
	}
	if id := d.rootID.Load(); id != nil {
		return *id, nil
	}
	root, err := d.root(tx)
	if err != nil {
		return "", sluice.Errorf(sluice.Internal, string(kindAccount), "find the root account: %w", err) // no client's fault
	}
	d.rootID.Store(&root.ID)
	return root.ID, nil
}

// IsRoot reports whether account is the root's, by its id or by the name that metadata has for it.
func (d *Directory) IsRoot(account string) bool {
	return account == "" || account == d.Root()
}

// Root is the id of the root account, "" before EnsureRoot.
func (d *Directory) Root() string {
	if id := d.rootID.Load(); id != nil {
		return *id
	}
	return ""
}

// Exists returns nil if there is this account, and this user of it unless user is "". Errors: NotFound "account", "user".
func (d *Directory) Exists(tx meta.Tx, account, user string) error {
	if !d.IsRoot(account) {
		if _, err := get[Account](tx, kindAccount, "", account); err != nil {
			return err
		}
	}
	if user == "" {
		return nil
	}
	id, err := d.OwnerOf(tx, account)
	if err == nil {
		_, err = get[User](tx, kindUser, id, user)
	}
	return err
}

// CreateAccount makes an account. Errors: Invalid "accountname"; AlreadyExists "account".
func (d *Directory) CreateAccount(ctx context.Context, alias string) (a Account, err error) {
	if !names[kindUser].MatchString(alias) {
		return a, sluice.Errorf(sluice.Invalid, "accountname", "the account's name, %.80q, does not match %v", alias, names[kindUser])
	}
	id := newID(16)
	a = Account{Entry: Entry{Name: id, ID: id}, Alias: alias}
	err = d.store.Update(ctx, func(tx meta.Tx) error {
		others, err := list[Account](tx, kindAccount, "")
		if err != nil {
			return err
		}
		for _, other := range others {
			if strings.EqualFold(other.Alias, alias) {
				return sluice.Errorf(sluice.AlreadyExists, string(kindAccount), "the account %.80s already exists", alias)
			}
		}
		return insert(d, tx, kindAccount, &a)
	})
	return a, err
}

// Accounts returns all accounts by number, and Account one. Errors: NotFound "account".
func (d *Directory) Accounts(ctx context.Context) ([]Account, error) {
	return all[Account](ctx, d, kindAccount, "")
}

// Account returns an account.
func (d *Directory) Account(ctx context.Context, id string) (Account, error) {
	return one[Account](ctx, d, kindAccount, "", id)
}

// DeleteAccount removes an account with all that is in it: keys, users, groups, roles, policies. Projects have to go before. Errors: NotFound,
// and Conflict "account" for one with projects, for one that a [Retire] holds, and for the root.
func (d *Directory) DeleteAccount(ctx context.Context, id string) error {
	return d.store.Update(ctx, func(tx meta.Tx) error {
		a, err := get[Account](tx, kindAccount, "", id)
		if err != nil {
			return err
		}
		if a.Root {
			return conflict(string(kindAccount), "the root account cannot be deleted")
		}
		projects, err := tx.Projects()
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(projects, func(p meta.Project) bool { return p.Account == id }); i >= 0 {
			return conflict(string(kindAccount), "the account has project %s: delete its projects first", projects[i].Name)
		}
		for _, retire := range d.retire {
			if err := retire(tx, id); err != nil {
				return err
			}
		}
		if err := d.clear(tx, id); err != nil {
			return err
		}
		if err := tx.DeleteDocuments(meta.AccountScope(id), ""); err != nil { // what its clients stored
			return err
		}
		return remove(tx, kindAccount, "", id)
	})
}

// clear removes what is in an account.
func (d *Directory) clear(tx meta.Tx, account string) error {
	keys, err := d.keysOf(tx, account)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := tx.DeleteAccessKey(key.ID); err != nil {
			return err
		}
	}
	if err := tx.DeleteDocuments(meta.AccountScope(account), ""); err != nil {
		return err
	}
	for _, k := range []kind{kindUser, kindGroup, kindRole, kindPolicy} {
		rows, err := tx.Identities(account, string(k))
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := remove(tx, k, account, row.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// keysOf are the access keys of an account and its users.
func (d *Directory) keysOf(tx meta.Tx, account string) ([]meta.AccessKey, error) {
	keys, err := tx.AccessKeys()
	if err != nil {
		return nil, err
	}
	if d.IsRoot(account) {
		account = ""
	}
	return slices.DeleteFunc(keys, func(k meta.AccessKey) bool { return k.Account != account }), nil
}
