package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/sluicelog/sluice/test/s3server"
)

// errAbsent is wrapped when a receiver cannot be had on this machine; its row is left out.
var errAbsent = errors.New("not measured")

// receiver is where a task delivers to.
type receiver struct {
	sink  map[string]any // the section of the task's document
	took  *atomic.Int64  // bytes that arrived; nil where nobody counts
	close func() error
}

// openHTTP takes bodies and forgets them.
func openHTTP(context.Context, *server) (*receiver, error) {
	return listenHTTP(nil)
}

// listenHTTP answers each request with 200 after it has read the body, and gives bodies to see, decompressed, unless that is nil.
func listenHTTP(see func(body []byte)) (*receiver, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receiver{took: new(atomic.Int64), sink: map[string]any{
		"type": "http", "url": "http://" + l.Addr().String() + "/logs", "compression": "gzip", "maxLogs": 20_000,
	}}
	front := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if err := r.receive(req, see); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError) // which is a retry, and fails the measurement
		}
	})}
	served := make(chan error, 1)
	go func() { served <- front.Serve(l) }()
	r.close = func() error {
		err := front.Close()
		if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return err
	}
	return r, nil
}

func (r *receiver) receive(req *http.Request, see func([]byte)) error {
	if req.Header.Get("X-Sluice-Check") != "" {
		_, err := io.Copy(io.Discard, req.Body)
		return err
	}
	if see == nil {
		n, err := io.Copy(io.Discard, req.Body)
		r.took.Add(n)
		return err
	}
	plain, err := gzip.NewReader(req.Body)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(plain)
	if err != nil {
		return err
	}
	r.took.Add(int64(len(body)))
	see(body)
	return nil
}

// openKafka is a cluster of the Kafka client's authors that keeps its messages in this program's memory.
func openKafka(context.Context, *server) (*receiver, error) {
	const topic = "logs"
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, topic))
	if err != nil {
		return nil, err
	}
	return &receiver{
		sink:  map[string]any{"type": "kafka", "brokers": cluster.ListenAddrs(), "topic": topic, "compression": "lz4"},
		close: func() error { cluster.Close(); return nil },
	}, nil
}

// s3With opens a bucket of a real S3 server that gets objects of a format.
func s3With(format, compression string) func(context.Context, *server) (*receiver, error) {
	return func(ctx context.Context, _ *server) (*receiver, error) {
		s, stop, err := s3server.Open(ctx)
		if err != nil {
			return nil, fmt.Errorf("%w: the S3 server does not start: %w", errAbsent, err)
		}
		const bucket = "logs"
		if err := os.Mkdir(filepath.Join(s.Root, bucket), 0o755); err != nil {
			return nil, errors.Join(err, stop())
		}
		to := map[string]any{
			"type": "s3compatible", "endpoint": s.Endpoint, "region": s3server.Region, "bucket": bucket, "format": format,
			"compression": compression, "accessKeyId": s3server.AccessKeyID, "secretAccessKey": s3server.SecretAccessKey,
		}
		if format == "parquet" {
			to["parquet"] = map[string]any{"columns": weblogColumns()}
		}
		return &receiver{sink: to, close: stop}, nil
	}
}

// weblogColumns are the fields of web logs as columns of Parquet.
func weblogColumns() []map[string]string {
	columns := []map[string]string{
		{"name": "__time__", "type": "int64"}, {"name": "status", "type": "int32"}, {"name": "bytes", "type": "int64"}, {"name": "request_time", "type": "double"},
	}
	for _, name := range []string{"host", "remote_addr", "method", "uri", "ua", "trace_id", "message"} {
		columns = append(columns, map[string]string{"name": name, "type": "string"})
	}
	return columns
}

// openSyslog reads what connections bring, and forgets it.
func openSyslog(context.Context, *server) (*receiver, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receiver{took: new(atomic.Int64), sink: map[string]any{
		"type": "syslog", "protocol": "tcp", "host": "127.0.0.1", "port": l.Addr().(*net.TCPAddr).Port,
	}}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // close
			}
			running.Go(func() {
				defer c.Close()
				n, _ := io.Copy(io.Discard, c) // what a broken connection means is the sender's to say
				r.took.Add(n)
			})
		}
	})
	r.close = func() error {
		err := l.Close()
		running.Wait()
		return err
	}
	return r, nil
}

// openLogstore makes another logstore on the server that delivers.
func openLogstore(_ context.Context, s *server) (*receiver, error) {
	c, err := dial(s.Addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	const name = "copy"
	if err := c.post("/logstores", map[string]any{"logstoreName": name, "ttl": 30, "shardCount": 2, "autoSplit": false}); err != nil {
		return nil, err
	}
	return &receiver{
		sink:  map[string]any{"type": "sls", "project": project, "logstore": name},
		close: func() error { return nil },
	}, nil
}

// marked calls see with the value of each "mark" in JSON lines.
func marked(body []byte, see func(value string)) {
	const key = `"mark":"`
	for text := string(body); ; {
		_, rest, found := strings.Cut(text, key)
		if !found {
			return
		}
		value, after, _ := strings.Cut(rest, `"`)
		see(value)
		text = after
	}
}
