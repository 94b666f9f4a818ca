// Package encode turns the logs of a batch into bytes.
//
//	Entry ──Row──> bytes of one log: json, csv, kv, cef            (Kafka, syslog, Splunk take these)
//	Entry ──Body.Add──> rows + framing ──┐
//	                    parquet ─────────┼──> compression ──> spool: memory, then a file ──Finish──> Payload
//	                    log groups ──────┘                                                (HTTP, objects, files take it)
//
// Invariants:
//   - The same entries in the same order give the same bytes: nothing depends on the clock, the map order or the try.
//   - Add either takes a log whole or leaves the body as it was.
//   - A body holds a little over SpoolMemory of what it has made; the rest is in a temporary file. A Payload is read as often as needed.
//   - What is not UTF-8 becomes U+FFFD, one for each run of such bytes, in every format of text. LogGroups and Parquet keep the bytes.
//
// Fields of a key that an entry has twice are both written; the pipeline makes no such entries.
package encode

import (
	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// Row writes logs one at a time, for one goroutine.
type Row interface {
	// Append writes e behind dst. Its error is a [sink.Refused]: this log can never be written in this format. dst is as it was, then.
	Append(dst []byte, e *sink.Entry) ([]byte, error)
}

// Name is a format.
type Name string

// The formats.
const (
	JSON      Name = "json"       // one object per log, lines
	JSONArray Name = "json-array" // an array of objects
	CSV       Name = "csv"
	KV        Name = "kv"  // key=value pairs
	CEF       Name = "cef" // ArcSight's Common Event Format
	Parquet   Name = "parquet"
	LogGroup  Name = "loggroup" // a LogGroupList of SLS, protobuf
)

// Rows is how single logs are written, as part of a sink's configuration.
type Rows struct {
	// Format is json, csv, kv or cef [json]; sinks that deliver bodies know json-array, parquet and loggroup too.
	Format Name       `json:"format,omitempty"`
	CSV    CSVOptions `json:"csv,omitzero"` // of csv
	KV     KVOptions  `json:"kv,omitzero"`  // of kv
	CEF    CEFOptions `json:"cef,omitzero"` // of cef
}

// Validate checks r; its errors name the field.
func (r *Rows) Validate() error {
	switch r.Format {
	case "", JSON:
		return nil
	case CSV:
		return r.CSV.validate()
	case KV:
		return r.KV.validate()
	case CEF:
		return r.CEF.validate()
	}
	return invalid("format", "%.40q is none of json, csv, kv and cef", string(r.Format))
}

// Open makes a Row of a valid r.
func (r *Rows) Open() Row {
	switch r.Format {
	case CSV:
		return newCSVRow(r.CSV)
	case KV:
		return newKVRow(r.KV)
	case CEF:
		return newCEFRow(r.CEF)
	}
	return new(jsonRow)
}

// invalid makes the error for a field of a sink's configuration.
func invalid(path, format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, "sink", path+": "+format, args...)
}
