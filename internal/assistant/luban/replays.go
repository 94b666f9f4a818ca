package luban

import (
	"crypto/sha256"
	"sync"
	"time"
)

// replays knows the requests of the last minutes, so that none counts twice. It holds two generations, each of twice the time that a request's own clock
// may be off: one that is forgotten is too old to be taken. It is safe for concurrent use.
type replays struct {
	mu     sync.Mutex // guards what is below
	began  time.Time
	now    map[fingerprint]struct{}
	before map[fingerprint]struct{}
}

type fingerprint [16]byte

// maxReplays bounds a generation; beyond it nobody is taken until the next begins. It is the most of 1,700 requests each second.
const maxReplays = 1 << 20

func newReplays() *replays {
	return &replays{now: map[fingerprint]struct{}{}, before: map[fingerprint]struct{}{}}
}

// first reports whether an instance's request is seen for the first time.
func (r *replays) first(instance, request string, now time.Time) bool {
	sum := sha256.Sum256([]byte(instance + "\x00" + request))
	f := fingerprint(sum[:])
	r.mu.Lock()
	defer r.mu.Unlock()
	if age := now.Sub(r.began); age.Abs() >= 2*maxClockError {
		r.before = r.now
		if age.Abs() >= 4*maxClockError {
			r.before = map[fingerprint]struct{}{}
		}
		r.now, r.began = map[fingerprint]struct{}{}, now
	}
	_, seen := r.now[f]
	_, before := r.before[f]
	if seen || before || len(r.now) >= maxReplays {
		return false
	}
	r.now[f] = struct{}{}
	return true
}
