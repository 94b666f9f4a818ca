package httpsink_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/httpsink"
)

// many is a JSON object with n entries.
func many(n int, value string) string {
	var parts []string
	for i := range n {
		parts = append(parts, fmt.Sprintf(`"x%d":%q`, i, value))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// TestValidate: each document is the field to blame and what is merged into a good one.
func TestValidate(t *testing.T) {
	for _, c := range []struct{ field, document string }{
		{"", `{}`},
		{"", `{"url":"https://example.com:8443/a/b?c=d","compression":"snappy","separator":"\\n","bodyPrefix":"[","oneByOne":false}`},
		{"", `{"headers":` + many(20, "v") + `,"query":` + many(20, "v") + `}`},
		{"", `{"urlSignature":{"privateKey":"abc123"}}`},
		{"", `{"urlSignature":{"privateKey":"abcdefghi123456789","validSeconds":86400,"path":"a/b"}}`},
		{"", `{"bodySignature":{"secret":"0123456789abcdef"}}`},
		{"", `{"maxLogs":1000000,"maxBytes":104857600,"maxAgeSeconds":3600,"timeoutSeconds":600,"check":"connect"}`},
		{"url", `{"url":""}`},
		{"url", `{"url":"example.com"}`},
		{"url", `{"url":"ftp://example.com/"}`},
		{"url", `{"url":"file:///etc/passwd"}`},
		{"url", `{"url":"http://"}`},
		{"url", `{"url":"http:///path"}`},
		{"url", `{"url":"http:opaque"}`},
		{"url", `{"url":"http://user:hunter2@example.com/"}`},
		{"url", `{"url":"http://example.com/#frag"}`},
		{"url", `{"url":"http://exa mple.com/"}`},
		{"url", `{"url":"http://[::1/"}`},
		{"url", `{"url":"http://e.com/` + strings.Repeat("a", 9000) + `"}`},
		{"tls", `{"tls":{}}`},
		{"tls.ca", `{"url":"https://e.com","tls":{"ca":"hunter2"}}`},
		{"tls.certificate", `{"url":"https://e.com","tls":{"certificate":"x"}}`},
		{"tls.certificate", `{"url":"https://e.com","tls":{"certificate":"x","key":"hunter2"}}`},
		{"headers", `{"headers":` + many(21, "v") + `}`},
		{"headers", `{"headers":{"a b":"v"}}`},
		{"headers", `{"headers":{"":"v"}}`},
		{"headers.X", `{"headers":{"X":"hunter2\r\nEvil: 1"}}`},
		{"headers.host", `{"headers":{"host":"v"}}`},
		{"headers.Content-Length", `{"headers":{"Content-Length":"0"}}`},
		{"headers.transfer-encoding", `{"headers":{"transfer-encoding":"chunked"}}`},
		{"headers.X-Sluice-Request-Id", `{"headers":{"X-Sluice-Request-Id":"v"}}`},
		{"headers.", `{"headers":{"x-a":"v","X-A":"v"}}`},
		{"query", `{"query":` + many(21, "v") + `}`},
		{"query", `{"query":{"":"v"}}`},
		{"query", `{"query":{"k":"` + strings.Repeat("v", 5000) + `"}}`},
		{"query.auth_key", `{"query":{"auth_key":"v"},"urlSignature":{"privateKey":"abc123"}}`},
		{"compression", `{"compression":"lz4"}`},
		{"compression", `{"compression":"brotli"}`},
		{"format", `{"format":"yaml"}`},
		{"oneByOne", `{"oneByOne":true,"bodyPrefix":"["}`},
		{"format", `{"oneByOne":true,"format":"parquet"}`},
		{"urlSignature.privateKey", `{"urlSignature":{"privateKey":"abc12"}}`},
		{"urlSignature.privateKey", `{"urlSignature":{"privateKey":"abcdefghij123456789"}}`},
		{"urlSignature.privateKey", `{"urlSignature":{"privateKey":"abcdefg"}}`},
		{"urlSignature.privateKey", `{"urlSignature":{"privateKey":"1234567"}}`},
		{"urlSignature.privateKey", `{"urlSignature":{"privateKey":"hunter-2"}}`},
		{"urlSignature.privateKey", `{"urlSignature":{}}`},
		{"urlSignature.validSeconds", `{"urlSignature":{"privateKey":"abc123","validSeconds":-1}}`},
		{"urlSignature.validSeconds", `{"urlSignature":{"privateKey":"abc123","validSeconds":86401}}`},
		{"urlSignature.path", `{"urlSignature":{"privateKey":"abc123","path":"/a?b"}}`},
		{"bodySignature.secret", `{"bodySignature":{"secret":"hunter2"}}`},
		{"maxLogs", `{"maxLogs":-1}`},
		{"maxBytes", `{"maxBytes":1000}`},
		{"maxBytes", `{"maxBytes":104857601}`},
		{"maxAgeSeconds", `{"maxAgeSeconds":3601}`},
		{"timeoutSeconds", `{"timeoutSeconds":601}`},
		{"check", `{"check":"never"}`},
	} {
		conf := httpsink.Config{URL: "http://example.com/"}
		if err := json.Unmarshal([]byte(c.document), &conf); err != nil {
			t.Fatalf("%s: %v", c.document, err)
		}
		err := conf.Validate()
		if _, openErr := httpsink.Open(conf, sink.Env{Dial: dial}); (openErr == nil) != (err == nil) {
			t.Errorf("%.100s: open says %v, validate %v", c.document, openErr, err)
		}
		if c.field == "" {
			if err != nil {
				t.Errorf("%.100s: %v", c.document, err)
			}
			continue
		}
		if sluice.KindOf(err) != sluice.Invalid || !strings.HasPrefix(err.Error(), c.field) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%.100s: got %v, want one about %s that shows no secret", c.document, err, c.field)
		}
	}
}
