package courier

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/trail/trails"
)

// state is what a route remembers, as an item of metadata.
type state struct {
	Progress trails.Progress `json:"progress"`
	Begun    bool            `json:"begun"`
	Next     sluice.Position `json:"next"`  // to read on at,
	After    uint64          `json:"after"` // behind the event of this Seq: all until it are delivered or were not chosen
	File     *intent         `json:"file,omitempty"`
	Files    []listed        `json:"files,omitempty"`  // delivered, and in no digest yet
	Chain    *chain          `json:"chain,omitempty"`  // of digests; nil: there is none now
	Newest   *link           `json:"newest,omitempty"` // the last digest that was delivered, also of a chain that ended
}

// intent is a file that may be in the bucket already.
type intent struct {
	Bucket string    `json:"bucket"`
	Prefix string    `json:"prefix,omitempty"` // of the trail, by which Key was made
	Key    string    `json:"key"`
	Last   uint64    `json:"last"` // Seq of the last event that it may have
	Sum    string    `json:"sum"`  // hexadecimal SHA-256 of the content, before compression
	Made   time.Time `json:"made"`
}

// listed is a file as digests list it.
type listed struct {
	Bucket string    `json:"bucket"`
	Key    string    `json:"key"`
	Sum    string    `json:"sum"`
	Oldest time.Time `json:"oldest"`
	Newest time.Time `json:"newest"`
}

// chain is digests that name each other.
type chain struct {
	Start    time.Time `json:"start"` // of the next digest
	Previous *link     `json:"previous,omitempty"`

	End    time.Time `json:"end,omitzero"` // of the digest that may be in the bucket already; zero: there is none
	Bucket string    `json:"bucket,omitempty"`
	Key    string    `json:"key,omitempty"`
	Files  int       `json:"files,omitempty"`  // how many of the files it lists, the first ones
	Signer string    `json:"signer,omitempty"` // fingerprint of the key
}

// link is a digest that was delivered.
type link struct {
	Bucket    string    `json:"bucket"`
	Key       string    `json:"key"`
	Sum       string    `json:"sum"`
	Signature string    `json:"signature"`
	End       time.Time `json:"end"`
}

// shelf keeps what routes remember. set is durable when it returns.
type shelf interface {
	get(ctx context.Context, kind, name string) ([]byte, error) // nil if there is none
	set(ctx context.Context, kind, name string, body []byte) error
	remove(ctx context.Context, kind, name string) error
	names(ctx context.Context, kind string) ([]string, error)
}

// metaShelf is a shelf in metadata.
type metaShelf struct{ store meta.Store }

func (s metaShelf) get(ctx context.Context, kind, name string) (body []byte, err error) {
	err = s.store.View(ctx, func(tx meta.Tx) error {
		item, err := tx.Item(kind, name)
		body = item.Body
		return err
	})
	if sluice.KindOf(err) == sluice.NotFound {
		return nil, nil
	}
	return body, err
}

func (s metaShelf) set(ctx context.Context, kind, name string, body []byte) error {
	return s.store.Update(ctx, func(tx meta.Tx) error { return tx.SetItem(meta.Item{Kind: kind, Name: name, Body: body}) })
}

func (s metaShelf) remove(ctx context.Context, kind, name string) error {
	return s.store.Update(ctx, func(tx meta.Tx) error { return tx.DeleteItem(kind, name) })
}

func (s metaShelf) names(ctx context.Context, kind string) (names []string, err error) {
	err = s.store.View(ctx, func(tx meta.Tx) error {
		items, err := tx.Items(kind, meta.ItemRange{})
		for _, item := range items {
			names = append(names, item.Name)
		}
		return err
	})
	return names, err
}

// load reads what the route remembers.
func (r *route) load(ctx context.Context) error {
	body, err := r.c.shelf.get(ctx, trails.KindProgress, r.item())
	if err != nil {
		return err
	}
	r.state = state{}
	if body != nil {
		if err := json.Unmarshal(body, &r.state); err != nil {
			return fmt.Errorf("what route %s remembers: %w", r.item(), err)
		}
	}
	r.loaded = true
	return nil
}

// save makes s what the route remembers. After an error it is not known which of the two it is, so that it is read again.
func (r *route) save(ctx context.Context, s state) error {
	body, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := r.c.shelf.set(ctx, trails.KindProgress, r.item(), body); err != nil {
		r.loaded = false
		return fmt.Errorf("remember where route %s is: %w", r.item(), err)
	}
	r.state, r.saved = s, r.c.o.Now()
	return nil
}

func (r *route) item() string { return trails.ItemName(r.id, r.route) }

// sweep removes what routes of trails remember that are gone with their account, or deleted and delivered.
func (c *Courier) sweep(ctx context.Context, wanted map[way]*trails.Active) error {
	names, err := c.shelf.names(ctx, trails.KindProgress)
	if err != nil {
		return err
	}
	for _, name := range names {
		id, route, _ := strings.Cut(name, "/")
		if wanted[way{id, trails.Route(route)}] != nil || c.trails.Knows(id) {
			continue
		}
		if err := c.shelf.remove(ctx, trails.KindProgress, name); err != nil {
			return err
		}
	}
	return nil
}
