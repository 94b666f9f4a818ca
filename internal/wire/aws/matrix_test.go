package aws_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/sign"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/internal/trail/operation"
	"github.com/sluicelog/sluice/internal/wire/aws"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// call is one request, written out. What is empty gets what clients commonly send.
type call struct {
	operation, body string
	key             *testenv.Key // nil: unsigned
	service         string       // [cloudtrail] that it is signed for
	date            time.Time    // [now] of the signature
	spoil           func(*http.Request)
}

// answer is what came back.
type answer struct {
	status  int
	code    string
	message string
	body    string
	header  http.Header
}

func do(t *testing.T, env *testenv.Env, c call) answer {
	t.Helper()
	if c.body == "" {
		c.body = "{}"
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, env.URL()+"/", bytes.NewReader([]byte(c.body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101."+c.operation)
	if c.key != nil {
		if c.date.IsZero() {
			c.date = time.Now()
		}
		r.Header.Set("X-Amz-Date", c.date.UTC().Format("20060102T150405Z"))
		if c.key.Token != "" {
			r.Header.Set("X-Amz-Security-Token", c.key.Token)
		}
		if c.service == "" {
			c.service = "cloudtrail"
		}
		sign.SignAWS(c.key.Secret, c.key.ID, "us-east-1", c.service, &sign.Request{Method: r.Method, Path: "/", Host: env.Addr, Header: r.Header}, []byte(c.body))
	}
	if c.spoil != nil {
		c.spoil(r)
	}
	resp, err := env.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, body: string(body), header: resp.Header}
	if a.status != http.StatusOK {
		var failure struct {
			Type    string `json:"__type"`
			Message string
		}
		if err := json.Unmarshal(body, &failure); err != nil || failure.Type == "" || failure.Type != resp.Header.Get("X-Amzn-ErrorType") {
			t.Errorf("%s: an error that no client understands: %d %s (%s)", c.operation, a.status, body, resp.Header.Get("X-Amzn-ErrorType"))
		}
		a.code, a.message = failure.Type, failure.Message
	}
	if a.header.Get("X-Amzn-Requestid") == "" {
		t.Errorf("%s: no request id", c.operation)
	}
	return a
}

// rpc calls an action of RAM or STS and fails the test if it does not succeed.
func rpc(t *testing.T, env *testenv.Env, version, action string, v any, more ...string) {
	t.Helper()
	q := url.Values{"Action": {action}, "Version": {version}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, env.URL()+"/?"+q.Encode(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("x-acs-action", action)
	r.Header.Set("x-acs-version", version)
	r.Header.Set("x-acs-date", time.Now().UTC().Format("2006-01-02T15:04:05Z"))
	r.Header.Set("x-acs-signature-nonce", action+strings.Join(more, " ")+time.Now().String())
	sign.SignACS3(testenv.RootSecret, testenv.RootID, &sign.Request{Method: r.Method, Path: "/", Query: r.URL.RawQuery, Host: env.Addr, Header: r.Header}, nil)
	resp, err := env.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v", action, body, err)
	}
	if v != nil {
		if err := json.Unmarshal(body, v); err != nil {
			t.Fatalf("%s: %s: %v", action, body, err)
		}
	}
}

const ramAPI = "2015-05-01"

// newUser makes a user of the root account with one statement, and a key of it.
func newUser(t *testing.T, env *testenv.Env, name, action, resource string) *testenv.Key {
	t.Helper()
	rpc(t, env, ramAPI, "CreateUser", nil, "UserName", name)
	p := []string{"PolicyName", name, "PolicyType", "Custom", "UserName", name}
	rpc(t, env, ramAPI, "CreatePolicy", nil, append(p, "PolicyDocument", `{"Version":"1","Statement":[{"Effect":"Allow","Action":["`+action+`"],"Resource":"`+resource+`"}]}`)...)
	rpc(t, env, ramAPI, "AttachPolicyToUser", nil, p...)
	var made struct {
		AccessKey struct{ AccessKeyID, AccessKeySecret string }
	}
	rpc(t, env, ramAPI, "CreateAccessKey", &made, "UserName", name)
	return &testenv.Key{ID: made.AccessKey.AccessKeyID, Secret: made.AccessKey.AccessKeySecret}
}

func makeKey(t *testing.T, env *testenv.Env, body string) *testenv.Key {
	t.Helper()
	var made struct{ AccessKeyID, AccessKeySecret string }
	env.JSON(t, testenv.Call{Method: "POST", Target: "/sluice/v1/keys", Body: []byte(body)}, &made)
	return &testenv.Key{ID: made.AccessKeyID, Secret: made.AccessKeySecret}
}

// example is the body of a request about a trail that is not there, so that who is admitted finds nothing to break.
func example(r aws.Row) string {
	switch {
	case r.Name == "ListTags":
		return `{"ResourceIdList":["nothing"]}`
	case r.Trail != "":
		return `{"` + r.Trail + `":"nothing","S3BucketName":"X"}`
	}
	return "{}"
}

// TestMatrix asks for every operation of the table as everybody there is.
func TestMatrix(t *testing.T) {
	env := testenv.Start(t)
	root := &testenv.RootKey
	admin := newUser(t, env, "admin", "*", "*")
	looker := newUser(t, env, "looker", `cloudtrail:Get*","cloudtrail:List*","cloudtrail:Describe*","cloudtrail:Lookup*`, "*")
	exact := newUser(t, env, "exact", "cloudtrail:*", "acs:cloudtrail:*:*:trail/nothing")
	elsewhere := newUser(t, env, "elsewhere", "cloudtrail:*", "acs:cloudtrail:*:*:trail/something")
	stranger := newUser(t, env, "stranger", "log:*", "*")
	plain, readOnly, scoped := makeKey(t, env, `{}`), makeKey(t, env, `{"readOnly":true}`), makeKey(t, env, `{"projects":["web"]}`)
	disabled := makeKey(t, env, `{"root":true}`)
	env.OK(t, testenv.Call{Method: "PATCH", Target: "/sluice/v1/keys/" + disabled.ID, Body: []byte(`{"disabled":true}`)})
	var far struct{ AccessKeyID, AccessKeySecret string }
	env.JSON(t, testenv.Call{Method: "POST", Target: "/sluice/v1/accounts", Body: []byte(`{"name":"far"}`)}, &far)

	strangers := []string{
		"AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException", "MissingAuthenticationTokenException", "IncompleteSignatureException",
	}
	for _, r := range aws.Rows() {
		if o := operation.Find("cloudtrail", r.Name); !o.Known || o.ReadOnly == r.Mutating {
			t.Errorf("%s: audit events have it as %+v", r.Name, o)
		}
		looks := !r.Mutating
		for _, c := range []struct {
			who  string
			key  *testenv.Key
			may  bool
			code string // instead of AccessDeniedException
		}{
			{"the root", root, true, ""},
			{"an administrator", admin, true, ""},
			{"a user who may look", looker, looks, ""},
			{"a user of just this trail", exact, r.Trail != "", ""},
			{"a user of another trail", elsewhere, false, ""},
			{"a user of something else", stranger, false, ""},
			{"a key without a user", plain, true, ""},
			{"a read-only key", readOnly, looks, ""},
			{"a key of a project", scoped, false, ""},
			{"another account", &testenv.Key{ID: far.AccessKeyID, Secret: far.AccessKeySecret}, true, ""},
			{"a disabled key", disabled, false, "UnrecognizedClientException"},
			{"a key that nobody has", &testenv.Key{ID: "nobody", Secret: "secret"}, false, "UnrecognizedClientException"},
			{"a forged signature", &testenv.Key{ID: testenv.RootID, Secret: "not the secret"}, false, "InvalidSignatureException"},
			{"a token that is none", &testenv.Key{ID: testenv.RootID, Secret: testenv.RootSecret, Token: "t"}, false, "UnrecognizedClientException"},
			{"no signature", nil, false, "MissingAuthenticationTokenException"},
		} {
			got := do(t, env, call{operation: r.Name, key: c.key, body: example(r)})
			want := c.code
			if want == "" {
				want = "AccessDeniedException"
			}
			if slices.Contains(strangers, got.code) == c.may || !c.may && (got.code != want || got.status != http.StatusBadRequest) {
				t.Errorf("%s, %s: got %d %s, want admitted: %v", r.Name, c.who, got.status, got.body, c.may)
			}
		}
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	env := testenv.Start(t, func(c *config.Config) { c.Assistant.Region = "cn-hangzhou" })
	root := &testenv.RootKey
	for name, c := range map[string]struct {
		call
		status int
		code   string
	}{
		"signed long ago":            {call{date: time.Now().Add(-time.Hour)}, 400, "InvalidSignatureException"},
		"signed for another service": {call{service: "s3"}, 400, "InvalidSignatureException"},
		"another body": {call{spoil: func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(`{"x":1}`)), 7
		}}, 400, "InvalidSignatureException"},
		"another operation": {call{spoil: func(r *http.Request) { r.Header.Set("X-Amz-Target", "CloudTrail_20131101.DeleteTrail") }}, 400, "InvalidSignatureException"},
		"another method of signing": {call{spoil: func(r *http.Request) {
			r.Header.Set("Authorization", "AWS4-ECDSA-P256-SHA256 Credential=x")
		}}, 400, "IncompleteSignatureException"},
		"half a signature": {call{spoil: func(r *http.Request) {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x")
		}}, 400, "IncompleteSignatureException"},
		"no date":                        {call{spoil: func(r *http.Request) { r.Header.Del("X-Amz-Date") }}, 400, "IncompleteSignatureException"},
		"no operation":                   {call{operation: "StartQuery"}, 400, "UnsupportedOperationException"},
		"a body that is no JSON":         {call{operation: "ListTrails", body: "{"}, 200, ""}, // it has no arguments
		"arguments that are no JSON":     {call{operation: "GetTrail", body: "{"}, 400, "SerializationException"},
		"an argument of another type":    {call{operation: "GetTrail", body: `{"Name":7}`}, 400, "InvalidTrailNameException"},
		"a time that is a text":          {call{operation: "LookupEvents", body: `{"StartTime":"2026-01-05T00:00:00Z"}`}, 400, "SerializationException"},
		"a time that is none":            {call{operation: "LookupEvents", body: `{"StartTime":1e300}`}, 400, "SerializationException"},
		"a body that is too large":       {call{operation: "ListTrails", body: strings.Repeat(" ", 1<<20+1)}, 400, "InvalidParameterException"},
		"keys of a range that is none":   {call{operation: "ListPublicKeys", body: `{"StartTime":2,"EndTime":1}`}, 400, "InvalidTimeRangeException"},
		"a trail without credentials":    {call{operation: "CreateTrail", body: `{"Name":"main","S3BucketName":"audit"}`}, 400, "OperationNotPermittedException"},
		"tags of too many trails":        {call{operation: "ListTags", body: `{"ResourceIdList":[]}`}, 400, "CloudTrailARNInvalidException"},
		"two attributes":                 {call{operation: "LookupEvents", body: `{"LookupAttributes":[{"AttributeKey":"EventId","AttributeValue":"1"},{"AttributeKey":"EventId","AttributeValue":"1"}]}`}, 400, "InvalidLookupAttributesException"},
		"a time with a fraction is fine": {call{operation: "LookupEvents", body: `{"StartTime":1767571951.25}`}, 200, ""},
	} {
		x := c.call
		x.key = root
		if x.operation == "" {
			x.operation = "DescribeTrails"
		}
		if got := do(t, env, x); got.status != c.status || got.code != c.code {
			t.Errorf("%s: got %d %s, want %d %s", name, got.status, got.body, c.status, c.code)
		}
	}
}

// TestRefusedCallsAreEvents looks for what was refused in the history.
func TestRefusedCallsAreEvents(t *testing.T) {
	env := testenv.Start(t)
	do(t, env, call{operation: "StopLogging", body: `{"Name":"main"}`, key: &testenv.Key{ID: testenv.RootID, Secret: "not the secret"}})
	do(t, env, call{operation: "StopLogging", body: `{"Name":"main"}`, key: &testenv.RootKey})
	deadline := time.Now().Add(time.Minute)
	for {
		got := do(t, env, call{operation: "LookupEvents", body: `{"LookupAttributes":[{"AttributeKey":"EventName","AttributeValue":"StopLogging"}]}`, key: &testenv.RootKey})
		var found struct {
			Events []struct{ CloudTrailEvent string }
		}
		if err := json.Unmarshal([]byte(got.body), &found); err != nil {
			t.Fatal(err)
		}
		var codes []string
		for _, e := range found.Events {
			var r struct{ ErrorCode string }
			if err := json.Unmarshal([]byte(e.CloudTrailEvent), &r); err != nil {
				t.Fatal(err)
			}
			codes = append(codes, r.ErrorCode)
		}
		slices.Sort(codes)
		if slices.Equal(codes, []string{"InvalidSignatureException", "TrailNotFoundException"}) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("events of %q", codes)
		}
	}
}
