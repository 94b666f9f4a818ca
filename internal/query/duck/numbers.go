package duck

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/duckdb/duckdb-go/v2"
)

// Rows of a file that count by their number reach the engine as bits: sluice_bits(n) gives the n-th text of bits of the statement that calls
// it. The engine asks once, while it plans, and so tells in the scan which rows count, before it decodes other columns; a join with the
// numbers takes twice as long. It copies a constant for each chunk of rows, so the bits of large files are in several texts.
const bitsFunction = "sluice_bits"

const stretchRows = 1 << 20 // whose bits are in one text

// numbered writes which rows of a file count.
func numbered(rows *roaring.Bitmap, memory *memory) string {
	if rows.IsEmpty() {
		return "false"
	}
	var b strings.Builder
	b.WriteString("CASE")
	last := uint64(rows.Maximum())
	for first := uint64(0); first <= last; first += stretchRows {
		end := min(first+stretchRows, last+1)
		fmt.Fprintf(&b, " WHEN %s < %d THEN ", RowNumber, end)
		bits, some := bitsOf(rows, first, end)
		if !some {
			b.WriteString("false")
			continue
		}
		fmt.Fprintf(&b, "get_bit(CAST(%s(%d) AS BIT), CAST(%s - %d AS INTEGER)) = 1", bitsFunction, memory.addBits(bits), RowNumber, first)
	}
	b.WriteString(" ELSE false END")
	return b.String()
}

// bitsOf has a bit for each row from first up to end, the highest of the first byte for first itself: set, where the row is one of some rows.
func bitsOf(rows *roaring.Bitmap, first, end uint64) (bits []byte, some bool) {
	bits = make([]byte, (end-first+7)/8)
	it := rows.Iterator()
	for it.AdvanceIfNeeded(uint32(first)); it.HasNext() && uint64(it.PeekNext()) < end; some = true {
		at := uint64(it.Next()) - first
		bits[at/8] |= 0x80 >> (at % 8)
	}
	return bits, some
}

// bitsSource is the function in the engine.
type bitsSource struct{ in, out duckdb.TypeInfo }

func (s bitsSource) Config() duckdb.ScalarFuncConfig {
	keepPriority()
	return duckdb.ScalarFuncConfig{InputTypeInfos: []duckdb.TypeInfo{s.in}, ResultTypeInfo: s.out}
}

func (bitsSource) Executor() duckdb.ScalarFuncExecutor {
	return duckdb.ScalarFuncExecutor{RowContextExecutor: func(ctx context.Context, args []driver.Value) (any, error) {
		m, _ := ctx.Value(memoryKey{}).(*memory)
		n, ok := args[0].(int64)
		if m == nil || !ok || n < 0 || n >= int64(len(m.bits)) {
			return nil, fmt.Errorf("there are no bits %s", strconv.FormatInt(n, 10))
		}
		return m.bits[n], nil
	}}
}
