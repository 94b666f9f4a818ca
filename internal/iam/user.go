package iam

import (
	"context"
	"slices"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// User is somebody in an account, or some program.
type User struct {
	Entry
	DisplayName, MobilePhone, Email, Comments string

	Policies []Attached // of its own
	Groups   []string   // it is in
}

// CreateUser makes a user. Errors: Invalid "username"; AlreadyExists "user".
func (d *Directory) CreateUser(ctx context.Context, u User) (User, error) {
	if err := checkUser(&u); err != nil {
		return u, err
	}
	u.ID, u.Policies, u.Groups = newID(18), nil, nil
	return u, d.store.Update(ctx, func(tx meta.Tx) error { return insert(d, tx, kindUser, &u) })
}

func checkUser(u *User) error {
	if err := checkName(kindUser, u.Name); err != nil {
		return err
	}
	return checkTexts(u.DisplayName, u.MobilePhone, u.Email, u.Comments)
}

// User returns a user. Errors: NotFound "user".
func (d *Directory) User(ctx context.Context, account, name string) (User, error) {
	return one[User](ctx, d, kindUser, account, name)
}

// Users returns the users of an account, by name.
func (d *Directory) Users(ctx context.Context, account string) ([]User, error) {
	return all[User](ctx, d, kindUser, account)
}

// UpdateUser applies change to a user. With another name it keeps its keys, groups and policies; policies of projects and roles that name it name
// nobody from then on.
func (d *Directory) UpdateUser(ctx context.Context, account, name string, change func(*User)) (u User, err error) {
	err = d.store.Update(ctx, func(tx meta.Tx) error {
		old, err := get[User](tx, kindUser, account, name)
		if err != nil {
			return err
		}
		u = old
		change(&u)
		u.Entry.Account, u.ID, u.Created, u.Policies, u.Groups = account, old.ID, old.Created, old.Policies, old.Groups
		if err := checkUser(&u); err != nil {
			return err
		}
		if u.Name == name {
			return save(d, tx, kindUser, &u)
		}
		return d.rename(tx, &u, name)
	})
	return u, err
}

// rename keeps u, which was called old, under its new name.
func (d *Directory) rename(tx meta.Tx, u *User, old string) error {
	u.Modified = d.now()
	row, err := encode(kindUser, &u.Entry, u)
	if err != nil {
		return err
	}
	if err := tx.CreateIdentity(row); err != nil {
		return about(kindUser, u.Name, err)
	}
	keys, err := d.keysOf(tx, u.Account)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if key.User == old {
			key.User = u.Name
			if err := tx.UpdateAccessKey(key); err != nil {
				return err
			}
		}
	}
	return remove(tx, kindUser, u.Account, old)
}

// DeleteUser removes a user without keys, groups and policies. Errors: NotFound; Conflict "user-key", "user-group", "user-policy".
func (d *Directory) DeleteUser(ctx context.Context, account, name string) error {
	return d.store.Update(ctx, func(tx meta.Tx) error {
		u, err := get[User](tx, kindUser, account, name)
		if err != nil {
			return err
		}
		keys, err := d.keysOf(tx, account)
		if err != nil {
			return err
		}
		switch {
		case slices.ContainsFunc(keys, func(k meta.AccessKey) bool { return k.User == name }):
			return conflict("user-key", "the user %s has access keys: delete them first", name)
		case len(u.Groups) > 0:
			return conflict("user-group", "the user %s is in group %s: take it out first", name, u.Groups[0])
		case len(u.Policies) > 0:
			return conflict("user-policy", "policy %s is attached to the user %s: detach it first", u.Policies[0].Name, name)
		}
		return remove(tx, kindUser, account, name)
	})
}

// Group is users that have policies together.
type Group struct {
	Entry
	Comments string
	Policies []Attached
}

// CreateGroup makes a group. Errors: Invalid "groupname"; AlreadyExists "group".
func (d *Directory) CreateGroup(ctx context.Context, g Group) (Group, error) {
	if err := checkName(kindGroup, g.Name); err != nil {
		return g, err
	}
	if err := checkTexts(g.Comments); err != nil {
		return g, err
	}
	g.ID, g.Policies = newID(18), nil
	return g, d.store.Update(ctx, func(tx meta.Tx) error { return insert(d, tx, kindGroup, &g) })
}

// Group returns a group. Errors: NotFound "group".
func (d *Directory) Group(ctx context.Context, account, name string) (Group, error) {
	return one[Group](ctx, d, kindGroup, account, name)
}

// Groups returns the groups of an account, by name.
func (d *Directory) Groups(ctx context.Context, account string) ([]Group, error) {
	return all[Group](ctx, d, kindGroup, account)
}

// Members returns the users in a group, by name. Errors: NotFound "group".
func (d *Directory) Members(ctx context.Context, account, group string) (members []User, err error) {
	err = d.store.View(ctx, func(tx meta.Tx) (err error) {
		members, err = membersOf(tx, account, group)
		return err
	})
	return members, err
}

func membersOf(tx meta.Tx, account, group string) ([]User, error) {
	if _, err := get[Group](tx, kindGroup, account, group); err != nil {
		return nil, err
	}
	users, err := list[User](tx, kindUser, account)
	return slices.DeleteFunc(users, func(u User) bool { return !slices.Contains(u.Groups, group) }), err
}

// DeleteGroup removes a group without members and policies. Errors: NotFound; Conflict "group-user", "group-policy".
func (d *Directory) DeleteGroup(ctx context.Context, account, name string) error {
	return d.store.Update(ctx, func(tx meta.Tx) error {
		g, err := get[Group](tx, kindGroup, account, name)
		if err != nil {
			return err
		}
		members, err := membersOf(tx, account, name)
		switch {
		case err != nil:
			return err
		case len(members) > 0:
			return conflict("group-user", "the user %s is in group %s: take it out first", members[0].Name, name)
		case len(g.Policies) > 0:
			return conflict("group-policy", "policy %s is attached to the group %s: detach it first", g.Policies[0].Name, name)
		}
		return remove(tx, kindGroup, account, name)
	})
}

const maxGroups = 50 // of a user

// AddToGroup puts a user into a group. Errors: NotFound "user", "group"; AlreadyExists "membership"; Throttled "membership".
func (d *Directory) AddToGroup(ctx context.Context, account, user, group string) error {
	_, err := modify(ctx, d, kindUser, account, user, func(tx meta.Tx, u *User) error {
		if _, err := get[Group](tx, kindGroup, account, group); err != nil {
			return err
		}
		switch {
		case slices.Contains(u.Groups, group):
			return sluice.Errorf(sluice.AlreadyExists, "membership", "the user %s is in group %s already", user, group)
		case len(u.Groups) >= maxGroups:
			return sluice.Errorf(sluice.Throttled, "membership", "a user is in at most %d groups", maxGroups)
		}
		u.Groups = append(u.Groups, group)
		return nil
	})
	return err
}

// RemoveFromGroup takes a user out of a group. Errors: NotFound "user", "membership".
func (d *Directory) RemoveFromGroup(ctx context.Context, account, user, group string) error {
	_, err := modify(ctx, d, kindUser, account, user, func(_ meta.Tx, u *User) error {
		if !slices.Contains(u.Groups, group) {
			return sluice.Errorf(sluice.NotFound, "membership", "the user %s is not in group %.80s", user, group)
		}
		u.Groups = without(u.Groups, group)
		return nil
	})
	return err
}
