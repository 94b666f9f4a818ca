package assistant

import (
	"encoding/json"
	"fmt"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Kinds of items in metadata, and how they are named. What has an id carries its account, and lies in the account's group where it has no other; what
// accounts name themselves, and what waits for each of them in a line, has a kind for each account: see [of].
const (
	kindIdentity   = "assistant-identity"   // ca, signer
	kindInstance   = "assistant-instance"   // id, in the group of its activation
	kindActivation = "assistant-activation" // id
	kindCommand    = "assistant-command"    // id
	kindInvocation = "assistant-invocation" // id; sorts by time
	kindTarget     = "assistant-target"     // invocation/instance, in the group of the instance
	kindLive       = "assistant-live"       // the same, of targets that are not over
	kindRun        = "assistant-run"        // invocation/instance/number: runs of schedules
	kindOutbox     = "assistant-outbox"     // the same: records to be written
	kindToken      = "assistant-token"      // of idempotent calls
	kindParameter  = "assistant-parameter"  // name
	kindSettings   = "assistant-settings"   // of a type
	kindFleet      = "assistant-fleet"      // account: those that have anything here, but for the root account
)

// of is a kind of items of one account. The root account's is the kind alone.
func of(kind, account string) string {
	if account == "" {
		return kind
	}
	return kind + "/" + account
}

// get reads an item; nil if it is not there.
func get[T any](tx meta.Tx, kind, name string) (*T, error) {
	row, err := tx.Item(kind, name)
	if sluice.KindOf(err) == sluice.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return decode[T](row)
}

func decode[T any](row meta.Item) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(row.Body, v); err != nil {
		return nil, fmt.Errorf("%s %s in metadata: %w", row.Kind, row.Name, err)
	}
	return v, nil
}

// list reads items.
func list[T any](tx meta.Tx, kind string, r meta.ItemRange) ([]*T, error) {
	rows, err := tx.Items(kind, r)
	if err != nil {
		return nil, err
	}
	all := make([]*T, len(rows))
	for i, row := range rows {
		if all[i], err = decode[T](row); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// put writes an item.
func put(tx meta.Tx, kind, name, group string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tx.SetItem(meta.Item{Kind: kind, Name: name, Group: group, Body: body})
}

// putTarget writes a target, and notes whether it is over.
func putTarget(tx meta.Tx, t *Target) error {
	name := t.key().name()
	if err := put(tx, kindTarget, name, t.Instance, t); err != nil {
		return err
	}
	if t.Status.Final() {
		return tx.DeleteItem(kindLive, name)
	}
	return nil
}

// targetsOf reads the targets of an invocation, by instance.
func targetsOf(tx meta.Tx, invocation string) ([]*Target, error) {
	return list[Target](tx, kindTarget, meta.ItemRange{Prefix: invocation + "/"})
}

// putActivation, putCommand and putInvocation write what they say, in the group of its account.
func putActivation(tx meta.Tx, a *Activation) error {
	return put(tx, kindActivation, a.ID, a.Account, a)
}
func putCommand(tx meta.Tx, c *Command) error { return put(tx, kindCommand, c.ID, c.Account, c) }
func putInvocation(tx meta.Tx, i *Invocation) error {
	return put(tx, kindInvocation, i.ID, i.Account, i)
}

// putFleet notes that an account has something here, so that it is looked after.
func putFleet(tx meta.Tx, account string) error {
	if account == "" {
		return nil
	}
	return put(tx, kindFleet, account, "", struct{}{})
}

// deleteItems removes items of a kind.
func deleteItems(tx meta.Tx, kind string, r meta.ItemRange) error {
	rows, err := tx.Items(kind, r)
	for _, row := range rows {
		if err := tx.DeleteItem(kind, row.Name); err != nil {
			return err
		}
	}
	return err
}

// putInstance writes an instance, in the group of its activation.
func putInstance(tx meta.Tx, i *Instance) error { return put(tx, kindInstance, i.ID, i.Activation, i) }
