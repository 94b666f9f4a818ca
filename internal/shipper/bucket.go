package shipper

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/delivery"
)

// Defaults and bounds of buffers (reference delivery g.2, g.5).
const (
	defaultInterval = 300
	minInterval     = 300
	maxInterval     = 900
	defaultSizeMB   = 128
	minSizeMB       = 5
	maxSizeMB       = 256
	defaultPath     = "%Y/%m/%d/%H/%M"
	defaultZone     = "+0800"
)

// bucket is what both kinds of documents say of a bucket and the objects in it.
type bucket struct {
	name, prefix, suffix, path, zone, endpoint string

	interval, sizeMB int64
	enabled          bool
	format           string // json, csv or parquet
	compression      string // none, snappy, gzip or zstd
	detail           detail
	textTime         bool // __time__ is text in JSON
}

// detail is what is said of a format. Clients spell some members in several ways.
type detail struct {
	EnableTag bool            `json:"enableTag"`
	Columns   json.RawMessage `json:"columns"` // names, or {name, type}
	Quote     *string         `json:"quote"`   // "" is no quote, unlike a member that is not there
	Header    looseBool       `json:"header"`

	Delimiter  string `json:"delimiter"`
	Delimiter2 string `json:"delemiter"`
	LineFeed   string `json:"lineFeed"`
	LineFeed2  string `json:"linefeed"`
	Null       string `json:"nullIdentifier"`
	Null2      string `json:"nullIdentfifier"`
	Null3      string `json:"nullidentifier"`
	Null4      string `json:"null"`
}

// looseInt and looseBool read what some clients send as text.
type (
	looseInt  int64
	looseBool bool
)

func (n *looseInt) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	if text == "" || text == "null" {
		return nil
	}
	v, err := strconv.ParseInt(text, 10, 64)
	*n = looseInt(v)
	return err
}

func (v *looseBool) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	if text == "" || text == "null" {
		return nil
	}
	x, err := strconv.ParseBool(text)
	*v = looseBool(x)
	return err
}

// shipperBucket reads the targetConfiguration of a shipper.
func (d document) shipperBucket() (*bucket, error) {
	b := &bucket{
		name: d.text("ossBucket"), prefix: d.text("ossPrefix"), path: d.text("pathFormat"), zone: d.text("timeZone"),
		compression: d.text("compressType"), enabled: true,
	}
	var storage struct {
		Format string
		Detail json.RawMessage
	}
	var interval, size looseInt
	var enabled *looseBool
	for name, v := range map[string]any{"bufferInterval": &interval, "bufferSize": &size, "enable": &enabled, "storage": &storage} {
		if err := d.into(name, v); err != nil {
			return nil, err
		}
	}
	b.interval, b.sizeMB = int64(interval), int64(size)
	if enabled != nil {
		b.enabled = bool(*enabled)
	}
	if b.format = storage.Format; b.format == "" {
		b.format = d.text("format")
	}
	return b, b.complete(storage.Detail)
}

// exportBucket reads the sink of an export job.
func (d document) exportBucket() (*bucket, error) {
	b := &bucket{
		name: d.text("bucket"), prefix: d.text("prefix"), suffix: d.text("suffix"), path: d.text("pathFormat"), zone: d.text("timeZone"),
		endpoint: d.text("endpoint"), format: d.text("contentType"), compression: d.text("compressionType"), enabled: true, textTime: true,
	}
	var interval, size looseInt
	for name, v := range map[string]any{"bufferInterval": &interval, "bufferSize": &size} {
		if err := d.into(name, v); err != nil {
			return nil, err
		}
	}
	b.interval, b.sizeMB = int64(interval), int64(size)
	return b, b.complete(unquoted(d["contentDetail"]))
}

// unquoted is the object in a text that holds one: old callers send contentDetail so. An empty text is null.
func unquoted(raw json.RawMessage) json.RawMessage {
	var text *string
	switch {
	case json.Unmarshal(raw, &text) != nil || text == nil:
		return raw
	case strings.TrimSpace(*text) == "":
		return json.RawMessage("null")
	case json.Valid([]byte(*text)):
		return json.RawMessage(*text)
	}
	return raw // which is no object either
}

// complete fills in defaults and checks.
func (b *bucket) complete(raw json.RawMessage) error {
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &b.detail); err != nil {
			return invalid("detail of the format: %v", err)
		}
	}
	setDefault(&b.interval, defaultInterval)
	setDefault(&b.sizeMB, defaultSizeMB)
	setDefault(&b.path, defaultPath)
	setDefault(&b.zone, defaultZone)
	setDefault(&b.format, "json")
	setDefault(&b.compression, "none")
	switch {
	case b.name == "":
		return invalid("the bucket must not be empty")
	case b.interval < minInterval || b.interval > maxInterval:
		return invalid("bufferInterval %d is not between %d and %d seconds", b.interval, minInterval, maxInterval)
	case b.sizeMB < minSizeMB || b.sizeMB > maxSizeMB:
		return invalid("bufferSize %d is not between %d and %d MB", b.sizeMB, minSizeMB, maxSizeMB)
	}
	switch b.format {
	case "json", "csv", "parquet":
	default:
		return invalid("format %.40q is none of json, csv, parquet", b.format)
	}
	switch b.compression {
	case "none", "snappy", "gzip", "zstd":
	default:
		return invalid("compression %.40q is none of none, snappy, gzip, zstd", b.compression)
	}
	return nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// fillSpec sets what the document of a project's task says of fields, limits and destination.
func (b *bucket) fillSpec(project string, s *delivery.Spec, role delivery.OSSRole) error {
	section := map[string]any{
		"type": "oss", "bucket": b.name, "prefix": b.prefix, "layout": "shipper", "pathFormat": b.path, "timeZone": b.zone,
		"suffix": b.suffix, "format": b.format, "compression": b.compression,
	}
	if err := b.fillFormat(s, section); err != nil {
		return err
	}
	if err := role.Fill(project, section); err != nil {
		return err
	}
	if err := b.setEndpoint(section, role); err != nil {
		return err
	}
	s.Limits = delivery.Limits{Bytes: b.sizeMB << 20, Age: delivery.Duration(time.Duration(b.interval) * time.Second)}
	var err error
	s.Sink, err = json.Marshal(section)
	return err
}

// publicEndpoint is what may stand for an endpoint of OSS.
var publicEndpoint = regexp.MustCompile(`^(https?://)?oss-[a-z0-9-]+\.aliyuncs\.com/?$`)

// setEndpoint sets the endpoint that a document names, unless the operator set one. The operator's key signs requests to OSS alone, and not to
// a server that a user has.
func (b *bucket) setEndpoint(section map[string]any, role delivery.OSSRole) error {
	if b.endpoint == "" || role.Endpoint != "" {
		return nil
	}
	if !publicEndpoint.MatchString(b.endpoint) {
		return invalid("endpoint %.100q is not one of OSS, like https://oss-cn-hangzhou-internal.aliyuncs.com; another one is for the server's operator to set", b.endpoint)
	}
	section["endpoint"] = b.endpoint
	return nil
}

// fillFormat sets the fields of a format: those that it names, and for JSON all.
func (b *bucket) fillFormat(s *delivery.Spec, section map[string]any) error {
	switch b.format {
	case "json":
		s.Fields = []string{"*", "__time__", "__topic__", "__source__"}
		if b.detail.EnableTag {
			s.Fields = append(s.Fields, "__tag__:*")
		}
		if b.textTime {
			s.Types = map[string]string{"__time__": "text"}
		}
	case "csv":
		var columns []string
		if err := json.Unmarshal(b.detail.Columns, &columns); err != nil || len(columns) == 0 {
			return invalid("columns of csv must be names, one at least")
		}
		s.Fields = columns
		section["csv"] = map[string]any{
			"columns": columns, "delimiter": first(b.detail.Delimiter, b.detail.Delimiter2), "quote": b.detail.quote(),
			"lineFeed":       first(b.detail.LineFeed, b.detail.LineFeed2),
			"nullIdentifier": first(b.detail.Null, b.detail.Null2, b.detail.Null3, b.detail.Null4), "header": bool(b.detail.Header),
		}
	case "parquet":
		var columns []struct {
			Name string `json:"name"`
			Type string `json:"type"`
		}
		if err := json.Unmarshal(b.detail.Columns, &columns); err != nil || len(columns) == 0 {
			return invalid("columns of parquet must be objects with name and type, one at least")
		}
		for _, c := range columns {
			s.Fields = append(s.Fields, c.Name)
		}
		section["parquet"] = map[string]any{"columns": columns}
	}
	return nil
}

// quote is the quote of csv in the words of a task.
func (d *detail) quote() string {
	switch {
	case d.Quote == nil:
		return ""
	case *d.Quote == "":
		return "none"
	}
	return *d.Quote
}

// first is the first text that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// twins adds to the detail of csv the members that some clients look for under another spelling.
func twins(target document) error {
	var storage map[string]json.RawMessage
	if err := target.into("storage", &storage); err != nil || storage == nil {
		return err
	}
	var format string
	_ = json.Unmarshal(storage["format"], &format)
	if format != "csv" {
		return nil
	}
	var members document
	if err := document(storage).into("detail", &members); err != nil || members == nil {
		return err
	}
	for _, spellings := range [][]string{{"delimiter", "delemiter"}, {"nullIdentifier", "nullIdentfifier", "nullidentifier"}, {"lineFeed", "linefeed"}} {
		value := ""
		for _, name := range spellings {
			value = first(value, members.text(name))
		}
		for _, name := range spellings {
			members.set(name, value)
		}
	}
	raw, err := json.Marshal(members)
	if err != nil {
		return err
	}
	storage["detail"] = raw
	target.set("storage", storage)
	return nil
}
