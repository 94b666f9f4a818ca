package syslogsink

import (
	"context"
	"io"
	"net"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
)

// kept is the connection of one shard that is kept, and what may have to be written again.
type kept struct {
	sink *Sink

	mu     sync.Mutex // held while a batch is sent; guards what is below
	conn   net.Conn
	broken chan time.Time // gets the time when the receiver, or we, ended conn
	recent []written      // oldest first
}

// written is a batch that was written, and when.
type written struct {
	at     time.Time
	frames []byte
}

// maxReplay bounds what is remembered of a shard, in bytes.
const maxReplay = 16 << 20

// shard returns the connection of a shard.
func (s *Sink) shard(id sluice.ShardID) *kept {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kept[id]
	if k == nil {
		k = &kept{sink: s}
		s.kept[id] = k
	}
	return k
}

func (k *kept) send(ctx context.Context, b *batch) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.connect(ctx); err != nil {
		return err
	}
	if err := k.write(ctx, b.frames); err != nil {
		return err
	}
	k.remember(b.frames)
	return nil
}

// connect makes sure of a connection that nobody has found broken, and writes again over a new one what the old one may have lost.
func (k *kept) connect(ctx context.Context) error {
	if k.conn != nil {
		select {
		case at := <-k.broken:
			k.broken <- at
			k.drop()
		default:
			return nil
		}
	}
	conn, err := k.sink.dial(ctx)
	if err != nil {
		return err
	}
	k.conn, k.broken = conn, make(chan time.Time, 1)
	go k.watch(conn, k.broken)
	for i := range k.recent {
		if err := k.write(ctx, k.recent[i].frames); err != nil {
			return err
		}
		k.recent[i].at = k.sink.env.Now()
	}
	return nil
}

// watch waits for the end of the connection; receivers send nothing.
func (k *kept) watch(conn net.Conn, broken chan<- time.Time) {
	_, _ = io.Copy(io.Discard, conn) // any end is one
	broken <- k.sink.env.Now()
}

func (k *kept) write(ctx context.Context, frames []byte) error {
	defer interrupt(ctx, k.conn)()
	if _, err := k.conn.Write(frames); err != nil {
		k.drop()
		return failed(ctx, "send", tlsconf.Explain(err))
	}
	return nil
}

// drop gives the connection up, and keeps what was written in the window before it broke.
func (k *kept) drop() {
	k.conn.Close()
	k.forget(<-k.broken)
	k.conn = nil
}

func (k *kept) remember(frames []byte) {
	now := k.sink.env.Now()
	k.recent = append(k.recent, written{now, frames})
	k.forget(now)
}

// forget lets go of what was written before the window that ends at, or is too much.
func (k *kept) forget(at time.Time) {
	since := at.Add(-time.Duration(k.sink.config.ReplaySeconds) * time.Second)
	size := 0
	for i := len(k.recent) - 1; i >= 0; i-- {
		size += len(k.recent[i].frames)
		if k.recent[i].at.Before(since) || size > maxReplay {
			clear(k.recent[:i+1])
			k.recent = k.recent[i+1:]
			return
		}
	}
}

// close ends the connection; what was written still goes out.
func (k *kept) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.conn != nil {
		k.drop()
	}
	k.recent = nil
}
