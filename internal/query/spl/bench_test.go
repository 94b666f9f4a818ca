package spl

import (
	"fmt"
	"testing"

	"github.com/sluicelog/sluice"
)

// webLogs is a group of 500 web logs of about 300 bytes.
func webLogs() (*sluice.LogGroup, int64) {
	g := &sluice.LogGroup{Topic: "nginx", Source: "192.0.2.1", Tags: fields("__path__", "/var/log/nginx/access.log")}
	size := 0
	for i := range 500 {
		r := sluice.Record{Time: uint32(1_700_000_000 + i), Fields: fields(
			"host", "web-1", "remote_addr", fmt.Sprintf("192.0.2.%d", i%256), "method", "GET", "uri", fmt.Sprintf("/api/v1/items/%d?page=2&size=50", i),
			"status", []string{"200", "404", "500"}[i%3], "bytes", fmt.Sprint(i*17), "request_time", "0.043", "ua", "Mozilla/5.0 (X11; Linux x86_64)",
			"trace_id", fmt.Sprintf("%032x", i), "message", `{"user": "amy", "latency": 12, "tags": ["a", "b"]}`,
		)}
		for _, f := range r.Fields {
			size += len(f.Key) + len(f.Value)
		}
		g.Records = append(g.Records, r)
	}
	return g, int64(size)
}

func BenchmarkApply(b *testing.B) {
	group, size := webLogs()
	for name, pipeline := range map[string]string{
		"nothing": "*",
		"where":   "* | where status = '500'",
		"cast":    "* | where cast(status as bigint) >= 400 and uri like '/api/%'",
		"project": "* | project uri, status, __topic__, __source__",
		"regexp":  `* | parse-regexp uri, '/(\w+)/(\w+)/(\w+)/(\d+)' as a, v, kind, id`,
		"json":    "* | parse-json message",
		"kv":      "* | extend q=url_extract_query(uri) | parse-kv -delims='&' q",
	} {
		p := mustParse(b, pipeline)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := p.Apply(b.Context(), group, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
