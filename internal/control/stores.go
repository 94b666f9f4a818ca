package control

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

func checkStoreView(d Document) error {
	if err := (members{{"storeType", aText, true}, {"stores", anArray, true}}).check(d); err != nil {
		return err
	}
	if kind := d.Text("storeType"); kind != "logstore" && kind != "metricstore" {
		return sluice.Errorf(sluice.Invalid, "", "storeType %.40q is neither logstore nor metricstore", kind)
	}
	stores, err := StoresOf(d)
	if err != nil {
		return err
	}
	if len(stores) == 0 {
		return sluice.Errorf(sluice.Invalid, "", "stores is empty")
	}
	return nil
}

// StoresOf are the stores that a store view looks into.
func StoresOf(d Document) ([]sluice.LogstoreRef, error) {
	var stores []struct {
		Project string `json:"project"`
		Store   string `json:"storeName"`
	}
	if err := json.Unmarshal(d["stores"], &stores); err != nil {
		return nil, sluice.Errorf(sluice.Invalid, "", "stores is not an array of objects with project and storeName")
	}
	refs := make([]sluice.LogstoreRef, len(stores))
	for i, s := range stores {
		if s.Project == "" || s.Store == "" {
			return nil, sluice.Errorf(sluice.Invalid, "", "stores[%d] needs project and storeName", i)
		}
		refs[i] = sluice.LogstoreRef{Project: s.Project, Logstore: s.Store}
	}
	return refs, nil
}

// foreverDays is the ttl of what is kept for ever, and the most that a ttl can be.
const foreverDays = 3650

// subStoreTypes are the types of keys. The Python SDK gives the labels of metrics a type of their own.
var subStoreTypes = []string{"text", "long", "double", "labels"}

// checkSubStore checks a sub-store: its keys come sorted keys first, then the time, then values.
func checkSubStore(d Document) error {
	err := members{{"ttl", aNumber, true}, {"sortedKeyCount", aNumber, true}, {"timeIndex", aNumber, true}, {"keys", anArray, true}}.check(d)
	if err != nil {
		return err
	}
	var s struct {
		TTL    int                           `json:"ttl"`
		Sorted int                           `json:"sortedKeyCount"`
		Time   int                           `json:"timeIndex"`
		Keys   []struct{ Name, Type string } `json:"keys"`
	}
	if err := json.Unmarshal(encode(d), &s); err != nil {
		return sluice.Errorf(sluice.Invalid, "", "%v", err)
	}
	switch {
	case s.TTL < 1 || s.TTL > foreverDays:
		return sluice.Errorf(sluice.Invalid, "", "ttl must be within range [1, %d]", foreverDays)
	case s.Sorted < 1 || s.Sorted >= len(s.Keys):
		return sluice.Errorf(sluice.Invalid, "", "sortedKeyCount must be at least 1 and below the number of keys, %d", len(s.Keys))
	case s.Time < s.Sorted || s.Time >= len(s.Keys):
		return sluice.Errorf(sluice.Invalid, "", "timeIndex must be at least sortedKeyCount and below the number of keys, %d", len(s.Keys))
	}
	for i, key := range s.Keys {
		switch {
		case key.Name == "":
			return sluice.Errorf(sluice.Invalid, "", "keys[%d].name is empty", i)
		case !slices.Contains(subStoreTypes, key.Type):
			return sluice.Errorf(sluice.Invalid, "", "keys[%d].type %.40q is none of %s", i, key.Type, strings.Join(subStoreTypes, ", "))
		case i == s.Time && key.Type != "long":
			return sluice.Errorf(sluice.Invalid, "", "keys[%d] is the time and has to be long", i)
		case i < s.Sorted && key.Type == "double":
			return sluice.Errorf(sluice.Invalid, "", "keys[%d] is sorted by and cannot be double", i)
		}
	}
	return nil
}

// SubStoreTTL returns the longest ttl of the sub-stores of a logstore, 0 if it has none.
func (c *Control) SubStoreTTL(ctx context.Context, ref sluice.LogstoreRef) (days int, err error) {
	l, err := c.List(ctx, Place{Scope: ref.Project, Logstore: ref.Logstore}, SubStores, Query{Bodies: true})
	for _, d := range l.Documents {
		var ttl int
		if json.Unmarshal(d["ttl"], &ttl) == nil {
			days = max(days, ttl)
		}
	}
	return days, err
}

// SetSubStoreTTL gives all sub-stores of a logstore a ttl.
func (c *Control) SetSubStoreTTL(ctx context.Context, ref sluice.LogstoreRef, days int) error {
	at := Place{Scope: ref.Project, Logstore: ref.Logstore}
	if days < 1 || days > foreverDays {
		return SubStores.invalid("ttl must be within range [1, %d]", foreverDays)
	}
	return c.store.Update(ctx, func(tx meta.Tx) error {
		if err := at.require(tx, SubStores); err != nil {
			return err
		}
		names, err := tx.DocumentNames(at.Scope, at.kind(SubStores))
		for _, name := range names {
			if err == nil {
				err = c.change(tx, at, SubStores, name, func(d Document) error { d.Set("ttl", days); return nil })
			}
		}
		return err
	})
}
