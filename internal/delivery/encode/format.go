package encode

import (
	"strings"
)

// Format is how a body of logs is made, as part of a sink's configuration.
type Format struct {
	Rows
	// Compression of the body as a whole; in Parquet, of its columns [none].
	Compression Compression `json:"compression,omitempty"`
	// BodyPrefix and BodySuffix stand before and behind all logs, Separator between two [that of the format, for most a line end],
	// LastSeparator says whether one follows the last log too [as the format has it, for most yes]. In all of them \n, \r, \t and \\ are understood.
	// Formats of bytes, parquet and loggroup, have none of them.
	BodyPrefix    string  `json:"bodyPrefix,omitempty"`
	BodySuffix    string  `json:"bodySuffix,omitempty"`
	Separator     *string `json:"separator,omitempty"`
	LastSeparator *bool   `json:"lastSeparator,omitempty"`

	Parquet ParquetOptions `json:"parquet,omitzero"` // of parquet
}

// Validate checks f; its errors name the field.
func (f *Format) Validate() error {
	if err := f.Compression.validate(); err != nil {
		return err
	}
	const most = 64 << 10
	for _, text := range [][2]string{{"bodyPrefix", f.BodyPrefix}, {"bodySuffix", f.BodySuffix}, {"separator", f.separator()}} {
		if n := len(text[1]); n > most {
			return invalid(text[0], "%d bytes are over the limit of %d", n, most)
		}
	}
	switch f.Format {
	case JSONArray:
		return nil
	case Parquet, LogGroup:
		if f.BodyPrefix != "" || f.BodySuffix != "" || f.Separator != nil || f.LastSeparator != nil {
			return invalid("format", "%s has neither bodyPrefix and bodySuffix nor separators", f.Format)
		}
		if f.Format == Parquet {
			return f.Parquet.validate(f.Compression)
		}
		return nil
	}
	if err := f.Rows.Validate(); err != nil {
		return invalidFormat(err, f.Format)
	}
	return nil
}

// invalidFormat lists all the formats that a body may have in the error of one that is unknown.
func invalidFormat(err error, name Name) error {
	switch name {
	case "", JSON, CSV, KV, CEF:
		return err
	}
	return invalid("format", "%.40q is none of json, json-array, csv, kv, cef, parquet and loggroup", string(name))
}

func (f *Format) separator() string {
	switch {
	case f.Separator != nil:
		return *f.Separator
	case f.Format == JSONArray:
		return ","
	case f.Format == CSV:
		return f.CSV.lineFeed()
	}
	return "\n"
}

func (f *Format) lastSeparator() bool {
	if f.LastSeparator != nil {
		return *f.LastSeparator
	}
	return f.Format != JSONArray
}

// FixedColumns says whether all logs of a body must have the same fields, since the format has columns and none are declared: the task has to
// name its fields.
func (f *Format) FixedColumns() bool {
	return f.Format == CSV && len(f.CSV.Columns) == 0 || f.Format == Parquet && len(f.Parquet.Columns) == 0
}

// ContentType is the media type of the body before compression.
func (f *Format) ContentType() string {
	framed := f.BodyPrefix != "" || f.BodySuffix != ""
	switch f.Format {
	case JSONArray:
		if !framed {
			return "application/json"
		}
	case CSV:
		return "text/csv; charset=utf-8"
	case Parquet:
		return "application/vnd.apache.parquet"
	case LogGroup:
		return "application/x-protobuf"
	case "", JSON:
		switch sep := Unescape(f.separator()); {
		case !framed && sep == "\n":
			return "application/x-ndjson"
		case Unescape(f.BodyPrefix) == "[" && Unescape(f.BodySuffix) == "]" && strings.TrimSpace(sep) == "," && !f.lastSeparator():
			return "application/json"
		}
	}
	return "text/plain; charset=utf-8"
}

// ContentEncoding is the body's coding as HTTP names it, "" for none.
func (f *Format) ContentEncoding() string {
	if f.Format == Parquet {
		return ""
	}
	return codecs[f.Compression].encoding
}

// Extension is how the names of files of this format end: .json.gz.
func (f *Format) Extension() string {
	ext := codecs[f.Compression].extension
	switch f.Format {
	case "", JSON:
		return ".json" + ext
	case JSONArray:
		return ".json" + ext
	case CSV:
		return ".csv" + ext
	case Parquet:
		return ".parquet"
	case LogGroup:
		return ".pb" + ext
	}
	return ".log" + ext
}
