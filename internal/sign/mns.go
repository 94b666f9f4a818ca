package sign

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
)

// The signature of the queue service (reference audit-and-collectors 4.6): HMAC-SHA1 over the request line, a few headers, and those that
// begin with x-mns-.

const (
	prefixMNS  = "x-mns-"
	schemeMNS  = "MNS "
	headerMNS  = "x-mns-date"         // stands in for Date where a client cannot set that
	versionMNS = "X-Mns-Version"      // which all clients send
	maxMNSDate = len(http.TimeFormat) // of any date
)

// MNS is what a request of the queue dialect says of its signer. Nothing in it is true before Verify said so.
type MNS struct {
	AccessKeyID string
	Date        time.Time

	signature string
	text      string
}

// IsMNS reports whether a request with these headers is one of the queue dialect.
func IsMNS(h http.Header) bool {
	return len(h[versionMNS]) > 0 || strings.HasPrefix(value(h, "Authorization"), schemeMNS)
}

// ParseMNS reads the Authorization header and the date. Errors are of kind Invalid, or TooLarge for a request larger than any client signs;
// their nouns: "accesskeyid" (not signed), "authorization", "date-missing", "date", "request".
func ParseMNS(r *Request) (*MNS, error) {
	if oversized(r) {
		return nil, sluice.Errorf(sluice.TooLarge, "request", "the request line or the headers are too long")
	}
	auth := value(r.Header, "Authorization")
	if auth == "" {
		return nil, noAccessKey("header Authorization is missing")
	}
	rest, ok := strings.CutPrefix(auth, schemeMNS)
	id, signature, found := strings.Cut(rest, ":")
	if !ok || !found || id == "" || len(id) > maxAccessKeyID || signature == "" {
		return nil, sluice.Errorf(sluice.Invalid, "authorization", "header Authorization is not of the form MNS AccessKeyId:Signature")
	}
	date := value(r.Header, headerDate)
	if date == "" {
		date = value(r.Header, headerMNS)
	}
	if date == "" {
		return nil, sluice.Errorf(sluice.Invalid, "date-missing", "header Date is missing")
	}
	at, err := time.Parse(http.TimeFormat, date)
	if err != nil {
		return nil, sluice.Errorf(sluice.Invalid, "date", "date %.*q is not of the form %q", maxMNSDate, date, http.TimeFormat)
	}
	return &MNS{AccessKeyID: id, Date: at, signature: signature, text: textMNS(r)}, nil
}

// Verify reports whether secret signed the request that c was read from, its body aside. It compares in constant time, and is false for an
// empty secret.
func (c *MNS) Verify(secret string) bool {
	return secret != "" && hmac.Equal([]byte(digestV1(sha1.New, secret, c.text)), []byte(c.signature))
}

// SignMNS signs r as clients do: it sets Authorization. The caller has set Date, x-mns-version, and with a body Content-MD5.
func SignMNS(secret, accessKeyID string, r *Request) {
	r.Header.Set("Authorization", schemeMNS+accessKeyID+":"+digestV1(sha1.New, secret, textMNS(r)))
}

// textMNS is the string to sign. Path and query are as they were sent.
func textMNS(r *Request) string {
	var signed []header
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, prefixMNS) {
			signed = append(signed, header{lower, value(r.Header, name)})
		}
	}
	sortHeaders(signed)
	target := r.Path
	if r.Query != "" {
		target += "?" + r.Query
	}
	return strings.ToUpper(r.Method) + "\n" + value(r.Header, "Content-MD5") + "\n" + value(r.Header, "Content-Type") + "\n" +
		value(r.Header, headerDate) + "\n" + block(signed) + target
}

// MNSBody is the Content-MD5 of a body as clients of the queue dialect write it: the base64 of the hexadecimal digits.
func MNSBody(hexMD5 string) string { return base64.StdEncoding.EncodeToString([]byte(hexMD5)) }
