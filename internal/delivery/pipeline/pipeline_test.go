package pipeline_test

import (
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"weak"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/pipeline"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/index"
)

// compile makes a pipeline of a document.
func compile(t *testing.T, document string, config *index.Config) *pipeline.Pipeline {
	t.Helper()
	var spec pipeline.Spec
	if err := json.Unmarshal([]byte(document), &spec); err != nil {
		t.Fatal(err)
	}
	p, err := pipeline.Compile(&spec, pipeline.Options{Task: "p1/t1", Index: config})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// group makes a log group of one log of fields, alternately a key and its value.
func group(pairs ...string) *sluice.LogGroup {
	r := sluice.Record{Time: 1767323045, Nanos: 678_000_000}
	for i := 0; i < len(pairs); i += 2 {
		r.Fields = append(r.Fields, sluice.Field{Key: pairs[i], Value: pairs[i+1]})
	}
	return &sluice.LogGroup{
		Topic: "access", Source: "192.0.2.1", Tags: []sluice.Field{{Key: "host", Value: "h1"}, {Key: "path", Value: "/x"}}, Records: []sluice.Record{r},
	}
}

func TestFilter(t *testing.T) {
	log := group("status", "502", "uri", "/api/v1/item?x=1", "ip", "192.0.2.77", "ip6", "::ffff:198.51.100.3", "ratio", "-1.5e1", "none", "-", "empty", "",
		"dup", "first", "dup", "last", "__topic__", "false topic")
	for _, c := range []struct {
		filter string
		want   bool
	}{
		{`{}`, true},
		{`{"conditions":[{"field":"status","op":"equals","values":["502"]}]}`, true},
		{`{"conditions":[{"field":"status","op":"equals","values":["404","502"]}]}`, true},
		{`{"conditions":[{"field":"status","op":"equals","values":["50"]}]}`, false},
		{`{"conditions":[{"field":"status","op":"notEquals","values":["404"]}]}`, true},
		{`{"conditions":[{"field":"status","op":"notEquals","values":["404","502"]}]}`, false},
		{`{"conditions":[{"field":"status","op":"in","values":["1","2","3","4","5","6","7","8","9","502"]}]}`, true},
		{`{"conditions":[{"field":"status","op":"notIn","values":["1","2","3","4","5","6","7","8","9","502"]}]}`, false},
		{`{"conditions":[{"field":"uri","op":"contains","values":["x","/v1/"]}]}`, true},
		{`{"conditions":[{"field":"uri","op":"contains","values":["/V1/"]}]}`, false},
		{`{"conditions":[{"field":"uri","op":"notContains","values":["/v2/"]}]}`, true},
		{`{"conditions":[{"field":"uri","op":"startsWith","values":["/api"]},{"field":"uri","op":"endsWith","values":["=1"]}]}`, true},
		{`{"conditions":[{"field":"uri","op":"startsWith","values":["/api"]},{"field":"uri","op":"notEndsWith","values":["=1"]}]}`, false},
		{`{"conditions":[{"field":"uri","op":"notStartsWith","values":["/web","/app"]}]}`, true},
		{`{"conditions":[{"field":"uri","op":"matches","values":["^/api/v\\d+/"]}]}`, true},
		{`{"conditions":[{"field":"uri","op":"matches","values":["^v\\d"]}]}`, false},
		{`{"conditions":[{"field":"empty","op":"exists"}]}`, true},
		{`{"conditions":[{"field":"nothing","op":"exists"}]}`, false},
		{`{"conditions":[{"field":"nothing","op":"notExists"}]}`, true},
		{`{"conditions":[{"field":"nothing","op":"equals","values":[""]}]}`, false},
		{`{"conditions":[{"field":"nothing","op":"notEquals","values":["x"]}]}`, true},
		{`{"conditions":[{"field":"status","op":"gte","values":["500"]},{"field":"status","op":"lt","values":["600"]}]}`, true},
		{`{"conditions":[{"field":"status","op":"gt","values":["502"]}]}`, false},
		{`{"conditions":[{"field":"status","op":"lte","values":["5.02e2"]}]}`, true},
		{`{"conditions":[{"field":"ratio","op":"lt","values":["-14"]}]}`, true},
		{`{"conditions":[{"field":"none","op":"lt","values":["1"]}]}`, false},
		{`{"conditions":[{"field":"ip","op":"cidr","values":["10.0.0.0/8","192.0.2.0/24"]}]}`, true},
		{`{"conditions":[{"field":"ip","op":"cidr","values":["192.0.2.78"]}]}`, false},
		{`{"conditions":[{"field":"ip6","op":"cidr","values":["198.51.100.0/24"]}]}`, true},
		{`{"conditions":[{"field":"none","op":"cidr","values":["0.0.0.0/0","::/0"]}]}`, false},
		{`{"conditions":[{"field":"dup","op":"equals","values":["last"]}]}`, true},
		{`{"conditions":[{"field":"__topic__","op":"equals","values":["access"]},{"field":"__source__","op":"cidr","values":["192.0.2.1"]}]}`, true},
		{`{"conditions":[{"field":"__tag__:host","op":"equals","values":["h1"]},{"field":"__time__","op":"gt","values":["1767323044"]}]}`, true},

		{`{"rules":"[]"}`, true},
		{`{"rules":""}`, true},
		{`{"rules":"[{\"status\":{\"equals\":[\"502\",\"503\"]}},{\"uri\":{\"contains\":[\"item\"]}}]"}`, true},
		{`{"rules":[{"status":{"equals":[502]}}]}`, true},
		{`{"rules":[{"status":{"equals":502}},{"status":{"notEquals":"502"}}]}`, false},
		{`{"rules":[{"status":{"equals":["502"],"notEquals":["502"]}}]}`, false},
		{`{"rules":[{"status":{"equals":["502"]},"status":{"equals":["404"]}}]}`, false},
		{`{"rules":[{"status":{"equals":["502"]}}],"conditions":[{"field":"uri","op":"exists"}],"search":"status >= 500"}`, true},
		{`{"rules":[{"status":{"equals":["502"]}}],"conditions":[{"field":"uri","op":"exists"}],"search":"status < 500"}`, false},

		{`{"search":"*"}`, true},
		{`{"search":"API and not missing"}`, true},
		{`{"search":"status:502"}`, true},
		{`{"search":"status in [500 599] and uri:item"}`, true},
		{`{"search":"status > 502"}`, false},
		{`{"search":"status = 502"}`, true},
		{`{"search":"uri:it*"}`, true},
		{`{"search":"dup:first"}`, false},
		{`{"search":"nothing:*"}`, false},
		{`{"search":"__topic__:access and __tag__:host:h1"}`, true},
		{`{"search":"#\"v1/item\""}`, true},
	} {
		var e sink.Entry
		got := compile(t, `{"filter":`+c.filter+`}`, nil).Apply(0, sink.Point{}, log, 0, &e)
		if (got == pipeline.Keep) != c.want {
			t.Errorf("%s: verdict %d", c.filter, got)
		}
	}
}

func TestSearchUsesTheIndex(t *testing.T) {
	config, err := index.Parse(json.RawMessage(`{"keys":{"uri":{"type":"text","token":["/"],"caseSensitive":true}}}`))
	if err != nil {
		t.Fatal(err)
	}
	log := group("uri", "/API/v1")
	for search, want := range map[string]pipeline.Verdict{"uri:API": pipeline.Keep, "uri:api": pipeline.Filtered} {
		var e sink.Entry
		if got := compile(t, `{"filter":{"search":"`+search+`"}}`, config).Apply(0, sink.Point{}, log, 0, &e); got != want {
			t.Errorf("%s: verdict %d, want %d", search, got, want)
		}
	}
	spec := pipeline.Spec{Filter: pipeline.Filter{Search: "other:x"}}
	if _, err := pipeline.Compile(&spec, pipeline.Options{Index: config}); err == nil || !strings.HasPrefix(err.Error(), "filter.search: ") {
		t.Errorf("a field without index: %v", err)
	}
}

func TestFields(t *testing.T) {
	log := group("a", "1", "b", "x", "a", "2", "n", "007", "f", "-1.50", "ok", "true", "no", "TRUE", "j", "{\"k\":\n[1]}", "bad", "{", "__time__", "5",
		"RequestHeaders.X-Tenant", "t\"1", "CustomFields", `{"Cookies":{"sid":"s1","other":"o"},"RequestHeaders":{"X-Tenant":"not this"}}`)
	field := func(key, value string, kind sink.FieldKind) sink.Field {
		return sink.Field{Key: key, Value: value, Kind: kind}
	}
	all := []sink.Field{
		field("a", "2", sink.Text), field("b", "x", sink.Text), field("n", "007", sink.Text), field("f", "-1.50", sink.Text), field("ok", "true", sink.Text),
		field("no", "TRUE", sink.Text), field("j", "{\"k\":\n[1]}", sink.Text), field("bad", "{", sink.Text), field("RequestHeaders.X-Tenant", "t\"1", sink.Text),
	}
	custom := log.Records[0].Fields[len(log.Records[0].Fields)-1]
	object := `{"RequestHeaders":{"X-Tenant":"t\"1"},"ResponseHeaders":{},"Cookies":{"sid":"s1"}}`
	for _, c := range []struct {
		name, spec string
		want       []sink.Field
	}{
		{"all", `{}`, append(all[:9:9], field(custom.Key, custom.Value, sink.Text),
			field("__time__", "1767323045", sink.Number), field("__topic__", "access", sink.Text), field("__source__", "192.0.2.1", sink.Text))},
		{"chosen in order", `{"fields":["b","missing","a"]}`, []sink.Field{all[1], field("missing", "", sink.Absent), all[0]}},
		{"of the log group", `{"fields":["__tag__:path","__topic__","__time__","__tag__:none"],"types":{"__time__":"text"}}`, []sink.Field{
			field("__tag__:path", "/x", sink.Text), field("__topic__", "access", sink.Text), field("__time__", "1767323045", sink.Text), field("__tag__:none", "", sink.Absent),
		}},
		{"the rest behind some", `{"fields":["b","*","__tag__:path","__tag__:*"]}`, append(append([]sink.Field{all[1], all[0]}, all[2:9]...),
			field(custom.Key, custom.Value, sink.Text), field("__tag__:path", "/x", sink.Text), field("__tag__:host", "h1", sink.Text))},
		{"types", `{"fields":["a","n","f","b","ok","no","j","bad"],"types":{"a":"number","n":"number","f":"number","b":"number","ok":"bool","no":"bool","j":"json","bad":"json"}}`, []sink.Field{
			field("a", "2", sink.Number), field("n", "007", sink.Text), field("f", "-1.50", sink.Number), all[1], field("ok", "true", sink.Bool),
			field("no", "TRUE", sink.Text), field("j", `{"k":[1]}`, sink.JSON), field("bad", "{", sink.Text),
		}},
		{"custom fields", `{"fields":["b"],"customFields":{"requestHeaders":["X-Tenant","X-None"],"cookies":["sid"]}}`, []sink.Field{all[1], field("CustomFields", object, sink.JSON)}},
		{"custom fields in their place", `{"fields":["CustomFields","b"],"customFields":{"requestHeaders":["X-Tenant"],"cookies":["sid"]}}`, []sink.Field{field("CustomFields", object, sink.JSON), all[1]}},
	} {
		e := sink.Entry{Fields: []sink.Field{{Key: "of the last log"}}}
		at := sink.Point{Position: 7, Index: 3}
		if v := compile(t, c.spec, nil).Apply(2, at, log, 0, &e); v != pipeline.Keep {
			t.Errorf("%s: verdict %d", c.name, v)
		}
		if diff := cmp.Diff(c.want, e.Fields); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		if e.At != at || e.Time != 1767323045 || e.Nanos != 678_000_000 || e.Topic != "access" || e.Source != "192.0.2.1" || len(e.Tags) != 2 {
			t.Errorf("%s: entry %+v", c.name, e)
		}
	}
}

func TestColumns(t *testing.T) {
	for document, want := range map[string]string{
		`{}`: "", `{"fields":["a","*"]}`: "", `{"fields":["__tag__:*"]}`: "", `{"fields":["a","b"]}`: "a b",
		`{"fields":["a"],"customFields":{}}`: "a CustomFields", `{"fields":["CustomFields","a"],"customFields":{}}`: "CustomFields a",
	} {
		var spec pipeline.Spec
		if err := json.Unmarshal([]byte(document), &spec); err != nil {
			t.Fatal(err)
		}
		if names, ok := spec.Columns(); ok != (want != "") || strings.Join(names, " ") != want {
			t.Errorf("%s: %q %v", document, names, ok)
		}
	}
}

// TestSample draws many logs and expects the rate within what chance allows, and the same logs at every replay.
func TestSample(t *testing.T) {
	logs := 100_000
	if testing.Short() {
		logs = 10_000
	}
	for _, percent := range []float64{0.1, 1, 10, 33.3, 50, 99.9, 100} {
		for _, name := range []string{"ClientRequestID", "other"} {
			draw := func() (kept []int) {
				p := compile(t, fmt.Sprintf(`{"sample":%v}`, percent), nil)
				var e sink.Entry
				for i := range logs {
					g := group(name, fmt.Sprintf("%016x", i*7919))
					if p.Apply(3, sink.Point{Position: sluice.Position(i / 10), Index: i % 10}, g, 0, &e) == pipeline.Keep {
						kept = append(kept, i)
					}
				}
				return kept
			}
			kept := draw()
			want := float64(logs) * percent / 100
			if off := math.Abs(float64(len(kept)) - want); off > 5*math.Sqrt(want*(1-percent/100)) {
				t.Errorf("%v%% by %s: %d logs of %d", percent, name, len(kept), logs)
			}
			if percent == 10 && cmp.Diff(kept, draw()) != "" {
				t.Errorf("a replay draws other logs by %s", name)
			}
		}
	}
}

func TestSamplesOfTasksDiffer(t *testing.T) {
	half := 50.0
	both := 0
	var pipelines []*pipeline.Pipeline
	for _, task := range []string{"t1", "t2"} {
		p, err := pipeline.Compile(&pipeline.Spec{Sample: &half}, pipeline.Options{Task: task})
		if err != nil {
			t.Fatal(err)
		}
		pipelines = append(pipelines, p)
	}
	var e sink.Entry
	for i := range 10_000 {
		g := group("ClientRequestID", fmt.Sprint(i))
		if pipelines[0].Apply(0, sink.Point{}, g, 0, &e) == pipelines[1].Apply(0, sink.Point{}, g, 0, &e) {
			both++
		}
	}
	if both < 4700 || both > 5300 {
		t.Errorf("two tasks agree on %d logs of 10,000", both)
	}
	g := group("ClientRequestID", "one request")
	verdict := pipelines[0].Apply(0, sink.Point{Position: 1}, g, 0, &e)
	for shard := range sluice.ShardID(20) {
		if pipelines[0].Apply(shard, sink.Point{Position: sluice.Position(shard * 7)}, g, 0, &e) != verdict {
			t.Error("a request is in the sample with some of its logs")
		}
	}
}

func TestInvalid(t *testing.T) {
	many := strings.Repeat(`{"field":"a","op":"exists"},`, 20)
	for _, c := range []struct{ spec, want string }{
		{`{"sample":0}`, "sample: 0"},
		{`{"sample":101}`, "sample: 101"},
		{`{"sample":-5}`, "sample: -5"},
		{`{"filter":{"conditions":[` + many + `{"field":"a","op":"exists"}]}}`, "filter: 21 conditions"},
		{`{"filter":{"conditions":[` + many[:len(many)-1] + `],"rules":[{"a":{"equals":["1"]}}]}}`, "filter: 21 conditions"},
		{`{"filter":{"conditions":[{"field":"a","op":"exists"},{"field":"a","op":"like","values":["x"]}]}}`, `filter.conditions[1].op: "like"`},
		{`{"filter":{"conditions":[{"op":"exists"}]}}`, "filter.conditions[0].field: "},
		{`{"filter":{"conditions":[{"field":"a","op":"equals"}]}}`, "filter.conditions[0].values: equals takes 1 to 1000, not 0"},
		{`{"filter":{"conditions":[{"field":"a","op":"exists","values":["x"]}]}}`, "filter.conditions[0].values: exists takes 0, not 1"},
		{`{"filter":{"conditions":[{"field":"a","op":"lt","values":["1","2"]}]}}`, "filter.conditions[0].values: lt takes 1, not 2"},
		{`{"filter":{"conditions":[{"field":"a","op":"lt","values":["x"]}]}}`, `filter.conditions[0].values: "x" is no number`},
		{`{"filter":{"conditions":[{"field":"a","op":"matches","values":["("]}]}}`, `filter.conditions[0].values: "(" is no regular expression`},
		{`{"filter":{"conditions":[{"field":"a","op":"cidr","values":["10.0.0.0/33"]}]}}`, `filter.conditions[0].values: "10.0.0.0/33" is neither`},
		{`{"filter":{"search":"a and ("}}`, "filter.search: "},
		{`{"filter":{"rules":"{"}}`, "filter.rules: must be an array"},
		{`{"filter":{"rules":{"a":1}}}`, "filter.rules: must be an array"},
		{`{"filter":{"rules":[["a"]]}}`, "filter.rules: must be an array"},
		{`{"filter":{"rules":[{}]}}`, "filter.rules: must be an array"},
		{`{"filter":{"rules":[{"a":{}}]}}`, "filter.rules: must be an array"},
		{`{"filter":{"rules":[{"a":{"equals":[null]}}]}}`, "filter.rules: must be an array"},
		{`{"filter":{"rules":[{"a":{"equals":["1"]}},{"a":{"is":["1"]}}]}}`, `filter.rules[1].op: "is"`},
		{`{"fields":["a","a"]}`, `fields[1]: "a"`},
		{`{"fields":[""]}`, `fields[0]: ""`},
		{`{"types":{"a":"integer"}}`, `types.a: "integer"`},
		{`{"customFields":{"cookies":["a;b"]}}`, `customFields.cookies: "a;b"`},
		{`{"customFields":{"requestHeaders":["A","A"]}}`, `customFields.requestHeaders: "A"`},
	} {
		var spec pipeline.Spec
		if err := json.Unmarshal([]byte(c.spec), &spec); err != nil {
			t.Fatalf("%s: %v", c.spec, err)
		}
		_, err := pipeline.Compile(&spec, pipeline.Options{})
		if err == nil || sluice.KindOf(err) != sluice.Invalid || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.spec, err, c.want)
		}
	}
}

func TestRulesRoundTrip(t *testing.T) {
	const document = `{"filter":{"rules":[{"a":{"equals":["1"]}}]}}`
	var spec, again pipeline.Spec
	if err := json.Unmarshal([]byte(document), &spec); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(&spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(spec, again); diff != "" {
		t.Error(diff)
	}
}

func TestApplyAllocatesNothing(t *testing.T) {
	p := compile(t, `{"filter":{"search":"item and status>400","conditions":[{"field":"status","op":"in","values":["502","404"]},{"field":"ip","op":"cidr","values":["192.0.2.0/24"]}]},
		"sample":99.99,"fields":["status","uri","missing","__time__","__tag__:host"],"types":{"status":"number"},"customFields":{"cookies":["sid"]}}`, nil)
	g := group("status", "502", "uri", "/api/item", "ip", "192.0.2.3", "ClientRequestID", "1", "Cookies.sid", "s")
	var e sink.Entry
	if n := testing.AllocsPerRun(100, func() {
		if p.Apply(0, sink.Point{}, g, 0, &e) != pipeline.Keep {
			t.Fatal("not kept")
		}
	}); n != 0 {
		t.Errorf("%v allocations for one log", n)
	}
}

// FuzzSpec compiles any document and runs it over a log: whatever is in it, it is an error or it works, and twice the same.
func FuzzSpec(f *testing.F) {
	f.Add([]byte(`{"filter":{"search":"a:b","rules":"[{\"a\":{\"equals\":[\"1\"]}}]"},"sample":50,"fields":["a","*"],"types":{"a":"json"}}`), "a", "{\"b\":1}")
	f.Add([]byte(`{"filter":{"conditions":[{"field":"a","op":"matches","values":["a+"]}]},"customFields":{"cookies":["a"]}}`), "CustomFields", `{"Cookies":{"a":1}}`)
	f.Fuzz(func(t *testing.T, document []byte, key, value string) {
		var spec pipeline.Spec
		if json.Unmarshal(document, &spec) != nil {
			return
		}
		p, err := pipeline.Compile(&spec, pipeline.Options{Task: "t"})
		if err != nil {
			return
		}
		var e, again sink.Entry
		g := group(key, value, "a", value)
		first := p.Apply(1, sink.Point{Position: 2}, g, 0, &e)
		e.Fields = append([]sink.Field(nil), e.Fields...)
		for i := range e.Fields {
			e.Fields[i].Value = strings.Clone(e.Fields[i].Value)
			if f := e.Fields[i]; f.Kind != sink.Text && f.Kind != sink.Absent && (!json.Valid([]byte(f.Value)) || strings.ContainsAny(f.Value, "\r\n")) {
				t.Errorf("%+v is no JSON on one line", f)
			}
		}
		if second := p.Apply(1, sink.Point{Position: 2}, g, 0, &again); second != first || first == pipeline.Keep && cmp.Diff(e, again) != "" {
			t.Errorf("verdicts %d and %d, %s", first, second, cmp.Diff(e, again))
		}
	})
}

// A pipeline that forgot keeps nothing of the log group, and goes on as before.
func TestForget(t *testing.T) {
	p, err := pipeline.Compile(&pipeline.Spec{Filter: pipeline.Filter{Search: "status:500"}}, pipeline.Options{Task: "t"})
	if err != nil {
		t.Fatal(err)
	}
	look := func() weak.Pointer[sluice.LogGroup] {
		g := &sluice.LogGroup{Topic: "x", Records: []sluice.Record{{Time: 7, Fields: []sluice.Field{{Key: "status", Value: "500"}}}}}
		var e sink.Entry
		if v := p.Apply(0, sink.Point{}, g, 0, &e); v != pipeline.Keep || e.Fields[0].Value != "500" {
			t.Errorf("%v %+v", v, e)
		}
		return weak.Make(g)
	}
	for range 2 {
		g := look()
		p.Forget()
		runtime.GC()
		if g.Value() != nil {
			t.Error("the log group is still in memory")
		}
	}
}
