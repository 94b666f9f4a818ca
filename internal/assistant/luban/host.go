package luban

import (
	"crypto/rsa"
	"slices"
	"sync"
	"time"
)

// host is what is known of an instance beside what the assistant keeps: nothing that is worth keeping.
type host struct {
	instance, machineID string
	key                 *rsa.PublicKey

	mu        sync.Mutex // guards what is below
	tokens    float64    // requests that it may send now
	filled    time.Time
	processes []process // that were heard of lately, the newest last
	cloned    bool
	leaving   bool                // it is deregistering itself
	stops     map[string]struct{} // invocations that are over, and that its client may still be at
	sockets   map[*socket]struct{}
}

func newHost(instance, machineID string, key *rsa.PublicKey) *host {
	return &host{instance: instance, machineID: machineID, key: key, tokens: burst, stops: map[string]struct{}{}, sockets: map[*socket]struct{}{}}
}

// Requests of one instance: a client with ten runs sends some ten each second.
const (
	perSecond = 30
	burst     = 600
)

// spend takes one request of those that the instance may send.
func (h *host) spend(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.filled.IsZero() {
		h.tokens = min(burst, h.tokens+max(now.Sub(h.filled).Seconds(), 0)*perSecond)
	}
	h.filled = now
	if h.tokens < 1 {
		return false
	}
	h.tokens--
	return true
}

/*
A process of a client tells its number and its age in each heartbeat. A machine that is restarted, or whose client is, has another process from then on, and is
not heard of through the old one again. Two machines with one identity are heard of in turns:

	process  1 ─x─x─x─x──────────x─ …      is heard of after 2 took over: both are refused
	process  2          ─x─x─x─x──  …
*/
type process struct {
	pid   int64
	began time.Time // by the server's clock
	heard time.Time
}

const (
	sameProcess  = 30 * time.Second // clocks drift, and requests take time
	quietTime    = 10 * time.Minute // after which a process counts as gone
	maxProcesses = 8
)

// beat takes a heartbeat of a process, and reports whether the process is one that is new, and whether the identity has just been found to be shown by two.
func (h *host) beat(pid int64, age time.Duration, now time.Time) (fresh, cloned bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.processes = slices.DeleteFunc(h.processes, func(p process) bool { return now.Sub(p.heard) >= quietTime })
	if len(h.processes) < 2 {
		h.cloned = false
	}
	began := now.Add(-age)
	at := slices.IndexFunc(h.processes, func(p process) bool { return p.pid == pid && p.began.Sub(began).Abs() <= sameProcess })
	if at < 0 {
		if len(h.processes) == maxProcesses {
			h.processes = h.processes[1:]
		}
		h.processes = append(h.processes, process{pid, began, now})
		return true, false
	}
	h.processes[at].heard, h.processes[at].began = now, began
	if at < len(h.processes)-1 && !h.cloned {
		h.cloned = true
		return false, true
	}
	return false, false
}

// refused reports whether two have the identity.
func (h *host) refused() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cloned
}

// maxStops bounds what a client is told to stop at once; what is more it is told when it speaks of it again.
const maxStops = 200

// stop notes that an invocation is over here, whatever the client does for it.
func (h *host) stop(invocation string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.stops) < maxStops {
		h.stops[invocation] = struct{}{}
	}
}

// takeStops returns what is to be stopped, once.
func (h *host) takeStops() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	ids := make([]string, 0, len(h.stops))
	for id := range h.stops {
		ids = append(ids, id)
	}
	clear(h.stops)
	slices.Sort(ids)
	return ids
}

// kick kicks the client, if it has a channel.
func (h *host) kick() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.sockets {
		s.kick()
	}
}

// hangUp closes the channels that were opened before a time: those of processes that are gone.
func (h *host) hangUp(before time.Time) {
	h.mu.Lock()
	var old []*socket
	for s := range h.sockets {
		if s.opened.Before(before) {
			old = append(old, s)
		}
	}
	h.mu.Unlock()
	for _, s := range old {
		s.Close(nil)
	}
}
