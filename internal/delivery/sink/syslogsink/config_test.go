package syslogsink_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/syslogsink"
)

// TestValidate: each document is the field to blame and what is merged into a good one.
func TestValidate(t *testing.T) {
	for _, c := range []struct{ field, document string }{
		{"", `{}`},
		{"", `{"protocol":"udp","standard":"rfc3164","format":"kv","facility":"local0","severity":"3","maxLength":65507}`},
		{"", `{"protocol":"tls","tls":{"skipVerify":true},"framing":"line","long":"split","params":{"a":"b"},"logId":true,"keepOpen":true}`},
		{"host", `{"host":""}`},
		{"host", `{"host":"a b"}`},
		{"host", `{"host":"user@h"}`},
		{"port", `{"port":65536}`},
		{"port", `{"port":-1}`},
		{"protocol", `{"protocol":"sctp"}`},
		{"standard", `{"standard":"rfc5425"}`},
		{"framing", `{"framing":"nul"}`},
		{"long", `{"long":"drop"}`},
		{"maxLength", `{"maxLength":479}`},
		{"maxLength", `{"maxLength":65508,"protocol":"udp"}`},
		{"replaySeconds", `{"replaySeconds":61}`},
		{"timeoutSeconds", `{"timeoutSeconds":601}`},
		{"facility", `{"facility":"local8"}`},
		{"facility", `{"facility":"24"}`},
		{"severity", `{"severity":"loud"}`},
		{"severity", `{"severity":"8"}`},
		{"hostname", `{"hostname":"a b"}`},
		{"hostname", `{"hostname":"` + strings.Repeat("h", 256) + `"}`},
		{"tag", `{"tag":"日志"}`},
		{"tag", `{"tag":"a-b","standard":"rfc3164"}`},
		{"tag", `{"tag":"` + strings.Repeat("t", 49) + `"}`},
		{"msgId", `{"msgId":"` + strings.Repeat("t", 33) + `"}`},
		{"sdId", `{"sdId":"a=b"}`},
		{"timeZone", `{"timeZone":"Mars/Olympus"}`},
		{"timeZone", `{"timeZone":"../../etc/passwd"}`},
		{"format", `{"format":"yaml"}`},
		{"format", `{"format":"parquet"}`},
		{"kv", `{"format":"kv","kv":{"separator":"="}}`},
		{"keepOpen", `{"protocol":"udp","keepOpen":true}`},
		{"standard", `{"standard":"rfc3164","format":"sd"}`},
		{"standard", `{"standard":"rfc3164","long":"split"}`},
		{"standard", `{"standard":"rfc3164","logId":true}`},
		{"standard", `{"standard":"rfc3164","params":{"a":"b"}}`},
		{"long", `{"format":"sd","long":"split"}`},
		{"params", `{"params":{"":"b"}}`},
		{"params", `{"params":{"a]":"b"}}`},
		{"params", `{"params":{"a":"` + strings.Repeat("v", 5000) + `"}}`},
		{"tls", `{"tls":{}}`},
		{"tls.ca", `{"protocol":"tls","tls":{"ca":"x"}}`},
	} {
		conf := syslogsink.Config{Host: "h"}
		if err := json.Unmarshal([]byte(c.document), &conf); err != nil {
			t.Fatalf("%s: %v", c.document, err)
		}
		err := conf.Validate()
		if _, openErr := syslogsink.Open(conf, sink.Env{Dial: dial}); (openErr == nil) != (err == nil) {
			t.Errorf("%.100s: open says %v, validate %v", c.document, openErr, err)
		}
		if c.field == "" && err != nil {
			t.Errorf("%.100s: %v", c.document, err)
		}
		if c.field != "" && (sluice.KindOf(err) != sluice.Invalid || !strings.HasPrefix(err.Error(), c.field)) {
			t.Errorf("%.100s: got %v, want one about %s", c.document, err, c.field)
		}
	}
}
