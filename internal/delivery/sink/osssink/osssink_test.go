package osssink_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/object"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/osssink"
	"github.com/sluicelog/sluice/internal/delivery/sink/sinktest"
	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
	"github.com/sluicelog/sluice/test/netfault"
	"github.com/sluicelog/sluice/test/ossserver"
)

// bucket is a bucket called logs behind a network that can fail.
type bucket struct {
	*ossserver.Server
	net  *netfault.Proxy
	sink sink.Sink
}

func newBucket(t *testing.T, change func(*osssink.Config)) *bucket {
	t.Helper()
	b := &bucket{Server: ossserver.New("logs")}
	server := httptest.NewServer(b.Server)
	t.Cleanup(server.Close)
	b.net = netfault.New(t, server.Listener.Addr().String())
	b.sink = b.open(t, change)
	return b
}

func (b *bucket) open(t *testing.T, change func(*osssink.Config)) sink.Sink {
	t.Helper()
	c := osssink.Config{
		Endpoint: "http://" + b.net.Addr(), Region: "oss-cn-hangzhou", Bucket: "logs", AccessKeyID: b.ID, AccessKeySecret: sink.NewSecret(b.Secret),
		Options: object.Options{Names: object.Names{Prefix: "dir/%Y%m%d"}},
	}
	if change != nil {
		change(&c)
	}
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) { // wherever it leads
		return new(net.Dialer).DialContext(ctx, network, b.net.Addr())
	}
	s, err := osssink.Open(c, sink.Env{Dial: dial, Dir: t.TempDir(), Version: "1.0 (test)"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (b *bucket) Sink() sink.Sink { return b.sink }

func (b *bucket) objects() map[string]ossserver.Object { return b.Objects("logs") }

// Received reads the objects of logs, in the order of their names, which is that of the times of their logs.
func (b *bucket) Received(context.Context, int) ([]sinktest.Delivery, error) {
	objects := b.objects()
	var all []sinktest.Delivery
	for _, name := range slices.Sorted(maps.Keys(objects)) {
		if !strings.HasSuffix(name, ".json.gz") {
			continue
		}
		r, err := gzip.NewReader(bytes.NewReader(objects[name].Body))
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		d := sinktest.Delivery{ID: name}
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

var answers = map[sinktest.Fault]string{
	sinktest.Unauthorized: "403 InvalidAccessKeyId", sinktest.Forbidden: "403 AccessDenied", sinktest.Busy: "503 ServiceUnavailable Retry-After=7",
	sinktest.Broken: "500 InternalError", sinktest.TooLarge: "400 EntityTooLarge", sinktest.Invalid: "400 InvalidArgument",
	sinktest.Missing: "404 NoSuchBucket",
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
	default:
		b.Answer(answers[f])
	}
}

func (b *bucket) Heal() {
	b.net.Heal()
	b.Answer("")
}

func TestSink(t *testing.T) {
	for _, signature := range []string{"v4", "v1"} {
		t.Run(signature, func(t *testing.T) {
			sinktest.Run(t, sinktest.Harness{
				Open: func(t *testing.T) sinktest.Destination {
					return newBucket(t, func(c *osssink.Config) { c.Signature = signature })
				},
				Repeats: sinktest.Once,
				Faults: map[sinktest.Fault]sinktest.Class{
					sinktest.Refuse: sinktest.Retry, sinktest.Cut: sinktest.Retry, sinktest.Stall: sinktest.Retry, sinktest.Silent: sinktest.Retry,
					sinktest.Unauthorized: sinktest.Halt, sinktest.Forbidden: sinktest.Halt, sinktest.Missing: sinktest.Halt, sinktest.Busy: sinktest.Later,
					sinktest.Broken: sinktest.Retry, sinktest.TooLarge: sinktest.Oversize, sinktest.Invalid: sinktest.Halt,
				},
				Secrets: []string{"test-secret-hunter2"},
			})
		})
	}
}

var header = sink.Header{Project: "p1", Task: "t1", Shard: 0, From: sink.Point{Position: 1}, Arrived: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}

func fill(t *testing.T, s sink.Sink, logs, size int) sink.Batch {
	t.Helper()
	b := s.Begin(header)
	t.Cleanup(b.Release)
	for i := range logs {
		value := strings.Repeat(fmt.Sprintf("%04x", i*7919), size/4)
		if err := b.Add(&sink.Entry{Time: 1767323045 + uint32(i), Fields: []sink.Field{{Key: "v", Value: value}}}); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// TestParts sends a body of several parts under either signature, over all forms of addresses, and has one fail in the middle.
func TestParts(t *testing.T) {
	for _, signature := range []string{"v4", "v1"} {
		for _, addressing := range []string{"path", "virtual", "cname"} {
			b := newBucket(t, func(c *osssink.Config) {
				c.Signature, c.Addressing, c.Compression, c.ServerSideEncryption = signature, addressing, encode.None, true
				switch addressing {
				case "virtual":
					c.Endpoint = "http://oss.test"
				case "cname":
					c.Endpoint = "http://logs.oss.test"
				}
			})
			osssink.SetParts(b.sink, 1<<20, 1<<20)
			batch := fill(t, b.sink, 5, 1<<20)
			if err := batch.Send(t.Context(), sink.Point{Position: 2}); err != nil {
				t.Fatalf("%s %s: %v", signature, addressing, err)
			}
			var got []ossserver.Object
			for _, o := range b.objects() {
				got = append(got, o)
			}
			if len(got) != 1 || int64(len(got[0].Body)) != batch.Encoded() || got[0].Type != "application/x-ndjson" || got[0].Encryption != "AES256" {
				t.Errorf("%s %s: the bucket holds %d objects", signature, addressing, len(got))
			}

			b.Served()
			b.Corrupt(true) // so that the first part fails
			if err := batch.Send(t.Context(), sink.Point{Position: 3}); err == nil {
				t.Errorf("%s %s: a part that arrived as something else was taken for sent", signature, addressing)
			}
			if served := b.Served(); b.Uploads() != 0 || len(served) != 3 || !strings.HasPrefix(served[2], "DELETE ") {
				t.Errorf("%s %s: the upload was not aborted: %q", signature, addressing, served)
			}
		}
	}
}

func TestCheck(t *testing.T) {
	b := newBucket(t, nil)
	for range 2 {
		if err := b.sink.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if names := slices.Collect(maps.Keys(b.objects())); !slices.Equal(names, []string{"dir/sluice-check.txt"}) {
		t.Errorf("check left %q", names)
	}
	for name, change := range map[string]func(*osssink.Config){
		"access key secret": func(c *osssink.Config) { c.AccessKeySecret = sink.NewSecret("wrong-secret") },
		"access key id":     func(c *osssink.Config) { c.AccessKeyID = "nobody" },
		"no such bucket":    func(c *osssink.Config) { c.Bucket = "none" },
		"region":            func(c *osssink.Config) { c.Region = "cn-shanghai" },
	} {
		err := b.open(t, change).Check(t.Context())
		if class(err) != "halt" || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "wrong-secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAnswers is how the engine is told of each answer.
func TestAnswers(t *testing.T) {
	b := newBucket(t, nil)
	for _, a := range []struct{ answer, class, reason string }{
		{"403 SignatureDoesNotMatch", "halt", "access key secret"},
		{"403 AccessDenied", "halt", "permissions of the RAM policy"},
		{"403 AccessDenied endpoint", "halt", "it is at the endpoint oss-cn-shanghai.aliyuncs.com"},
		{"404 NoSuchBucket", "halt", "there is no such bucket"},
		{"301 PermanentRedirect", "halt", "not in this region"},
		{"403 SecurityTokenExpired", "halt", "expired"},
		{"409 FileImmutable", "halt", "retention policy"},
		{"403 RequestTimeTooSkewed", "retry", ""},
		{"400 RequestTimeout", "retry", ""},
		{"409 Conflict", "retry", ""},
		{"503 ServiceUnavailable", "retry", ""},
		{"503 ServiceUnavailable Retry-After=90", "later", ""},
		{"500 InternalError", "retry", ""},
		{"400 EntityTooLarge", "too large", ""},
		{"400 Other", "halt", "because of the test"},
	} {
		b.Answer(a.answer)
		err := fill(t, b.sink, 3, 10).Send(t.Context(), sink.Point{Position: 2})
		if got := class(err); got != a.class || !strings.Contains(err.Error(), a.reason) {
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

// TestTLS delivers to a server whose certificate is signed by an authority of its own.
func TestTLS(t *testing.T) {
	b := newBucket(t, nil)
	server := httptest.NewUnstartedServer(b.Server)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	b.net = netfault.New(t, server.Listener.Addr().String())
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	for _, trusted := range []*tlsconf.Config{nil, {CA: string(ca)}} {
		err := b.open(t, func(c *osssink.Config) { c.Endpoint, c.TLS = server.URL, trusted }).Check(t.Context())
		if got := class(err); trusted == nil && (got != "halt" || !strings.Contains(err.Error(), "certificate")) || trusted != nil && err != nil {
			t.Errorf("with authorities %v: %s: %v", trusted != nil, got, err)
		}
	}
}

func TestValidate(t *testing.T) {
	const good = `{"bucket":"logs","region":"cn-hangzhou","accessKeyId":"a","accessKeySecret":"s"}`
	for _, c := range []struct{ change, want string }{
		{`{}`, ""},
		{`{"endpoint":"oss-cn-hangzhou-internal.aliyuncs.com","addressing":"path","signature":"v1"}`, ""},
		{`{"bucket":"Logs"}`, "bucket: "},
		{`{"region":""}`, "region: "},
		{`{"endpoint":"https://x/y"}`, "endpoint: "},
		{`{"addressing":"cname"}`, "endpoint: is missing"},
		{`{"addressing":"dns"}`, "addressing: "},
		{`{"signature":"v2"}`, "signature: "},
		{`{"accessKeyId":"a:b"}`, "accessKeyId: "},
		{`{"accessKeySecret":""}`, "accessKeySecret: "},
		{`{"layout":"x"}`, "layout: "},
		{`{"tls":{"ca":"x"}}`, "tls.ca"},
	} {
		var config osssink.Config
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
}

func TestPolicy(t *testing.T) {
	text := osssink.Policy(osssink.Config{Bucket: "logs", Options: object.Options{Names: object.Names{Prefix: "dir/{DATE}"}}})
	for _, want := range []string{`"oss:PutObject"`, `"oss:AbortMultipartUpload"`, `"acs:oss:*:*:logs/dir/*"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the policy has no %s: %s", want, text)
		}
	}
}
