package index_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/index"
)

const config = `{"line":{"token":[" ",","],"caseSensitive":false,"chn":false,"auto_key_detect":true},
	"keys":{"status":{"type":"long","alias":"code","doc_value":true,"token":["x"]},
		"url":{"type":"text","token":["/","?"],"caseSensitive":true,"embedding":"m"},
		"Agent":{"type":"text","token":[","," ",","]},
		"info":{"type":"json","token":[" "],"chn":true,"max_depth":2,
			"json_keys":{"latency":{"type":"double","doc_value":true},"user.name":{"type":"text","token":["/"]}}},
		"info.raw":{"type":"long"},
		"leaves":{"type":"json","token":[],"index_all":false,"json_keys":{"a":{"type":"long"}}},
		"__tag__:host":{"type":"text","token":["."]}},
	"max_text_len":4096,"ttl":-1,"log_reduce":false,"unknown":[1]}`

func parse(t testing.TB, doc string) *index.Config {
	t.Helper()
	c, err := index.Parse(json.RawMessage(doc))
	if err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	return c
}

func TestParse(t *testing.T) {
	c := parse(t, config)
	if c.MaxTextLen != 4096 || len(c.Keys) != 7 {
		t.Errorf("max_text_len %d, %d keys", c.MaxTextLen, len(c.Keys))
	}
	if k := c.Keys["status"]; k.Type != index.Long || k.Alias != "code" || !k.DocValue || k.Tokenizer != nil {
		t.Errorf("status: %+v", k)
	}
	if k := c.Keys["url"]; k.Type != index.Text || !k.Tokenizer.CaseSensitive() || k.DocValue {
		t.Errorf("url: %+v", k)
	}
	k := c.Keys["info"]
	if k.Type != index.JSON || !k.IndexAll || k.MaxDepth != 2 || k.Leaves["latency"].Type != index.Double || !k.Leaves["latency"].DocValue {
		t.Errorf("info: %+v", k)
	}
	if k.Leaves["user.name"].Tokenizer != k.Tokenizer {
		t.Error("a text leaf is not cut as its field is")
	}
	if c.Keys["Agent"].Tokenizer != c.Line.Tokenizer {
		t.Error("equal tokenizers are not the same")
	}
	if k := c.Keys["leaves"]; k.IndexAll || k.MaxDepth != -1 {
		t.Errorf("leaves: %+v", k)
	}
	if c := parse(t, `{"scan_index":true}`); c.Line != nil || len(c.Keys) != 0 || c.MaxTextLen != 2048 {
		t.Errorf("defaults: %+v", c)
	}
	list := parse(t, config).FullTextTokenizers()
	if len(list) != 6 { // reserved fields; line and Agent; url, info, leaves, the tag
		t.Errorf("%d tokenizers", len(list))
	}
	for i, tok := range list {
		if tok.Number() != i {
			t.Errorf("tokenizer %d says it is number %d", i, tok.Number())
		}
	}
}

func TestParseErrors(t *testing.T) {
	key := func(s string) string { return `{"keys":{"k":` + s + `}}` }
	for _, tt := range []struct{ doc, noun, part string }{
		{``, "index", "of error format"},
		{`[]`, "index", "of error format"},
		{`null`, "index", "required fields line/keys are lacking"},
		{`{}`, "index", "required fields line/keys are lacking"},
		{`{"line":{}}`, "index", "required field token is lacking"},
		{`{"line":{"token":["a",""]}}`, "index", "required field token is lacking"},
		{`{"line":{"token":"a"}}`, "index", "of error format"},
		{`{"line":{"token":[],"include_keys":["a"],"exclude_keys":["b"]}}`, "index", "exclude each other"},
		{`{"keys":{},"max_text_len":63}`, "index", "max_text_len"},
		{`{"keys":{},"max_text_len":16385}`, "index", "max_text_len"},
		{key(`{}`), "parameter", "key config must has type."},
		{key(`null`), "parameter", "key config must has type."},
		{key(`{"type":"varchar"}`), "index", "varchar"},
		{key(`{"type":"text"}`), "index", "required field token is lacking"},
		{key(`{"type":"json"}`), "index", "required field token is lacking"},
		{key(`{"type":"long","json_keys":{}}`), "index", "json_keys is only for"},
		{key(`{"type":"json","token":[],"json_keys":{"a":{}}}`), "parameter", "key config must has type."},
		{key(`{"type":"json","token":[],"json_keys":{"a":{"type":"json"}}}`), "index", "json_keys type"},
		{`{"keys":{},"x":"` + strings.Repeat("x", 64<<10) + `"}`, "index", "at most 65536"},
	} {
		_, err := index.Parse(json.RawMessage(tt.doc))
		var e *sluice.Error
		if !errors.As(err, &e) || e.Kind != sluice.Invalid || e.Noun != tt.noun || !strings.Contains(e.Msg, tt.part) {
			t.Errorf("%.80s: error %v, want %s: %s", tt.doc, err, tt.noun, tt.part)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(config))
	f.Add([]byte(`{"line":{"token":["\\n","，","a"],"chn":true},"keys":{"":{"type":"json","token":[],"json_keys":{"":{"type":"text"}}}}}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		c, err := index.Parse(doc)
		if err != nil {
			if e := (*sluice.Error)(nil); !errors.As(err, &e) {
				t.Fatalf("error %T", err)
			}
			return
		}
		for name, key := range c.Keys {
			if _, ok := c.Field(name); !ok && name != index.TimeField {
				t.Errorf("no field %q", name)
			}
			if tok := key.Tokenizer; tok != nil {
				scan(t, tok, string(doc))
			}
		}
		for _, tok := range c.FullTextTokenizers() {
			tok.Cut(string(doc), true)
		}
	})
}

func TestField(t *testing.T) {
	c := parse(t, config)
	for _, tt := range []struct{ name, want string }{
		{"status", "status long"},
		{"STATUS", "status long"},
		{"agent", "Agent text"},
		{"info", "info json"},
		{"info.latency", "info/latency double"},
		{"INFO.Latency", "info/latency double"},
		{"info.user.name", "info/user.name text"},
		{"info.any.leaf", "info/any.leaf text found"},
		{"info.too.deep.leaf", "none"},
		{"info.", "none"},
		{"info.raw", "info.raw long"}, // a key of that name comes first
		{"leaves.a", "leaves/a long"},
		{"leaves.b", "none"},
		{"url.a", "none"},
		{"nosuch", "none"},
		{"", "none"},
		{"source", "__source__ text"},
		{"Source", "none"},
		{"__Source__", "__source__ text"},
		{"__topic__", "__topic__ text"},
		{"__tag__:any", "__tag__:any text"},
		{"__TAG__:Any", "__tag__:Any text"},
		{"__tag__:", "none"},
		{"__time__", "none"},
	} {
		got := "none"
		if f, ok := c.Field(tt.name); ok {
			got = f.Name
			if f.Path != "" {
				got += "/" + f.Path
			}
			got += " " + f.Type.String()
			if f.Found {
				got += " found"
			}
		}
		if got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.name, got, tt.want)
		}
	}
	// A user's field called source is reached in another case.
	c = parse(t, `{"keys":{"source":{"type":"long"}}}`)
	if f, ok := c.Field("SOURCE"); !ok || f.Name != "source" {
		t.Errorf("SOURCE: %+v", f)
	}
	if f, ok := c.Field("source"); !ok || f.Name != "__source__" {
		t.Errorf("source: %+v", f)
	}
	host, _ := parse(t, config).Field("__tag__:host")
	if got := host.Tokenizer.Cut("a.b", false).Tokens; len(got) != 2 {
		t.Errorf("a tag with a key of its own is cut to %q", got)
	}
}

// What of a field is in the full text, and cut how: v for values, n for names.
func TestFullText(t *testing.T) {
	for _, tt := range []struct{ doc, want string }{
		{config, "url:vn status:n info:vn other:vn __source__:v __topic__:v __tag__:t:v __time__:"},
		{
			`{"line":{"token":[],"include_keys":["url","info"]},"keys":{"status":{"type":"long"},"text":{"type":"text","token":[]}}}`,
			"url:vn status: info:vn other: __source__:v __topic__:v __tag__:t:v __time__:",
		},
		{
			`{"line":{"token":[],"exclude_keys":["url","other"]},"keys":{"url":{"type":"text","token":[]}}}`,
			"url:v status:vn info:vn other: __source__:v __topic__:v __tag__:t:v __time__:",
		},
		{
			`{"keys":{"url":{"type":"text","token":[]},"info":{"type":"json","token":[]}}}`,
			"url:v status: info: other: __source__:v __topic__:v __tag__:t:v __time__:",
		},
	} {
		c := parse(t, tt.doc)
		var got []string
		for _, name := range []string{"url", "status", "info", "other", "__source__", "__topic__", "__tag__:t", "__time__"} {
			s := name + ":"
			value, title := c.FullText(name)
			if value != nil {
				s += "v"
			}
			if title != nil {
				s += "n"
			}
			got = append(got, s)
		}
		if d := cmp.Diff(tt.want, strings.Join(got, " ")); d != "" {
			t.Errorf("%s: %s", tt.doc, d)
		}
	}
}

func TestLog(t *testing.T) {
	group := &sluice.LogGroup{Topic: "t", Source: "s", Tags: []sluice.Field{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}, {Key: "a", Value: "3"}}}
	record := &sluice.Record{Fields: []sluice.Field{
		{Key: "x", Value: "1"},
		{Key: "__topic__", Value: "no"},
		{Key: "x", Value: "2"},
		{Key: "__tag__:a", Value: "no"},
		{Key: "y", Value: ""},
		{Key: "__time__", Value: "no"},
		{Key: "__other__", Value: "4"},
	}}
	want := []sluice.Field{
		{Key: "__source__", Value: "s"},
		{Key: "__topic__", Value: "t"},
		{Key: "__tag__:a", Value: "3"},
		{Key: "__tag__:b", Value: "2"},
		{Key: "x", Value: "2"},
		{Key: "y", Value: ""},
		{Key: "__other__", Value: "4"},
	}
	var l index.Log
	check := func() {
		t.Helper()
		if d := cmp.Diff(want, l.Fields()); d != "" {
			t.Error(d)
		}
	}
	l.SetGroup(group)
	l.SetRecord(record)
	check()
	l.SetRecord(&sluice.Record{Fields: []sluice.Field{{Key: "z"}}})
	l.SetRecord(record)
	check()
	for i := range 30 { // many
		f := sluice.Field{Key: fmt.Sprint("k", i), Value: "v"}
		record.Fields = append(record.Fields, f)
		want = append(want, f)
	}
	l.SetRecord(record)
	check()
	l.SetRecord(record)
	check()
	if v, ok := l.Value("k29"); !ok || v != "v" {
		t.Errorf("k29: %q, %t", v, ok)
	}
	flat := []sluice.Field{{Key: "p", Value: "q"}}
	l.Set(flat)
	if _, ok := l.Value("x"); ok || len(l.Fields()) != 1 {
		t.Errorf("fields: %v", l.Fields())
	}
	l.SetGroup(group)
	if flat[0].Key != "p" {
		t.Error("the fields of the caller were written over")
	}
}
