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

// AWS signature version 4, in the Authorization header, as clients of AWS sign (reference audit 1.6). It is the one that version 4 of SLS was made after;
// here the list of signed headers is in the request, and the body is always hashed by who verifies.

const (
	algorithmAWS4 = "AWS4-HMAC-SHA256"
	endAWS4       = "aws4_request"
	headerAWSDate = "X-Amz-Date"
)

// HeaderAWSToken carries the security token of a temporary key.
const HeaderAWSToken = "X-Amz-Security-Token"

// AWS is what a request of a client of AWS says of its signer. Nothing in it is true before Verify said so.
type AWS struct {
	AccessKeyID     string
	Token           string // "" for a permanent key
	Region, Service string // of the scope
	Date            time.Time

	day, signature string
	signed         []string // names of headers, in small letters
}

// ParseAWS reads the Authorization header and those that it needs. Errors are of kind Invalid, or TooLarge for a request larger than any client
// signs; their nouns:
//
//	"accesskeyid"            not signed at all
//	"signaturemethod"        by another method
//	"signature-incomplete"   a part is missing, or not covered
//	"date"                   the date has another form, or is not on the day of the scope
func ParseAWS(r *Request) (*AWS, error) {
	if oversized(r) {
		return nil, sluice.Errorf(sluice.TooLarge, "request", "the request line or the headers are too long")
	}
	auth := value(r.Header, "Authorization")
	if auth == "" {
		return nil, noAccessKey("the request is not signed: it has no Authorization header")
	}
	algorithm, rest, _ := strings.Cut(auth, " ")
	if algorithm != algorithmAWS4 {
		return nil, sluice.Errorf(sluice.Invalid, "signaturemethod", "signature method %.32q is not %s", algorithm, algorithmAWS4)
	}
	parts := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, text, _ := strings.Cut(strings.TrimSpace(part), "=")
		parts[name] = text
	}
	c := &AWS{Token: value(r.Header, HeaderAWSToken), signature: parts["Signature"], signed: strings.Split(parts["SignedHeaders"], ";")}
	if err := c.readScope(parts["Credential"]); err != nil {
		return nil, err
	}
	if c.signature == "" {
		return nil, incomplete("Authorization needs Credential, SignedHeaders and Signature")
	}
	for _, name := range c.mustSign(r) {
		if !slices.Contains(c.signed, name) {
			return nil, incomplete("header " + name + " is not among SignedHeaders")
		}
	}
	return c, c.readDate(value(r.Header, headerAWSDate))
}

// readScope reads "<id>/<yyyymmdd>/<region>/<service>/aws4_request".
func (c *AWS) readScope(credential string) error {
	const parts = 5
	scope := strings.Split(credential, "/")
	if len(scope) != parts || scope[4] != endAWS4 || scope[0] == "" || len(scope[0]) > maxAccessKeyID || slices.Contains(scope, "") {
		return incomplete("the credential is not <access key>/<yyyymmdd>/<region>/<service>/" + endAWS4)
	}
	c.AccessKeyID, c.day, c.Region, c.Service = scope[0], scope[1], scope[2], scope[3]
	return nil
}

// mustSign are the headers that decide what a request is: those that are there and not signed could be anybody's.
func (c *AWS) mustSign(r *Request) []string {
	names := []string{"host", "x-amz-date"}
	for _, name := range []string{"x-amz-target", "x-amz-security-token"} {
		if value(r.Header, name) != "" {
			names = append(names, name)
		}
	}
	return names
}

func (c *AWS) readDate(text string) (err error) {
	if c.Date, err = time.Parse(dateV4, text); err != nil {
		return sluice.Errorf(sluice.Invalid, "date", "date %.64q is not of the form %q", text, dateV4)
	}
	if !strings.HasPrefix(text, c.day) {
		return sluice.Errorf(sluice.Invalid, "date", "date %q is not on the day %.16q of the credential scope", text, c.day)
	}
	return nil
}

// Verify reports whether secret signed r with this body. It compares in constant time, and is false for an empty secret.
func (c *AWS) Verify(secret string, r *Request, body []byte) bool {
	if secret == "" {
		return false
	}
	return hmac.Equal([]byte(c.digest(secret, r, body)), []byte(c.signature))
}

// digest is the signature that secret would have made.
func (c *AWS) digest(secret string, r *Request, body []byte) string {
	sum := sha256.Sum256(body)
	request := sha256.Sum256([]byte(c.text(r, hex.EncodeToString(sum[:]))))
	key := []byte("AWS4" + secret)
	for _, message := range []string{c.day, c.Region, c.Service, endAWS4} {
		key = hmacSHA256(key, message)
	}
	scope := strings.Join([]string{c.day, c.Region, c.Service, endAWS4}, "/")
	return hex.EncodeToString(hmacSHA256(key, strings.Join([]string{algorithmAWS4, c.Date.Format(dateV4), scope, hex.EncodeToString(request[:])}, "\n")))
}

// text is the canonical request.
func (c *AWS) text(r *Request, bodySHA256 string) string {
	var b strings.Builder
	path := r.Path
	if path == "" {
		path = "/"
	}
	for _, line := range []string{strings.ToUpper(r.Method), path, queryACS(parseQuery(r.Query))} {
		b.WriteString(line + "\n")
	}
	for _, name := range c.signed {
		text := value(r.Header, name)
		switch name {
		case "host":
			text = strings.TrimSpace(r.Host)
		case "content-length": // net/http takes it out of the headers
			if text == "" {
				text = r.Length
			}
		}
		b.WriteString(name + ":" + strings.Join(strings.Fields(text), " ") + "\n")
	}
	b.WriteString("\n" + strings.Join(c.signed, ";") + "\n" + bodySHA256)
	return b.String()
}

// SignAWS signs r for a body as clients do: it sets Authorization. The caller has set X-Amz-Date and, with a temporary key, X-Amz-Security-Token.
func SignAWS(secret, accessKeyID, region, service string, r *Request, body []byte) {
	signed := []string{"host"}
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-amz-") || lower == "content-type" {
			signed = append(signed, lower)
		}
	}
	slices.Sort(signed)
	date := value(r.Header, headerAWSDate)
	c := &AWS{AccessKeyID: accessKeyID, Region: region, Service: service, day: date[:min(8, len(date))], signed: signed}
	c.Date, _ = time.Parse(dateV4, date)
	scope := strings.Join([]string{accessKeyID, c.day, region, service, endAWS4}, "/")
	r.Header.Set("Authorization", algorithmAWS4+" Credential="+scope+", SignedHeaders="+strings.Join(signed, ";")+", Signature="+c.digest(secret, r, body))
}
