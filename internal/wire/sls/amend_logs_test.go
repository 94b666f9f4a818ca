package sls_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/testenv"
)

// amendable is searchable, with logs that may be modified.
func amendable(t *testing.T) (env *testenv.Env, begin int64) {
	t.Helper()
	env, begin = searchable(t)
	env.OK(t, testenv.Call{Method: "PUT", Project: "web", Target: "/logstores/access/modification", Body: []byte(`{"enabled":true}`)})
	return env, begin
}

// change is a call that deletes or updates logs of [begin, begin+100).
func change(action string, begin int64, body map[string]any) testenv.Call {
	if body["query"] != nil {
		body["from"], body["to"] = begin, begin+100
	}
	b, _ := json.Marshal(body)
	return testenv.Call{Method: "POST", Project: "web", Target: "/logstores/access/" + action, Body: b}
}

// affected makes a change and wants it to say the same in the three places where clients look for how many logs it was.
func affected(t *testing.T, env *testenv.Env, c testenv.Call, want int) {
	t.Helper()
	a := env.OK(t, c)
	var body map[string]int
	if err := json.Unmarshal(a.Body, &body); err != nil {
		t.Fatal(err)
	}
	if body["affectedRows"] != want || body["affected_rows"] != want || a.Header.Get("x-log-affectedrows") != fmt.Sprint(want) {
		t.Errorf("%s %s: %s and header %q, want %d", c.Target, c.Body, a.Body, a.Header.Get("x-log-affectedrows"), want)
	}
}

// TestDeleteAndUpdateLogs does both by search and by row id; queries see it at once, and pulls never.
func TestDeleteAndUpdateLogs(t *testing.T) {
	env, begin := amendable(t)
	ask := func(query string) []map[string]string {
		t.Helper()
		rows, _ := get(t, env, map[string]any{"from": begin, "to": begin + 100, "query": query, "line": 100})
		return rows
	}
	shard := "/logstores/access/shards/"
	var cursor struct{ Cursor string }
	env.JSON(t, testenv.Call{Project: "web", Target: shard + "0?type=cursor&from=begin"}, &cursor)
	pull := testenv.Call{Project: "web", Target: shard + "0?type=log&count=100&cursor=" + escape(cursor.Cursor)}
	pulled := env.OK(t, pull)

	affected(t, env, change("deletelogs", begin, map[string]any{"query": "status:500 and path:1"}), 2)
	affected(t, env, change("deletelogs", begin, map[string]any{"query": "status:500 and path:1"}), 0)
	if got := column(ask("status:500"), "n"); got != "3 5 7 9 13 15 17 19" {
		t.Errorf("of the logs with 500 these are left: %s", got)
	}
	row := ask("path:0")[0]
	affected(t, env, change("updatelogs", begin, map[string]any{"rowId": row["__rowid__"], "data": `{"status":"204","note":"seen"}`}), 1)
	affected(t, env, change("updatelogs", begin, map[string]any{"query": "path:2", "updateMode": "full", "data": map[string]any{"status": 201, "path": "/new"}}), 2)
	now := ask("status in [201 204]")
	want := map[string]string{"status": "204", "note": "seen"}
	for k, v := range row {
		if want[k] == "" {
			want[k] = v
		}
	}
	if diff := cmp.Diff(want, now[0]); diff != "" || len(now) != 3 {
		t.Errorf("%d logs, the first (-want +got):\n%s", len(now), diff)
	}
	if diff := cmp.Diff([]string{"__rowid__", "__source__", "__tag__:rack", "__time__", "__topic__", "path", "status"}, keysOf(now[1])); diff != "" {
		t.Errorf("a full update (-want +got):\n%s", diff)
	}
	affected(t, env, change("deletelogs", begin, map[string]any{"rowId": row["__rowid__"], "query": "*"}), 1) // the row id counts
	affected(t, env, change("updatelogs", begin, map[string]any{"rowId": row["__rowid__"], "data": `{"status":"1"}`}), 0)
	counted := ask("* | select count(*) as n, sum(status) as s")
	if counted[0]["n"] != "17" || counted[0]["s"] != fmt.Sprint(8*500+2*201+7*200) {
		t.Errorf("SQL says %v", counted)
	}
	if n := len(ask("* | where status = '201'")); n != 2 {
		t.Errorf("SPL finds %d updated logs", n)
	}
	if again := env.OK(t, pull); len(again.Body) != len(pulled.Body) || again.Header.Get("x-log-count") != pulled.Header.Get("x-log-count") {
		t.Error("consumers are told of it")
	}
	if err := env.Restart(); err != nil {
		t.Fatal(err)
	}
	if n := len(ask("*")); n != 17 {
		t.Errorf("%d logs after a restart", n)
	}
}

func keysOf(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// TestAmendmentsAreRefused tries what must change nothing.
func TestAmendmentsAreRefused(t *testing.T) {
	env, begin := searchable(t)
	all := map[string]any{"query": "*"}
	f := func(what string, c testenv.Call, code, says string) {
		t.Helper()
		if a := env.Do(t, c); a.Code != code || a.Status != 400 && a.Status != 404 || !strings.Contains(a.Message, says) {
			t.Errorf("%s: %d %s %q, want %s that says %q", what, a.Status, a.Code, a.Message, code, says)
		}
	}
	modification := func(body string) testenv.Call {
		return testenv.Call{Method: "PUT", Project: "web", Target: "/logstores/access/modification", Body: []byte(body)}
	}
	for _, action := range []string{"deletelogs", "deletelogtasks"} {
		f(action+" where it is not allowed", change(action, begin, all), "ParameterInvalid", "enableModify")
	}
	if rows, _ := get(t, env, map[string]any{"from": begin, "to": begin + 100, "query": "*"}); rows[0]["__rowid__"] != "" {
		t.Error("logs that may not be modified have row ids")
	}
	f("nothing said", modification(`{}`), "ParameterInvalid", "enabled")
	env.OK(t, modification(`{"enabled":false}`))
	env.OK(t, modification(`{"enabled":"true"}`))
	f("taken back", modification(`{"enabled":false}`), "LogStoreInfoInvalid", "back")
	f("taken back by an update", testenv.Call{Method: "PUT", Project: "web", Target: "/logstores/access", Body: []byte(`{"enableModify":false}`)}, "LogStoreInfoInvalid", "back")
	env.OK(t, testenv.Call{Method: "PUT", Project: "web", Target: "/logstores/access", Body: []byte(`{"ttl":20}`)})

	f("no query", change("deletelogs", begin, map[string]any{}), "ParameterInvalid", "query is missing")
	f("an empty one", change("deletelogs", begin, map[string]any{"query": ""}), "ParameterInvalid", "say *")
	f("no time range", testenv.Call{Method: "POST", Project: "web", Target: "/logstores/access/deletelogs", Body: []byte(`{"query":"*"}`)}, "ParameterInvalid", "from and to")
	f("SQL", change("deletelogs", begin, map[string]any{"query": "* | select 1"}), "ParameterInvalid", "search alone")
	f("SPL", change("deletelogtasks", begin, map[string]any{"query": "* | where n = '1'"}), "ParameterInvalid", "search alone")
	f("a bad search", change("deletelogs", begin, map[string]any{"query": "(("}), "ParameterInvalid", "")
	f("a bad row id", change("deletelogs", begin, map[string]any{"rowId": "17"}), "ParameterInvalid", "__rowid__")
	f("no data", change("updatelogs", begin, map[string]any{"query": "*"}), "ParameterInvalid", "data")
	f("data that is none", change("updatelogs", begin, map[string]any{"query": "*", "data": "{"}), "ParameterInvalid", "JSON")
	f("another time", change("updatelogs", begin, map[string]any{"query": "*", "data": `{"__time__":"5"}`}), "ParameterInvalid", "__time__")
	f("a mode", change("updatelogs", begin, map[string]any{"query": "*", "data": `{"a":"b"}`, "updateMode": "half"}), "ParameterInvalid", "partial nor full")
	f("no such task", testenv.Call{Project: "web", Target: "/logstores/access/deletelogtasks/x"}, "DeleteLogsTaskNotExist", "")
	f("no logstore", testenv.Call{Method: "POST", Project: "web", Target: "/logstores/none/deletelogs", Body: []byte(`{"rowId":"0|0|0"}`)}, "LogStoreNotExist", "")
	if rows, _ := get(t, env, map[string]any{"from": begin, "to": begin + 100, "query": "*", "line": 100}); len(rows) != 20 {
		t.Errorf("%d logs are left of 20", len(rows))
	}
}

// TestDeleteLogsTask deletes in the background.
func TestDeleteLogsTask(t *testing.T) {
	env, begin := amendable(t)
	type task struct {
		TaskID, Status, Query string
		Progress              float64
		AffectedRows          int
	}
	var made task
	env.JSON(t, change("deletelogtasks", begin, map[string]any{"query": "status:500", "accurate": true, "type": "logs"}), &made)
	got := made
	for got.Progress != 100 {
		env.JSON(t, testenv.Call{Project: "web", Target: "/logstores/access/deletelogtasks/" + made.TaskID + "?type=deletelogtasks"}, &got)
	}
	want := task{made.TaskID, "SUCCEEDED", "status:500", 100, 10}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var list struct {
		Count, Total int
		Tasks        []task
	}
	env.JSON(t, testenv.Call{Project: "web", Target: "/logstores/access/deletelogtasks?type=deletelogtasks"}, &list)
	if diff := cmp.Diff([]task{want}, list.Tasks); diff != "" || list.Count != 1 || list.Total != 1 {
		t.Errorf("%d of %d (-want +got):\n%s", list.Count, list.Total, diff)
	}
	if rows, _ := get(t, env, map[string]any{"from": begin, "to": begin + 100, "query": "*", "line": 100}); len(rows) != 10 {
		t.Errorf("%d logs are left of 20", len(rows))
	}
}

// TestModifiableLogstores makes logstores whose logs may be modified, and reads that back.
func TestModifiableLogstores(t *testing.T) {
	env := hub(t)
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/logstores", Body: []byte(`{"logstoreName":"open","ttl":1,"shardCount":1,"enableModify":true}`)})
	for name, want := range map[string]any{"open": true, "access": nil} {
		var l map[string]any
		env.JSON(t, testenv.Call{Project: "web", Target: "/logstores/" + name}, &l)
		if l["enableModify"] != want {
			t.Errorf("%s: enableModify is %v, want %v", name, l["enableModify"], want)
		}
	}
}
