package segment_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/segment"
)

// TestCheck changes any byte of a Parquet object: checking all columns finds it, whichever it is. A column is sound as long as its own
// pages and the footer are.
func TestCheck(t *testing.T) {
	store := memoryStore(t)
	info := build(t, store, "s", damageOptions(), damageRows()).Info()
	whole := make([]byte, info.Parquet)
	if err := store.Get(t.Context(), info.ParquetObject(), whole, 0); err != nil {
		t.Fatal(err)
	}
	s := open(t, store, info)
	columns := []string{
		segment.ColumnTime, segment.ColumnNanos, segment.ColumnSource, segment.ColumnTopic, segment.ColumnRest, segment.ColumnShard,
		segment.ColumnPosition, segment.ColumnIndex, segment.ColumnShape, segment.ColumnExact, "no such column",
	}
	for _, c := range s.Columns() {
		columns = append(columns, c.Name)
	}
	if err := s.Check(t.Context(), "", columns); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 3))
	oneSound := 0
	for range 300 {
		data := append([]byte(nil), whole...)
		at := r.IntN(len(data))
		data[at] ^= 1 << r.IntN(8)
		s := open(t, &damaged{store, info.ParquetObject(), data}, info)
		var damage *segment.DamageError
		if err := s.Check(t.Context(), "", columns); !errors.As(err, &damage) || damage.Object != info.ParquetObject() {
			t.Fatalf("byte %d of %d changed: got error %v, want a DamageError", at, len(data), err)
		}
		if s.Check(t.Context(), "", []string{"message"}) == nil {
			oneSound++
		}
	}
	if oneSound == 0 || oneSound == 300 {
		t.Errorf("one column was sound in %d of 300 damaged objects", oneSound)
	}
}

// countingStore counts gets.
type countingStore struct {
	objects.Store
	gets int
}

func (s *countingStore) Get(ctx context.Context, name string, p []byte, off int64) error {
	s.gets++
	return s.Store.Get(ctx, name, p, off)
}

// TestCheckOnce reads what it checks once for each version of the object.
func TestCheckOnce(t *testing.T) {
	store := &countingStore{Store: memoryStore(t)}
	s := build(t, store, "s", damageOptions(), damageRows())
	check := func(version string, columns ...string) int {
		t.Helper()
		before := store.gets
		if err := s.Check(t.Context(), version, columns); err != nil {
			t.Fatal(err)
		}
		return store.gets - before
	}
	if n := check("1", "message"); n == 0 {
		t.Error("nothing was read")
	}
	if n := check("1", "message"); n != 0 {
		t.Errorf("%d reads for what was checked", n)
	}
	if n := check("1", "message", "uri"); n == 0 {
		t.Error("another column was not read")
	}
	if n := check("2", "message"); n == 0 {
		t.Error("another version was not read")
	}
}
