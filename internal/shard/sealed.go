package shard

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path"
	"sort"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/vfs"
	"github.com/sluicelog/sluice/internal/wal"
)

// sealed is one sealed file. It is immutable; only the handle cache knows whether it is open.
type sealed struct {
	footer
	path string
	size int64
	bad  error // the footer or header cannot be read: nothing of the file can
}

// errMoved says that a file went away under a reader, who has to look again.
var errMoved = errors.New("file was replaced")

var errCut = errors.New("the file was cut")

// openSealed reads header and footer. Damage is not an error here: the file then holds its place in the log, unreadable. A later format is
// none, and is an error.
func openSealed(fsys vfs.FS, dir, name string, id sluice.LogID) (*sealed, error) {
	first, end, ok := parseFileName(name)
	if !ok {
		return nil, fmt.Errorf("%s is not a sealed file", name)
	}
	sf := &sealed{path: path.Join(dir, name), footer: footer{first: first, end: end}}
	f, err := fsys.Open(sf.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if sf.size, err = f.Size(); err != nil {
		return nil, err
	}
	foot, err := readEnds(f, sf.size, id, first, end)
	if errors.Is(err, wal.ErrNewer) {
		return nil, fmt.Errorf("%s: %w", sf.path, err)
	}
	if err != nil {
		sf.bad = err
		return sf, nil
	}
	sf.footer = foot
	return sf, nil
}

func readEnds(f vfs.File, size int64, id sluice.LogID, first, end sluice.Position) (footer, error) {
	if size < headerSize+footerSize {
		return footer{}, fmt.Errorf("file is only %d bytes long", size)
	}
	var b [footerSize]byte
	if _, err := f.ReadAt(b[:headerSize], 0); err != nil {
		return footer{}, err
	}
	gotID, gotFirst, err := decodeHeader(b[:headerSize])
	if err != nil {
		return footer{}, err
	}
	if _, err := f.ReadAt(b[:], size-footerSize); err != nil {
		return footer{}, err
	}
	foot, err := decodeFooter(b[:], size)
	if err == nil && (gotID != id || gotFirst != first || foot.first != first || foot.end != end) {
		err = fmt.Errorf("file says it is %d to %d of log %d, its name says otherwise", foot.first, foot.end, gotID)
	}
	return foot, err
}

// corrupt describes damage in this file.
func (sf *sealed) corrupt(offset int64, what string, from, next sluice.Position) *CorruptError {
	return &CorruptError{File: sf.path, Offset: offset, What: what, Position: from, Next: next}
}

// entries returns up to max entries from position from on, those of one page, having checked the page.
func (sf *sealed) entries(h *handles, from sluice.Position, max int) ([]entry, error) {
	if sf.bad != nil {
		return nil, sf.corrupt(0, sf.bad.Error(), from, sf.end)
	}
	page := int64(from-sf.first) / pageEntries
	var b [pageSize]byte
	offset := sf.directory + page*pageSize
	pageFirst := sf.first + sluice.Position(page*pageEntries)
	pageEnd := min(pageFirst+pageEntries, sf.end)
	err := h.read(sf.path, b[:], offset)
	if err != nil && !errors.Is(err, errCut) {
		return nil, err
	}
	if err == nil {
		err = checkPage(b[:])
	}
	if err != nil {
		return nil, sf.corrupt(offset, err.Error(), from, pageEnd)
	}
	n := min(int(pageEnd-from), max)
	out := make([]entry, n)
	for i := range out {
		out[i] = decodeEntry(b[pageHead+entrySize*(int(from-pageFirst)+i):])
	}
	return out, nil
}

// payloads reads the payloads of consecutive entries into dst, which has their total length, and checks each. The entries
// begin at position from.
func (sf *sealed) payloads(h *handles, es []entry, from sluice.Position, dst []byte) error {
	err := h.read(sf.path, dst, es[0].offset)
	if errors.Is(err, errCut) {
		return sf.corrupt(es[0].offset, err.Error(), from, from+sluice.Position(len(es)))
	}
	if err != nil {
		return err
	}
	for i := range es {
		p := dst[:es[i].stored]
		dst = dst[es[i].stored:]
		if crc32.Checksum(p, castagnoli) != es[i].crc {
			bad := from + sluice.Position(i)
			return sf.corrupt(es[i].offset, "payload checksum does not match", bad, bad+1)
		}
	}
	return nil
}

// seek returns the first position received at or after t; the caller knows from newest that there is one.
func (sf *sealed) seek(h *handles, t int64) (sluice.Position, error) {
	var failed error
	newest := func(i int) int64 {
		es, err := sf.entries(h, sf.first+sluice.Position(i), 1)
		if err != nil {
			failed = err
			return t
		}
		return es[0].newest
	}
	n := int(sf.end - sf.first)
	at := sort.Search(n, func(i int) bool { return newest(i) >= t })
	return sf.first + sluice.Position(at), failed
}

// writer makes a sealed file: under a temporary name until it is complete and on disk.
type writer struct {
	fs    vfs.FS
	dir   string
	f     vfs.File
	id    sluice.LogID
	foot  footer
	at    int64
	buf   []byte
	page  []byte // entries of all pages, encoded
	count int
}

const (
	writeChunk = 1 << 20
	syncEvery  = 16 << 20 // syncing a large file in steps keeps the disk free for the journal
)

func newWriter(fsys vfs.FS, dir string, id sluice.LogID, first sluice.Position) (*writer, error) {
	temp := path.Join(dir, tempName)
	f, err := fsys.Create(temp)
	if errors.Is(err, fs.ErrExist) {
		if err = fsys.Remove(temp); err == nil {
			f, err = fsys.Create(temp)
		}
	}
	if err != nil {
		return nil, err
	}
	return &writer{fs: fsys, dir: dir, f: f, id: id, foot: footer{first: first, end: first}, buf: encodeHeader(id, first)}, nil
}

func (w *writer) size() int64 { return w.at + int64(len(w.buf)+len(w.page)) }

func (w *writer) add(e entry, payload []byte) error {
	if w.count%pageEntries == 0 {
		w.page = append(w.page, make([]byte, pageSize)...)
	}
	e.offset = w.at + int64(len(w.buf))
	if w.count == 0 {
		w.foot.newest, w.foot.oldest = e.received, e.received
	}
	w.foot.newest, w.foot.oldest = max(w.foot.newest, e.received), min(w.foot.oldest, e.received)
	e.newest = w.foot.newest
	e.encode(w.page[w.count/pageEntries*pageSize+pageHead+w.count%pageEntries*entrySize:])
	w.count++
	w.foot.end++
	w.foot.raw += int64(e.raw)
	w.buf = append(w.buf, payload...)
	if len(w.buf) < writeChunk {
		return nil
	}
	return w.flush()
}

func (w *writer) flush() error {
	if _, err := w.f.WriteAt(w.buf, w.at); err != nil {
		return err
	}
	before := w.at / syncEvery
	w.at += int64(len(w.buf))
	w.buf = w.buf[:0]
	if w.at/syncEvery > before {
		return w.f.Sync()
	}
	return nil
}

// finish makes the file durable under its name. A file returned with an error has the name and is perhaps not durable.
func (w *writer) finish() (*sealed, error) {
	w.foot.directory = w.at + int64(len(w.buf))
	for p := 0; p < len(w.page); p += pageSize {
		page := w.page[p : p+pageSize]
		le.PutUint32(page[4:], uint32(min(pageEntries, w.count-p/pageSize*pageEntries)))
		le.PutUint32(page, crc32.Checksum(page[4:], castagnoli))
	}
	w.buf = append(append(w.buf, w.page...), w.foot.encode()...)
	if err := w.flush(); err != nil {
		return nil, w.abort(err)
	}
	if err := w.f.Sync(); err != nil {
		return nil, w.abort(err)
	}
	if err := w.f.Close(); err != nil {
		return nil, w.abort(err)
	}
	final := path.Join(w.dir, fileName(w.foot.first, w.foot.end))
	if err := w.fs.Rename(path.Join(w.dir, tempName), final); err != nil {
		return nil, w.abort(err)
	}
	return &sealed{footer: w.foot, path: final, size: w.at}, w.fs.SyncDir(w.dir)
}

// abort gives the file up and returns why.
func (w *writer) abort(err error) error {
	_ = w.f.Close()
	_ = w.fs.Remove(path.Join(w.dir, tempName)) // the next writer would remove it too
	return err
}
