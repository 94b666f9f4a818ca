package delivery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/ownership"
	"github.com/sluicelog/sluice/internal/meta"
)

// Challenge writes a file with a token to a task's bucket and returns the file's name. Whoever can read it there proves, with [Engine.Prove],
// that the bucket is theirs. Errors: Conflict [deliverytask] if the destination is no bucket; Invalid [deliverytask] says what the bucket
// answered.
func (e *Engine) Challenge(ctx context.Context, project, name string) (file string, err error) {
	err = e.withBucket(ctx, taskKey{project, name}, func(b ownership.Bucket) (err error) {
		if file, err = e.prover.Challenge(ctx, ownership.DestinationOf(project, b), b); err != nil {
			return sluice.Errorf(sluice.Invalid, "deliverytask", "the ownership file cannot be written: %w", err)
		}
		return nil
	})
	return file, err
}

// Prove takes the content of the file that a Challenge wrote. Errors: Invalid [ownership] for a wrong token, or without a challenge.
func (e *Engine) Prove(ctx context.Context, project, name, token string) error {
	return e.withBucket(ctx, taskKey{project, name}, func(b ownership.Bucket) error {
		return e.prover.Verify(ctx, ownership.DestinationOf(project, b), token)
	})
}

// withBucket calls fn with the bucket of a task.
func (e *Engine) withBucket(ctx context.Context, key taskKey, fn func(ownership.Bucket) error) error {
	m, err := e.stored(ctx, key)
	if err != nil {
		return err
	}
	s, masks, err := e.openSink(m)
	if err != nil {
		return err
	}
	defer s.Close()
	b, ok := s.(ownership.Bucket)
	if !ok {
		return sluice.Errorf(sluice.Conflict, "deliverytask", "the destination of delivery task %s is no bucket, and needs no proof", key.name)
	}
	return masks.Err(fn(b))
}

// checkProved returns an error, Conflict [ownership], if m's destination is a bucket that has to be proved and is not.
func (e *Engine) checkProved(ctx context.Context, m meta.DeliveryTask) error {
	if !e.o.ProveBuckets {
		return nil
	}
	s, _, err := e.openSink(m)
	if err != nil {
		return err
	}
	defer s.Close()
	b, ok := s.(ownership.Bucket)
	if !ok {
		return nil
	}
	d := ownership.DestinationOf(m.Project, b)
	if proved, err := e.prover.Proved(ctx, d); err != nil || proved {
		return err
	}
	return sluice.Errorf(sluice.Conflict, "ownership",
		"nobody has proved that bucket %s is theirs: delivery task %s is there and not online; ask for its challenge, give the content of the file, and start it", d.Bucket, m.Name)
}

// proofs keeps records of ownership as documents of the project that is their account.
type proofs struct {
	store meta.Store
	now   func() time.Time
}

const kindOwnership = "bucket-ownership"

// documentName names a destination: what it is made of may be long, and hold anything.
func documentName(d ownership.Destination) string {
	text, err := json.Marshal(d)
	if err != nil {
		panic(err) // texts
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// Ownership implements [ownership.Store].
func (p proofs) Ownership(ctx context.Context, d ownership.Destination) (r ownership.Record, err error) {
	err = p.store.View(ctx, func(tx meta.Tx) (err error) {
		r, _, err = readProof(tx, d)
		return err
	})
	return r, err
}

func readProof(tx meta.Tx, d ownership.Destination) (r ownership.Record, old *meta.Document, err error) {
	doc, err := tx.Document(d.Account, kindOwnership, documentName(d))
	if sluice.KindOf(err) == sluice.NotFound {
		return r, nil, nil
	}
	if err != nil {
		return r, nil, err
	}
	return r, &doc, json.Unmarshal(doc.Body, &r)
}

// UpdateOwnership implements [ownership.Store].
func (p proofs) UpdateOwnership(ctx context.Context, d ownership.Destination, change func(ownership.Record) (ownership.Record, error)) error {
	return p.store.Update(ctx, func(tx meta.Tx) error {
		r, old, err := readProof(tx, d)
		if err != nil {
			return err
		}
		if r, err = change(r); err != nil {
			return err
		}
		body, err := json.Marshal(r)
		if err != nil {
			return err
		}
		now := p.now()
		if old == nil {
			return tx.CreateDocument(meta.Document{Project: d.Account, Kind: kindOwnership, Name: documentName(d), Body: body, Created: now, Modified: now})
		}
		old.Body, old.Modified = body, now
		return tx.UpdateDocument(*old)
	})
}
