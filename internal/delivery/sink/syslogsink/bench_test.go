package syslogsink_test

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/sinktest"
	"github.com/sluicelog/sluice/internal/delivery/sink/syslogsink"
	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
	"github.com/sluicelog/sluice/test/certs"
)

// BenchmarkSink sends to a receiver in the same process that reads and forgets.
func BenchmarkSink(b *testing.B) {
	ca := certs.New(b)
	for _, c := range []struct {
		name   string
		config syslogsink.Config
	}{
		{"tcp json", syslogsink.Config{}},
		{"tcp kv", syslogsink.Config{Rows: encode.Rows{Format: encode.KV}}},
		{"tcp sd", syslogsink.Config{Rows: encode.Rows{Format: syslogsink.SD}}},
		{"tcp json, lines, 3164", syslogsink.Config{Framing: "line", Standard: "rfc3164"}},
		{"tcp json, kept open", syslogsink.Config{KeepOpen: true}},
		{"tls json", syslogsink.Config{Protocol: "tls", TLS: &tlsconf.Config{CA: ca.PEM}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			if c.config.TLS != nil {
				l = tls.NewListener(l, ca.Issue(b, "receiver").Server(b, nil))
			}
			defer l.Close()
			go forget(l)
			c.config.Host = "127.0.0.1"
			c.config.Port = l.Addr().(*net.TCPAddr).Port
			s, err := syslogsink.Open(c.config, sink.Env{Dial: dial, Now: time.Now})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			sinktest.Bench(b, s)
		})
	}
}

func forget(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			_, _ = io.Copy(io.Discard, c) // until the sender ends
		}()
	}
}
