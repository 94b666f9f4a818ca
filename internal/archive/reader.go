package archive

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Sink takes the files of an archive.
type Sink interface {
	// Create begins a file whose name is one of those that archives have. Closed without an error, it is whole.
	Create(name string) (io.WriteCloser, error)
}

// Discard is a Sink that keeps nothing.
var Discard Sink = discard{}

type discard struct{ io.Writer }

func (discard) Create(string) (io.WriteCloser, error) { return discard{io.Discard}, nil }
func (discard) Close() error                          { return nil }

// Read reads an archive to its end, gives its files to sink, and compares them with the manifest: only when it returns without an error is
// what sink has a backup. header is told the header when it has come, if it is not nil. An error wraps [ErrDamaged] where the archive is
// to blame.
func Read(r io.Reader, sink Sink, header func(Header)) (*Manifest, error) {
	return read(r, sink, nil, header)
}

// read is Read for a sink that has some files already, kept: those that are listed and did not come are compared with them.
func read(r io.Reader, sink Sink, kept map[string]File, header func(Header)) (*Manifest, error) {
	in := &reader{tar: tar.NewReader(r), sink: sink, files: map[string]File{}}
	h, err := in.header()
	if err != nil {
		return nil, err
	}
	if header != nil {
		header(h)
	}
	m, err := in.rest()
	if err != nil {
		return nil, err
	}
	if m.Header.Version != h.Version || !m.Moment.Equal(h.Moment) {
		return nil, damaged("its header and its manifest are of different backups")
	}
	for _, f := range m.Entries {
		if have, ok := kept[f.Name]; ok { // and did not come, or it would be kept no more
			in.files[f.Name] = have
		}
	}
	return m, m.compare(in.files)
}

type reader struct {
	tar   *tar.Reader
	sink  Sink
	files map[string]File
}

// next is tar.Reader.Next with errors that say more.
func (in *reader) next() (*tar.Header, error) {
	entry, err := in.tar.Next()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, damaged("it ends too soon, so it was not finished or has been cut")
	case errors.Is(err, tar.ErrHeader):
		return nil, damaged("it is no archive, or is torn")
	case err != nil:
		return nil, err
	case entry.Typeflag != tar.TypeReg:
		return nil, damaged("%.200q is no plain file", entry.Name)
	}
	return entry, nil
}

func (in *reader) header() (Header, error) {
	entry, err := in.next()
	if err != nil {
		return Header{}, err
	}
	if entry.Name != headerName {
		return Header{}, damaged("it does not begin as one")
	}
	raw, err := in.small(entry, maxHeader)
	if err != nil {
		return Header{}, err
	}
	return parseHeader(raw)
}

// small reads an entry whole.
func (in *reader) small(entry *tar.Header, most int64) ([]byte, error) {
	if entry.Size > most {
		return nil, damaged("%s has %d bytes", entry.Name, entry.Size)
	}
	raw, err := io.ReadAll(in.tar)
	return raw, cut(err)
}

// rest reads the files, up to the manifest and the end behind it.
func (in *reader) rest() (*Manifest, error) {
	for {
		entry, err := in.next()
		if err != nil {
			return nil, err
		}
		if entry.Name == manifestName {
			return in.manifest(entry)
		}
		if err := CheckName(entry.Name); err != nil {
			return nil, err
		}
		if _, again := in.files[entry.Name]; again {
			return nil, damaged("%s comes twice", entry.Name)
		}
		if in.files[entry.Name], err = in.file(entry.Name, in.tar); err != nil {
			return nil, err
		}
	}
}

// file gives one file to the sink and adds it up.
func (in *reader) file(name string, r io.Reader) (File, error) {
	out, err := in.sink.Create(name)
	if err != nil {
		return File{}, err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum), r)
	if err := errors.Join(cut(err), out.Close()); err != nil {
		return File{}, fmt.Errorf("%s: %w", name, err)
	}
	return File{Name: name, Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

func (in *reader) manifest(entry *tar.Header) (*Manifest, error) {
	raw, err := in.small(entry, maxManifest)
	if err != nil {
		return nil, err
	}
	var m Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, damaged("its manifest cannot be read: %v", err)
	}
	if _, err := in.tar.Next(); !errors.Is(err, io.EOF) {
		return nil, damaged("something follows its manifest")
	}
	return &m, nil
}

// cut says of an error while reading an entry that the archive ends in it, if it does.
func cut(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return damaged("it ends too soon, so it was not finished or has been cut")
	}
	return err
}
