package wal

import (
	"errors"
	"fmt"
	"math"
	"path"
)

/*
The reserve is a journal file to be, of zeros, with disk space behind every byte. It lies beside the others and is none of them until it is needed:

	reserve ──CommitFromReserve, no room for another file──> <sequence>.wal: that batch, and others of CommitFromReserve
	   ▲                                                          │ Commit
	   └── made anew, once there was room for another file <──────┘

It is made before the disk is full and stays when the journal is closed, so it is there for a start on a full disk too.
*/
const reserveName = "reserve"

// errReserveUsed says that there is no room in the reserve.
var errReserveUsed = errors.New("the reserve is used up")

// CommitFromReserve is Commit for the few small batches after which room is made. Where there is no room for another journal file, it goes on in the one that
// was kept for this, until that is full: then ErrDiskFull.
func (j *Journal) CommitFromReserve(records []Record, refs []Ref) error {
	return j.commit(records, refs, true)
}

// ReserveLeft is how many bytes of batches CommitFromReserve can write on a full disk.
func (j *Journal) ReserveLeft() int64 { return j.left.Load() }

// takeReserve makes a journal file of the reserve. cause is why there is no other.
func (j *Journal) takeReserve(size int64, cause error) (*file, error) {
	j.making.Lock()
	defer j.making.Unlock()
	if !j.kept || size > j.o.ReserveBytes {
		return nil, fmt.Errorf("%w; %w", cause, errReserveUsed)
	}
	f := &file{seq: j.next, name: j.Name(j.next), size: j.o.ReserveBytes, last: true}
	j.next++
	if err := j.fs.Rename(path.Join(j.dir, reserveName), f.name); err != nil {
		return nil, noSpace(err)
	}
	j.kept = false
	j.left.Store(0)
	var err error
	if f.f, err = j.fs.OpenRW(f.name); err == nil {
		if err = j.fs.SyncDir(j.dir); err == nil {
			return f, nil
		}
		err = errors.Join(err, f.f.Close())
	}
	return nil, noSpace(errors.Join(err, j.fs.Remove(f.name)))
}

// keepReserve sees to it that the reserve is there, if there is room: it may take half of what is to stay free. j.making is held.
func (j *Journal) keepReserve() {
	if j.o.ReserveBytes == 0 || j.kept {
		return
	}
	if err := j.makeReserve(); err != nil {
		j.o.Logger.Warn("nothing is kept for making room on a full disk", "error", err)
		return
	}
	j.kept = true
	j.left.Store(j.o.ReserveBytes - block)
}

func (j *Journal) makeReserve() (err error) {
	f := &file{name: path.Join(j.dir, reserveName), size: j.o.ReserveBytes}
	if f.f, err = j.fs.OpenRW(f.name); err == nil {
		if size, err := f.f.Size(); err == nil && size == f.size {
			return j.settle(f)
		}
		if err := errors.Join(f.f.Close(), j.fs.Remove(f.name)); err != nil { // of another size, or a crash came while it was made
			return err
		}
	}
	if free, err := j.fs.Free(j.dir); err == nil && int64(min(free, math.MaxInt64)) < f.size+j.o.MinFreeBytes/2 {
		return fmt.Errorf("%w: %d bytes free", ErrDiskFull, free)
	}
	if f.f, err = j.fs.Create(f.name); err != nil {
		return err
	}
	if err = f.f.Allocate(f.size); err == nil {
		err = f.zero()
	}
	if err != nil {
		return noSpace(errors.Join(err, f.f.Close(), j.fs.Remove(f.name)))
	}
	return j.settle(f)
}

// settle makes a file and its name durable, and closes it.
func (j *Journal) settle(f *file) error {
	return errors.Join(f.f.Sync(), f.f.Close(), j.fs.SyncDir(j.dir))
}
