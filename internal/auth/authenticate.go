package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/sign"
)

// HeaderToken carries the security token of a temporary key.
const HeaderToken = "X-Acs-Security-Token"

// DefaultSkew is how far a request's date may be from the server's (reference sls-api 2.7).
const DefaultSkew = 15 * time.Minute

// Authenticator says who signed a request. It is safe for concurrent use.
type Authenticator struct {
	keys    *Keys
	now     func() time.Time
	skew    time.Duration
	proxies []netip.Prefix
	dummy   string // a secret that nobody has, to check the signatures of unknown keys with

	nonces nonces // of the RPC dialect
}

// Options of an Authenticator. The zero value of a field means the default in brackets.
type Options struct {
	Skew    time.Duration  // [DefaultSkew] between a request's date and the server's
	Proxies []netip.Prefix // [none] whose word is taken for where a request comes from, and how
}

// New returns an Authenticator over keys.
func New(keys *Keys, now func() time.Time, o Options) *Authenticator {
	if o.Skew == 0 {
		o.Skew = DefaultSkew
	}
	return &Authenticator{keys: keys, now: now, skew: o.Skew, proxies: o.Proxies, dummy: rand.Text()}
}

// Authenticate returns who signed r, and what its body has to be. It decides from the request line and the headers, so that no
// body is read for strangers; the caller reads the body afterwards and gives it to Digest.Check.
//
// Errors for the client (reference sls-api 2.8), kind and noun:
//
//	Invalid       those of sign.Parse and Claim.Time: "accesskeyid", "signaturemethod-missing", "signaturemethod",
//	              "date-missing", "date", "requesttime"
//	Invalid       "requesttime-expired"   the date is too far from the server's
//	Invalid       "digest"                v4 without a usable x-log-content-sha256
//	Unauthorized  "accesskey"             no such key
//	Unauthorized  "signature"             not signed with the key's secret
//	Unauthorized  "accesskey-disabled", "token-expired"
//	Unauthorized  "token"                 a temporary key or a session without its token, or a token that is not theirs
//	TooLarge      "request"
//
// Anything about a key but its existence is said only to those who hold its secret.
func (a *Authenticator) Authenticate(r *http.Request) (*Principal, Digest, error) {
	signed := signedPart(r)
	claim, err := sign.Parse(signed)
	if err != nil {
		return nil, Digest{}, err
	}
	date, err := claim.Time(signed)
	if err != nil {
		return nil, Digest{}, err
	}
	digest, err := digestOf(claim.Version, r.Header)
	if err != nil {
		return nil, Digest{}, err
	}
	principal, err := a.verify(r, claim.AccessKeyID, date, r.Header.Get(HeaderToken),
		func(secret string) bool { return claim.Verify(secret, signed) })
	return principal, digest, err
}

// verify returns whose key id is, if signedBy says yes to its secret and the key may be used now with this token.
func (a *Authenticator) verify(r *http.Request, id string, date time.Time, token string, signedBy func(secret string) bool) (*Principal, error) {
	key, err := a.keys.find(r.Context(), id, token)
	if isRefusal(err) {
		signedBy(a.dummy) // takes as long as for a known key
	}
	if err != nil {
		return nil, err
	}
	now := a.now()
	if date.Before(now.Add(-a.skew)) || date.After(now.Add(a.skew)) {
		return nil, sluice.Errorf(sluice.Invalid, "requesttime-expired",
			"the request's date is more than %v from the server's", a.skew)
	}
	if !signedBy(key.secret) {
		return nil, refuse("signature", "signature given is not matched")
	}
	if err := key.check(token, now); err != nil {
		return nil, err
	}
	key.use(now)
	return key.principal.at(a.transport(r, now)), nil
}

// Renew returns what is known of p now, for requests and answers that go on: its key may have been disabled, deleted or changed since, or
// time may have run out. Errors for the client as of Authenticate.
func (a *Authenticator) Renew(ctx context.Context, p *Principal) (*Principal, error) {
	key, err := a.keys.find(ctx, p.AccessKeyID, p.token)
	if err != nil {
		return nil, err
	}
	now := a.now()
	if err := key.check(key.token, now); err != nil { // the token was shown when it was signed
		return nil, err
	}
	how := p.context
	how.Time = now
	return key.principal.at(how), nil
}

func isRefusal(err error) bool { return err != nil && sluice.KindOf(err) == sluice.Unauthorized }

// check says whether a key may be used now and with this token by who holds its secret.
func (e *entry) check(token string, now time.Time) error {
	switch {
	case e.disabled:
		return refuse("accesskey-disabled", "the access key is disabled: %s", e.principal.AccessKeyID)
	case subtle.ConstantTimeCompare([]byte(token), []byte(e.token)) != 1:
		return refuse("token", "the security token is not the access key's")
	case !e.expires.IsZero() && !now.Before(e.expires):
		return refuse("token-expired", "the security token has expired")
	}
	return nil
}

// signedPart is what r's signature covers. An absolute-form request has the host of its URL in r.Host and signs its path alone.
func signedPart(r *http.Request) *sign.Request {
	part := &sign.Request{Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Host: r.Host, Header: r.Header}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		part.Port = strconv.Itoa(local.Port)
	}
	return part
}
