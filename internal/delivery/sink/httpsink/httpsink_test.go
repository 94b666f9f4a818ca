package httpsink_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/httpsink"
	"github.com/sluicelog/sluice/internal/delivery/sink/sinktest"
	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var now = time.Unix(1767323045, 0).UTC()

func open(t *testing.T, c httpsink.Config) sink.Sink {
	t.Helper()
	s, err := httpsink.Open(c, sink.Env{Dial: dial, Dir: t.TempDir(), Now: func() time.Time { return now }, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func ptr[T any](v T) *T { return &v }

var secrets = []string{"tok-hunter2", "query-hunter2"}

// secret adds credentials that the receiver repeats in its errors.
func secret(c httpsink.Config) httpsink.Config {
	c.Headers = map[string]sink.Secret{"Authorization": sink.NewSecret("Bearer " + secrets[0])}
	c.Query = map[string]sink.Secret{"token": sink.NewSecret(secrets[1])}
	return c
}

func TestConformance(t *testing.T) {
	faults := map[sinktest.Fault]sinktest.Class{
		sinktest.Refuse: sinktest.Retry, sinktest.Cut: sinktest.Retry, sinktest.Stall: sinktest.Retry,
		sinktest.Unauthorized: sinktest.Halt, sinktest.Forbidden: sinktest.Halt, sinktest.Missing: sinktest.Refused,
		sinktest.Invalid: sinktest.Refused, sinktest.TooLarge: sinktest.Oversize, sinktest.Broken: sinktest.Retry, sinktest.Busy: sinktest.Later,
	}
	some := map[sinktest.Fault]sinktest.Class{sinktest.Refuse: sinktest.Retry, sinktest.Cut: sinktest.Retry}
	single := map[sinktest.Fault]sinktest.Class{
		sinktest.Cut: sinktest.Retry, sinktest.Invalid: sinktest.Refused, sinktest.TooLarge: sinktest.Refused, sinktest.Busy: sinktest.Later,
	}
	for _, c := range []struct {
		name    string
		secure  bool
		repeats sinktest.Repeats
		faults  map[sinktest.Fault]sinktest.Class
		split   func([]byte) [][]byte
		format  encode.Format
		single  bool
	}{
		{name: "lines", repeats: sinktest.SameID, faults: faults, split: lines},
		{name: "gzip over TLS", secure: true, repeats: sinktest.SameID, faults: some, split: lines, format: encode.Format{Compression: encode.Gzip}},
		{
			name: "array, snappy", repeats: sinktest.SameID, faults: some, split: array,
			format: encode.Format{Rows: encode.Rows{Format: encode.JSONArray}, Compression: encode.Snappy},
		},
		{
			name: "prefix, separator, suffix, zlib", repeats: sinktest.SameID, faults: some,
			split: func(body []byte) [][]byte {
				text := strings.TrimSuffix(strings.TrimPrefix(string(body), "cdnVersion:1.0\n<"), ">")
				var out [][]byte
				for log := range strings.SplitSeq(text, "\n--\n") {
					out = append(out, []byte(log))
				}
				return out
			},
			format: encode.Format{
				Compression: encode.Zlib, BodyPrefix: `cdnVersion:1.0\n<`, BodySuffix: ">", Separator: ptr(`\n--\n`), LastSeparator: ptr(false),
			},
		},
		{
			name: "one by one", repeats: sinktest.Twice, faults: single, single: true,
			split: func(body []byte) [][]byte { return [][]byte{body} },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			sinktest.Run(t, sinktest.Harness{
				Open: func(t *testing.T) sinktest.Destination {
					r := newReceiver(t, c.secure)
					r.split = c.split
					conf := secret(httpsink.Config{URL: r.url("/v1/log?a=b"), Format: c.format, OneByOne: c.single})
					if c.secure {
						ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.server.Certificate().Raw})
						conf.TLS = &tlsconf.Config{CA: string(ca)}
					}
					r.sink = open(t, conf)
					return r
				},
				Repeats: c.repeats, Faults: c.faults, Secrets: secrets,
			})
		})
	}
}

// entry makes a log.
func entry(i int) *sink.Entry {
	return &sink.Entry{At: sink.Point{Position: 7, Index: i}, Time: 1, Fields: []sink.Field{{Key: "n", Value: strconv.Itoa(i)}}}
}

// send sends n logs in one batch.
func send(t *testing.T, s sink.Sink, n int) error {
	t.Helper()
	b := s.Begin(sink.Header{Project: "p", Task: "t", From: sink.Point{Position: 7}})
	defer b.Release()
	for i := range n {
		if err := b.Add(entry(i)); err != nil {
			t.Fatal(err)
		}
	}
	return b.Send(t.Context(), sink.Point{Position: 7, Index: n})
}

func TestRequest(t *testing.T) {
	r := newReceiver(t, false)
	s := open(t, httpsink.Config{
		URL:     r.url("/a%20b/c?x=1&y=%2F"),
		Headers: map[string]sink.Secret{"content-type": sink.NewSecret("application/vnd.mine"), "X-Mine": sink.NewSecret("v")},
		Query:   map[string]sink.Secret{"z z": sink.NewSecret("a&b"), "k": sink.NewSecret("")},
		Format:  encode.Format{Compression: encode.Gzip},
	})
	if err := send(t, s, 3); err != nil {
		t.Fatal(err)
	}
	got := r.last()
	if got.URL.RequestURI() != "/a%20b/c?x=1&y=%2F&k=&z+z=a%26b" {
		t.Errorf("requested %s", got.URL.RequestURI())
	}
	id := sink.Header{Project: "p", Task: "t", From: sink.Point{Position: 7}}.ID(sink.Point{Position: 7, Index: 3})
	for name, want := range map[string]string{
		"Content-Type": "application/vnd.mine", "Content-Encoding": "gzip", "X-Mine": "v", "X-Sluice-Request-Id": id, "X-Sluice-Batch-Count": "3",
		"User-Agent": "sluice/test", "X-Sluice-Signature": "", "X-Sluice-Check": "",
	} {
		if got.Header.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.Header.Get(name), want)
		}
	}
}

func TestContentType(t *testing.T) {
	for _, c := range []struct {
		want   string
		format encode.Format
		single bool
	}{
		{"application/x-ndjson", encode.Format{}, false},
		{"application/json", encode.Format{Rows: encode.Rows{Format: encode.JSONArray}}, false},
		{"application/json", encode.Format{BodyPrefix: "[", Separator: ptr(","), BodySuffix: "]", LastSeparator: ptr(false)}, false},
		{"text/plain; charset=utf-8", encode.Format{BodyPrefix: "x"}, false},
		{"text/plain; charset=utf-8", encode.Format{Separator: ptr("|")}, false},
		{"application/json", encode.Format{}, true},
	} {
		r := newReceiver(t, false)
		r.split = func([]byte) [][]byte { return [][]byte{[]byte("{}")} }
		if err := send(t, open(t, httpsink.Config{URL: r.url(""), Format: c.format, OneByOne: c.single}), 1); err != nil {
			t.Fatal(err)
		}
		if got := r.last().Header.Get("Content-Type"); got != c.want {
			t.Errorf("%+v: %q, want %q", c.format, got, c.want)
		}
	}
}

// TestURLSignature checks auth_key the way a receiver does.
func TestURLSignature(t *testing.T) {
	const key = "aliyun1234"
	seen := map[string]bool{}
	for _, c := range []struct{ url, path, signed string }{
		{"/v1/log/upload", "", "/v1/log/upload"},
		{"/v1/log/upload?x=1", "", "/v1/log/upload"},
		{"", "", "/"},
		{"/outer", "v1/log/upload", "/v1/log/upload"},
		{"/outer", "//v1/log", "/v1/log"},
		{"/a%20b", "", "/a%20b"},
	} {
		r := newReceiver(t, false)
		s := open(t, httpsink.Config{URL: r.url(c.url), URLSignature: &httpsink.URLSignature{PrivateKey: sink.NewSecret(key), ValidSeconds: 300, Path: c.path}})
		for range 2 {
			if err := send(t, s, 1); err != nil {
				t.Fatal(err)
			}
			auth := r.last().URL.Query().Get("auth_key")
			parts := strings.Split(auth, "-")
			if len(parts) != 3 || parts[0] != strconv.FormatInt(now.Unix()+300, 10) || seen[auth] {
				t.Fatalf("auth_key %q is not EXPIRY-RANDOM-MD5, expires at another time, or was there before", auth)
			}
			seen[auth] = true
			if sum := fmt.Sprintf("%x", md5.Sum([]byte(c.signed+"-"+parts[0]+"-"+parts[1]+"-"+key))); sum != parts[2] {
				t.Errorf("%s: auth_key %q does not sign %s", c.url, auth, c.signed)
			}
		}
	}
}

func TestBodySignature(t *testing.T) {
	secret := "0123456789abcdef"
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got, body = r, make([]byte, r.ContentLength)
		_, _ = r.Body.Read(body)
	}))
	defer server.Close()
	s := open(t, httpsink.Config{URL: server.URL, Format: encode.Format{Compression: encode.Gzip}, BodySignature: &httpsink.BodySignature{Secret: sink.NewSecret(secret)}})
	if err := send(t, s, 2); err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(strconv.FormatInt(now.Unix(), 10) + "." + string(body)))
	if want := fmt.Sprintf("v1=%x", mac.Sum(nil)); got.Header.Get("X-Sluice-Signature") != want || got.Header.Get("X-Sluice-Timestamp") != "1767323045" {
		t.Errorf("signed %q at %q, want %q", got.Header.Get("X-Sluice-Signature"), got.Header.Get("X-Sluice-Timestamp"), want)
	}
}

// TestAnswers: what the engine is told by status and Retry-After.
func TestAnswers(t *testing.T) {
	later := func(d time.Duration) string { return fmt.Sprintf("later %v", d) }
	for _, c := range []struct {
		status int
		after  string
		want   string
	}{
		{200, "", "yes"},
		{201, "", "yes"},
		{202, "", "yes"},
		{204, "", "yes"},
		{299, "", "yes"},
		{301, "", "halt"},
		{302, "", "halt"},
		{304, "", "halt"},
		{307, "", "halt"},
		{308, "", "halt"},
		{400, "", "refused"},
		{401, "", "halt"},
		{402, "", "refused"},
		{403, "", "halt"},
		{404, "", "refused"},
		{405, "", "refused"},
		{407, "", "halt"},
		{408, "", "retry"},
		{409, "", "refused"},
		{410, "", "refused"},
		{413, "", "too large"},
		{413, "9", "too large"},
		{414, "", "refused"},
		{415, "", "refused"},
		{418, "", "refused"},
		{422, "", "refused"},
		{425, "", "retry"},
		{429, "", "retry"},
		{451, "", "refused"},
		{500, "", "retry"},
		{501, "", "refused"},
		{502, "", "retry"},
		{503, "", "retry"},
		{504, "", "retry"},
		{505, "", "refused"},
		{507, "", "retry"},
		{599, "", "retry"},
		{429, "7", later(7 * time.Second)},
		{503, " 0 ", later(0)},
		{503, "120", later(2 * time.Minute)},
		{408, "1", later(time.Second)},
		{503, "9999999999", "retry"},
		{503, "86400", later(time.Hour)},
		{503, "-1", "retry"},
		{503, "soon", "retry"},
		{503, "1.5", "retry"},
		{503, now.Add(90 * time.Second).Format(http.TimeFormat), later(90 * time.Second)},
		{429, now.Add(-time.Minute).Format(http.TimeFormat), later(0)},
		{429, now.Add(48 * time.Hour).Format(time.RFC850), later(time.Hour)},
		{500, "30", later(30 * time.Second)},
		{400, "30", "refused"},
	} {
		r := newReceiver(t, false)
		r.answer = func(w http.ResponseWriter) {
			if c.after != "" {
				w.Header().Set("Retry-After", c.after)
			}
			w.Header().Set("Location", "http://203.0.113.1/elsewhere")
			w.WriteHeader(c.status)
		}
		if got := classOf(send(t, open(t, httpsink.Config{URL: r.url("")}), 2)); got != c.want {
			t.Errorf("%d, Retry-After %q: %s, want %s", c.status, c.after, got, c.want)
		}
	}
}

func classOf(err error) string {
	var (
		refused *sink.Refused
		halt    *sink.Halt
		later   *sink.Later
	)
	switch {
	case err == nil:
		return "yes"
	case errors.As(err, &refused):
		return "refused"
	case errors.As(err, &halt):
		return "halt"
	case errors.As(err, &later):
		return fmt.Sprintf("later %v", later.After)
	case errors.Is(err, sink.ErrTooLarge):
		return "too large"
	}
	return "retry"
}

// TestRedirects: no answer leads to another request, to this host or another.
func TestRedirects(t *testing.T) {
	asked := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{other.URL, "/same-host", "//" + strings.TrimPrefix(other.URL, "http://"), "http://169.254.169.254/"} {
			r := newReceiver(t, false)
			r.answer = func(w http.ResponseWriter) {
				w.Header().Set("Location", location)
				w.WriteHeader(status)
			}
			if got := classOf(send(t, open(t, httpsink.Config{URL: r.url("/x")}), 1)); got != "halt" {
				t.Errorf("%d to %s: %s, want halt", status, location, got)
			}
			if n := len(r.heads); n != 1 {
				t.Errorf("%d to %s: %d requests, want 1", status, location, n)
			}
		}
	}
	if asked != 0 {
		t.Errorf("%d redirects were followed", asked)
	}
}

// TestCutAnswer: the header of the answer decides; what becomes of its body does not matter.
func TestCutAnswer(t *testing.T) {
	r := newReceiver(t, false)
	r.answer = func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	if err := send(t, open(t, httpsink.Config{URL: r.url("")}), 1); err != nil {
		t.Errorf("got error %v", err)
	}
}

// TestOneByOneGoesOn: after an error, the logs that arrived are not sent again.
func TestOneByOneGoesOn(t *testing.T) {
	r := newReceiver(t, false)
	n := 0
	r.answer = func(w http.ResponseWriter) {
		if n++; n == 3 {
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
	}
	s := open(t, httpsink.Config{URL: r.url(""), OneByOne: true})
	b := s.Begin(sink.Header{Project: "p", Task: "t", From: sink.Point{Position: 7}})
	defer b.Release()
	for i := range 5 {
		if err := b.Add(entry(i)); err != nil {
			t.Fatal(err)
		}
	}
	to := sink.Point{Position: 8}
	err := b.Send(t.Context(), to)
	if refused := (*sink.Refused)(nil); !errors.As(err, &refused) || refused.First != 2 || refused.Count != 1 {
		t.Fatalf("got %v, want the third log refused", err)
	}
	if err := b.Send(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range r.arrived {
		got = append(got, d.Logs[0][0].Value)
	}
	if want := "0 1 2 2 3 4"; strings.Join(got, " ") != want {
		t.Errorf("the receiver got %v, want %s", got, want)
	}
	if r.arrived[2].ID != r.arrived[3].ID || r.arrived[0].ID == r.arrived[1].ID {
		t.Errorf("the ids are %v", r.heads)
	}
}

func TestCheckConnects(t *testing.T) {
	r := newReceiver(t, false)
	s := open(t, httpsink.Config{URL: r.url(""), Check: "connect"})
	r.answer = func(w http.ResponseWriter) { w.WriteHeader(500) }
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	r.server.Close()
	r2 := open(t, httpsink.Config{URL: r.server.URL, Check: "connect"})
	if err := r2.Check(t.Context()); err == nil {
		t.Error("check passed before a server that is gone")
	}
}

// TestUntrusted: a certificate that is not trusted is a matter for people.
func TestUntrusted(t *testing.T) {
	r := newReceiver(t, true)
	r.server.Config.ErrorLog = nil
	if err := send(t, open(t, httpsink.Config{URL: r.url("")}), 1); classOf(err) != "halt" || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v, want a halt about the certificate", err)
	}
	if err := send(t, open(t, httpsink.Config{URL: r.url(""), TLS: &tlsconf.Config{SkipVerify: true}}), 1); err != nil {
		t.Error(err)
	}
}
