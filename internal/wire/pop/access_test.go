package pop_test

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluicelog/sluice/internal/sign"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/internal/wire/pop"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const esa = "2024-09-10"

// answer is what came back.
type answer struct {
	status int
	Code   string
	body   string
}

func send(t *testing.T, env *testenv.Env, r *http.Request) answer {
	t.Helper()
	resp, err := env.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, body: string(body)}
	if err := json.Unmarshal(body, &a); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return a
}

// call sends an action, signed by key unless that is nil.
func call(t *testing.T, env *testenv.Env, key *testenv.Key, version, action string, params url.Values) answer {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, env.URL()+"/?"+params.Encode(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("x-acs-action", action)
	r.Header.Set("x-acs-version", version)
	r.Header.Set("x-acs-date", time.Now().UTC().Format(time.RFC3339))
	r.Header.Set("x-acs-signature-nonce", rand.Text())
	if key != nil && key.Token != "" {
		r.Header.Set("x-acs-security-token", key.Token)
	}
	if key != nil {
		sign.SignACS3(key.Secret, key.ID, &sign.Request{Method: r.Method, Path: "/", Query: r.URL.RawQuery, Host: r.URL.Host, Header: r.Header}, nil)
	}
	return send(t, env, r)
}

// old makes a request with the old signature over params.
func old(t *testing.T, env *testenv.Env, method string, params url.Values) *http.Request {
	t.Helper()
	params.Set("Timestamp", time.Now().UTC().Format(time.RFC3339))
	params.Set("SignatureNonce", rand.Text())
	sign.SignRPC(testenv.RootSecret, testenv.RootID, method, params)
	r, err := http.NewRequest(method, env.URL()+"/?"+params.Encode(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func makeKey(t *testing.T, env *testenv.Env, body string) *testenv.Key {
	t.Helper()
	var key struct{ AccessKeyID, AccessKeySecret string }
	env.JSON(t, testenv.Call{Method: "POST", Target: "/sluice/v1/keys", Body: []byte(body)}, &key)
	return &testenv.Key{ID: key.AccessKeyID, Secret: key.AccessKeySecret}
}

func makeSite(t *testing.T, env *testenv.Env) (id string) {
	t.Helper()
	var made struct{ SiteID int64 }
	a := call(t, env, &testenv.RootKey, esa, "CreateSite", url.Values{"SiteName": {"example.com"}})
	if err := json.Unmarshal([]byte(a.body), &made); err != nil || made.SiteID == 0 {
		t.Fatalf("%s: %v", a.body, err)
	}
	return strconv.FormatInt(made.SiteID, 10)
}

// No action of ESA answers whom it should not, about a site that is there; the matrix asks about one that is not.
func TestEveryActionAsksWhoAndWhether(t *testing.T) {
	env := testenv.Start(t)
	id := makeSite(t, env)
	reader := makeKey(t, env, `{"readOnly":true}`)
	stranger := makeKey(t, env, `{"projects":["other"]}`)
	open := map[string]string{ // what is nobody's: the same for all who sign
		"GetRealtimeDeliveryField": "", "ListSites": "",
		"GetEdgeContainerAppLogRiver": "UnsupportedOperation", "UpdateEdgeContainerAppLogRiver": "UnsupportedOperation",
		"GetEdgeContainerLogs": "UnsupportedOperation", "DescribeSiteLogs": "UnsupportedOperation",
	}
	params := url.Values{"SiteId": {id}, "SiteName": {"other.example"}, "BusinessType": {"dcdn_log_access_l1"}, "TaskName": {"t"}}
	f := func(row pop.Row, who string, key *testenv.Key, want string) {
		t.Helper()
		p := url.Values{}
		for name, values := range params {
			p[name] = values
		}
		if row.Name == "ListSites" {
			p = url.Values{}
		}
		a := call(t, env, key, row.Version, row.Name, p)
		if a.Code != want {
			t.Errorf("%s, %s: got %d %s", row.Name, who, a.status, a.body)
		}
		if row.Name == "ListSites" && who == "key of another project" && strings.Contains(a.body, "example.com") {
			t.Errorf("ListSites tells a stranger: %s", a.body)
		}
	}
	rows := slices.DeleteFunc(pop.Rows(), func(r pop.Row) bool { return r.Version != esa })
	for _, row := range rows {
		f(row, "unsigned", nil, "MissingAccessKeyId")
		f(row, "wrong signature", &testenv.Key{ID: testenv.RootID, Secret: "not the secret"}, "SignatureDoesNotMatch")
		f(row, "unknown key", &testenv.Key{ID: "nobody", Secret: "secret"}, "InvalidAccessKeyId.NotFound")
		denied, same := open[row.Name]
		if !same {
			denied = "Forbidden.RAM"
		}
		f(row, "key of another project", stranger, denied)
		if row.Mutating {
			f(row, "read-only key", reader, denied)
		}
	}
	// Whether a site is there is not told either.
	params.Set("SiteId", "7")
	for _, row := range rows {
		if strings.Contains(row.Name, "Site") && open[row.Name] == "" && row.Name != "ListSites" {
			f(row, "key of another project, and no such site", stranger, "Forbidden.RAM")
		}
	}
	// A read-only key makes nothing, not even by looking.
	for _, name := range []string{"ListUserDeliveryTasks", "GetUserLogDeliveryQuota"} {
		f(pop.Row{Version: esa, Name: name}, "read-only key", reader, map[string]string{"GetUserLogDeliveryQuota": "InvalidBusinessType"}[name])
	}
	if a := env.Do(t, testenv.Call{Project: "esa-account", Target: "/logstores"}); a.Code != "ProjectNotExist" {
		t.Errorf("looking made the project of the account: %s", a.Body)
	}
}

// A task that writes to another project of this server is made, changed and brought online by keys that may write there.
func TestTasksThatWriteToAnotherProject(t *testing.T) {
	env := testenv.Start(t)
	id := makeSite(t, env)
	env.OK(t, testenv.Call{Method: "POST", Target: "/", Body: []byte(`{"projectName":"other","description":""}`)})
	env.OK(t, testenv.Call{Method: "POST", Project: "other", Target: "/logstores", Body: []byte(`{"logstoreName":"here","ttl":1,"shardCount":1}`)})
	limited := makeKey(t, env, `{"projects":["esa-`+id+`"]}`)
	f := func(key *testenv.Key, action, want string, more ...string) {
		t.Helper()
		p := url.Values{"SiteId": {id}, "TaskName": {"t"}, "FieldName": {"ClientIP"}}
		for i := 0; i < len(more); i += 2 {
			p.Set(more[i], more[i+1])
		}
		if a := call(t, env, key, esa, action, p); a.Code != want {
			t.Errorf("%s by %s: got %s, want %q", action, key.ID, a.body, want)
		}
	}
	to := []string{"DeliveryType", "sls", "SlsDelivery", `{"SLSProject":"other","SLSLogStore":"here"}`}
	f(limited, "CreateSiteDeliveryTask", "Forbidden.RAM", to...)
	f(&testenv.RootKey, "CreateSiteDeliveryTask", "", to...)
	f(limited, "UpdateSiteDeliveryTask", "Forbidden.RAM")
	f(limited, "UpdateSiteDeliveryTaskStatus", "", "Method", "offline")
	f(limited, "UpdateSiteDeliveryTaskStatus", "Forbidden.RAM", "Method", "online")
	for _, verb := range []string{"start", "redrive"} {
		a := env.Do(t, testenv.Call{Method: "POST", Project: "esa-" + id, Target: "/sluice/v1/deliveries/t?action=" + verb, Key: limited})
		if a.Code != "Unauthorized" {
			t.Errorf("%s: got %d %s %s", verb, a.Status, a.Code, a.Message)
		}
	}
	f(&testenv.RootKey, "UpdateSiteDeliveryTaskStatus", "", "Method", "online")
}

// The old signature covers parameters and no headers: a header cannot choose the action.
func TestActionsAreSigned(t *testing.T) {
	env := testenv.Start(t)
	id := makeSite(t, env)
	f := func(what, action, header, want string) {
		t.Helper()
		p := url.Values{"SiteId": {id}}
		if action != "" {
			p.Set("Action", action)
			p.Set("Version", esa)
		}
		r := old(t, env, http.MethodGet, p)
		if header != "" {
			r.Header.Set("x-acs-action", header)
			r.Header.Set("x-acs-version", esa)
		}
		if a := send(t, env, r); a.Code != want {
			t.Errorf("%s: got %s, want %q", what, a.body, want)
		}
	}
	f("another action in a header", "GetSite", "DeleteSite", "InvalidParameter")
	f("an action in a header alone", "", "DeleteSite", "IncompleteSignature")
	f("both", "GetSite", "GetSite", "")
	f("the parameter alone", "GetSite", "", "")
	r := old(t, env, http.MethodGet, url.Values{"SiteId": {id}, "Action": {"GetSite"}, "Version": {esa}})
	if a, again := send(t, env, r), send(t, env, r); a.Code != "" || again.Code != "SignatureNonceUsed" {
		t.Errorf("sent twice: %s, then %s", a.body, again.body)
	}
}

// All parameters, the action among them, may come in a form; none may come twice, and a form is bounded.
func TestForms(t *testing.T) {
	env := testenv.Start(t)
	id := makeSite(t, env)
	form := func(p url.Values, query string, want string) {
		t.Helper()
		p.Set("Action", "GetSite")
		p.Set("Version", esa)
		old(t, env, http.MethodPost, p) // signs them
		r, err := http.NewRequest(http.MethodPost, env.URL()+"/?"+query, strings.NewReader(p.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		if a := send(t, env, r); a.Code != want {
			t.Errorf("got %.300s, want %q", a.body, want)
		}
	}
	form(url.Values{"SiteId": {id}}, "", "")
	form(url.Values{"SiteId": {id}}, "SiteId="+id, "IncompleteSignature")
	form(url.Values{"SiteId": {id}, "Big": {strings.Repeat("x", 1<<20)}}, "", "InvalidParameter")
	many := url.Values{"SiteId": {id}}
	for i := range 1000 {
		many.Set("p"+strconv.Itoa(i), "")
	}
	form(many, "", "InvalidParameter")
}

// What no parameter may look like; nothing of it ends in a fault of the server.
func TestRefusedTasks(t *testing.T) {
	env := testenv.Start(t)
	id := makeSite(t, env)
	const good = `{"DestUrl":"https://logs.example/in"}`
	f := func(want string, more ...string) {
		t.Helper()
		p := url.Values{"SiteId": {id}, "TaskName": {"t"}, "FieldName": {"ClientIP"}, "DeliveryType": {"http"}, "HttpDelivery": {good}}
		for i := 0; i < len(more); i += 2 {
			p.Set(more[i], more[i+1])
		}
		a := call(t, env, &testenv.RootKey, esa, "CreateSiteDeliveryTask", p)
		if a.Code != want || strings.Contains(a.body, "hunter") {
			t.Errorf("%.200q: got %d %.400s, want %s", more, a.status, a.body, want)
		}
	}
	for _, name := range []string{"a/b", "..", "a b", "Ω", strings.Repeat("x", 129)} {
		f("InvalidParameter", "TaskName", name)
	}
	for _, doc := range []string{
		`null`, `[]`, `{"DestUrl":`, `"text"`, `{"MaxBatchMB":"x"}`, `{"DestUrl":"https://logs.example","MaxBatchMB":17592186044416}`,
		`{"DestUrl":"https://logs.example","MaxBatchMB":-1}`, `{"DestUrl":"https://logs.example","HeaderParam":[]}`, strings.Repeat("[", 20000),
		`{"DestUrl":"https://logs.example","Compress":"brotli"}`,
	} {
		want := "InvalidHttpDelivery"
		if doc == `null` { // nothing is there
			want = "InvalidParameter"
		}
		f(want, "HttpDelivery", doc)
	}
	for _, doc := range []string{
		`{"DestUrl":"ftp://logs.example"}`, `{"DestUrl":"https://u:hunter2@logs.example"}`, `{"DestUrl":"https://logs.example","MaxBatchSize":-1}`,
		`{"DestUrl":"https://logs.example","TransformTimeout":601}`, `{"DestUrl":"https://logs.example","HeaderParam":{"A":{"StaticValue":"********"}}}`,
		`{"DestUrl":"https://logs.example","StandardAuthOn":true,"StandardAuthParam":null}`,
		`{"DestUrl":"https://logs.example","StandardAuthOn":true,"StandardAuthParam":{"PrivateKey":"hunt5","ExpiredTime":300}}`,
		`{"DestUrl":"https://logs.example","StandardAuthOn":true,"StandardAuthParam":{"PrivateKey":"hunter2hunter2hunte","ExpiredTime":300}}`,
	} {
		f("InvalidParameter", "HttpDelivery", doc)
	}
	for _, rules := range []string{`{`, `{}`, `[{}]`, `[{"a":{"like":["b"]}}]`, `[{"a":null}]`, `[` + strings.Repeat(`{"a":{"equals":["b"]}},`, 20) + `{"a":{"equals":["b"]}}]`} {
		f("InvalidParameter", "FilterRules", rules)
	}
	for _, rate := range []string{"1", "-0.1", "1.1", "NaN", "Inf", "x"} {
		f("InvalidDiscardRate", "DiscardRate", rate)
	}
	f("InvalidDeliveryType", "DeliveryType", "fax")
	f("MissingKafkaDelivery", "DeliveryType", "kafka")
	f("", "HttpDelivery", `{"DestUrl":"https://logs.example/in","HeaderParam":null,"QueryParam":{"a":null}}`)
	for _, page := range []url.Values{{"PageNumber": {"0"}}, {"PageNumber": {"9223372036854775807"}}, {"PageNumber": {"99999999999999999999"}}} {
		if a := call(t, env, &testenv.RootKey, esa, "ListSites", page); a.Code != "InvalidPageNumber" {
			t.Errorf("%v: %s", page, a.body)
		}
	}
	if a := call(t, env, &testenv.RootKey, esa, "ListSites", url.Values{"PageNumber": {"2147483648"}, "PageSize": {"500"}}); a.Code != "" {
		t.Errorf("the last page: %s", a.body)
	}
}
