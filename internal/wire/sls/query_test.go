package sls_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/testenv"
)

// searchable is a hub with an index and twenty logs, numbered by n, one a second from begin on, in two log groups.
func searchable(t *testing.T) (env *testenv.Env, begin int64) {
	t.Helper()
	env = hub(t)
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/logstores/access/index", Body: []byte(
		`{"line":{"token":[" ","/"]},"keys":{"status":{"type":"long","doc_value":true},"path":{"type":"text","token":["/"],"doc_value":true}}}`)})
	begin = now().Unix() - 100
	for first := 0; first < 20; first += 10 {
		g := sluice.LogGroup{Topic: "t", Source: "10.0.0.1", Tags: []sluice.Field{{Key: "rack", Value: "7"}}}
		for n := first; n < first+10; n++ {
			g.Records = append(g.Records, sluice.Record{Time: uint32(begin) + uint32(n), Fields: []sluice.Field{
				{Key: "n", Value: strconv.Itoa(n)},
				{Key: "status", Value: []string{"200", "500"}[n%2]},
				{Key: "path", Value: fmt.Sprintf("/list/%d", n%10)},
				{Key: "text", Value: `<b>two</b> "words"`},
			}})
		}
		call := put(logpb.Append(nil, &g))
		call.Target = "/logstores/access/shards/route?key=00"
		env.OK(t, call)
	}
	return env, begin
}

// asked is an answer to GetLogs in the names of the POST.
type asked struct {
	Meta map[string]any      `json:"meta"`
	Data []map[string]string `json:"data"`
}

// post and get ask the same in both forms.
func post(t *testing.T, env *testenv.Env, body map[string]any) (a asked) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	env.JSON(t, testenv.Call{Method: "POST", Project: "web", Target: "/logstores/access/logs", Body: b}, &a)
	return a
}

func get(t *testing.T, env *testenv.Env, body map[string]any) (rows []map[string]string, a testenv.Answer) {
	t.Helper()
	v := url.Values{"type": {"log"}}
	for name, value := range body {
		v.Set(name, fmt.Sprint(value))
	}
	a = env.OK(t, testenv.Call{Project: "web", Target: "/logstores/access?" + v.Encode()})
	if err := json.Unmarshal(a.Body, &rows); err != nil {
		t.Fatal(err)
	}
	return rows, a
}

func column(rows []map[string]string, name string) string {
	var list []string
	for _, r := range rows {
		list = append(list, r[name])
	}
	return strings.Join(list, " ")
}

// Both forms of GetLogs give pages of what a pipeline makes of a search, and say where the next page begins.
func TestGetLogsWithSPL(t *testing.T) {
	env, begin := searchable(t)
	ask := map[string]any{
		"from": begin, "to": begin + 100, "line": 3, "offset": 2,
		"query": "status:500 and path:list | where cast(n as bigint) > 4 | extend twice = cast(n as bigint) * 2 | project n, twice",
	}
	want := asked{
		Meta: map[string]any{
			"progress": "Complete", "count": 3.0, "hasSQL": false, "mode": 2.0, "isAccurate": true, "limited": 0.0, "marker": "", "shard": 0.0,
			"whereQuery": "status:500 and path:list", "aggQuery": "where cast(n as bigint) > 4 | extend twice = cast(n as bigint) * 2 | project n, twice",
			"keys": []any{"__time__", "n", "twice"}, "columnTypes": []any{}, "highlights": []any{}, "powerSql": false, "insertedSQL": "",
			"terms":           []any{map[string]any{"key": "status", "term": "500"}, map[string]any{"key": "path", "term": "list"}},
			"phraseQueryInfo": map[string]any{"scanAll": false, "beginOffset": 2.0, "endOffset": 5.0, "endTime": 0.0},
			"processedRows":   20.0, "cpuSec": 0.0, "cpuCores": 0.0, "telementryType": "",
		},
		Data: []map[string]string{
			{"__time__": fmt.Sprint(begin + 9), "n": "9", "twice": "18"},
			{"__time__": fmt.Sprint(begin + 11), "n": "11", "twice": "22"},
			{"__time__": fmt.Sprint(begin + 13), "n": "13", "twice": "26"},
		},
	}
	got := post(t, env, ask)
	for _, name := range []string{"processedBytes", "scanBytes"} {
		if n, ok := got.Meta[name].(float64); !ok || n <= 0 {
			t.Errorf("%s is %v", name, got.Meta[name])
		}
		delete(got.Meta, name)
	}
	delete(got.Meta, "elapsedMillisecond")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("POST (-want +got):\n%s", diff)
	}
	rows, a := get(t, env, ask)
	if diff := cmp.Diff(want.Data, rows); diff != "" {
		t.Errorf("GET (-want +got):\n%s", diff)
	}
	var info map[string]any
	if err := json.Unmarshal([]byte(a.Header.Get("x-log-query-info")), &info); err != nil {
		t.Fatal(err)
	}
	delete(info, "scanBytes")
	if diff := cmp.Diff(map[string]any{
		"keys": []any{"__time__", "n", "twice"}, "terms": []any{[]any{"500", "status"}, []any{"list", "path"}}, "limited": "0", "marker": "",
		"mode": 2.0, "shard": 0.0, "isAccurate": 1.0, "columnTypes": []any{}, "highlight": []any{},
		"phraseQueryInfo": map[string]any{"scanAll": "false", "beginOffset": "2", "endOffset": "5", "endTime": "0"},
	}, info); diff != "" {
		t.Errorf("x-log-query-info (-want +got):\n%s", diff)
	}

	ask["offset"] = 5
	last := post(t, env, ask)
	if got := column(last.Data, "n"); got != "15 17 19" || last.Meta["phraseQueryInfo"].(map[string]any)["scanAll"] != true {
		t.Errorf("the last page: %s, %v", got, last.Meta["phraseQueryInfo"])
	}
	ask["offset"], ask["reverse"] = 0, true
	if got := column(post(t, env, ask).Data, "n"); got != "19 17 15" {
		t.Errorf("the newest first: %s", got)
	}
	ask["query"] = "* | stats c = count(*), last = max(__time__) by status | sort status"
	grouped := post(t, env, ask)
	if diff := cmp.Diff([]map[string]string{
		{"status": "200", "c": "10", "last": fmt.Sprint(begin + 18)}, {"status": "500", "c": "10", "last": fmt.Sprint(begin + 19)},
	}, grouped.Data); diff != "" || grouped.Meta["isAccurate"] != false {
		t.Errorf("stats, accurate %v (-want +got):\n%s", grouped.Meta["isAccurate"], diff)
	}
	for query, message := range map[string]string{
		"* | where":                   "ErrorType:SyntaxError.ErrorMessage:line 1:6",
		"* | where a = 'x' | sorrt a": "line 1:17",
		"nosuch:1 | where a = 'x'":    "nosuch",
	} {
		body, _ := json.Marshal(map[string]any{"from": begin, "to": begin + 1, "query": query})
		a := env.Do(t, testenv.Call{Method: "POST", Project: "web", Target: "/logstores/access/logs", Body: body})
		if a.Code != "ParameterInvalid" || !strings.Contains(a.Message, message) {
			t.Errorf("%s: %d %s %s", query, a.Status, a.Code, a.Message)
		}
	}
}

// Highlights mark in each log what the search found it by, in the POST and in the header of the GET; parameters that change nothing
// are accepted in the forms in which clients send them.
func TestHighlights(t *testing.T) {
	env, begin := searchable(t)
	ask := map[string]any{
		"from": begin, "to": begin + 100, "line": 2, "query": "list and status > 400 and not path:1 or #\"two</b> \"", "highlight": true,
		"powerSql": "True", "session": "mode=scan", "accurate": true,
	}
	got := post(t, env, ask)
	if got.Meta["powerSql"] != true || got.Meta["mode"] != 0.0 {
		t.Errorf("meta %v", got.Meta)
	}
	ask["query"] = "list and status > 400 and not path:1"
	want := []any{
		map[string]any{"path": "/<em>list</em>/3", "status": "<em>500</em>"},
		map[string]any{"path": "/<em>list</em>/5", "status": "<em>500</em>"},
	}
	if diff := cmp.Diff(want, post(t, env, ask).Meta["highlights"]); diff != "" {
		t.Errorf("POST (-want +got):\n%s", diff)
	}
	_, a := get(t, env, ask)
	var info struct{ Highlight []any }
	if err := json.Unmarshal([]byte(a.Header.Get("x-log-query-info")), &info); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, info.Highlight); diff != "" {
		t.Errorf("GET (-want +got):\n%s", diff)
	}
	if a.Header.Get("x-log-power-sql") != "true" {
		t.Errorf("x-log-power-sql is %q", a.Header.Get("x-log-power-sql"))
	}
	delete(ask, "highlight")
	if got := post(t, env, ask).Meta["highlights"]; fmt.Sprint(got) != "[]" {
		t.Errorf("not asked for, and there are %v", got)
	}
}

// The headers of a GET are those of the reference (sls-query 4.2), each with a value that clients can read.
func TestGetLogsHeaders(t *testing.T) {
	env, begin := searchable(t)
	_, a := get(t, env, map[string]any{"from": begin, "to": begin + 100, "query": "登录 or \"a\nb\" | select count(*) as c"})
	for header, want := range map[string]string{
		"x-log-progress": "Complete", "x-log-count": "1", "x-log-processed-rows": "20", "x-log-has-sql": "true", "x-log-cpu-sec": "0",
		"x-log-cpu-cores": "0", "x-log-power-sql": "false", "x-log-insertedsql": "", "x-log-where-query": `\u767b\u5f55 or "a\nb"`,
		"x-log-agg-query": "select count(*) as c", "Content-Type": "application/json",
	} {
		if got, there := a.Header[textHeader(header)]; !there || got[0] != want {
			t.Errorf("%s is %q, want %q", header, got, want)
		}
	}
	for _, header := range []string{"x-log-processed-bytes", "x-log-elapsed-millisecond"} {
		if _, err := strconv.Atoi(a.Header.Get(header)); err != nil {
			t.Errorf("%s: %v", header, err)
		}
	}
	for _, target := range []string{
		"reverse=maybe", "highlight=2x", "offset=-1", "from=x", "from=5&to=5", "line=ten",
	} {
		v := fmt.Sprintf("/logstores/access?type=log&from=%d&to=%d&", begin, begin+1)
		if strings.HasPrefix(target, "from=") {
			v = "/logstores/access?type=log&"
		}
		if a := env.Do(t, testenv.Call{Project: "web", Target: v + target}); a.Status != 400 {
			t.Errorf("%s: %d %s", target, a.Status, a.Code)
		}
	}
}

// textHeader is the form in which net/http keeps a header's name.
func textHeader(name string) string {
	parts := strings.Split(name, "-")
	for i, p := range parts {
		parts[i] = strings.ToUpper(p[:1]) + p[1:]
	}
	return strings.Join(parts, "-")
}

// A pull with a query has what the query leaves, in every compression; its cursor moves over all that was read.
func TestPullWithQuery(t *testing.T) {
	env, _ := searchable(t)
	begin := cursor(t, env, 0, "begin")
	first, err := sluice.ParseCursor(begin)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(query, encoding, more string) testenv.Answer {
		t.Helper()
		return pull(t, env, 0, begin, encoding, "&pullMode=scan_on_stream&query="+url.QueryEscape(query)+more)
	}
	wantHeaders := func(name string, a testenv.Answer, want map[string]string) {
		t.Helper()
		for header, value := range want {
			if got := a.Header.Get(header); got != value {
				t.Errorf("%s: header %s: got %q, want %q", name, header, got, value)
			}
		}
	}
	whole := len(pullRaw(t, env, 0, ""))
	for _, encoding := range []string{"lz4", "zstd", "deflate", ""} {
		a := ask("* | where status = '500' and cast(n as bigint) < 10 | project-away text | extend kind = 'bad'", encoding, "")
		wantHeaders(encoding, a, map[string]string{
			"x-log-count": "1", "x-log-cursor": (first + 2).Cursor(), "x-log-end-of-cursor": "1", "x-log-read-last-cursor": fmt.Sprint(int64(first + 1)),
			"x-log-rawdatacount": "2", "x-log-rawdatalines": "20", "x-log-resultlines": "5", "x-log-failedlines": "0", "x-log-compresstype": encoding,
		})
		if size, _ := strconv.Atoi(a.Header.Get("x-log-rawdatasize")); size <= 0 || size > whole {
			t.Errorf("x-log-rawdatasize is %d of %d", size, whole)
		}
		groups, err := logpb.DecodeList(plain(t, a))
		if err != nil {
			t.Fatal(err)
		}
		if len(groups) != 1 || len(groups[0].Records) != 5 || groups[0].Topic != "t" || groups[0].Source != "10.0.0.1" || len(groups[0].Tags) != 1 {
			t.Fatalf("got %+v", groups)
		}
		if diff := cmp.Diff([]sluice.Field{{Key: "n", Value: "3"}, {Key: "status", Value: "500"}, {Key: "path", Value: "/list/3"}, {Key: "kind", Value: "bad"}},
			groups[0].Records[1].Fields); diff != "" {
			t.Errorf("a log (-want +got):\n%s", diff)
		}
	}
	wantHeaders("nothing left", ask("* | where status = '404'", "lz4", ""), map[string]string{
		"x-log-count": "0", "x-log-bodyrawsize": "0", "x-log-cursor": (first + 2).Cursor(), "x-log-rawdatacount": "2", "Content-Length": "0",
	})
	wantHeaders("one of two", ask("where true", "lz4", "&count=1"), map[string]string{
		"x-log-count": "1", "x-log-cursor": (first + 1).Cursor(), "x-log-end-of-cursor": "0", "x-log-resultlines": "10",
	})
	wantHeaders("end_cursor", ask("where true", "lz4", "&end_cursor="+escape(begin)), map[string]string{
		"x-log-count": "0", "x-log-cursor": begin, "x-log-rawdatacount": "0",
	})
	wantHeaders("a row that fails", ask("extend __time__ = cast(n as bigint) - 1", "lz4", ""), map[string]string{
		"x-log-resultlines": "20", "x-log-failedlines": "1",
	})
	if a := ask("*", "lz4", ""); a.Header.Get("x-log-rawdatasize") != "" || len(plain(t, a)) != whole {
		t.Error("a query of * changed something")
	}
	head := env.OK(t, testenv.Call{
		Method: "HEAD", Project: "web", Target: "/logstores/access/shards/0?type=log&cursor=" + escape(begin) + "&query=" + url.QueryEscape("where n = '3'"),
	})
	wantHeaders("HEAD", head, map[string]string{"x-log-count": "1", "x-log-resultlines": "1"})

	for more, want := range map[string]string{
		"query=" + url.QueryEscape("* | stats count(*)"):    "ParameterInvalid",
		"query=" + url.QueryEscape("* | where status ="):    "ParameterInvalid",
		"query=" + url.QueryEscape("* | select 1"):          "ParameterInvalid",
		"query=" + url.QueryEscape("status:500 | where a"):  "ParameterInvalid",
		"pullMode=fast&query=" + url.QueryEscape("where n"): "ParameterInvalid",
		"processor=mine": "NotSupported",
	} {
		a := env.Do(t, testenv.Call{Project: "web", Target: "/logstores/access/shards/0?type=log&cursor=" + escape(begin) + "&" + more})
		if a.Code != want {
			t.Errorf("%s: %d %s %s", more, a.Status, a.Code, a.Message)
		}
	}
}

// Reading with a query, a few log groups at a time, gives every log that the query keeps once.
func TestPullWithQueryCutsWhatGrows(t *testing.T) {
	env := hub(t)
	for i := range 12 {
		call := put(group(10, strings.Repeat("x", 100_000)+fmt.Sprint(i)))
		call.Target = "/logstores/access/shards/route?key=00"
		env.OK(t, call)
	}
	query := "&query=" + url.QueryEscape("extend b = text || text, c = text || text, d = text")
	at, end := cursor(t, env, 0, "begin"), cursor(t, env, 0, "end")
	seen := map[string]bool{}
	pulls := 0
	for at != end {
		a := pull(t, env, 0, at, "zstd", query)
		groups, err := logpb.DecodeList(plain(t, a))
		if err != nil || len(groups) == 0 {
			t.Fatal(len(groups), err)
		}
		for _, g := range groups {
			text := g.Records[0].Fields[1].Value
			if seen[text] || len(g.Records) != 10 || len(g.Records[0].Fields) != 5 {
				t.Fatalf("a group twice, or not whole: %d logs of %d fields", len(g.Records), len(g.Records[0].Fields))
			}
			seen[text] = true
		}
		at = a.Header.Get("x-log-cursor")
		pulls++
	}
	if len(seen) != 12 || pulls < 3 {
		t.Errorf("%d groups in %d pulls", len(seen), pulls)
	}
}

// A project is asked in SQL for the logs of the logstores that a statement names, those that the asker may read.
func TestProjectLogs(t *testing.T) {
	env, begin := searchable(t)
	ask := func(project, sql string, key *testenv.Key) testenv.Answer {
		t.Helper()
		return env.Do(t, testenv.Call{Project: project, Target: "/logs?powerSql=True&query=" + url.QueryEscape(sql), Key: key})
	}
	sql := fmt.Sprintf("select status, count(*) as c from access where __time__ >= %d and __time__ < %d group by status order by status", begin, begin+11)
	a := ask("web", sql, nil)
	if want := `[{"status":"200","c":"6"},{"status":"500","c":"5"}]`; a.Status != 200 || string(a.Body) != want {
		t.Errorf("got %d %s %s, want %s", a.Status, a.Message, a.Body, want)
	}
	for header, want := range map[string]string{
		"x-log-progress": "Complete", "x-log-count": "2", "x-log-has-sql": "true", "x-log-agg-query": sql, "x-log-power-sql": "true",
	} {
		if got := a.Header.Get(header); got != want {
			t.Errorf("%s is %q, want %q", header, got, want)
		}
	}
	for statement, code := range map[string]string{
		"":                             "ParameterInvalid",
		"select 1":                     "ParameterInvalid",
		"select count(*) from access":  "ParameterInvalid",
		"select * from no where a > 1": "ParameterInvalid",
		"selec":                        "ParameterInvalid",
		"* | select count(*) from access where __time__ > 0": "ParameterInvalid",
	} {
		if a := ask("web", statement, nil); a.Code != code {
			t.Errorf("%s: %d %s %s", statement, a.Status, a.Code, a.Message)
		}
	}
	if a := ask("nosuch", sql, nil); a.Code != "ProjectNotExist" {
		t.Errorf("a project that is not there: %d %s %s", a.Status, a.Code, a.Message)
	}
	var key struct{ AccessKeyID, AccessKeySecret string }
	env.JSON(t, testenv.Call{Method: "POST", Target: "/sluice/v1/keys", Body: []byte(`{"projects":["other"]}`)}, &key)
	if a := ask("web", sql, &testenv.Key{ID: key.AccessKeyID, Secret: key.AccessKeySecret}); a.Status != 401 {
		t.Errorf("a key of another project: %d %s %s", a.Status, a.Code, a.Message)
	}
}

// SQL behind a search may join the logstores of the project, and no others.
func TestGetLogsWithJoin(t *testing.T) {
	env, begin := searchable(t)
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/logstores", Body: []byte(`{"logstoreName":"codes","ttl":1,"shardCount":1}`)})
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/logstores/codes/index", Body: []byte(
		`{"keys":{"code":{"type":"long","doc_value":true},"means":{"type":"text","token":[],"doc_value":true}}}`)})
	call := put(logpb.Append(nil, &sluice.LogGroup{Records: []sluice.Record{{Time: uint32(begin), Fields: []sluice.Field{
		{Key: "code", Value: "500"}, {Key: "means", Value: "broken"},
	}}}}))
	call.Target = "/logstores/codes/shards/lb"
	env.OK(t, call)
	got := post(t, env, map[string]any{"from": begin, "to": begin + 100, "query": "path:list | select means, count(*) as c from log join codes on status = code group by means"})
	if fmt.Sprint(got.Data) != "[map[c:10 means:broken]]" {
		t.Errorf("got %v", got.Data)
	}
}

// A query is explained with and without being run, to who may run it.
func TestExplainLogs(t *testing.T) {
	env, begin := searchable(t)
	ask := func(query, more string) testenv.Call {
		return testenv.Call{Project: "web", Target: fmt.Sprintf("/sluice/v1/logstores/access/explain?from=%d&to=%d&query=%s%s", begin, begin+100, url.QueryEscape(query), more)}
	}
	var x struct {
		Search, Pipeline, EngineSQL string
		Tables                      []struct {
			Logstore            string
			Segments, RowGroups struct{ All int }
			LogGroupsNotIndexed int
			Found               int
		}
		Run *struct {
			Progress            string
			Rows, ProcessedRows int
			Conditions, Steps   []map[string]any
		}
	}
	env.JSON(t, ask("status:500 and path:list", ""), &x)
	if x.Search != "status in [500 500] and path:list" || x.Run != nil || len(x.Tables) != 1 || x.Tables[0].Logstore != "access" {
		t.Errorf("planned: %+v", x)
	}
	env.JSON(t, ask("status:500 and path:list", "&run=true&line=3"), &x)
	if x.Run == nil || x.Run.Progress != "Complete" || x.Run.Rows != 3 || x.Tables[0].Found != 10 || x.Run.ProcessedRows != 20 || len(x.Run.Steps) == 0 {
		t.Errorf("run: %+v", x)
	}
	env.JSON(t, ask("* | select count(*) as c", "&run=true"), &x)
	if x.EngineSQL == "" || x.Run.Rows != 1 {
		t.Errorf("SQL: %+v", x)
	}
	env.JSON(t, ask("* | where n = '3'", "&run=1"), &x)
	if x.Pipeline != "where n = '3'" || x.Run.Rows != 1 {
		t.Errorf("SPL: %+v", x)
	}
	for query, code := range map[string]string{"a:b:c": "ParameterInvalid", "* | select nosuch": "ParameterInvalid", "* | where": "ParameterInvalid"} {
		if a := env.Do(t, ask(query, "")); a.Code != code {
			t.Errorf("%s: %d %s %s", query, a.Status, a.Code, a.Message)
		}
	}
}
