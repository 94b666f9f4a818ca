package syslogsink

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

/*
A message:

	<14>1 2026-01-02T03:04:05.678Z host1 sluice - - [sluice@32473 k="v"] text    RFC 5424
	<14>Jan  2 03:04:05 host1 sluice: text                                       RFC 3164
	<14>Jan  2 03:04:05 host1 my.app.shop.orders: text                           Devo
	 │    time                       │                │                   └ the fields in the configured format
	 facility × 8 + severity         tag              structured data: - or one element
*/

// format is what a configuration says about messages, made ready.
type format struct {
	config   *Config
	facility int
	severity int
	zone     *time.Location
	params   string // of the configuration, as ` k="v"` one behind the other
}

func newFormat(c *Config) (*format, error) {
	f := &format{config: c}
	f.facility, _ = facility(c.Facility)
	f.severity, _ = severity(c.Severity)
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return nil, invalid("timeZone: %v", err)
	}
	f.zone = zone
	var params []byte
	for _, name := range slices.Sorted(maps.Keys(c.Params)) {
		params = appendParam(params, name, c.Params[name])
	}
	f.params = string(params)
	return f, nil
}

// encoder makes messages, for one goroutine.
type encoder struct {
	*format
	row     encode.Row
	message []byte // of the log that is being added
	text    []byte // its MSG
}

func (f *format) encoder() *encoder {
	e := &encoder{format: f}
	if f.config.Format != Raw && f.config.Format != SD {
		e.row = f.config.Open()
	}
	return e
}

// append writes the frames of a log behind those of b, and returns all. b is not changed but for the ends of its messages.
func (e *encoder) append(b *batch, entry *sink.Entry) ([]byte, error) {
	text, err := e.msg(entry)
	if err != nil {
		return nil, err
	}
	e.message = e.head(e.message[:0], entry)
	if e.config.Standard != RFC5424 {
		return e.long(b, append(e.message, text...), "the message")
	}
	e.message = append(e.message, ' ')
	if e.config.Long == Split {
		return e.split(b, entry, text)
	}
	e.message = e.structured(e.message, b, entry, "")
	return e.long(b, e.appendText(e.message, text), "the message")
}

// msg is the text of the message, without its header. It is valid until the next call.
func (e *encoder) msg(entry *sink.Entry) ([]byte, error) {
	switch e.config.Format {
	case SD:
		return nil, nil
	case Raw:
		for i := range entry.Fields {
			if f := &entry.Fields[i]; f.Key == e.config.MessageField && f.Kind != sink.Absent {
				e.text = appendUTF8(e.text[:0], f.Value)
				return e.text, nil
			}
		}
		return nil, &sink.Refused{Count: 1, Reason: fmt.Sprintf("the log has no field %q, which format raw sends", e.config.MessageField)}
	}
	text, err := e.row.Append(e.text[:0], entry)
	if err != nil {
		return nil, err
	}
	e.text = text
	return text, nil
}

// head writes all in front of the structured data, or of the text in RFC 3164.
func (e *encoder) head(dst []byte, entry *sink.Entry) []byte {
	c := e.config
	dst = append(dst, '<')
	dst = strconv.AppendInt(dst, int64(e.facility*8+e.severityOf(entry)), 10)
	at := time.Unix(int64(entry.Time), int64(entry.Nanos))
	host := c.Hostname
	if v := valueOf(entry, c.HostnameField); v != "" {
		host = v
	}
	if host == "" {
		host = entry.Source
	}
	host = word(host, 255)
	if c.Standard != RFC5424 {
		dst = at.In(e.zone).AppendFormat(append(dst, '>'), "Jan _2 15:04:05 ")
		dst = append(append(append(dst, host...), ' '), c.Tag...)
		return append(dst, ": "...)
	}
	dst = at.UTC().AppendFormat(append(dst, ">1 "...), timeFormat(entry.Nanos))
	dst = append(append(append(dst, host...), ' '), c.Tag...)
	dst = append(append(dst, " - "...), c.MsgID...)
	return dst
}

// timeFormat has as many digits as the time needs, at most six.
func timeFormat(nanos uint32) string {
	switch {
	case nanos == 0:
		return "2006-01-02T15:04:05Z "
	case nanos%1_000_000 == 0:
		return "2006-01-02T15:04:05.000Z "
	}
	return "2006-01-02T15:04:05.000000Z "
}

func (e *encoder) severityOf(entry *sink.Entry) int {
	if v := valueOf(entry, e.config.SeverityField); v != "" {
		if n, ok := severity(v); ok {
			return n
		}
	}
	return e.severity
}

// truncated is the parameter that says that others did not fit, and closes the element.
const truncated = ` truncated="true"]`

// structured writes the structured data: - or one element.
func (e *encoder) structured(dst []byte, b *batch, entry *sink.Entry, part string) []byte {
	c := e.config
	if e.params == "" && !c.LogID && part == "" && c.Format != SD {
		return append(dst, '-')
	}
	dst = append(append(append(dst, '['), c.SDID...), e.params...)
	if c.LogID {
		id := fmt.Sprintf("%s/%s/%v/%v", b.header.Project, b.header.Task, b.header.Shard, entry.At)
		dst = appendParam(dst, "id", id)
	}
	if part != "" {
		dst = appendParam(dst, "part", part)
	}
	if c.Format == SD {
		for i := range entry.Fields {
			f := &entry.Fields[i]
			if f.Kind == sink.Absent {
				continue
			}
			before := len(dst)
			dst = appendParam(dst, param(f.Key), f.Value)
			if c.Long == Truncate && len(dst) > c.MaxLength-len(truncated) {
				return append(dst[:before], truncated...)
			}
		}
	}
	return append(dst, ']')
}

// appendText writes the text behind the structured data.
func (e *encoder) appendText(dst, text []byte) []byte {
	if len(text) == 0 {
		return dst
	}
	dst = append(dst, ' ')
	if e.config.BOM {
		dst = append(dst, "\ufeff"...)
	}
	return append(dst, text...)
}

// appendParam writes ` name="value"`.
func appendParam(dst []byte, name, value string) []byte {
	dst = append(append(append(dst, ' '), name...), '=', '"')
	from := len(dst)
	dst = appendUTF8(dst, value)
	for i := from; i < len(dst); i++ {
		if c := dst[i]; c == '"' || c == '\\' || c == ']' {
			dst = slices.Insert(dst, i, '\\')
			i++
		}
	}
	return append(dst, '"')
}

// appendUTF8 writes s with U+FFFD for each run of bytes that are not UTF-8.
func appendUTF8(dst []byte, s string) []byte {
	if utf8.ValidString(s) {
		return append(dst, s...)
	}
	return append(dst, strings.ToValidUTF8(s, "\ufffd")...)
}

// word makes s what a field of the header may be: printable ASCII, at most most characters, - if there is none.
func word(s string, most int) string {
	if s == "" {
		return "-"
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			s = strings.Map(func(r rune) rune {
				if r <= ' ' || r > '~' {
					return '_'
				}
				return r
			}, s)
			break
		}
	}
	return s[:min(len(s), most)]
}

var paramReplacer = strings.NewReplacer("=", "_", "]", "_", `"`, "_")

// param makes s the name of a parameter.
func param(s string) string { return paramReplacer.Replace(word(s, 32)) }

// tableName says whether s is the name of a table of Devo.
func tableName(s string) bool {
	for level := range strings.SplitSeq(s, ".") {
		if !alphanumeric(strings.NewReplacer("_", "", "-", "").Replace(level)) {
			return false
		}
	}
	return true
}

func alphanumeric(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return s != ""
}

// valueOf is the value of a field, "" where the log has none or name is "".
func valueOf(entry *sink.Entry, name string) string {
	if name == "" {
		return ""
	}
	for i := range entry.Fields {
		if f := &entry.Fields[i]; f.Key == name && f.Kind != sink.Absent {
			return f.Value
		}
	}
	return ""
}
