package objects

import (
	"container/list"
	"sync"

	"github.com/sluicelog/sluice/internal/vfs"
)

// maxHandles is how many files stay open between reads. Opening costs more than reading a page that the kernel holds.
const maxHandles = 256

// handles keeps recently read files open. The zero value with open set is ready.
type handles struct {
	open func(name string) (vfs.File, error)

	mu     sync.Mutex // guards all below; never held while a file is opened or read
	byName map[string]*handle
	recent list.List // of *handle, most recently used first
	forgot uint64    // counts calls of forget: a file opened across one may be the old file of its name, and is not kept
}

// handle is an open file. It is closed when it was forgotten and its last user let go.
type handle struct {
	owner *handles
	name  string
	file  vfs.File
	users int // and one for being in byName
	place *list.Element
}

func (h *handles) get(name string) (*handle, error) {
	h.mu.Lock()
	if known := h.byName[name]; known != nil {
		known.users++
		h.recent.MoveToFront(known.place)
		h.mu.Unlock()
		return known, nil
	}
	forgot := h.forgot
	h.mu.Unlock()
	file, err := h.open(name)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	opened := &handle{owner: h, name: name, file: file, users: 1}
	if h.byName[name] == nil && h.forgot == forgot { // else this one is closed after use
		if h.byName == nil {
			h.byName = map[string]*handle{}
		}
		opened.users++
		opened.place = h.recent.PushFront(opened)
		h.byName[name] = opened
		if h.recent.Len() > maxHandles {
			h.drop(h.recent.Back().Value.(*handle))
		}
	}
	return opened, nil
}

func (f *handle) release() {
	f.owner.mu.Lock()
	defer f.owner.mu.Unlock()
	f.leave()
}

// leave is called with the lock held.
func (f *handle) leave() {
	if f.users--; f.users == 0 {
		_ = f.file.Close() // it was only read
	}
}

// drop takes f out of the table, with the lock held.
func (h *handles) drop(f *handle) {
	delete(h.byName, f.name)
	h.recent.Remove(f.place)
	f.leave()
}

// forget makes the next get open the file anew.
func (h *handles) forget(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forgot++
	if f := h.byName[name]; f != nil {
		h.drop(f)
	}
}

func (h *handles) forgetAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.byName {
		h.drop(f)
	}
}
