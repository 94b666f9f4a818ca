package assistant

import (
	"context"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Fleet is the assistant as one account has it: its machines, what it runs on them, and what it keeps for that. What belongs to another account is not
// there: its ids are answered like ids that nobody has, and nothing of it counts. It is safe for concurrent use.
//
// An activation is made for an account, and the machines that enrol with it are that account's for as long as they are registered. Agents say
// nothing of accounts, and need not: they are known by their instances.
type Fleet struct {
	s       *Service
	account string // as meta.Project has it: "" is the root account
}

// Fleet is what an account has; account is as meta.Project has it.
func (s *Service) Fleet(account string) *Fleet { return &Fleet{s, account} }

// owned is what belongs to an account, and has an id of its own.
type owned interface{ owner() string }

func (a *Activation) owner() string { return a.Account }
func (i *Instance) owner() string   { return i.Account }
func (c *Command) owner() string    { return c.Account }
func (i *Invocation) owner() string { return i.Account }

// find reads what an account has under an id; nil if it has no such thing.
func find[T any, P interface {
	*T
	owned
}](tx meta.Tx, account, kind, id string) (*T, error) {
	v, err := get[T](tx, kind, id)
	if err != nil || v == nil || P(v).owner() != account {
		return nil, err
	}
	return v, nil
}

func (fl *Fleet) activation(tx meta.Tx, id string) (*Activation, error) {
	a, err := find[Activation](tx, fl.account, kindActivation, id)
	if err == nil && a == nil {
		err = fail(sluice.NotFound, "InvalidActivationId.NotFound", "activation %.80q does not exist", id)
	}
	return a, err
}

func (fl *Fleet) instance(tx meta.Tx, id string) (*Instance, error) {
	i, err := find[Instance](tx, fl.account, kindInstance, id)
	if err == nil && i == nil {
		err = fail(sluice.NotFound, "InvalidInstanceId.NotFound", "instance %.80q does not exist", id)
	}
	return i, err
}

func (fl *Fleet) command(tx meta.Tx, id string) (*Command, error) {
	c, err := find[Command](tx, fl.account, kindCommand, id)
	if err == nil && c == nil {
		err = fail(sluice.NotFound, "InvalidCmdId.NotFound", "command %.80q does not exist", id)
	}
	return c, err
}

func (fl *Fleet) invocation(tx meta.Tx, id string) (*Invocation, error) {
	inv, err := getInvocation(tx, id)
	if err == nil && (inv == nil || inv.Account != fl.account) {
		inv, err = nil, fail(sluice.NotFound, "InvalidInvokeId.NotFound", "invocation %.80q does not exist", id)
	}
	return inv, err
}

// ActivationAccount is the account that an activation belongs to, as meta.Project has it: that of one that nobody has is the root account.
func (s *Service) ActivationAccount(ctx context.Context, id string) (account string, err error) {
	err = s.store.View(ctx, func(tx meta.Tx) error {
		a, err := get[Activation](tx, kindActivation, id)
		if a != nil {
			account = a.Account
		}
		return err
	})
	return account, err
}

// Retire removes what an account has that is about to be deleted, in the transaction that deletes it. Errors: Conflict "account" while it has machines:
// their agents would go on with what they were told by nobody.
func (s *Service) Retire(tx meta.Tx, account string) error {
	instances, err := list[Instance](tx, kindInstance, meta.ItemRange{})
	if err != nil {
		return err
	}
	for _, i := range instances {
		if i.Account == account {
			return sluice.Errorf(sluice.Conflict, "account", "the account has machine %s (%s): deregister its machines first", i.ID, i.Name)
		}
	}
	for _, kind := range []string{kindActivation, kindCommand, kindInvocation} {
		rows, err := tx.Items(kind, meta.ItemRange{Group: account})
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := errorsFirst(deleteRuns(tx, row.Name), tx.DeleteItem(kind, row.Name)); err != nil {
				return err
			}
		}
	}
	for _, kind := range []string{kindParameter, kindSettings, kindOutbox} {
		if err := deleteItems(tx, of(kind, account), meta.ItemRange{}); err != nil {
			return err
		}
	}
	return tx.DeleteItem(kindFleet, account)
}
