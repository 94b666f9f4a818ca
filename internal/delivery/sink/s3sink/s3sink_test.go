package s3sink_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/object"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/s3sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/sinktest"
	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
	"github.com/sluicelog/sluice/test/netfault"
	"github.com/sluicelog/sluice/test/s3server"
)

func env(t testing.TB) sink.Env {
	return sink.Env{Dial: new(net.Dialer).DialContext, Dir: t.TempDir(), Version: "1.0 (test)"}
}

func config(endpoint, bucket string) s3sink.Config {
	return s3sink.Config{
		Endpoint: endpoint, Region: s3server.Region, Bucket: bucket, AccessKeyID: s3server.AccessKeyID,
		SecretAccessKey: sink.NewSecret(s3server.SecretAccessKey), Options: object.Options{Names: object.Names{Prefix: "logs/{DATE}"}},
	}
}

// bucket is a bucket of a real server, behind a network that can fail and a front that can answer in its stead.
//
//	sink ──> netfault ──> front ──> versitygw
type bucket struct {
	t      *testing.T
	server *s3server.Server
	name   string
	net    *netfault.Proxy
	sink   sink.Sink

	mu     sync.Mutex // guards what is below
	answer string     // instead of the server's: a status and an XML error
	hidden bool       // the bucket is away
}

func newBucket(t *testing.T, server *s3server.Server, name string) *bucket {
	server.Bucket(t, name)
	b := &bucket{t: t, server: server, name: name}
	behind := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", server.Addr, r.In.Host // which is signed
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		answer := b.answer
		b.mu.Unlock()
		if answer == "" {
			behind.ServeHTTP(w, r)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		fault(w, answer)
	}))
	t.Cleanup(front.Close)
	b.net = netfault.New(t, front.Listener.Addr().String())
	return b
}

// fault answers as S3 documents its errors.
func fault(w http.ResponseWriter, answer string) {
	status, code, _ := strings.Cut(answer, " ")
	code, header, _ := strings.Cut(code, " ")
	if key, value, ok := strings.Cut(header, "="); ok {
		w.Header().Set(key, value)
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(int(status[0]-'0')*100 + int(status[1]-'0')*10 + int(status[2]-'0'))
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>because of the test</Message><RequestId>R1</RequestId></Error>`, code)
}

func (b *bucket) open(change func(*s3sink.Config)) *bucket {
	b.t.Helper()
	c := config("http://"+b.net.Addr(), b.name)
	change(&c)
	s, err := s3sink.Open(c, env(b.t))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.t.Error(err)
		}
	})
	b.sink = s
	return b
}

func (b *bucket) Sink() sink.Sink { return b.sink }

// Received reads the objects of logs, in the order of their names, which is that of the times of their logs.
func (b *bucket) Received(context.Context, int) ([]sinktest.Delivery, error) {
	var all []sinktest.Delivery
	for _, name := range b.objects() {
		if !strings.HasSuffix(name, ".json.gz") {
			continue
		}
		d := sinktest.Delivery{ID: name}
		r, err := gzip.NewReader(bytes.NewReader(b.read(name)))
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		for line := range bytes.Lines(text) {
			fields, err := sinktest.DecodeJSON(line)
			if err != nil {
				return nil, err
			}
			d.Logs = append(d.Logs, fields)
		}
		all = append(all, d)
	}
	return all, nil
}

// objects lists the names of the objects in the bucket.
func (b *bucket) objects() []string {
	b.t.Helper()
	root := filepath.Join(b.server.Root, b.name)
	var names []string
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch name, _ := filepath.Rel(root, path); {
		case err != nil:
			return err
		case e.IsDir() && strings.HasPrefix(e.Name(), "."): // the server's own
			return filepath.SkipDir
		case !e.IsDir():
			names = append(names, filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func (b *bucket) read(name string) []byte {
	b.t.Helper()
	content, err := os.ReadFile(b.server.File(b.name, name))
	if err != nil {
		b.t.Fatal(err)
	}
	return content
}

var answers = map[sinktest.Fault]string{
	sinktest.Unauthorized: "403 InvalidAccessKeyId", sinktest.Forbidden: "403 AccessDenied", sinktest.Busy: "503 SlowDown Retry-After=7",
	sinktest.Broken: "500 InternalError", sinktest.TooLarge: "400 EntityTooLarge", sinktest.Invalid: "400 InvalidRequest",
}

func (b *bucket) Inject(f sinktest.Fault) {
	switch f {
	case sinktest.Refuse:
		b.net.Refuse()
	case sinktest.Cut:
		b.net.Cut(300)
	case sinktest.Stall:
		b.net.Stall()
	case sinktest.Silent:
		b.net.CutAnswer(20)
	case sinktest.Missing:
		b.move(true)
	default:
		b.set(answers[f])
	}
}

func (b *bucket) Heal() {
	b.net.Heal()
	b.set("")
	b.move(false)
}

func (b *bucket) set(answer string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = answer
}

// move takes the bucket away from the server, or gives it back.
func (b *bucket) move(away bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hidden == away {
		return
	}
	b.hidden = away
	from, to := filepath.Join(b.server.Root, b.name), filepath.Join(filepath.Dir(b.server.Root), b.name)
	if !away {
		from, to = to, from
	}
	if err := os.Rename(from, to); err != nil {
		b.t.Error(err)
	}
}

func TestSink(t *testing.T) {
	server := s3server.Start(t)
	var buckets atomic.Int32
	sinktest.Run(t, sinktest.Harness{
		Open: func(t *testing.T) sinktest.Destination {
			return newBucket(t, server, fmt.Sprintf("logs-%d", buckets.Add(1))).open(func(*s3sink.Config) {})
		},
		Repeats: sinktest.Once,
		Faults: map[sinktest.Fault]sinktest.Class{
			sinktest.Refuse: sinktest.Retry, sinktest.Cut: sinktest.Retry, sinktest.Stall: sinktest.Retry, sinktest.Silent: sinktest.Retry,
			sinktest.Unauthorized: sinktest.Halt, sinktest.Forbidden: sinktest.Halt, sinktest.Missing: sinktest.Halt, sinktest.Busy: sinktest.Later,
			sinktest.Broken: sinktest.Retry, sinktest.TooLarge: sinktest.Oversize, sinktest.Invalid: sinktest.Halt,
		},
		Secrets: []string{s3server.SecretAccessKey},
	})
}

// header and logs of the tests below.
var header = sink.Header{Project: "p1", Task: "t1", Shard: 0, From: sink.Point{Position: 1}, Arrived: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}

func fill(t *testing.T, s sink.Sink, logs, size int) sink.Batch {
	t.Helper()
	b := s.Begin(header)
	t.Cleanup(b.Release)
	x := uint64(1)
	for i := range logs {
		var value strings.Builder
		for value.Len() < size { // that does not compress
			x = x*6364136223846793005 + 1442695040888963407
			fmt.Fprintf(&value, "%016x", x)
		}
		if err := b.Add(&sink.Entry{Time: 1767323045 + uint32(i), Fields: []sink.Field{{Key: "v", Value: value.String()}}}); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// TestParts sends a body of several parts, which the bucket holds as one object, and one that fails in the middle, of which nothing stays.
func TestParts(t *testing.T) {
	server := s3server.Start(t)
	b := newBucket(t, server, "parts").open(func(c *s3sink.Config) { c.Compression = encode.None })
	s3sink.SetParts(b.sink, 6<<20, 5<<20)
	batch := fill(t, b.sink, 12, 1<<20)
	if err := batch.Send(t.Context(), sink.Point{Position: 2}); err != nil {
		t.Fatal(err)
	}
	names := b.objects()
	if len(names) != 1 || int64(len(b.read(names[0]))) != batch.Encoded() {
		t.Fatalf("the bucket holds %q", names)
	}
	for i, line := range bytes.Split(bytes.TrimSpace(b.read(names[0])), []byte{'\n'}) {
		if !json.Valid(line) {
			t.Errorf("line %d is no log", i)
		}
	}

	b.net.Cut(7 << 20)
	if err := batch.Send(t.Context(), sink.Point{Position: 3}); err == nil {
		t.Fatal("half an upload succeeded")
	}
	b.net.Heal()
	if got := b.objects(); len(got) != 1 {
		t.Errorf("the bucket holds %q after an upload that failed", got)
	}
}

// TestPartsAreAborted watches the requests of an upload whose second part is refused.
func TestPartsAreAborted(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		mu.Lock()
		defer mu.Unlock()
		q := r.URL.Query()
		switch {
		case q.Has("uploads"):
			seen = append(seen, "create "+r.Header.Get("X-Amz-Server-Side-Encryption")+" "+r.Header.Get("X-Amz-Acl"))
			fmt.Fprint(w, `<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>`)
		case r.Method == http.MethodDelete:
			seen = append(seen, "abort "+q.Get("uploadId"))
			w.WriteHeader(http.StatusNoContent)
		case q.Get("partNumber") == "2":
			seen = append(seen, "part 2")
			fault(w, "500 InternalError")
		default:
			seen = append(seen, "part "+q.Get("partNumber"))
			w.Header().Set("ETag", `"not-an-md5"`)
		}
	}))
	defer server.Close()
	c := config(server.URL, "parts")
	c.ServerSideEncryption, c.OwnerFullControl, c.Compression = true, true, encode.None
	s, err := s3sink.Open(c, env(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s3sink.SetParts(s, 1<<20, 1<<20)
	if err := fill(t, s, 3, 1<<20).Send(t.Context(), sink.Point{Position: 2}); err == nil {
		t.Fatal("an upload without its second part succeeded")
	}
	want := []string{"create AES256 bucket-owner-full-control", "part 1", "part 2", "abort u1"}
	if !slices.Equal(seen, want) {
		t.Errorf("requests %q, want %q", seen, want)
	}
}

// TestAnswers is how the engine is told of each answer.
func TestAnswers(t *testing.T) {
	var answer atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if a := answer.Load().(string); strings.HasPrefix(a, "200") {
			if _, tag, ok := strings.Cut(a, " "); ok {
				w.Header().Set("ETag", tag)
			}
		} else {
			fault(w, a)
		}
	}))
	defer server.Close()
	c := config(server.URL, "logs")
	open := func(c s3sink.Config) sink.Sink {
		s, err := s3sink.Open(c, env(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	strict := open(c)
	c.TrustETag = true
	trusting := open(c)
	for _, a := range []struct {
		answer, class, reason string
		sink                  sink.Sink
	}{
		{"403 SignatureDoesNotMatch", "halt", "secret access key", strict},
		{"403 AccessDenied", "halt", "Requester Pays", strict},
		{"404 NoSuchBucket", "halt", "there is no such bucket", strict},
		{"301 PermanentRedirect X-Amz-Bucket-Region=eu-west-1", "halt", "it is in region eu-west-1, not in us-east-1", strict},
		{"307 TemporaryRedirect", "halt", "not in region us-east-1", strict},
		{"400 AuthorizationHeaderMalformed X-Amz-Bucket-Region=ap-east-1", "halt", "ap-east-1", strict},
		{"400 ExpiredToken", "halt", "expired", strict},
		{"403 RequestTimeTooSkewed", "retry", "", strict},
		{"400 RequestTimeout", "retry", "", strict},
		{"503 SlowDown", "retry", "", strict},
		{"503 SlowDown Retry-After=90", "later", "", strict},
		{"429 TooManyRequests Retry-After=9", "later", "", strict},
		{"500 InternalError", "retry", "", strict},
		{"400 EntityTooLarge", "too large", "", strict},
		{"405 MethodNotAllowed", "halt", "endpoint", strict},
		{"418 Other", "halt", "because of the test", strict},
		{"200", "retry", "no ETag", strict},
		{`200 "00000000000000000000000000000000"`, "retry", "trustETag", strict},
		{`200 "00000000000000000000000000000000"`, "", "", trusting},
		{`200 "00000000000000000000000000000000-3"`, "", "", strict},
	} {
		answer.Store(a.answer)
		b := fill(t, a.sink, 3, 10)
		err := b.Send(t.Context(), sink.Point{Position: 2})
		if got := class(err); got != a.class || err != nil && !strings.Contains(err.Error(), a.reason) {
			t.Errorf("%s: %s: %v, want %s of %q", a.answer, got, err, a.class, a.reason)
		}
	}
}

func class(err error) string {
	var halt *sink.Halt
	var later *sink.Later
	switch {
	case err == nil:
		return ""
	case errors.As(err, &halt):
		return "halt"
	case errors.As(err, &later):
		return "later"
	case errors.Is(err, sink.ErrTooLarge):
		return "too large"
	}
	return "retry"
}

// TestKeys has the real server refuse keys that are wrong.
func TestKeys(t *testing.T) {
	server := s3server.Start(t)
	server.Bucket(t, "logs")
	for name, change := range map[string]func(*s3sink.Config){
		"secret access key": func(c *s3sink.Config) { c.SecretAccessKey = sink.NewSecret("wrong-secret") },
		"access key id":     func(c *s3sink.Config) { c.AccessKeyID = "nobody" },
		"no such bucket":    func(c *s3sink.Config) { c.Bucket = "none" },
		"region":            func(c *s3sink.Config) { c.Region = "eu-west-1" },
	} {
		c := config(server.Endpoint, "logs")
		change(&c)
		s, err := s3sink.Open(c, env(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Check(t.Context()); class(err) != "halt" || !strings.Contains(strings.ToLower(err.Error()), name) || strings.Contains(err.Error(), "wrong-secret") {
			t.Errorf("%s: %v", name, err)
		}
		s.Close()
	}
}

// TestAddressing delivers over both forms of addresses, and looks at what Check leaves.
func TestAddressing(t *testing.T) {
	server := s3server.Start(t)
	for _, addressing := range []string{"path", "virtual"} {
		b := newBucket(t, server, "by-"+addressing)
		c := config(server.Endpoint, b.name)
		c.Addressing = addressing
		e := env(t)
		if addressing == "virtual" {
			c.Endpoint = "http://" + s3server.Domain
			e.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, server.Addr)
			}
		}
		s, err := s3sink.OpenCompatible(s3sink.CompatibleConfig{Config: c}, e)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Check(t.Context()), s.Check(t.Context()), fill(t, s, 2, 10).Send(t.Context(), sink.Point{Position: 2})); err != nil {
			t.Errorf("%s: %v", addressing, err)
		}
		s.Close()
		if got := b.objects(); len(got) != 2 || !strings.HasPrefix(got[0], "logs/20260102/t1_20260102T030405Z_20260102T030406Z_0-") || got[1] != "logs/sluice-check.txt" {
			t.Errorf("%s: the bucket holds %q", addressing, got)
		}
	}
}

// TestTLS delivers to a server whose certificate is signed by an authority of its own.
func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("ETag", `"x"`)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	c := config(server.URL, "logs")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	for _, trusted := range []*tlsconf.Config{nil, {CA: string(ca)}} {
		c.TLS = trusted
		s, err := s3sink.Open(c, env(t))
		if err != nil {
			t.Fatal(err)
		}
		err = s.Check(t.Context())
		if got := class(err); trusted == nil && (got != "halt" || !strings.Contains(err.Error(), "certificate")) || trusted != nil && err != nil {
			t.Errorf("with authorities %v: %s: %v", trusted != nil, got, err)
		}
		s.Close()
	}
}

func TestValidate(t *testing.T) {
	const good = `{"bucket":"logs","region":"eu-west-1","accessKeyId":"a","secretAccessKey":"s"}`
	for _, c := range []struct{ change, want string }{
		{`{}`, ""},
		{`{"endpoint":"s3.example.com:9000","region":""}`, ""},
		{`{"bucket":"logs/dir"}`, "bucket: "},
		{`{"region":""}`, "region: is missing"},
		{`{"region":"eu west"}`, "region: "},
		{`{"endpoint":"ftp://x"}`, "endpoint: "},
		{`{"endpoint":"https://x/bucket"}`, "endpoint: "},
		{`{"endpoint":"https://u:p@x"}`, "endpoint: "},
		{`{"addressing":"dns"}`, "addressing: "},
		{`{"accessKeyId":""}`, "accessKeyId: "},
		{`{"secretAccessKey":""}`, "secretAccessKey: "},
		{`{"prefix":".."}`, "prefix: "},
		{`{"format":"xml"}`, "format: "},
		{`{"tls":{"ca":"x"}}`, "tls.ca"},
	} {
		var config s3sink.Config
		for _, document := range []string{good, c.change} {
			if err := json.Unmarshal([]byte(document), &config); err != nil {
				t.Fatal(err)
			}
		}
		err := config.Validate()
		if c.want == "" && err != nil || c.want != "" && (err == nil || sluice.KindOf(err) != sluice.Invalid || !strings.HasPrefix(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.change, err, c.want)
		}
	}
	var compatible s3sink.CompatibleConfig
	if err := json.Unmarshal([]byte(good), &compatible); err != nil {
		t.Fatal(err)
	}
	if err := compatible.Validate(); err == nil || !strings.HasPrefix(err.Error(), "endpoint: is missing") {
		t.Errorf("a compatible service without an endpoint: %v", err)
	}
}

func TestPolicy(t *testing.T) {
	c := config("", "logs")
	var policy struct {
		Version   string
		Statement []struct {
			Effect           string
			Principal        struct{ AWS []string }
			Action, Resource []string
		}
	}
	if err := json.Unmarshal([]byte(s3sink.Policy(c, "arn:aws:iam::1:user/sluice")), &policy); err != nil {
		t.Fatal(err)
	}
	s := policy.Statement[0]
	if policy.Version != "2012-10-17" || s.Effect != "Allow" || !slices.Equal(s.Principal.AWS, []string{"arn:aws:iam::1:user/sluice"}) ||
		!slices.Equal(s.Action, []string{"s3:PutObject", "s3:AbortMultipartUpload"}) || !slices.Equal(s.Resource, []string{"arn:aws:s3:::logs/logs/*"}) {
		t.Errorf("%+v", policy)
	}
	if text := s3sink.UserPolicy(c); strings.Contains(text, "Principal") {
		t.Error(text)
	}
}
