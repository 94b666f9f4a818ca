package auth

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/sign"
)

// AuthenticateRPC returns who signed a request of the RPC dialect, in either of its two ways (reference delivery a.9 and a.10). params are
// those of the query and of body, which is read already: the old signature covers them. Each nonce of a key opens once.
//
// Errors are those of [Authenticator.Authenticate] without the nouns of SLS, and
//
//	Invalid       "accesskeyid"            not signed at all
//	Invalid       "signature-incomplete"   a part of the signature is missing, or does not cover what it must
//	Invalid       "nonce"                  the nonce was used before
func (a *Authenticator) AuthenticateRPC(r *http.Request, params url.Values, body []byte) (*Principal, error) {
	claim, err := parseRPC(r, params)
	if err != nil {
		return nil, err
	}
	if claim.BodySHA256 != "" {
		if hash := sha256.Sum256(body); hex.EncodeToString(hash[:]) != claim.BodySHA256 {
			return nil, sluice.Errorf(sluice.Invalid, "digest", "the body does not match header x-acs-content-sha256")
		}
	}
	principal, err := a.verify(r, claim.AccessKeyID, claim.Date, claim.Token, claim.Verify)
	if err != nil {
		return nil, err
	}
	if !a.nonces.first(claim.AccessKeyID+" "+claim.Nonce, a.now(), 2*a.skew) {
		return nil, sluice.Errorf(sluice.Invalid, "nonce", "the signature nonce was used before")
	}
	return principal, nil
}

func parseRPC(r *http.Request, params url.Values) (*sign.ACS, error) {
	part := signedPart(r)
	switch {
	case sign.HasACS3(part):
		return sign.ParseACS3(part)
	case sign.HasRPC(params):
		return sign.ParseRPC(strings.ToUpper(r.Method), params)
	}
	return nil, sluice.Errorf(sluice.Invalid, "accesskeyid", "the request is not signed")
}

// maxNonces bounds the memory of nonces, about 70 bytes each however long they are. Only signed requests add any; when it is reached the older half of the
// nonces is forgotten early, and replays of those could pass.
const maxNonces = 1 << 20

// nonce is the hash of one: clients choose how long theirs are.
type nonce [sha256.Size]byte

// nonces remembers what was seen, in two generations: each lasts a window, so what was seen is remembered for one window at least and
// for two at most.
type nonces struct {
	mu       sync.Mutex // guards all
	now, old map[nonce]struct{}
	turned   time.Time
}

// first reports whether text is seen for the first time within window, and remembers it.
func (n *nonces) first(text string, at time.Time, window time.Duration) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch since := at.Sub(n.turned); {
	case since >= 2*window:
		n.now, n.old, n.turned = map[nonce]struct{}{}, nil, at
	case since >= window, len(n.now) >= maxNonces/2:
		n.now, n.old, n.turned = map[nonce]struct{}{}, n.now, at
	}
	key := nonce(sha256.Sum256([]byte(text)))
	if _, ok := n.now[key]; ok {
		return false
	}
	if _, ok := n.old[key]; ok {
		return false
	}
	n.now[key] = struct{}{}
	return true
}
