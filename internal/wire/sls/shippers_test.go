package sls_test

import (
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
)

// withRole gives the server the operator's key of OSS. Nothing is written with it: there are no logs.
func withRole(c *config.Config) {
	c.Delivery.OSSAccessKeyID, c.Delivery.OSSAccessKeySecret = "role-id", "role-secret"
	c.Delivery.OSSRegion = "cn-hangzhou"
}

// caller calls a project and checks the code of the answer, and that no secret is in it.
func caller(t *testing.T, env *testenv.Env) func(method, target, body, code string) string {
	return func(method, target, body, code string) string {
		t.Helper()
		a := env.Do(t, testenv.Call{Method: method, Project: "web", Target: target, Body: []byte(body)})
		if a.Code != code {
			t.Errorf("%s %s %.300s: got %d %s %q, want %q", method, target, body, a.Status, a.Code, a.Message, code)
		}
		if strings.Contains(string(a.Body), "hunter2") || strings.Contains(string(a.Body), "role-secret") {
			t.Errorf("%s %s: a secret is in %s", method, target, a.Body)
		}
		return string(a.Body)
	}
}

func newWeb(t *testing.T, env *testenv.Env) {
	t.Helper()
	env.OK(t, testenv.Call{Method: "POST", Target: "/", Body: []byte(`{"projectName":"web","description":""}`)})
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/logstores", Body: []byte(`{"logstoreName":"access","ttl":1,"shardCount":1}`)})
}

// Documents that hold null, or text where objects should be, are refused or come back; none is a fault of the server.
func TestHostileShippersAndExports(t *testing.T) {
	env := testenv.Start(t, withRole)
	newWeb(t, env)
	do := caller(t, env)
	for _, body := range []string{
		`null`, `[]`, `"text"`, `{`, `{"name":null}`, `{"name":"e"}`, `{"name":"e","configuration":null}`, `{"name":"e","configuration":[]}`,
		`{"name":"e","configuration":{"logstore":"access","sink":null}}`, `{"name":"e","configuration":{"logstore":"access","sink":[]}}`,
		`{"name":"e","configuration":{"logstore":"access","sink":{"type":"General","fields":null}}}`,
		`{"name":"e","configuration":{"logstore":"access","sink":{"type":"General","fields":{"type":null}}}}`,
		`{"name":"e","configuration":{"logstore":"access","sink":{"bucket":"b-1","contentDetail":"{"}}}`,
		`{"name":"e","configuration":{"logstore":"access","fromTime":9223372036854775807,"sink":{"bucket":"b-1"}}}`,
		`{"name":"e","configuration":{"logstore":"access","fromTime":32503680000,"sink":{"bucket":"b-1"}}}`, // in the year 3000
		`{"name":"e","configuration":{"logstore":"access","toTime":9223372036854775807,"sink":{"bucket":"b-1"}}}`,
		`{"name":"a/b","configuration":{"logstore":"access","sink":{"bucket":"b-1"}}}`, `{"name":"..","configuration":{"logstore":"access","sink":{"bucket":"b-1"}}}`,
	} {
		do("POST", "/jobs", body, "ParameterInvalid")
	}
	do("POST", "/jobs", `{"name":"e","configuration":{"logstore":"nowhere","sink":{"bucket":"b-1"}}}`, "LogStoreNotExist")
	for _, body := range []string{
		`null`, `[]`, `{"shipperName":"s","targetType":"oss","targetConfiguration":[]}`, `{"shipperName":"s","targetType":"oss","targetConfiguration":null}`,
		`{"shipperName":"s/t","targetType":"oss","targetConfiguration":{"ossBucket":"b-1"}}`,
		`{"shipperName":"s","targetType":"oss","targetConfiguration":{"ossBucket":"b-1","bufferSize":9223372036854775807}}`,
		`{"shipperName":"s","targetType":"oss","targetConfiguration":{"ossBucket":"b-1","storage":{"format":"csv","detail":null}}}`,
	} {
		do("POST", "/logstores/access/shipper", body, "ParameterInvalid")
	}
	if tasks := do("GET", "/sluice/v1/deliveries", "", ""); !strings.Contains(tasks, `"tasks":[]`) {
		t.Errorf("what was refused left %s", tasks)
	}
	for i, detail := range []string{`null`, `""`, `" "`, `"{}"`, `{}`} {
		name := "e" + string(rune('0'+i))
		do("POST", "/jobs", `{"name":"`+name+`","schedule":null,"configuration":{"logstore":"access","parameters":null,"sink":{"bucket":"b-1","contentDetail":`+detail+`}}}`, "")
		do("GET", "/jobs/"+name, "", "")
	}
	do("POST", "/logstores/access/shipper", `{"shipperName":"s","targetType":"oss","targetConfiguration":{"ossBucket":"b-1","storage":null}}`, "")
	do("GET", "/logstores/access/shipper/s", "", "")
	for name, text := range map[string]string{"export": "null", "shipper": `null`} { // as nobody but a curious user writes it
		do("POST", "/sluice/v1/deliveries", `{"name":"odd-`+name+`","source":{"logstore":"access"},"annotations":{"`+name+`":"`+text+
			`"},"sink":{"type":"http","url":"https://logs.example"}}`, "")
	}
	do("GET", "/jobs/odd-export", "", "ParameterInvalid")
	do("GET", "/jobs", "", "")
	do("GET", "/jobs?offset=9223372036854775807&size=9223372036854775807", "", "")
	do("GET", "/logstores/access/shipper", "", "")
	do("GET", "/logstores/access/shipper/s/tasks?to=9223372036854775807", "", "")
}

// The OpenAPI client's update names the job in the path alone, and knows contentDetail as a text, which comes back as it was sent.
func TestExportsOfTheOpenAPIClient(t *testing.T) {
	env := testenv.Start(t, func(c *config.Config) {
		c.Delivery.OSSAccessKeyID, c.Delivery.OSSAccessKeySecret, c.Delivery.OSSEndpoint = "id", "secret", "http://127.0.0.1:9"
	})
	newWeb(t, env)
	do := caller(t, env)
	body := func(name, display, detail string) string {
		return `{` + name + `"displayName":"` + display + `","configuration":{"logstore":"access","sink":{"bucket":"b-1","contentType":"json","contentDetail":` + detail + `}}}`
	}
	text := `"{\"enableTag\":true}"`
	do("POST", "/ossexports", body(`"name":"e",`, "first", text), "")
	do("PUT", "/ossexports/e", body("", "second", text), "")
	if got := do("GET", "/ossexports/e", "", ""); !strings.Contains(got, `"displayName":"second"`) || !strings.Contains(got, `"contentDetail":`+text) {
		t.Errorf("got %s", got)
	}
	do("PUT", "/ossexports/e", body("", "third", `{"enableTag":false}`), "")
	if got := do("GET", "/ossexports/e", "", ""); !strings.Contains(got, `"contentDetail":{"enableTag":false}`) {
		t.Errorf("got %s", got)
	}
	do("PUT", "/ossexports/e", body(`"name":"f",`, "renamed", text), "ParameterInvalid")
	do("POST", "/ossexports", body("", "nameless", text), "ParameterInvalid")
}

// A restart keeps the secrets that are masked, and one that is refused keeps the job.
func TestRestartOfExports(t *testing.T) {
	env := testenv.Start(t)
	newWeb(t, env)
	do := caller(t, env)
	job := func(from, logstore, header string) string {
		return `{"name":"e","configuration":{"logstore":"` + logstore + `","fromTime":` + from +
			`,"sink":{"type":"General","fields":{"type":"http","url":"https://logs.example","headers":{"Authorization":"` + header + `"}}}}}`
	}
	do("POST", "/jobs", job("1", "access", "hunter2"), "")
	do("PUT", "/jobs/e?action=RESTART", job("32503680000", "access", "hunter2"), "ParameterInvalid")
	do("PUT", "/jobs/e?action=RESTART", job("1", "nowhere", "hunter2"), "LogStoreNotExist")
	do("PUT", "/jobs/e?action=RESTART", strings.Replace(job("1", "access", "********"), "logs.example", "evil.example", 1), "ParameterInvalid")
	do("PUT", "/jobs/e?action=RESTART", "", "ParameterInvalid")
	if got := do("GET", "/jobs/e", "", ""); !strings.Contains(got, "RUNNING") || !strings.Contains(got, "https://logs.example") {
		t.Errorf("after restarts that were refused: %s", got)
	}
	do("PUT", "/jobs/e?action=RESTART", job("1", "access", "********"), "")
	if got := do("GET", "/jobs/e", "", ""); !strings.Contains(got, "RUNNING") || !strings.Contains(got, `"Authorization":"********"`) {
		t.Errorf("after a restart: %s", got)
	}
	do("PUT", "/jobs/e?action=STOP", "", "")
	do("PUT", "/jobs/e?action=START", "", "")
	do("PUT", "/jobs/none?action=START", "", "JobNotExist")
}

// Documents of delivery tasks that cannot be, as the API refuses them: the message names the field.
func TestRefusedDeliveryTasks(t *testing.T) {
	env := testenv.Start(t)
	newWeb(t, env)
	f := func(field, members, sink string) {
		t.Helper()
		body := `{"name":"x","source":{"logstore":"access"},` + members + `"sink":{"type":"http","url":"https://logs.example"` + sink + `}}`
		a := env.Do(t, testenv.Call{Method: "POST", Project: "web", Target: "/sluice/v1/deliveries", Body: []byte(body)})
		if a.Code != "ParameterInvalid" || !strings.Contains(a.Message, field) {
			t.Errorf("%.200s: got %d %s %q, want an error that names %q", body, a.Status, a.Code, a.Message, field)
		}
		if strings.Contains(a.Message, "hunt") {
			t.Errorf("a secret is in %q", a.Message)
		}
	}
	condition := `{"field":"a","op":"equals","values":["b"]}`
	f("filter", `"filter":{"conditions":[`+strings.Repeat(condition+",", 20)+condition+`]},`, "")
	f("filter.rules", `"filter":{"rules":"[{"},`, "")
	f("sample", `"sample":0,`, "")
	f("sample", `"sample":101,`, "")
	f("sample", `"sample":-1,`, "")
	f("sauce", `"sauce":1,`, "")
	f("limits.bytes", `"limits":{"bytes":9223372036854775807},`, "")
	f("urlSignature.privateKey", "", `,"urlSignature":{"privateKey":"hunt5"}`)
	f("urlSignature.privateKey", "", `,"urlSignature":{"privateKey":"hunter2hunter2hunte"}`)
	f("urlSignature.privateKey", "", `,"urlSignature":{"privateKey":null}`)
	f("url", "", `,"url":"ftp://logs.example"`)
	f("url", "", `,"url":"https://u:hunter2@logs.example"`)
	f("url", "", `,"url":""`)
	f("headers.Host", "", `,"headers":{"Host":"hunter2"}`)
	f("colour", "", `,"colour":"red"`)
	f("fields", "", `,"format":"csv"`)
}
