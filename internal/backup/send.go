package backup

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/sluicelog/sluice/internal/archive"
	"github.com/sluicelog/sluice/internal/shard"
)

// sendBuffer gathers what goes to the client: the archive is written in small pieces.
const sendBuffer = 1 << 20

// WriteTo sends the backup as an archive. It is complete only if the error is nil.
func (k *Backup) WriteTo(ctx context.Context, w io.Writer) error {
	buffered := bufio.NewWriterSize(w, sendBuffer)
	a, err := archive.NewWriter(buffered, k.header)
	if err != nil {
		return err
	}
	for _, f := range k.state {
		if err := sendState(a, f); err != nil {
			return err
		}
	}
	if err := k.sendHeld(ctx, a, k.hold.Journal()); err != nil {
		return err
	}
	if err := k.hold.JournalCopied(); err != nil {
		k.b.node.Logger.Warn("the journal could not be shortened after it was backed up", "error", err) // the mover tries again
	}
	for _, list := range [][]shard.HeldFile{k.hold.Sealed(), k.index} {
		if err := k.sendHeld(ctx, a, list); err != nil {
			return err
		}
	}
	if err := errors.Join(a.Close(), buffered.Flush()); err != nil {
		return err
	}
	if err := k.sums.save(k.b.node.Dir, k.b.temp()); err != nil {
		k.b.node.Logger.Warn("the next backup has to read files again: what this one read could not be noted", "error", err)
	}
	return nil
}

// sendHeld sends files, and looks behind each whether it was still held.
func (k *Backup) sendHeld(ctx context.Context, a *archive.Writer, files []shard.HeldFile) error {
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := errors.Join(k.hold.Err(), k.keepOrSend(a, f)); err != nil {
			return err
		}
	}
	return nil
}

// keepOrSend lists a file that the client has, and sends any other.
func (k *Backup) keepOrSend(a *archive.Writer, file shard.HeldFile) error {
	name := k.name(file)
	f, err := os.Open(file.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	if claim, ok := k.have.possible(name, file); ok {
		found, err := k.sums.of(name, f, file.Size)
		if err != nil {
			return err
		}
		if found == claim {
			return a.Keep(claim)
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	is, err := stampOf(f)
	if err != nil {
		return err
	}
	sent, err := a.Add(name, file.Size, f)
	if err == nil {
		k.sums.learn(sent, is)
	}
	return err
}

// name is what a file is called in the archive.
func (k *Backup) name(file shard.HeldFile) string {
	name, err := filepath.Rel(k.b.node.Dir, file.Path)
	if err != nil {
		return file.Path // which no archive takes
	}
	return filepath.ToSlash(name)
}

// sendState sends a file of which there is one.
func sendState(a *archive.Writer, file shard.HeldFile) error {
	f, err := os.Open(file.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = a.Add(filepath.Base(file.Path), file.Size, f)
	return err
}
