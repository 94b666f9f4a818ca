package duck

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/duckdb/duckdb-go/v2"
)

// Rows in memory reach the engine through a table function: sluice_rows(n) reads the n-th set of rows of the statement that
// calls it. The sets travel with the context of the statement, so no statement can name those of another.
const memoryFunction = "sluice_rows"

// memory holds the sets of rows of one statement, and the bits of rows that count.
type memory struct {
	sets []*Rowset
	bits [][]byte
}

type memoryKey struct{}

func (m *memory) add(r *Rowset) int {
	m.sets = append(m.sets, r)
	return len(m.sets) - 1
}

func (m *memory) addBits(bits []byte) int {
	m.bits = append(m.bits, bits)
	return len(m.bits) - 1
}

func (m *memory) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, memoryKey{}, m)
}

func registerMemory(conn *sql.Conn) error {
	bigint, err := duckdb.NewTypeInfo(duckdb.TYPE_BIGINT)
	if err != nil {
		return err
	}
	return duckdb.RegisterTableUDF(conn, memoryFunction, duckdb.ChunkTableFunction{
		Config: duckdb.TableFunctionConfig{Arguments: []duckdb.TypeInfo{bigint}},
		BindArgumentsContext: func(ctx context.Context, _ map[string]any, args ...any) (duckdb.ChunkTableSource, error) {
			m, _ := ctx.Value(memoryKey{}).(*memory)
			n, ok := args[0].(int64)
			if m == nil || !ok || n < 0 || n >= int64(len(m.sets)) {
				return nil, fmt.Errorf("there are no rows %v", args[0])
			}
			return newMemorySource(m.sets[n])
		},
	})
}

// memorySource copies rows into the engine, one chunk after another.
type memorySource struct {
	rows    *Rowset
	columns []duckdb.ColumnInfo
	next    int
}

func newMemorySource(rows *Rowset) (*memorySource, error) {
	s := &memorySource{rows: rows}
	for _, v := range rows.Columns {
		t := duckdb.TYPE_VARCHAR
		switch {
		case v.Ints != nil:
			t = duckdb.TYPE_BIGINT
		case v.Doubles != nil:
			t = duckdb.TYPE_DOUBLE
		}
		info, err := duckdb.NewTypeInfo(t)
		if err != nil {
			return nil, err
		}
		s.columns = append(s.columns, duckdb.ColumnInfo{Name: v.Name, T: info})
	}
	return s, nil
}

func (s *memorySource) ColumnInfos() []duckdb.ColumnInfo { return s.columns }

func (s *memorySource) Cardinality() *duckdb.CardinalityInfo {
	return &duckdb.CardinalityInfo{Cardinality: uint(s.rows.Len), Exact: true}
}

func (s *memorySource) Init() {}

func (s *memorySource) FillChunk(chunk duckdb.DataChunk) error {
	keepPriority()
	n := min(duckdb.GetDataChunkCapacity(), s.rows.Len-s.next)
	for i, v := range s.rows.Columns {
		if err := v.fill(chunk, i, s.next, n); err != nil {
			return err
		}
	}
	s.next += n
	return chunk.SetSize(n)
}

// fill copies n values from at; columns that nobody reads are skipped by the chunk.
func (v *Vector) fill(chunk duckdb.DataChunk, column, at, n int) error {
	for i := range n {
		var err error
		switch {
		case v.Null != nil && v.Null[at+i]:
			err = chunk.SetValue(column, i, nil)
		case v.Ints != nil:
			err = duckdb.SetChunkValue(chunk, column, i, v.Ints[at+i])
		case v.Doubles != nil:
			err = duckdb.SetChunkValue(chunk, column, i, v.Doubles[at+i])
		default:
			err = duckdb.SetChunkValue(chunk, column, i, v.Texts[at+i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}
