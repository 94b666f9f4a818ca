package segment

import (
	"context"

	"github.com/sluicelog/sluice/internal/objects"
)

const writeBuffer = 1 << 20

// objectWriter writes an object piece by piece and keeps account of where things are.
type objectWriter struct {
	to     objects.Writer
	buffer []byte
	size   int64  // bytes appended
	base   int64  // of the group being written
	sum    uint32 // CRC-32C of what was appended since it was set to 0
}

func createObject(ctx context.Context, store objects.Store, name string) (*objectWriter, error) {
	to, err := store.Create(ctx, name)
	if err != nil {
		return nil, err
	}
	return &objectWriter{to: to, buffer: make([]byte, 0, writeBuffer)}, nil
}

// append writes parts as one section, whose offset is relative to the base.
func (w *objectWriter) append(parts ...[]byte) (section, error) {
	s := section{offset: w.size - w.base}
	for _, p := range parts {
		s.length += int64(len(p))
		s.crc = crc32cUpdate(s.crc, p)
		w.sum = crc32cUpdate(w.sum, p)
		w.buffer = append(w.buffer, p...)
	}
	w.size += s.length
	if len(w.buffer) < writeBuffer {
		return s, nil
	}
	return s, w.flush()
}

func (w *objectWriter) flush() error {
	_, err := w.to.Write(w.buffer)
	w.buffer = w.buffer[:0]
	return err
}

func (w *objectWriter) commit(ctx context.Context) error {
	if err := w.flush(); err != nil {
		return err
	}
	return w.to.Commit(ctx)
}
