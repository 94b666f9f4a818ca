package encode

import (
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// ParquetOptions shape Parquet files.
type ParquetOptions struct {
	// Columns are the fields to write, in order. Without them they are strings, those of the first log of the batch, and a log that has others
	// is refused: name the fields in the task, then all logs have the same.
	Columns []ParquetColumn `json:"columns,omitempty"`
}

// ParquetColumn is a column. All columns may be null: where the log does not have the field, or has a value that is not of the type.
type ParquetColumn struct {
	Name string `json:"name"`
	// Type is string, boolean, int32, int64, float or double. A string is a BYTE_ARRAY without a logical type: any bytes.
	Type string `json:"type"`
}

// parquetTypes are the physical types by their names in options.
var parquetTypes = map[string]parquet.Type{
	"string": parquet.ByteArrayType, "boolean": parquet.BooleanType, "int32": parquet.Int32Type, "int64": parquet.Int64Type,
	"float": parquet.FloatType, "double": parquet.DoubleType,
}

var parquetCodecs = map[Compression]compress.Codec{
	"": &parquet.Uncompressed, None: &parquet.Uncompressed, Gzip: &parquet.Gzip, Snappy: &parquet.Snappy, LZ4: &parquet.Lz4Raw, Zstd: &zstd.Codec{Level: zstd.SpeedFastest},
}

func (o *ParquetOptions) validate(c Compression) error {
	if _, ok := parquetCodecs[c]; !ok {
		return invalid("compression", "columns of Parquet cannot be compressed with %s: use none, gzip, snappy, lz4 or zstd", c)
	}
	for i, column := range o.Columns {
		if _, ok := parquetTypes[column.Type]; !ok {
			return invalid("parquet.columns", "%.40q, the type of column %d, is none of string, boolean, int32, int64, float and double", column.Type, i+1)
		}
	}
	return validateColumns("parquet.columns", o.names())
}

func (o *ParquetOptions) names() []string {
	var names []string
	for _, column := range o.Columns {
		names = append(names, column.Name)
	}
	return names
}

// What bounds the memory of a Parquet file in the making.
const (
	vectorRows  = 512     // logs gathered before they go to the columns
	vectorBytes = 1 << 20 // and their bytes
	groupRaw    = 8 << 20 // bytes of a row group
)

// parquetWriter gathers logs as vectors, one for each column, and hands them to the library column by column.
type parquetWriter struct {
	out     *output
	codec   compress.Codec
	types   map[string]string // of declared columns
	columns columns

	file    *parquet.GenericWriter[any] // opened by the first log
	vectors []vector
	rows    int    // in the vectors
	arena   []byte // of the values in the vectors; never grown while they refer to it
	done    int64  // raw bytes of logs
	group   int64  // of them, those of the row group in the making
}

type vector struct {
	typ    string
	values []parquet.Value
}

func newParquetWriter(out *output, f *Format) *parquetWriter {
	w := &parquetWriter{out: out, codec: parquetCodecs[f.Compression], columns: newColumns(f.Parquet.names()), types: map[string]string{}}
	for _, column := range f.Parquet.Columns {
		w.types[column.Name] = column.Type
	}
	return w
}

func (w *parquetWriter) add(e *sink.Entry) error {
	fields, err := w.columns.of(e)
	if err != nil {
		return err
	}
	w.columns.kept = true
	if w.file == nil {
		w.open()
	}
	size := 0
	for _, f := range fields {
		if f != nil {
			size += len(f.Value)
		}
	}
	if w.rows == vectorRows || len(w.arena)+size > cap(w.arena) {
		if err := w.flushVectors(); err != nil {
			return err
		}
		if size > cap(w.arena) {
			w.arena = make([]byte, 0, max(size, vectorBytes))
		}
	}
	for i, f := range fields {
		w.vectors[i].values = append(w.vectors[i].values, w.value(i, f))
	}
	w.rows++
	size += len(fields) // so that logs without values count, too
	w.done += int64(size)
	if w.group += int64(size); w.group < groupRaw {
		return nil
	}
	return w.flushGroup()
}

// value is the value of column i.
func (w *parquetWriter) value(i int, f *sink.Field) parquet.Value {
	if f != nil && f.Kind != sink.Absent {
		if v, ok := w.parse(w.vectors[i].typ, f.Value); ok {
			return v.Level(0, 1, i)
		}
	}
	return parquet.NullValue().Level(0, 0, i)
}

func (w *parquetWriter) parse(typ, s string) (v parquet.Value, ok bool) {
	switch typ {
	case "boolean":
		yes := strings.EqualFold(s, "true")
		return parquet.BooleanValue(yes), yes || strings.EqualFold(s, "false")
	case "int32":
		n, err := strconv.ParseInt(s, 10, 32)
		return parquet.Int32Value(int32(n)), err == nil
	case "int64":
		n, err := strconv.ParseInt(s, 10, 64)
		return parquet.Int64Value(n), err == nil
	case "float":
		x, err := strconv.ParseFloat(s, 32)
		return parquet.FloatValue(float32(x)), err == nil && decimal(s)
	case "double":
		x, err := strconv.ParseFloat(s, 64)
		return parquet.DoubleValue(x), err == nil && decimal(s)
	}
	at := len(w.arena)
	w.arena = append(w.arena, s...)
	return parquet.ByteArrayValue(w.arena[at:len(w.arena):len(w.arena)]), true
}

// decimal says whether s, a number to strconv, is written in digits: neither hexadecimal nor a word.
func decimal(s string) bool { return strings.Trim(s, "0123456789+-.eE") == "" }

// open begins the file, once the columns are known.
func (w *parquetWriter) open() {
	group := parquet.Group{}
	w.vectors = make([]vector, len(w.columns.names))
	for i, name := range w.columns.names {
		typ := w.types[name]
		if typ == "" {
			typ = "string"
		}
		w.vectors[i].typ = typ
		leaf := parquet.Leaf(parquetTypes[typ])
		if typ == "string" {
			leaf = parquet.Encoded(leaf, &parquet.RLEDictionary)
		}
		group[name] = parquet.Compressed(parquet.Optional(leaf), w.codec)
	}
	w.file = parquet.NewGenericWriter[any](w.out, parquet.NewSchema("log", inOrder{group, w.columns.names}),
		parquet.CreatedBy("sluice", "1", ""), parquet.DictionaryMaxBytes(64<<10), parquet.PageBufferSize(256<<10))
	w.arena = make([]byte, 0, vectorBytes)
}

// inOrder is a group whose fields are in the order of names; that of the library sorts them.
type inOrder struct {
	parquet.Group
	names []string
}

func (g inOrder) Fields() []parquet.Field {
	fields := g.Group.Fields()
	place := func(f parquet.Field) int { return slices.Index(g.names, f.Name()) }
	slices.SortFunc(fields, func(a, b parquet.Field) int { return place(a) - place(b) })
	return fields
}

func (w *parquetWriter) flushVectors() error {
	if w.rows == 0 {
		return nil
	}
	for i, c := range w.file.ColumnWriters() {
		if _, err := c.WriteRowValues(w.vectors[i].values); err != nil {
			return err
		}
		w.vectors[i].values = w.vectors[i].values[:0]
	}
	w.rows = 0
	w.arena = w.arena[:0]
	return nil
}

func (w *parquetWriter) flushGroup() error {
	if err := w.flushVectors(); err != nil {
		return err
	}
	w.group = 0
	return w.file.Flush()
}

func (w *parquetWriter) finish() error {
	if w.file == nil {
		return nil
	}
	if err := w.flushVectors(); err != nil {
		return err
	}
	err := w.file.Close()
	w.file, w.vectors, w.arena = nil, nil, nil
	return err
}

func (w *parquetWriter) raw() int64 { return w.done }

func (w *parquetWriter) memory() int64 {
	n := int64(cap(w.arena)) + w.group
	for i := range w.vectors {
		n += int64(cap(w.vectors[i].values)) * int64(unsafe.Sizeof(parquet.Value{}))
	}
	return n
}
