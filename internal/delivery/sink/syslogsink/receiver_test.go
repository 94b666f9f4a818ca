package syslogsink_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/sinktest"
	"github.com/sluicelog/sluice/test/netfault"
)

// receiver is a syslog server over TCP or TLS that tells the framings apart by the first byte, behind a network that can fail. What a
// connection ends in the middle of does not count.
type receiver struct {
	t        *testing.T
	listener net.Listener
	proxy    *netfault.Proxy
	done     sync.WaitGroup
	sink     sink.Sink

	mu       sync.Mutex // guards what is below
	messages []string
	more     chan struct{} // closed when messages grow
	conns    map[net.Conn]bool
	opened   int
}

func newReceiver(t *testing.T, conf *tls.Config) *receiver {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{t: t, listener: l, more: make(chan struct{}), conns: map[net.Conn]bool{}}
	if conf != nil {
		r.listener = tls.NewListener(l, conf)
	}
	r.done.Go(r.accept)
	t.Cleanup(r.close)
	r.proxy = netfault.New(t, l.Addr().String())
	return r
}

func (r *receiver) close() {
	r.listener.Close()
	r.hangUp()
	r.done.Wait()
}

// hangUp ends the connections of now.
func (r *receiver) hangUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		c.Close()
	}
}

func (r *receiver) accept() {
	for {
		c, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.mu.Lock()
		r.conns[c] = true
		r.opened++
		r.mu.Unlock()
		r.done.Go(func() {
			r.read(bufio.NewReader(c))
			r.mu.Lock()
			defer r.mu.Unlock()
			delete(r.conns, c)
			c.Close()
		})
	}
}

// read reads the messages of a connection.
func (r *receiver) read(in *bufio.Reader) {
	first, err := in.Peek(1)
	if err != nil {
		return
	}
	octets := first[0] >= '1' && first[0] <= '9' // first is the reader's own memory
	for {
		var message string
		if octets {
			message, err = counted(in)
		} else {
			message, err = in.ReadString('\n')
			message = strings.TrimSuffix(message, "\n")
		}
		if err != nil {
			return
		}
		r.add(message)
	}
}

var errFrame = errors.New("not a frame")

func counted(in *bufio.Reader) (string, error) {
	size, err := in.ReadString(' ')
	if err != nil {
		return "", err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(size, " "))
	if err != nil || n <= 0 || n > 32<<20 || size[0] == '0' {
		return "", errFrame
	}
	message := make([]byte, n)
	_, err = io.ReadFull(in, message)
	return string(message), err
}

func (r *receiver) add(message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages = append(r.messages, message)
	close(r.more)
	r.more = make(chan struct{})
}

// wait returns the messages when there are n, or when ctx is done.
func (r *receiver) wait(ctx context.Context, n int) []string {
	for {
		r.mu.Lock()
		messages, more := slices.Clone(r.messages), r.more
		r.mu.Unlock()
		if len(messages) >= n {
			return messages
		}
		select {
		case <-more:
		case <-ctx.Done():
			return messages
		}
	}
}

// The destination of sinktest.

func (r *receiver) Sink() sink.Sink { return r.sink }

func (r *receiver) Received(ctx context.Context, n int) ([]sinktest.Delivery, error) {
	var out []sinktest.Delivery
	for _, message := range r.wait(ctx, n) {
		fields, err := jsonOf(message)
		if err != nil {
			return nil, err
		}
		out = append(out, sinktest.Delivery{Logs: [][]sink.Field{fields}})
	}
	return out, nil
}

// jsonOf reads the fields of a message whose text is JSON.
func jsonOf(message string) ([]sink.Field, error) {
	i := strings.IndexByte(message, '{')
	if i < 0 || !strings.HasPrefix(message, "<14>") {
		return nil, fmt.Errorf("no JSON or another priority: %.200q", message)
	}
	return sinktest.DecodeJSON([]byte(message[i:]))
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
		r.proxy.CutAnswer(0)
	}
}

func (r *receiver) Heal() { r.proxy.Heal() }

// datagrams listens on UDP; next returns one after the other.
func datagrams(t *testing.T) (port int, next func() string) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.LocalAddr().(*net.UDPAddr).Port, func() string {
		buffer := make([]byte, 1<<16)
		n, _, err := conn.ReadFrom(buffer)
		if err != nil {
			t.Fatal(err)
		}
		return string(bytes.Clone(buffer[:n]))
	}
}

// blackHole is a syslog server over UDP, and a network that loses what it is told to lose. Datagrams to a socket of this machine are in its queue
// when they are sent, or dropped because it is full: so a mark that the receiver sends itself comes behind all that there will be.
type blackHole struct {
	t    *testing.T
	conn net.PacketConn
	self net.Conn
	sink sink.Sink
	done sync.WaitGroup

	mu       sync.Mutex // guards what is below
	messages []string
	losing   bool
	marks    chan struct{} // gets one for each mark
}

const datagramMark = "mark"

func newBlackHole(t *testing.T) *blackHole {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	self, err := net.Dial("udp", conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	h := &blackHole{t: t, conn: conn, self: self, marks: make(chan struct{}, 1)}
	h.done.Go(h.read)
	t.Cleanup(func() {
		conn.Close()
		self.Close()
		h.done.Wait()
	})
	return h
}

func (h *blackHole) read() {
	buffer := make([]byte, 1<<16)
	for {
		n, _, err := h.conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		message := string(buffer[:n])
		h.mu.Lock()
		switch {
		case message == datagramMark:
			select {
			case h.marks <- struct{}{}:
			default:
			}
		case !h.losing:
			h.messages = append(h.messages, message)
		}
		h.mu.Unlock()
	}
}

func (h *blackHole) Sink() sink.Sink { return h.sink }

// Received returns what there is, however much was asked for: more will not come.
func (h *blackHole) Received(ctx context.Context, _ int) ([]sinktest.Delivery, error) {
	h.settle(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []sinktest.Delivery
	for _, message := range h.messages {
		fields, err := jsonOf(message)
		if err != nil {
			return nil, err
		}
		out = append(out, sinktest.Delivery{Logs: [][]sink.Field{fields}})
	}
	return out, nil
}

// settle returns when all that was sent is read or lost.
func (h *blackHole) settle(ctx context.Context) {
	select {
	case <-h.marks: // of an earlier call
	default:
	}
	again := time.NewTicker(10 * time.Millisecond) // for a mark that found the queue full
	defer again.Stop()
	for {
		if _, err := h.self.Write([]byte(datagramMark)); err != nil {
			h.t.Error(err)
			return
		}
		select {
		case <-h.marks:
			return
		case <-again.C:
		case <-ctx.Done():
			return
		}
	}
}

func (h *blackHole) Inject(f sinktest.Fault) { h.lose(f == sinktest.Lost) }
func (h *blackHole) Heal()                   { h.lose(false) }

func (h *blackHole) lose(losing bool) {
	h.settle(h.t.Context())
	h.mu.Lock()
	defer h.mu.Unlock()
	h.losing = losing
}
