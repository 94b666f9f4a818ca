package sheet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/klauspost/compress/zstd"
)

/*
parquetWriter writes the plainest Parquet file that there is: optional columns of BYTE_ARRAY (a STRING), INT64, DOUBLE or BOOLEAN, and
in a row group one page of each.

	"PAR1"
	for each row group, for each column:
	    PageHeader
	    zstd( length of levels | levels: a bit for each row, 1 if it has a value | values, PLAIN )
	FileMetaData
	length of FileMetaData, "PAR1"

Ids and numbers are those of parquet.thrift. A library that writes all of Parquet would make the program twice as large.
*/
type parquetWriter struct {
	to     io.Writer
	at     int64 // bytes written
	zstd   *zstd.Encoder
	chunks []chunk
	rows   int // in the row group being filled
	groups []rowGroup
}

// When a row group is full: what is in memory at once.
const (
	groupRows  = 100_000
	groupBytes = 32 << 20
)

// chunk is a column of the row group being filled.
type chunk struct {
	Column
	levels []byte // bits
	values []byte
	bits   int // in values, of a column of booleans
}

// rowGroup is what the end of the file says of a row group.
type rowGroup struct {
	rows   int
	chunks []placed
}

// placed is where a chunk is in the file. Sizes include the page header.
type placed struct{ offset, size, rawSize int64 }

// What parquet.thrift calls these.
const (
	parquetOptional = 1
	parquetPlain    = 0
	parquetRLE      = 3
	parquetUTF8     = 0
	parquetZstd     = 6
	parquetDataPage = 0
)

var parquetTypes = map[Kind]int{Bool: 0, Long: 2, Double: 5, Text: 6}

const parquetMagic = "PAR1"

func newParquet(w io.Writer, columns []Column) (Writer, error) {
	if len(columns) == 0 {
		return nil, errors.New("a Parquet file has at least one column, and nothing was found")
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	p := &parquetWriter{to: w, zstd: encoder, chunks: make([]chunk, len(columns))}
	for i, c := range columns {
		p.chunks[i].Column = c
	}
	return p, p.write([]byte(parquetMagic))
}

func (p *parquetWriter) write(b []byte) error {
	n, err := p.to.Write(b)
	p.at += int64(n)
	return err
}

func (p *parquetWriter) Write(row []Cell) error {
	size := 0
	for i, cell := range row {
		c := &p.chunks[i]
		c.levels = appendBit(c.levels, p.rows, !cell.Null)
		if !cell.Null {
			c.add(cell.Text)
		}
		size += len(c.values) + len(c.levels)
	}
	if p.rows++; p.rows < groupRows && size < groupBytes {
		return nil
	}
	return p.flush()
}

// appendBit sets bit n, the next one, of bits that are packed from the lowest on.
func appendBit(bits []byte, n int, set bool) []byte {
	if n%8 == 0 {
		bits = append(bits, 0)
	}
	if set {
		bits[n/8] |= 1 << (n % 8)
	}
	return bits
}

// add appends a value that the kind of the column accepts.
func (c *chunk) add(text string) {
	switch c.Kind {
	case Long:
		n, _ := strconv.ParseInt(text, 10, 64)
		c.values = binary.LittleEndian.AppendUint64(c.values, uint64(n))
	case Double:
		f, _ := strconv.ParseFloat(text, 64)
		c.values = binary.LittleEndian.AppendUint64(c.values, math.Float64bits(f))
	case Bool:
		b, _ := strconv.ParseBool(text)
		c.values = appendBit(c.values, c.bits, b)
		c.bits++
	default:
		c.values = binary.LittleEndian.AppendUint32(c.values, uint32(len(text)))
		c.values = append(c.values, text...)
	}
}

// flush writes the row group.
func (p *parquetWriter) flush() error {
	group := rowGroup{rows: p.rows}
	for i := range p.chunks {
		at, err := p.page(&p.chunks[i])
		if err != nil {
			return err
		}
		group.chunks = append(group.chunks, at)
	}
	p.groups = append(p.groups, group)
	p.rows = 0
	return nil
}

// page writes a chunk as a page, and empties it.
func (p *parquetWriter) page(c *chunk) (placed, error) {
	levels := binary.AppendUvarint(nil, uint64(len(c.levels))<<1|1) // one run of bits, eight at a time
	levels = append(levels, c.levels...)
	raw := binary.LittleEndian.AppendUint32(nil, uint32(len(levels)))
	raw = append(append(raw, levels...), c.values...)
	if len(raw) > math.MaxInt32 {
		return placed{}, fmt.Errorf("a value of column %q is too large for a Parquet file", c.Name)
	}
	packed := p.zstd.EncodeAll(raw, nil)
	var header thrift
	header.item(func() {
		header.i32(1, parquetDataPage)
		header.i32(2, len(raw))
		header.i32(3, len(packed))
		header.structure(5, func() {
			header.i32(1, p.rows)
			header.i32(2, parquetPlain)
			header.i32(3, parquetRLE)
			header.i32(4, parquetRLE)
		})
	})
	at := placed{offset: p.at, size: int64(len(header.b) + len(packed)), rawSize: int64(len(header.b) + len(raw))}
	c.levels, c.values, c.bits = c.levels[:0], c.values[:0], 0
	if err := p.write(header.b); err != nil {
		return at, err
	}
	return at, p.write(packed)
}

func (p *parquetWriter) Close() error {
	if p.rows > 0 {
		if err := p.flush(); err != nil {
			return err
		}
	}
	end := p.metadata()
	end = binary.LittleEndian.AppendUint32(end, uint32(len(end)))
	return p.write(append(end, parquetMagic...))
}

// metadata is the FileMetaData.
func (p *parquetWriter) metadata() []byte {
	rows := int64(0)
	for _, g := range p.groups {
		rows += int64(g.rows)
	}
	var t thrift
	t.item(func() {
		t.i32(1, 1) // version
		t.list(2, 1+len(p.chunks), thriftStruct)
		t.item(func() {
			t.text(4, "logs")
			t.i32(5, len(p.chunks))
		})
		for i := range p.chunks {
			t.item(func() { schemaElement(&t, p.chunks[i].Column) })
		}
		t.i64(3, rows)
		t.list(4, len(p.groups), thriftStruct)
		for i := range p.groups {
			t.item(func() { p.groupMetadata(&t, &p.groups[i]) })
		}
		t.text(6, "sluice")
	})
	return t.b
}

func schemaElement(t *thrift, c Column) {
	t.i32(1, parquetTypes[c.Kind])
	t.i32(3, parquetOptional)
	t.text(4, c.Name)
	if c.Kind == Text {
		t.i32(6, parquetUTF8)
		t.structure(10, func() { t.structure(1, func() {}) }) // LogicalType STRING
	}
}

func (p *parquetWriter) groupMetadata(t *thrift, g *rowGroup) {
	size := int64(0)
	t.list(1, len(g.chunks), thriftStruct)
	for i, at := range g.chunks {
		size += at.rawSize
		t.item(func() {
			t.i64(2, at.offset)
			t.structure(3, func() { chunkMetadata(t, p.chunks[i].Column, g.rows, at) })
		})
	}
	t.i64(2, size)
	t.i64(3, int64(g.rows))
}

func chunkMetadata(t *thrift, c Column, rows int, at placed) {
	t.i32(1, parquetTypes[c.Kind])
	t.list(2, 2, thriftI32)
	t.number(parquetPlain)
	t.number(parquetRLE)
	t.list(3, 1, thriftBinary)
	t.bytes(c.Name)
	t.i32(4, parquetZstd)
	t.i64(5, int64(rows))
	t.i64(6, at.rawSize)
	t.i64(7, at.size)
	t.i64(9, at.offset)
}
