package spl

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/sluicelog/sluice"
)

func TestParseBounds(t *testing.T) {
	f := func(name, pipeline, want string) {
		t.Helper()
		_, err := Parse(pipeline)
		if sluice.KindOf(err) != sluice.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	f("bytes", "* | where a = '"+strings.Repeat("x", MaxBytes)+"'", "the most is 65536")
	f("commands", "*"+strings.Repeat(" | where true", MaxCommands+1), "at most 16 commands")
	f("parentheses", "* | where "+strings.Repeat("(", 1000)+"a"+strings.Repeat(")", 1000), "more than 100 deep")
	f("not", "* | where "+strings.Repeat("not ", 1000)+"a", "more than 100 deep")
	f("minus", "* | where "+strings.Repeat("- ", 1000)+"a = 1", "more than 100 deep")
	f("case", "* | where "+strings.Repeat("case when ", 1000)+"a", "more than 100 deep")
	f("types", "* | where cast(a as "+strings.Repeat("array(", 1000)+"bigint", "more than 100 deep")
	f("list", "* | project a"+strings.Repeat(",a", maxItems), "at most 512 entries")
	f("pattern", "* | where regexp_like(a, '"+strings.Repeat("x", maxPatternBytes+1)+"')", "the most is 4096")
	f("repetition", "* | where regexp_like(a, '((a{100}){100}){100}')", "not a regular expression")
	f("UTF-8", "* | where a = '\xff'", "not UTF-8")

	if _, err := Parse("* | where a = 1" + strings.Repeat(" + 1", 10_000)); err != nil {
		t.Errorf("a long chain: %v", err)
	}
}

// TestRowBounds: what would take too much memory or time fails its row, and quickly.
func TestRowBounds(t *testing.T) {
	const value, elements, steps, size = "a value would have", "a list would have", "steps", "the row has more than"
	long := fields("a", strings.Repeat("x", 1<<20), "n", "1")
	f := func(pipeline, want string, row []sluice.Field) {
		t.Helper()
		o := testOptions()
		o.Steps = 300_000
		r := NewRunner(mustParse(t, pipeline), o, func([]sluice.Field) error { return nil })
		err := r.Row(row)
		if bad, ok := errors.AsType[*RowError](err); !ok || !strings.Contains(bad.Msg, want) {
			t.Errorf("%.60s: %v, want %q", pipeline, err, want)
		}
		if r.Failed() != 1 {
			t.Errorf("%.60s: %d failed", pipeline, r.Failed())
		}
	}
	f("extend b = lpad(a, 1000000000, 'x')", value, long)
	f("extend b = repeat(a, 1000000000)", value, long)
	f("extend b = replace(a, 'x', '"+strings.Repeat("y", 1000)+"')", value, long)
	f("extend b = replace(a, '', a)", value, long)
	f("extend b = regexp_replace(a, '', '"+strings.Repeat("y", 1000)+"')", "matches more than", long)
	f("extend b = regexp_replace(a, 'x{4}', '"+strings.Repeat("y", 1000)+"')", value, long)
	f("extend b = split(a, 'x')", elements, long)
	f("extend b = regexp_extract_all(a, '"+strings.Repeat("(x)", 500)+"')", steps, fields("a", strings.Repeat("x", 1<<22)))
	f("extend b = "+strings.Repeat("a || ", 20)+"a", value, long)
	f("extend b = a | extend c = a | extend d = a || a || a, e = a || a || a", size, long)
	f("extend b = transform(sequence(1, 60000), x -> upper(a))", steps, long)
	f("extend b = transform(sequence(1, 60000), x -> reduce(sequence(1, 60000), 0, (s, y) -> s + y, s -> s))", steps, long)
	f("extend b = levenshtein_distance(a, a)", steps, long)
	f("extend b = array[a,a,a,a] | extend b = array[b,b,b,b]", size, long)
	f("extend b = transform(sequence(1, 1000), x -> transform(sequence(1, 1000), y -> x + y))", steps, long)
	// A list that holds itself twice, thirty times over: a small value whose text has no end.
	const endless = "reduce(sequence(1, 30), array[1], (s, x) -> array[s, s], s -> s)"
	f("extend b = "+endless, size, long)
	f("extend b = cast("+endless+" as varchar)", value, long)
	f("extend b = array_distinct(array["+endless+"])", value, long)
	f("where "+endless+" = "+endless, value, long)
	f("extend b = map(array["+endless+"], array[1])", value, long)

	array := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat("1,", n), ",") + "]" }
	f("expand-values a", "more than 1000 rows of one", fields("a", array(1001)))
	f("expand-values -keep a as b | expand-values a", "becomes more than 1000 rows", fields("a", array(100)))
	f("expand-values -keep a as b | expand-values -keep a as c | expand-values -keep a as d | where b = 2 | limit 1", steps, fields("a", array(1000)))

	var object strings.Builder
	for i := range 30_000 {
		fmt.Fprintf(&object, `,"k%d":%d`, i, i)
	}
	f("parse-json a", "more than 10000 fields", fields("a", "{"+object.String()[1:]+"}"))
	f("parse-kv -delims=',' -kv-sep=':' a", "more than 10000 fields", fields("a", object.String()[1:]))
	f(`parse-kv -regexp a, '(k\d+)":(\d+)'`, "more than 10000 fields", fields("a", object.String()[1:]))
}

func TestMemoryBounds(t *testing.T) {
	f := func(pipeline string, ends bool) {
		t.Helper()
		o := testOptions()
		o.Memory = 1 << 20
		r := NewRunner(mustParse(t, pipeline), o, func([]sluice.Field) error { return nil })
		var err error
		for i := 0; err == nil && i < 20_000; i++ {
			err = r.Row(fields("id", fmt.Sprint(i), "text", strings.Repeat("x", 100)))
		}
		if !ends {
			if err == nil {
				err = r.Finish()
			}
			if err != nil {
				t.Errorf("%s: %v", pipeline, err)
			}
			return
		}
		if sluice.KindOf(err) != sluice.TooLarge || !strings.Contains(err.Error(), "filter with where") {
			t.Errorf("%s: %v", pipeline, err)
		}
	}
	f("stats n=count(*) by id", true)
	f("stats all=array_agg(text)", true)
	f("stats p=approx_percentile(id, 0.5), d=array_agg(id)", true)
	f("stats d=approx_distinct(id), n=count(*), hi=max(text)", false)
	f("sort id", true)
	f("sort id | limit 10", false)
	f("limit 10 | sort id", false)
}

// TestKeptTextsAreCopied: a group must not keep the long texts alive that its key was cut from.
func TestKeptTextsAreCopied(t *testing.T) {
	o := testOptions()
	var got []sluice.Field
	r := NewRunner(mustParse(t, "parse-regexp a, '^(..)' as k | project k | stats n=count(*), m=max(k) by k"), o,
		func(f []sluice.Field) error { got = f; return nil })
	if err := r.Row(fields("a", strings.Repeat("x", 1<<20))); err != nil {
		t.Fatal(err)
	}
	if err := r.Finish(); err != nil || len(got) != 3 || got[0].Value != "xx" {
		t.Fatal(got, err)
	}
}

func TestDefaultGroups(t *testing.T) {
	f := func(pipeline string, want int) {
		t.Helper()
		n := 0
		r := NewRunner(mustParse(t, pipeline), testOptions(), func([]sluice.Field) error { n++; return nil })
		for i := range 500 {
			if err := r.Row(fields("id", fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Finish(); err != nil || n != want {
			t.Errorf("%s: %d rows, %v, want %d", pipeline, n, err, want)
		}
	}
	f("stats n=count(*) by id", 100)
	f("stats n=count(*) by id | sort id desc", 100)
	f("stats n=count(*) by id | limit 300", 300)
	f("limit 200 | stats n=count(*) by id", 100)
	f("where id != ''", 500)
}

func TestDone(t *testing.T) {
	r := NewRunner(mustParse(t, "where a = '1' | limit 2"), testOptions(), func([]sluice.Field) error { return nil })
	for i, want := range []bool{false, false, true} {
		if err := r.Row(fields("a", []string{"1", "2", "1"}[i])); err != nil || r.Done() != want {
			t.Errorf("after row %d: done %v, %v", i, r.Done(), err)
		}
	}
}

func TestRowsThatFailBehindCollectors(t *testing.T) {
	n := 0
	r := NewRunner(mustParse(t, "sort a | extend __time__ = if(a = '1', 'bad', 5)"), testOptions(), func([]sluice.Field) error { n++; return nil })
	for _, a := range []string{"1", "2", "3"} {
		if err := r.Row(fields("a", a)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Finish(); err != nil || n != 2 || r.Failed() != 1 {
		t.Errorf("%d rows, %d failed, %v", n, r.Failed(), err)
	}
}

func TestEmitEndsRun(t *testing.T) {
	full := errors.New("full")
	r := NewRunner(mustParse(t, "*"), testOptions(), func([]sluice.Field) error { return full })
	if err := r.Row(fields("a", "1")); !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
}

// TestGroupBounds: a group cannot become larger than the memory of a run, however many logs it has.
func TestGroupBounds(t *testing.T) {
	o := testOptions()
	o.Memory = 10_000
	group := &sluice.LogGroup{}
	for i := range 20 {
		group.Records = append(group.Records, sluice.Record{Time: uint32(i)})
	}
	got, s, err := mustParse(t, "* | extend a = repeat('x', 1000)").Apply(t.Context(), group, o)
	if err != nil || s.Failed != 11 || len(got.Records) != 20 || len(got.Records[0].Fields) != 1 || len(got.Records[19].Fields) != 0 {
		t.Errorf("%+v, %v, %d logs", s, err, len(got.Records))
	}
}
