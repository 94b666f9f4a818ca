package sheet

import (
	"errors"
	"io"
	"reflect"
	"strconv"

	"github.com/parquet-go/parquet-go"
)

// parquetWriter writes optional columns of BYTE_ARRAY (UTF8), INT64, DOUBLE and BOOLEAN, compressed with zstd.
type parquetWriter struct {
	columns []Column
	w       *parquet.Writer
	row     parquet.Row
}

// rowGroup is how many rows a row group holds at most: what is in memory at once.
const rowGroup = 10_000

func newParquet(w io.Writer, columns []Column) (Writer, error) {
	if len(columns) == 0 {
		return nil, errors.New("a Parquet file has at least one column, and nothing was found")
	}
	options := []parquet.WriterOption{schemaOf(columns), parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(rowGroup)}
	return &parquetWriter{columns: columns, w: parquet.NewWriter(w, options...)}, nil
}

func (p *parquetWriter) Write(row []Cell) error {
	p.row = p.row[:0]
	for i, cell := range row {
		value, level := parquet.Value{}, 0
		if !cell.Null {
			value, level = valueOf(p.columns[i].Kind, cell.Text), 1
		}
		p.row = append(p.row, value.Level(0, level, i))
	}
	_, err := p.w.WriteRows([]parquet.Row{p.row})
	return err
}

// valueOf parses a cell that its kind accepts.
func valueOf(k Kind, text string) parquet.Value {
	switch k {
	case Long:
		n, _ := strconv.ParseInt(text, 10, 64)
		return parquet.Int64Value(n)
	case Double:
		n, _ := strconv.ParseFloat(text, 64)
		return parquet.DoubleValue(n)
	case Bool:
		b, _ := strconv.ParseBool(text)
		return parquet.BooleanValue(b)
	}
	return parquet.ByteArrayValue([]byte(text))
}

func (p *parquetWriter) Close() error { return p.w.Close() }

// ordered is the schema of columns as they come. A parquet.Group alone would sort them, and make a Go type of their names,
// which are whatever people call the fields of their logs.
type ordered struct {
	parquet.Group
	fields []parquet.Field
}

func schemaOf(columns []Column) *parquet.Schema {
	root := ordered{fields: make([]parquet.Field, len(columns))}
	for i, c := range columns {
		root.fields[i] = field{nodes[c.Kind], c.Name}
	}
	return parquet.NewSchema("logs", root)
}

func (o ordered) Fields() []parquet.Field { return o.fields }
func (o ordered) GoType() reflect.Type    { return reflect.TypeFor[struct{}]() }

type field struct {
	parquet.Node
	name string
}

func (f field) Name() string { return f.name }
func (f field) Value(reflect.Value) reflect.Value {
	panic("rows are written as values, not as structs")
}

var nodes = map[Kind]parquet.Node{
	Text:   parquet.Optional(parquet.String()),
	Long:   parquet.Optional(parquet.Int(64)),
	Double: parquet.Optional(parquet.Leaf(parquet.DoubleType)),
	Bool:   parquet.Optional(parquet.Leaf(parquet.BooleanType)),
}
