package sls_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/testenv"
)

// listener reads the events of a tail, as the wire has them.
type listener struct {
	t    *testing.T
	body io.ReadCloser
	r    *bufio.Reader
}

func listen(t *testing.T, env *testenv.Env, query, lastID string, key *testenv.Key) *listener {
	t.Helper()
	r, err := env.NewRequest(testenv.Call{
		Project: "web", Target: "/sluice/v1/logstores/access/tail?" + query, Header: map[string]string{"Last-Event-ID": lastID}, Key: key,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	resp, err := (&http.Client{Transport: env.Transport()}).Do(r.WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("x-log-requestid") == "" {
		t.Fatalf("status %d, headers %v", resp.StatusCode, resp.Header)
	}
	l := &listener{t: t, body: resp.Body, r: bufio.NewReader(resp.Body)}
	t.Cleanup(func() { cancel(); resp.Body.Close() })
	return l
}

// next is the next event, by the names of its lines.
func (l *listener) next() map[string]string {
	l.t.Helper()
	event := map[string]string{}
	for {
		line, err := l.r.ReadString('\n')
		if err != nil {
			l.t.Fatalf("the stream ended behind %v: %v", event, err)
		}
		if line == "\n" {
			return event
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		event[name] = value
	}
}

// logs is the next event, which has to be of logs.
func (l *listener) logs() (id, data string) {
	l.t.Helper()
	event := l.next()
	if event["event"] != "logs" || event["id"] == "" {
		l.t.Fatalf("got %v", event)
	}
	return event["id"], event["data"]
}

func TestTail(t *testing.T) {
	env, _ := searchable(t)
	l := listen(t, env, "query="+url.QueryEscape("hot | project n, text"), "", nil)
	first := l.next()
	if len(first) != 1 || first["id"] == "" {
		t.Errorf("the first event is %v", first)
	}
	at := now().Unix()
	send := func(text string) {
		t.Helper()
		call := put(group(2, text))
		call.Target = "/logstores/access/shards/route?key=00"
		env.OK(t, call)
	}
	send("cold")
	send("hot one")
	id, data := l.logs()
	var when int64
	if _, err := fmt.Sscanf(data, `{"shard":0,"logs":[{"__time__":"%d"`, &when); err != nil || when < at || when > at+60 {
		t.Errorf("time %d, %v in %s", when, err, data)
	}
	if want := fmt.Sprintf(`{"shard":0,"logs":[{"__time__":"%d","n":"0","text":"hot one"},{"__time__":"%d","n":"1","text":"hot one"}]}`, when, when); data != want {
		t.Errorf("got %s, want %s", data, want)
	}
	l.body.Close()

	send("hot two") // while nobody listens
	again := listen(t, env, "query="+url.QueryEscape("hot | project n, text"), id, nil)
	if e := again.next(); e["id"] != id {
		t.Errorf("begins at %v, want %s", e, id)
	}
	if _, data := again.logs(); !strings.Contains(data, "hot two") {
		t.Errorf("got %s", data)
	}
	begin := listen(t, env, "from=begin", "", nil)
	begin.next()
	if _, data := begin.logs(); !strings.Contains(data, `"n":"0","status":"200","path":"/list/0"`) || !strings.Contains(data, `"__tag__:rack":"7"`) {
		t.Errorf("from the beginning: %s", data)
	}
}

// A tail ends when the server stops, and when its key may not read any more; what is refused is refused before it begins.
func TestTailEnds(t *testing.T) {
	env, _ := searchable(t)
	var key struct{ AccessKeyID, AccessKeySecret string }
	env.JSON(t, testenv.Call{Method: "POST", Target: "/sluice/v1/keys", Body: []byte(`{"projects":["web"],"readOnly":true}`)}, &key)
	reader := testenv.Key{ID: key.AccessKeyID, Secret: key.AccessKeySecret}
	l := listen(t, env, "", "", &reader)
	l.next()
	env.OK(t, testenv.Call{Method: "DELETE", Target: "/sluice/v1/keys/" + key.AccessKeyID})
	env.OK(t, put(group(1, "secret")))
	if e := l.next(); e["event"] != "error" || !strings.Contains(e["data"], `"errorCode":"Unauthorized"`) {
		t.Errorf("the key is gone, and there comes %v", e)
	}
	if _, err := l.r.ReadByte(); err != io.EOF {
		t.Errorf("the stream goes on: %v", err)
	}

	for target, code := range map[string]string{
		"access/tail?query=a:b:c":                                        "ParameterInvalid",
		"access/tail?query=nosuch:1":                                     "ParameterInvalid",
		"access/tail?query=" + url.QueryEscape("* | select 1"):           "ParameterInvalid",
		"access/tail?query=" + url.QueryEscape("* | stats n = count(*)"): "ParameterInvalid",
		"access/tail?query=" + url.QueryEscape("* | where"):              "ParameterInvalid",
		"access/tail?from=yesterday":                                     "ParameterInvalid",
		"none/tail":                                                      "LogStoreNotExist",
	} {
		if a := env.Do(t, testenv.Call{Project: "web", Target: "/sluice/v1/logstores/" + target}); a.Code != code {
			t.Errorf("%s: %d %s %s", target, a.Status, a.Code, a.Message)
		}
	}
	for id, code := range map[string]string{"x": "ParameterInvalid", "0:9223372036854775807": "InvalidCursor"} {
		a := env.Do(t, testenv.Call{Project: "web", Target: "/sluice/v1/logstores/access/tail", Header: map[string]string{"Last-Event-ID": id}})
		if a.Code != code {
			t.Errorf("Last-Event-ID %s: %d %s %s", id, a.Status, a.Code, a.Message)
		}
	}
	if a := env.Do(t, testenv.Call{Project: "web", Target: "/sluice/v1/logstores/access/tail", Key: &reader}); a.Status != 401 {
		t.Errorf("a key that is gone: %d %s", a.Status, a.Code)
	}
	if a := env.Do(t, testenv.Call{Project: "web", Target: "/sluice/v1/logstores/access/tail", Unsigned: true}); a.Status < 400 {
		t.Errorf("unsigned: %d %s", a.Status, a.Code)
	}

	last := listen(t, env, "", "", nil)
	last.next()
	stopped := make(chan error, 1)
	go func() { stopped <- env.Stop() }()
	if e := last.next(); e["event"] != "error" || !strings.Contains(e["data"], `"errorCode":"ServerBusy"`) {
		t.Errorf("the server stops, and there comes %v", e)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
