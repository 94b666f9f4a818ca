package s3store_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/objects/objectstest"
	"github.com/sluicelog/sluice/internal/objects/s3store"
	"github.com/sluicelog/sluice/internal/vfs"
	"github.com/sluicelog/sluice/test/s3server"
)

func options(server *s3server.Server, bucket string) s3store.Options {
	return s3store.Options{
		Endpoint: server.Endpoint, Region: s3server.Region, Bucket: bucket, Prefix: "index/",
		AccessKeyID: s3server.AccessKeyID, SecretAccessKey: s3server.SecretAccessKey, Attempts: 2,
	}
}

func open(t *testing.T, o s3store.Options) *s3store.Store {
	t.Helper()
	s, err := s3store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestStore runs the suite of all stores against a real server, over both forms of addresses and with uploads in parts.
func TestStore(t *testing.T) {
	server := s3server.Start(t)
	for name, change := range map[string]func(*s3store.Options){
		"path style": func(*s3store.Options) {},
		"virtual host": func(o *s3store.Options) {
			o.VirtualHost, o.Endpoint, o.Client = true, "http://"+s3server.Domain, server.Client()
		},
		"no-prefix, in parts": func(o *s3store.Options) { o.Prefix, o.PartBytes = "", 5<<20 },
	} {
		t.Run(name, func(t *testing.T) {
			var buckets atomic.Int32
			objectstest.Run(t, func(t *testing.T) objects.Store {
				bucket := fmt.Sprintf("%.4s-%d", strings.ToLower(name), buckets.Add(1))
				server.Bucket(t, bucket)
				o := options(server, bucket)
				change(&o)
				return open(t, o)
			})
		})
	}
	t.Run("behind a cache", func(t *testing.T) {
		var buckets atomic.Int32
		cached := func(t *testing.T) *objects.Cache {
			bucket := fmt.Sprintf("cached-%d", buckets.Add(1))
			server.Bucket(t, bucket)
			c, err := objects.OpenCache(open(t, options(server, bucket)), vfs.OS{}, t.TempDir(), objects.CacheOptions{Bytes: 1 << 30})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			return c
		}
		objectstest.Run(t, func(t *testing.T) objects.Store { return cached(t) })
		objectstest.RunFiles(t, func(t *testing.T) objects.Filer { return cached(t) })
	})
}

// TestParts writes an object in parts of many pieces, and leaves another one half written: the next Open removes what is there of it.
func TestParts(t *testing.T) {
	server := s3server.Start(t)
	server.Bucket(t, "logs")
	o := options(server, "logs")
	o.PartBytes = 5 << 20
	s := open(t, o)
	want := make([]byte, 12<<20+17)
	for i := range want {
		want[i] = byte(i >> 10 * 7)
	}
	w, err := s.Create(t.Context(), "large")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for at := 0; at < len(want); at += 700_001 {
		if _, err := w.Write(want[at:min(at+700_001, len(want))]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(server.File("logs", "index/large"))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the object has %d bytes that are not the %d written: %v", len(got), len(want), err)
	}
	left, err := s.Create(t.Context(), "left")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := left.Write(want); err != nil {
		t.Fatal(err)
	}
	open(t, o)
	if err := left.Commit(t.Context()); err == nil {
		t.Error("an upload that was removed can be committed")
	}
	if _, err := s.Size(t.Context(), "left"); !errors.Is(err, objects.ErrNotFound) {
		t.Errorf("got error %v, want ErrNotFound", err)
	}
}

// TestOutage loses the server: every call fails, with an error that is none of those callers take for an answer.
func TestOutage(t *testing.T) {
	server := s3server.Start(t)
	server.Bucket(t, "logs")
	o := options(server, "logs")
	o.Attempts = 1
	s := open(t, o)
	if err := s.Put(t.Context(), "a", []byte("x")); err != nil {
		t.Fatal(err)
	}
	server.Cut()
	_, sizeErr := s.Size(t.Context(), "a")
	_, listErr := s.List(t.Context(), "", "", 1)
	for what, err := range map[string]error{
		"size": sizeErr, "list": listErr,
		"get":     s.Get(t.Context(), "a", make([]byte, 1), 0),
		"put":     s.Put(t.Context(), "a", nil),
		"put new": s.PutNew(t.Context(), "c", nil),
		"delete":  s.Delete(t.Context(), "a"),
	} {
		if err == nil || errors.Is(err, objects.ErrNotFound) || errors.Is(err, objects.ErrExists) || errors.Is(err, objects.ErrRange) {
			t.Errorf("%s without a server: %v", what, err)
		}
	}
	server.Mend()
	p := make([]byte, 1)
	if err := s.Get(t.Context(), "a", p, 0); err != nil || p[0] != 'x' {
		t.Errorf("after the outage: %q, %v", p, err)
	}
}

// TestWrongBucket wants errors that say what is wrong, and no missing bucket taken for missing objects.
func TestWrongBucket(t *testing.T) {
	server := s3server.Start(t)
	server.Bucket(t, "logs")
	if _, err := s3store.Open(t.Context(), options(server, "none")); err == nil || !strings.Contains(err.Error(), "NoSuchBucket") {
		t.Errorf("a bucket that is not there: %v", err)
	}
	o := options(server, "logs")
	o.SecretAccessKey = "wrong"
	if _, err := s3store.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "SignatureDoesNotMatch") {
		t.Errorf("a wrong secret: %v", err)
	}
}

// transport passes requests on, and breaks answers to GETs off after some bytes.
type transport struct {
	http.RoundTripper
	after     int64 // bytes; 0 breaks nothing
	encrypted atomic.Int32
}

func (tr *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("X-Amz-Server-Side-Encryption") == "AES256" {
		tr.encrypted.Add(1)
	}
	resp, err := tr.RoundTripper.RoundTrip(r)
	if err == nil && r.Method == http.MethodGet && tr.after > 0 {
		resp.Body = &broken{resp.Body, tr.after}
	}
	return resp, err
}

// broken is a body whose connection breaks.
type broken struct {
	io.ReadCloser
	left int64
}

func (b *broken) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// TestBrokenAnswers reads over connections that break: reading goes on where it stopped, and gives up in the end.
func TestBrokenAnswers(t *testing.T) {
	server := s3server.Start(t)
	server.Bucket(t, "logs")
	tr := &transport{RoundTripper: server.Client().Transport}
	o := options(server, "logs")
	o.Client, o.Attempts, o.Encrypt = &http.Client{Transport: tr}, 3, true
	s := open(t, o)
	want := bytes.Repeat([]byte("0123456789"), 100)
	if err := s.Put(t.Context(), "a", want); err != nil {
		t.Fatal(err)
	}
	if tr.encrypted.Load() != 1 {
		t.Error("encryption was not asked for")
	}
	for after, ok := range map[int64]bool{999: true, 400: true, 300: false} {
		tr.after = after
		got := make([]byte, len(want))
		if err := s.Get(t.Context(), "a", got, 0); (err == nil) != ok || ok && !bytes.Equal(got, want) {
			t.Errorf("answers that break after %d bytes: %v", after, err)
		}
	}
}
