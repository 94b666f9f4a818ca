package httpsink_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/httpsink"
	"github.com/sluicelog/sluice/internal/delivery/sink/sinktest"
)

// BenchmarkSink posts to a server in the same process that reads and forgets.
func BenchmarkSink(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer server.Close()
	for _, compression := range []encode.Compression{encode.None, encode.Gzip, encode.Zlib, encode.Snappy} {
		b.Run(string(compression), func(b *testing.B) {
			s, err := httpsink.Open(httpsink.Config{URL: server.URL, Format: encode.Format{Compression: compression}}, sink.Env{Dial: dial, Dir: b.TempDir(), Now: time.Now})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			sinktest.Bench(b, s)
		})
	}
}
