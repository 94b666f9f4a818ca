package luban

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/sluicelog/sluice/internal/agentproto"
)

// What the client is told on its kick channel. It fetches all that there is, whatever is new.
const (
	kickAll        = "kick_vm"
	kickDeregister = "kick_vm agent deregister"
)

// Bounds of a channel.
const (
	maxWord    = 4 << 10          // of what a client says
	wordTime   = 10 * time.Second // to write one
	againAfter = 5 * time.Second  // a kick that was turned down, since the client updates itself
	turnedDown = "reject:"
	maxWaiting = 4 // words that wait
)

// notify: WebSocket /luban/notify_server
//
// Text frames. The server says kick_vm when there is something to fetch, and once at the beginning; the client says it back behind "accept:", "reject:" or
// "unknow:", and pings each minute. A channel that opens ends the one that the instance had.
func (g *Gateway) notify(w http.ResponseWriter, r *request) error {
	if r.host.refused() {
		return refuseClone()
	}
	s := &socket{g: g, host: r.host, opened: g.o.Now(), gone: make(chan struct{})}
	defer close(s.gone)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	idle := time.AfterFunc(g.o.Idle, cancel)
	defer idle.Stop()
	conn, err := websocket.Accept(w, r.Request, &websocket.AcceptOptions{
		CompressionMode: websocket.CompressionDisabled,
		OnPingReceived: func(context.Context, []byte) bool {
			idle.Reset(g.o.Idle)
			return true
		},
	})
	if err != nil {
		g.o.Logger.Debug("an agent's channel was not opened", "instance", r.host.instance, "error", err)
		return nil // it is answered
	}
	defer conn.CloseNow() //nolint:errcheck // nothing is lost
	conn.SetReadLimit(maxWord)
	s.conn = conn
	r.host.add(s)
	defer r.host.remove(s)
	defer s.end()
	from := ""
	if at := remote(r.Request); at.IsValid() {
		from = at.String()
	}
	session, err := g.s.Attend(r.host.instance, s, s.kick, version(r.Request), intranet(r.Request), from)
	if err != nil {
		g.o.Logger.Warn("an agent's channel was not taken", "instance", r.host.instance, "error", err)
		return nil
	}
	defer session.Close()
	s.kick() // for what came while there was no channel
	for {
		_, word, err := conn.Read(ctx)
		if err != nil {
			return nil // the end of it, sooner or later
		}
		idle.Reset(g.o.Idle)
		if strings.HasPrefix(string(word), turnedDown) {
			time.AfterFunc(againAfter, s.kick)
		}
	}
}

// intranet is the address that a client says it has.
func intranet(r *http.Request) string {
	ip := r.Header.Get(headerClientIP)
	if len(ip) > maxText {
		return ""
	}
	return strings.ToValidUTF8(ip, "")
}

func (h *host) add(s *socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sockets[s] = struct{}{}
}

func (h *host) remove(s *socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sockets, s)
}

// socket is the writing half of a kick channel. It implements [assistant.Peer].
type socket struct {
	g      *Gateway
	host   *host
	conn   *websocket.Conn
	opened time.Time
	gone   chan struct{} // closed when nobody serves it

	mu      sync.Mutex // guards what is below
	words   []string   // that wait
	writing bool       // a goroutine is there for them
	closed  bool       // nothing more is said; the channel ends behind what is
	done    sync.WaitGroup
}

func (s *socket) kick() { s.say(kickAll) }

// say queues a word, and never waits. The same word once more says nothing new.
func (s *socket) say(word string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.words) >= maxWaiting || len(s.words) > 0 && s.words[len(s.words)-1] == word {
		return
	}
	s.words = append(s.words, word)
	s.start()
}

// start has somebody write what waits. The caller holds s.mu.
func (s *socket) start() {
	if !s.writing {
		s.writing = true
		s.done.Add(1)
		go s.write()
	}
}

func (s *socket) write() {
	defer s.done.Done()
	for {
		s.mu.Lock()
		if len(s.words) == 0 {
			s.writing = false
			closed := s.closed
			s.mu.Unlock()
			if closed {
				_ = s.conn.CloseNow() // the client takes any end for a reason to come again
			}
			return
		}
		word := s.words[0]
		s.words = s.words[1:]
		s.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), wordTime)
		err := s.conn.Write(ctx, websocket.MessageText, []byte(word))
		cancel()
		if err != nil {
			s.mu.Lock()
			s.closed, s.words = true, nil
			s.mu.Unlock()
		}
	}
}

// Send implements [assistant.Peer]: what is to be forgotten is to be stopped.
func (s *socket) Send(m agentproto.Message) {
	if f, ok := m.(*agentproto.Forget); ok {
		for _, id := range f.Invocations {
			s.host.stop(id)
		}
		s.kick()
	}
}

// Close implements [assistant.Peer]. A client whose instance is gone is told to give up its identity, so that it can register again.
func (s *socket) Close(refused *agentproto.Refused) {
	s.host.mu.Lock()
	leaving := s.host.leaving
	s.host.mu.Unlock()
	if refused != nil && refused.Code == agentproto.CodeUnknown && !leaving {
		s.say(kickDeregister)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		s.start()
	}
}

// end waits until nothing is written any more.
func (s *socket) end() {
	s.Close(nil)
	s.done.Wait()
}
