// Package iam keeps who there is: accounts, and in each of them users, groups, roles and policies, after the model of RAM.
//
//	account ─┬─ user  ── access keys (package auth)
//	         │    └── policies of its own, and of its groups
//	         ├─ group ── policies
//	         ├─ role  ── policies, and who may assume it (trust)
//	         ├─ policy ── documents, of which one counts
//	         └─ projects (package catalog)
//
// An account is a tenant: nothing in one names anything in another, but policies of projects and of roles. One account is the root: its
// own keys run the installation, and all that is from before there were accounts is its.
//
// The package keeps and answers; who may ask is for package auth and the dialects to say. Whoever may attach policies may attach
// AdministratorAccess to himself, as in RAM: to allow ram:* is to trust with the account. What only the installation's root may, no
// policy can give.
//
// Invariants:
//   - Nothing is deleted that something else hangs on: keys, members, attachments; an account goes when it has no projects, and nothing that another part holds it
//     for.
//   - Every stored document was read by package policy before it was stored; one that no longer can be read allows nothing.
package iam

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Directory is the accounts of an installation and what is in them. It is safe for concurrent use.
type Directory struct {
	store    meta.Store
	now      func() time.Time
	compiled compiled
	rootID   atomic.Pointer[string]
	retire   []Retire
}

// Retire removes what another part of the server keeps for an account, in the transaction that deletes the account; account is as meta.Project has it.
// An error, a Conflict "account" with what has to go before, keeps the account.
type Retire func(tx meta.Tx, account string) error

// OnDelete has fn asked whenever an account is deleted. It is called before there are callers.
func (d *Directory) OnDelete(fn Retire) { d.retire = append(d.retire, fn) }

// New returns the directory in store.
func New(store meta.Store, now func() time.Time) *Directory {
	return &Directory{store: store, now: now}
}

// Entry is what all have in common.
type Entry struct {
	Account  string    `json:"-"` // whose it is
	Name     string    `json:"-"` // of accounts, the id
	ID       string    // given once: another one of the same name has another
	Created  time.Time `json:"-"`
	Modified time.Time `json:"-"`
}

func (e *Entry) entry() *Entry { return e }

// entity is a pointer to something that is kept.
type entity[T any] interface {
	*T
	entry() *Entry
}

// kind is the kind of a meta.Identity, and the noun of errors about it.
type kind string

const (
	kindAccount kind = "account"
	kindUser    kind = "user"
	kindGroup   kind = "group"
	kindRole    kind = "role"
	kindPolicy  kind = "policy"
)

// Bounds of what there is.
const (
	maxAccounts      = 10_000 // of the installation; the others are of an account
	maxUsers         = 10_000
	maxAccountGroups = 1000
	maxRoles         = 1000
	maxPolicies      = 1500
)

// limits are how many of a kind there may be in an account.
var limits = map[kind]int{kindAccount: maxAccounts, kindUser: maxUsers, kindGroup: maxAccountGroups, kindRole: maxRoles, kindPolicy: maxPolicies}

// names are what a name may be.
var names = map[kind]*regexp.Regexp{
	kindUser:   regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`),
	kindGroup:  regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`),
	kindRole:   regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`),
	kindPolicy: regexp.MustCompile(`^[A-Za-z0-9-]{1,128}$`),
}

func checkName(k kind, name string) error {
	if !names[k].MatchString(name) {
		return sluice.Errorf(sluice.Invalid, string(k)+"name", "the name of the %s, %.80q, does not match %v", k, name, names[k])
	}
	return nil
}

const maxText = 1024 // bytes of comments and the like

func checkTexts(texts ...string) error {
	for _, text := range texts {
		if len(text) > maxText {
			return sluice.Errorf(sluice.Invalid, "parameter", "a text is longer than %d bytes", maxText)
		}
	}
	return nil
}

// newID makes a number of so many digits that nobody has by chance.
func newID(digits int) string {
	low := int64(1)
	for range digits - 1 {
		low *= 10
	}
	return strconv.FormatInt(low+rand.Int64N(9*low), 10)
}

func get[T any, P entity[T]](tx meta.Tx, k kind, account, name string) (T, error) {
	i, err := tx.Identity(account, string(k), name)
	if err != nil {
		var zero T
		return zero, about(k, name, err)
	}
	return decode[T, P](i)
}

func list[T any, P entity[T]](tx meta.Tx, k kind, account string) ([]T, error) {
	rows, err := tx.Identities(account, string(k))
	if err != nil {
		return nil, err
	}
	all := make([]T, len(rows))
	for i, row := range rows {
		if all[i], err = decode[T, P](row); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func decode[T any, P entity[T]](i meta.Identity) (T, error) {
	var v T
	if err := json.Unmarshal(i.Body, &v); err != nil {
		return v, fmt.Errorf("%s %s of account %q: %w", i.Kind, i.Name, i.Account, err)
	}
	e := P(&v).entry()
	e.Account, e.Name, e.Created, e.Modified = i.Account, i.Name, i.Created, i.Modified
	return v, nil
}

func encode(k kind, e *Entry, v any) (meta.Identity, error) {
	body, err := json.Marshal(v)
	return meta.Identity{Account: e.Account, Kind: string(k), Name: e.Name, Body: body, Created: e.Created, Modified: e.Modified}, err
}

// insert keeps a new v, if there is room.
func insert[T any, P entity[T]](d *Directory, tx meta.Tx, k kind, v P) error {
	e := v.entry()
	e.Created = d.now()
	e.Modified = e.Created
	row, err := encode(k, e, v)
	if err != nil {
		return err
	}
	if err := tx.CreateIdentity(row); err != nil {
		return about(k, e.Name, err)
	}
	all, err := tx.Identities(e.Account, string(k))
	if err == nil && len(all) > limits[k] {
		return sluice.Errorf(sluice.Throttled, string(k), "an account has at most %d of kind %s", limits[k], k)
	}
	return err
}

func save[T any, P entity[T]](d *Directory, tx meta.Tx, k kind, v P) error {
	e := v.entry()
	e.Modified = d.now()
	row, err := encode(k, e, v)
	if err != nil {
		return err
	}
	return about(k, e.Name, tx.UpdateIdentity(row))
}

func remove(tx meta.Tx, k kind, account, name string) error {
	return about(k, name, tx.DeleteIdentity(account, string(k), name))
}

// about gives an error about an identity the noun of its kind.
func about(k kind, name string, err error) error {
	var e *sluice.Error
	if errors.As(err, &e) && e.Noun == "identity" {
		verb := map[sluice.Kind]string{sluice.NotFound: "does not exist", sluice.AlreadyExists: "already exists"}[e.Kind]
		return sluice.Errorf(e.Kind, string(k), "the %s %.80s %s", k, name, verb)
	}
	return err
}

// one returns one thing, all returns those of an account.
func one[T any, P entity[T]](ctx context.Context, d *Directory, k kind, account, name string) (v T, err error) {
	err = d.store.View(ctx, func(tx meta.Tx) (err error) {
		v, err = get[T, P](tx, k, account, name)
		return err
	})
	return v, err
}

func all[T any, P entity[T]](ctx context.Context, d *Directory, k kind, account string) (vs []T, err error) {
	err = d.store.View(ctx, func(tx meta.Tx) (err error) {
		vs, err = list[T, P](tx, k, account)
		return err
	})
	return vs, err
}

// modify changes one thing in a transaction.
func modify[T any, P entity[T]](ctx context.Context, d *Directory, k kind, account, name string, change func(tx meta.Tx, v P) error) (v T, err error) {
	err = d.store.Update(ctx, func(tx meta.Tx) (err error) {
		if v, err = get[T, P](tx, k, account, name); err != nil {
			return err
		}
		if err := change(tx, &v); err != nil {
			return err
		}
		return save(d, tx, k, P(&v))
	})
	return v, err
}

// conflict says why something cannot be deleted.
func conflict(noun, format string, args ...any) error {
	return sluice.Errorf(sluice.Conflict, noun, format, args...)
}

func without[T comparable](s []T, v T) []T {
	return slices.DeleteFunc(s, func(x T) bool { return x == v })
}
