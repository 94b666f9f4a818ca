package mns_test

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/sign"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/internal/wire/mns"
)

// answer is what came back.
type answer struct {
	status int
	header http.Header
	Code   string
	body   string
}

// request makes a request that is signed by key unless that is nil.
func request(t *testing.T, env *testenv.Env, key *testenv.Key, method, target, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, env.URL()+target, strings.NewReader(body))
	ok(t, err)
	r.Header.Set("x-mns-version", "2015-06-06")
	r.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	if body != "" {
		r.Header.Set("Content-Type", "text/xml")
		sum := md5.Sum([]byte(body))
		r.Header.Set("Content-MD5", sign.MNSBody(hex.EncodeToString(sum[:])))
	}
	if key != nil {
		if key.Token != "" {
			r.Header.Set("security-token", key.Token)
		}
		resign(r, key)
	}
	return r
}

func resign(r *http.Request, key *testenv.Key) {
	sign.SignMNS(key.Secret, key.ID, &sign.Request{Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Header: r.Header})
}

func do(t *testing.T, env *testenv.Env, r *http.Request) answer {
	t.Helper()
	resp, err := env.Client().Do(r)
	ok(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ok(t, err)
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(body)}
	if strings.Contains(a.body, "<Error ") {
		ok(t, xml.Unmarshal(body, &a))
	}
	if id := resp.Header.Get("x-mns-request-id"); len(id) != 24 || resp.Header.Get("x-mns-version") != "2015-06-06" {
		t.Errorf("%s %s: headers %v", r.Method, r.URL, resp.Header)
	}
	return a
}

func call(t *testing.T, env *testenv.Env, key *testenv.Key, method, target, body string) answer {
	t.Helper()
	return do(t, env, request(t, env, key, method, target, body))
}

// What is wrong with a request is said by a code that clients know, in a body that has all they read.
func TestRefusals(t *testing.T) {
	env := testenv.Start(t)
	root := &testenv.RootKey
	call(t, env, root, "PUT", "/queues/q", "")
	big := "<Message><MessageBody>" + strings.Repeat("x", 65537) + "</MessageBody></Message>"
	many := "<Messages>" + strings.Repeat("<Message><MessageBody>x</MessageBody></Message>", 17) + "</Messages>"
	for _, c := range []struct {
		method, target, body string
		status               int
		code                 string
	}{
		{"GET", "/", "", 400, "InvalidRequestURL"},
		{"GET", "/topics/t", "", 400, "InvalidRequestURL"},
		{"GET", "/queues/q/other", "", 400, "InvalidRequestURL"},
		{"PATCH", "/queues/q", "", 400, "InvalidRequestURL"},
		{"GET", "/queuesx", "", 400, "InvalidRequestURL"},
		{"GET", "/queues/q?a=%zz", "", 400, "InvalidQueryString"},
		{"PUT", "/queues/-q", "", 400, "InvalidQueueName"},
		{"PUT", "/queues/..", "", 400, "InvalidQueueName"},
		{"PUT", "/queues/" + strings.Repeat("q", 121), "", 400, "QueueNameLengthError"},
		{"PUT", "/queues/r", "<Queue><VisibilityTimeout>0</VisibilityTimeout></Queue>", 400, "InvalidArgument"},
		{"PUT", "/queues/r", "<Queue><DelaySeconds>604801</DelaySeconds></Queue>", 400, "InvalidArgument"},
		{"PUT", "/queues/r", "<Queue><DelaySeconds>many</DelaySeconds></Queue>", 400, "MalformedXML"},
		{"PUT", "/queues/r", "<Queue>", 400, "MalformedXML"},
		{"PUT", "/queues/r", "<Message/>", 400, "MalformedXML"},
		{"PUT", "/queues/r", "<Queue/><Queue/>", 400, "MalformedXML"},
		{"PUT", "/queues/r?metaoverride=true", "<Queue/>", 404, "QueueNotExist"},
		{"PUT", "/queues/q", "<Queue><DelaySeconds>1</DelaySeconds></Queue>", 409, "QueueAlreadyExist"},
		{"GET", "/queues/r", "", 404, "QueueNotExist"},
		{"POST", "/queues/q/messages", "", 400, "MalformedXML"},
		{"POST", "/queues/q/messages", "<Message/>", 400, "InvalidArgument"},
		{"POST", "/queues/q/messages", "<Message><MessageBody>\x01</MessageBody></Message>", 400, "MalformedXML"},
		{"POST", "/queues/q/messages", "<Message><MessageBody>x</MessageBody><Priority>17</Priority></Message>", 400, "InvalidArgument"},
		{"POST", "/queues/q/messages", "<Message><MessageBody>x</MessageBody><DelaySeconds>-1</DelaySeconds></Message>", 400, "InvalidArgument"},
		{"POST", "/queues/q/messages", big, 400, "InvalidArgument"},
		{"POST", "/queues/q/messages", many, 400, "InvalidArgument"},
		{"POST", "/queues/q/messages", "<Messages/>", 400, "InvalidArgument"},
		{"POST", "/queues/q/messages", "<Message>" + strings.Repeat(" ", 4<<20) + "</Message>", 400, "InvalidArgument"},
		{"POST", "/queues/r/messages", "<Message><MessageBody>x</MessageBody></Message>", 404, "QueueNotExist"},
		{"GET", "/queues/q/messages", "", 404, "MessageNotExist"},
		{"GET", "/queues/q/messages?waitseconds=31", "", 400, "InvalidArgument"},
		{"GET", "/queues/q/messages?waitseconds=-1", "", 400, "InvalidArgument"},
		{"GET", "/queues/q/messages?waitseconds=x", "", 400, "InvalidArgument"},
		{"GET", "/queues/q/messages?numOfMessages=17", "", 400, "InvalidArgument"},
		{"GET", "/queues/q/messages?numOfMessages=0", "", 400, "InvalidArgument"},
		{"GET", "/queues/q/messages?peekonly=true", "", 404, "MessageNotExist"},
		{"GET", "/queues/q/messages?peekonly=true&numOfMessages=99999999999", "", 400, "InvalidArgument"},
		{"DELETE", "/queues/q/messages", "", 400, "MissingReceiptHandle"},
		{"DELETE", "/queues/q/messages?ReceiptHandle=", "", 400, "ReceiptHandleError"},
		{"DELETE", "/queues/q/messages?ReceiptHandle=" + strings.Repeat("0", 32) + "-00000000", "", 404, "MessageNotExist"},
		{"PUT", "/queues/q/messages", "", 400, "MissingReceiptHandle"},
		{"PUT", "/queues/q/messages?ReceiptHandle=x", "", 400, "MissingVisibilityTimeout"},
		{"PUT", "/queues/q/messages?ReceiptHandle=x&VisibilityTimeout=43201", "", 400, "InvalidArgument"},
		{"PUT", "/queues/q/messages?ReceiptHandle=x&VisibilityTimeout=30", "", 400, "ReceiptHandleError"},
	} {
		a := call(t, env, root, c.method, c.target, c.body)
		if a.status != c.status || a.Code != c.code {
			t.Errorf("%s %s %.60q: got %d %s, want %d %s", c.method, c.target, c.body, a.status, a.body, c.status, c.code)
		}
		for _, element := range []string{"<Message>", "<RequestId>", "<HostId>"} {
			if !strings.Contains(a.body, element) {
				t.Errorf("%s %s: no %s in %s", c.method, c.target, element, a.body)
			}
		}
	}
}

// What is wrong with the headers is said before anything is read.
func TestBadHeaders(t *testing.T) {
	env := testenv.Start(t)
	const body = "<Queue/>"
	for code, spoil := range map[string]func(*http.Request){
		"MissingVersionHeader":       func(r *http.Request) { r.Header.Del("X-Mns-Version"); resign(r, &testenv.RootKey) },
		"InvalidVersionHeader":       func(r *http.Request) { r.Header.Set("X-Mns-Version", "2016-01-01"); resign(r, &testenv.RootKey) },
		"MissingAuthorizationHeader": func(r *http.Request) { r.Header.Del("Authorization") },
		"InvalidAuthorizationHeader": func(r *http.Request) { r.Header.Set("Authorization", "LOG a:b") },
		"MissingDateHeader":          func(r *http.Request) { r.Header.Del("Date"); resign(r, &testenv.RootKey) },
		"InvalidDateHeader":          func(r *http.Request) { r.Header.Set("Date", "now"); resign(r, &testenv.RootKey) },
		"TimeExpired": func(r *http.Request) {
			r.Header.Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
			resign(r, &testenv.RootKey)
		},
		"SignatureDoesNotMatch": func(r *http.Request) { r.URL.RawQuery = "metaoverride=true" },
		"InvalidDegist": func(r *http.Request) {
			r.Header.Set("Content-MD5", sign.MNSBody(strings.Repeat("0", 32)))
			resign(r, &testenv.RootKey)
		},
	} {
		r := request(t, env, &testenv.RootKey, "PUT", "/queues/q", body)
		spoil(r)
		if a := do(t, env, r); a.Code != code {
			t.Errorf("got %d %s, want %s", a.status, a.body, code)
		}
	}
}

// A batch that cannot be sent as a whole says of each message what came of it, and nothing more.
func TestBatchInPart(t *testing.T) {
	env := testenv.Start(t)
	root := &testenv.RootKey
	call(t, env, root, "PUT", "/queues/q", "")
	a := call(t, env, root, "POST", "/queues/q/messages",
		`<Messages><Message><MessageBody>a</MessageBody></Message><Message><MessageBody/></Message><Message><MessageBody>b</MessageBody></Message></Messages>`)
	if a.status != http.StatusInternalServerError || strings.Count(a.body, "<MessageId>") != 2 || strings.Count(a.body, "<ErrorCode>InvalidArgument</ErrorCode>") != 1 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	got := call(t, env, root, "GET", "/queues/q/messages?numOfMessages=16", "")
	if strings.Count(got.body, "<MessageBody>") != 2 {
		t.Errorf("received %s", got.body)
	}
	if a := call(t, env, root, "DELETE", "/queues/q/messages?purge=true", ""); a.status != http.StatusOK || !strings.Contains(a.body, "<Messages>2</Messages>") {
		t.Errorf("purged: %d %s", a.status, a.body)
	}
}

// Bodies are logs, which a search finds when the messages are long gone; and what was acknowledged is there after a restart.
func TestBodiesAreLogs(t *testing.T) {
	env := testenv.Start(t)
	root := &testenv.RootKey
	call(t, env, root, "PUT", "/queues/q", "")
	call(t, env, root, "POST", "/queues/q/messages", "<Message><MessageBody>needle one</MessageBody></Message>")
	call(t, env, root, "POST", "/queues/q/messages", "<Message><MessageBody>needle two</MessageBody><DelaySeconds>600</DelaySeconds></Message>")
	ok(t, env.Restart())
	got := call(t, env, root, "GET", "/queues/q/messages?numOfMessages=16", "")
	if strings.Count(got.body, "<MessageBody>") != 1 || !strings.Contains(got.body, "needle one") {
		t.Errorf("received %s", got.body)
	}
	if a := call(t, env, root, "GET", "/queues/q", ""); !strings.Contains(a.body, "<InactiveMessages>1</InactiveMessages><DelayMessages>1</DelayMessages>") {
		t.Errorf("attributes %s", a.body)
	}
	ok(t, env.Node.Index.Round(t.Context()))
	found := env.OK(t, testenv.Call{Project: "mns-queues", Target: "/logstores/messages?type=log&from=0&to=4000000000&line=10&query=MessageBody%3Aneedle"})
	if n := strings.Count(string(found.Body), `"__topic__":"q"`); n != 2 {
		t.Errorf("%d logs are found: %s", n, found.Body)
	}
}

// FuzzDecode finds no body that makes the decoder panic.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		"", "<Queue><DelaySeconds>1</DelaySeconds></Queue>", "<Messages><Message><MessageBody>&#xD;</MessageBody></Message></Messages>",
		"<ReceiptHandles><ReceiptHandle>x</ReceiptHandle></ReceiptHandles>", "<!DOCTYPE a [<!ENTITY b 'c'>]><Message>&b;</Message>", "<a><b><c>",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(_ *testing.T, body []byte) { mns.DecodeAny(body) })
}
