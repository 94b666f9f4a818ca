package testenv

import (
	"bytes"
	"crypto/md5"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/sign"
)

// Key is an access key to sign with.
type Key struct {
	ID, Secret string
	Token      string // of a temporary key
}

// RootKey is the root key of the servers of tests.
var RootKey = Key{ID: RootID, Secret: RootSecret}

// Call is one request, written out. What is empty gets what clients commonly send.
type Call struct {
	Method   string // [GET]
	Project  string // in front of the host name; "" calls the bare host
	Target   string // path and query, sent exactly as it is
	Header   map[string]string
	Body     []byte
	Key      *Key // [RootKey]
	Unsigned bool
	Date     time.Time           // [now] of the signature
	Spoil    func(*http.Request) // [nothing] changes the request after it was signed
}

// Answer is what came back.
type Answer struct {
	Status  int
	Header  http.Header
	Body    []byte
	Code    string // of an error
	Message string
}

// Do sends a call. It fails the test only if nothing came back.
func (e *Env) Do(t testing.TB, c Call) Answer {
	t.Helper()
	r, err := e.NewRequest(c)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := e.client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, c.Target, err)
	}
	defer resp.Body.Close()
	a := Answer{Status: resp.StatusCode, Header: resp.Header}
	if a.Body, err = io.ReadAll(resp.Body); err != nil {
		t.Fatalf("%s %s: read the answer: %v", r.Method, c.Target, err)
	}
	if a.Status != http.StatusOK && r.Method != http.MethodHead {
		var failure struct{ ErrorCode, ErrorMessage string }
		if err := json.Unmarshal(a.Body, &failure); err != nil {
			t.Fatalf("%s %s: status %d with a body that is no JSON error: %q", r.Method, c.Target, a.Status, a.Body)
		}
		a.Code, a.Message = failure.ErrorCode, failure.ErrorMessage
	}
	return a
}

// OK sends a call and fails the test if it does not succeed.
func (e *Env) OK(t testing.TB, c Call) Answer {
	t.Helper()
	a := e.Do(t, c)
	if a.Status != http.StatusOK {
		t.Fatalf("%s %s: status %d, %s: %s", c.Method, c.Target, a.Status, a.Code, a.Message)
	}
	return a
}

// JSON sends a call, fails the test if it does not succeed, and decodes the answer into v.
func (e *Env) JSON(t testing.TB, c Call, v any) {
	t.Helper()
	a := e.OK(t, c)
	if err := json.Unmarshal(a.Body, v); err != nil {
		t.Fatalf("%s %s: answer %q: %v", c.Method, c.Target, a.Body, err)
	}
}

// NewRequest makes the signed request of a call.
func (e *Env) NewRequest(c Call) (*http.Request, error) {
	if c.Method == "" {
		c.Method = http.MethodGet
	}
	host := Domain
	if c.Project != "" {
		host = c.Project + "." + Domain
	}
	_, port, _ := net.SplitHostPort(e.Addr)
	r, err := http.NewRequest(c.Method, "http://"+net.JoinHostPort(host, port), bytes.NewReader(c.Body))
	if err != nil {
		return nil, err
	}
	if err := setTarget(r.URL, c.Target); err != nil {
		return nil, err
	}
	r.Header.Set("x-log-apiversion", "0.6.0")
	r.Header.Set("x-log-bodyrawsize", fmt.Sprint(len(c.Body)))
	for name, value := range c.Header {
		r.Header.Set(name, value)
	}
	if !c.Unsigned {
		c.sign(r)
	}
	if c.Spoil != nil {
		c.Spoil(r)
	}
	return r, nil
}

// setTarget makes u ask for exactly this path and query, tricks in it included.
func setTarget(u *url.URL, target string) (err error) {
	u.RawPath, u.RawQuery, _ = strings.Cut(target, "?")
	u.Path, err = url.PathUnescape(u.RawPath)
	return err
}

func (c *Call) sign(r *http.Request) {
	key := RootKey
	if c.Key != nil {
		key = *c.Key
	}
	date := c.Date
	if date.IsZero() {
		date = time.Now()
	}
	r.Header.Set("Date", date.UTC().Format(http.TimeFormat))
	if len(c.Body) > 0 {
		r.Header.Set("Content-MD5", fmt.Sprintf("%X", md5.Sum(c.Body)))
	}
	if key.Token != "" {
		r.Header.Set("x-acs-security-token", key.Token)
	}
	sign.SignV1(key.Secret, key.ID, &sign.Request{
		Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Host: r.URL.Host, Header: r.Header,
	})
}
