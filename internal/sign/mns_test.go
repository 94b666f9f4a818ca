package sign

import (
	"errors"
	"net/http"
	"testing"

	"github.com/sluicelog/sluice"
)

func mnsRequest(contentType string) *Request {
	r := &Request{
		Method: "GET", Path: "/queues/q1/messages", Query: "waitseconds=10", Host: "127.0.0.1",
		Header: http.Header{"Date": {"Mon, 05 Jan 2026 01:00:00 GMT"}, "X-Mns-Version": {"2015-06-06"}},
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

// The signatures are those that official clients made (reference audit-and-collectors 4.6).
func TestMNSVectors(t *testing.T) {
	for contentType, want := range map[string]string{
		"":                "5p+lji4Y/hM9I54zYZh23SQDvTo=",
		"application/xml": "z7WM7Qe8FDMlKsVQBNgNcfYHgow=",
	} {
		r := mnsRequest(contentType)
		SignMNS("testsecret", "ak", r)
		if got := r.Header.Get("Authorization"); got != "MNS ak:"+want {
			t.Errorf("content type %q: signed %q, want %q", contentType, got, want)
		}
		c, err := ParseMNS(r)
		if err != nil || c.AccessKeyID != "ak" || !c.Verify("testsecret") || c.Verify("another") || c.Verify("") {
			t.Errorf("content type %q: %+v, %v", contentType, c, err)
		}
	}
}

// Whatever of the request is signed cannot be changed.
func TestMNSCovers(t *testing.T) {
	for what, spoil := range map[string]func(*Request){
		"the method":     func(r *Request) { r.Method = "DELETE" },
		"the path":       func(r *Request) { r.Path = "/queues/q2/messages" },
		"the query":      func(r *Request) { r.Query = "waitseconds=11" },
		"the digest":     func(r *Request) { r.Header.Set("Content-MD5", "x") },
		"the type":       func(r *Request) { r.Header.Set("Content-Type", "text/plain") },
		"the date":       func(r *Request) { r.Header.Set("Date", "Mon, 05 Jan 2026 01:00:01 GMT") },
		"a header":       func(r *Request) { r.Header.Set("X-Mns-Prefix", "a") },
		"another header": func(r *Request) { r.Header.Set("X-Mns-Version", "2016-06-06") },
	} {
		r := mnsRequest("application/xml")
		SignMNS("testsecret", "ak", r)
		spoil(r)
		c, err := ParseMNS(r)
		if err != nil || c.Verify("testsecret") {
			t.Errorf("%s changed, and the signature holds: %v", what, err)
		}
	}
}

func TestMNSRefused(t *testing.T) {
	for noun, spoil := range map[string]func(*Request){
		"accesskeyid":   func(r *Request) { r.Header.Del("Authorization") },
		"authorization": func(r *Request) { r.Header.Set("Authorization", "MNS ak") },
		"date-missing":  func(r *Request) { r.Header.Del("Date") },
		"date":          func(r *Request) { r.Header.Set("Date", "yesterday") },
	} {
		r := mnsRequest("")
		SignMNS("testsecret", "ak", r)
		spoil(r)
		var e *sluice.Error
		if _, err := ParseMNS(r); !errors.As(err, &e) || e.Noun != noun || e.Kind != sluice.Invalid {
			t.Errorf("want noun %s: %v", noun, err)
		}
	}
	r := mnsRequest("")
	r.Header.Set("X-Mns-Date", r.Header.Get("Date"))
	r.Header.Del("Date")
	SignMNS("testsecret", "ak", r)
	if c, err := ParseMNS(r); err != nil || !c.Verify("testsecret") {
		t.Errorf("a date in x-mns-date: %v", err)
	}
}

// FuzzMNS finds no headers that make ParseMNS panic, or that pass without the secret.
func FuzzMNS(f *testing.F) {
	f.Add("MNS ak:c2ln", "Mon, 05 Jan 2026 01:00:00 GMT", "/queues/q", "a=b", "x-mns-a", "v")
	f.Add("MNS :", "", "", "", "", "\n")
	f.Fuzz(func(t *testing.T, auth, date, path, query, name, text string) {
		r := &Request{Method: "GET", Path: path, Query: query, Header: http.Header{}}
		r.Header.Set(name, text)
		r.Header.Set("Authorization", auth)
		r.Header.Set("Date", date)
		if c, err := ParseMNS(r); err == nil && c.Verify("a secret that the input does not hold") {
			t.Errorf("%q verifies", auth)
		}
	})
}
