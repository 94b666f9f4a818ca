package vfs

import (
	"io"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const sector = 512 // what a disk writes whole

// Mem is a file system in memory that knows what a power cut would leave. The zero value is not usable; see [NewMem].
type Mem struct {
	mu       sync.Mutex
	names    map[string]*inode // as a running program sees them
	durable  map[string]*inode // as they were at the last SyncDir of their directory
	ops      []nameOp          // since then, in order
	dirs     map[string]bool
	capacity int64 // 0: no limit
}

type nameOp struct {
	dir      string
	from, to string // from "" creates, to "" removes
	node     *inode
}

type inode struct {
	mu     sync.Mutex
	data   []byte
	synced []byte     // data as of the last Sync
	writes []memWrite // since then, in order
}

type memWrite struct {
	off      int64
	data     []byte
	truncate bool // set the length to off
}

// NewMem returns an empty file system.
func NewMem() *Mem {
	return &Mem{names: map[string]*inode{}, durable: map[string]*inode{}, dirs: map[string]bool{}}
}

// SetCapacity limits the bytes of all files together, 0 for no limit. Over it writes and allocations fail with ENOSPC.
func (m *Mem) SetCapacity(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.capacity = n
}

// Crash returns the file system that a power cut at this moment could have left, chosen by r: synced bytes and names, and
// any part of the rest. Writes since the last sync arrive in any combination, torn at sectors; name changes since the last
// SyncDir arrive as some prefix of their order, directory by directory. m itself does not change.
func (m *Mem) Crash(r *rand.Rand) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	after := NewMem()
	for d := range m.dirs {
		after.dirs[d] = true
	}
	names := map[string]*inode{}
	for name, node := range m.durable {
		names[name] = node
	}
	cut := map[string]bool{}
	for _, op := range m.ops {
		if cut[op.dir] = cut[op.dir] || r.IntN(3) == 0; cut[op.dir] {
			continue
		}
		delete(names, op.from)
		if op.to != "" {
			names[op.to] = op.node
		}
	}
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	copies := map[*inode]*inode{}
	for _, name := range sorted {
		node := names[name]
		if copies[node] == nil {
			copies[node] = node.crash(r)
		}
		after.names[name], after.durable[name] = copies[node], copies[node]
	}
	return after
}

func (n *inode) crash(r *rand.Rand) *inode {
	n.mu.Lock()
	defer n.mu.Unlock()
	data := slices.Clone(n.synced)
	for _, w := range n.writes {
		if w.truncate {
			if r.IntN(2) == 0 {
				data = resize(data, w.off)
			}
			continue
		}
		mode := r.IntN(3) // lost, whole, torn
		for at := 0; at < len(w.data); {
			next := min(len(w.data), at+sector-int((w.off+int64(at))%sector))
			if mode == 1 || mode == 2 && r.IntN(2) == 0 {
				data = put(data, w.off+int64(at), w.data[at:next])
			}
			at = next
		}
	}
	return &inode{data: data, synced: slices.Clone(data)}
}

func resize(b []byte, n int64) []byte {
	if n <= int64(len(b)) {
		return b[:n]
	}
	return append(b, make([]byte, n-int64(len(b)))...)
}

func put(b []byte, off int64, p []byte) []byte {
	if end := off + int64(len(p)); end > int64(len(b)) {
		b = resize(b, end)
	}
	copy(b[off:], p)
	return b
}

func (m *Mem) change(op nameOp) {
	op.dir = path.Dir(op.from + op.to)
	if op.from != "" {
		op.dir = path.Dir(op.from)
	}
	m.ops = append(m.ops, op)
}

// Create implements [FS].
func (m *Mem) Create(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names[name] != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	if !m.dirs[path.Dir(name)] {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrNotExist}
	}
	n := &inode{}
	m.names[name] = n
	m.change(nameOp{to: name, node: n})
	return &memFile{fs: m, node: n, name: name}, nil
}

// Open implements [FS].
func (m *Mem) Open(name string) (File, error) { return m.OpenRW(name) }

// OpenRW implements [FS].
func (m *Mem) OpenRW(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.names[name]
	if n == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &memFile{fs: m, node: n, name: name}, nil
}

// Rename implements [FS]. Both names must be in one directory.
func (m *Mem) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.names[from]
	if n == nil || path.Dir(from) != path.Dir(to) {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	delete(m.names, from)
	m.names[to] = n
	m.change(nameOp{from: from, to: to, node: n})
	return nil
}

// Remove implements [FS].
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dirs[name] {
		for other := range m.names {
			if strings.HasPrefix(other, name+"/") {
				return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
			}
		}
		delete(m.dirs, name)
		return nil
	}
	if m.names[name] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	delete(m.names, name)
	m.change(nameOp{from: name})
	return nil
}

// MkdirAll implements [FS]. Directories survive a crash at once.
func (m *Mem) MkdirAll(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for d := dir; d != "." && d != "/"; d = path.Dir(d) {
		m.dirs[d] = true
	}
	return nil
}

// ReadDir implements [FS].
func (m *Mem) ReadDir(dir string) ([]fs.DirEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.dirs[dir] {
		return nil, &fs.PathError{Op: "readdir", Path: dir, Err: fs.ErrNotExist}
	}
	var out []fs.DirEntry
	for name := range m.names {
		if path.Dir(name) == dir {
			out = append(out, memEntry{name: path.Base(name)})
		}
	}
	for name := range m.dirs {
		if path.Dir(name) == dir && name != dir {
			out = append(out, memEntry{name: path.Base(name), dir: true})
		}
	}
	slices.SortFunc(out, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return out, nil
}

// SyncDir implements [FS].
func (m *Mem) SyncDir(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ops = slices.DeleteFunc(m.ops, func(op nameOp) bool { return op.dir == dir })
	for name := range m.durable {
		if path.Dir(name) == dir {
			delete(m.durable, name)
		}
	}
	for name, n := range m.names {
		if path.Dir(name) == dir {
			m.durable[name] = n
		}
	}
	return nil
}

// Free implements [FS].
func (m *Mem) Free(string) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.capacity == 0 {
		return 1 << 40, nil
	}
	return uint64(max(0, m.capacity-m.used())), nil
}

func (m *Mem) used() int64 {
	var n int64
	for _, node := range m.names {
		node.mu.Lock()
		n += int64(len(node.data))
		node.mu.Unlock()
	}
	return n
}

// grow reports whether delta more bytes fit.
func (m *Mem) grow(delta int64) error {
	if delta <= 0 {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.capacity > 0 && m.used()+delta > m.capacity {
		return syscall.ENOSPC
	}
	return nil
}

type memEntry struct {
	name string
	dir  bool
}

func (e memEntry) Name() string { return e.name }
func (e memEntry) IsDir() bool  { return e.dir }
func (e memEntry) Type() fs.FileMode {
	if e.dir {
		return fs.ModeDir
	}
	return 0
}

func (e memEntry) Info() (fs.FileInfo, error) { return memInfo{e}, nil }

type memInfo struct{ memEntry }

func (i memInfo) Size() int64        { return 0 }
func (i memInfo) Mode() fs.FileMode  { return i.Type() | 0o600 }
func (i memInfo) ModTime() time.Time { return time.Time{} }
func (i memInfo) Sys() any           { return nil }

type memFile struct {
	fs     *Mem
	node   *inode
	name   string
	mu     sync.Mutex
	closed bool
}

func (f *memFile) check(op string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return &fs.PathError{Op: op, Path: f.name, Err: fs.ErrClosed}
	}
	return nil
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.check("read"); err != nil {
		return 0, err
	}
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	if off >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.check("write"); err != nil {
		return 0, err
	}
	size, _ := f.Size()
	if err := f.fs.grow(off + int64(len(p)) - size); err != nil {
		return 0, &fs.PathError{Op: "write", Path: f.name, Err: err}
	}
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	f.node.data = put(f.node.data, off, p)
	f.node.writes = append(f.node.writes, memWrite{off: off, data: slices.Clone(p)})
	return len(p), nil
}

func (f *memFile) Size() (int64, error) {
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	return int64(len(f.node.data)), nil
}

func (f *memFile) Allocate(n int64) error {
	size, _ := f.Size()
	if err := f.fs.grow(n - size); err != nil {
		return &fs.PathError{Op: "allocate", Path: f.name, Err: err}
	}
	if n > size {
		return f.Truncate(n)
	}
	return f.check("allocate")
}

func (f *memFile) Truncate(n int64) error {
	if err := f.check("truncate"); err != nil {
		return err
	}
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	f.node.data = resize(f.node.data, n)
	f.node.writes = append(f.node.writes, memWrite{off: n, truncate: true})
	return nil
}

func (f *memFile) Sync() error {
	if err := f.check("sync"); err != nil {
		return err
	}
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	for _, w := range f.node.writes {
		if w.truncate {
			f.node.synced = resize(f.node.synced, w.off)
		} else {
			f.node.synced = put(f.node.synced, w.off, w.data)
		}
	}
	f.node.writes = nil
	return nil
}

func (f *memFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return &fs.PathError{Op: "close", Path: f.name, Err: fs.ErrClosed}
	}
	f.closed = true
	return nil
}
