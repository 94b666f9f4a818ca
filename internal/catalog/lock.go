package catalog

import (
	"context"
	"sync"

	"github.com/sluicelog/sluice"
)

// locks is one lock for each logstore that somebody works on. The zero value is ready.
type locks struct {
	mu   sync.Mutex
	held map[sluice.LogstoreRef]*lock
}

type lock struct {
	token chan struct{} // holds one token while somebody has the lock
	users int           // holder and waiters; the lock is forgotten with the last of them
}

// acquire takes the lock of ref, or gives up when ctx ends.
func (l *locks) acquire(ctx context.Context, ref sluice.LogstoreRef) (release func(), err error) {
	l.mu.Lock()
	k := l.held[ref]
	if k == nil {
		if l.held == nil {
			l.held = map[sluice.LogstoreRef]*lock{}
		}
		k = &lock{token: make(chan struct{}, 1)}
		l.held[ref] = k
	}
	k.users++
	l.mu.Unlock()

	select {
	case k.token <- struct{}{}:
		return func() { <-k.token; l.leave(ref, k) }, nil
	case <-ctx.Done():
		l.leave(ref, k)
		return nil, context.Cause(ctx)
	}
}

func (l *locks) leave(ref sluice.LogstoreRef, k *lock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k.users--; k.users == 0 {
		delete(l.held, ref)
	}
}
