package sls_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/testenv"
)

// hub is a server with a project and a logstore of two shards.
func hub(t *testing.T) *testenv.Env {
	t.Helper()
	env := testenv.Start(t)
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/", Body: []byte(`{"projectName":"web","description":"d"}`)})
	env.OK(t, testenv.Call{
		Method: "POST", Project: "web", Target: "/logstores",
		Body: []byte(`{"logstoreName":"access","ttl":30,"shardCount":2}`),
	})
	return env
}

// group is a log group of n logs with a text in them.
func group(n int, text string) []byte {
	g := sluice.LogGroup{Topic: "t", Source: "10.0.0.1"}
	for i := range n {
		g.Records = append(g.Records, sluice.Record{Time: uint32(now().Unix()), Fields: []sluice.Field{{Key: "n", Value: fmt.Sprint(i)}, {Key: "text", Value: text}}})
	}
	return logpb.Append(nil, &g)
}

func put(body []byte) testenv.Call {
	return testenv.Call{
		Method: "POST", Project: "web", Target: "/logstores/access/shards/lb", Body: body,
		Header: map[string]string{"Content-Type": "application/x-protobuf"},
	}
}

// One log group goes in on each path and comes out of its shard with its bytes unchanged.
func TestPutAndPull(t *testing.T) {
	env := hub(t)
	for i, target := range []string{
		"/logstores/access/shards/lb",
		"/logstores/access",
		"/logstores/access/shards/route?key=ff",
		"/logstores/access/shards/route?key=00000000000000000000000000000000",
	} {
		call := put(group(i+1, target))
		call.Target = target
		env.OK(t, call)
	}
	var texts []string
	for shard := range 2 {
		for _, g := range pullAll(t, env, shard, "lz4") {
			texts = append(texts, g.Records[0].Fields[1].Value)
			if len(g.Records) == 0 || g.Topic != "t" || g.Source != "10.0.0.1" {
				t.Errorf("got a group %+v that is not what was put", g)
			}
		}
	}
	if len(texts) != 4 {
		t.Errorf("got %d groups, want 4: %q", len(texts), texts)
	}
	routed := pullAll(t, env, 1, "lz4")
	if len(routed) == 0 || !strings.HasSuffix(routed[len(routed)-1].Records[0].Fields[1].Value, "key=ff") {
		t.Errorf("hash key ff is not in the last shard: %+v", routed)
	}
}

// Every compression of an answer holds the same log groups.
func TestPullCompressions(t *testing.T) {
	env := hub(t)
	for i := range 20 {
		call := put(group(1+i*5, strings.Repeat("text that compresses ", i)))
		call.Target = "/logstores/access/shards/route?key=00"
		env.OK(t, call)
	}
	want := pullRaw(t, env, 0, "")
	for _, encoding := range []string{"lz4", "zstd", "deflate", "gzip, deflate", "lz4, zstd"} {
		if got := pullRaw(t, env, 0, encoding); !bytes.Equal(got, want) {
			t.Errorf("Accept-Encoding %q: got %d bytes that differ from the %d plain ones", encoding, len(got), len(want))
		}
	}
}

func cursor(t *testing.T, env *testenv.Env, shard int, from string) string {
	t.Helper()
	var answer struct{ Cursor string }
	env.JSON(t, testenv.Call{Project: "web", Target: fmt.Sprintf("/logstores/access/shards/%d?type=cursor&from=%s", shard, from)}, &answer)
	return answer.Cursor
}

func pull(t *testing.T, env *testenv.Env, shard int, cursor, encoding, more string) testenv.Answer {
	t.Helper()
	return env.OK(t, testenv.Call{
		Project: "web", Target: fmt.Sprintf("/logstores/access/shards/%d?type=log&cursor=%s%s", shard, escape(cursor), more),
		Header: map[string]string{"Accept-Encoding": encoding, "Accept": "application/x-protobuf"},
	})
}

func escape(cursor string) string { return strings.ReplaceAll(cursor, "=", "%3D") }

// pullRaw reads a shard from its beginning in one pull and returns the uncompressed LogGroupList.
func pullRaw(t *testing.T, env *testenv.Env, shard int, encoding string) []byte {
	t.Helper()
	return plain(t, pull(t, env, shard, cursor(t, env, shard, "begin"), encoding, ""))
}

// plain decodes the body of a pull by its headers alone, as clients do.
func plain(t *testing.T, a testenv.Answer) []byte {
	t.Helper()
	var size int
	if _, err := fmt.Sscan(a.Header.Get("x-log-bodyrawsize"), &size); err != nil {
		t.Fatalf("x-log-bodyrawsize: %v", err)
	}
	codec := a.Header.Get("x-log-compresstype")
	if codec == "" {
		if len(a.Body) != size {
			t.Errorf("plain body of %d bytes, x-log-bodyrawsize says %d", len(a.Body), size)
		}
		return a.Body
	}
	raw, err := logpb.Decompress(nil, logpb.Codec(codec), a.Body, size)
	if err != nil {
		t.Fatalf("decompress %s: %v", codec, err)
	}
	return raw
}

func pullAll(t *testing.T, env *testenv.Env, shard int, encoding string) []*sluice.LogGroup {
	t.Helper()
	groups, err := logpb.DecodeList(pullRaw(t, env, shard, encoding))
	if err != nil {
		t.Fatal(err)
	}
	return groups
}

func TestPullHeaders(t *testing.T) {
	env := hub(t)
	begin := cursor(t, env, 0, "begin")
	first, err := sluice.ParseCursor(begin)
	if err != nil {
		t.Fatal(err)
	}
	f := func(name string, a testenv.Answer, want map[string]string) {
		t.Helper()
		for header, value := range want {
			if got := a.Header.Get(header); got != value {
				t.Errorf("%s: header %s: got %q, want %q", name, header, got, value)
			}
		}
	}

	empty := pull(t, env, 0, begin, "lz4", "")
	f("empty shard", empty, map[string]string{
		"x-log-cursor": begin, "x-log-count": "0", "x-log-bodyrawsize": "0", "x-log-end-of-cursor": "1",
		"x-log-compresstype": "", "Content-Length": "0",
	})

	for range 3 {
		call := put(group(1, "x"))
		call.Target = "/logstores/access/shards/route?key=00"
		env.OK(t, call)
	}
	f("two of three", pull(t, env, 0, begin, "lz4", "&count=2"), map[string]string{
		"x-log-cursor": (first + 2).Cursor(), "x-log-count": "2", "x-log-end-of-cursor": "0", "x-log-compresstype": "lz4",
		"x-log-read-last-cursor": fmt.Sprint(int64(first + 1)), "Content-Type": "application/x-protobuf",
	})
	f("to the end", pull(t, env, 0, begin, "", ""), map[string]string{
		"x-log-cursor": (first + 3).Cursor(), "x-log-count": "3", "x-log-end-of-cursor": "1", "x-log-compresstype": "",
	})
	f("end_cursor", pull(t, env, 0, begin, "lz4", "&end_cursor="+escape((first+1).Cursor())), map[string]string{
		"x-log-cursor": (first + 1).Cursor(), "x-log-count": "1",
	})
	f("end_cursor at the cursor", pull(t, env, 0, begin, "lz4", "&end_cursor="+escape(begin)), map[string]string{
		"x-log-cursor": begin, "x-log-count": "0", "x-log-bodyrawsize": "0",
	})
	f("count=0", pull(t, env, 0, begin, "lz4", "&count=0"), map[string]string{"x-log-count": "3"})
	f("empty end_cursor", pull(t, env, 0, begin, "lz4", "&end_cursor="), map[string]string{"x-log-count": "3"})

	head := env.OK(t, testenv.Call{
		Method: "HEAD", Project: "web", Target: "/logstores/access/shards/0?type=log&cursor=" + escape(begin),
		Header: map[string]string{"Accept-Encoding": "lz4"},
	})
	f("HEAD", head, map[string]string{"x-log-cursor": (first + 3).Cursor(), "x-log-count": "3"})
	if len(head.Body) != 0 {
		t.Errorf("HEAD: got a body of %d bytes", len(head.Body))
	}
}

func TestCursors(t *testing.T) {
	env := hub(t)
	begin := cursor(t, env, 0, "begin")
	call := put(group(1, "x"))
	call.Target = "/logstores/access/shards/route?key=00"
	env.OK(t, call)
	first, _ := sluice.ParseCursor(begin)
	end := (first + 1).Cursor()
	for from, want := range map[string]string{
		"begin": begin, "end": end, "0": begin, "1.5": begin, "-1": begin, fmt.Sprint(now().Unix() + 3600): end,
	} {
		if got := cursor(t, env, 0, from); got != want {
			t.Errorf("from=%s: got cursor %s, want %s", from, got, want)
		}
	}
	var answer struct {
		Time int64 `json:"cursor_time"`
	}
	for _, c := range []string{begin, end} {
		env.JSON(t, testenv.Call{Project: "web", Target: "/logstores/access/shards/0?type=cursor_time&cursor=" + escape(c)}, &answer)
		if got := now().Unix() - answer.Time; got < 0 || got > 60 {
			t.Errorf("cursor time is %d s ago", got)
		}
	}
}

func TestErrorsOfReading(t *testing.T) {
	env := hub(t)
	begin := cursor(t, env, 0, "begin")
	first, _ := sluice.ParseCursor(begin)
	f := func(target, code string, status int) {
		t.Helper()
		a := env.Do(t, testenv.Call{Project: "web", Target: target})
		if a.Code != code || a.Status != status {
			t.Errorf("%s: got %d %s (%s), want %d %s", target, a.Status, a.Code, a.Message, status, code)
		}
	}
	shard := "/logstores/access/shards/0?type="
	f(shard+"log&cursor="+escape((first+1).Cursor()), "InvalidCursor", 400)
	f(shard+"cursor_time&cursor="+escape((first+1).Cursor()), "InvalidCursor", 400)
	f(shard+"cursor_time&cursor="+escape((first-1).Cursor()), "InvalidCursor", 400)
	f(shard+"log&cursor=nonsense", "ParameterInvalid", 400)
	f(shard+"log&cursor=", "ParameterInvalid", 400)
	f(shard+"log&cursor="+escape(begin)+"&count=1001", "ParameterInvalid", 400)
	f(shard+"log&cursor="+escape(begin)+"&count=-1", "ParameterInvalid", 400)
	f(shard+"log&cursor="+escape(begin)+"&processor=p", "NotSupported", 400)
	f(shard+"cursor&from=tomorrow", "ParameterInvalid", 400)
	f(shard+"cursor&from=NaN", "ParameterInvalid", 400)
	f(shard+"cursor&from=", "ParameterInvalid", 400)
	f("/logstores/access/shards/9?type=cursor&from=begin", "ShardNotExist", 400)
	f("/logstores/access/shards/one?type=cursor&from=begin", "ParameterInvalid", 400)
	f("/logstores/none/shards/0?type=cursor&from=begin", "LogStoreNotExist", 404)
	f("/logstores/none", "LogStoreNotExist", 404)
	f("/logstores/%2e%2e", "LogStoreNotExist", 404)
	f("/asyncsql/1", "AsyncSqlNotExist", 404)
	f("/materializedviews", "NotSupported", 400)
	f("/nothing", "PathNotExist", 404)

	a := env.Do(t, testenv.Call{Project: "none", Target: "/logstores"})
	if a.Code != "ProjectNotExist" || a.Status != 404 {
		t.Errorf("missing project: got %d %s", a.Status, a.Code)
	}
}

// Answers that clients decode by name and type (reference sls-api 5.1, 5.2, 5.4).
func TestShapesOfObjects(t *testing.T) {
	env := hub(t)
	get := func(project, target string) map[string]any {
		t.Helper()
		var v map[string]any
		env.JSON(t, testenv.Call{Project: project, Target: target}, &v)
		return v
	}

	project := get("web", "/")
	for _, name := range []string{"projectName", "status", "description", "owner", "region", "createTime", "lastModifyTime", "location"} {
		if _, ok := project[name].(string); !ok {
			t.Errorf("project: %s is %v, want text", name, project[name])
		}
	}
	list := get("", "/?offset=0&size=10&projectName=we&resourceGroupId=")
	if list["count"] != 1.0 || list["total"] != 1.0 || len(list["projects"].([]any)) != 1 {
		t.Errorf("list of projects: got %v", list)
	}
	if list := get("", "/?projectName=nothing"); len(list["projects"].([]any)) != 0 {
		t.Errorf("list of no projects: got %v", list)
	}

	logstore := get("web", "/logstores/access")
	want := map[string]any{
		"logstoreName": "access", "ttl": 30.0, "shardCount": 2.0, "enable_tracking": false, "appendMeta": false,
		"autoSplit": false, "mode": "standard", "telemetryType": "",
	}
	for name, value := range want {
		if logstore[name] != value {
			t.Errorf("logstore: %s is %v, want %v", name, logstore[name], value)
		}
	}
	for _, name := range []string{"maxSplitShard", "createTime", "lastModifyTime"} {
		if _, ok := logstore[name].(float64); !ok {
			t.Errorf("logstore: %s is %v, want a number", name, logstore[name])
		}
	}
	if list := get("web", "/logstores?offset=&size=&logstoreName="); fmt.Sprint(list) != "map[count:1 logstores:[access] total:1]" {
		t.Errorf("list of logstores: got %v", list)
	}
	if list := get("web", "/logstores?telemetryType=Metrics"); fmt.Sprint(list) != "map[count:0 logstores:[] total:0]" {
		t.Errorf("list of no logstores: got %v", list)
	}

	var shards []map[string]any
	env.JSON(t, testenv.Call{Project: "web", Target: "/logstores/access/shards"}, &shards)
	if len(shards) != 2 || shards[0]["exclusiveEndKey"] != "80000000000000000000000000000000" ||
		shards[1]["exclusiveEndKey"] != strings.Repeat("f", 32) || shards[0]["status"] != "readwrite" {
		t.Errorf("shards: got %v", shards)
	}
}

// Fields that mean nothing here come back as they came, and an update changes only what it names.
func TestLogstoreKeepsUnknownFields(t *testing.T) {
	env := hub(t)
	env.OK(t, testenv.Call{
		Method: "PUT", Project: "web", Target: "/logstores/access",
		Body: []byte(`{"logstoreName":"access","ttl":7,"shardCount":99,"shardingPolicy":{"shardHash":{"keys":["a"],"maxHashCount":4}},"processorId":"p","nothing":null}`),
	})
	env.OK(t, testenv.Call{Method: "PUT", Project: "web", Target: "/logstores/access", Body: []byte(`{"enable_tracking":true,"ttl":"8"}`)})
	var got map[string]json.RawMessage
	env.JSON(t, testenv.Call{Project: "web", Target: "/logstores/access"}, &got)
	for name, want := range map[string]string{
		"ttl": "8", "shardCount": "2", "enable_tracking": "true", "processorId": `"p"`,
		"shardingPolicy": `{"shardHash":{"keys":["a"],"maxHashCount":4}}`, "nothing": "",
	} {
		if string(got[name]) != want {
			t.Errorf("%s: got %s, want %s", name, got[name], want)
		}
	}
}

func TestErrorsOfChanging(t *testing.T) {
	env := hub(t)
	f := func(method, target, body, code string, status int) {
		t.Helper()
		a := env.Do(t, testenv.Call{Method: method, Project: "web", Target: target, Body: []byte(body)})
		if a.Code != code || a.Status != status {
			t.Errorf("%s %s %.80s: got %d %s (%s), want %d %s", method, target, body, a.Status, a.Code, a.Message, status, code)
		}
	}
	f("POST", "/", `{"projectName":"web"}`, "ProjectAlreadyExist", 400)
	f("POST", "/", `{"projectName":"other"}`, "ParameterInvalid", 400)
	f("POST", "/", `{"projectName":`, "ParameterInvalid", 400)
	f("POST", "/logstores", `{"logstoreName":"access","ttl":1,"shardCount":1}`, "LogStoreAlreadyExist", 400)
	f("POST", "/logstores", `{"logstoreName":"Bad Name","ttl":1,"shardCount":1}`, "LogStoreInfoInvalid", 400)
	f("POST", "/logstores", `{"logstoreName":"`+strings.Repeat("a", 64)+`","ttl":1,"shardCount":1}`, "LogStoreInfoInvalid", 400)
	f("POST", "/logstores", `{"logstoreName":"../up","ttl":1,"shardCount":1}`, "LogStoreInfoInvalid", 400)
	f("POST", "/logstores", `{"logstoreName":"ok","ttl":0,"shardCount":1}`, "LogStoreInfoInvalid", 400)
	f("POST", "/logstores", `{"logstoreName":"ok","ttl":1,"shardCount":101}`, "LogStoreInfoInvalid", 400)
	f("POST", "/logstores", `{"logstoreName":"ok","ttl":"many"}`, "LogStoreInfoInvalid", 400)
	f("POST", "/logstores", `{"logstoreName":"ok","ttl":1,"encrypt_conf":{"enable":true}}`, "NotSupported", 400)
	f("POST", "/logstores", `{"logstoreName":"ok","ttl":1,"autoSplit":true,"maxSplitShard":257}`, "LogStoreInfoInvalid", 400)
	f("PUT", "/logstores/none", `{"ttl":1}`, "LogStoreNotExist", 404)
	f("DELETE", "/logstores/none", ``, "LogStoreNotExist", 404)
	f("POST", "/logstores/access/shards/0?action=split&key=zz", ``, "ParameterInvalid", 400)
	f("POST", "/logstores/access/shards/0?action=split&key=ff", ``, "ParameterInvalid", 400)
	f("POST", "/logstores/access/shards/1?action=merge", ``, "ParameterInvalid", 400)
	f("DELETE", "/logstores/access/shards/0", ``, "ParameterInvalid", 400)
	f("GET", "/logstores/access/index", ``, "IndexConfigNotExist", 400)
	f("PUT", "/logstores/access/index", `{"line":{"token":[","]}}`, "ParameterInvalid", 400)
	f("DELETE", "/logstores/access/index", ``, "ParameterInvalid", 400)
	f("POST", "/logstores/access/index", `{}`, "IndexInfoInvalid", 400)
	f("POST", "/logstores/access/consumergroups", `{"consumerGroup":"a b","timeout":10}`, "JsonInfoInvalid", 400)
	f("POST", "/logstores/access/consumergroups/none?type=heartbeat&consumer=c", `[]`, "ConsumerGroupNotExist", 404)
	f("POST", "/logstores/access/consumergroups/none?type=heartbeat&consumer=c", `null`, "ConsumerGroupNotExist", 404)
	f("POST", "/logstores/access/consumergroups/none?type=heartbeat", `[]`, "ParameterInvalid", 400)
	f("POST", "/logstores/access/consumergroups/none?type=heartbeat&consumer=c", `{"shards":[]}`, "JsonInfoInvalid", 400)
}

// Appendix A.7 of the reference, and the answers of checkpoints.
func TestConsumerGroupExchange(t *testing.T) {
	env := hub(t)
	groups := "/logstores/access/consumergroups"
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: groups, Body: []byte(`{"consumerGroup":"g","timeout":60,"order":false}`)})
	f := func(method, target, body, want string) {
		t.Helper()
		if got := env.OK(t, testenv.Call{Method: method, Project: "web", Target: groups + target, Body: []byte(body)}); string(got.Body) != want {
			t.Errorf("%s %s %s: got %s, want %s", method, target, body, got.Body, want)
		}
	}
	saved := cursor(t, env, 1, "begin")
	f("GET", "", "", `[{"name":"g","timeout":60,"order":false}]`)
	f("POST", "/g?type=heartbeat&consumer=a", `[]`, `[0,1]`)
	f("GET", "/g?shard=9", ``, `[]`)
	f("POST", "/g?type=heartbeat&consumer=b", `[]`, `[]`)
	f("POST", "/g?type=heartbeat&consumer=a", `[0,1]`, `[0]`)
	f("POST", "/g?type=checkpoint&consumer=a&forceSuccess=false", `{"shard":1,"checkpoint":"`+saved+`"}`, ``)
	f("POST", "/g?type=heartbeat&consumer=a", `[0]`, `[0]`)
	f("POST", "/g?type=heartbeat&consumer=b", `[]`, `[1]`)

	fails := func(target, body, code string, status int) {
		t.Helper()
		a := env.Do(t, testenv.Call{Method: "POST", Project: "web", Target: groups + target, Body: []byte(body)})
		if a.Code != code || a.Status != status {
			t.Errorf("%s %s: got %d %s (%s), want %d %s", target, body, a.Status, a.Code, a.Message, status, code)
		}
	}
	checkpoint := "/g?type=checkpoint&consumer="
	fails(checkpoint+"a&forceSuccess=False", `{"shard":1,"checkpoint":"`+saved+`"}`, "ConsumerNotMatch", 404)
	fails(checkpoint+"z", `{"shard":1,"checkpoint":"`+saved+`"}`, "ConsumerNotExist", 404)
	fails(checkpoint+"a&forceSuccess=True", `{"shard":9,"checkpoint":"`+saved+`"}`, "ShardNotExist", 404)
	fails(checkpoint+"a&forceSuccess=true", `{"shard":1,"checkpoint":"!"}`, "InvalidShardCheckPoint", 400)

	var all []struct {
		Shard      int
		Checkpoint string
		UpdateTime int64
	}
	env.JSON(t, testenv.Call{Project: "web", Target: groups + "/g"}, &all)
	if len(all) != 2 || all[0].Checkpoint != "" || all[0].UpdateTime != 0 || all[1].Checkpoint != saved ||
		all[1].UpdateTime < now().UnixMicro()-60e6 {
		t.Errorf("checkpoints: got %+v", all)
	}
	f("PUT", "/g", `{"order":true}`, ``)
	f("GET", "", "", `[{"name":"g","timeout":60,"order":true}]`)
	f("DELETE", "/g", ``, ``)
	f("GET", "", "", `[]`)
}

// The Java SDK sends every field of a logstore, and -1 where it was told nothing.
func TestLogstoreOfAClientThatSaysMinusOne(t *testing.T) {
	env := testenv.Start(t)
	body := `{"autoSplit":false,"telemetryType":"","resourceQuota":{"storage":{"preserved":-1}},"logstoreName":"java","maxSplitShard":-1,"ttl":7,"shardCount":2}`
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/", Body: []byte(`{"projectName":"web"}`)})
	shown := func(method, target, body string) (got struct{ TTL, MaxSplitShard int }) {
		t.Helper()
		env.OK(t, testenv.Call{Method: method, Project: "web", Target: target, Body: []byte(body)})
		env.JSON(t, testenv.Call{Project: "web", Target: "/logstores/java"}, &got)
		return got
	}
	if got := shown("POST", "/logstores", body); got.TTL != 7 || got.MaxSplitShard != 0 {
		t.Errorf("created: %+v", got)
	}
	shown("PUT", "/logstores/java", `{"autoSplit":true,"maxSplitShard":9}`)
	if got := shown("PUT", "/logstores/java", `{"logstoreName":"java","ttl":8,"maxSplitShard":-1}`); got.TTL != 8 || got.MaxSplitShard != 9 {
		t.Errorf("updated: %+v, want what was said before", got)
	}
}
