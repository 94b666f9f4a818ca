package auth

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"net/http"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/sign"
)

// Digest says what a body must hash to, as its signature promised. The zero Digest promises nothing.
type Digest struct {
	header    string // which one promised
	algorithm func() hash.Hash
	want      []byte
}

// digestOf reads the promise of a signed request: in v4 always, in v1 only if there is a Content-MD5, which Python leaves out
// on some writes (reference sls-api 2.2).
func digestOf(version sign.Version, h http.Header) (Digest, error) {
	if version == sign.V4 {
		return promise(h, "x-log-content-sha256", sha256.New)
	}
	if h.Get("Content-MD5") == "" {
		return Digest{}, nil
	}
	return promise(h, "Content-MD5", md5.New)
}

func promise(h http.Header, header string, algorithm func() hash.Hash) (Digest, error) {
	size := algorithm().Size()
	want, err := hex.DecodeString(strings.TrimSpace(h.Get(header)))
	if err != nil || len(want) != size {
		return Digest{}, sluice.Errorf(sluice.Invalid, "digest", "header %s does not hold %d hexadecimal digits", header, 2*size)
	}
	return Digest{header: header, algorithm: algorithm, want: want}, nil
}

// Check returns nil if body, as it was sent, is the one that was signed. Errors: Invalid, noun "digest".
func (d Digest) Check(body []byte) error {
	if d.algorithm == nil {
		return nil
	}
	h := d.algorithm()
	h.Write(body)
	if bytes.Equal(h.Sum(nil), d.want) {
		return nil
	}
	return sluice.Errorf(sluice.Invalid, "digest", "the body does not match header %s", d.header)
}
