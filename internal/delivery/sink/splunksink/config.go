package splunksink

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
)

// Config is where and how to deliver.
type Config struct {
	// URL of the collector, as https://splunk.example.com:8088; a path in front of /services/collector is kept.
	URL   string          `json:"url"`
	Token sink.Secret     `json:"token"`
	TLS   *tlsconf.Config `json:"tls,omitempty"`

	// Endpoint is event, where each log has its own time and fields, or raw, where Splunk takes lines apart by the source type [event].
	Endpoint string `json:"endpoint,omitempty"`
	// Rows are the event: JSON is an object, kv, csv and cef are texts [json].
	encode.Rows
	// Compression is gzip or none [gzip].
	Compression encode.Compression `json:"compression,omitempty"`

	Sourcetype string `json:"sourcetype,omitempty"` // [_json for format json, else the token's]
	Source     string `json:"source,omitempty"`     // [sluice:PROJECT/TASK]
	Index      string `json:"index,omitempty"`      // [the token's]
	Host       string `json:"host,omitempty"`       // [the log's source]
	HostField  string `json:"hostField,omitempty"`  // the field of a log that gives its host

	// Acks waits until Splunk has indexed what it took. The token has to use acknowledgements; if it does not, the sink says so in the log
	// and goes on without.
	Acks       bool   `json:"acks,omitempty"`
	AckSeconds int    `json:"ackSeconds,omitempty"` // to wait, before the batch is sent again, 10 to 1800 [300]
	Channel    string `json:"channel,omitempty"`    // a GUID [one that is made when the task starts]

	MaxLogs       int   `json:"maxLogs,omitempty"`       // in a batch, 1 to 100,000 [5000]
	MaxBytes      int64 `json:"maxBytes,omitempty"`      // of a batch before compression, 1 KB to 100 MB; Splunk's limit is max_content_length [1 MB]
	MaxAgeSeconds int   `json:"maxAgeSeconds,omitempty"` // of the first log when its batch is sent, 1 to 3600 [2]

	TimeoutSeconds int `json:"timeoutSeconds,omitempty"` // of a request and its answer, 1 to 600 [60]
}

func (c *Config) setDefaults() {
	set(&c.Endpoint, "event")
	set(&c.Format, encode.JSON)
	set(&c.Compression, encode.Gzip)
	set(&c.AckSeconds, 300)
	set(&c.MaxLogs, 5000)
	set(&c.MaxBytes, 1<<20)
	set(&c.MaxAgeSeconds, 2)
	set(&c.TimeoutSeconds, 60)
	if c.Format == encode.JSON {
		set(&c.Sourcetype, "_json")
	}
}

// set gives a field its default.
func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

var guid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// Validate checks c; its error is Invalid "sink" and names the field.
func (c Config) Validate() error {
	c.setDefaults()
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "http" && u.Scheme != "https":
		return invalid("url: it is not of the form https://host:port, without user, query and fragment")
	case c.TLS != nil && u.Scheme != "https":
		return invalid("tls is for https, and url is http")
	case c.Token.IsZero() || strings.ContainsFunc(c.Token.Reveal(), notInToken) || len(c.Token.Reveal()) > 256:
		return invalid("token: it is not 1 to 256 printable characters")
	case c.Endpoint != "event" && c.Endpoint != "raw":
		return invalid("endpoint: %.40q is neither event nor raw", c.Endpoint)
	case c.Compression != encode.None && c.Compression != encode.Gzip:
		return invalid("compression: %.40q is neither none nor gzip", string(c.Compression))
	case c.Channel != "" && !guid.MatchString(c.Channel):
		return invalid("channel: %.60q is not a GUID", c.Channel)
	}
	for _, f := range []struct{ path, value string }{{"sourcetype", c.Sourcetype}, {"source", c.Source}, {"index", c.Index}, {"host", c.Host}} {
		if len(f.value) > 1024 || strings.ContainsFunc(f.value, unicode.IsControl) {
			return invalid("%s: it is longer than 1024 bytes or has control characters", f.path)
		}
	}
	for _, f := range []struct {
		path             string
		value, low, high int64
	}{
		{"ackSeconds", int64(c.AckSeconds), 10, 1800},
		{"maxLogs", int64(c.MaxLogs), 1, 100_000},
		{"maxBytes", c.MaxBytes, 1 << 10, 100 << 20},
		{"maxAgeSeconds", int64(c.MaxAgeSeconds), 1, 3600},
		{"timeoutSeconds", int64(c.TimeoutSeconds), 1, 600},
	} {
		if f.value < f.low || f.value > f.high {
			return invalid("%s: %d is not between %d and %d", f.path, f.value, f.low, f.high)
		}
	}
	if err := c.Rows.Validate(); err != nil {
		return err
	}
	return c.TLS.Validate("tls")
}

func notInToken(r rune) bool { return r <= ' ' || r > '~' }

func invalid(format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, "sink", "%s", fmt.Sprintf(format, args...))
}
