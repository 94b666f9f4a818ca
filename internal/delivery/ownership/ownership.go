// Package ownership has a user prove that a bucket is theirs before logs go there: whoever can read a file in it may.
//
//	Challenge(destination) ──> DIR/ownership-challenge-9f3a1c77.txt in the bucket, with a token
//	                                     │ the owner reads it
//	Verify(destination, token) <─────────┘   right: proved, for good
//
// Invariants:
//   - The token is 32 random bytes. It is written to the bucket and nowhere else: the server keeps its SHA-256.
//   - A proof is one of an account for a directory of a bucket at an endpoint, and of what is below that directory. Another account proves
//     it again.
//   - A challenge lasts 24 hours and 5 wrong tokens, and ends with the next challenge for the same destination. Wrong tokens are counted before
//     they are compared, so that guesses made at once are no more than 5.
//   - A proof stays when a later challenge for the same destination is never answered.
//
// The file stays in the bucket: to delete it would take another permission.
package ownership

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
)

// Lifetime of a challenge, and the wrong tokens that it bears.
const (
	Lifetime = 24 * time.Hour
	Attempts = 5
)

// Destination is what is proved, to the account that proves it.
type Destination struct {
	Account  string
	Endpoint string // a host with its port; a scheme makes no difference
	Bucket   string
	Dir      string // the part of the prefix that is the same for all objects, without slashes around it; "" for the whole bucket
}

// Bucket is what a destination is at, and where a token can be written: the sinks of buckets are.
type Bucket interface {
	Writer
	// Place names the bucket: where it is, its name, and the directory of all objects.
	Place() (endpoint, bucket, dir string)
}

// DestinationOf is that of a bucket for an account.
func DestinationOf(account string, b Bucket) Destination {
	d := Destination{Account: account}
	d.Endpoint, d.Bucket, d.Dir = b.Place()
	return d
}

// normal is d with one spelling for what is the same endpoint and directory.
func (d Destination) normal() Destination {
	d.Endpoint = strings.ToLower(strings.Trim(d.Endpoint, "/"))
	if _, rest, ok := strings.Cut(d.Endpoint, "://"); ok {
		d.Endpoint = rest
	}
	d.Dir = strings.Trim(d.Dir, "/")
	return d
}

// above lists d and every directory above it.
func (d Destination) above() []Destination {
	d = d.normal()
	list := []Destination{d}
	for d.Dir != "" {
		d.Dir = d.Dir[:max(0, strings.LastIndexByte(d.Dir, '/'))]
		list = append(list, d)
	}
	return list
}

// Record is what is kept of a destination.
type Record struct {
	Proved time.Time // zero: not yet
	// The challenge that is open, if Hash is set.
	Hash    [sha256.Size]byte // of its token
	Created time.Time
	Wrong   int // tokens tried so far
}

// Store keeps records. Its methods may be called from several goroutines.
type Store interface {
	// Ownership returns the record of d; a zero record for one that has none.
	Ownership(ctx context.Context, d Destination) (Record, error)
	// UpdateOwnership replaces the record of d by what change makes of it, in one step with reading it: of two at once, one sees the
	// result of the other. An error of change ends it, and is returned as it is; the record stays.
	UpdateOwnership(ctx context.Context, d Destination, change func(Record) (Record, error)) error
}

// Writer writes short texts to a bucket: the sinks of buckets do.
type Writer interface {
	PutText(ctx context.Context, name, text string) error
}

// Prover gives out challenges and takes the answers.
type Prover struct {
	store Store
	now   func() time.Time
}

// New makes a Prover.
func New(store Store, now func() time.Time) *Prover { return &Prover{store, now} }

// Challenge writes a new token to the bucket and returns the name of its file. A challenge that was open has ended then.
func (p *Prover) Challenge(ctx context.Context, d Destination, bucket Writer) (file string, err error) {
	d = d.normal()
	random := make([]byte, 32+4)
	_, _ = rand.Read(random) // it never fails
	token := base64.RawURLEncoding.EncodeToString(random[:32])
	file = "ownership-challenge-" + hex.EncodeToString(random[32:]) + ".txt"
	if d.Dir != "" {
		file = d.Dir + "/" + file
	}
	// The record comes first: a token in the bucket without one would be one that never works.
	err = p.store.UpdateOwnership(ctx, d, func(r Record) (Record, error) {
		return Record{Proved: r.Proved, Hash: sha256.Sum256([]byte(token)), Created: p.now()}, nil
	})
	if err == nil {
		err = bucket.PutText(ctx, file, token)
	}
	return file, err
}

// Verify takes the content of the file as the user gives it. Errors: Invalid "ownership" for a token that is wrong, and for a destination without
// a challenge that is open.
func (p *Prover) Verify(ctx context.Context, d Destination, token string) error {
	d = d.normal()
	hash := sha256.Sum256([]byte(strings.TrimSpace(token)))
	right := false
	err := p.store.UpdateOwnership(ctx, d, func(r Record) (Record, error) {
		switch {
		case r.Hash == [sha256.Size]byte{} || r.Wrong >= Attempts:
			return r, invalid("no ownership challenge is open for bucket %s: ask for a new one", d.Bucket)
		case p.now().Sub(r.Created) >= Lifetime:
			return r, invalid("the ownership challenge for bucket %s has expired: ask for a new one", d.Bucket)
		}
		if right = subtle.ConstantTimeCompare(hash[:], r.Hash[:]) == 1; right {
			return Record{Proved: p.now()}, nil
		}
		r.Wrong++
		return r, nil
	})
	if err == nil && !right {
		return invalid("the token is not the content of the ownership file in bucket %s; after %d wrong tokens a new challenge is needed", d.Bucket, Attempts)
	}
	return err
}

// Proved says whether the account has proved that the destination, or a directory above it, is its own.
func (p *Prover) Proved(ctx context.Context, d Destination) (bool, error) {
	for _, d := range d.above() {
		r, err := p.store.Ownership(ctx, d)
		if err != nil || !r.Proved.IsZero() {
			return err == nil, err
		}
	}
	return false, nil
}

func invalid(format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, "ownership", format, args...)
}
