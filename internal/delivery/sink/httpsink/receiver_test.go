package httpsink_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/snappy"

	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/sinktest"
	"github.com/sluicelog/sluice/test/netfault"
)

// receiver is an HTTP server that keeps what it was sent, behind a network that can fail.
type receiver struct {
	t      *testing.T
	server *httptest.Server
	proxy  *netfault.Proxy
	split  func(body []byte) [][]byte // a body into logs
	sink   sink.Sink

	mu      sync.Mutex // guards what is below
	arrived []sinktest.Delivery
	heads   []*http.Request // of all requests but checks, without their bodies
	fault   sinktest.Fault
	answer  func(w http.ResponseWriter) // instead of 204
}

func newReceiver(t *testing.T, secure bool) *receiver {
	r := &receiver{t: t, split: lines}
	r.server = httptest.NewUnstartedServer(r)
	if secure {
		r.server.EnableHTTP2 = true
		r.server.StartTLS()
	} else {
		r.server.Start()
	}
	t.Cleanup(r.server.Close)
	r.proxy = netfault.New(t, r.server.Listener.Addr().String())
	return r
}

// url is the receiver's as the sink should use it, through the proxy.
func (r *receiver) url(path string) string {
	scheme, _, _ := strings.Cut(r.server.URL, ":")
	return scheme + "://" + r.proxy.Addr() + path
}

// answers of the faults that the receiver makes itself.
var answers = map[sinktest.Fault]func(h http.Header) int{
	sinktest.Unauthorized: func(http.Header) int { return 401 },
	sinktest.Forbidden:    func(http.Header) int { return 403 },
	sinktest.Missing:      func(http.Header) int { return 404 },
	sinktest.Invalid:      func(http.Header) int { return 400 },
	sinktest.TooLarge:     func(http.Header) int { return 413 },
	sinktest.Broken:       func(http.Header) int { return 500 },
	sinktest.Busy: func(h http.Header) int {
		h.Set("Retry-After", "7")
		return 503
	},
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if make, ok := answers[r.fault]; ok {
		status := make(w.Header())
		w.WriteHeader(status)
		fmt.Fprintf(w, "no: %s %s", req.Header.Get("Authorization"), req.URL.RawQuery) // a destination that tells all
		return
	}
	d, err := r.read(req, body)
	if err != nil {
		r.t.Errorf("the receiver: %v", err)
	}
	if req.Header.Get("X-Sluice-Check") == "" {
		r.arrived = append(r.arrived, d)
		r.heads = append(r.heads, req)
	}
	if r.answer != nil {
		r.answer(w)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// read takes a request apart by the rules of HTTP and of the sink's documentation.
func (r *receiver) read(req *http.Request, body []byte) (sinktest.Delivery, error) {
	d := sinktest.Delivery{ID: req.Header.Get("X-Sluice-Request-Id")}
	if req.Method != http.MethodPost || req.ContentLength != int64(len(body)) || len(req.TransferEncoding) > 0 {
		return d, fmt.Errorf("%s with the length %d for %d bytes, encoding %v", req.Method, req.ContentLength, len(body), req.TransferEncoding)
	}
	plain, err := decompress(req.Header.Get("Content-Encoding"), body)
	if err != nil {
		return d, err
	}
	for _, log := range r.split(plain) {
		fields, err := sinktest.DecodeJSON(log)
		if err != nil {
			return d, err
		}
		d.Logs = append(d.Logs, fields)
	}
	if count := req.Header.Get("X-Sluice-Batch-Count"); count != strconv.Itoa(len(d.Logs)) {
		return d, fmt.Errorf("%d logs came, announced were %s", len(d.Logs), count)
	}
	return d, nil
}

func decompress(encoding string, body []byte) ([]byte, error) {
	switch encoding {
	case "":
		return body, nil
	case "gzip":
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(z)
	case "deflate":
		z, err := zlib.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(z)
	case "snappy":
		return snappy.Decode(nil, body)
	}
	return nil, fmt.Errorf("Content-Encoding %q", encoding)
}

// lines splits NDJSON.
func lines(body []byte) [][]byte {
	return slices.DeleteFunc(bytes.Split(body, []byte("\n")), func(l []byte) bool { return len(l) == 0 })
}

// array splits a JSON array.
func array(body []byte) [][]byte {
	var logs []json.RawMessage
	if err := json.Unmarshal(body, &logs); err != nil {
		return [][]byte{body}
	}
	var out [][]byte
	for _, log := range logs {
		out = append(out, log)
	}
	return out
}

// The destination of sinktest.

func (r *receiver) Sink() sink.Sink { return r.sink }

func (r *receiver) Received(context.Context, int) ([]sinktest.Delivery, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.arrived), nil
}

func (r *receiver) Inject(f sinktest.Fault) {
	switch f {
	case sinktest.Refuse:
		r.proxy.Refuse()
	case sinktest.Cut:
		r.proxy.Cut(150)
	case sinktest.Stall:
		r.proxy.Stall()
	case sinktest.Silent:
		r.proxy.Mute()
	}
	r.set(f)
}

func (r *receiver) Heal() {
	r.proxy.Heal()
	r.set("")
}

func (r *receiver) set(f sinktest.Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = f
}

// last is the head of the last request.
func (r *receiver) last() *http.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.heads[len(r.heads)-1]
}

// dial connects to loopback.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, address)
}
