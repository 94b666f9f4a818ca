package kafkasink_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink/kafkasink"
)

// brokers is a JSON array of n brokers.
func brokers(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`"b%d:9092"`, i))
	}
	return "[" + strings.Join(list, ",") + "]"
}

// TestValidate: each document is the field to blame and what is merged into a good one.
func TestValidate(t *testing.T) {
	for _, c := range []struct{ field, document string }{
		{"", `{}`},
		{"", `{"brokers":` + brokers(50) + `,"balancer":"kafka.LeastBytes","compression":"lz4","keyField":"k","timestamp":"now"}`},
		{"", `{"brokers":["[::1]:9093"],"tls":{},"sasl":{"mechanism":"scram-sha-512","user":"u","password":"hunter2"}}`},
		{"brokers", `{"brokers":[]}`},
		{"brokers", `{"brokers":` + brokers(51) + `}`},
		{"brokers.0", `{"brokers":["host"]}`},
		{"brokers.1", `{"brokers":["a:1","b:0"]}`},
		{"brokers.1", `{"brokers":["a:1",":9092"]}`},
		{"brokers.0", `{"brokers":["user@a:1"]}`},
		{"brokers.0", `{"brokers":["kafka://a:1"]}`},
		{"topic", `{"topic":""}`},
		{"topic", `{"topic":"a b"}`},
		{"topic", `{"topic":".."}`},
		{"topic", `{"topic":"` + strings.Repeat("t", 250) + `"}`},
		{"balancer", `{"balancer":"random"}`},
		{"compression", `{"compression":"zlib"}`},
		{"format", `{"format":"parquet"}`},
		{"timestamp", `{"timestamp":"never"}`},
		{"maxMessageBytes", `{"maxMessageBytes":1}`},
		{"maxLogs", `{"maxLogs":-1}`},
		{"maxBytes", `{"maxBytes":1}`},
		{"maxAgeSeconds", `{"maxAgeSeconds":3601}`},
		{"timeoutSeconds", `{"timeoutSeconds":601}`},
		{"sasl.mechanism", `{"sasl":{"mechanism":"GSSAPI","user":"u","password":"hunter2"}}`},
		{"sasl.user", `{"sasl":{"mechanism":"PLAIN","password":"hunter2"}}`},
		{"sasl.password", `{"sasl":{"mechanism":"PLAIN","user":"u"}}`},
		{"tls.ca", `{"tls":{"ca":"hunter2"}}`},
	} {
		conf := kafkasink.Config{Brokers: []string{"b:9092"}, Topic: "t"}
		if err := json.Unmarshal([]byte(c.document), &conf); err != nil {
			t.Fatalf("%s: %v", c.document, err)
		}
		err := conf.Validate()
		if c.field == "" && err != nil {
			t.Errorf("%.100s: %v", c.document, err)
		}
		if c.field != "" && (sluice.KindOf(err) != sluice.Invalid || !strings.HasPrefix(err.Error(), c.field) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%.100s: got %v, want one about %s that shows no secret", c.document, err, c.field)
		}
	}
}
