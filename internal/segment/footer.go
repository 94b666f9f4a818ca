package segment

import (
	"encoding/binary"
	"math"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

const parquetMagic = "PAR1"

// footer writes what makes the pages a Parquet file: page indexes and the metadata. All of it follows from the directories.
func (w *groupWriter) footer() error {
	w.parquet.base = 0
	meta := format.FileMetaData{Version: 2, CreatedBy: "sluice segment version 1 (build 1)"}
	groups := make([]format.RowGroup, len(w.summary))
	for i := range groups {
		g, err := w.rowGroup(i)
		if err != nil {
			return err
		}
		groups[i] = g
		meta.NumRows += g.NumRows
	}
	meta.RowGroups = groups
	meta.Schema = w.schema()
	body, err := thrift.Marshal(new(thrift.CompactProtocol), &meta)
	if err != nil {
		return err
	}
	_, err = w.parquet.append(body, binary.LittleEndian.AppendUint32(nil, uint32(len(body))), []byte(parquetMagic))
	return err
}

func (w *groupWriter) schema() []format.SchemaElement {
	elements := []format.SchemaElement{{Name: "log", NumChildren: thrift.New(int32(len(w.dir.columns)))}}
	for _, c := range w.dir.columns {
		e := format.SchemaElement{
			Name: c.name, Type: thrift.New(parquetType(c.kind)), RepetitionType: thrift.New(format.Optional),
		}
		if c.required() {
			e.RepetitionType = thrift.New(format.Required)
		}
		if c.kind == Text {
			e.ConvertedType = thrift.New(deprecated.UTF8)
			e.LogicalType = format.LogicalType{Value: &format.StringType{}}
		}
		elements = append(elements, e)
	}
	return elements
}

func parquetType(k Kind) format.Type {
	switch k {
	case Long:
		return format.Int64
	case Double:
		return format.Double
	}
	return format.ByteArray
}

func (w *groupWriter) rowGroup(i int) (format.RowGroup, error) {
	sum, dir := &w.dir.groups[i], &w.summary[i]
	g := format.RowGroup{NumRows: int64(sum.rows), FileOffset: sum.parquet.offset, Ordinal: int16(min(i, math.MaxInt16))}
	chunkOf := make(map[int]int, len(sum.columns))
	for chunk, column := range sum.columns {
		chunkOf[column] = chunk
	}
	columns := make([]format.ColumnChunk, len(w.dir.columns))
	for column := range columns {
		var err error
		if chunk, ok := chunkOf[column]; ok {
			columns[column], err = w.columnChunk(&dir.chunks[chunk], w.dir.columns[column], sum.parquet.offset, sum.rows)
		} else {
			columns[column], err = w.nullChunk(w.dir.columns[column], sum.rows)
		}
		if err != nil {
			return g, err
		}
		g.TotalByteSize += columns[column].MetaData.TotalUncompressedSize
		g.TotalCompressedSize += columns[column].MetaData.TotalCompressedSize
	}
	g.Columns = columns
	return g, nil
}

// nullChunk writes a column that a copied group does not have.
func (w *groupWriter) nullChunk(column segmentColumn, rows int) (format.ColumnChunk, error) {
	c := chunk{}
	w.pages.out = w.parquet
	w.pages.begin(&c, rows, 0, []uint32{}, false)
	if err := w.pages.plain(nil); err != nil {
		return format.ColumnChunk{}, err
	}
	return w.columnChunk(&c, column, 0, rows)
}

func (w *groupWriter) columnChunk(c *chunk, column segmentColumn, base int64, rows int) (format.ColumnChunk, error) {
	m := format.ColumnMetaData{
		Type:           parquetType(column.kind),
		Encoding:       []format.Encoding{format.RLE, parquetEncodings[c.encoding]},
		PathInSchema:   []string{column.name},
		Codec:          format.Zstd,
		NumValues:      int64(rows),
		DataPageOffset: base + c.pages[0].offset,
		Statistics:     format.Statistics{NullCount: int64(rows - c.values)},
	}
	if c.encoding == encodingDictionary {
		m.Encoding = append(m.Encoding, format.Plain)
		m.DictionaryPageOffset = base + c.dict.offset
		m.TotalCompressedSize, m.TotalUncompressedSize = c.dict.length, int64(c.dict.header+c.dict.raw)
	}
	if lo, hi, ok := statistics(c, column); ok {
		m.Statistics.MinValue, m.Statistics.MaxValue = lo, hi
	}
	index := format.OffsetIndex{}
	locations := make([]format.PageLocation, len(c.pages))
	for i, p := range c.pages {
		locations[i] = format.PageLocation{
			Offset: base + p.offset, CompressedPageSize: int32(p.length), FirstRowIndex: int64(p.first),
		}
		m.TotalCompressedSize += p.length
		m.TotalUncompressedSize += int64(p.header + p.raw)
	}
	index.PageLocations = locations
	encoded, err := thrift.Marshal(new(thrift.CompactProtocol), &index)
	if err != nil {
		return format.ColumnChunk{}, err
	}
	at, err := w.parquet.append(encoded)
	return format.ColumnChunk{MetaData: m, OffsetIndexOffset: at.offset, OffsetIndexLength: int32(at.length)}, err
}

// statistics are the bounds of a number column in the form of Parquet. A zero double stands for both of its signs.
func statistics(c *chunk, column segmentColumn) (lo, hi []byte, ok bool) {
	if c.values == 0 || column.kind != Long && column.kind != Double {
		return nil, nil, false
	}
	minimum, maximum := c.min, c.max
	if column.kind == Double {
		if math.Float64frombits(minimum) == 0 {
			minimum = math.Float64bits(math.Copysign(0, -1))
		}
		if math.Float64frombits(maximum) == 0 {
			maximum = 0
		}
	}
	return binary.LittleEndian.AppendUint64(nil, minimum), binary.LittleEndian.AppendUint64(nil, maximum), true
}
