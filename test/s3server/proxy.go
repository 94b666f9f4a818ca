package s3server

import (
	"errors"
	"io"
	"net"
	"sync"
)

// proxy passes connections from a loopback port on to another address, byte for byte.
type proxy struct {
	network, to string
	listener    net.Listener
	running     sync.WaitGroup

	mu    sync.Mutex // guards all below
	isCut bool
	open  map[net.Conn]bool
}

func newProxy(network, to string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{network: network, to: to, listener: l, open: map[net.Conn]bool{}}
	p.running.Go(p.accept)
	return p, nil
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		from, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.running.Go(func() { p.pass(from) })
	}
}

func (p *proxy) pass(from net.Conn) {
	if !p.enter(from) {
		return
	}
	defer p.leave(from)
	to, err := net.Dial(p.network, p.to)
	if err != nil || !p.enter(to) {
		return
	}
	defer p.leave(to)
	var answers sync.WaitGroup
	answers.Go(func() {
		_, _ = io.Copy(from, to)
		_ = from.Close()
	})
	_, _ = io.Copy(to, from)
	_ = to.Close()
	answers.Wait()
}

// enter reports whether a connection may live; if not, it closes it.
func (p *proxy) enter(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isCut {
		_ = c.Close()
		return false
	}
	p.open[c] = true
	return true
}

func (p *proxy) leave(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, c)
	_ = c.Close()
}

func (p *proxy) cut(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isCut = on
	if on {
		for c := range p.open {
			_ = c.Close()
		}
	}
}

func (p *proxy) close() error {
	p.cut(true)
	err := p.listener.Close()
	p.running.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
