// Package netfault is a network that fails on demand: a TCP proxy on loopback between a client under test and its server.
//
//	client ──> Proxy ──> server
//	             └── from the moment a fault is set, for the connections that are open and for those to come
//
// Faults are set by the test and happen at counted bytes, never by the clock. [Proxy.Heal] ends them and breaks the connections that
// lost bytes, as a network that comes back does.
package netfault

import (
	"errors"
	"net"
	"sync"
	"testing"
)

// Proxy forwards connections. Its methods may be called from any goroutine.
type Proxy struct {
	target   string
	listener net.Listener
	done     sync.WaitGroup

	mu    sync.Mutex // guards what is below
	fault fault
	pairs map[*pair]bool
	total int // connections that were accepted
}

// fault says what happens to the bytes of one direction each.
type fault struct {
	refuse   bool
	up, down limit // from client to server, and back
}

// limit lets bytes through up to a count; what comes behind is dropped or breaks the connection.
type limit struct {
	set   bool
	after int64
	drop  bool
}

// pair is a connection and the one behind it.
type pair struct {
	client, server net.Conn
	up, down       int64 // bytes let through since the fault was set
	lost           bool  // bytes were dropped
}

// New starts a proxy before target, a host and port, and stops it at the end of the test.
func New(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{target: target, listener: l, pairs: map[*pair]bool{}}
	p.done.Add(1)
	go p.accept()
	t.Cleanup(p.close)
	return p
}

// Addr is where clients connect.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Connections is how many connections were accepted so far.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total
}

// Refuse resets the open connections, and each new one at once.
func (p *Proxy) Refuse() { p.set(fault{refuse: true}, true) }

// Reset resets the open connections, and lets new ones be.
func (p *Proxy) Reset() { p.set(fault{}, true) }

// Cut resets each connection as soon as the client has sent n more bytes over it, which still arrive.
func (p *Proxy) Cut(n int64) { p.set(fault{up: limit{set: true, after: n}}, false) }

// CutAnswer resets each connection as soon as the server has sent n more bytes over it, which still arrive.
func (p *Proxy) CutAnswer(n int64) { p.set(fault{down: limit{set: true, after: n}}, false) }

// Stall takes everything from both sides and passes nothing on.
func (p *Proxy) Stall() {
	p.set(fault{up: limit{set: true, drop: true}, down: limit{set: true, drop: true}}, false)
}

// Mute passes on what the client sends and drops the answers.
func (p *Proxy) Mute() { p.set(fault{down: limit{set: true, drop: true}}, false) }

// Heal ends the fault.
func (p *Proxy) Heal() { p.set(fault{}, false) }

// set changes the fault; connections that lost bytes under the old one are reset, or all of them.
func (p *Proxy) set(f fault, all bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
	for c := range p.pairs {
		c.up, c.down = 0, 0
		if all || c.lost {
			c.reset()
		}
	}
}

func (p *Proxy) close() {
	p.listener.Close()
	p.Refuse()
	p.done.Wait()
}

func (p *Proxy) accept() {
	defer p.done.Done()
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.done.Add(1)
		go p.serve(client)
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer p.done.Done()
	c, err := p.open(client)
	if err != nil {
		abort(client)
		return
	}
	defer p.forget(c)
	var both sync.WaitGroup
	both.Go(func() { p.pump(c, c.client, c.server, true) })
	both.Go(func() { p.pump(c, c.server, c.client, false) })
	both.Wait()
}

var errRefused = errors.New("refused")

func (p *Proxy) open(client net.Conn) (*pair, error) {
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total++
	if p.fault.refuse {
		server.Close()
		return nil, errRefused
	}
	c := &pair{client: client, server: server}
	p.pairs[c] = true
	return c, nil
}

func (p *Proxy) forget(c *pair) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pairs, c)
	c.client.Close()
	c.server.Close()
}

// pump moves the bytes of one direction until its end, and then passes the end on.
func (p *Proxy) pump(c *pair, from, to net.Conn, up bool) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		pass, cut := p.pass(c, up, n)
		if _, writeErr := to.Write(buffer[:pass]); writeErr != nil || cut {
			c.reset()
			return
		}
		if err != nil {
			if half, ok := to.(*net.TCPConn); ok && p.passEnd(c, up) {
				_ = half.CloseWrite() // the other side may be gone already
			}
			return
		}
	}
}

// passEnd says whether the end of a direction goes on.
func (p *Proxy) passEnd(c *pair, up bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.fault.down
	if up {
		l = p.fault.up
	}
	c.lost = c.lost || l.drop
	return !c.lost
}

// pass says how many of n bytes go on, and whether the connection ends with them.
func (p *Proxy) pass(c *pair, up bool, n int) (pass int, cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, count := p.fault.down, &c.down
	if up {
		l, count = p.fault.up, &c.up
	}
	if l.set {
		pass = int(min(int64(n), max(0, l.after-*count)))
	} else {
		pass = n
	}
	*count += int64(n)
	c.lost = c.lost || pass < n
	return pass, l.set && !l.drop && *count >= l.after
}

func (c *pair) reset() {
	abort(c.client)
	abort(c.server)
}

// abort ends a connection by a reset, so that the other side gets an error and no end of file.
func abort(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // without it the end is only less abrupt
	}
	c.Close()
}
