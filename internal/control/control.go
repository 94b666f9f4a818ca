// Package control keeps what clients configure and other parts, or other programs, act on: machine groups, Logtail configurations,
// dashboards, saved searches, jobs, external stores, tags, resources and their records.
//
//	document ──parse──> members ──check of its kind──> kept byte for byte ──> comes back, with times of this server
//	                                                          │
//	              secrets in it ──sealed, masked when shown ──┘
//
// What such things have in common is here once; what tells them apart is a table of kinds (kind.go). A document lies in a scope, which
// is a project or an account, or below a logstore or another document, and goes when that goes.
//
// Invariants:
//   - What a client stored comes back, members that nobody here knows too; only times, states and secrets are this package's.
//   - A document is checked before it is stored: its size, depth, encoding, name, and what its kind asks for.
//   - A change and what it takes along (links, children, tags) are one transaction.
//   - Lists of names read no documents.
//
// Nothing in this package acts on a document. A job that is started here waits for a part that runs it.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Sealer keeps secrets: it seals them for an owner, whose name is needed to open them again.
type Sealer interface {
	Seal(secret []byte, purpose, owner string) []byte
	Open(sealed []byte, purpose, owner string) ([]byte, error)
}

// Options of a control plane. The zero value of a field means the default in brackets.
type Options struct {
	PerKind int              // [the limits of the kinds] documents of one kind in one place
	Now     func() time.Time // [time.Now]
}

// Control is the control plane of a server. It is safe for concurrent use.
type Control struct {
	store  meta.Store
	sealer Sealer
	o      Options

	most bounds
	jobs sync.Mutex // held while a job is made: documents here and export tasks share their names
}

// New returns the control plane that lies in store.
func New(store meta.Store, sealer Sealer, o Options) *Control {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Control{store: store, sealer: sealer, o: o}
}

// Place is where documents of a kind lie.
type Place struct {
	Scope    string // a project, or a [meta.AccountScope]
	Logstore string // of documents that belong to a logstore
	Parent   string // of kinds below another one: the document that they belong to
}

// Create stores a new document. Errors: Invalid of the kind's noun, AlreadyExists of the noun, NotFound of what holds it, Throttled
// "quota".
func (c *Control) Create(ctx context.Context, at Place, k *Kind, raw []byte) error {
	d, err := Parse(k, raw)
	if err != nil {
		return err
	}
	name, err := k.nameOf(d)
	if err != nil {
		return err
	}
	return c.store.Update(ctx, func(tx meta.Tx) error { return c.create(tx, at, k, name, d) })
}

func (c *Control) create(tx meta.Tx, at Place, k *Kind, name string, d Document) error {
	if k.settle != nil {
		k.settle(nil, d)
	}
	if err := k.check(d); err != nil {
		return err
	}
	if err := c.room(tx, at, k); err != nil {
		return err
	}
	if k.rival != "" {
		if _, err := tx.Document(at.Scope, k.rival, name); err == nil {
			return sluice.Errorf(sluice.AlreadyExists, k.Noun, "%s %s already exists", k.Title, name)
		}
	}
	body, err := c.seal(at, k, name, d, nil)
	if err != nil {
		return err
	}
	now := c.o.Now()
	err = tx.CreateDocument(meta.Document{Project: at.Scope, Kind: at.kind(k), Name: name, Body: body, Created: now, Modified: now})
	return k.named(err, name)
}

// room returns an error if what holds the documents is not there, or holds as many as it may.
func (c *Control) room(tx meta.Tx, at Place, k *Kind) error {
	if err := at.require(tx, k); err != nil {
		return err
	}
	limit := k.Limit
	if c.o.PerKind > 0 {
		limit = c.o.PerKind
	}
	key := at.Scope + "\x00" + at.kind(k)
	if c.most.take(key, limit) {
		return nil
	}
	n, err := tx.CountDocuments(at.Scope, at.kind(k))
	if err != nil {
		return err
	}
	if n >= limit {
		return sluice.Errorf(sluice.Throttled, "quota", "there are %d %ss, the quota is %d", n, k.Title, limit)
	}
	c.most.set(key, n+1)
	return nil
}

// Update replaces a document; one without a name gets the one it has.
func (c *Control) Update(ctx context.Context, at Place, k *Kind, name string, raw []byte) error {
	d, err := Parse(k, raw)
	if err != nil {
		return err
	}
	return c.store.Update(ctx, func(tx meta.Tx) error { return c.update(tx, at, k, name, d) })
}

func (c *Control) update(tx meta.Tx, at Place, k *Kind, name string, d Document) error {
	old, err := c.get(tx, at, k, name)
	if err != nil {
		return err
	}
	if err := k.rename(d, name); err != nil {
		return err
	}
	if k.settle != nil {
		was, err := c.read(at, k, old)
		if err != nil {
			return err
		}
		k.settle(was, d)
	}
	if err := k.check(d); err != nil {
		return err
	}
	if old.Body, err = c.seal(at, k, name, d, &old); err != nil {
		return err
	}
	old.Modified = c.o.Now()
	return k.named(tx.UpdateDocument(old), name)
}

// Upsert updates documents, or makes those that are not there: all of them or none.
func (c *Control) Upsert(ctx context.Context, at Place, k *Kind, raws []json.RawMessage) error {
	names, documents := make([]string, len(raws)), make([]Document, len(raws))
	for i, raw := range raws {
		var err error
		if documents[i], err = Parse(k, raw); err != nil {
			return err
		}
		if names[i], err = k.nameOf(documents[i]); err != nil {
			return err
		}
	}
	return c.store.Update(ctx, func(tx meta.Tx) error {
		for i, d := range documents {
			if err := c.upsert(tx, at, k, names[i], d); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *Control) upsert(tx meta.Tx, at Place, k *Kind, name string, d Document) error {
	err := c.update(tx, at, k, name, d)
	var e *sluice.Error
	if errors.As(err, &e) && e.Kind == sluice.NotFound && e.Noun == k.Noun {
		return c.create(tx, at, k, name, d)
	}
	return err
}

// Change applies change to a stored document. Its name stays.
func (c *Control) Change(ctx context.Context, at Place, k *Kind, name string, change func(Document) error) error {
	return c.store.Update(ctx, func(tx meta.Tx) error { return c.change(tx, at, k, name, change) })
}

func (c *Control) change(tx meta.Tx, at Place, k *Kind, name string, change func(Document) error) error {
	old, err := c.get(tx, at, k, name)
	if err != nil {
		return err
	}
	d, err := c.read(at, k, old)
	if err != nil {
		return err
	}
	if err := change(d); err != nil {
		return err
	}
	if err := k.check(d); err != nil {
		return err
	}
	if old.Body, err = c.seal(at, k, name, d, &old); err != nil {
		return err
	}
	old.Modified = c.o.Now()
	return k.named(tx.UpdateDocument(old), name)
}

// Get returns a document as clients see it.
func (c *Control) Get(ctx context.Context, at Place, k *Kind, name string) (d Document, err error) {
	err = c.store.View(ctx, func(tx meta.Tx) error {
		stored, err := c.get(tx, at, k, name)
		if err != nil {
			return err
		}
		d, err = c.shown(at, k, stored)
		return err
	})
	return d, err
}

func (c *Control) get(tx meta.Tx, at Place, k *Kind, name string) (meta.Document, error) {
	d, err := tx.Document(at.Scope, at.kind(k), name)
	if err != nil && sluice.KindOf(err) == sluice.NotFound {
		if held := at.require(tx, k); held != nil {
			return d, held
		}
	}
	return d, k.named(err, name)
}

// Delete removes documents with all that belongs to them: all of them or none.
func (c *Control) Delete(ctx context.Context, at Place, k *Kind, names ...string) error {
	return c.store.Update(ctx, func(tx meta.Tx) error {
		for _, name := range names {
			if err := c.delete(tx, at, k, name); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *Control) delete(tx meta.Tx, at Place, k *Kind, name string) error {
	if _, err := c.get(tx, at, k, name); err != nil {
		return err
	}
	if k.unlink != nil {
		if err := k.unlink(tx, at.Scope, name); err != nil {
			return err
		}
	}
	kind := at.kind(k)
	if err := tx.DeleteDocuments(at.Scope, kind+"/"+name+"/"); err != nil {
		return err
	}
	return k.named(tx.DeleteDocument(at.Scope, kind, name), name)
}

// kind is what documents of k are stored under in this place.
func (at Place) kind(k *Kind) string {
	switch {
	case at.Logstore != "":
		return meta.LogstoreKinds(at.Logstore) + k.Name
	case k.Parent != nil:
		return k.Parent.Name + "/" + at.Parent + "/" + k.Name
	}
	return k.Name
}

// require returns NotFound for the outermost that is missing of what holds documents of k.
func (at Place) require(tx meta.Tx, k *Kind) error {
	if !meta.IsAccountScope(at.Scope) {
		if _, err := tx.Project(at.Scope); err != nil {
			return err
		}
	}
	if at.Logstore != "" {
		_, err := tx.Logstore(sluice.LogstoreRef{Project: at.Scope, Logstore: at.Logstore})
		return err
	}
	if k.Parent != nil {
		_, err := tx.Document(at.Scope, k.Parent.Name, at.Parent)
		return k.Parent.named(err, at.Parent)
	}
	return nil
}
