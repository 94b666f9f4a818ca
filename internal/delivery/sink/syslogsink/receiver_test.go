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
