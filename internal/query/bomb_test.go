package query_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/query"
)

// bombs want more time or memory than there is. The kinds are those that may answer; nil stands for a plain answer, where the
// engine sees through.
var bombs = []struct {
	name, search, text string
	kinds              []sluice.Kind
}{
	{"cross join", "*", "select count(*) from log a, log b, log c, log d where a.n + b.n + c.n + d.n = -7", outOfTime},
	{"cross join in order", "*", "select a.t, b.t, c.t from log a, log b, log c order by a.t, b.t, c.t, a.n + b.n + c.n limit 1000000", outOfEither},
	{"group by everything", "*", "select a.t, b.t, c.t, count(*) from log a, log b, log c group by 1, 2, 3 order by 4 desc limit 10", outOfEither},
	{"distinct", "*", "select count(distinct a.t || b.t || c.t) from log a, log b, log c", outOfEither},
	{"window", "*", "select sum(a.n * b.n) over (order by a.t, b.t, c.t) from log a, log b, log c limit 10", outOfEither},
	{"arrays of everything", "*", "select cardinality(array_agg(a.t || b.t || c.t)) from log a, log b, log c", outOfEither},
	{"maps of everything", "*", "select cardinality(map_agg(a.t || b.t, c.t)) from log a, log b, log c", outOfEither},
	{"sketches of everything", "*", "select cardinality(approx_set(a.t || b.t || c.t)) from log a, log b, log c", outOfEither},
	{"percentiles of everything", "*", "select approx_percentile(a.n + b.n + c.n, 0.5) from log a, log b, log c, log d", outOfTime},
	{"long sequence", "*", "select sequence(1, 1000000000000)", refusedOnly},
	{"many sequences", "*", "select max(cardinality(sequence(n, n + 999999))) from log", outOfEither},
	{"sequences in sequences", "*", "select transform(sequence(1, 10000), x -> sequence(1, 10000)) from log", outOfEither},
	{"unnested sequences", "*", "select count(*) from unnest(sequence(1, 100000)) as a(x), unnest(sequence(1, 100000)) as b(y) where x * y = -1", outOfEither},
	{"loops", "*", "select max(reduce(sequence(1, 9999), 0, (s, x) -> s + reduce(sequence(1, 9999), 0, (p, y) -> p + x * y, p -> p), s -> s)) from log", outOfTime},
	{"padding", "*", "select lpad('x', 1000000000, 'y')", refusedOnly},
	{"padding of a column", "*", "select max(length(rpad(t, n * 100000000 + 1000000000, t))) from log", refusedOnly},
	{"doubling", "*", "select length(" + nest("concat(%[1]s, %[1]s)", "t", 14) + ") from log", refusedOnly},
	{"replacing", "*", "select length(" + nest("replace(%s, 'a', 'aaaaaaaaaaaaaaaa')", "t", 20) + ") from log", refusedOnly},
	{"replacing by a pattern", "*", "select length(" + nest("regexp_replace(%s, '.', '$0$0$0$0')", "t", 20) + ") from log", refusedOnly},
	{"joining", "*", "select length(array_join(transform(sequence(1, 9999), x -> lpad('x', 65536, 'y')), ','))", outOfEither},
	{"a regular expression", "*", "select count(*) from log where regexp_like(t || t || t, '(([a-z]+ ?)*[0-9]*)*(.*a.*b.*c.*d){8}$')", nil},
	{"a large regular expression", "*", "select count(*) from log where regexp_like(t, '((a{100}){100}){100}')", refusedOnly},
	{"like", "*", "select count(*) from log where t like '%" + strings.Repeat("a%", 500) + "b'", nil},
	{"many terms", "*", "select count(*) from log where n in (" + strings.Repeat("1,", 20_000) + "1)", nil},
	{"ten megabytes", "*", "select '" + strings.Repeat("x", 10<<20) + "'", refusedOnly},
	{"ten megabytes of search", strings.Repeat("word ", 2<<20), "select 1", refusedOnly},
	{"deep brackets", "*", "select " + strings.Repeat("(", 1000) + "1" + strings.Repeat(")", 1000), refusedOnly},
	{"deep brackets of search", strings.Repeat("(", 1000) + "a" + strings.Repeat(")", 1000), "select 1", refusedOnly},
	{"deep queries", "*", "select * from " + strings.Repeat("(select * from ", 1000) + "log" + strings.Repeat(")", 1000), refusedOnly},
	{"many joins", "*", "select count(*) from log" + strings.Repeat(" cross join log", 140), outOfEither},
	{"wildcards", "t:a" + strings.Repeat("*a?", 20) + "*", "select count(*)", nil},
	{"many wildcards", strings.Repeat("a*b? or ", 100) + "c*", "select count(*)", append(refusedOnly, answered)},
	{"wide result", "*", "select " + strings.Repeat("lpad('x', 60000, 'y'),", 50) + "n from log a limit 1000000", append(outOfEither, answered)},
	{"numeric histogram", "*", "select numeric_histogram(1000000, a.n * b.n + c.n) from log a, log b, log c", outOfEither},
	{"split", "*", "select cardinality(split(rpad('', 65536, ','), ',')), count(*) from log a, log b, log c group by 1", outOfEither},
	{"json", "*", "select json_extract('" + strings.Repeat("[", 50_000) + "', '$[0]')", append(refusedOnly, answered)},
}

const answered = sluice.Kind(255)

var (
	refusedOnly = []sluice.Kind{sluice.Invalid, sluice.TooLarge}
	outOfTime   = []sluice.Kind{sluice.Invalid}
	outOfEither = []sluice.Kind{sluice.Invalid, sluice.TooLarge}
)

// nest puts an expression into a form n times.
func nest(form, inner string, n int) string {
	for range n {
		inner = fmt.Sprintf(form, inner)
	}
	return inner
}

// newBombed is a shop whose table has enough rows to multiply.
func newBombed(t *testing.T, o query.Options) (*segmented, query.Filter) {
	s := newShop(t, accessConfig)
	g := &sluice.LogGroup{}
	for i := range 2000 {
		g.Records = append(g.Records, sluice.Record{
			Time:   uint32(s.Clock.Now().Unix()),
			Fields: []sluice.Field{{Key: "n", Value: strconv.Itoa(i)}, {Key: "t", Value: strings.Repeat("a", 50) + strconv.Itoa(i)}},
		})
	}
	if _, _, err := s.door.Append(t.Context(), catalogtest.Ref, g); err != nil {
		t.Fatal(err)
	}
	if err := s.index.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.Now, o.SQL.Files, o.SQL.TempDir = s.Clock.Now, s.objects, t.TempDir()
	if err := s.indexed.Close(); err != nil {
		t.Fatal(err)
	}
	s.indexed = query.New(s.Catalog, s.index, o)
	return s, query.Filter{Ref: catalogtest.Ref, Range: query.Range{From: 0, To: s.Clock.Now().Add(time.Hour).Unix() * 1e9}}
}

// Bombs end with an error that says why, the engine works on, and the process never holds much more than the engine may.
func TestBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("each bomb takes all the time that it may")
	}
	const memory = 200 << 20
	s, f := newBombed(t, query.Options{Budget: 300 * time.Millisecond, SQL: query.SQLOptions{MemoryBytes: memory}})
	patient := query.New(s.Catalog, s.index, query.Options{
		Now: s.Clock.Now, Budget: time.Hour, SQL: query.SQLOptions{Files: s.objects, MemoryBytes: memory},
	})
	defer patient.Close()
	debug.FreeOSMemory()
	before := peak(t)
	for _, b := range bombs {
		t.Run(b.name, func(t *testing.T) {
			f := f
			f.Search = b.search
			e := s.indexed
			if b.kinds == nil { // has to get through, however busy the machine is
				e = patient
			}
			_, err := e.SQL(t.Context(), f, b.text)
			kind := sluice.KindOf(err)
			if err == nil {
				kind = answered
			}
			ok := b.kinds == nil && err == nil
			for _, k := range b.kinds {
				ok = ok || k == kind
			}
			if !ok {
				t.Errorf("%v: %.300v", kind, err)
			}
		})
		f.Search = "*"
		got, err := s.indexed.SQL(t.Context(), f, "select count(*), max(n)")
		late := err == nil && !got.Complete || err != nil && strings.Contains(err.Error(), "took longer") // on a busy machine
		if !late && (err != nil || rowsText(got.Rows) != "[2004 1999]") {
			t.Fatalf("after %s: %v, %v", b.name, got, err)
		}
	}
	if grown := peak(t) - before; grown > 4*memory {
		t.Errorf("the process grew by %d MB", grown>>20)
	} else {
		t.Logf("the process grew by %d MB", grown>>20)
	}
}

// peak is the most memory that this process has held.
func peak(t *testing.T) int64 {
	t.Helper()
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skipf("memory of a process is not told here: %v", err)
	}
	_, rest, _ := strings.Cut(string(raw), "VmHWM:")
	var kb int64
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		t.Fatal(err)
	}
	return kb << 10
}

// A client that leaves ends its statement, also while that gathers or waits for its turn.
func TestClientThatLeaves(t *testing.T) {
	s, f := newBombed(t, query.Options{Budget: time.Hour, SQL: query.SQLOptions{AtOnce: 1}})
	f.Search = "*"
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := s.indexed.SQL(ctx, f, "select count(*) from log a, log b, log c, log d where a.n + b.n + c.n + d.n = -7")
		ended <- err
	}()
	waiting, stopWaiting := context.WithCancel(t.Context())
	waited := make(chan error)
	go func() {
		_, err := s.indexed.SQL(waiting, f, "select count(*) from log a, log b, log c, log d where a.n + b.n + c.n + d.n = -7")
		waited <- err
	}()
	stopWaiting()
	if err := <-waited; !errors.Is(err, context.Canceled) {
		t.Errorf("the one that waits or runs: %v", err)
	}
	leave()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the one that runs: %v", err)
	}
	if got, err := s.indexed.SQL(t.Context(), f, "select count(*)"); err != nil || rowsText(got.Rows) != "[2004]" {
		t.Errorf("the next one: %v, %v", got, err)
	}
}

// A statement that does not get its turn in time is told so, and what searches gather is bounded.
func TestTurnsAndRoom(t *testing.T) {
	s, f := newBombed(t, query.Options{Budget: 50 * time.Millisecond, SQL: query.SQLOptions{AtOnce: 1}})
	f.Search = "*"
	done, err := s.indexed.TakeTurn(t.Context(), f.Ref.Project)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.indexed.SQL(t.Context(), f, "select 1"); sluice.KindOf(err) != sluice.Unavailable {
		t.Errorf("a second one at once: %v", err)
	}
	if got, err := s.indexed.SQL(t.Context(), f, "select count(*)"); err != nil || rowsText(got.Rows) != "[2004]" {
		t.Errorf("a count waits for no turn: %v, %v", got, err)
	}
	done()

	s, f = newBombed(t, query.Options{SQL: query.SQLOptions{MemoryBytes: 50_000}})
	f.Search = "t:a*"
	if _, err := s.indexed.SQL(t.Context(), f, "select max(t)"); sluice.KindOf(err) != sluice.TooLarge {
		t.Errorf("too much gathered: %v", err)
	}
}
