package query_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/query"
)

// statements over the columns of sqlConfig, each with a total order, so that two engines can be compared.
var statements = []string{
	"select count(*) as c",
	"select n, count(*) as c group by n order by c desc, n limit 1000",
	"select t, max(n) as m, sum(d) as s group by t order by t limit 1000",
	"select count(distinct t) as c, count(n) as k, min(__time__) as a, max(__time__) as b",
	"select __topic__, __source__, count(1) as c group by __topic__, __source__ order by 1, 2",
	"select n % 7 as x, upper(t) as y where n > 0 order by n, t, d limit 20",
	`select "j.a.n" as leaf, count(*) as c group by "j.a.n" order by 1 limit 100`,
	"select date_trunc('minute', __time__) as m, count(*) as c group by m order by m limit 1000",
}

var sqlSearches = []string{
	"*", "n > 0", "d >= 1.5 or n in [0 10]", "not n > 0", "abc", "t:abc", "not t:abc", `u:"abc def"`, "u:*", "not u:a*", "c:登录 or t:abc", "t:abc and n > 0", `u:""`,
	"__topic__:web", "not __source__:10.0.0.1 and t:abc",
}

const sqlConfig = `{
	"line": {"token": [" ", "/", ",", "\""], "caseSensitive": false},
	"keys": {
		"n": {"type": "long", "doc_value": true}, "d": {"type": "double", "doc_value": true},
		"t": {"type": "text", "token": [" ", "-"], "caseSensitive": true, "doc_value": true}, "u": {"type": "text", "token": []},
		"c": {"type": "text", "token": [" "], "chn": true},
		"j": {"type": "json", "token": [" ", "\"", ":"], "index_all": true, "max_depth": -1, "doc_value": true,
		      "json_keys": {"a.n": {"type": "long", "doc_value": true}, "a.t": {"type": "text"}}}
	}
}`

// TestSQLOverSegmentsAndShardLogs runs statements behind searches over segments as files, segments by rows, and shard logs, and wants
// the same of all.
func TestSQLOverSegmentsAndShardLogs(t *testing.T) {
	s := newSegmented(t, sqlConfig)
	defer s.closeSQL()
	s.sqlAlike(rand.New(rand.NewPCG(7, 7)))
	all := s.everything()
	for text, noun := range map[string]string{
		"select nosuch": "sql", "selec 1": "sql", "select * from read_csv('/etc/passwd')": "sql", "select getenv('HOME')": "sql",
		"select 1; drop table x": "sql", "copy log to '/tmp/x'": "sql", "select cast('x' as bigint)": "sql", "select * from other": "sql",
	} {
		_, err := s.indexed.SQL(t.Context(), all, text)
		var e *sluice.Error
		if !errors.As(err, &e) || e.Noun != noun {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// sqlAlike writes and indexes, and compares statements all the while.
func (s *segmented) sqlAlike(r *rand.Rand) {
	s.t.Helper()
	for range 6 {
		s.write(r, 30)
		if err := s.index.Round(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
		s.write(r, 3)
		now := s.Clock.Now().Unix()
		for range 12 {
			from := now - r.Int64N(2400)
			f := query.Filter{
				Ref: catalogtest.Ref, Search: sqlSearches[r.IntN(len(sqlSearches))],
				Range: query.Range{From: from * 1e9, To: (from + 1 + r.Int64N(1800)) * 1e9},
			}
			s.compareSQL(f, statements[r.IntN(len(statements))])
		}
	}
	for _, text := range statements {
		s.compareSQL(s.everything(), text)
	}
}

// TestSQLBySearchesOfValues: where a search of words can be said of the values of columns, segments are read as files, and the answers are
// those of shard logs. Where SQL does not see values as they came, or cannot be told them, segments are read otherwise, and the answers are
// the same.
func TestSQLBySearchesOfValues(t *testing.T) {
	for name, special := range map[string]sluice.Field{
		"plain": {Key: "n", Value: "7"}, "not UTF-8": {Key: "t", Value: "abc \xff"}, "names alike": {Key: "T", Value: "abc"},
		"zero byte": {Key: "u", Value: "abc\x00def"}, "numbers of rows": {Key: "file_row_number", Value: "1"},
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(12, 12))
			s := newSegmented(t, sqlConfig)
			defer s.closeSQL()
			for range 5 {
				s.writeValues(r, special)
			}
			files := 0
			for i, search := range sqlSearches {
				f := s.everything()
				f.Search = search
				s.compareSQL(f, statements[r.IntN(len(statements))])
				s.compareSQL(f, statements[i%len(statements)])
				for _, table := range s.explain(search+" | select sum(n) as s", 100, true).Tables {
					if !strings.ContainsAny(search, ">*") { // those words alone make
						files += table.Segments.Files
					}
				}
			}
			if files == 0 {
				t.Error("no segment was read as a file")
			}
		})
	}
}

// writeValues writes and indexes logs of few values, of which one in nine has a special field.
func (s *segmented) writeValues(r *rand.Rand, special sluice.Field) {
	s.t.Helper()
	values := []string{"", "1", "abc", "Abc", "abc def", "def-abc", "it's", "登录成功"}
	s.Clock.Advance(time.Second)
	g := &sluice.LogGroup{Topic: []string{"", "web"}[r.IntN(2)], Source: fmt.Sprintf("10.0.0.%d", r.IntN(3))}
	for range 60 {
		rec := sluice.Record{Time: uint32(s.Clock.Now().Unix())}
		for _, name := range []string{"n", "t", "u", "c"} {
			if r.IntN(5) > 0 {
				rec.Fields = append(rec.Fields, sluice.Field{Key: name, Value: values[r.IntN(len(values))]})
			}
		}
		if r.IntN(9) == 0 {
			rec.Fields = append(rec.Fields, special)
		}
		g.Records = append(g.Records, rec)
	}
	if _, _, err := s.door.Append(s.t.Context(), catalogtest.Ref, g); err != nil {
		s.t.Fatal(err)
	}
	if err := s.index.Round(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// TestSQLOverFieldsOfTheEnginesNames: logs may have fields by the names that the engine gives what it makes up.
func TestSQLOverFieldsOfTheEnginesNames(t *testing.T) {
	for _, name := range []string{"file_row_number", "File_Row_Number", "filename", "file_index", "rowid"} {
		t.Run(name, func(t *testing.T) {
			s := newSegmented(t, sqlConfig)
			defer s.closeSQL()
			g := &sluice.LogGroup{}
			for i := range 50 {
				g.Records = append(g.Records, sluice.Record{Time: uint32(s.Clock.Now().Unix()), Fields: []sluice.Field{
					{Key: "t", Value: []string{"abc def", "x"}[i%2]}, {Key: "n", Value: fmt.Sprint(i)}, {Key: name, Value: "abc"},
				}})
			}
			if _, _, err := s.door.Append(t.Context(), catalogtest.Ref, g); err != nil {
				t.Fatal(err)
			}
			if err := s.index.Round(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, search := range []string{"*", "def", "t:abc", "n > 5"} {
				f := s.everything()
				f.Search = search
				s.compareSQL(f, "select n, t order by n limit 100")
			}
		})
	}
}

// everything is a filter for all logs.
func (s *segmented) everything() query.Filter {
	return query.Filter{Ref: catalogtest.Ref, Range: query.Range{From: 0, To: s.Clock.Now().Add(time.Hour).Unix() * 1e9}}
}

// TestSQLOverWords: the engine reads pages that package wordzip has compressed.
func TestSQLOverWords(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	s := newSegmented(t, sqlConfig)
	defer s.closeSQL()
	words := strings.Fields("connection timeout retry upstream cache miss hit user login payment order checkout failed success 登录 成功")
	g := &sluice.LogGroup{}
	for i := range 3000 {
		var text []string
		for range 5 + r.IntN(10) {
			text = append(text, words[r.IntN(len(words))])
		}
		value := fmt.Sprint(strings.Join(text, " "), " id=", r.IntN(1_000_000))
		g.Records = append(g.Records, sluice.Record{
			Time: uint32(s.Clock.Now().Unix()) + uint32(i/100), Fields: []sluice.Field{{Key: "t", Value: value}, {Key: "n", Value: fmt.Sprint(i)}},
		})
	}
	if _, _, err := s.door.Append(t.Context(), catalogtest.Ref, g); err != nil {
		t.Fatal(err)
	}
	if err := s.index.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := query.Filter{Ref: catalogtest.Ref, Range: query.Range{From: 0, To: s.Clock.Now().Add(time.Hour).Unix() * 1e9}}
	for _, text := range []string{
		"select count(*) as c, count(distinct t) as d, sum(length(t)) as l, min(t) as a, max(t) as b",
		"select n, t order by n limit 3000",
	} {
		s.compareSQL(all, text)
	}
}

func (s *segmented) closeSQL() {
	for _, e := range []*query.Engine{s.plain, s.indexed} {
		if err := e.Close(); err != nil {
			s.t.Error(err)
		}
	}
}

func (s *segmented) compareSQL(f query.Filter, text string) {
	s.t.Helper()
	want, err1 := s.plain.SQL(s.t.Context(), f, text)
	got, err2 := s.indexed.SQL(s.t.Context(), f, text)
	if err1 != nil || err2 != nil {
		s.t.Fatalf("%q | %s: shard logs: %v; segments: %v", f.Search, text, err1, err2)
	}
	if diff := cmp.Diff(fmt.Sprint(want.Columns, want.Types, want.Rows), fmt.Sprint(got.Columns, got.Types, got.Rows)); diff != "" || !got.Complete {
		s.t.Fatalf("%q | %s over %v (complete %v; -shard logs +segments):\n%s", f.Search, text, f.Range, got.Complete, diff)
	}
}
