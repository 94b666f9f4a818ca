package spl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluicelog/sluice"
)

// streamCommands are commands that a stream may have, on the fields that genGroup makes.
var streamCommands = []string{
	"where a = '1'", "where cast(b as bigint) > 2 or a is null", "where __topic__ like 't%'", "where __time__ % 2 = 0",
	"extend c = a || '-' || b", "extend a = b, b = a", "extend a = null", "extend __time__ = __time__ + cast(b as bigint)",
	"extend __time__ = if(a = '1', 'bad', 5)", "extend __topic__ = a", "extend \"__tag__:x\" = coalesce(b, 'none')",
	"extend l = array[a, b]", "extend kv = 'a=9 z=' || a, js = '{\"a\":\"8\",\"y\":[1,\"2\"]}'",
	"project a, kv, js", "project -wildcard \"__tag__:*\", b", "project n=a, b", "project-away a, __source__", "project-away -wildcard \"__*\"",
	"project-rename a=b, b=a", "project-rename __topic__=a", "parse-kv kv", "parse-kv -mode='preserve' -prefix='p_' kv",
	"parse-json js", "parse-json -mode='preserve' js", "parse-regexp kv, '(\\w)=(\\w)' as k, v", "parse-csv -delim='=' kv as f, g, h",
	"pack-fields -keep -include='[a-c]' as packed", "pack-fields as packed", "expand-values y", "expand-values -keep js as one",
}

func genPipeline(t *rapid.T) string {
	return "* | " + strings.Join(rapid.SliceOfN(rapid.SampledFrom(streamCommands), 1, 6).Draw(t, "commands"), " | ")
}

func genGroup(t *rapid.T) *sluice.LogGroup {
	value := rapid.SampledFrom([]string{"", "1", "2", "3", "x", "a=1 b=2", `{"a":1,"y":[1,2]}`, "中\xff"})
	key := rapid.SampledFrom([]string{"a", "b", "c", "kv", "js", "y"})
	field := rapid.Custom(func(t *rapid.T) sluice.Field {
		return sluice.Field{Key: key.Draw(t, "key"), Value: value.Draw(t, "value")}
	})
	g := &sluice.LogGroup{Topic: value.Draw(t, "topic"), Source: value.Draw(t, "source")}
	g.Tags = rapid.SliceOfN(field, 0, 3).Draw(t, "tags")
	for range rapid.IntRange(0, 6).Draw(t, "records") {
		g.Records = append(g.Records, sluice.Record{
			Time: rapid.Uint32Range(0, 9).Draw(t, "time"), Nanos: rapid.Uint32Range(0, 2).Draw(t, "nanos"),
			Fields: rapid.SliceOfN(field, 0, 5).Draw(t, "fields"),
		})
	}
	return g
}

// flat shows a group as queries do: each log with what it has from its group, in no order, and without an empty topic or source.
func flat(g *sluice.LogGroup) [][]string {
	var rows [][]string
	for i := range g.Records {
		rows = append(rows, flatRow(rowOf(fieldsOf(g), &g.Records[i])))
	}
	return rows
}

func flatRow(fields []sluice.Field) []string {
	var row []string
	for _, f := range fields {
		if f.Value != "" || f.Key != topicField && f.Key != sourceField {
			row = append(row, strconv.Quote(f.Key)+":"+strconv.Quote(f.Value))
		}
	}
	slices.Sort(row)
	return row
}

// TestStreamIsBatch: Apply gives what a query over the same rows gives, with the rows that fail kept as they came.
func TestStreamIsBatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, group := genPipeline(t), genGroup(t)
		p, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		var want [][]string
		failed := 0
		r := NewRunner(p, testOptions(), func(fields []sluice.Field) error {
			want = append(want, flatRow(fields))
			return nil
		})
		for i := range group.Records {
			in := rowOf(fieldsOf(group), &group.Records[i])
			if err := r.Row(in); err != nil {
				if _, ok := errors.AsType[*RowError](err); !ok {
					t.Fatal(err)
				}
				failed++
				want = append(want, flatRow(in))
			}
		}
		if err := r.Finish(); err != nil {
			t.Fatal(err)
		}
		got, stats, err := p.Apply(context.Background(), group, testOptions())
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(want, flat(got)); diff != "" {
			t.Fatalf("%s\n%s", text, diff)
		}
		if stats.Lines != len(group.Records) || stats.Result != len(want) || stats.Failed != failed {
			t.Fatalf("%s: %+v, want %d failed of %d, %d left", text, stats, failed, len(group.Records), len(want))
		}
	})
}

// TestRowsAreIndependent: what one row becomes does not depend on those around it.
func TestRowsAreIndependent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, group := genPipeline(t), genGroup(t)
		p, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		all, _, err := p.Apply(context.Background(), group, testOptions())
		if err != nil {
			t.Fatal(err)
		}
		var one [][]string
		for _, record := range group.Records {
			single := *group
			single.Records = []sluice.Record{record}
			g, _, err := p.Apply(context.Background(), &single, testOptions())
			if err != nil {
				t.Fatal(err)
			}
			one = append(one, flat(g)...)
		}
		if diff := gocmp.Diff(one, flat(all)); diff != "" {
			t.Fatalf("%s\n%s", text, diff)
		}
	})
}

func TestNothingChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		group := genGroup(t)
		for _, text := range []string{"*", "* | where true", "* | project -wildcard \"*\"", "* | project-rename a=a"} {
			if text == "* | project-rename a=a" && hasTwice(group, "a") {
				continue // renaming leaves one of a name
			}
			p, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := p.Apply(context.Background(), group, testOptions())
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(flat(group), flat(got)); diff != "" {
				t.Fatalf("%s\n%s", text, diff)
			}
		}
	})
}

func hasTwice(g *sluice.LogGroup, key string) bool {
	return slices.ContainsFunc(g.Records, func(r sluice.Record) bool {
		n := 0
		for _, f := range r.Fields {
			if f.Key == key {
				n++
			}
		}
		return n > 1
	})
}

// TestRowIsAList holds the row, which drops lazily and is indexed when it is long, against a plain list of fields.
func TestRowIsAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.Custom(func(t *rapid.T) string { return fmt.Sprintf("k%d", rapid.IntRange(0, 40).Draw(t, "n")) })
		var model []sluice.Field
		for range rapid.IntRange(0, 60).Draw(t, "fields") {
			model = append(model, sluice.Field{Key: name.Draw(t, "name"), Value: "v"})
		}
		r := newRun(Options{}).newRow(model)
		first := func(k string) int { return slices.IndexFunc(model, func(f sluice.Field) bool { return f.Key == k }) }
		drop := func(k string) {
			model = slices.DeleteFunc(model, func(f sluice.Field) bool { return f.Key == k })
		}
		set := func(i int, f sluice.Field) {
			key := model[i].Key
			model[i] = f
			for j := len(model) - 1; j >= 0; j-- {
				if j != i && (model[j].Key == key || model[j].Key == f.Key) {
					model = slices.Delete(model, j, j+1)
					if j < i {
						i--
					}
				}
			}
		}
		for step := range rapid.IntRange(1, 40).Draw(t, "steps") {
			k, v := name.Draw(t, "name"), strconv.Itoa(step)
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0:
				r.set(k, textOf(v))
				if i := first(k); i >= 0 {
					set(i, sluice.Field{Key: k, Value: v})
				} else {
					model = append(model, sluice.Field{Key: k, Value: v})
				}
			case 1:
				r.drop(k)
				drop(k)
			case 2:
				to := name.Draw(t, "to")
				r.rename([]renaming{{to: to, from: k}})
				if i := first(k); i >= 0 {
					set(i, sluice.Field{Key: to, Value: model[i].Value})
				}
			case 3:
				r.keep(func(name string) bool { return name != k })
				drop(k)
			case 4:
				if i := first(k); r.get(k).String() != at(model, i).Value || r.has(k) != (i >= 0) {
					t.Fatalf("get %s: %q, want place %d of %v", k, r.get(k), i, model)
				}
			}
			if got := rowOut(r); !slices.Equal(got, model) {
				t.Fatalf("step %d on %s: %v, want %v", step, k, got, model)
			}
		}
	})
}

func at(fields []sluice.Field, i int) sluice.Field {
	if i < 0 {
		return sluice.Field{}
	}
	return fields[i]
}

func rowOut(r *row) []sluice.Field {
	var out []sluice.Field
	err := emitter{func(f []sluice.Field) error { out = f; return nil }}.row(r)
	if err != nil || len(out) == 0 {
		return nil
	}
	return out
}

// TestStatsAndSort holds grouping and sorting against maps and slices.
func TestStatsAndSort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type pair struct {
			key string
			n   int
		}
		pairs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) pair {
			return pair{rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "key"), rapid.IntRange(-5, 5).Draw(t, "n")}
		}), 0, 50).Draw(t, "rows")

		sums := map[string]int{}
		for _, p := range pairs {
			sums[p.key] += p.n
		}
		var want []string
		for key, sum := range sums {
			want = append(want, fmt.Sprintf("%s=%d", key, sum))
		}
		slices.Sort(want)
		limit := rapid.IntRange(0, 60).Draw(t, "limit")

		sorted := slices.Clone(pairs)
		slices.SortStableFunc(sorted, func(a, b pair) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.key, b.key)) })
		var wantSorted []string
		for _, p := range sorted[:min(limit, len(sorted))] {
			wantSorted = append(wantSorted, fmt.Sprintf("%s=%d", p.key, p.n))
		}

		f := func(text string, want []string) {
			p, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			r := NewRunner(p, testOptions(), func(f []sluice.Field) error {
				got = append(got, f[0].Value+"="+f[1].Value)
				return nil
			})
			for _, p := range pairs {
				if err := r.Row([]sluice.Field{{Key: "k", Value: p.key}, {Key: "n", Value: strconv.Itoa(p.n)}}); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.Finish(); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%s: %v, want %v", text, got, want)
			}
		}
		f("stats s=sum(n) by k | sort k", want)
		f(fmt.Sprintf("extend n=cast(n as bigint) | sort n desc, k | limit %d", limit), wantSorted)
	})
}

func TestSketch(t *testing.T) {
	for _, n := range []int{0, 1, 200, 257, 5_000, 100_000} {
		s := &sketch{}
		for i := range n {
			for range 2 {
				s.add([]value{textOf(fmt.Sprint("v", i))})
			}
		}
		got := s.result().n
		if off := float64(got-int64(n)) / float64(max(n, 1)); n <= 256 && off != 0 || off > 0.07 || off < -0.07 {
			t.Errorf("%d distinct values are counted as %d", n, got)
		}
	}
}
