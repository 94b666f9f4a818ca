package courier

import (
	"cmp"
	"context"
	"crypto"
	"crypto/md5" //nolint:gosec // a fingerprint, as the service makes it
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Sealer keeps private keys at rest: see [auth.Keyring].
type Sealer interface {
	Seal(secret []byte, purpose, owner string) []byte
	Open(sealed []byte, purpose, owner string) ([]byte, error)
}

// Keys are the pairs of keys that digests are signed with, the same for all trails. Each signs for KeyLife; the public ones stay for ever, for those
// who check old digests. It is safe for concurrent use.
type Keys struct {
	shelf  shelf
	sealer Sealer
	now    func() time.Time
	make   func() (*rsa.PrivateKey, error)

	mu    sync.Mutex // guards pairs, and makes one key at a time
	pairs []*Pair    // by the start of their validity; nil: not read yet
}

// KeyLife is how long a key signs. It is valid for KeySpare longer, which is for clocks that differ and for digests that had to wait.
const (
	KeyLife  = 30 * 24 * time.Hour
	KeySpare = 24 * time.Hour
)

const keyBits = 2048

// kindKey is the kind of the items that hold the pairs, by fingerprint.
const kindKey = "trailkey"

// sealKey is what private keys are sealed for.
const sealKey = "trail digest key"

// Pair is a pair of keys.
type Pair struct {
	Fingerprint string    // hexadecimal MD5 of Public
	Public      []byte    // PKCS #1, DER
	From, To    time.Time // its validity
	private     *rsa.PrivateKey
}

// storedPair is a pair at rest.
type storedPair struct {
	Public  []byte    `json:"public"`
	Private []byte    `json:"private"` // PKCS #1, sealed
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
}

func makeRSA() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, keyBits) }

// Current returns the pair to sign with now, made if there is none.
func (k *Keys) Current(ctx context.Context) (*Pair, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.load(ctx); err != nil {
		return nil, err
	}
	now := k.now().UTC().Truncate(time.Second)
	if n := len(k.pairs); n > 0 && now.Before(k.pairs[n-1].From.Add(KeyLife)) {
		return k.pairs[n-1], nil
	}
	private, err := k.make()
	if err != nil {
		return nil, fmt.Errorf("make a key to sign digests with: %w", err)
	}
	p := newPair(private, now)
	body, err := json.Marshal(storedPair{p.Public, k.sealer.Seal(x509.MarshalPKCS1PrivateKey(private), sealKey, p.Fingerprint), p.From, p.To})
	if err != nil {
		return nil, err
	}
	if err := k.shelf.set(ctx, kindKey, p.Fingerprint, body); err != nil {
		k.pairs = nil // it may be there all the same
		return nil, fmt.Errorf("keep a key to sign digests with: %w", err)
	}
	k.pairs = append(k.pairs, p)
	return p, nil
}

func newPair(private *rsa.PrivateKey, now time.Time) *Pair {
	p := &Pair{Public: x509.MarshalPKCS1PublicKey(&private.PublicKey), From: now, To: now.Add(KeyLife + KeySpare), private: private}
	sum := md5.Sum(p.Public) //nolint:gosec // see above
	p.Fingerprint = hex.EncodeToString(sum[:])
	return p
}

// Pair returns the pair of a fingerprint.
func (k *Keys) Pair(ctx context.Context, fingerprint string) (*Pair, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.load(ctx); err != nil {
		return nil, err
	}
	for _, p := range k.pairs {
		if p.Fingerprint == fingerprint {
			return p, nil
		}
	}
	return nil, fmt.Errorf("key %s, which a digest is to be signed with, is not there", fingerprint)
}

// Valid returns the pairs that are valid at some moment from start to end, both included, the oldest first.
func (k *Keys) Valid(ctx context.Context, start, end time.Time) (all []Pair, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.load(ctx); err != nil {
		return nil, err
	}
	for _, p := range k.pairs {
		if !p.From.After(end) && !p.To.Before(start) {
			all = append(all, *p)
		}
	}
	return all, nil
}

func (k *Keys) load(ctx context.Context) error {
	if k.pairs != nil {
		return nil
	}
	names, err := k.shelf.names(ctx, kindKey)
	if err != nil {
		return err
	}
	pairs := []*Pair{}
	for _, name := range names {
		p, err := k.open(ctx, name)
		if err != nil {
			return fmt.Errorf("read the key %s, which digests are signed with: %w", name, err)
		}
		pairs = append(pairs, p)
	}
	slices.SortFunc(pairs, func(a, b *Pair) int { return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Fingerprint, b.Fingerprint)) })
	k.pairs = pairs
	return nil
}

func (k *Keys) open(ctx context.Context, name string) (*Pair, error) {
	body, err := k.shelf.get(ctx, kindKey, name)
	if err != nil {
		return nil, err
	}
	var s storedPair
	if err := json.Unmarshal(body, &s); err != nil {
		return nil, err
	}
	der, err := k.sealer.Open(s.Private, sealKey, name)
	if err != nil {
		return nil, err
	}
	private, err := x509.ParsePKCS1PrivateKey(der)
	if err != nil {
		return nil, err
	}
	return &Pair{Fingerprint: name, Public: s.Public, From: s.From, To: s.To, private: private}, nil
}

// sign is the hexadecimal signature of a text. The same text gives the same one.
func (p *Pair) sign(text string) (string, error) {
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, p.private, crypto.SHA256, sum[:])
	return hex.EncodeToString(signature), err
}
