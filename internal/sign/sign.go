// Package sign makes and verifies the request signatures of SLS: v1 (HMAC-SHA1), v1 with SHA-256, and v4.
//
// Everything here is a pure function of a request and a secret. The package knows nothing of keys, clocks or bodies: who
// owns an access key, whether the date is near now, and whether a body matches its Content-MD5 or x-log-content-sha256 are
// questions for package auth.
//
// Official clients differ in what exactly they sign (reference sls-api 2.2 and 2.4), so a verifier rebuilds every text that a
// known client may have signed and accepts the first that matches:
//
//	request ──> texts: path × query × headers × host ──HMAC──> equal to the claim?
//
// The order puts the common client first: a right signature costs one HMAC, a wrong one at most 40.
package sign

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
)

// Bounds of what Verify looks at. A request over them is refused by [Parse], so that a stranger cannot make us hash megabytes.
const (
	maxTarget      = 64 << 10 // bytes of path and query
	maxHeaders     = 64 << 10 // bytes of names and values of all headers
	maxAccessKeyID = 128
)

// Names of headers, as clients write them.
const (
	headerDate            = "Date"
	headerLogDate         = "x-log-date"
	headerContentSHA256   = "x-log-content-sha256"
	headerSignatureMethod = "x-log-signaturemethod"
)

// Date formats: the header Date of HTTP, and the basic form of ISO 8601 that v4 uses.
const (
	dateV1 = "Mon, _2 Jan 2006 15:04:05 GMT"
	dateV4 = "20060102T150405Z"
)

// Request is the part of an HTTP request that a signature covers.
type Request struct {
	Method string
	Path   string      // escaped, as on the request line
	Query  string      // raw, without '?'
	Host   string      // as received
	Port   string      // of the listener, also tried behind Host; "" tries nothing
	Header http.Header // with canonical names, as net/http gives them
	Length string      // Content-Length, which net/http keeps elsewhere; "" if it is not known
}

// Version is a way of signing.
type Version uint8

// The versions. The zero Version verifies nothing.
const (
	_ Version = iota
	V1
	V1SHA256
	V4
)

func (v Version) String() string {
	switch v {
	case V1:
		return "v1"
	case V1SHA256:
		return "v1-sha256"
	case V4:
		return "v4"
	}
	return "none"
}

// Claim is what an Authorization header says. Nothing in it is true before Verify said so.
type Claim struct {
	AccessKeyID string
	Version     Version
	Signature   string // base64 in v1, lower-case hexadecimal in v4
	Scope       Scope  // of v4
}

// Scope is the day and the region for which a v4 key was derived.
type Scope struct {
	Date   string // YYYYMMDD
	Region string // any non-empty text
}

func (s Scope) String() string { return s.Date + "/" + s.Region + "/sls/aliyun_v4_request" }

// Parse reads the Authorization header. Its errors are of kind Invalid and say by their noun what is wrong:
//
//	accesskeyid               no Authorization, or none that names an access key
//	signaturemethod-missing   v1 without x-log-signaturemethod
//	signaturemethod           a method that is not known
//
// A request too large to be signed by any client is TooLarge, noun "request".
func Parse(r *Request) (Claim, error) {
	if oversized(r) {
		return Claim{}, sluice.Errorf(sluice.TooLarge, "request", "the request line or the headers are too long")
	}
	auth := value(r.Header, "Authorization")
	var claim Claim
	var err error
	switch {
	case strings.HasPrefix(auth, "LOG "):
		claim, err = parseV1(auth, value(r.Header, headerSignatureMethod))
	case strings.HasPrefix(auth, algorithmV4+" "):
		claim, err = parseV4(auth)
	default:
		return Claim{}, noAccessKey("no access key in Authorization")
	}
	if err != nil {
		return Claim{}, err
	}
	if claim.AccessKeyID == "" || len(claim.AccessKeyID) > maxAccessKeyID {
		return Claim{}, noAccessKey("no usable access key in Authorization")
	}
	return claim, nil
}

func noAccessKey(msg string) error { return sluice.Errorf(sluice.Invalid, "accesskeyid", "%s", msg) }

// Verify reports whether secret signed r, body aside: the signature covers what Content-MD5 or x-log-content-sha256 say of
// it, if they are there. It compares in constant time, and is false for an empty secret.
func (c Claim) Verify(secret string, r *Request) bool {
	if secret == "" || oversized(r) {
		return false
	}
	texts, sign := c.method(secret, r)
	for text := range texts {
		if hmac.Equal([]byte(sign(text)), []byte(c.Signature)) {
			return true
		}
	}
	return false
}

// method returns the texts that a client may have signed and how it would have signed one.
func (c Claim) method(secret string, r *Request) (texts iter.Seq[string], sign func(text string) string) {
	switch c.Version {
	case V1:
		return textsV1(r), func(text string) string { return digestV1(sha1.New, secret, text) }
	case V1SHA256:
		return textsV1(r), func(text string) string { return digestV1(sha256.New, secret, text) }
	case V4:
		key := keyV4(secret, c.Scope)
		date := value(r.Header, headerLogDate)
		return textsV4(r), func(text string) string { return digestV4(key, date, c.Scope, text) }
	}
	return func(func(string) bool) {}, nil
}

// Time returns the date under which r was signed, the one and only that the signature covers: x-log-date, and in v1 Date if
// there is no x-log-date. Errors are of kind Invalid: noun "date-missing", "date" (not in the format of the version), or
// "requesttime" (v4: another day than that of the scope).
func (c Claim) Time(r *Request) (time.Time, error) {
	text, layout := signedDate(r.Header), dateV1
	if c.Version == V4 {
		text, layout = value(r.Header, headerLogDate), dateV4
	}
	if text == "" {
		return time.Time{}, sluice.Errorf(sluice.Invalid, "date-missing", "the request has no date")
	}
	t, err := time.Parse(layout, text)
	if err != nil {
		return time.Time{}, sluice.Errorf(sluice.Invalid, "date", "date %.64q is not of the form %q", text, layout)
	}
	if c.Version == V4 && !strings.HasPrefix(text, c.Scope.Date) {
		return time.Time{}, sluice.Errorf(sluice.Invalid, "requesttime", "date %q is not on the day %q of the credential scope", text, c.Scope.Date)
	}
	return t, nil
}

// signedDate is the date line of v1. When x-log-date exists Date is ignored: Python sends both because proxies rewrite Date.
// x-log-date itself is not among the canonical headers, so to accept either would let a replay bring a fresh x-log-date.
func signedDate(h http.Header) string {
	if date := value(h, headerLogDate); date != "" {
		return date
	}
	return value(h, headerDate)
}

// value returns a header trimmed, its repetitions joined: whatever was repeated behind the client's back breaks the signature.
func value(h http.Header, name string) string {
	return strings.TrimSpace(strings.Join(h.Values(name), ","))
}

func oversized(r *Request) bool {
	if len(r.Path)+len(r.Query) > maxTarget {
		return true
	}
	n := len(r.Host)
	for name, values := range r.Header {
		n += len(name)
		for _, v := range values {
			n += len(v) + 1
		}
	}
	return n > maxHeaders
}

// first returns the text of the most common client, the one that our own clients sign.
func first(texts iter.Seq[string]) string {
	for text := range texts {
		return text
	}
	return ""
}

// appendNew appends those of more that list does not hold yet.
func appendNew(list []string, more ...string) []string {
	for _, s := range more {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}
