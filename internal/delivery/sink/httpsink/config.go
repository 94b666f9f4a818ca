package httpsink

import (
	"fmt"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/http/httpguts"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
)

// Config is where and how to deliver.
type Config struct {
	// URL is http:// or https://, without user and fragment. Its path and query are kept.
	URL string          `json:"url"`
	TLS *tlsconf.Config `json:"tls,omitempty"`
	// Headers are sent with each request, at most 20. They win over those that the sink sets, such as Content-Type.
	Headers map[string]sink.Secret `json:"headers,omitempty"`
	// Query are parameters added to the URL's, at most 20.
	Query map[string]sink.Secret `json:"query,omitempty"`

	// Format of the body. Compression is none, gzip, zlib or snappy here, the last as one raw block.
	encode.Format
	// OneByOne sends each log in a request of its own, without prefix, suffix and separators.
	OneByOne bool `json:"oneByOne,omitempty"`

	// URLSignature adds the parameter auth_key, by which the receiver knows who calls.
	URLSignature *URLSignature `json:"urlSignature,omitempty"`
	// BodySignature adds headers by which the receiver knows who calls and that nobody changed the body.
	BodySignature *BodySignature `json:"bodySignature,omitempty"`

	MaxLogs       int   `json:"maxLogs,omitempty"`       // in a batch, 1 to 1,000,000 [1000]
	MaxBytes      int64 `json:"maxBytes,omitempty"`      // of a body before compression, 1 KB to 100 MB [5 MB]
	MaxAgeSeconds int   `json:"maxAgeSeconds,omitempty"` // of the first log when its batch is sent, 1 to 3600 [5]

	TimeoutSeconds int `json:"timeoutSeconds,omitempty"` // of a request and its answer, 1 to 600 [10]
	// Check says what a test of the connection does: post sends one log, {"sluice":"check"}, with the header X-Sluice-Check; connect
	// connects and sends nothing, and so cannot see whether the credentials are good [post].
	Check string `json:"check,omitempty"`
}

// URLSignature is the signature that the service we follow calls server authentication: auth_key=EXPIRY-RANDOM-MD5, where MD5 is that of
// PATH-EXPIRY-RANDOM-KEY. It covers the path alone.
type URLSignature struct {
	PrivateKey   sink.Secret `json:"privateKey"`             // 6 to 18 letters and digits, both
	ValidSeconds int         `json:"validSeconds,omitempty"` // 1 to 86,400; below 300 clocks that differ matter [1800]
	Path         string      `json:"path,omitempty"`         // that is signed, for receivers that see another than the URL's [the URL's]
}

// BodySignature is X-Sluice-Signature: v1=HEX, the HMAC-SHA256 of X-Sluice-Timestamp, a full stop and the body as it is sent.
type BodySignature struct {
	Secret sink.Secret `json:"secret"` // 16 to 256 bytes
}

func (c *Config) setDefaults() {
	if c.MaxLogs == 0 {
		c.MaxLogs = 1000
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 5 << 20
	}
	if c.MaxAgeSeconds == 0 {
		c.MaxAgeSeconds = 5
	}
	if c.TimeoutSeconds == 0 {
		c.TimeoutSeconds = 10
	}
	if c.Check == "" {
		c.Check = "post"
	}
	if c.URLSignature != nil && c.URLSignature.ValidSeconds == 0 {
		s := *c.URLSignature
		s.ValidSeconds = 1800
		c.URLSignature = &s
	}
}

const (
	maxHeaders = 20
	maxParams  = 20
)

// Validate checks c; its error is Invalid "sink" and names the field.
func (c Config) Validate() error {
	c.setDefaults()
	for _, check := range []func() error{c.validateURL, c.validateHeaders, c.validateQuery, c.validateFormat, c.validateSignatures} {
		if err := check(); err != nil {
			return err
		}
	}
	for _, f := range []struct {
		path             string
		value, low, high int64
	}{
		{"maxLogs", int64(c.MaxLogs), 1, 1_000_000},
		{"maxBytes", c.MaxBytes, 1 << 10, 100 << 20},
		{"maxAgeSeconds", int64(c.MaxAgeSeconds), 1, 3600},
		{"timeoutSeconds", int64(c.TimeoutSeconds), 1, 600},
	} {
		if f.value < f.low || f.value > f.high {
			return invalid("%s: %d is not between %d and %d", f.path, f.value, f.low, f.high)
		}
	}
	if c.Check != "post" && c.Check != "connect" {
		return invalid("check: %.40q is neither post nor connect", c.Check)
	}
	return c.TLS.Validate("tls")
}

func (c *Config) validateURL() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil: // whose text has the URL, and what may be in it
		return invalid("url: it cannot be read as a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return invalid("url: it does not begin with http:// or https://")
	case u.Hostname() == "" || u.Opaque != "":
		return invalid("url: it names no host")
	case u.User != nil:
		return invalid("url: it has a user; put Authorization into headers, which are kept secret")
	case u.Fragment != "":
		return invalid("url: it has a fragment (#), which is never sent")
	case len(c.URL) > 8192:
		return invalid("url: it is longer than 8192 bytes")
	case c.TLS != nil && u.Scheme != "https":
		return invalid("tls is for https, and url is %s", u.Scheme)
	}
	return nil
}

// ours are headers that a task cannot set: net/http or the sink needs them as they are.
var ours = []string{"Host", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Te", "Trailer", "Keep-Alive", "Proxy-Connection", "Expect"}

func (c *Config) validateHeaders() error {
	if len(c.Headers) > maxHeaders {
		return invalid("headers: %d are more than %d", len(c.Headers), maxHeaders)
	}
	seen := map[string]bool{}
	for name, value := range c.Headers {
		key := textproto.CanonicalMIMEHeaderKey(name)
		switch {
		case len(name) > 256 || !httpguts.ValidHeaderFieldName(name):
			return invalid("headers: %.60q is not the name of a header", name)
		case len(value.Reveal()) > 8192 || !httpguts.ValidHeaderFieldValue(value.Reveal()):
			return invalid("headers.%s: the value is longer than 8192 bytes or has control characters", name)
		case slices.Contains(ours, key) || strings.HasPrefix(key, "X-Sluice-"):
			return invalid("headers.%s: this header cannot be set", name)
		case seen[key]:
			return invalid("headers.%s: it is there twice, in different case", name)
		}
		seen[key] = true
	}
	return nil
}

func (c *Config) validateQuery() error {
	if len(c.Query) > maxParams {
		return invalid("query: %d parameters are more than %d", len(c.Query), maxParams)
	}
	for name, value := range c.Query {
		if name == "" || len(name) > 256 || len(value.Reveal()) > 4096 {
			return invalid("query: the name of a parameter has 1 to 256 bytes and its value at most 4096, and %.60q has not", name)
		}
		if name == authKey && c.URLSignature != nil {
			return invalid("query.%s: the signature of the URL has this name", authKey)
		}
	}
	return nil
}

func (c *Config) validateFormat() error {
	if c.OneByOne {
		if err := c.Rows.Validate(); err != nil {
			return err
		}
		if c.BodyPrefix != "" || c.BodySuffix != "" || c.Separator != nil || c.LastSeparator != nil {
			return invalid("oneByOne: it does not go with bodyPrefix, bodySuffix and separators")
		}
	}
	if c.Compression == encode.LZ4 || c.Compression == encode.Zstd {
		return invalid("compression: %s is none of none, gzip, zlib and snappy", c.Compression)
	}
	return c.Format.Validate()
}

func (c *Config) validateSignatures() error {
	if s := c.URLSignature; s != nil {
		if !goodKey(s.PrivateKey.Reveal()) {
			return invalid("urlSignature.privateKey: it does not have 6 to 18 characters, letters and digits only, and both")
		}
		if s.ValidSeconds < 1 || s.ValidSeconds > 86400 {
			return invalid("urlSignature.validSeconds: %d is not between 1 and 86400", s.ValidSeconds)
		}
		if len(s.Path) > 2048 || strings.ContainsAny(s.Path, "?# ") || strings.ContainsFunc(s.Path, unicode.IsControl) {
			return invalid("urlSignature.path: %.60q is not a path", s.Path)
		}
	}
	if s := c.BodySignature; s != nil {
		if n := len(s.Secret.Reveal()); n < 16 || n > 256 {
			return invalid("bodySignature.secret: it does not have 16 to 256 bytes")
		}
	}
	return nil
}

// goodKey is the rule of the service we follow; a key that is shown as the mask is there and not known here.
func goodKey(key string) bool {
	if key == sink.Mask {
		return true
	}
	letters, digits := 0, 0
	for _, c := range []byte(key) {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			letters++
		}
	}
	return letters+digits == len(key) && len(key) >= 6 && len(key) <= 18 && letters > 0 && digits > 0
}

func invalid(format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, "sink", "%s", fmt.Sprintf(format, args...))
}
