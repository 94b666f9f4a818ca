package syslogsink

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
)

// dialer returns what connects to the receiver, with TLS where it is configured.
func (s *Sink) dialer() (func(context.Context) (net.Conn, error), error) {
	network := "tcp"
	if s.config.Protocol == UDP {
		network = "udp"
	}
	plain := func(ctx context.Context) (net.Conn, error) {
		conn, err := s.env.Dial(ctx, network, s.address)
		if err != nil {
			return nil, failed(ctx, "connect", err)
		}
		return conn, nil
	}
	if s.config.Protocol != TLS {
		return plain, nil
	}
	conf, err := s.config.TLS.Build("tls")
	if err != nil {
		return nil, err
	}
	if conf.ServerName == "" {
		conf.ServerName = s.config.Host
	}
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := plain(ctx)
		if err != nil {
			return nil, err
		}
		over := tls.Client(conn, conf)
		if err := over.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, failed(ctx, "start TLS", tlsconf.Explain(err))
		}
		return over, nil
	}, nil
}

// deliver writes frames over a connection of their own and waits for the receiver to close it: it has read them then.
func (s *Sink) deliver(ctx context.Context, frames []byte) error {
	conn, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if s.config.Protocol == UDP {
		return nil
	}
	defer interrupt(ctx, conn)()
	if _, err := conn.Write(frames); err != nil {
		return failed(ctx, "send", tlsconf.Explain(err))
	}
	if err := conn.(halfCloser).CloseWrite(); err != nil {
		return failed(ctx, "end the connection", err)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil {
		return failed(ctx, "wait for the receiver to close the connection", tlsconf.Explain(err))
	}
	if n := unacknowledged(conn); n > 0 {
		return fmt.Errorf("the receiver closed the connection while %d bytes were on their way", n)
	}
	return nil
}

// halfCloser is *net.TCPConn and *tls.Conn.
type halfCloser interface{ CloseWrite() error }

// interrupt lets the end of ctx end what conn does. The function that it returns ends that.
func interrupt(ctx context.Context, conn net.Conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		_ = conn.SetDeadline(time.Unix(1, 0)) // of a connection that fails anyway
	})
}

// failed says what failed; the end of ctx explains errors of the connection that it interrupted.
func failed(ctx context.Context, what string, err error) error {
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%s: %w (%w)", what, cause, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}
