package server

import (
	"net"
	"sync"
)

// limitedListener keeps the connections that are open at once to a number; the next ones wait in the kernel's queue. Each takes a
// file of the process, and the journal needs some too.
type limitedListener struct {
	net.Listener
	places chan struct{} // one token for each open connection
	closed chan struct{}
	close  func() error
}

// limitConnections limits l to the places that are free; several listeners may share them.
func limitConnections(l net.Listener, places chan struct{}) net.Listener {
	limited := &limitedListener{Listener: l, places: places, closed: make(chan struct{})}
	limited.close = sync.OnceValue(func() error {
		close(limited.closed)
		return l.Close()
	})
	return limited
}

// Accept waits for a place and for a connection to take it.
func (l *limitedListener) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &limitedConn{conn, sync.OnceFunc(func() { <-l.places })}, nil
}

// Close ends Accept, also while it waits for a place.
func (l *limitedListener) Close() error { return l.close() }

// limitedConn is a connection that gives its place back.
type limitedConn struct {
	net.Conn
	leave func()
}

func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.leave()
	return err
}
