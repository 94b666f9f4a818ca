package blueprint

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestComparison(t *testing.T) {
	f := func(c comparison, want, have string, paths ...string) {
		t.Helper()
		w, err := parse([]byte(want))
		if err != nil {
			t.Fatal(err)
		}
		h, err := parse([]byte(have))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range c.members(w, h) {
			got = append(got, d.Path)
		}
		if diff := cmp.Diff(paths, got); diff != "" {
			t.Errorf("%s against %s (-want +got):\n%s", want, have, diff)
		}
	}
	loose := comparison{loose: true, whole: []string{"keys"}}
	f(exact, `{}`, `{"a":1}`)
	f(exact, `{"a":1,"b":"x"}`, `{"a":1.0,"b":"x","c":2}`)
	f(exact, `{"a":1}`, `{"a":"1"}`, "a")
	f(exact, `{"a":1}`, `{}`, "a")
	f(exact, `{"a":12345678901234567890}`, `{"a":12345678901234567891}`, "a")
	f(exact, `{"a":{"b":1}}`, `{"a":{"b":1,"c":2}}`, "a.c")
	f(loose, `{"a":{"b":1}}`, `{"a":{"b":1,"c":2}}`)
	f(loose, `{"keys":{"x":{"t":1}}}`, `{"keys":{"x":{"t":1,"u":2},"y":{}}}`, "keys.y")
	f(exact, `{"a":[1,{"b":2}]}`, `{"a":[1,{"b":3}]}`, "a[1].b")
	f(exact, `{"a":[1]}`, `{"a":[1,2]}`, "a")
	f(exact, `{"a":{}}`, `{"a":[]}`, "a")
	f(exact, `{"a":null}`, `{"a":null}`)
	f(exact, `{"password":"new"}`, `{"password":"********"}`)
	f(exact, `{"a":"**"}`, `{"a":"*"}`, "a")
}

func TestReadRefuses(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		_, err := Read(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Read(%q): error %v, want %q in it", text, err, want)
		}
	}
	f("logstores: {}", "does not name its project")
	f("project: web\nlogstore: {}", "line 2: field logstore not found")
	f("project: web\nlogstores:\n  a: {ttl: soon}", "line 3: cannot unmarshal")
	f("project: [", "line 1")
	f("- web", "cannot unmarshal")
}
