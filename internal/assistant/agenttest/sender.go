package agenttest

import (
	"net"
	"sync"

	"github.com/sluicelog/sluice/internal/agentproto"
)

// sender writes messages to a connection in their order, and never has its caller wait: the buffers of a real connection, without their end.
type sender struct {
	conn net.Conn

	mu      sync.Mutex // guards what is below
	queue   []byte
	writing bool
}

func (s *sender) send(m agentproto.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	frames, err := agentproto.Append(s.queue, m)
	if err != nil {
		panic(err) // a test that is wrong
	}
	s.queue = frames
	if !s.writing {
		s.writing = true
		go s.write()
	}
}

func (s *sender) write() {
	for {
		s.mu.Lock()
		frames := s.queue
		s.queue = nil
		s.writing = len(frames) > 0
		s.mu.Unlock()
		if len(frames) == 0 {
			return
		}
		if _, err := s.conn.Write(frames); err != nil { // the reader finds out
			s.conn.Close()
		}
	}
}
