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
	pages := make([][][]format.PageLocation, len(w.summary))
	for i := range groups {
		var err error
		if groups[i], pages[i], err = w.rowGroup(i); err != nil {
			return err
		}
		meta.NumRows += groups[i].NumRows
	}
	for i := range groups { // readers expect all page indexes in one piece
		for c := range groups[i].Columns {
			encoded, err := thrift.Marshal(new(thrift.CompactProtocol), &format.OffsetIndex{PageLocations: pages[i][c]})
			if err != nil {
				return err
			}
			at, err := w.parquet.append(encoded)
			if err != nil {
				return err
			}
			groups[i].Columns[c].OffsetIndexOffset, groups[i].Columns[c].OffsetIndexLength = at.offset, int32(at.length)
		}
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

func (w *groupWriter) rowGroup(i int) (format.RowGroup, [][]format.PageLocation, error) {
	sum, dir := &w.dir.groups[i], &w.summary[i]
	g := format.RowGroup{NumRows: int64(sum.rows), FileOffset: sum.parquet.offset, Ordinal: int16(min(i, math.MaxInt16))}
	chunkOf := make(map[int]int, len(sum.columns))
	for chunk, column := range sum.columns {
		chunkOf[column] = chunk
	}
	columns := make([]format.ColumnChunk, len(w.dir.columns))
	pages := make([][]format.PageLocation, len(columns))
	for column := range columns {
		c, base := (*chunk)(nil), sum.parquet.offset
		if n, ok := chunkOf[column]; ok {
			c = &dir.chunks[n]
		} else {
			var err error
			if c, err = w.nullChunk(sum.rows); err != nil {
				return g, nil, err
			}
			base = 0
		}
		columns[column].MetaData = columnMetaData(c, w.dir.columns[column], base, sum.rows)
		pages[column] = pageLocations(c, base)
		g.TotalByteSize += columns[column].MetaData.TotalUncompressedSize
		g.TotalCompressedSize += columns[column].MetaData.TotalCompressedSize
	}
	g.Columns = columns
	return g, pages, nil
}

// nullChunk writes a column that a copied group does not have.
func (w *groupWriter) nullChunk(rows int) (*chunk, error) {
	c := &chunk{}
	w.pages.out = w.parquet
	w.pages.begin(c, "", rows, 0, []uint32{}, false)
	return c, w.pages.plain(nil)
}

func columnMetaData(c *chunk, column segmentColumn, base int64, rows int) format.ColumnMetaData {
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
	for _, p := range c.pages {
		m.TotalCompressedSize += p.length
		m.TotalUncompressedSize += int64(p.header + p.raw)
	}
	return m
}

func pageLocations(c *chunk, base int64) []format.PageLocation {
	out := make([]format.PageLocation, len(c.pages))
	for i, p := range c.pages {
		out[i] = format.PageLocation{Offset: base + p.offset, CompressedPageSize: int32(p.length), FirstRowIndex: int64(p.first)}
	}
	return out
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
