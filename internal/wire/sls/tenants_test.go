package sls_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
)

// newTenant makes an account and returns its first key.
func newTenant(t *testing.T, env *testenv.Env, name string) (id string, key *testenv.Key) {
	t.Helper()
	var made struct{ AccountID, AccessKeyID, AccessKeySecret string }
	env.JSON(t, testenv.Call{Method: "POST", Target: "/sluice/v1/accounts", Body: []byte(`{"name":"` + name + `"}`)}, &made)
	return made.AccountID, &testenv.Key{ID: made.AccessKeyID, Secret: made.AccessKeySecret}
}

func TestTenantsDoNotSeeEachOther(t *testing.T) {
	env := hub(t) // project web of the root account
	id, far := newTenant(t, env, "far")
	as := func(c testenv.Call) testenv.Call { c.Key = far; return c }
	env.OK(t, as(testenv.Call{Method: "POST", Project: "shop", Target: "/", Body: []byte(`{"projectName":"shop","description":""}`)}))
	env.OK(t, as(testenv.Call{Method: "POST", Project: "shop", Target: "/logstores", Body: []byte(`{"logstoreName":"access","ttl":1,"shardCount":1}`)}))

	var list struct {
		Total    int
		Projects []struct{ ProjectName, Owner string }
	}
	f := func(key *testenv.Key, name, owner string) {
		t.Helper()
		env.JSON(t, testenv.Call{Target: "/", Key: key}, &list)
		if list.Total != 1 || len(list.Projects) != 1 || list.Projects[0].ProjectName != name || owner != "" && list.Projects[0].Owner != owner {
			t.Errorf("got %+v, want %s alone", list, name)
		}
	}
	f(nil, "web", "")
	f(far, "shop", id)

	code := func(c testenv.Call, want string) {
		t.Helper()
		if a := env.Do(t, c); a.Code != want {
			t.Errorf("%s %s of %s: got %d %s %q, want %s", c.Method, c.Target, c.Project, a.Status, a.Code, a.Message, want)
		}
	}
	code(as(testenv.Call{Project: "web", Target: "/"}), "Unauthorized")
	code(testenv.Call{Project: "shop", Target: "/"}, "Unauthorized")
	code(as(testenv.Call{Method: "POST", Project: "web", Target: "/", Body: []byte(`{"projectName":"web"}`)}), "ProjectAlreadyExist")
	code(as(testenv.Call{Method: "DELETE", Project: "web", Target: "/"}), "Unauthorized")
	code(as(testenv.Call{Project: "none", Target: "/"}), "ProjectNotExist")
	// Names of sites cannot be taken before they are made.
	code(as(testenv.Call{Method: "POST", Project: "esa-123", Target: "/", Body: []byte(`{"projectName":"esa-123"}`)}), "ParameterInvalid")
	// Nor do tasks lead from one to the other.
	code(as(testenv.Call{Method: "POST", Project: "shop", Target: "/sluice/v1/deliveries", Body: []byte(
		`{"name":"t","source":{"logstore":"access"},"sink":{"type":"sls","project":"web","logstore":"access"}}`)}), "Unauthorized")
	code(as(testenv.Call{Target: "/sluice/v1/accounts"}), "Unauthorized")
	code(as(testenv.Call{Target: "/sluice/v1/keys"}), "Unauthorized")

	// Documents of the account.
	env.OK(t, testenv.Call{Method: "POST", Target: "/resources", Body: []byte(`{"name":"sls.alert.x","type":"userdefine","schema":"{}","acl":"{}"}`)})
	code(testenv.Call{Target: "/resources/sls.alert.x"}, "")
	if a := env.Do(t, as(testenv.Call{Target: "/resources/sls.alert.x"})); a.Status == http.StatusOK {
		t.Errorf("a resource of another account is shown: %s", a.Body)
	}

	// An account goes when its projects have gone.
	code(testenv.Call{Method: "DELETE", Target: "/sluice/v1/accounts/" + id}, "ParameterInvalid")
	env.OK(t, as(testenv.Call{Method: "DELETE", Project: "shop", Target: "/"}))
	code(testenv.Call{Method: "DELETE", Target: "/sluice/v1/accounts/" + id}, "")
	code(as(testenv.Call{Target: "/"}), "Unauthorized")
}

// A body can take minutes. What was allowed when it began need not be when it is there.
func TestUploadsEndWithTheirKey(t *testing.T) {
	env := hub(t)
	_, far := newTenant(t, env, "far")
	f := func(what, code string, project string, meanwhile func(key testenv.Key)) {
		t.Helper()
		key := makeKey(t, env, `{}`)
		body := `{"__logs__":[{"a":"b"}]}`
		c := testenv.Call{
			Method: "POST", Project: project, Target: "/logstores/access", Key: &key, Body: []byte(body),
			Header: map[string]string{"Content-Type": "application/json"},
		}
		r, err := env.NewRequest(c)
		if err != nil {
			t.Fatal(err)
		}
		arrive, send := io.Pipe()
		r.Body, r.ContentLength = arrive, int64(len(body))
		go func() {
			_, _ = send.Write([]byte(body[:5])) // read once the headers have been sent
			meanwhile(key)
			_, _ = send.Write([]byte(body[5:]))
			_ = send.Close()
		}()
		resp, err := env.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		if err != nil || code == "" && resp.StatusCode != http.StatusOK || !strings.Contains(string(raw), code) {
			t.Errorf("%s: got %d %s and error %v, want %q", what, resp.StatusCode, raw, err, code)
		}
	}
	f("nothing happens", "", "web", func(testenv.Key) {})
	f("the key is deleted", `"Unauthorized"`, "web", func(key testenv.Key) {
		env.OK(t, testenv.Call{Method: "DELETE", Target: "/sluice/v1/keys/" + key.ID})
	})
	f("the key is disabled", `"Unauthorized"`, "web", func(key testenv.Key) {
		env.OK(t, testenv.Call{Method: "PATCH", Target: "/sluice/v1/keys/" + key.ID, Body: []byte(`{"disabled":true}`)})
	})
	f("the project is somebody else's by now", `"Unauthorized"`, "web", func(testenv.Key) {
		env.OK(t, testenv.Call{Method: "DELETE", Project: "web", Target: "/"})
		for target, body := range map[string]string{"/": `{"projectName":"web","description":""}`} {
			env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: target, Body: []byte(body), Key: far})
		}
		env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/logstores", Body: []byte(`{"logstoreName":"access","ttl":1,"shardCount":1}`), Key: far})
	})
}

// Whoever is not allowed to write, or to a project that is not there, is told before the body has come.
func TestProjectsThatAreNotThereTakeNoBody(t *testing.T) {
	env := hub(t)
	a := env.Do(t, testenv.Call{Method: "POST", Project: "none", Target: "/logstores/access", Body: []byte(strings.Repeat("x", 1<<20))})
	if a.Code != "ProjectNotExist" {
		t.Errorf("got %d %s", a.Status, a.Code)
	}
}

func TestProjectPolicyOverTheWire(t *testing.T) {
	env := testenv.Start(t, func(c *config.Config) { c.Server.TrustedProxies = "127.0.0.0/8" })
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/", Body: []byte(`{"projectName":"web","description":""}`)})
	policy := func(method, body string) testenv.Call {
		return testenv.Call{Method: method, Project: "web", Target: "/policy", Body: []byte(body)}
	}
	if a := env.OK(t, policy("GET", "")); len(a.Body) != 0 {
		t.Errorf("got %q of a project without a policy", a.Body)
	}
	const document = `{ "Version": "1", "Statement": [{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"NotIpAddress":{"acs:SourceIp":"192.0.2.0/24"}}}]}`
	env.OK(t, policy("POST", document))
	if a := env.OK(t, policy("GET", "")); string(a.Body) != document {
		t.Errorf("got %q, want it as it was sent", a.Body)
	}
	from := func(addr string) string {
		return env.Do(t, testenv.Call{Project: "web", Target: "/logstores", Header: map[string]string{"X-Forwarded-For": addr}}).Code
	}
	if in, out, forged := from("192.0.2.7"), from("198.51.100.7"), from("192.0.2.7, 198.51.100.7"); in != "" || out != "Unauthorized" || forged != "Unauthorized" {
		t.Errorf("from inside %q, from outside %q, forged %q", in, out, forged)
	}
	for body, want := range map[string]string{"{}": "line 1:1", `{"Version":"1","Statement":[{"Effect":"Allow","Action":"*"}]}`: "Resource"} {
		if a := env.Do(t, policy("POST", body)); a.Code != "ParameterInvalid" || !strings.Contains(a.Message, want) {
			t.Errorf("%s: got %s %q", body, a.Code, a.Message)
		}
	}
	env.OK(t, policy("DELETE", ""))
	env.OK(t, policy("DELETE", ""))
	if got := from("198.51.100.7"); got != "" {
		t.Errorf("without the policy: %s", got)
	}
}

// A decision is explained by the code that makes it.
func TestExplainPermission(t *testing.T) {
	env := hub(t)
	explain := func(q url.Values) testenv.Answer {
		return env.Do(t, testenv.Call{Target: "/sluice/v1/permission?" + q.Encode()})
	}
	for code, q := range map[string]url.Values{
		"UserNotExist":     {"user": {"nobody"}, "action": {"log:GetProject"}, "resource": {"project/web"}},
		"RoleNotExist":     {"role": {"nobody"}, "action": {"log:GetProject"}, "resource": {"project/web"}},
		"ParameterInvalid": {"user": {"nobody"}, "action": {"log:*"}, "resource": {"project/web"}},
	} {
		if a := explain(q); a.Code != code {
			t.Errorf("%v: got %s %q, want %s", q, a.Code, a.Message, code)
		}
	}
}
