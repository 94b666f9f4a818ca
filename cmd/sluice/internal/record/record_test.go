package record_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/cmd/sluice/internal/record"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func fields(pairs ...string) []sluice.Field {
	var list []sluice.Field
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, sluice.Field{Key: pairs[i], Value: pairs[i+1]})
	}
	return list
}

func TestParseJSON(t *testing.T) {
	f := func(name string, p record.Parser, line string, want record.Entry) {
		t.Helper()
		p.Format = record.JSON
		got, err := p.Parse([]byte(line))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	f("order and repeated keys are kept", record.Parser{}, `{"b":"1","a":"2","b":"3"}`,
		record.Entry{Record: sluice.Record{Fields: fields("b", "1", "a", "2", "b", "3")}})
	f("values become text as they were written", record.Parser{}, `{"n":1.50e3,"t":true,"z":null,"o":{"k": [1, 2]},"s":"ü"}`,
		record.Entry{Record: sluice.Record{Fields: fields("n", "1.50e3", "t", "true", "z", "null", "o", `{"k":[1,2]}`, "s", "ü")}})
	f("nested objects can be flattened", record.Parser{Flatten: true}, `{"o":{"k":[1],"p":{"q":"x"}}}`,
		record.Entry{Record: sluice.Record{Fields: fields("o.k", "[1]", "o.p.q", "x")}})
	f("the dialect's keys keep their meaning", record.Parser{},
		`{"__time__":"1700000000","__time_ns_part__":"5","__topic__":"t","__source__":"s","__tag__:k":"v","a":"1"}`,
		record.Entry{
			Topic: "t", Source: "s", Tags: fields("k", "v"), Timed: true,
			Record: sluice.Record{Time: 1700000000, Nanos: 5, Fields: fields("a", "1")},
		})
	f("a row id is no content", record.Parser{}, `{"a":"1","__rowid__":"r"}`,
		record.Entry{RowID: "r", Record: sluice.Record{Fields: fields("a", "1")}})
	f("a time field is used and kept", record.Parser{TimeField: "ts"}, `{"ts":"2023-11-14T22:13:20.25Z"}`,
		record.Entry{Timed: true, Record: sluice.Record{Time: 1700000000, Nanos: 250e6, Fields: fields("ts", "2023-11-14T22:13:20.25Z")}})
	f("a time without a zone is in the parser's", record.Parser{TimeField: "ts", Location: time.FixedZone("", 3600)}, `{"ts":"2023-11-14 23:13:20"}`,
		record.Entry{Timed: true, Record: sluice.Record{Time: 1700000000, Fields: fields("ts", "2023-11-14 23:13:20")}})
	f("a time that is none is said to be none", record.Parser{TimeField: "ts"}, `{"ts":"soon"}`,
		record.Entry{Record: sluice.Record{Fields: fields("ts", "soon")}})
	f("an empty object", record.Parser{}, ` {} `, record.Entry{})
}

func TestParseJSONRefuses(t *testing.T) {
	p := record.Parser{Format: record.JSON}
	for _, line := range []string{
		``, `[1]`, `"x"`, `{"a":1`, `{"a":}`, `{"a":1} {"b":2}`, `{"a":1}x`, `nonsense`,
		`{"a":01}`, `{"a":1.}`, `{"a":-}`, `{"a":1e}`, `{"a":tru}`, `{"a":"\x"}`, `{"a" 1}`, `{,}`, `{"a":1,}`, "{\"a\":\"\x01\"}",
		`{"a":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `}`,
	} {
		if e, err := p.Parse([]byte(line)); err == nil {
			t.Errorf("Parse(%q) = %+v, want an error", line, e)
		}
	}
}

func TestParseRaw(t *testing.T) {
	p := record.Parser{Format: record.Raw, Field: "message"}
	got, err := p.Parse([]byte("{not json\xff"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fields("message", "{not json\xff"), got.Record.Fields); diff != "" {
		t.Error(diff)
	}
}

func TestDetect(t *testing.T) {
	f := func(head string, want record.Format) {
		t.Helper()
		if got := record.Detect([]byte(head)); got != want {
			t.Errorf("Detect(%q) = %s, want %s", head, got, want)
		}
	}
	f(`{"a":1}`+"\n", record.JSON)
	f("\n\n "+`{"a":1}`+"\n", record.JSON)
	f(`{"a":"a line longer than what was looked at`, record.JSON)
	f("{curly but not json}\n", record.Raw)
	f("[1,2]\n", record.Raw)
	f("plain\n", record.Raw)
	f("", record.Raw)
}

func print(t *testing.T, format record.Format, g sluice.LogGroup) string {
	t.Helper()
	var b bytes.Buffer
	p := record.Printer{To: &b, Out: tty.New(&b, func(string) string { return "" }), Format: format}
	for i := range g.Records {
		if err := p.Print(&g, &g.Records[i]); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestPrint(t *testing.T) {
	g := sluice.LogGroup{Topic: "web", Source: "h1", Tags: fields("rack", "7"), Records: []sluice.Record{
		{Time: 1700000000, Nanos: 1, Fields: fields("msg", "say \"hi\"\x1b[2J", "code", "200")},
		{Time: 1700000001, Fields: fields("content", "one\ttwo")},
	}}
	want := `{"__time__":"1700000000","__time_ns_part__":"1","__topic__":"web","__source__":"h1","__tag__:rack":"7","msg":"say \"hi\"\u001b[2J","code":"200"}
{"__time__":"1700000001","__topic__":"web","__source__":"h1","__tag__:rack":"7","content":"one\ttwo"}
`
	if diff := cmp.Diff(want, print(t, record.JSON, g)); diff != "" {
		t.Errorf("json (-want +got):\n%s", diff)
	}
	raw := strings.Split(print(t, record.Raw, g), "\n")
	if !strings.HasPrefix(raw[0], `{"__time__"`) || raw[1] != "one\ttwo" {
		t.Errorf("raw: %q", raw)
	}
	table := print(t, record.Table, g)
	if strings.Contains(table, "\x1b") || !strings.Contains(table, `web  msg="say \"hi\"\x1b[2J" code=200`) {
		t.Errorf("table: %q", table)
	}
}

// What is printed as JSON is what is parsed again, whatever bytes the fields hold.
func FuzzJSONRoundTrip(f *testing.F) {
	f.Add("key", "value", "topic", uint32(1700000000), uint32(5))
	f.Add("\"\\\n", "\x00\x1b\u009b\u202e😀", "日志", uint32(123456789), uint32(0))
	f.Add("k", "\U000e0001 tag", "", uint32(4294967295), uint32(999999999))
	f.Fuzz(func(t *testing.T, key, value, topic string, seconds, nanos uint32) {
		if strings.HasPrefix(key, "__") || nanos > 999999999 || seconds < 100000000 {
			t.Skip() // those keys have another meaning, and shorter numbers are no times
		}
		utf := func(s string) string {
			return strings.ToValidUTF8(strings.Map(func(r rune) rune { return r }, s), "\ufffd")
		}
		g := sluice.LogGroup{Topic: utf(topic), Records: []sluice.Record{{Time: seconds, Nanos: nanos, Fields: fields(utf(key), utf(value))}}}
		line := print(t, record.JSON, g)
		if !json.Valid([]byte(line)) {
			t.Fatalf("not JSON: %q", line)
		}
		p := record.Parser{Format: record.JSON}
		got, err := p.Parse([]byte(strings.TrimSuffix(line, "\n")))
		if err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		want := record.Entry{Topic: g.Topic, Record: g.Records[0], Timed: true}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q (-want +got):\n%s", line, diff)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,{"c":null}]},"__time__":1}`), true)
	f.Add([]byte(`{"a":{`), true)
	f.Fuzz(func(t *testing.T, line []byte, flatten bool) {
		p := record.Parser{Format: record.JSON, Flatten: flatten, TimeField: "a"}
		e, err := p.Parse(line)
		valid := json.Valid(line) && bytes.HasPrefix(bytes.TrimLeft(line, " \t\r\n"), []byte("{"))
		if (err == nil) != valid {
			t.Fatalf("Parse(%q) = %+v, %v; encoding/json accepts it: %v", line, e, err, valid)
		}
	})
}

func BenchmarkParseJSON(b *testing.B) {
	line := []byte(`{"ts":1795167544,"level":"info","msg":"request 123456 served","path":"/products/12","ms":37}`)
	p := record.Parser{Format: record.JSON, TimeField: "ts"}
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Parse(line); err != nil {
			b.Fatal(err)
		}
	}
}
