package egress

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// names is a name server in memory.
type names struct {
	mu    sync.Mutex
	asked map[string]int // how often each name was asked for
}

func newNames() *names { return &names{asked: map[string]int{}} }

// answers of names that are not of the form x.A-B-C-D.test.
var answers = map[string][]string{
	"localhost.":      {"127.0.0.1", "::1"}, // where no hosts file says so
	"six.test.":       {"::1"},
	"mapped.test.":    {"::ffff:127.0.0.1"},
	"nat64.test.":     {"64:ff9b::7f00:1"},
	"linklocal.test.": {"169.254.1.1", "fe80::1"},
	"both.test.":      {"127.0.0.1", "203.0.113.7", "::1"},
	"alias.test.":     {"127.0.0.9"},
	"empty.test.":     {},
}

// addresses answers a question for name. rebind.test changes.
func (n *names) addresses(name string, kind dnsmessage.Type) []netip.Addr {
	n.mu.Lock()
	n.asked[name+kind.String()]++
	times := n.asked[name+kind.String()]
	n.mu.Unlock()

	texts, ok := answers[name]
	if labels := strings.Split(name, "."); !ok && len(labels) == 4 && labels[2] == "test" {
		texts = []string{strings.ReplaceAll(labels[1], "-", ".")}
	}
	if name == "rebind.test." {
		texts = []string{"203.0.113.7"}
		if times > 1 {
			texts = []string{"127.0.0.1"}
		}
	}
	var out []netip.Addr
	for _, text := range texts {
		if addr, err := netip.ParseAddr(text); err == nil && addr.Is4() == (kind == dnsmessage.TypeA) {
			out = append(out, addr)
		}
	}
	return out
}

// resolver asks n over connections in memory, in the framing of TCP.
func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go n.serve(server)
		return client, nil
	}}
}

func (n *names) serve(c net.Conn) {
	defer c.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		question := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, question); err != nil {
			return
		}
		var m dnsmessage.Message
		if err := m.Unpack(question); err != nil || len(m.Questions) != 1 {
			return
		}
		n.answer(&m)
		answer, err := m.AppendPack(size[:])
		if err != nil {
			return
		}
		binary.BigEndian.PutUint16(answer, uint16(len(answer)-2))
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

func (n *names) answer(m *dnsmessage.Message) {
	q := m.Questions[0]
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	header := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, Type: q.Type, TTL: 1}
	for _, addr := range n.addresses(strings.ToLower(q.Name.String()), q.Type) {
		var body dnsmessage.ResourceBody = &dnsmessage.AAAAResource{AAAA: addr.As16()}
		if addr.Is4() {
			body = &dnsmessage.AResource{A: addr.As4()}
		}
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: body})
	}
	if _, known := answers[q.Name.String()]; len(m.Answers) == 0 && !known {
		m.RCode = dnsmessage.RCodeNameError
	}
}

// TestLostNames: names that do not resolve, or whose server does not answer, are an error that time may heal, and no refusal.
func TestLostNames(t *testing.T) {
	down := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("network is unreachable")
	}}
	for what, resolver := range map[string]*net.Resolver{"no such name": newNames().resolver(), "no name server": down} {
		_, err := New(Options{Resolver: resolver}).DialContext(t.Context(), "tcp", "gone.example:80")
		var halt *sink.Halt
		if err == nil || errors.As(err, &halt) || !strings.Contains(err.Error(), "gone.example") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
