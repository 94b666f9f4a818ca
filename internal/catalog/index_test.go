package catalog_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta"
)

func TestIndexLife(t *testing.T) {
	env := open(t, catalog.Options{})
	env.CreateLogstore(1)
	c := env.Catalog
	line, keys := json.RawMessage(`{"line":{"token":[" "]}}`), json.RawMessage(`{"keys":{"a":{"type":"long"}},"ttl":7,"storage":"x"}`)

	_, err := c.Index(ctx, ref)
	wantError(t, "get before create", err, sluice.NotFound, "index", "index config doesn't exist.")
	wantError(t, "update before create", c.UpdateIndex(ctx, ref, line), sluice.Invalid, "parameter", "index is not created")
	wantError(t, "delete before create", c.DeleteIndex(ctx, ref), sluice.Invalid, "parameter", "log store index is not created")
	if err := c.CreateIndex(ctx, ref, line); err != nil {
		t.Fatal(err)
	}
	wantError(t, "create again", c.CreateIndex(ctx, ref, line), sluice.AlreadyExists, "index", "Logstore index is already created")

	wantIndex(t, env.Catalog, fmt.Sprintf(`{"line":{"token":[" "],"caseSensitive":false,"chn":false},"max_text_len":2048,"log_reduce":false,
		"ttl":30,"storage":"pg","index_mode":"v2","lastModifyTime":%d}`, env.Clock.Now().Unix()))
	env.Clock.Advance(time.Hour)
	if err := c.UpdateIndex(ctx, ref, keys); err != nil { // replaces the whole
		t.Fatal(err)
	}
	wantIndex(t, env.Catalog, fmt.Sprintf(`{"keys":{"a":{"type":"long"}},"max_text_len":2048,"log_reduce":false,
		"ttl":30,"storage":"x","index_mode":"v2","lastModifyTime":%d}`, env.Clock.Now().Unix()))
	if err := c.DeleteIndex(ctx, ref); err != nil {
		t.Fatal(err)
	}
	_, err = c.Index(ctx, ref)
	wantError(t, "get after delete", err, sluice.NotFound, "index", "")

	nope := sluice.LogstoreRef{Project: ref.Project, Logstore: "nope"}
	_, err = c.Index(ctx, nope)
	wantError(t, "get of nothing", err, sluice.NotFound, "logstore", "")
	wantError(t, "create for nothing", c.CreateIndex(ctx, nope, line), sluice.NotFound, "logstore", "")
	wantError(t, "update for nothing", c.UpdateIndex(ctx, nope, line), sluice.NotFound, "logstore", "")
	wantError(t, "delete for nothing", c.DeleteIndex(ctx, nope), sluice.NotFound, "logstore", "")
}

func wantIndex(t *testing.T, c *catalog.Catalog, want string) {
	t.Helper()
	x, err := c.Index(ctx, ref)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(decode(t, want), decode(t, string(x.Config))); d != "" {
		t.Errorf("index: %s", d)
	}
}

func decode(t *testing.T, s string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return v
}

// Keys come back exactly as they were sent, with their unknown fields; line gets its flags.
func TestIndexRoundTrip(t *testing.T) {
	keys := `{"status":{"alias":"","doc_value":true,"type":"long"},"msg":{"type":"text","token":["<","&","\"","\""],"caseSensitive":true,` +
		`"embedding":"m","vector_index":{"n":1.50}},"Body":{"type":"json","token":["\\n"],"index_all":true,"max_depth":-1,` +
		`"json_keys":{"a.b":{"type":"double","chn":false,"token":[]}}}}`
	got, err := catalog.CheckIndex(json.RawMessage(`{"keys":` + keys + `,"line":{"token":[],"include_keys":["a"],"auto_key_detect":true},"x":[1]}`))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(got, &doc); err != nil {
		t.Fatal(err)
	}
	if string(doc["keys"]) != keys {
		t.Errorf("keys %s, want %s", doc["keys"], keys)
	}
	want := `{"token":[],"include_keys":["a"],"auto_key_detect":true,"caseSensitive":false,"chn":false}`
	if d := cmp.Diff(decode(t, want), decode(t, string(doc["line"]))); d != "" {
		t.Errorf("line: %s", d)
	}
	if string(doc["x"]) != "[1]" {
		t.Errorf("unknown field %s", doc["x"])
	}
}

func TestIndexChecks(t *testing.T) {
	key := func(s string) string { return `{"keys":{"k":` + s + `}}` }
	line := func(s string) string { return `{"line":{"token":[","],` + s + `}}` }
	for _, tt := range []struct {
		config, noun, part string // an empty noun succeeds
	}{
		{`{"line":{"token":[","]}}`, "", ""},
		{`{"scan_index":true}`, "", ""},
		{`{"keys":{}}`, "", ""},
		{`{}`, "index", "required fields line/keys are lacking"},
		{`{"line":null,"keys":null}`, "index", "required fields line/keys are lacking"},
		{`{"Line":{"token":[","]}}`, "index", "required fields line/keys are lacking"},
		{`null`, "index", "not a JSON object"},
		{`[]`, "index", "not a JSON object"},
		{`{"line"`, "index", "not a JSON object"},
		{``, "index", "not a JSON object"},
		{`{"line":{},"x":"` + strings.Repeat("x", 64<<10) + `"}`, "index", "at most 65536"},
		{`{"line":{}}`, "index", "required field token is lacking or of error format"},
		{`{"line":{"token":","}}`, "index", "required field token is lacking or of error format"},
		{`{"line":{"token":[""]}}`, "index", "required field token is lacking or of error format"},
		{`{"line":[]}`, "index", "line"},
		{line(`"caseSensitive":"no"`), "index", "caseSensitive"},
		{line(`"chn":1`), "index", "chn"},
		{line(`"include_keys":["a"]`), "", ""},
		{line(`"include_keys":["a"],"exclude_keys":[]`), "", ""},
		{line(`"include_keys":["a"],"exclude_keys":["b"]`), "index", "exclude each other"},
		{line(`"include_keys":"a"`), "index", "include_keys"},
		{`{"keys":[]}`, "index", "keys"},
		{key(`{}`), "parameter", "key config must has type."},
		{key(`null`), "parameter", "key config must has type."},
		{key(`{"type":"long"}`), "", ""},
		{key(`{"type":"double","token":[","],"caseSensitive":false,"chn":false}`), "", ""}, // Go sends them always
		{key(`{"type":"varchar"}`), "index", "varchar"},
		{key(`{"type":7}`), "index", "type"},
		{key(`{"type":"text"}`), "index", "required field token is lacking or of error format"},
		{key(`{"type":"text","token":[]}`), "", ""},
		{key(`{"type":"text","token":[","],"doc_value":"yes"}`), "index", "doc_value"},
		{key(`{"type":"text","token":[","],"alias":1}`), "index", "alias"},
		{key(`{"type":"text","token":[","],"json_keys":{}}`), "index", "json_keys is only for"},
		{key(`{"type":"json","token":[","]}`), "", ""},
		{key(`{"type":"json"}`), "index", "required field token is lacking or of error format"},
		{key(`{"type":"json","token":[","],"index_all":1}`), "index", "index_all"},
		{key(`{"type":"json","token":[","],"max_depth":"deep"}`), "index", "max_depth"},
		{key(`{"type":"json","token":[","],"json_keys":{"a":{"type":"text"}}}`), "", ""},
		{key(`{"type":"json","token":[","],"json_keys":{"a":{}}}`), "parameter", "key config must has type."},
		{key(`{"type":"json","token":[","],"json_keys":{"a":{"type":"json"}}}`), "index", "json_keys type"},
		{`{"keys":{"` + strings.Repeat("k", 128) + `":{"type":"long"}}}`, "", ""},
		{`{"keys":{"` + strings.Repeat("k", 129) + `":{"type":"long"}}}`, "index", "1 to 128"},
		{`{"keys":{"":{"type":"long"}}}`, "index", "1 to 128"},
		{`{"keys":{},"max_text_len":64}`, "", ""},
		{`{"keys":{},"max_text_len":16384}`, "", ""},
		{`{"keys":{},"max_text_len":63}`, "index", "max_text_len"},
		{`{"keys":{},"max_text_len":16385}`, "index", "max_text_len"},
		{`{"keys":{},"log_reduce":true,"log_reduce_white_list":["a"],"log_reduce_black_list":[]}`, "", ""},
		{`{"keys":{},"log_reduce_white_list":["a"],"log_reduce_black_list":["b"]}`, "index", "exclude each other"},
		{`{"keys":{},"log_reduce":"on"}`, "index", "log_reduce"},
	} {
		_, err := catalog.CheckIndex(json.RawMessage(tt.config))
		if tt.noun != "" {
			wantError(t, tt.config, err, sluice.Invalid, tt.noun, tt.part)
		} else if err != nil {
			t.Errorf("%s: %v", tt.config, err)
		}
	}
}

// A deleted logstore takes its index with it.
func TestIndexGoesWithItsLogstore(t *testing.T) {
	env := open(t, catalog.Options{})
	env.CreateLogstore(1)
	if err := env.Catalog.CreateIndex(ctx, ref, json.RawMessage(`{"keys":{}}`)); err != nil {
		t.Fatal(err)
	}
	if err := env.Catalog.DeleteLogstore(ctx, ref); err != nil {
		t.Fatal(err)
	}
	if err := env.Catalog.CreateLogstore(ctx, meta.Logstore{Project: ref.Project, Name: ref.Logstore, TTLDays: 1}, 1); err != nil {
		t.Fatal(err)
	}
	_, err := env.Catalog.Index(ctx, ref)
	wantError(t, "get", err, sluice.NotFound, "index", "")
}

// What passes passes again, unchanged.
func FuzzCheckIndex(f *testing.F) {
	f.Add(`{"line":{"token":[" "],"include_keys":["a"]},"keys":{"k":{"type":"json","token":[],"json_keys":{"a.b":{"type":"long"}}}}}`)
	f.Add(`{"keys":{"k":{"type":"text","token":["<"],"alias":"","doc_value":true}},"max_text_len":64,"log_reduce_white_list":["k"]}`)
	f.Add(`{"scan_index":true,"line":null}`)
	f.Fuzz(func(t *testing.T, config string) {
		once, err := catalog.CheckIndex(json.RawMessage(config))
		if err != nil {
			if sluice.KindOf(err) != sluice.Invalid {
				t.Fatalf("error %v, want an invalid one", err)
			}
			return
		}
		if len(once) > 64<<10 { // the defaults made it longer than what is allowed to come in
			return
		}
		twice, err := catalog.CheckIndex(once)
		if err != nil || string(twice) != string(once) {
			t.Fatalf("%s became %s, and then %s (%v)", config, once, twice, err)
		}
	})
}
