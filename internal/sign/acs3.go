package sign

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
)

// The RPC dialect of Alibaba Cloud has two signatures: ACS3-HMAC-SHA256 in a header (this file) and HMAC-SHA1 among the parameters
// (rpc.go). References delivery a.9 and a.10.

const algorithmACS3 = "ACS3-HMAC-SHA256"

// dateACS is the one date format of both.
const dateACS = "2006-01-02T15:04:05Z"

// mustSignACS3 are the headers that a signature has to cover, or what they say could be changed under way.
var mustSignACS3 = []string{"host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"}

// ACS is what a request of the RPC dialect says of its signer. Nothing in it is true before Verify said so.
type ACS struct {
	AccessKeyID string
	Token       string // security token, "" for a permanent key
	Nonce       string // given once per key while its date is valid
	Date        time.Time
	// BodySHA256 is what the body has to hash to, in lower-case hexadecimal; "" where the parameters themselves are signed.
	BodySHA256 string

	signature string
	text      func(secret string) string // the signature that secret would have made
}

// Verify reports whether secret signed the request that c was read from. It compares in constant time, and is false for an empty secret.
func (c *ACS) Verify(secret string) bool {
	return secret != "" && hmac.Equal([]byte(c.text(secret)), []byte(c.signature))
}

// HasACS3 reports whether r carries a signature that ParseACS3 reads.
func HasACS3(r *Request) bool { return strings.HasPrefix(value(r.Header, "Authorization"), "ACS3-") }

// ParseACS3 reads the Authorization header and those that it names. Errors are of kind Invalid, or TooLarge for a request larger than
// any client signs; their nouns: "signaturemethod", "signature-incomplete" (a part is missing, or not covered), "date", "request".
func ParseACS3(r *Request) (*ACS, error) {
	if oversized(r) {
		return nil, sluice.Errorf(sluice.TooLarge, "request", "the request line or the headers are too long")
	}
	algorithm, rest, _ := strings.Cut(value(r.Header, "Authorization"), " ")
	if algorithm != algorithmACS3 {
		return nil, sluice.Errorf(sluice.Invalid, "signaturemethod", "signature method %.32q is not %s", algorithm, algorithmACS3)
	}
	parts := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, text, _ := strings.Cut(strings.TrimSpace(part), "=")
		parts[name] = text
	}
	c := &ACS{
		AccessKeyID: parts["Credential"], signature: parts["Signature"], Token: value(r.Header, "x-acs-security-token"),
		Nonce: value(r.Header, "x-acs-signature-nonce"), BodySHA256: strings.ToLower(value(r.Header, "x-acs-content-sha256")),
	}
	signed := strings.Split(parts["SignedHeaders"], ";")
	if c.AccessKeyID == "" || len(c.AccessKeyID) > maxAccessKeyID || c.signature == "" {
		return nil, incomplete("Authorization needs Credential, SignedHeaders and Signature")
	}
	for _, name := range mustSignACS3 {
		if !slices.Contains(signed, name) {
			return nil, incomplete("header " + name + " is not among SignedHeaders")
		}
	}
	if c.Nonce == "" || len(c.BodySHA256) != 2*sha256.Size {
		return nil, incomplete("x-acs-signature-nonce and x-acs-content-sha256 must not be empty")
	}
	if c.Token != "" && !slices.Contains(signed, "x-acs-security-token") {
		return nil, incomplete("header x-acs-security-token is not among SignedHeaders")
	}
	var err error
	if c.Date, err = dateOfACS(value(r.Header, "x-acs-date")); err != nil {
		return nil, err
	}
	c.text = func(secret string) string { return digestACS3(secret, textACS3(r, signed, c.BodySHA256)) }
	return c, nil
}

func incomplete(msg string) error {
	return sluice.Errorf(sluice.Invalid, "signature-incomplete", "%s", msg)
}

func dateOfACS(text string) (time.Time, error) {
	t, err := time.Parse(dateACS, text)
	if err != nil {
		return t, sluice.Errorf(sluice.Invalid, "date", "date %.64q is not of the form %q", text, dateACS)
	}
	return t, nil
}

// textACS3 is the canonical request.
func textACS3(r *Request, signed []string, bodySHA256 string) string {
	var b strings.Builder
	path := r.Path
	if path == "" {
		path = "/"
	}
	for _, line := range []string{strings.ToUpper(r.Method), path, queryACS(parseQuery(r.Query))} {
		b.WriteString(line)
		b.WriteByte('\n')
	}
	for _, name := range signed {
		b.WriteString(name)
		b.WriteByte(':')
		if name == "host" {
			b.WriteString(strings.TrimSpace(r.Host))
		} else {
			b.WriteString(value(r.Header, name))
		}
		b.WriteByte('\n')
	}
	b.WriteString("\n" + strings.Join(signed, ";") + "\n" + bodySHA256)
	return b.String()
}

func digestACS3(secret, request string) string {
	hash := sha256.Sum256([]byte(request))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(algorithmACS3 + "\n" + hex.EncodeToString(hash[:])))
	return hex.EncodeToString(mac.Sum(nil))
}

// SignACS3 signs r for a body as clients do: it sets x-acs-content-sha256 and Authorization. The caller has set x-acs-action, x-acs-version,
// x-acs-date, x-acs-signature-nonce, and with a temporary key x-acs-security-token.
func SignACS3(secret, accessKeyID string, r *Request, body []byte) {
	hash := sha256.Sum256(body)
	sum := hex.EncodeToString(hash[:])
	r.Header.Set("x-acs-content-sha256", sum)
	signed := []string{"host"}
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, prefixAcs) || lower == "content-type" {
			signed = append(signed, lower)
		}
	}
	slices.Sort(signed)
	r.Header.Set("Authorization", algorithmACS3+" Credential="+accessKeyID+",SignedHeaders="+strings.Join(signed, ";")+
		",Signature="+digestACS3(secret, textACS3(r, signed, sum)))
}

// queryACS writes parameters as both signatures want them.
func queryACS(pairs []pair) string {
	var b strings.Builder
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(escapeACS(p.key) + "=" + escapeACS(p.value))
	}
	return b.String()
}

// escapeACS is percent encoding as RFC 3986 has it: all but unreserved characters.
func escapeACS(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}
