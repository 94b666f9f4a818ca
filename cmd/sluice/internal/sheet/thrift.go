package sheet

import "encoding/binary"

// The types of Thrift's compact protocol that Parquet's headers need.
const (
	thriftI32    = 5
	thriftI64    = 6
	thriftBinary = 8
	thriftList   = 9
	thriftStruct = 12
)

// thrift writes structs in Thrift's compact protocol.
//
//	struct:  fields by rising id, a zero byte
//	field:   distance to the id before << 4 | type, value
//	number:  zigzag varint;  binary: varint length, bytes
//	list:    length << 4 | type of items, or 0xf0 | type and a varint length from 15 on; items
type thrift struct {
	b    []byte
	last []int // id of the last field of each open struct
}

func (t *thrift) begin() { t.last = append(t.last, 0) }

func (t *thrift) end() {
	t.b = append(t.b, 0)
	t.last = t.last[:len(t.last)-1]
}

func (t *thrift) field(id int, kind byte) {
	last := &t.last[len(t.last)-1]
	t.b = append(t.b, byte(id-*last)<<4|kind) // ids here are never 16 apart
	*last = id
}

func (t *thrift) number(n int64) { t.b = binary.AppendVarint(t.b, n) }

func (t *thrift) i32(id, n int) {
	t.field(id, thriftI32)
	t.number(int64(n))
}

func (t *thrift) i64(id int, n int64) {
	t.field(id, thriftI64)
	t.number(n)
}

func (t *thrift) bytes(s string) {
	t.b = binary.AppendUvarint(t.b, uint64(len(s)))
	t.b = append(t.b, s...)
}

func (t *thrift) text(id int, s string) {
	t.field(id, thriftBinary)
	t.bytes(s)
}

// list begins a list of n items, which follow.
func (t *thrift) list(id, n int, kind byte) {
	t.field(id, thriftList)
	if n < 15 {
		t.b = append(t.b, byte(n)<<4|kind)
		return
	}
	t.b = append(t.b, 0xf0|kind)
	t.b = binary.AppendUvarint(t.b, uint64(n))
}

// structure writes a field that is a struct.
func (t *thrift) structure(id int, fields func()) {
	t.field(id, thriftStruct)
	t.item(fields)
}

// item writes a struct in a list.
func (t *thrift) item(fields func()) {
	t.begin()
	fields()
	t.end()
}
