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

// Add writes one file, the next size bytes of r.
func (a *Writer) Add(name string, size int64, r io.Reader) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if err := a.begin(name, size); err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(a.tar, sum), io.LimitReader(r, size))
	if err != nil {
		return fmt.Errorf("back up %s: %w", name, err)
	}
	if n < size {
		return fmt.Errorf("back up %s: it has %d bytes, not %d", name, n, size)
	}
	a.manifest.Entries = append(a.manifest.Entries, File{Name: name, Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))})
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
