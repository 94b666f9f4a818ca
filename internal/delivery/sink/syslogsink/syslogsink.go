// Package syslogsink delivers logs as syslog messages: RFC 5424 and 3164 over UDP, TCP and TLS.
//
//	Entry ──header, format──> message ──long?──> frame ──> the batch's bytes ──Send──> receiver
//	                          cut, split or refused
//
// Syslog has no acknowledgement, so what "delivered" means depends on how the receiver is spoken to:
//
//	tcp, tls              each batch has a connection of its own, which the sink half-closes behind it. The batch is delivered when the
//	                      receiver closes its half: it has read everything then. A batch that fails is sent again, whole.
//	tcp, tls, keepOpen    each shard keeps its connection. The batch is delivered when the kernel took it; when the connection is found
//	                      broken, what was written in the last replaySeconds is written again over the next, before the next batch.
//	udp                   one datagram for each message, and nobody knows whether it arrived.
//
// So receivers see each log at least once but for UDP and for a receiver that dies behind a kept connection to which nothing more is sent.
package syslogsink

import (
	"context"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// Sink delivers to one receiver.
type Sink struct {
	config  Config
	format  *format
	env     sink.Env
	address string
	dial    func(ctx context.Context) (net.Conn, error)

	mu   sync.Mutex // guards kept
	kept map[sluice.ShardID]*kept
}

// Open opens a sink. It does not connect.
func Open(c Config, env sink.Env) (sink.Sink, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c.setDefaults()
	s := &Sink{config: c, env: env, kept: map[sluice.ShardID]*kept{}}
	s.address = net.JoinHostPort(c.Host, strconv.Itoa(c.Port))
	var err error
	if s.format, err = newFormat(&s.config); err != nil {
		return nil, err
	}
	s.dial, err = s.dialer()
	return s, err
}

// Check connects and, where there is a connection, waits for the receiver to close it. It sends no message; over UDP it finds out
// that the name resolves and that the address is permitted, and no more.
func (s *Sink) Check(ctx context.Context) error {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	return s.deliver(ctx, nil)
}

// Limits are those of a batch.
func (s *Sink) Limits() sink.Limits {
	return sink.Limits{Logs: 10_000, Bytes: 1 << 20, Age: time.Second}
}

// Close half-closes the connections that were kept and does not wait for the receiver.
func (s *Sink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for shard, k := range s.kept {
		k.close()
		delete(s.kept, shard)
	}
	return nil
}

// Begin begins a batch.
func (s *Sink) Begin(h sink.Header) sink.Batch {
	return &batch{sink: s, header: h, encoder: s.format.encoder()}
}

// bound ends ctx after the configuration's timeout.
func (s *Sink) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, time.Duration(s.config.TimeoutSeconds)*time.Second)
}

// batch is frames, one behind the other.
type batch struct {
	sink    *Sink
	header  sink.Header
	encoder *encoder
	frames  []byte
	ends    []int // of the messages in frames, for datagrams
	logs    int
}

func (b *batch) Add(e *sink.Entry) error {
	frames, err := b.encoder.append(b, e)
	if err != nil {
		return err
	}
	b.frames = frames
	b.logs++
	return nil
}

func (b *batch) Len() int       { return b.logs }
func (b *batch) Encoded() int64 { return int64(len(b.frames)) }
func (b *batch) Memory() int64  { return int64(cap(b.frames)) + 8*int64(cap(b.ends)) + 1024 }

func (b *batch) Send(ctx context.Context, _ sink.Point) error {
	if b.logs == 0 {
		return nil
	}
	ctx, cancel := b.sink.bound(ctx)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return err
	}
	switch {
	case b.sink.config.Protocol == UDP:
		return b.sink.sendDatagrams(ctx, b)
	case b.sink.config.KeepOpen:
		return b.sink.shard(b.header.Shard).send(ctx, b)
	}
	return b.sink.deliver(ctx, b.frames)
}

func (b *batch) Release() { b.frames, b.ends = nil, nil }

// sendDatagrams writes each message as one datagram. A datagram's error may be that of an earlier one: receivers that are not there answer
// late, and with luck.
func (s *Sink) sendDatagrams(ctx context.Context, b *batch) error {
	conn, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer interrupt(ctx, conn)()
	start := 0
	for _, end := range b.ends {
		if _, err := conn.Write(b.frames[start:end]); err != nil {
			return failed(ctx, "send", err)
		}
		start = end
	}
	return nil
}
