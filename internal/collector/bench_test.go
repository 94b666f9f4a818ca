package collector_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/collector"
	"github.com/sluicelog/sluice/internal/collector/logservice"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/vfs"
	"github.com/sluicelog/sluice/test/weblogs"
)

// canned is a log service that costs nothing: it gives one answer again and again, and takes everything.
type canned struct {
	body  []byte
	size  int
	pulls int64 // still to be given
	at    int64
}

func (c *canned) RoundTrip(r *http.Request) (*http.Response, error) {
	h, text := http.Header{}, "{}"
	switch {
	case r.Method == http.MethodPost:
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
	case strings.HasSuffix(r.URL.Path, "/shards"):
		text = `[{"shardID":0,"status":"readwrite","inclusiveBeginKey":"00","exclusiveEndKey":"ffffffffffffffffffffffffffffffff","createTime":1}]`
	case r.URL.Query().Get("type") == "cursor":
		text = `{"cursor":"` + sluice.Position(c.at).Cursor() + `"}`
	default:
		if c.pulls > 0 && r.URL.Query().Get("count") != "1" { // a check reads one
			c.pulls--
			c.at++
			text = string(c.body)
			h.Set("x-log-compresstype", "lz4")
			h.Set("x-log-bodyrawsize", strconv.Itoa(c.size))
		} else {
			text = ""
			h.Set("x-log-bodyrawsize", "0")
		}
		h.Set("x-log-cursor", sluice.Position(c.at).Cursor())
	}
	return &http.Response{StatusCode: http.StatusOK, Header: h, Body: io.NopCloser(bytes.NewReader([]byte(text))), Request: r, ContentLength: int64(len(text))}, nil
}

// BenchmarkLogService moves access logs from a logstore to another: pull, decompress, decode, journal, encode, compress, put. MB/core-s is raw bytes, as
// a second of a processor moves them.
func BenchmarkLogService(b *testing.B) {
	list := []byte{}
	groups, _ := weblogs.Groups(20)
	logs := 0
	for _, g := range groups {
		logs += len(g.Records)
		group := logpb.Append(nil, g)
		list = append(logpb.AppendGroupHeader(list, len(group)), group...)
	}
	body, err := logpb.Compress(nil, logpb.LZ4, list)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(list)))
	service := &canned{body: body, size: len(list), pulls: int64(b.N), at: 1}
	store, err := collector.RemoteLogstore(service, sluice.LogstoreRef{Project: "into", Logstore: "target"})
	if err != nil {
		b.Fatal(err)
	}
	config, err := collector.Parse([]byte(`{"inputs": {"a": {"credentials": {"access_key_id": "k", "access_key_secret": "s"},
		"services": {"access_log_service": {"endpoint": "http://127.0.0.1:1", "project": "from", "logstore": "source"}}}}, "outputs": {"o": {"type": "logstore"}}}`), nil)
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	c, err := collector.New(config, collector.Options{
		Kinds: map[string]collector.Kind{"access_log_service": logservice.Kind("t", "")}, Transport: service, Dir: b.TempDir(), FS: vfs.OS{},
		Outputs: map[string]collector.OutputKind{"logstore": func(string, json.RawMessage) (collector.Destination, error) {
			return collector.NewLogstoreDestination(store, collector.LogstoreConfig{})
		}},
		Tell: func(l collector.Line) {
			if strings.Contains(l.Text, "up to date") {
				stop()
			}
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	before := cpu(b)
	b.ResetTimer()
	if err := c.Run(ctx); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	seconds := cpu(b) - before
	b.ReportMetric(float64(len(list))*float64(b.N)/1e6/seconds, "MB/core-s")
	if sent := c.Status()[0].Sent; sent != int64(logs*b.N) {
		b.Fatal(fmt.Errorf("%d logs were sent", sent))
	}
}

// cpu is the processor time of this process, in seconds.
func cpu(b *testing.B) float64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
