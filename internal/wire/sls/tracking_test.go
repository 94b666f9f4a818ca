package sls_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/testenv"
)

func track(method, target string, body []byte) testenv.Call {
	return testenv.Call{Method: method, Project: "web", Target: "/logstores/access/" + target, Body: body, Unsigned: true}
}

func TestWebTracking(t *testing.T) {
	env := hub(t)
	env.OK(t, testenv.Call{Method: "PUT", Project: "web", Target: "/logstores/access", Body: []byte(`{"enable_tracking":true}`)})

	a := env.OK(t, track("GET", "track?APIVersion=0.6.0&__topic__=page&__source__=s&b=1+2&a=%C3%A9&b=", nil))
	if len(a.Body) != 0 || a.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("track: got body %q, headers %v", a.Body, a.Header)
	}
	gif := track("GET", "track_ua.gif?k=v", nil)
	gif.Header = map[string]string{"User-Agent": "browser", "Referer": "http://page.example/"}
	if a = env.OK(t, gif); a.Header.Get("Content-Type") != "image/gif" || !strings.HasPrefix(string(a.Body), "GIF89a") {
		t.Errorf("track_ua.gif: got %q", a.Body)
	}
	body := []byte(`{"__topic__":"t","__source__":"s","__tags__":{"k":"v"},"__logs__":[{"a":"1","n":2,"__time__":1}]}`)
	env.OK(t, track("POST", "track", body))
	packed, err := logpb.Compress(nil, logpb.LZ4, body)
	if err != nil {
		t.Fatal(err)
	}
	call := track("POST", "track", packed)
	call.Header = map[string]string{"x-log-compresstype": "lz4", "x-log-bodyrawsize": fmt.Sprint(len(body))}
	env.OK(t, call)

	var got []string
	for shard := range 2 {
		for _, g := range pullAll(t, env, shard, "lz4") {
			for _, r := range g.Records {
				if age := now().Unix() - int64(r.Time); age < 0 || age > 60 {
					t.Errorf("a log is %d s old, want the time of receipt", age)
				}
				got = append(got, fmt.Sprint(g.Topic, " ", g.Source, " ", g.Tags, " ", r.Fields))
			}
		}
	}
	posted := fmt.Sprint("t s ", []sluice.Field{{Key: "k", Value: "v"}}, " ", []sluice.Field{{Key: "a", Value: "1"}, {Key: "n", Value: "2"}})
	want := []string{"page s [] [{b 1 2} {a é} {b }]", "  [] [{k v} {__userAgent__ browser} {__referer__ http://page.example/}]", posted, posted}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tracked logs (-want +got):\n%s", diff)
	}
}

// Who is not signed gets in nowhere but where tracking is on, and learns nothing of what exists.
func TestWebTrackingIsOffByDefault(t *testing.T) {
	env := hub(t)
	var messages []string
	for _, logstore := range []string{"access", "none"} {
		for _, target := range []string{"track?a=1", "track.gif?a=1", "track_ua.gif?a=1"} {
			c := track("GET", target, nil)
			c.Target = "/logstores/" + logstore + "/" + target
			a := env.Do(t, c)
			if a.Status != http.StatusUnauthorized || a.Code != "Unauthorized" {
				t.Errorf("%s: got %d %s", c.Target, a.Status, a.Code)
			}
			messages = append(messages, strings.ReplaceAll(a.Message, logstore, "*"))
		}
	}
	for _, m := range messages {
		if m != messages[0] {
			t.Errorf("a stranger can tell %q from %q", m, messages[0])
		}
	}
}

func TestWebTrackingLimits(t *testing.T) {
	env := hub(t)
	env.OK(t, testenv.Call{Method: "PUT", Project: "web", Target: "/logstores/access", Body: []byte(`{"enable_tracking":true}`)})
	f := func(c testenv.Call, code string) {
		t.Helper()
		if a := env.Do(t, c); a.Code != code {
			t.Errorf("%s %.60s: got %q (%s), want %q", c.Method, c.Target, a.Code, a.Message, code)
		}
	}
	f(track("GET", "track?k="+strings.Repeat("v", 16<<10-2), nil), "")
	f(track("GET", "track?k="+strings.Repeat("v", 16<<10-1), nil), "PostBodyTooLarge")
	f(track("GET", "track?k=%zz", nil), "ParameterInvalid")
	f(track("POST", "track", []byte(`{"__logs__":[{"a":"`+strings.Repeat("v", 3<<20)+`"}]}`)), "PostBodyTooLarge")
	f(track("POST", "track", []byte(`{"__logs__":`)), "PostBodyInvalid")
	f(track("POST", "track", nil), "PostBodyInvalid")
	bomb := track("POST", "track", []byte("x"))
	bomb.Header = map[string]string{"x-log-compresstype": "deflate", "x-log-bodyrawsize": "1000000000"}
	f(bomb, "PostBodyTooLarge")

	options := env.OK(t, track("OPTIONS", "track", nil))
	if options.Header.Get("Access-Control-Allow-Methods") == "" || options.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("OPTIONS: got headers %v", options.Header)
	}
	if a := env.OK(t, testenv.Call{Project: "web", Target: "/logstores/access"}); a.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("pages of any origin may read what is signed")
	}
}
