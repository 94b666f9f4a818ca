package kafkasink

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
)

// Config is where and how to deliver.
type Config struct {
	Brokers []string `json:"brokers"` // 1 to 50, host:port; the others of the cluster are learned from them
	Topic   string   `json:"topic"`
	// TLS is spoken if it is there, {} with the system's authorities.
	TLS  *tlsconf.Config `json:"tls,omitempty"`
	SASL *SASL           `json:"sasl,omitempty"`

	// Balancer chooses the partition: roundRobin, leastBytes, hash, crc32 or murmur2 [roundRobin]. The last three are of use with KeyField.
	Balancer Balancer `json:"balancer,omitempty"`
	// KeyField is the field of a log whose value is the key of its message. A log without it has no key [none].
	KeyField string `json:"keyField,omitempty"`
	// Rows are the message's value: json, csv, kv or cef [json].
	encode.Rows
	// Compression of messages: none, gzip, snappy, lz4 or zstd [none].
	Compression encode.Compression `json:"compression,omitempty"`
	// Timestamp of messages is that of the log, or that of sending for brokers that refuse old ones: log or now [log].
	Timestamp string `json:"timestamp,omitempty"`

	// MaxMessageBytes of one message, and of what is sent together to a partition; not more than the topic's max.message.bytes, 1 KB to 100 MB
	// [1,000,000]. Larger logs go to the dead letters.
	MaxMessageBytes int `json:"maxMessageBytes,omitempty"`
	// NoIdempotence does without the producer id by which brokers recognize what they were sent twice, for those that do not give one.
	NoIdempotence bool `json:"noIdempotence,omitempty"`

	MaxLogs       int   `json:"maxLogs,omitempty"`       // in a batch, 1 to 100,000 [5000]
	MaxBytes      int64 `json:"maxBytes,omitempty"`      // of a batch, 1 KB to 64 MB [4 MB]
	MaxAgeSeconds int   `json:"maxAgeSeconds,omitempty"` // of the first log when its batch is sent, 1 to 3600 [1]

	TimeoutSeconds int `json:"timeoutSeconds,omitempty"` // of sending a batch, 1 to 600 [30]
}

// SASL says who is delivering.
type SASL struct {
	Mechanism string      `json:"mechanism"` // PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, in any case
	User      string      `json:"user"`
	Password  sink.Secret `json:"password"`
}

func (c *Config) setDefaults() {
	set(&c.Timestamp, "log")
	set(&c.Compression, encode.None)
	set(&c.MaxMessageBytes, 1_000_000)
	set(&c.MaxLogs, 5000)
	set(&c.MaxBytes, 4<<20)
	set(&c.MaxAgeSeconds, 1)
	set(&c.TimeoutSeconds, 30)
	if b, ok := ParseBalancer(string(c.Balancer)); ok {
		c.Balancer = b
	}
}

// set gives a field its default.
func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate checks c; its error is Invalid "sink" and names the field.
func (c Config) Validate() error {
	c.setDefaults()
	if n := len(c.Brokers); n < 1 || n > 50 {
		return invalid("brokers: %d are not 1 to 50", n)
	}
	for i, broker := range c.Brokers {
		host, port, err := net.SplitHostPort(broker)
		if n, portErr := strconv.Atoi(port); err != nil || portErr != nil || n < 1 || n > 65535 || host == "" || strings.ContainsAny(host, "/@ ") {
			return invalid("brokers.%d: %.100q is not of the form host:port", i, broker)
		}
	}
	if !goodTopic(c.Topic) {
		return invalid("topic: %.100q is not 1 to 249 letters, digits, full stops, _ and -", c.Topic)
	}
	if _, ok := ParseBalancer(string(c.Balancer)); !ok {
		return invalid("balancer: %.40q is none of roundRobin, leastBytes, hash, crc32 and murmur2", string(c.Balancer))
	}
	if !slices.Contains([]encode.Compression{encode.None, encode.Gzip, encode.Snappy, encode.LZ4, encode.Zstd}, c.Compression) {
		return invalid("compression: %.40q is none of none, gzip, snappy, lz4 and zstd", string(c.Compression))
	}
	if c.Timestamp != "log" && c.Timestamp != "now" {
		return invalid("timestamp: %.40q is neither log nor now", c.Timestamp)
	}
	for _, f := range []struct {
		path             string
		value, low, high int64
	}{
		{"maxMessageBytes", int64(c.MaxMessageBytes), 1 << 10, 100 << 20},
		{"maxLogs", int64(c.MaxLogs), 1, 100_000},
		{"maxBytes", c.MaxBytes, 1 << 10, 64 << 20},
		{"maxAgeSeconds", int64(c.MaxAgeSeconds), 1, 3600},
		{"timeoutSeconds", int64(c.TimeoutSeconds), 1, 600},
	} {
		if f.value < f.low || f.value > f.high {
			return invalid("%s: %d is not between %d and %d", f.path, f.value, f.low, f.high)
		}
	}
	if err := c.SASL.validate(); err != nil {
		return err
	}
	if err := c.Rows.Validate(); err != nil {
		return err
	}
	return c.TLS.Validate("tls")
}

func goodTopic(name string) bool {
	if name == "" || name == "." || name == ".." || len(name) > 249 {
		return false
	}
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == ""
}

// The mechanisms.
const (
	plainMechanism = "PLAIN"
	scram256       = "SCRAM-SHA-256"
	scram512       = "SCRAM-SHA-512"
)

func (s *SASL) validate() error {
	switch {
	case s == nil:
		return nil
	case !slices.Contains([]string{plainMechanism, scram256, scram512}, strings.ToUpper(s.Mechanism)):
		return invalid("sasl.mechanism: %.40q is none of PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512", s.Mechanism)
	case s.User == "":
		return invalid("sasl.user is empty")
	case s.Password.IsZero():
		return invalid("sasl.password is empty")
	}
	return nil
}

func invalid(format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, "sink", "%s", fmt.Sprintf(format, args...))
}
