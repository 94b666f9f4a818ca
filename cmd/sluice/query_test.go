package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/client"
)

// sqlServer answers queries as a server does that has SQL.
func sqlServer(t *testing.T, status int, body string) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Query string }
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || r.URL.Path != "/logstores/access/logs" {
			t.Errorf("asked for %s: %v", r.URL, err)
		}
		w.Header().Set("x-log-requestid", "R1")
		w.WriteHeader(status)
		io.WriteString(w, body) //nolint:errcheck // the client notices
	}))
	t.Cleanup(server.Close)
	return server
}

// runAgainst runs the command line against a server.
func runAgainst(t *testing.T, url string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, told bytes.Buffer
	getenv := func(name string) string {
		return map[string]string{envEndpoint: url, envAccessKeyID: "id", envSecret: "secret", "HOME": t.TempDir()}[name]
	}
	code = run(t.Context(), args, getenv, strings.NewReader(""), &out, &told)
	return code, out.String(), told.String()
}

const sqlAnswer = `{"meta":{"progress":"Complete","count":3,"hasSQL":true,"keys":["n","status","avg"],
	"columnTypes":["bigint","varchar","double"],"terms":[]},"data":[
	{"avg":"0.25","n":"12","status":"200"},{"status":"404, \"not found\"","avg":"null","n":"7"},{"n":"1000","status":"日志\u001b[2J","avg":"1.5"}]}`

func TestQuerySQL(t *testing.T) {
	server := sqlServer(t, 200, sqlAnswer)
	for format, want := range map[string]string{
		"table": "   n  status             avg\n" +
			"  12  200               0.25\n" +
			"   7  404, \"not found\"  null\n" +
			"1000  日志\\x1b[2J        1.5\n",
		"csv": "n,status,avg\n12,200,0.25\n7,\"404, \"\"not found\"\"\",\n1000,日志\x1b[2J,1.5\n",
		"raw": "12\t200\t0.25\n7\t404, \"not found\"\tnull\n1000\t日志\x1b[2J\t1.5\n",
		"json": `{"avg":"0.25","n":"12","status":"200"}` + "\n" + `{"status":"404, \"not found\"","avg":"null","n":"7"}` + "\n" +
			`{"n":"1000","status":"日志\u001b[2J","avg":"1.5"}` + "\n",
	} {
		code, out, told := runAgainst(t, server.URL, "query", "web/access", "* | select n", "-o", format)
		if diff := cmp.Diff(want, out); diff != "" || code != exitOK || told != "" {
			t.Errorf("%s: code %d, said %q (-want +got):\n%s", format, code, told, diff)
		}
	}
}

func TestQueryIntoAFile(t *testing.T) {
	server := sqlServer(t, 200, sqlAnswer)
	dir := t.TempDir()
	for name, begin := range map[string]string{"a.csv": "n,status,avg\n", "a.xlsx": "PK", "a.parquet": "PAR1", "a.txt": `{"avg"`} {
		path := filepath.Join(dir, name)
		code, out, told := runAgainst(t, server.URL, "query", "web/access", "* | select n", "--out", path)
		got, err := os.ReadFile(path)
		if err != nil || code != exitOK || out != "" || !strings.HasPrefix(string(got), begin) {
			t.Errorf("%s: code %d, %v, said %q, out %q, file %.40q", name, code, err, told, out, got)
		}
	}
	// A query that fails leaves what was there.
	path := filepath.Join(dir, "a.csv")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	broken := sqlServer(t, 400, `{"errorCode":"ParameterInvalid","errorMessage":"no"}`)
	code, _, _ := runAgainst(t, broken.URL, "query", "web/access", "x", "--out", path)
	after, err := os.ReadFile(path)
	if code != exitFailed || err != nil || !bytes.Equal(before, after) {
		t.Errorf("code %d, %v, the file holds %q", code, err, after)
	}
	if left, err := filepath.Glob(dir + "/*.part"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestQueryWarns(t *testing.T) {
	f := func(meta string, wantCode int, want string) {
		t.Helper()
		server := sqlServer(t, 200, `{"meta":{`+meta+`},"data":[{"a":"1"}]}`)
		code, out, told := runAgainst(t, server.URL, "query", "web/access", "* | select a", "-o", "json")
		if code != wantCode || out != "{\"a\":\"1\"}\n" || !strings.Contains(told, want) {
			t.Errorf("%s: code %d, out %q, said %q", meta, code, out, told)
		}
	}
	f(`"progress":"Incomplete","hasSQL":true`, exitIncomplete, "warning: the answer is incomplete")
	f(`"progress":"Complete","hasSQL":true,"limited":1`, exitOK, "no LIMIT, so the answer was cut to 1 row")
}

func TestQueryPointsAtErrors(t *testing.T) {
	f := func(query, message, want string) {
		t.Helper()
		raw, err := json.Marshal(map[string]string{"errorCode": "ParameterInvalid", "errorMessage": message})
		if err != nil {
			t.Fatal(err)
		}
		server := sqlServer(t, 400, string(raw))
		code, _, told := runAgainst(t, server.URL, "query", "web/access", query)
		if diff := cmp.Diff(want, told); diff != "" || code != exitFailed {
			t.Errorf("%s: code %d (-want +got):\n%s", query, code, diff)
		}
	}
	search := "ErrorType:OLSQueryParseError.ErrorMessage:syntax error error position is from column:"
	f("  url:/api:80 ", search+"9 to column:10,error near < : >",
		"error: syntax error error position is from column:9 to column:10,error near < : > (ParameterInvalid)\n  url:/api:80\n          ^\n")
	f("日志 ) x", search+"4 to column:5,error near < ) >",
		"error: syntax error error position is from column:4 to column:5,error near < ) > (ParameterInvalid)\n  日志 ) x\n       ^\n")
	f("a and", search+"6 to column:6,error near < EOF >",
		"error: syntax error error position is from column:6 to column:6,error near < EOF > (ParameterInvalid)\n  a and\n       ^\n")
	f(`"|" | select 1,
  2 form x`, "ErrorType:SyntaxError.ErrorMessage:line 2:5: mismatched input 'form'",
		"error: line 2:5: mismatched input 'form' (ParameterInvalid)\n    2 form x\n      ^\n")
	f("x", "the place is column 99", "error: the place is column 99 (ParameterInvalid)\n")
	f("x", search+"99 to column:100,error near < >", "error: syntax error error position is from column:99 to column:100,error near < > (ParameterInvalid)\n")
}

func TestPointInALongLine(t *testing.T) {
	query := strings.Repeat("a", 60) + "!!" + strings.Repeat("b", 40)
	want := "  …" + strings.Repeat("a", 50) + "!!" + strings.Repeat("b", 20) + "…\n" + strings.Repeat(" ", 53) + "^^"
	if diff := cmp.Diff(want, point(query, 1, 61, 2)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMarker(t *testing.T) {
	f := func(terms []client.Term, field, text, want string) {
		t.Helper()
		m := newMarker(terms, func(s string) string { return "<" + s + ">" })
		if got := m.in(field, text); got != want {
			t.Errorf("%v in %s=%q: got %q, want %q", terms, field, text, got, want)
		}
	}
	f(nil, "a", "text", "text")
	f([]client.Term{{Term: "get"}}, "a", "GET together, get", "<GET> together, <get>")
	f([]client.Term{{Key: "a", Term: "x"}, {Term: "y"}}, "A", "x y", "<x> <y>")
	f([]client.Term{{Key: "a", Term: "x"}, {Term: "y"}}, "b", "x y", "x <y>")
	f([]client.Term{{Key: "info.user", Term: "amy"}}, "info", `{"user":"amy"}`, `{"user":"<amy>"}`)
	f([]client.Term{{Term: "登录"}}, "a", "登录成功", "<登录>成功")
	f([]client.Term{{Term: "ab*c?"}}, "a", "abxxcd abc", "<abxxcd> abc")
	f([]client.Term{{Term: "a.b"}, {Term: ""}}, "a", "a.b axb", "<a.b> axb")
	f([]client.Term{{Term: "a"}, {Term: "a-b"}}, "a", "a-b a", "<a-b> <a>")
}

func TestNiceInterval(t *testing.T) {
	for length, want := range map[time.Duration]time.Duration{
		time.Second: time.Second, 15 * time.Minute: time.Minute, time.Hour: 5 * time.Minute, day: time.Hour, 7 * day: 8 * time.Hour,
		30 * day: 2 * day, 365 * day: 16 * day,
	} {
		if got := niceInterval(length); got != want || length > fewBuckets*got {
			t.Errorf("niceInterval(%v) = %v, want %v", length, got, want)
		}
	}
}
