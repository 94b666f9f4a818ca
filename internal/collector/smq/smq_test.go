package smq

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"net/http"
	"testing"

	"github.com/sluicelog/sluice/internal/collector"
)

// Vectors of the reference.
func TestSignature(t *testing.T) {
	for contentType, want := range map[string]string{"": "5p+lji4Y/hM9I54zYZh23SQDvTo=", "application/xml": "z7WM7Qe8FDMlKsVQBNgNcfYHgow="} {
		req, err := http.NewRequest(http.MethodGet, "http://q.test/queues/q1/messages?waitseconds=10", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("x-mns-version", apiVersion)
		req.Header.Set("Date", "Mon, 05 Jan 2026 01:00:00 GMT")
		if contentType != "" {
			req.Header.Set("Content-Type", contentType)
		}
		if got := signature("testsecret", req); got != want {
			t.Errorf("with content type %q: got %s, want %s", contentType, got, want)
		}
	}
}

func TestBody(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte("hello, world\n"))
	for _, c := range []struct{ mode, body, want string }{
		{"auto", encoded, "hello, world\n"},
		{"auto", "plain text", "plain text"},
		{"auto", "stop", "stop"}, // base64 of what is no text
		{"auto", base64.StdEncoding.EncodeToString([]byte{0, 1, 2}), "AAEC"},
		{"yes", "AAEC", "\x00\x01\x02"},
		{"yes", "/////w==", "/////w=="}, // what is not UTF-8 stays as it came
		{"no", encoded, encoded},
		{"auto", "", ""},
		{"no", "\xff", "\ufffd"},
	} {
		s := &Source{config: Config{Base64: c.mode}}
		if got := s.body(c.body); got != c.want {
			t.Errorf("%s of %q: got %q, want %q", c.mode, c.body, got, c.want)
		}
	}
}

func TestRefused(t *testing.T) {
	var denied *collector.Denied
	var throttled *collector.Throttled
	err := refused(404, []byte(`<?xml version="1.0"?><Error xmlns="http://mns.aliyuncs.com/doc/v1/"><Code>MessageNotExist</Code><Message>m</Message><RequestId>r</RequestId><HostId>h</HostId></Error>`))
	if codeOf(err) != "MessageNotExist" || errors.As(err, &denied) {
		t.Errorf("got %v", err)
	}
	if err := refused(403, []byte("<Error><Code>SignatureDoesNotMatch</Code></Error>")); !errors.As(err, &denied) {
		t.Errorf("got %v", err)
	}
	if err := refused(503, []byte("<Error><Code>QpsLimitExceeded</Code></Error>")); !errors.As(err, &throttled) {
		t.Errorf("got %v", err)
	}
	if err := refused(502, []byte("<html>bad gateway")); err == nil || codeOf(err) != "" {
		t.Errorf("got %v", err)
	}
}

// FuzzAnswer: whatever a server says, reading it ends.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`<Messages xmlns="http://mns.aliyuncs.com/doc/v1/"><Message><MessageId>1</MessageId><ReceiptHandle>h</ReceiptHandle></Message></Messages>`))
	f.Add([]byte(`<Error><Code>x</Code></Error>`))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		var answer struct {
			Messages []message `xml:"Message"`
		}
		_ = xml.Unmarshal(raw, &answer)
		_ = refused(400, raw).Error()
	})
}
