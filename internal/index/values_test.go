package index_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluicelog/sluice/internal/index"
)

func TestNumbers(t *testing.T) {
	for _, tt := range []struct {
		text         string
		long, double any // nil: not one
	}{
		{"0", int64(0), 0.0},
		{"-7", int64(-7), -7.0},
		{"+7", int64(7), 7.0},
		{"007", int64(7), 7.0},
		{"9223372036854775807", int64(math.MaxInt64), 9223372036854775807.0},
		{"-9223372036854775808", int64(math.MinInt64), -9223372036854775808.0},
		{"9223372036854775808", nil, 9223372036854775808.0},
		{"-9223372036854775809", nil, -9223372036854775809.0},
		{"99999999999999999999", nil, 99999999999999999999.0},
		{"1.5", nil, 1.5},
		{"1.0", nil, 1.0},
		{"1.", nil, 1.0},
		{"-.5", nil, -0.5},
		{"1e3", nil, 1000.0},
		{"1.5E-3", nil, 0.0015},
		{"1e400", nil, nil},
		{"1e", nil, nil},
		{"1e+", nil, nil},
		{".", nil, nil},
		{"", nil, nil},
		{"-", nil, nil},
		{"+-1", nil, nil},
		{" 1", nil, nil},
		{"1 ", nil, nil},
		{"1,000", nil, nil},
		{"1_000", nil, nil},
		{"0x10", nil, nil},
		{"0x1p3", nil, nil},
		{"inf", nil, nil},
		{"-Infinity", nil, nil},
		{"NaN", nil, nil},
		{"abc", nil, nil},
		{"１", nil, nil},
	} {
		var long, double any
		if n, ok := index.ParseLong(tt.text); ok {
			long = n
		}
		if x, ok := index.ParseDouble(tt.text); ok {
			double = x
		}
		if long != tt.long || double != tt.double {
			t.Errorf("%q: got %v and %v, want %v and %v", tt.text, long, double, tt.long, tt.double)
		}
	}
}

func TestParseLongBySize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[-+]?[0-9]{1,21}`).Draw(t, "text")
		want, _ := new(big.Int).SetString(text, 10)
		got, ok := index.ParseLong(text)
		if ok != want.IsInt64() || ok && got != want.Int64() {
			t.Fatalf("%s: got %d, %t", text, got, ok)
		}
	})
}

// leaves lists the leaves of a JSON value as path=value lines.
func leaves(t testing.TB, value string) []string {
	t.Helper()
	var list []string
	index.Leaves(value, func(path []byte, l index.Leaf) bool {
		if l.Start >= 0 && value[l.Start:l.Start+len(l.Value)] != l.Value {
			t.Errorf("%s: %s does not stand at %d", value, l.Value, l.Start)
		}
		list = append(list, fmt.Sprintf("%s=%s %c", path, l.Value, "snb"[l.Kind]))
		return true
	})
	return list
}

func TestLeaves(t *testing.T) {
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + `"x"` + strings.Repeat(`}`, n) }
	for _, tt := range []struct {
		value string
		want  []string
	}{
		{`{"latency":12,"user":{"name":"amy"}}`, []string{"latency=12 n", "user.name=amy s"}},
		{" {\n \"a\" : true , \"b\" : null,\t\"c\":false, \"d\":-1.5e3 } rest", []string{"a=true b", "c=false b", "d=-1.5e3 n"}},
		{`{"a":[1,{"b":"]"},"\"]"],"c":{},"d":{"e":{"f":""}}}`, []string{"d.e.f= s"}},
		{`{"a":"\"\\\/\b\f\n\r\t\u767b\ud83d\ude00\ud800x"}`, []string{"a=\"\\/\b\f\n\r\t登😀\ufffdx s"}},
		{`{"a":"x\qy","b":1}`, []string{"a=x s", "b=1 n"}},
		{`{"a.b":1,"a":{"b":2}}`, []string{"a.b=1 n", "a.b=2 n"}},
		{`{"a\n":1}`, []string{"a\n=1 n"}},
		{"{\"a\":\"line\nbreak\"}", []string{"a=line\nbreak s"}},
		// What is cut off.
		{
			`{remote_addr:"192.0.2.0", request: {request_length:"73", request_method:"GE`,
			[]string{"remote_addr=192.0.2.0 s", "request.request_length=73 s", "request.request_method=GE s"},
		},
		{`{"a":1,"b":12`, []string{"a=1 n"}},
		{`{"a":1,"b":tru`, []string{"a=1 n"}},
		{`{"a":1,"b":"x\`, []string{"a=1 n", "b=x s"}},
		{`{"a":1,"b":"x\u76`, []string{"a=1 n", "b=x s"}},
		{`{"a":1,"b":"x` + "\xe7\x99", []string{"a=1 n", "b=x s"}},
		{`{"a":1,"b":[1,2`, []string{"a=1 n"}},
		{`{"a":1,"b`, []string{"a=1 n"}},
		{`{"a":1`, nil},
		// What is none.
		{`{"a":1 "b":2}`, []string{"a=1 n"}},
		{`{"a":1,"b":x,"c":2}`, []string{"a=1 n"}},
		{`{"a":01x}`, nil},
		{`{,}`, nil},
		{`[{"a":1}]`, nil},
		{`"a"`, nil},
		{``, nil},
		{deep(index.MaxLeafDepth), []string{strings.Repeat("a.", index.MaxLeafDepth-1) + "a=x s"}},
		{deep(index.MaxLeafDepth + 1), nil},
	} {
		if d := cmp.Diff(tt.want, leaves(t, tt.value)); d != "" {
			t.Errorf("%s: %s", tt.value, d)
		}
	}
}

func TestFindLeaf(t *testing.T) {
	for _, tt := range []struct{ value, path, want string }{
		{`{"a":{"b":1},"c":2}`, "a.b", "1"},
		{`{"a":1,"a":2}`, "a", "2"},
		{`{"a":1}`, "b", "none"},
		{`{"a":{"b":1}}`, "a", "none"},
		{`{"\u0061b":1}`, "ab", "1"},
		{`{"x":"b"}`, "a.b", "none"},
	} {
		got := "none"
		if leaf, ok := index.FindLeaf(tt.value, tt.path); ok {
			got = leaf.Value
		}
		if got != tt.want {
			t.Errorf("%s of %s: got %s, want %s", tt.path, tt.value, got, tt.want)
		}
	}
}

// Of sound JSON the leaves are those that encoding/json finds.
func FuzzLeaves(f *testing.F) {
	for _, s := range []string{`{"a":1,"b":{"c":"x","d":[1]},"e":null,"f":true}`, `{"a":"\u00e9\n"}`, `{"a":{"b":{`, `{a:"x`, `{"":{"":""}}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got := map[string]string{}
		index.Leaves(value, func(path []byte, l index.Leaf) bool {
			got[string(path)] = l.Value
			return true
		})
		var doc map[string]any
		if !utf8.ValidString(value) || !json.Valid([]byte(value)) || strings.Count(value, "{") > index.MaxLeafDepth {
			return
		}
		dec := json.NewDecoder(strings.NewReader(value))
		dec.UseNumber()
		if dec.Decode(&doc) != nil {
			return // no object
		}
		want := map[string]string{}
		collect(want, "", doc)
		for path, text := range want {
			if g, ok := got[path]; !ok || g != text && strings.Count(path, ".") == 0 {
				t.Errorf("%s: %q is %q, want %q", value, path, g, text)
			}
		}
	})
}

func collect(leaves map[string]string, path string, object map[string]any) {
	for name, v := range object {
		p := path + name
		switch v := v.(type) {
		case map[string]any:
			collect(leaves, p+".", v)
		case string, json.Number, bool:
			leaves[p] = fmt.Sprint(v)
		}
	}
}
