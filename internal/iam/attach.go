package iam

import (
	"context"
	"slices"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/iam/policy"
	"github.com/sluicelog/sluice/internal/meta"
)

// Attached names a policy.
type Attached struct {
	Type, Name string // System or Custom
}

// Holder says what policies are attached to.
type Holder kind

// The holders.
const (
	ToUser  = Holder(kindUser)
	ToGroup = Holder(kindGroup)
	ToRole  = Holder(kindRole)
)

// maxAttached is how many policies a user, a group or a role may have.
const maxAttached = 50

// Attach gives a policy to a user, a group or a role. Errors: NotFound "policy", "user", "group", "role"; AlreadyExists, Throttled "attachment".
func (d *Directory) Attach(ctx context.Context, account string, to Holder, name string, a Attached) error {
	return d.reattach(ctx, account, to, name, func(tx meta.Tx, has *[]Attached) error {
		if _, err := findPolicy(tx, account, a); err != nil {
			return err
		}
		switch {
		case slices.Contains(*has, a):
			return sluice.Errorf(sluice.AlreadyExists, "attachment", "policy %s is attached to the %s %s already", a.Name, to, name)
		case len(*has) >= maxAttached:
			return sluice.Errorf(sluice.Throttled, "attachment", "a %s has at most %d policies", to, maxAttached)
		}
		*has = append(*has, a)
		return nil
	})
}

// Detach takes a policy away again. Errors: NotFound "attachment", "user", "group", "role".
func (d *Directory) Detach(ctx context.Context, account string, to Holder, name string, a Attached) error {
	return d.reattach(ctx, account, to, name, func(_ meta.Tx, has *[]Attached) error {
		if !slices.Contains(*has, a) {
			return sluice.Errorf(sluice.NotFound, "attachment", "policy %.80s is not attached to the %s %s", a.Name, to, name)
		}
		*has = without(*has, a)
		return nil
	})
}

func (d *Directory) reattach(ctx context.Context, account string, to Holder, name string, change func(meta.Tx, *[]Attached) error) error {
	var err error
	switch to {
	case ToUser:
		_, err = modify(ctx, d, kindUser, account, name, func(tx meta.Tx, u *User) error { return change(tx, &u.Policies) })
	case ToGroup:
		_, err = modify(ctx, d, kindGroup, account, name, func(tx meta.Tx, g *Group) error { return change(tx, &g.Policies) })
	default:
		_, err = modify(ctx, d, kindRole, account, name, func(tx meta.Tx, r *Role) error { return change(tx, &r.Policies) })
	}
	return err
}

// AttachedTo returns the policies of a user, a group or a role. Errors: NotFound "user", "group", "role".
func (d *Directory) AttachedTo(ctx context.Context, account string, to Holder, name string) (policies []Policy, err error) {
	err = d.store.View(ctx, func(tx meta.Tx) error {
		has, err := attachedTo(tx, account, to, name)
		if err != nil {
			return err
		}
		for _, a := range has {
			p, err := findPolicy(tx, account, a)
			if err != nil {
				return err
			}
			policies = append(policies, p)
		}
		return nil
	})
	return policies, err
}

func attachedTo(tx meta.Tx, account string, to Holder, name string) ([]Attached, error) {
	switch to {
	case ToUser:
		u, err := get[User](tx, kindUser, account, name)
		return u.Policies, err
	case ToGroup:
		g, err := get[Group](tx, kindGroup, account, name)
		return g.Policies, err
	}
	r, err := get[Role](tx, kindRole, account, name)
	return r.Policies, err
}

// attachments says to whom each policy is attached: "user alice".
func attachments(tx meta.Tx, account string) (map[Attached][]string, error) {
	uses := map[Attached][]string{}
	for _, to := range []Holder{ToUser, ToGroup, ToRole} {
		rows, err := tx.Identities(account, string(to))
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			has, err := attachedTo(tx, account, to, row.Name)
			if err != nil {
				return nil, err
			}
			for _, a := range has {
				uses[a] = append(uses[a], string(to)+" "+row.Name)
			}
		}
	}
	return uses, nil
}

// UserGrants are the policies of a user, its own and those of its groups, compiled. Errors: NotFound "user".
func (d *Directory) UserGrants(tx meta.Tx, account, name string) (policy.Set, error) {
	u, err := get[User](tx, kindUser, account, name)
	if err != nil {
		return nil, err
	}
	set, err := d.compileAll(tx, nil, account, u.Policies, "")
	for _, group := range u.Groups {
		if err != nil {
			return nil, err
		}
		var g Group
		if g, err = get[Group](tx, kindGroup, account, group); err == nil {
			set, err = d.compileAll(tx, set, account, g.Policies, " of group "+group)
		}
	}
	return set, err
}

// RoleGrants are the policies of a role, compiled, and the role. Errors: NotFound "role".
func (d *Directory) RoleGrants(tx meta.Tx, account, name string) (Role, policy.Set, error) {
	r, err := get[Role](tx, kindRole, account, name)
	if err != nil {
		return r, nil, err
	}
	set, err := d.compileAll(tx, nil, account, r.Policies, "")
	return r, set, err
}

// compileAll adds policies to set; via is added to their names, so that decisions tell where they come from.
func (d *Directory) compileAll(tx meta.Tx, set policy.Set, account string, policies []Attached, via string) (policy.Set, error) {
	for _, a := range policies {
		p, err := findPolicy(tx, account, a)
		if err != nil {
			return nil, err
		}
		compiled, err := d.Compile(p.Document(), policy.Identity)
		if err != nil {
			return nil, err
		}
		set = append(set, policy.Named{Name: a.Type + " policy " + a.Name + via, Policy: compiled})
	}
	return set, nil
}
