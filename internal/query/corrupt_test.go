package query_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/indexer"
	"github.com/sluicelog/sluice/internal/query"
)

// answer is what a question got: a number to compare, and whether the engine says that it is all.
type answer struct {
	count    int64
	rest     string // "" where only the count can be compared
	complete bool
}

// corrupted asks questions of an engine whose segments are damaged under it.
type corrupted struct {
	*segmented
	all query.Filter
}

// questions are search, histogram, and SQL over files and over rows. Each count is of logs.
func (s *corrupted) questions() map[string]func() (answer, error) {
	questions := map[string]func() (answer, error){
		"page": func() (answer, error) {
			found, err := s.indexed.Logs(s.t.Context(), query.Page{Filter: s.all, Line: 100_000})
			if err != nil {
				return answer{}, err
			}
			a := answer{int64(len(found.Logs)), "", found.Complete}
			if a.complete {
				a.rest = fmt.Sprint(found.Logs)
			}
			return a, nil
		},
		"word": func() (answer, error) {
			f := s.all
			f.Search = "abc or t:def"
			found, err := s.indexed.Logs(s.t.Context(), query.Page{Filter: f, Line: 100_000})
			if err != nil {
				return answer{}, err
			}
			return answer{int64(len(found.Logs)), "", found.Complete}, nil
		},
		"histogram": func() (answer, error) {
			f := s.all
			f.Search = "n > 0 or abc"
			buckets, cover, err := s.indexed.Histogram(s.t.Context(), f, 0)
			a := answer{complete: cover.Complete}
			for _, b := range buckets {
				a.count += b.Count
			}
			return a, err
		},
	}
	// Of these columns none differs from another by case only: such are not read from files.
	for _, search := range []string{"*", "d >= -5", "abc"} {
		for _, text := range []string{"select count(*) as c", "select count(*) as c, sum(d) as s, max(t) as m, count(distinct t) as k"} {
			f := s.all
			f.Search = search
			questions[search+" | "+text] = func() (answer, error) {
				r, err := s.indexed.SQL(s.t.Context(), f, text)
				if err != nil {
					return answer{}, err
				}
				n, err := strconv.ParseInt(r.Rows[0][0], 10, 64)
				a := answer{n, "", r.Complete}
				if a.complete {
					a.rest = fmt.Sprint(r.Rows)
				}
				return a, err
			}
		}
	}
	return questions
}

// TestDamageUnderALiveEngine changes bytes of segments while an engine has them open, which caches nothing of them. Each answer is the
// one from before, or says that it is not complete and counts no log that is not there; nothing fails.
func TestDamageUnderALiveEngine(t *testing.T) {
	damages := 150
	if testing.Short() {
		damages = 25
	}
	r := rand.New(rand.NewPCG(31, 31))
	s := &corrupted{segmented: newSegmented(t, sqlConfig)}
	defer s.closeSQL()
	s.write(r, 60)
	var err error
	s.index, err = indexer.New(t.Context(), s.Meta, s.Catalog, s.objects, indexer.Options{Now: s.Clock.Now, CacheBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.index.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.indexed = query.New(s.Catalog, s.index, query.Options{Now: s.Clock.Now, SQL: query.SQLOptions{Files: s.objects}})
	s.all = s.everything()
	questions := s.questions()
	want := map[string]answer{}
	for name, ask := range questions {
		if want[name], err = ask(); err != nil || !want[name].complete || want[name].count == 0 {
			t.Fatalf("%s: %+v, %v", name, want[name], err)
		}
	}
	files, err := filepath.Glob(filepath.Join(s.objects.FilesDir(), "segments", "*"))
	if err != nil {
		t.Fatal(err)
	}
	noticed := map[string]int{}
	for i := range damages {
		file := files[i%len(files)]
		undo := s.spoil(r, file, i)
		for name, ask := range questions {
			got, err := ask()
			switch {
			case err != nil:
				t.Fatalf("damage %d of %s: %s: %v", i, filepath.Base(file), name, err)
			case got.complete && got != want[name]:
				t.Fatalf("damage %d of %s: %s says %+v and was %+v", i, filepath.Base(file), name, got, want[name])
			case !got.complete && got.count > want[name].count:
				t.Fatalf("damage %d of %s: %s counts %d logs, there are %d", i, filepath.Base(file), name, got.count, want[name].count)
			case !got.complete:
				noticed[name]++
			}
		}
		undo()
	}
	const readsNothing = "* | select count(*) as c" // it counts what metadata says of segments, and is right whatever their objects hold
	t.Logf("of %d damages were noticed: %v", damages, noticed)
	for name := range questions {
		if noticed[name] == 0 && name != readsNothing {
			t.Errorf("%s never met damage", name)
		}
	}
	for name, ask := range questions {
		if got, err := ask(); err != nil || got != want[name] {
			t.Errorf("mended: %s says %+v, %v", name, got, err)
		}
	}
}

// spoil changes a file, cuts it, or takes it away, and returns what makes it good again.
func (s *corrupted) spoil(r *rand.Rand, file string, i int) (undo func()) {
	s.t.Helper()
	sound, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	version := time.Unix(1_700_000_000+int64(2*i), 0) // a file system's clock may be too coarse to tell two writes apart
	write := func(data []byte, at time.Time) {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			s.t.Fatal(err)
		}
		if err := os.Chtimes(file, at, at); err != nil {
			s.t.Fatal(err)
		}
	}
	bad := append([]byte(nil), sound...)
	switch at := r.IntN(len(bad)); i % 10 {
	case 8:
		bad = bad[:at]
	case 9:
		clear(bad[at:min(len(bad), at+4096)])
	default:
		bad[at] ^= 1 << r.IntN(8)
	}
	write(bad, version)
	return func() { write(sound, version.Add(time.Second)) }
}
