package shard

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/vfs"
	"github.com/sluicelog/sluice/internal/wal"
)

// Dump writes what a journal file or a sealed file holds, for people: a line per file, per group, per damaged place. The
// error is nil only if every byte that is read is as it was written. Files are not changed; a server may be running on
// them, though a file in use may then end in a batch that looks unfinished.
func Dump(w io.Writer, fsys vfs.FS, name string) error {
	out := bufio.NewWriter(w)
	err := dump(out, fsys, name)
	return errors.Join(err, out.Flush())
}

func dump(w io.Writer, fsys vfs.FS, name string) error {
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	var magic [8]byte
	n, err := f.ReadAt(magic[:], 0)
	if err = errors.Join(ignoreEOF(err), f.Close()); err != nil {
		return err
	}
	switch {
	case wal.IsFile(magic[:n]):
		return dumpJournal(w, fsys, name)
	case magic == headerMagic:
		return dumpSealed(w, fsys, name)
	}
	return fmt.Errorf("%s is neither a journal file nor a sealed shard file, or its first bytes are damaged", name)
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func dumpJournal(w io.Writer, fsys vfs.FS, name string) error {
	bad := 0
	err := wal.Walk(fsys, name, func(i wal.FileInfo) {
		fmt.Fprintf(w, "journal file %d of %d bytes, after file %d which ends at %d\n", i.Seq, i.Size, i.PrevSeq, i.PrevEnd)
	}, func(meta []byte, ref wal.Ref, ok bool) error {
		if len(meta) != metaSize {
			return fmt.Errorf("%s: records have %d bytes of meta, not %d", name, len(meta), metaSize)
		}
		r := decodeRecord(meta)
		state := "ok"
		if !ok {
			state = "CORRUPT: payload checksum does not match"
			bad++
		}
		line(w, ref.Offset, r.log, r.position, r.received, ref.Length, r.raw, r.num, state)
		return nil
	}, func(d wal.Damage) {
		fmt.Fprintf(w, "%12d  CORRUPT: %s, %d bytes\n", d.Offset, d.What, d.Bytes)
		bad++
	})
	return errors.Join(err, damagedFile(name, bad))
}

func dumpSealed(w io.Writer, fsys vfs.FS, name string) error {
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	var head [headerSize]byte
	_, err = f.ReadAt(head[:], 0)
	if err = errors.Join(ignoreEOF(err), f.Close()); err != nil {
		return err
	}
	id, _, err := decodeHeader(head[:])
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	sf, err := openSealed(fsys, path.Dir(name), path.Base(name), id)
	if err != nil {
		return err
	}
	if sf.bad != nil {
		return fmt.Errorf("%s: %w", name, sf.bad)
	}
	fmt.Fprintf(w, "sealed file of log %d: positions %d to %d, %d bytes, %d raw, directory at %d\n",
		id, sf.first, sf.end, sf.size, sf.raw, sf.directory)
	if sf.trimmed {
		fmt.Fprintln(w, "empty: retention has taken what was before")
	}
	h := newHandles(fsys)
	defer h.close()
	return damagedFile(name, dumpGroups(w, h, sf, id))
}

// dumpGroups writes a line per group and returns how many places are damaged.
func dumpGroups(w io.Writer, h *handles, sf *sealed, id sluice.LogID) (bad int) {
	for p := sf.first; p < sf.end; {
		es, err := sf.entries(h, p, pageEntries)
		if err != nil {
			fmt.Fprintf(w, "CORRUPT: %v\n", err)
			bad++
			p += pageEntries - (p-sf.first)%pageEntries
			continue
		}
		for i := range es {
			e, state := &es[i], "ok"
			if err := sf.payloads(h, es[i:i+1], p, make([]byte, e.stored)); err != nil {
				state = "CORRUPT: " + err.Error()
				bad++
			}
			line(w, e.offset, id, p, e.received, e.stored, e.raw, e.logs, state)
			p++
		}
	}
	return bad
}

func line(w io.Writer, offset int64, id sluice.LogID, p sluice.Position, received int64, stored, raw, logs uint32, state string) {
	fmt.Fprintf(w, "%12d  log %d  position %d  received %s  %d bytes  %d raw  %d logs  %s\n",
		offset, id, p, time.Unix(0, received).UTC().Format(time.RFC3339Nano), stored, raw, logs, state)
}

// ErrDamaged is returned by Dump when something in the file is not what was written.
var ErrDamaged = errors.New("the file is damaged")

func damagedFile(name string, places int) error {
	if places == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s, %d places", ErrDamaged, name, places)
}
