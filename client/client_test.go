package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/sign"
)

var ref = sluice.LogstoreRef{Project: "proj", Logstore: "store"}

// serve starts a server that runs handle and returns a client of it.
func serve(t *testing.T, o client.Options, handle http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	o.Endpoint, o.AccessKeyID, o.Secret = server.URL, "id", "secret"
	c, err := client.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func reply(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("x-log-requestid", "R1")
	w.WriteHeader(status)
	io.WriteString(w, body) //nolint:errcheck // the client notices
}

func TestRequestsAreSignedAndNameTheProject(t *testing.T) {
	for _, v4 := range []bool{false, true} {
		var seen *http.Request
		c := serve(t, client.Options{SignV4: v4, SecurityToken: "token"}, func(w http.ResponseWriter, r *http.Request) {
			seen = r
			request := &sign.Request{Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Host: r.Host, Header: r.Header}
			claim, err := sign.Parse(request)
			if err != nil || !claim.Verify("secret", request) {
				reply(w, 401, `{"errorCode":"SignatureNotMatch","errorMessage":"no"}`)
				return
			}
			reply(w, 200, `{"cursor":"MQ=="}`)
		})
		cursor, err := c.CursorAt(t.Context(), ref, 3, time.Unix(1700000000, 999))
		if err != nil || cursor != "MQ==" {
			t.Fatalf("v4=%v: cursor %q, error %v", v4, cursor, err)
		}
		host := strings.TrimPrefix(c.Endpoint(), "http://")
		if seen.Host != "proj."+host || seen.Header.Get("x-log-project") != "proj" {
			t.Errorf("v4=%v: Host %q, x-log-project %q", v4, seen.Host, seen.Header.Get("x-log-project"))
		}
		if got, want := seen.URL.String(), "/logstores/store/shards/3?from=1700000000&type=cursor"; got != want {
			t.Errorf("v4=%v: asked for %s, want %s", v4, got, want)
		}
		if seen.Header.Get("x-acs-security-token") != "token" {
			t.Errorf("v4=%v: the security token is missing", v4)
		}
	}
}

func TestNamesCannotEscapeThePath(t *testing.T) {
	var path string
	c := serve(t, client.Options{}, func(w http.ResponseWriter, r *http.Request) {
		path = r.URL.EscapedPath()
		reply(w, 200, `{}`)
	})
	odd := sluice.LogstoreRef{Project: "proj", Logstore: "a/../b?x=#"}
	if err := c.DeleteLogstore(t.Context(), odd); err != nil {
		t.Fatal(err)
	}
	if want := "/logstores/a%2F..%2Fb%3Fx=%23"; path != want {
		t.Errorf("path %q, want %q", path, want)
	}
}

func TestPutLogs(t *testing.T) {
	group := &sluice.LogGroup{Topic: "t", Source: "s", Tags: []sluice.Field{{Key: "k", Value: "v"}}, Records: []sluice.Record{
		{Time: 1700000000, Nanos: 7, Fields: []sluice.Field{{Key: "a", Value: "\xff\x00"}}},
	}}
	var got *sluice.LogGroup
	var target *url.URL
	c := serve(t, client.Options{}, func(w http.ResponseWriter, r *http.Request) {
		target = r.URL
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		size, err := strconv.Atoi(r.Header.Get("x-log-bodyrawsize"))
		if err != nil {
			t.Error(err)
		}
		raw, err := logpb.Decompress(nil, logpb.Codec(r.Header.Get("x-log-compresstype")), body, size)
		if err != nil {
			t.Error(err)
		}
		if got, err = logpb.Decode(raw); err != nil {
			t.Error(err)
		}
		reply(w, 200, "")
	})
	f := func(o client.PutOptions, want string) {
		t.Helper()
		if err := c.PutLogs(t.Context(), ref, group, o); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(group, got); diff != "" {
			t.Errorf("what arrived differs (-sent +arrived):\n%s", diff)
		}
		if target.String() != want {
			t.Errorf("sent to %s, want %s", target, want)
		}
	}
	f(client.PutOptions{}, "/logstores/store/shards/lb")
	f(client.PutOptions{HashKey: "80"}, "/logstores/store/shards/route?key=80")
}

// pullAnswer writes groups the way the server answers a pull.
func pullAnswer(t *testing.T, w http.ResponseWriter, last sluice.Position, groups ...*sluice.LogGroup) {
	var raw []byte
	for _, g := range groups {
		one := logpb.Append(nil, g)
		raw = append(logpb.AppendGroupHeader(raw, len(one)), one...)
	}
	body, err := logpb.Compress(nil, logpb.LZ4, raw)
	if err != nil {
		t.Error(err)
	}
	w.Header().Set("x-log-cursor", (last + 1).Cursor())
	w.Header().Set("x-log-count", strconv.Itoa(len(groups)))
	w.Header().Set("x-log-bodyrawsize", strconv.Itoa(len(raw)))
	w.Header().Set("x-log-compresstype", "lz4")
	w.Header().Set("x-log-read-last-cursor", strconv.FormatInt(int64(last), 10))
	w.Write(body) //nolint:errcheck // the client notices
}

func TestPull(t *testing.T) {
	groups := []*sluice.LogGroup{
		{Topic: "a", Records: []sluice.Record{{Time: 1, Fields: []sluice.Field{{Key: "k", Value: "v"}}}}},
		{Topic: "b", Records: []sluice.Record{{Time: 2, Fields: []sluice.Field{{Key: "k", Value: "w"}}}}},
	}
	c := serve(t, client.Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("cursor") == sluice.Position(102).Cursor() {
			w.Header().Set("x-log-cursor", r.URL.Query().Get("cursor"))
			w.Header().Set("x-log-bodyrawsize", "0")
			return
		}
		pullAnswer(t, w, 101, groups...)
	})
	p, err := c.Pull(t.Context(), ref, 0, client.PullOptions{Cursor: sluice.Position(100).Cursor()})
	if err != nil {
		t.Fatal(err)
	}
	want := &client.Pulled{Groups: groups, First: 100, Next: sluice.Position(102).Cursor()}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	p, err = c.Pull(t.Context(), ref, 0, client.PullOptions{Cursor: p.Next})
	if err != nil || len(p.Groups) != 0 || !p.AtEnd {
		t.Errorf("at the end: %+v, %v", p, err)
	}
}

func TestPullRefusesLies(t *testing.T) {
	for name, header := range map[string]map[string]string{
		"no cursor":       {"x-log-bodyrawsize": "0"},
		"no size":         {"x-log-cursor": "MQ=="},
		"a huge size":     {"x-log-cursor": "MQ==", "x-log-bodyrawsize": "99999999999", "x-log-compresstype": "lz4"},
		"a negative size": {"x-log-cursor": "MQ==", "x-log-bodyrawsize": "-1"},
		"a wrong size":    {"x-log-cursor": "MQ==", "x-log-bodyrawsize": "20", "x-log-compresstype": "lz4"},
		"another codec":   {"x-log-cursor": "MQ==", "x-log-bodyrawsize": "2", "x-log-compresstype": "gzip"},
	} {
		c := serve(t, client.Options{}, func(w http.ResponseWriter, r *http.Request) {
			for k, v := range header {
				w.Header().Set(k, v)
			}
			io.WriteString(w, "\x10x") //nolint:errcheck // the client notices
		})
		if p, err := c.Pull(t.Context(), ref, 0, client.PullOptions{}); err == nil {
			t.Errorf("%s: got %+v", name, p)
		}
	}
}

func TestErrors(t *testing.T) {
	c := serve(t, client.Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			w.WriteHeader(404)
			io.WriteString(w, "<html>not here</html>") //nolint:errcheck // the client notices
			return
		}
		reply(w, 404, `{"errorCode":"LogStoreNotExist","errorMessage":"logstore store does not exist"}`)
	})
	_, err := c.Logstore(t.Context(), ref)
	var refused *client.Error
	if !errors.As(err, &refused) {
		t.Fatalf("error is %v", err)
	}
	if refused.Date.IsZero() {
		t.Error("the server's date is missing")
	}
	refused.Date = time.Time{}
	want := client.Error{Status: 404, Code: "LogStoreNotExist", Message: "logstore store does not exist", RequestID: "R1"}
	if diff := cmp.Diff(want, *refused); diff != "" {
		t.Error(diff)
	}
	if err := c.DeleteLogstore(t.Context(), ref); client.Code(err) != "" || !strings.Contains(err.Error(), "not an answer of a log service") {
		t.Errorf("an answer of something else gave %v", err)
	}
}

func TestListsAreReadToTheEnd(t *testing.T) {
	const total = 1203
	c := serve(t, client.Options{}, func(w http.ResponseWriter, r *http.Request) {
		offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
		size, _ := strconv.Atoi(r.URL.Query().Get("size"))
		names := []string{}
		for i := offset; i < min(offset+size, total); i++ {
			names = append(names, strconv.Itoa(i))
		}
		page, _ := json.Marshal(map[string]any{"count": len(names), "total": total, "logstores": names})
		reply(w, 200, string(page))
	})
	names, err := c.Logstores(t.Context(), "proj")
	if err != nil || len(names) != total || names[total-1] != strconv.Itoa(total-1) {
		t.Errorf("%d names, error %v", len(names), err)
	}
}

// roundTrip answers requests without a network, so that time can be a bubble's.
type roundTrip func(*http.Request) *http.Response

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

func bubbled(t *testing.T, f roundTrip) *client.Client {
	c, err := client.New(client.Options{Endpoint: "sls.test", AccessKeyID: "id", Secret: "s", HTTPClient: &http.Client{Transport: f}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRetry(t *testing.T) {
	f := func(name string, status int, body string, wantTries int) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			tries := 0
			c := bubbled(t, func(r *http.Request) *http.Response {
				if tries++; tries == 3 {
					return answer(200, "")
				}
				return answer(status, body)
			})
			err := c.PutRaw(t.Context(), ref, []byte("x"), client.PutOptions{})
			if tries != wantTries || (err == nil) != (wantTries == 3) {
				t.Errorf("%s: %d tries, error %v; want %d tries", name, tries, err, wantTries)
			}
		})
	}
	f("busy", 503, `{"errorCode":"ServerBusy","errorMessage":""}`, 3)
	f("bad gateway", 502, `<html>`, 3)
	f("internal", 500, `{"errorCode":"InternalServerError","errorMessage":""}`, 3)
	f("quota", 403, `{"errorCode":"ShardWriteQuotaExceed","errorMessage":""}`, 3)
	f("forbidden", 403, `{"errorCode":"ProjectForbidden","errorMessage":""}`, 1)
	f("not implemented", 501, `{"errorCode":"NotImplemented","errorMessage":""}`, 1)
	f("wrong", 400, `{"errorCode":"ParameterInvalid","errorMessage":""}`, 1)
}

func TestRetryEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		c := bubbled(t, func(*http.Request) *http.Response { tries++; return answer(503, "") })
		var refused *client.Error
		if err := c.DeleteProject(t.Context(), "p"); !errors.As(err, &refused) || tries != 8 {
			t.Errorf("%d tries, error %v; want 8 and the last answer", tries, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		defer cancel()
		err := c.DeleteProject(ctx, "p")
		if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &refused) {
			t.Errorf("error %v, want the deadline and the answer before it", err)
		}
	})
}

func TestEndpoints(t *testing.T) {
	ok := func(endpoint, want string) {
		t.Helper()
		c, err := client.New(client.Options{Endpoint: endpoint, AccessKeyID: "i", Secret: "s"})
		if err != nil || c.Endpoint() != want {
			t.Errorf("New(%q): %v, %v; want %s", endpoint, c, err, want)
		}
	}
	ok("127.0.0.1:80", "http://127.0.0.1:80")
	ok("https://sls.example/", "https://sls.example")
	ok("http://[::1]:80", "http://[::1]:80")
	for _, endpoint := range []string{"", "ftp://x", "http://", "http://:80", "http://x/path", "http://x?q", "http://u:p@x", "http://x y"} {
		if c, err := client.New(client.Options{Endpoint: endpoint, AccessKeyID: "i", Secret: "s"}); err == nil {
			t.Errorf("New(%q) = %s", endpoint, c.Endpoint())
		}
	}
	if _, err := client.New(client.Options{Endpoint: "x"}); err == nil {
		t.Error("New without credentials succeeded")
	}
}
