package shard

import (
	"container/list"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/sluicelog/sluice/internal/vfs"
)

// maxHandles bounds the sealed files that are open at once.
const maxHandles = 256

// handles keeps the sealed files read last open. A file may be closed or removed while somebody reads it; the reader then
// gets errMoved and looks again where its position is now.
type handles struct {
	fs   vfs.FS
	mu   sync.Mutex
	open map[string]*list.Element
	lru  *list.List // of *handle, most recent first
}

type handle struct {
	path string
	f    vfs.File
}

func newHandles(fsys vfs.FS) *handles {
	return &handles{fs: fsys, open: map[string]*list.Element{}, lru: list.New()}
}

// read fills b from offset of the file.
func (h *handles) read(path string, b []byte, offset int64) error {
	f, err := h.get(path)
	if err == nil {
		_, err = f.ReadAt(b, offset)
	}
	if errors.Is(err, fs.ErrClosed) || errors.Is(err, fs.ErrNotExist) {
		return errMoved
	}
	if errors.Is(err, io.EOF) {
		return errCut
	}
	if err != nil {
		return fmt.Errorf("read %s at %d: %w", path, offset, err)
	}
	return nil
}

func (h *handles) get(path string) (vfs.File, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := h.open[path]; e != nil {
		h.lru.MoveToFront(e)
		return e.Value.(*handle).f, nil
	}
	f, err := h.fs.Open(path)
	if err != nil {
		return nil, err
	}
	h.open[path] = h.lru.PushFront(&handle{path: path, f: f})
	if h.lru.Len() > maxHandles {
		h.drop(h.lru.Back())
	}
	return f, nil
}

// forget closes a file that is being removed.
func (h *handles) forget(path string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := h.open[path]; e != nil {
		h.drop(e)
	}
}

func (h *handles) drop(e *list.Element) {
	hd := h.lru.Remove(e).(*handle)
	delete(h.open, hd.path)
	_ = hd.f.Close() // opened for reading: nothing can be lost
}

func (h *handles) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.lru.Len() > 0 {
		h.drop(h.lru.Back())
	}
}
