package auth

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"net/http"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/sign"
)

// headerMNSToken carries the security token of a temporary key in the queue dialect. Clients do not sign it; a wrong one opens nothing.
const headerMNSToken = "Security-Token"

// AuthenticateMNS returns who signed a request of the queue dialect, and what its body has to be, from the request line and the headers alone
// (reference audit-and-collectors 4.6). Errors are those of [Authenticator.Authenticate], but what is wrong with the headers has the nouns of
// [sign.ParseMNS].
func (a *Authenticator) AuthenticateMNS(r *http.Request) (*Principal, Digest, error) {
	claim, err := sign.ParseMNS(signedPart(r))
	if err != nil {
		return nil, Digest{}, err
	}
	digest, err := digestOfMNS(r.Header.Get("Content-MD5"))
	if err != nil {
		return nil, Digest{}, err
	}
	principal, err := a.verify(r, claim.AccessKeyID, claim.Date, r.Header.Get(headerMNSToken), claim.Verify)
	return principal, digest, err
}

// digestOfMNS reads a Content-MD5: the base64 of 32 hexadecimal digits, as clients of the queue service write it, or of the 16 bytes, as the
// standard has it. Clients that send none promise nothing.
func digestOfMNS(text string) (Digest, error) {
	if text == "" {
		return Digest{}, nil
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err == nil && len(raw) == 2*md5.Size {
		raw, err = hex.DecodeString(string(bytes.ToLower(raw)))
	}
	if err != nil || len(raw) != md5.Size {
		return Digest{}, sluice.Errorf(sluice.Invalid, "digest", "header Content-MD5 is not the base64 of an MD5")
	}
	return Digest{header: "Content-MD5", algorithm: md5.New, want: raw}, nil
}
