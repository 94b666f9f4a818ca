// Package keyquota limits what one access key may take of the server, and what one address may that has no key.
//
//	Admit(key, writing) ──> handler ──> Charge(key, writing, bytes)
//	      │ limits of the key: its own document, or the configured ones
//
// A request is admitted whole and paid for afterwards, as in package quota. Root keys are held to limits of their own alone: whoever runs
// the server can always reach it.
package keyquota

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/quota"
)

// Limits of a key. Zero is no limit.
type Limits struct {
	Write quota.Rate // requests that change something, and the bytes that they bring: logs before compression
	Read  quota.Rate // the others, and the bytes that they are answered
}

// MaxRate bounds each number of Limits.
const MaxRate = 1 << 50

// Options of the quotas.
type Options struct {
	Key     Limits     // of keys that have none of their own
	Address quota.Rate // of an address whose requests are not signed
	Now     func() time.Time
}

// Quotas keep the limits. They are safe for concurrent use.
type Quotas struct {
	store meta.Store
	o     Options

	writes, reads *quota.Flows[string]
	addresses     *quota.Limiter[netip.Prefix]

	mu         sync.RWMutex
	generation uint64 // of the metadata that own was read at
	own        map[string]Limits
}

// New returns the quotas of a node.
func New(store meta.Store, o Options) *Quotas {
	return &Quotas{
		store: store, o: o, writes: quota.NewFlows[string](o.Now), reads: quota.NewFlows[string](o.Now),
		addresses: quota.New[netip.Prefix](o.Address, o.Now),
	}
}

// Admit counts one request of a key, or returns the error to send: Throttled, noun "key-write" or "key-read".
func (q *Quotas) Admit(ctx context.Context, key string, root, writing bool) error {
	l, err := q.effective(ctx, key, root)
	if err != nil {
		return err
	}
	rate, flows, noun, direction := l.Read, q.reads, "key-read", "Outflow"
	if writing {
		rate, flows, noun, direction = l.Write, q.writes, "key-write", "Inflow"
	}
	switch flows.Check(key, rate) {
	case quota.OverBytes:
		return sluice.Errorf(sluice.Throttled, noun, "%s Quota Exceed: access key %s", direction, key)
	case quota.OverRequests:
		return sluice.Errorf(sluice.Throttled, noun, "QPS Exceed: access key %s", key)
	}
	flows.Charge(key, rate, 1, 0)
	return nil
}

// Charge counts the bytes of a request that was admitted; later ones wait for them.
func (q *Quotas) Charge(key string, root, writing bool, bytes int64) {
	l, err := q.effective(context.Background(), key, root)
	if err != nil {
		return // the next Admit meets the same
	}
	if writing {
		q.writes.Charge(key, l.Write, 0, bytes)
		return
	}
	q.reads.Charge(key, l.Read, 0, bytes)
}

// Hold is Admit for dialects in which a request brings what its body has and takes what its answer has. charge is to be told both, in bytes,
// when all is over.
func (q *Quotas) Hold(ctx context.Context, key string, root, writing bool) (charge func(in, out int64), err error) {
	if err := q.Admit(ctx, key, root, writing); err != nil {
		return nil, err
	}
	return func(in, out int64) {
		if writing {
			out = in
		}
		q.Charge(key, root, writing, out)
	}, nil
}

// AdmitAddress counts a request that nobody signed, or returns the error to send: Throttled, noun "address-write". Addresses of IPv6 count
// by their /64, of which a client has as many as it likes.
func (q *Quotas) AdmitAddress(at netip.Addr, bytes int64) error {
	bits := 32
	if at.Is6() {
		bits = 64
	}
	network, err := at.Prefix(bits)
	if err != nil {
		return nil // no address: a request that came over no network
	}
	if q.addresses.Check(network) != quota.Within {
		return sluice.Errorf(sluice.Throttled, "address-write", "Write QPS Exceed: too much came from %s", at)
	}
	q.addresses.Charge(network, 1, bytes)
	return nil
}

// scope and kind of the documents that hold limits; they go with their keys.
var scope = meta.AccountScope("")

const kind = meta.KeyLimits

// document is how limits are kept.
type document struct {
	WriteRequests int64 `json:"writeRequests"`
	WriteBytes    int64 `json:"writeBytes"`
	ReadRequests  int64 `json:"readRequests"`
	ReadBytes     int64 `json:"readBytes"`
}

// Own returns the limits that a key has of its own, and whether it has any.
func (q *Quotas) Own(ctx context.Context, key string) (Limits, bool, error) {
	own, err := q.all(ctx)
	l, ok := own[key]
	return l, ok, err
}

// Default returns the limits of keys that have none of their own.
func (q *Quotas) Default() Limits { return q.o.Key }

// Set gives a key limits of its own; they hold from the next request on. Whether there is such a key is for the caller to know. Errors:
// Invalid, noun "accesskey".
func (q *Quotas) Set(ctx context.Context, key string, l Limits) error {
	d := document{l.Write.RequestsPerSecond, l.Write.BytesPerSecond, l.Read.RequestsPerSecond, l.Read.BytesPerSecond}
	for _, n := range []int64{d.WriteRequests, d.WriteBytes, d.ReadRequests, d.ReadBytes} {
		if n < 0 || n > MaxRate {
			return sluice.Errorf(sluice.Invalid, "accesskey", "limit %d is not 0 (none) to %d per second", n, int64(MaxRate))
		}
	}
	body, err := json.Marshal(d)
	if err != nil {
		return err
	}
	now := q.o.Now()
	return q.store.Update(ctx, func(tx meta.Tx) error {
		row := meta.Document{Project: scope, Kind: kind, Name: key, Body: body, Created: now, Modified: now}
		err := tx.CreateDocument(row)
		if sluice.KindOf(err) == sluice.AlreadyExists {
			return tx.UpdateDocument(row)
		}
		return err
	})
}

// Reset takes a key's own limits away; it need not have any.
func (q *Quotas) Reset(ctx context.Context, key string) error {
	return q.store.Update(ctx, func(tx meta.Tx) error {
		if err := tx.DeleteDocument(scope, kind, key); sluice.KindOf(err) != sluice.NotFound {
			return err
		}
		return nil
	})
}

// effective are the limits that a key is held to.
func (q *Quotas) effective(ctx context.Context, key string, root bool) (Limits, error) {
	own, err := q.all(ctx)
	if err != nil {
		return Limits{}, err
	}
	if l, ok := own[key]; ok {
		return l, nil
	}
	if root {
		return Limits{}, nil
	}
	return q.o.Key, nil
}

// all returns the limits of all keys that have their own: few, so they are kept whole, as of one generation of the metadata.
func (q *Quotas) all(ctx context.Context) (map[string]Limits, error) {
	generation := q.store.Generation() // before the View: what it reads is at least as new
	q.mu.RLock()
	own, at := q.own, q.generation
	q.mu.RUnlock()
	if at == generation {
		return own, nil
	}
	own = map[string]Limits{}
	err := q.store.View(ctx, func(tx meta.Tx) error {
		rows, err := tx.Documents(scope, kind)
		for _, row := range rows {
			var d document
			if err := json.Unmarshal(row.Body, &d); err != nil {
				return fmt.Errorf("limits of access key %s: %w", row.Name, err)
			}
			own[row.Name] = Limits{
				Write: quota.Rate{RequestsPerSecond: d.WriteRequests, BytesPerSecond: d.WriteBytes},
				Read:  quota.Rate{RequestsPerSecond: d.ReadRequests, BytesPerSecond: d.ReadBytes},
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if generation > q.generation {
		q.own, q.generation = own, generation
	}
	return own, nil
}
