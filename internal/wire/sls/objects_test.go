package sls_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/control"
	"github.com/sluicelog/sluice/internal/testenv"
)

func TestObjects(t *testing.T) {
	env := hub(t)
	const path = "/logstores/access/objects"
	put := func(name, body string, header map[string]string) testenv.Call {
		return testenv.Call{Method: "PUT", Project: "web", Target: path + "/" + name, Body: []byte(body), Header: header}
	}
	get := func(name string) testenv.Call { return testenv.Call{Project: "web", Target: path + "/" + name} }

	a := env.OK(t, put("a/b.txt", "hello", map[string]string{"Content-Type": "text/plain", "x-log-meta-who": "ada", "x-other": "no"}))
	const tag = `"5D41402ABC4B2A76B9719D911017C592"` // the MD5 of hello
	if got := a.Header.Get("ETag"); got != tag {
		t.Errorf("put: got ETag %s", got)
	}
	for _, name := range []string{"a/b.txt", "a%2Fb.txt"} {
		a := env.OK(t, get(name))
		got := []string{string(a.Body), a.Header.Get("Content-Type"), a.Header.Get("X-Log-Meta-Who"), a.Header.Get("X-Other"), a.Header.Get("ETag")}
		if diff := cmp.Diff([]string{"hello", "text/plain", "ada", "", tag}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	env.OK(t, put("a/b.txt", "", nil))
	if a := env.OK(t, get("a/b.txt")); len(a.Body) != 0 || a.Header.Get("X-Log-Meta-Who") != "" {
		t.Errorf("replaced by nothing: got %q %v", a.Body, a.Header)
	}
	big := strings.Repeat("\x00\xff", control.MaxObject/2)
	env.OK(t, put("big", big, nil))
	if a := env.OK(t, get("big")); !bytes.Equal(a.Body, []byte(big)) {
		t.Error("bytes changed")
	}
	for what, c := range map[string]struct {
		call testenv.Call
		code string
	}{
		"missing":       {get("none"), "ObjectNotExist"},
		"no logstore":   {testenv.Call{Project: "web", Target: "/logstores/none/objects/a"}, "LogStoreNotExist"},
		"too large":     {put("big", big+"x", nil), "PostBodyTooLarge"},
		"much header":   {put("a", "", map[string]string{"x-log-meta-a": strings.Repeat("x", 9<<10)}), "ParameterInvalid"},
		"a bad name":    {put("a%00b", "", nil), "ParameterInvalid"},
		"too long":      {put(strings.Repeat("a", 1025), "", nil), "ParameterInvalid"},
		"no name":       {put("", "", nil), "PathNotExist"},
		"a bad page":    {testenv.Call{Project: "web", Target: path + "?maxResults=0"}, "ParameterInvalid"},
		"a method more": {testenv.Call{Method: "POST", Project: "web", Target: path + "/a"}, "InvalidMethod"},
	} {
		if a := env.Do(t, c.call); a.Code != c.code {
			t.Errorf("%s: got %d %s %q, want %s", what, a.Status, a.Code, a.Message, c.code)
		}
	}
}

func TestObjectsAreListedAndGo(t *testing.T) {
	env := hub(t)
	for i := range 5 {
		env.OK(t, testenv.Call{Method: "PUT", Project: "web", Target: fmt.Sprintf("/logstores/access/objects/p/%d", i), Body: []byte("x")})
	}
	env.OK(t, testenv.Call{Method: "PUT", Project: "web", Target: "/logstores/access/objects/q", Body: []byte("x")})
	type list struct {
		Objects     []struct{ Key, ETag string }
		NextToken   string
		IsTruncated bool
	}
	var names []string
	for token, more := "", true; more; {
		var page list
		env.JSON(t, testenv.Call{Project: "web", Target: "/logstores/access/objects?prefix=p/&maxResults=2&nextToken=" + token}, &page)
		for _, o := range page.Objects {
			names = append(names, o.Key)
		}
		token, more = page.NextToken, page.IsTruncated
	}
	if diff := cmp.Diff([]string{"p/0", "p/1", "p/2", "p/3", "p/4"}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	env.OK(t, testenv.Call{Method: "DELETE", Project: "web", Target: "/logstores/access"})
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/logstores", Body: []byte(`{"logstoreName":"access","ttl":1,"shardCount":1}`)})
	var all list
	if env.JSON(t, testenv.Call{Project: "web", Target: "/logstores/access/objects"}, &all); len(all.Objects) != 0 {
		t.Errorf("another logstore of the name has %v", all.Objects)
	}
}
