package iam

import (
	"context"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/iam/policy"
	"github.com/sluicelog/sluice/internal/meta"
)

// How long a session of a role may last.
const (
	MinSession     = 15 * time.Minute
	MaxSession     = 12 * time.Hour
	DefaultSession = time.Hour
)

// Role is a set of policies that others may take on for a while: those whom its trust policy names.
type Role struct {
	Entry
	Description string
	Trust       string // the document, as it was sent
	MaxSeconds  int64  // that a session may last
	Policies    []Attached
}

// CreateRole makes a role. Errors: Invalid "rolename", "document", "parameter"; AlreadyExists "role".
func (d *Directory) CreateRole(ctx context.Context, r Role) (Role, error) {
	if r.MaxSeconds == 0 {
		r.MaxSeconds = int64(DefaultSession / time.Second)
	}
	if err := checkRole(&r); err != nil {
		return r, err
	}
	r.ID, r.Policies = newID(18), nil
	return r, d.store.Update(ctx, func(tx meta.Tx) error { return insert(d, tx, kindRole, &r) })
}

func checkRole(r *Role) error {
	if err := checkName(kindRole, r.Name); err != nil {
		return err
	}
	if err := checkTexts(r.Description); err != nil {
		return err
	}
	if life := time.Duration(r.MaxSeconds) * time.Second; r.MaxSeconds > int64(MaxSession/time.Second) || life < MinSession {
		return sluice.Errorf(sluice.Invalid, "session", "the longest session of a role is from %v to %v, not %d seconds", MinSession, MaxSession, r.MaxSeconds)
	}
	return CheckDocument(r.Trust, policy.Trust)
}

// Role returns a role. Errors: NotFound "role".
func (d *Directory) Role(ctx context.Context, account, name string) (Role, error) {
	return one[Role](ctx, d, kindRole, account, name)
}

// Roles returns the roles of an account, by name.
func (d *Directory) Roles(ctx context.Context, account string) ([]Role, error) {
	return all[Role](ctx, d, kindRole, account)
}

// UpdateRole applies change to a role, which keeps its name.
func (d *Directory) UpdateRole(ctx context.Context, account, name string, change func(*Role)) (Role, error) {
	return modify(ctx, d, kindRole, account, name, func(_ meta.Tx, r *Role) error {
		old := *r
		change(r)
		r.Entry, r.Policies = old.Entry, old.Policies
		return checkRole(r)
	})
}

// DeleteRole removes a role without policies; its sessions end with it. Errors: NotFound; Conflict "role-policy".
func (d *Directory) DeleteRole(ctx context.Context, account, name string) error {
	return d.store.Update(ctx, func(tx meta.Tx) error {
		r, err := get[Role](tx, kindRole, account, name)
		if err != nil {
			return err
		}
		if len(r.Policies) > 0 {
			return conflict("role-policy", "policy %s is attached to the role %s: detach it first", r.Policies[0].Name, name)
		}
		return remove(tx, kindRole, account, name)
	})
}
