package catalog

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// CreateIndex gives a logstore its index configuration (reference sls-api 5.9).
func (c *Catalog) CreateIndex(ctx context.Context, ref sluice.LogstoreRef, config json.RawMessage) error {
	if err := c.mayChange(ref.Project); err != nil {
		return err
	}
	filled, err := checkIndex(config)
	if err != nil {
		return err
	}
	now := c.o.Now()
	err = c.store.Update(ctx, func(tx meta.Tx) error {
		return tx.CreateIndex(meta.Index{Project: ref.Project, Logstore: ref.Logstore, Config: filled, Created: now, Modified: now})
	})
	if sluice.KindOf(err) == sluice.AlreadyExists {
		return sluice.Errorf(sluice.AlreadyExists, "index", "Logstore index is already created")
	}
	return err
}

// UpdateIndex replaces the index configuration of a logstore as a whole.
func (c *Catalog) UpdateIndex(ctx context.Context, ref sluice.LogstoreRef, config json.RawMessage) error {
	if err := c.mayChange(ref.Project); err != nil {
		return err
	}
	filled, err := checkIndex(config)
	if err != nil {
		return err
	}
	return c.store.Update(ctx, func(tx meta.Tx) error {
		x, err := createdIndex(tx, ref)
		if err != nil {
			return err
		}
		x.Config, x.Modified = filled, c.o.Now()
		return tx.UpdateIndex(x)
	})
}

// DeleteIndex removes the index configuration of a logstore.
func (c *Catalog) DeleteIndex(ctx context.Context, ref sluice.LogstoreRef) error {
	if err := c.mayChange(ref.Project); err != nil {
		return err
	}
	return c.store.Update(ctx, func(tx meta.Tx) error {
		if _, err := createdIndex(tx, ref); err != nil {
			return err
		}
		return tx.DeleteIndex(ref)
	})
}

// createdIndex reads an index that is to be changed: to clients a missing one is then a wrong parameter.
func createdIndex(tx meta.Tx, ref sluice.LogstoreRef) (meta.Index, error) {
	x, err := readIndex(tx, ref)
	if isNoIndex(err) {
		return x, invalid("parameter", "log store index is not created")
	}
	return x, err
}

// Index returns the index configuration as GET answers it: Config holds what was sent, the defaults, and the fields that
// the server adds (ttl, index_mode, storage, lastModifyTime).
func (c *Catalog) Index(ctx context.Context, ref sluice.LogstoreRef) (meta.Index, error) {
	var x meta.Index
	var l meta.Logstore
	err := c.store.View(ctx, func(tx meta.Tx) (err error) {
		if l, err = tx.Logstore(ref); err != nil {
			return err
		}
		x, err = tx.Index(ref)
		return err
	})
	if isNoIndex(err) {
		return x, sluice.Errorf(sluice.NotFound, "index", "index config doesn't exist.")
	}
	if err != nil {
		return x, err
	}
	doc := object{}
	if err := json.Unmarshal(x.Config, &doc); err != nil {
		return x, sluice.Errorf(sluice.Internal, "index", "the stored index configuration of %s cannot be read: %w", ref, err)
	}
	doc["ttl"] = json.RawMessage(strconv.Itoa(l.TTLDays))
	doc["lastModifyTime"] = json.RawMessage(strconv.FormatInt(x.Modified.Unix(), 10))
	doc.fill("index_mode", `"v2"`)
	doc.fill("storage", `"pg"`)
	x.Config, err = doc.encode()
	return x, err
}

// readIndex tells a logstore without index from a missing logstore, whatever the store's order of checks.
func readIndex(tx meta.Tx, ref sluice.LogstoreRef) (meta.Index, error) {
	if _, err := tx.Logstore(ref); err != nil {
		return meta.Index{}, err
	}
	return tx.Index(ref)
}
