package sls_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/internal/wire/sls"
)

// example is a call that a route answers.
func example(r sls.Route) testenv.Call {
	target := strings.NewReplacer("{logstore}", "access", "{shard}", "0", "{project}", "web", "{", "x-", "...}", "", "}", "").Replace(r.Path)
	if r.When != "" {
		when, _, _ := strings.Cut(r.When, "|")
		target += "?" + when
	}
	c := testenv.Call{Method: r.Method, Target: target, Project: "web"}
	if r.Host == sls.OnBare {
		c.Project = ""
	}
	if r.Late {
		c.Body = []byte(`{"projectName":"web","logstoreName":"access","ttl":1,"shardCount":1}`)
	}
	return c
}

// No action answers whom it should not: every row of the table, against every kind of stranger.
func TestEveryRouteAsksWhoAndWhether(t *testing.T) {
	env := hub(t)
	reader := makeKey(t, env, `{"readOnly":true}`)
	stranger := makeKey(t, env, `{"projects":["other"]}`)
	plain := makeKey(t, env, `{}`)
	f := func(r sls.Route, who string, c testenv.Call, codes ...string) {
		t.Helper()
		a := env.Do(t, c)
		if r.Method == http.MethodHead { // no body, no code
			if a.Status == http.StatusOK {
				t.Errorf("%s, %s: got status 200", r.Action, who)
			}
			return
		}
		if !slices.Contains(codes, a.Code) {
			t.Errorf("%s (%s %s), %s: got %d %s %q, want %v", r.Action, r.Method, r.Path, who, a.Status, a.Code, a.Message, codes)
		}
	}
	for _, r := range sls.Routes() {
		c := example(r)
		if r.Anonymous {
			if r.Method != http.MethodOptions {
				f(r, "anybody, where tracking is off", c, "Unauthorized")
			}
			continue
		}
		unsigned := c
		unsigned.Unsigned = true
		f(r, "unsigned", unsigned, "MissAccessKeyId")

		forged := c
		forged.Key = &testenv.Key{ID: testenv.RootID, Secret: "not the secret"}
		f(r, "wrong signature", forged, "SignatureNotMatch")

		other := c
		other.Key = &testenv.Key{ID: "nobody", Secret: "secret"}
		f(r, "unknown key", other, "Unauthorized")

		elsewhere := c
		elsewhere.Key = &stranger
		f(r, "key of another project", elsewhere, "Unauthorized")

		if r.Mutating {
			reading := c
			reading.Key = &reader
			f(r, "read-only key", reading, "Unauthorized")
		}
		if r.Root {
			notRoot := c
			notRoot.Key = &plain
			f(r, "key that is not root", notRoot, "Unauthorized")
		}
	}
	if got := len(pullAll(t, env, 0, "lz4")) + len(pullAll(t, env, 1, "lz4")); got != 0 {
		t.Errorf("%d log groups were stored by strangers", got)
	}
}

// The rows of the table that are served are really there, and the others say their name.
func TestEveryRouteIsThere(t *testing.T) {
	env := hub(t)
	for _, r := range sls.Routes() {
		if r.Method == http.MethodDelete { // would take away what the next rows need
			continue
		}
		call := example(r)
		if r.Action == "TailLogs" { // would go on for ever
			call.Target += "?from=never"
		}
		a := env.Do(t, call)
		switch a.Code {
		case "PathNotExist", "InvalidMethod", "InvalidHost", "InternalServerError":
			t.Errorf("%s (%s %s): got %s: %s", r.Action, r.Method, r.Path, a.Code, a.Message)
		case "NotSupported":
			if !strings.Contains(a.Message, r.Action) {
				t.Errorf("%s: NotSupported says %q, not the action's name", r.Action, a.Message)
			}
		}
	}
}

func makeKey(t *testing.T, env *testenv.Env, body string) testenv.Key {
	t.Helper()
	var key struct{ AccessKeyID, AccessKeySecret, SecurityToken string }
	env.JSON(t, testenv.Call{Method: "POST", Target: "/sluice/v1/keys", Body: []byte(body)}, &key)
	return testenv.Key{ID: key.AccessKeyID, Secret: key.AccessKeySecret, Token: key.SecurityToken}
}

func TestKeys(t *testing.T) {
	env := hub(t)
	key := makeKey(t, env, `{"description":"shipper","projects":["web"],"readOnly":true}`)
	get := func() map[string]any {
		t.Helper()
		var got map[string]any
		env.JSON(t, testenv.Call{Target: "/sluice/v1/keys/" + key.ID}, &got)
		return got
	}
	got := get()
	want := map[string]any{"accessKeyId": key.ID, "description": "shipper", "readOnly": true, "root": false, "disabled": false}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s: got %v, want %v", name, got[name], value)
		}
	}
	if raw, _ := json.Marshal(got); strings.Contains(string(raw), "ecret") || got["expireTime"] != nil {
		t.Errorf("got key %s", raw)
	}
	list := env.OK(t, testenv.Call{Target: "/sluice/v1/keys"})
	if strings.Contains(string(list.Body), key.Secret) || !strings.Contains(string(list.Body), key.ID) {
		t.Errorf("got list %s", list.Body)
	}

	use := func(code string) {
		t.Helper()
		if a := env.Do(t, testenv.Call{Project: "web", Target: "/logstores", Key: &key}); a.Code != code {
			t.Errorf("got %q, want %q", a.Code, code)
		}
	}
	change := func(method, body string) {
		t.Helper()
		env.OK(t, testenv.Call{Method: method, Target: "/sluice/v1/keys/" + key.ID, Body: []byte(body)})
	}
	use("")
	change("PATCH", `{"disabled":true}`)
	use("Unauthorized")
	change("PATCH", `{"disabled":false}`)
	use("")
	change("DELETE", ``)
	use("Unauthorized")

	for call, code := range map[string]string{
		"GET /sluice/v1/keys/nobody":                                    "AccessKeyNotExist",
		"DELETE /sluice/v1/keys/" + testenv.RootID:                      "ParameterInvalid", // the last root key
		"PATCH /sluice/v1/keys/" + testenv.RootID + ` {}`:               "ParameterInvalid",
		"POST /sluice/v1/keys " + `{"expiresInSeconds":1}`:              "ParameterInvalid",
		"POST /sluice/v1/keys " + `{"root":true,"projects":["web"]}`:    "ParameterInvalid",
		"POST /sluice/v1/keys " + `{"expiresInSeconds":99999999999999}`: "ParameterInvalid",
	} {
		method, rest, _ := strings.Cut(call, " ")
		target, body, _ := strings.Cut(rest, " ")
		if a := env.Do(t, testenv.Call{Method: method, Target: target, Body: []byte(body)}); a.Code != code {
			t.Errorf("%s: got %s %q, want %s", call, a.Code, a.Message, code)
		}
	}
}

func TestDatesOfSignatures(t *testing.T) {
	env := hub(t)
	f := func(offset time.Duration, code string) {
		t.Helper()
		a := env.Do(t, testenv.Call{Project: "web", Target: "/logstores", Date: now().Add(offset)})
		if a.Code != code {
			t.Errorf("date %v off: got %q, want %q", offset, a.Code, code)
		}
		if a.Header.Get("x-log-time") == "" || a.Header.Get("Date") == "" {
			t.Error("no time in the answer, from which agents correct their clock")
		}
	}
	f(0, "")
	f(-14*time.Minute, "")
	f(14*time.Minute, "")
	f(-16*time.Minute, "RequestTimeExpired")
	f(16*time.Minute, "RequestTimeExpired")
	f(-365*24*time.Hour, "RequestTimeExpired")

	a := env.Do(t, testenv.Call{Project: "web", Target: "/logstores", Spoil: func(r *http.Request) { r.Header.Del("Date") }})
	if a.Code != "MissingDate" {
		t.Errorf("no date: got %s", a.Code)
	}
	a = env.Do(t, testenv.Call{Project: "web", Target: "/logstores", Spoil: func(r *http.Request) { r.Header.Set("Date", "yesterday") }})
	if a.Code != "InvalidDateFormat" {
		t.Errorf("bad date: got %s", a.Code)
	}
	a = env.Do(t, testenv.Call{Project: "web", Target: "/logstores", Spoil: func(r *http.Request) { r.Header.Del("x-log-signaturemethod") }})
	if a.Code != "MissingSignatureMethod" {
		t.Errorf("no method: got %s", a.Code)
	}
}
