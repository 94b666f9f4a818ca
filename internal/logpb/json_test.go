package logpb

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
)

var jsonNow = time.Unix(1700000000, 42)

func TestAppendJSON(t *testing.T) {
	field := func(keysAndValues ...string) (fields []sluice.Field) {
		for i := 0; i < len(keysAndValues); i += 2 {
			fields = append(fields, sluice.Field{Key: keysAndValues[i], Value: keysAndValues[i+1]})
		}
		return fields
	}
	now := func(fields ...string) sluice.Record {
		return sluice.Record{Time: 1700000000, Nanos: 42, Fields: field(fields...)}
	}
	for _, test := range []struct {
		name, body string
		keepTime   bool
		want       sluice.LogGroup
	}{
		{
			"everything", `{"__topic__":"t","__source__":"10.0.0.1","__tags__":{"k":"v","a":"b"},"__logs__":[{"a":"1"},{"b":"2"}]}`, false,
			sluice.LogGroup{Topic: "t", Source: "10.0.0.1", Tags: field("k", "v", "a", "b"), Records: []sluice.Record{now("a", "1"), now("b", "2")}},
		},
		{"any order", `{"__logs__":[{"a":"1"}],"__topic__":"t"}`, false, sluice.LogGroup{Topic: "t", Records: []sluice.Record{now("a", "1")}}},
		{
			"order of fields", `{"__logs__":[{"z":"1","a":"2","m":"3","a":"4"}]}`, false,
			sluice.LogGroup{Records: []sluice.Record{now("z", "1", "a", "2", "m", "3", "a", "4")}},
		},
		{"no logs", `{"__logs__":[]}`, false, sluice.LogGroup{}},
		{
			"white space", " {\n\t\"__logs__\" : [ { \"a\" : \"1\" , \"b\" :\r\n 2 } ] } \n", false,
			sluice.LogGroup{Records: []sluice.Record{now("a", "1", "b", "2")}},
		},
		{
			"no strings", `{"__logs__":[{"i":1,"f":1.50,"e":1e3,"t":true,"n":null,"o":{"b": [1, "x"]},"l":[ ]}]}`, false,
			sluice.LogGroup{Records: []sluice.Record{now("i", "1", "f", "1.50", "e", "1e3", "t", "true", "n", "", "o", `{"b":[1,"x"]}`, "l", "[]")}},
		},
		{"escapes", `{"__logs__":[{"\u0061":"\"\u00e9\n\\"}]}`, false, sluice.LogGroup{Records: []sluice.Record{now("a", "\"é\n\\")}}},
		{"unknown keys", `{"x":{"__logs__":[1]},"__logs__":[{"a":"1"}],"y":[null]}`, false, sluice.LogGroup{Records: []sluice.Record{now("a", "1")}}},
		{"time overwritten", `{"__logs__":[{"a":"1","__time__":5,"__time_ns_part__":"x"}]}`, false, sluice.LogGroup{Records: []sluice.Record{now("a", "1")}}},
		{
			"time kept", `{"__logs__":[{"__time__":5,"a":"1","__time_ns_part__":6}]}`, true,
			sluice.LogGroup{Records: []sluice.Record{{Time: 5, Nanos: 6, Fields: field("a", "1")}}},
		},
		{
			"time kept without nanoseconds", `{"__logs__":[{"a":"1","__time__":"5"}]}`, true,
			sluice.LogGroup{Records: []sluice.Record{{Time: 5, Fields: field("a", "1")}}},
		},
		{"no time to keep", `{"__logs__":[{"a":"1","__time_ns_part__":6}]}`, true, sluice.LogGroup{Records: []sluice.Record{now("a", "1")}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			raw, err := AppendJSON(nil, []byte(test.body), Limits{}, jsonNow, test.keepTime)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Decode(raw)
			if err != nil {
				t.Fatal(err)
			}
			if d := diff(got, &test.want); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// A document of many small logs must not become many small things: anybody may send one where web tracking is on.
func TestAppendJSONHoldsLittle(t *testing.T) {
	body := []byte(`{"__logs__":[` + strings.TrimSuffix(strings.Repeat(`{"":""},`, 1<<17), ",") + `]}`)
	before := heap()
	raw, err := AppendJSON(nil, body, Limits{}, jsonNow, false)
	if err != nil {
		t.Fatal(err)
	}
	if held := heap() - before; held > 6*int64(len(body)) {
		t.Errorf("%d bytes are held for a document of %d", held, len(body))
	}
	runtime.KeepAlive(raw)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestAppendJSONRefuses(t *testing.T) {
	lim := Limits{MaxLogs: 2, MaxKey: 8, MaxValue: 8, MaxTags: 1, Earliest: 1000, Latest: 1700000000}
	for _, test := range []struct {
		name, body string
		kind       sluice.Kind
		noun       string
	}{
		{"nothing", ``, sluice.Invalid, "body"},
		{"no JSON", `a=1`, sluice.Invalid, "body"},
		{"an array", `[]`, sluice.Invalid, "body"},
		{"null", `null`, sluice.Invalid, "body"},
		{"no logs", `{"__topic__":"t"}`, sluice.Invalid, "body"},
		{"logs as an object", `{"__logs__":{}}`, sluice.Invalid, "body"},
		{"a log as a string", `{"__logs__":["a"]}`, sluice.Invalid, "body"},
		{"tags as an array", `{"__tags__":[],"__logs__":[]}`, sluice.Invalid, "body"},
		{"cut short", `{"__logs__":[{"a":"1"}`, sluice.Invalid, "body"},
		{"a key without quotes", `{"__logs__":[{a:"1"}]}`, sluice.Invalid, "body"},
		{"a number as key", `{"__logs__":[{1:"1"}]}`, sluice.Invalid, "body"},
		{"an object as key", `{{}:1}`, sluice.Invalid, "body"},
		{"a comma too many", `{"__logs__":[{"a":"1",}]}`, sluice.Invalid, "body"},
		{"something behind it", `{"__logs__":[]}{}`, sluice.Invalid, "body"},
		{"garbage behind it", `{"__logs__":[]}]`, sluice.Invalid, "body"},
		{"very deep", `{"x":` + strings.Repeat("[", 100000), sluice.Invalid, "body"},
		{"time no number", `{"__logs__":[{"__time__":"now"}]}`, sluice.Invalid, "body"},
		{"time with a fraction", `{"__logs__":[{"__time__":1.5}]}`, sluice.Invalid, "body"},
		{"time over 32 bits", `{"__logs__":[{"__time__":4294967296}]}`, sluice.Invalid, "body"},
		{"nanoseconds over the second", `{"__logs__":[{"__time__":1000,"__time_ns_part__":1000000000}]}`, sluice.Invalid, "body"},
		{"too early", `{"__logs__":[{"__time__":999}]}`, sluice.Invalid, "body-time"},
		{"too late", `{"__logs__":[{"__time__":1700000001}]}`, sluice.Invalid, "body-time"},
		{"too many logs", `{"__logs__":[{},{},{}]}`, sluice.TooLarge, "body-size"},
		{"too many tags", `{"__tags__":{"a":"","b":""},"__logs__":[]}`, sluice.TooLarge, "body-size"},
		{"key too long", `{"__logs__":[{"123456789":""}]}`, sluice.TooLarge, "body-size"},
		{"value too long", `{"__logs__":[{"a":"123456789"}]}`, sluice.TooLarge, "body-size"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := AppendJSON(nil, []byte(test.body), lim, jsonNow, true)
			wantError(t, err, test.kind, test.noun)
		})
	}
}
