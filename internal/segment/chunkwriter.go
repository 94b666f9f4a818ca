package segment

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

const (
	pageRows      = 16384     // at most
	textPageBytes = 128 << 10 // before compression; a longer text has a page of its own
	wordPageBytes = 512 << 10 // where words come again: the more of them, the better
)

// chunkWriter writes the pages of one column of one group: version 1 data pages, definition levels inside. It is used again for the
// next column.
type chunkWriter struct {
	out  *objectWriter
	zstd *compressor

	required bool
	rows     int
	ranks    []uint32 // rows that have a value, ascending; nil if all have
	chunk    *chunk

	body, packed, levels []byte
	head                 int     // bytes of body that are no text
	sizes                []int32 // of the texts behind it; nil: not known
	lengths              []int32
	longs                []int64
	deltaCoder           delta.BinaryPackedEncoding
	idCoder              rle.DictionaryEncoding
	levelCoder           rle.Encoding
}

func (w *chunkWriter) begin(c *chunk, column string, rows, values int, ranks []uint32, required bool) {
	w.chunk, w.rows, w.ranks, w.required = c, rows, ranks, required
	c.values = values
	w.levelCoder.BitWidth = 1
	w.zstd.beginChunk(column)
}

// rowOf returns the row of a value; all rows end where there is none.
func (w *chunkWriter) rowOf(value int) int {
	switch {
	case value >= w.chunk.values:
		return w.rows
	case w.ranks == nil:
		return value
	}
	return int(w.ranks[value])
}

// cut calls page for each page: rows and values from the first up to the second. size is what a value takes, nil if that does not
// matter.
func (w *chunkWriter) cut(size func(value int) int, page func(fromValue, toValue int) error) error {
	row, value := 0, 0
	for row < w.rows {
		fromRow, fromValue := row, value
		limit := textPageBytes
		if w.zstd.chosen == words {
			limit = wordPageBytes
		}
		for used := 0; value < w.chunk.values && w.rowOf(value) < fromRow+pageRows; value++ {
			if size == nil {
				continue
			}
			if n := size(value); used > 0 && used+n > limit {
				break
			} else {
				used += n
			}
		}
		row = min(w.rowOf(value), fromRow+pageRows)
		if value < w.chunk.values && w.rowOf(value) < row {
			return fmt.Errorf("rows of a column are out of order")
		}
		w.body = w.body[:0]
		if !w.required {
			w.appendLevels(fromRow, row, fromValue, value)
		}
		if err := page(fromValue, value); err != nil {
			return err
		}
		if err := w.dataPage(fromRow, row, value-fromValue); err != nil {
			return err
		}
	}
	return nil
}

func (w *chunkWriter) appendLevels(fromRow, toRow, fromValue, toValue int) {
	start := len(w.body)
	w.body = append(w.body, 0, 0, 0, 0)
	rows := toRow - fromRow
	switch toValue - fromValue {
	case rows:
		w.body = append(binary.AppendUvarint(w.body, uint64(rows)<<1), 1)
	case 0:
		w.body = append(binary.AppendUvarint(w.body, uint64(rows)<<1), 0)
	default:
		w.levels = resize(w.levels, rows)
		clear(w.levels)
		for _, rank := range w.ranks[fromValue:toValue] {
			w.levels[int(rank)-fromRow] = 1
		}
		packed, err := w.levelCoder.EncodeLevels(nil, w.levels)
		if err != nil {
			panic(err) // zeros and ones fit one bit
		}
		w.body = append(w.body, packed...)
	}
	binary.LittleEndian.PutUint32(w.body[start:], uint32(len(w.body)-start-4))
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

var parquetEncodings = [...]format.Encoding{
	encodingPlain: format.Plain, encodingDictionary: format.RLEDictionary, encodingDelta: format.DeltaBinaryPacked,
	encodingLengths: format.DeltaLengthByteArray,
}

func (w *chunkWriter) dataPage(fromRow, toRow, values int) error {
	p, err := w.page(format.PageHeader{
		Type: format.DataPage,
		DataPageHeader: thrift.New(format.DataPageHeader{
			NumValues:               int32(toRow - fromRow),
			Encoding:                parquetEncodings[w.chunk.encoding],
			DefinitionLevelEncoding: format.RLE,
			RepetitionLevelEncoding: format.RLE,
		}),
	})
	p.rows, p.values, p.first = toRow-fromRow, values, fromRow
	w.chunk.pages = append(w.chunk.pages, p)
	return err
}

func (w *chunkWriter) dictionaryPage(entries int) error {
	p, err := w.page(format.PageHeader{
		Type:                 format.DictionaryPage,
		DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: int32(entries), Encoding: format.Plain}),
	})
	p.values = entries
	w.chunk.dict = p
	return err
}

// page compresses and writes the body.
func (w *chunkWriter) page(header format.PageHeader) (page, error) {
	if len(w.body) > maxPageBytes {
		return page{}, fmt.Errorf("a page of %d bytes is over the limit", len(w.body))
	}
	w.packed = w.zstd.compress(w.packed[:0], body{w.body, w.head, w.sizes})
	header.UncompressedPageSize = int32(len(w.body))
	header.CompressedPageSize = int32(len(w.packed))
	header.CRC = int32(crc32.ChecksumIEEE(w.packed))
	head, err := thrift.Marshal(new(thrift.CompactProtocol), &header)
	if err != nil {
		return page{}, err
	}
	s, err := w.out.append(head, w.packed)
	return page{section: s, header: len(head), raw: len(w.body)}, err
}

// dictionary writes values by their numbers in a dictionary whose page is written already.
func (w *chunkWriter) dictionary(ids []int32) error {
	w.chunk.encoding = encodingDictionary
	return w.cut(nil, func(from, to int) error {
		packed, err := w.idCoder.EncodeInt32(w.levels[:0], ids[from:to])
		w.body = append(w.body, packed...)
		w.levels = packed
		return err
	})
}

// texts writes values without a dictionary: DELTA_LENGTH_BYTE_ARRAY, which is their lengths and then the texts.
func (w *chunkWriter) texts(v *view) error {
	w.chunk.encoding = encodingLengths
	defer func() { w.head, w.sizes = 0, nil }()
	return w.cut(v.size, func(from, to int) error {
		w.lengths = w.lengths[:0]
		for i := from; i < to; i++ {
			w.lengths = append(w.lengths, int32(v.size(i)))
		}
		packed, err := w.deltaCoder.EncodeInt32(w.packed[:0], w.lengths)
		w.body = append(w.body, packed...)
		w.packed = packed
		w.head, w.sizes = len(w.body), w.lengths
		if from < to {
			w.body = v.appendTexts(w.body, from, to)
		}
		return err
	})
}

// deltas writes integers by their differences.
func (w *chunkWriter) deltas(values []uint64) error {
	w.chunk.encoding = encodingDelta
	return w.cut(nil, func(from, to int) error {
		w.longs = w.longs[:0]
		for _, v := range values[from:to] {
			w.longs = append(w.longs, int64(v))
		}
		packed, err := w.deltaCoder.EncodeInt64(w.packed[:0], w.longs)
		w.body = append(w.body, packed...)
		w.packed = packed
		return err
	})
}

// plain writes numbers as they are.
func (w *chunkWriter) plain(values []uint64) error {
	w.chunk.encoding = encodingPlain
	return w.cut(nil, func(from, to int) error {
		for _, v := range values[from:to] {
			w.body = binary.LittleEndian.AppendUint64(w.body, v)
		}
		return nil
	})
}
