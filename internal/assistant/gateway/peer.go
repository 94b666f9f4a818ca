package gateway

import (
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/sluicelog/sluice/internal/agentproto"
)

// Bounds of what waits for an agent that reads slowly. An agent that comes back is told everything again, so closing loses nothing.
const (
	maxQueue  = 1 << 20
	writeTime = 30 * time.Second
)

// peer is the writing half of a connection.
type peer struct {
	conn net.Conn
	log  *slog.Logger

	mu      sync.Mutex // guards what is below
	queue   []byte     // frames that wait
	writing bool       // a goroutine is there for them
	closed  bool       // nothing more is queued; the connection ends behind what is
	done    sync.WaitGroup
}

// Send implements [assistant.Peer].
func (p *peer) Send(m agentproto.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	frame, err := agentproto.Append(p.queue, m)
	if err != nil {
		p.log.Error("a message for an agent cannot be sent", "error", err)
		return
	}
	if len(frame) > maxQueue {
		p.closed = true
		p.conn.Close()
		return
	}
	p.queue = frame
	p.start()
}

// start has somebody write the queue. The caller holds p.mu.
func (p *peer) start() {
	if !p.writing {
		p.writing = true
		p.done.Add(1)
		go p.write()
	}
}

// write writes until the queue is empty.
func (p *peer) write() {
	defer p.done.Done()
	for {
		p.mu.Lock()
		frames := p.queue
		p.queue = nil
		if len(frames) == 0 {
			p.writing = false
			if p.closed {
				p.conn.Close()
			}
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		_ = p.conn.SetWriteDeadline(time.Now().Add(writeTime))
		if _, err := p.conn.Write(frames); err != nil {
			p.mu.Lock()
			p.closed, p.queue = true, nil
			p.mu.Unlock()
			p.conn.Close()
		}
	}
}

// Close implements [assistant.Peer]: the connection ends when what is queued has been written, or cannot be.
func (p *peer) Close(refused *agentproto.Refused) {
	if refused != nil {
		p.Send(refused)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.closed = true
		p.start()
	}
}

func (p *peer) alive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.closed
}

// lastTime is how long what is queued when a connection ends may take.
const lastTime = 2 * time.Second

// end closes the connection behind what is queued, and waits for that.
func (p *peer) end() {
	_ = p.conn.SetDeadline(time.Now().Add(lastTime))
	p.Close(nil)
	p.done.Wait()
}
