package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"cmp"
	"compress/gzip"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// entry is a file of an archive.
type entry struct {
	name    string // below the archive's directory, with slashes
	content []byte
	program bool // it is to be run
}

func (e entry) mode() int64 {
	if e.program {
		return 0o755
	}
	return 0o644
}

// pack writes an archive to path: files of one directory, by name, of one time and of nobody. A name that ends in .zip says that it is for
// Windows; all others are tar.gz. The bytes depend on the arguments alone.
func pack(path, dir string, at time.Time, entries []entry) error {
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	var b bytes.Buffer
	write := writeTar
	if strings.HasSuffix(path, ".zip") {
		write = writeZip
	}
	if err := write(&b, dir, at, entries); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

func writeTar(w io.Writer, dir string, at time.Time, entries []entry) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression) // its header has neither name nor time
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	for _, e := range entries {
		// The oldest format that holds it, which everything reads: no extended times, no owners.
		h := tar.Header{Typeflag: tar.TypeReg, Name: dir + "/" + e.name, Size: int64(len(e.content)), Mode: e.mode(), ModTime: at.Truncate(time.Second)}
		if err := t.WriteHeader(&h); err != nil {
			return err
		}
		if _, err := t.Write(e.content); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return z.Close()
}

func writeZip(w io.Writer, dir string, at time.Time, entries []entry) error {
	z := zip.NewWriter(w)
	for _, e := range entries {
		h := zip.FileHeader{Name: dir + "/" + e.name, Method: zip.Deflate, Modified: at.UTC().Truncate(2 * time.Second)} // what the format tells apart
		h.SetMode(os.FileMode(e.mode()))
		f, err := z.CreateHeader(&h)
		if err != nil {
			return err
		}
		if _, err := f.Write(e.content); err != nil {
			return err
		}
	}
	return z.Close()
}
