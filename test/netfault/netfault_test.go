package netfault

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo serves lines back, and returns its address.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c) // until the client is gone
			}()
		}
	}()
	return l.Addr().String()
}

// client is a connection through a proxy.
type client struct {
	net.Conn
	lines *bufio.Reader
}

func dial(t *testing.T, p *Proxy) *client {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &client{c, bufio.NewReader(c)}
}

// ask sends a line and returns what comes back.
func (c *client) ask(line string) (string, error) {
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		return "", err
	}
	answer, err := c.lines.ReadString('\n')
	return strings.TrimSuffix(answer, "\n"), err
}

func (c *client) want(t *testing.T, line string) {
	t.Helper()
	if got, err := c.ask(line); got != line || err != nil {
		t.Fatalf("got %q, %v; want %q", got, err, line)
	}
}

func (c *client) broken(t *testing.T, line string) string {
	t.Helper()
	got, err := c.ask(line)
	if err == nil {
		t.Fatalf("got the answer %q, want an error", got)
	}
	return got
}

func TestFaults(t *testing.T) {
	p := New(t, echo(t))
	c := dial(t, p)
	c.want(t, "hello")

	p.Refuse()
	c.broken(t, "refused")
	if c, err := net.Dial("tcp", p.Addr()); err == nil { // the reset may come before Dial returns
		late := &client{c, bufio.NewReader(c)}
		late.broken(t, "refused")
		c.Close()
	}
	p.Heal()
	c = dial(t, p)
	c.want(t, "healed")

	p.Cut(3)
	c.broken(t, "abcdef")
	p.Heal()
	c = dial(t, p)
	c.want(t, "healed")

	p.CutAnswer(3)
	if got := c.broken(t, "abcdef"); got != "abc" && got != "" { // a reset may overtake the bytes before it
		t.Errorf("%q came before the cut, want abc", got)
	}
	p.Heal()
	dial(t, p).want(t, "healed")
}

func TestStall(t *testing.T) {
	p := New(t, echo(t))
	for name, stall := range map[string]func(){"stall": p.Stall, "mute": p.Mute} {
		c := dial(t, p)
		c.want(t, "hello")
		stall()
		if err := c.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if got, err := c.ask("anybody?"); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: got %q, %v; want nothing", name, got, err)
		}
		p.Heal()
		dial(t, p).want(t, "healed")
	}
}
