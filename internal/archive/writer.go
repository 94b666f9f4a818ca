package archive

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Writer writes an archive as a stream. It belongs to one goroutine.
type Writer struct {
	tar      *tar.Writer
	manifest Manifest
}

// NewWriter begins an archive with its header. Version is filled in.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	h.Version = Version
	if h.Left == nil {
		h.Left = []string{}
	}
	a := &Writer{tar: tar.NewWriter(w), manifest: Manifest{Header: h, Entries: []File{}}}
	return a, a.json(headerName, h)
}

// Add writes one file, the next size bytes of r, and returns what the manifest says of it.
func (a *Writer) Add(name string, size int64, r io.Reader) (File, error) {
	if err := CheckName(name); err != nil {
		return File{}, err
	}
	if err := a.begin(name, size); err != nil {
		return File{}, err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(a.tar, sum), io.LimitReader(r, size))
	if err != nil {
		return File{}, fmt.Errorf("back up %s: %w", name, err)
	}
	if n < size {
		return File{}, fmt.Errorf("back up %s: it has %d bytes, not %d", name, n, size)
	}
	f := File{Name: name, Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))}
	a.manifest.Entries = append(a.manifest.Entries, f)
	return f, nil
}

// Keep lists a file in the manifest whose bytes the reader has already. Only a [Draft] that said so can read the archive then.
func (a *Writer) Keep(f File) error {
	if !Lasting(f.Name) {
		return fmt.Errorf("back up %.200q: a file of that name is always sent", f.Name)
	}
	a.manifest.Entries = append(a.manifest.Entries, f)
	return nil
}

// Close ends the archive with its manifest. An archive that was not closed is not complete, and says so to its readers.
func (a *Writer) Close() error {
	if err := a.json(manifestName, a.manifest); err != nil {
		return err
	}
	return a.tar.Close()
}

func (a *Writer) begin(name string, size int64) error {
	return a.tar.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: a.manifest.Moment.Truncate(time.Second), Format: tar.FormatPAX,
	})
}

func (a *Writer) json(name string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := a.begin(name, int64(len(raw))); err != nil {
		return err
	}
	_, err = a.tar.Write(raw)
	return err
}
