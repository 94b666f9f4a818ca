package syslogsink

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
)

// The protocols.
const (
	UDP = "udp"
	TCP = "tcp"
	TLS = "tls"
)

// Standard says how a message looks.
type Standard string

// The standards.
const (
	RFC5424 Standard = "rfc5424"
	RFC3164 Standard = "rfc3164"
	Devo    Standard = "devo" // as RFC 3164, with the name of a table of Devo as its tag
)

// The formats that syslog has beside those of package encode.
const (
	Raw encode.Name = "raw" // the message is the value of one field
	SD  encode.Name = "sd"  // the fields are parameters of RFC 5424's structured data, and there is no message
)

// What happens to messages longer than Config.MaxLength.
const (
	Truncate = "truncate" // cut, with … at the end
	Split    = "split"    // several messages, with part="1/3" in the structured data; RFC 5424 alone
	Reject   = "refuse"   // the log goes to the dead letters
)

// Config is where and how to deliver.
type Config struct {
	Host     string `json:"host"`
	Port     int    `json:"port,omitempty"`     // [514; 6514 for tls]
	Protocol string `json:"protocol,omitempty"` // udp, tcp or tls [tcp]
	// TLS says how to know the receiver, and how it knows us, for protocol tls.
	TLS *tlsconf.Config `json:"tls,omitempty"`

	// Standard is rfc5424, rfc3164 or devo [rfc5424]. devo is for tcp and tls; its tag has levels with dots between them, such as
	// my.app.shop.orders, and a message with line ends has its length in front of it, whatever the framing is.
	Standard Standard `json:"standard,omitempty"`
	// Framing of tcp and tls: octet puts the length in front of each message, line a line feed behind it, and then line ends in messages
	// become spaces [octet; line for devo].
	Framing string `json:"framing,omitempty"`

	Facility string `json:"facility,omitempty"` // by name (user, local0 …) or number [user]
	Severity string `json:"severity,omitempty"` // by name (info, err …) or number [info]
	// SeverityField is the field of a log that gives its severity, by name or number; Severity is for logs where it does not.
	SeverityField string `json:"severityField,omitempty"`
	Hostname      string `json:"hostname,omitempty"`      // [the log's source, - where it has none]
	HostnameField string `json:"hostnameField,omitempty"` // the field of a log that gives its host name
	Tag           string `json:"tag,omitempty"`           // APP-NAME, and TAG in RFC 3164 [sluice]
	MsgID         string `json:"msgId,omitempty"`         // MSGID of RFC 5424 [-]
	TimeZone      string `json:"timeZone,omitempty"`      // of RFC 3164's time, as Asia/Shanghai [UTC]

	// Rows say how the fields make the message: format is json, kv, csv, cef, raw or sd [json].
	encode.Rows
	MessageField string `json:"messageField,omitempty"` // the field that format raw sends [content]
	BOM          bool   `json:"bom,omitempty"`          // mark the message as UTF-8 as RFC 5424 asks; many receivers show the mark

	// SDID names the element of structured data that holds Params, the parts of split messages, log ids and, with format sd, the fields. The
	// number behind the @ is the documentation's: put your enterprise's own [sluice@32473].
	SDID   string            `json:"sdId,omitempty"`
	Params map[string]string `json:"params,omitempty"` // the same in each message, of RFC 5424
	// LogID adds the parameter id, which no other log of the task has and each repetition of this one has again.
	LogID bool `json:"logId,omitempty"`

	// MaxLength of a message in bytes, 480 to 16 MB [8192; 1024 for udp and rfc3164; 65536 for devo].
	MaxLength int `json:"maxLength,omitempty"`
	// Long is what happens to longer ones: truncate, split or refuse [truncate].
	Long string `json:"long,omitempty"`

	// KeepOpen keeps one connection for each shard, instead of one for each batch. It suits receivers that find connections expensive, and
	// is less certain: see the package.
	KeepOpen      bool `json:"keepOpen,omitempty"`
	ReplaySeconds int  `json:"replaySeconds,omitempty"` // what is written again after a kept connection broke, 1 to 60 [5]

	TimeoutSeconds int `json:"timeoutSeconds,omitempty"` // of sending a batch, connecting included, 1 to 600 [30]
}

func (c *Config) setDefaults() {
	set(&c.Protocol, TCP)
	set(&c.Standard, RFC5424)
	if c.Standard == Devo {
		set(&c.Framing, "line")
		set(&c.MaxLength, 65536)
	}
	set(&c.Framing, "octet")
	set(&c.Facility, "user")
	set(&c.Severity, "info")
	set(&c.Tag, "sluice")
	set(&c.MsgID, "-")
	set(&c.TimeZone, "UTC")
	set(&c.Format, encode.JSON)
	set(&c.MessageField, "content")
	set(&c.SDID, "sluice@32473")
	set(&c.Long, Truncate)
	set(&c.ReplaySeconds, 5)
	set(&c.TimeoutSeconds, 30)
	if c.Protocol == TLS {
		set(&c.Port, 6514)
	}
	set(&c.Port, 514)
	if c.Protocol == UDP || c.Standard == RFC3164 {
		set(&c.MaxLength, 1024)
	}
	set(&c.MaxLength, 8192)
}

// set gives a field its default.
func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// maxDatagram is what fits into one over IPv4.
const maxDatagram = 65507

// Validate checks c; its error is Invalid "sink" and names the field.
func (c Config) Validate() error {
	c.setDefaults()
	if c.Host == "" || strings.ContainsAny(c.Host, " /@") || len(c.Host) > 255 {
		return invalid("host: %q is not the name or address of a host", c.Host)
	}
	for _, f := range []struct {
		path, value string
		among       []string
	}{
		{"protocol", c.Protocol, []string{UDP, TCP, TLS}},
		{"standard", string(c.Standard), []string{string(RFC5424), string(RFC3164), string(Devo)}},
		{"framing", c.Framing, []string{"octet", "line"}},
		{"long", c.Long, []string{Truncate, Split, Reject}},
	} {
		if !slices.Contains(f.among, f.value) {
			return invalid("%s: %.40q is not one of %s", f.path, f.value, strings.Join(f.among, ", "))
		}
	}
	for _, f := range []struct {
		path             string
		value, low, high int
	}{
		{"port", c.Port, 1, 65535},
		{"maxLength", c.MaxLength, 480, 16 << 20},
		{"replaySeconds", c.ReplaySeconds, 1, 60},
		{"timeoutSeconds", c.TimeoutSeconds, 1, 600},
	} {
		if f.value < f.low || f.value > f.high {
			return invalid("%s: %d is not between %d and %d", f.path, f.value, f.low, f.high)
		}
	}
	if err := c.validateHeader(); err != nil {
		return err
	}
	if err := c.validateFormat(); err != nil {
		return err
	}
	if c.TLS != nil && c.Protocol != TLS {
		return invalid("tls is for protocol tls, and this is %s", c.Protocol)
	}
	return c.TLS.Validate("tls")
}

func (c *Config) validateHeader() error {
	if _, ok := facility(c.Facility); !ok {
		return invalid("facility: %.40q is not a name (kern, user … local7) or a number to 23", c.Facility)
	}
	if _, ok := severity(c.Severity); !ok {
		return invalid("severity: %.40q is not a name (emerg … debug) or a number to 7", c.Severity)
	}
	for _, f := range []struct {
		path, value string
		most        int
	}{{"hostname", c.Hostname, 255}, {"tag", c.Tag, c.maxTag()}, {"msgId", c.MsgID, 32}, {"sdId", c.SDID, 32}} {
		if f.value != "" && word(f.value, f.most) != f.value {
			return invalid("%s: %.60q is not at most %d printable ASCII characters without spaces", f.path, f.value, f.most)
		}
	}
	if param(c.SDID) != c.SDID {
		return invalid("sdId: %.60q has one of = ] \"", c.SDID)
	}
	if c.Standard == RFC3164 && !alphanumeric(c.Tag) {
		return invalid("tag: %.60q has more than letters and digits, which RFC 3164 does not allow", c.Tag)
	}
	if c.Standard == Devo && !tableName(c.Tag) {
		return invalid("tag: %.130q is not the name of a table of Devo: levels of letters, digits, _ and - with dots between them", c.Tag)
	}
	if _, err := time.LoadLocation(c.TimeZone); err != nil || c.TimeZone == "Local" {
		return invalid("timeZone: %.60q is not the name of a time zone", c.TimeZone)
	}
	return nil
}

func (c *Config) maxTag() int {
	switch c.Standard {
	case RFC3164:
		return 32
	case Devo:
		return 128
	}
	return 48
}

func (c *Config) validateFormat() error {
	if c.Format != Raw && c.Format != SD {
		if err := c.Rows.Validate(); err != nil {
			return err
		}
	}
	switch {
	case c.Protocol == UDP && c.MaxLength > maxDatagram:
		return invalid("maxLength: %d is more than a datagram holds, %d", c.MaxLength, maxDatagram)
	case c.Protocol == UDP && c.KeepOpen:
		return invalid("keepOpen: udp has no connections")
	case c.Standard == Devo && (c.Protocol == UDP || c.Framing != "line"):
		return invalid("standard: devo goes over tcp or tls, with framing line")
	case c.Standard != RFC5424 && (c.Format == SD || c.Long == Split || c.LogID || len(c.Params) > 0 || c.BOM):
		return invalid("standard: %s has no structured data, which format sd, long split, logId and params need, and no bom", c.Standard)
	case c.Format == SD && c.Long == Split:
		return invalid("long: split does not go with format sd")
	case len(c.Params) > 20:
		return invalid("params: %d are more than 20", len(c.Params))
	}
	total := 0
	for name, value := range c.Params {
		if name == "" || param(name) != name {
			return invalid("params: the name %.60q is not 1 to 32 printable ASCII characters without = ] \" and space", name)
		}
		total += len(name) + 2*len(value) + 4
	}
	if total > c.MaxLength/2 {
		return invalid("params: they are longer than half a message")
	}
	return nil
}

var facilities = strings.Fields(`kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock
	local0 local1 local2 local3 local4 local5 local6 local7`)

func facility(name string) (int, bool) { return numberOf(name, facilities) }

var severities = strings.Fields("emerg alert crit err warning notice info debug")

// severityNames are those that programs write beside the standard's.
var severityNames = map[string]int{
	"panic": 0, "emergency": 0, "fatal": 2, "critical": 2, "error": 3, "warn": 4, "information": 6, "informational": 6, "trace": 7,
}

func severity(name string) (int, bool) {
	if n, ok := numberOf(name, severities); ok {
		return n, true
	}
	n, ok := severityNames[strings.ToLower(name)]
	return n, ok
}

// numberOf finds a name, in any case, or the decimal of its place.
func numberOf(name string, names []string) (int, bool) {
	if n, err := strconv.Atoi(name); err == nil {
		return n, n >= 0 && n < len(names)
	}
	n := slices.Index(names, strings.ToLower(name))
	return n, n >= 0
}

func invalid(format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, "sink", "%s", fmt.Sprintf(format, args...))
}
