package spl

import (
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/sluicelog/sluice"
)

// FuzzPipeline runs any pipeline over any values. It has to end with rows or errors, within bounds, and the same each time.
func FuzzPipeline(f *testing.F) {
	for _, c := range streamCommands {
		f.Add("* | "+c, "a=1 b=2", `{"a":1,"y":[1,"2"]}`)
	}
	f.Add("* | stats n=count(*), d=approx_distinct(a), l=array_agg(b) by a | sort n desc | limit 5", "1", "2")
	f.Add("* | extend x = reduce(cast(b as array(bigint)), 0, (s, x) -> s + x, s -> s), t = date_format(a, '%Y')", "1534521600", "[1,2]")
	f.Add("* | parse-csv -quote='\"' a as x, y | parse-kv -regexp b, '(\\w+):(\\w+)'", `"x,y",z`, "k:v")
	f.Add("* | expand-values -path='$.y[0]' b | where a like '%_' escape '!'", "a", `{"y":[[1]]}`)
	f.Fuzz(func(t *testing.T, text, a, b string) {
		p, err := Parse(text)
		if err != nil {
			if e, ok := errors.AsType[*sluice.Error](err); !ok || e.Noun != "query" || !utf8.ValidString(e.Msg) && utf8.ValidString(text) {
				t.Fatalf("Parse: %#v", err)
			}
			return
		}
		o := testOptions()
		o.Memory, o.RowBytes, o.RowFields, o.RowCopies, o.Steps = 1<<20, 1<<16, 100, 50, 20_000
		o.FoldNames = len(a)%2 == 1
		r := NewRunner(p, o, func(fields []sluice.Field) error {
			size := 0
			for _, f := range fields {
				size += len(f.Key) + len(f.Value)
			}
			if size > 8*o.RowBytes || len(fields) > o.RowFields {
				t.Errorf("a row has %d fields and %d bytes", len(fields), size)
			}
			return nil
		})
		in := []sluice.Field{{Key: timeField, Value: "5"}, {Key: "a", Value: a}, {Key: "b", Value: b}, {Key: "a", Value: b}}
		for range 3 {
			if err := r.Row(in); err != nil {
				if _, ok := errors.AsType[*RowError](err); !ok && sluice.KindOf(err) != sluice.TooLarge {
					t.Fatalf("Row: %v", err)
				}
			}
		}
		if err := r.Finish(); err != nil && sluice.KindOf(err) != sluice.TooLarge {
			t.Fatalf("Finish: %v", err)
		}
	})
}

// FuzzJSON holds walking JSON in place against encoding/json.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,{"b":"}]\""}],"c":null}`, ` [ ] `, `{"a" : { } , "a":-1e5}`, `"x\u00e9\n"`, `[[[]],"\\",true]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		doc, ok := validJSON(s)
		if ok != json.Valid([]byte(s)) {
			t.Fatalf("valid %v", ok)
		}
		if !ok {
			return
		}
		switch {
		case isArray(doc):
			var want []json.RawMessage
			if err := json.Unmarshal([]byte(doc), &want); err != nil {
				t.Fatal(err)
			}
			i := 0
			elements(doc, func(part string) bool {
				if part != string(want[i]) {
					t.Fatalf("element %d is %q, want %q", i, part, want[i])
				}
				i++
				return true
			})
			if i != len(want) {
				t.Fatalf("%d elements, want %d", i, len(want))
			}
		case isObject(doc):
			var want map[string]json.RawMessage
			if err := json.Unmarshal([]byte(doc), &want); err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			members(doc, func(key, val string) bool { got[key] = val; return true })
			for key, val := range got {
				if utf8.ValidString(doc) && val != string(want[key]) {
					t.Fatalf("member %q is %q, want %q", key, val, want[key])
				}
			}
			if utf8.ValidString(doc) && len(got) != len(want) {
				t.Fatalf("%d members, want %d", len(got), len(want))
			}
		case doc[0] == '"' && utf8.ValidString(doc):
			var want string
			if err := json.Unmarshal([]byte(doc), &want); err != nil || unquoteJSON(doc) != want {
				t.Fatalf("%q, want %q, %v", unquoteJSON(doc), want, err)
			}
			if quoted := appendJSONString(nil, want); unquoteJSON(string(quoted)) != want {
				t.Fatalf("quoted %s", quoted)
			}
		}
	})
}
