package segment_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/segment"
)

// damaged is a store whose objects can be given other bytes.
type damaged struct {
	objects.Store
	object string
	data   []byte
}

func (d *damaged) Get(ctx context.Context, name string, p []byte, off int64) error {
	if name != d.object {
		return d.Store.Get(ctx, name, p, off)
	}
	if d.data == nil {
		return objects.ErrNotFound
	}
	if off+int64(len(p)) > int64(len(d.data)) {
		return objects.ErrRange
	}
	copy(p, d.data[off:])
	return nil
}

// statStore tells the sizes that objects had when they were written.
type statStore struct {
	objects.Store
	info segment.Info
}

func (s *statStore) Size(_ context.Context, name string) (int64, error) {
	if name == s.info.IndexObject() {
		return s.info.Index, nil
	}
	return s.info.Parquet, nil
}

// answers asks everything that can be asked, and returns the answers and the first error.
func answers(ctx context.Context, store objects.Store, info segment.Info, merge bool) (out []string, err error) {
	_, err = segment.Find(ctx, &statStore{store, info}, info.Name)
	if err != nil {
		return nil, err
	}
	s, err := segment.Open(ctx, store, segment.NewCache(1<<20), info)
	if err != nil {
		return nil, err
	}
	say := func(a any, e error) {
		out = append(out, fmt.Sprint(a))
		err = errors.Join(err, e)
	}
	for i := range s.Groups() {
		g := s.Group(i)
		for _, column := range []string{"message", "uri", "latency", "status", "rare7", "sometimes", "absent"} {
			for _, token := range []string{"timeout", "12", "0.500", "id", "absent", "x"} {
				m, e := g.Token(ctx, column, []byte(token))
				say(m, e)
				n, ok, e := g.Count(ctx, column, []byte(token))
				say(fmt.Sprint(n, ok), e)
			}
			m, e := g.Exists(ctx, column)
			say(m, e)
			m, e = g.Range(ctx, column, segment.Bound{Long: 300, Value: 0.2}, segment.Bound{None: true})
			say(m, e)
			rows, complete, e := g.Tokens(ctx, column, []byte("t"), nil)
			say(fmt.Sprint(rows, complete), e)
		}
		rows, e := g.Fetch(ctx, allOf(g))
		say(rows, e)
		times, e := g.Times(ctx)
		say(times, e)
		at, e := g.RowAt(ctx, g.First().Unix()+1)
		say(at, e)
	}
	if merge {
		again, e := segment.Merge(ctx, store, "again", []*segment.Segment{s}, damageOptions())
		say(again.Rows, e)
	}
	return out, err
}

func damageOptions() segment.Options {
	return segment.Options{
		Columns: []segment.Column{
			{Name: "status", Kind: segment.Long}, {Name: "bytes", Kind: segment.Long}, {Name: "latency", Kind: segment.Double, Tokens: splitWords},
		},
		Other: func(string) segment.Tokenize { return splitWords }, MaxColumns: 12, GroupRows: 300,
	}
}

func damageRows() []segment.Row {
	w := newWeblogs(3)
	rows := make([]segment.Row, 700)
	for i := range rows {
		r := w.row()
		if i%5 == 0 {
			r.Fields[5].Value = "n/a"
			r.Fields = append(r.Fields, r.Fields[0])
			r.Fields[0].Value = "\xff"
		}
		r.Fields[6].Key = "latency"
		if i%2 == 0 {
			r.Fields[7].Key = "sometimes"
		}
		r.Fields[1].Key = fmt.Sprint("rare", i)
		rows[i] = r
	}
	return rows
}

// TestDamage flips bits and cuts objects: whatever is asked then, the answers are those from before, or an error says where the damage is.
func TestDamage(t *testing.T) {
	const damages = 120
	store := memoryStore(t)
	info := build(t, store, "s", damageOptions(), damageRows()).Info()
	want, err := answers(t.Context(), store, info, true)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, object := range []string{info.ParquetObject(), info.IndexObject()} {
		size, err := store.Size(t.Context(), object)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for i := range damages {
			data := make([]byte, size)
			if err := store.Get(t.Context(), object, data, 0); err != nil {
				t.Fatal(err)
			}
			what := fmt.Sprintf("%s of %d bytes", object, size)
			switch at := r.IntN(len(data)); {
			case i == 0:
				data, what = nil, object+" removed"
			case i < 20:
				data, what = data[:at], fmt.Sprintf("%s cut at %d", what, at)
			default:
				data[at] ^= 1 << r.IntN(8)
				what = fmt.Sprintf("%s changed at %d", what, at)
			}
			found += checkDamaged(t, &damaged{store, object, data}, info, object, what, want)
		}
		t.Logf("%s: %d of %d damages were in the way", object, found, damages)
		if found < damages*2/3 {
			t.Errorf("%s: only %d of %d damages were noticed", object, found, damages)
		}
	}
}

func checkDamaged(t *testing.T, store objects.Store, info segment.Info, object, what string, want []string) int {
	t.Helper()
	got, err := answers(t.Context(), store, info, true)
	if err == nil {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s: silently wrong:\n%s", what, diff)
		}
		return 0
	}
	var damage *segment.DamageError
	if !errors.As(err, &damage) || damage.Object != object {
		t.Fatalf("%s: got error %v, want a DamageError", what, err)
	}
	return 1
}

// TestCacheIsBounded asks everything with a cache that holds next to nothing, and with a larger one.
func TestCacheIsBounded(t *testing.T) {
	store := memoryStore(t)
	info := build(t, store, "s", damageOptions(), damageRows()).Info()
	for _, limit := range []int64{0, 1 << 10, 1 << 16, 1 << 24} {
		cache := segment.NewCache(limit)
		s, err := segment.Open(t.Context(), store, cache, info)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			for i := range s.Groups() {
				g := s.Group(i)
				if _, err := g.Fetch(t.Context(), allOf(g)); err != nil {
					t.Fatal(err)
				}
				if _, err := g.Filter(t.Context(), "message", allOf(g), func(string) bool { return true }); err != nil {
					t.Fatal(err)
				}
				if got := cache.Bytes(); got > limit {
					t.Fatalf("the cache holds %d bytes, its limit is %d", got, limit)
				}
			}
		}
	}
}

func TestFetchOutside(t *testing.T) {
	s := build(t, memoryStore(t), "s", damageOptions(), damageRows())
	if _, err := s.Group(0).Fetch(t.Context(), roaring.BitmapOf(300)); err == nil {
		t.Error("fetching row 300 of 300 reports success")
	}
}

func TestNothingToWrite(t *testing.T) {
	if _, err := segment.NewBuilder(segment.Options{}).Write(t.Context(), memoryStore(t), "s"); !errors.Is(err, segment.ErrEmpty) {
		t.Errorf("got error %v, want ErrEmpty", err)
	}
	if _, err := segment.Merge(t.Context(), memoryStore(t), "s", nil, segment.Options{}); !errors.Is(err, segment.ErrEmpty) {
		t.Errorf("got error %v, want ErrEmpty", err)
	}
}

// TestManyReaders reads one segment from several goroutines, with a cache that is too small for all.
func TestManyReaders(t *testing.T) {
	store := memoryStore(t)
	s := build(t, store, "s", damageOptions(), damageRows())
	want := all(t, s)
	cache := segment.NewCache(1 << 15)
	s, err := segment.Open(t.Context(), store, cache, s.Info())
	if err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			var got []segment.Row
			for i := range s.Groups() {
				g := s.Group(i)
				m, err := g.Token(t.Context(), "message", []byte("timeout"))
				if err == nil {
					m.Rows.AddRange(0, uint64(g.Rows())) // the caller's own, to change
				}
				rows, fetchErr := g.Fetch(t.Context(), m.Rows)
				if err := errors.Join(err, fetchErr); err != nil {
					t.Error(err)
					return
				}
				got = append(got, rows...)
			}
			if diff := cmp.Diff(want, got, rowsEqual); diff != "" {
				t.Errorf("rows differ:\n%s", diff)
			}
		})
	}
	readers.Wait()
}
