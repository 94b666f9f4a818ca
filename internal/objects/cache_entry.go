package objects

import (
	"container/list"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// An entry is two files: NUMBER holds the bytes of the object at their places, with holes where nothing was fetched, and NUMBER.sums
// says which bytes are there. Little endian:
//
//	0        8        16       20               24       n+24   n+28
//	+--------+--------+--------+--- ... --------+--------+------+      + record + record + ...
//	| SLCACHE| size   | length | length of name | names  | crc  | pad  |        |        |
//	| 1      |        | of id  |                | id,name| 32c  | →4096|        |        |
//	+--------+--------+--------+--- ... --------+--------+------+------+--------+--------+
//
// A record of 68 bytes stands for each unit of 1 MiB: the CRC-32C of each of its 16 pages, and one over those and the unit's
// number. It is written after the unit. Nothing is synced: what does not match its sum is not there.
const (
	unitBytes   = 1 << 20 // is fetched at once
	pageBytes   = 1 << 16 // is checked at once
	unitPages   = unitBytes / pageBytes
	recordBytes = 4 * (unitPages + 1)

	sumsMagic  = "SLCACHE1"
	sumsHeader = 4096
	sumsSuffix = ".sums"

	maxCached = 1 << 40 // bytes of an object
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// unit is what is known of a unit that is here.
type unit struct {
	pages [unitPages]uint32 // their sums
}

// entry is an object of which something may be here.
type entry struct {
	name, local string
	identity    string
	size        int64
	gone        atomic.Bool // the object may be another one

	mu    sync.Mutex // guards units
	units []*unit    // nil: not here

	// Guarded by the cache's mu.
	place *list.Element
	here  int64 // bytes
	pins  int   // users of the file
}

// unitsOf is how many units an object has.
func unitsOf(size int64) int64 { return (size + unitBytes - 1) / unitBytes }

func (e *entry) unitLen(n int64) int64 { return min(unitBytes, e.size-n*unitBytes) }

func (e *entry) get(n int64) *unit {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.units[n]
}

func (e *entry) set(n int64, u *unit) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.units[n] = u
}

func (e *entry) has(n int64) bool { return e.get(n) != nil }

// read fills p with bytes of a unit if they are here and sound.
func (e *entry) read(c *Cache, n int64, p []byte, within int64) bool {
	u := e.get(n)
	if u == nil {
		return false
	}
	h, err := c.handles.get(e.local)
	if err != nil {
		return false
	}
	defer h.release()
	page := make([]byte, pageBytes)
	for done := 0; done < len(p); {
		number := (within + int64(done)) / pageBytes
		inPage := within + int64(done) - number*pageBytes
		page := page[:min(pageBytes, e.unitLen(n)-number*pageBytes)]
		if _, err := h.file.ReadAt(page, n*unitBytes+number*pageBytes); err != nil || crc32.Checksum(page, castagnoli) != u.pages[number] {
			e.lose(c, n, u)
			return false
		}
		done += copy(p[done:], page[inPage:])
	}
	return true
}

// lose forgets a unit whose bytes are not what was written.
func (e *entry) lose(c *Cache, n int64, u *unit) {
	e.mu.Lock()
	same := e.units[n] == u
	if same {
		e.units[n] = nil
	}
	e.mu.Unlock()
	if same {
		c.unreserve(e, e.unitLen(n))
	}
}

// write stores a unit for which there is room.
func (e *entry) write(c *Cache, n int64, raw []byte) error {
	h, err := c.handles.get(e.local)
	if err != nil {
		return err
	}
	defer h.release()
	if _, err := h.file.WriteAt(raw, n*unitBytes); err != nil {
		return err
	}
	u := sumsOf(raw)
	sums, err := c.handles.get(e.local + sumsSuffix)
	if err != nil {
		return err
	}
	defer sums.release()
	if _, err := sums.file.WriteAt(u.record(n), sumsHeader+n*recordBytes); err != nil {
		return err
	}
	e.set(n, u)
	return nil
}

func sumsOf(raw []byte) *unit {
	u := &unit{}
	for i := 0; len(raw) > 0; i++ {
		n := min(len(raw), pageBytes)
		u.pages[i] = crc32.Checksum(raw[:n], castagnoli)
		raw = raw[n:]
	}
	return u
}

func (u *unit) record(n int64) []byte {
	b := make([]byte, 0, recordBytes)
	for _, sum := range u.pages {
		b = binary.LittleEndian.AppendUint32(b, sum)
	}
	return binary.LittleEndian.AppendUint32(b, recordSum(b, n))
}

// recordSum is the checksum of a record without it. Its number is part of it, and it is never that of zeros.
func recordSum(b []byte, n int64) uint32 {
	number := binary.LittleEndian.AppendUint64(nil, uint64(n)+1)
	return crc32.Update(crc32.Checksum(number, castagnoli), castagnoli, b)
}

func readRecord(b []byte, n int64) *unit {
	sums := b[:recordBytes-4]
	if binary.LittleEndian.Uint32(b[len(sums):]) != recordSum(sums, n) {
		return nil
	}
	u := &unit{}
	for i := range u.pages {
		u.pages[i] = binary.LittleEndian.Uint32(sums[4*i:])
	}
	return u
}

// newEntry makes the files of an entry that nobody knows yet.
func (c *Cache) newEntry(name string) (*entry, error) {
	e := &entry{name: name, identity: c.o.Identity, local: strconv.FormatUint(c.last.Add(1), 10)}
	for _, file := range []string{e.local, e.local + sumsSuffix} {
		f, err := c.fs.Create(c.path(file))
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			c.discard(e)
			return nil, err
		}
	}
	return e, nil
}

// setSize makes the entry one of an object of a size, which an earlier process's files are known by.
func (e *entry) setSize(c *Cache, size int64) error {
	if size > maxCached {
		return errors.New("the object is too large")
	}
	e.size = size
	for n := unitsOf(size) - int64(len(e.units)); n > 0; n-- {
		e.units = append(e.units, nil)
	}
	sums, err := c.handles.get(e.local + sumsSuffix)
	if err != nil {
		return err
	}
	defer sums.release()
	_, err = sums.file.WriteAt(e.header(), 0)
	return err
}

// header is the head of a sums file.
func (e *entry) header() []byte {
	b := append([]byte(nil), sumsMagic...)
	b = binary.LittleEndian.AppendUint64(b, uint64(e.size))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(e.identity)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(e.name)))
	b = append(append(b, e.identity...), e.name...)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return append(b, make([]byte, max(0, sumsHeader-len(b)))...)
}

// readHeader fills in size, identity and name, or reports that this is no head of a sums file.
func (e *entry) readHeader(b []byte) bool {
	const fixed = len(sumsMagic) + 8 + 4 + 4
	if len(b) != sumsHeader || string(b[:8]) != sumsMagic {
		return false
	}
	size := binary.LittleEndian.Uint64(b[8:])
	identity, name := int64(binary.LittleEndian.Uint32(b[16:])), int64(binary.LittleEndian.Uint32(b[20:]))
	end := int64(fixed) + identity + name
	if size > maxCached || end+4 > sumsHeader || crc32.Checksum(b[:end], castagnoli) != binary.LittleEndian.Uint32(b[end:]) {
		return false
	}
	e.size, e.identity, e.name = int64(size), string(b[fixed:int64(fixed)+identity]), string(b[int64(fixed)+identity:end])
	return true
}

// load finds the entries that an earlier process left, and removes other files.
func (c *Cache) load() error {
	if err := c.fs.MkdirAll(c.dir); err != nil {
		return err
	}
	files, err := c.fs.ReadDir(c.dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if local := f.Name(); !strings.HasSuffix(local, sumsSuffix) {
			if n, err := strconv.ParseUint(local, 10, 64); err == nil {
				c.last.Store(max(c.last.Load(), n))
			}
			if e := c.loadEntry(local); e != nil && c.entries[e.name] == nil {
				c.entries[e.name] = e
				e.place = c.recent.PushFront(e)
				c.used += e.here
				continue
			}
			if err := c.fs.Remove(c.path(local)); err != nil {
				return err
			}
		}
	}
	return c.removeStrays()
}

// removeStrays removes sums files without an entry, and then entries until the others fit.
func (c *Cache) removeStrays() error {
	files, err := c.fs.ReadDir(c.dir)
	if err != nil {
		return err
	}
	mine := map[string]bool{}
	for _, e := range c.entries {
		mine[e.local], mine[e.local+sumsSuffix] = true, true
	}
	for _, f := range files {
		if mine[f.Name()] {
			continue
		}
		if err := c.fs.Remove(c.path(f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.used > c.o.Bytes && c.recent.Len() > 0 {
		c.drop(c.recent.Back().Value.(*entry))
	}
	return nil
}

// loadEntry reads what an earlier process said of a data file, nil if that is nothing.
func (c *Cache) loadEntry(local string) *entry {
	sums, err := c.fs.Open(c.path(local + sumsSuffix))
	if err != nil {
		return nil
	}
	defer sums.Close()
	e := &entry{local: local}
	head := make([]byte, sumsHeader)
	if _, err := sums.ReadAt(head, 0); err != nil || !e.readHeader(head) || e.identity != c.o.Identity {
		return nil
	}
	e.units = make([]*unit, unitsOf(e.size))
	record := make([]byte, recordBytes)
	for n := range e.units {
		if _, err := sums.ReadAt(record, sumsHeader+int64(n)*recordBytes); err == nil {
			if e.units[n] = readRecord(record, int64(n)); e.units[n] != nil {
				e.here += e.unitLen(int64(n))
			}
		}
	}
	return e
}
