package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const sumsFile = "SHA256SUMS"

// noticesFile is in every archive.
const noticesFile = "THIRD-PARTY-NOTICES.txt"

// build makes dir: the bundles that only names, or all, with their bills of materials and the sums of all. It is there whole or not at all.
func build(ctx context.Context, src *source, dir, only string, out io.Writer) error {
	list, missing, err := chosen(src.version, only)
	if err != nil {
		return err
	}
	if err := mayReplace(dir); err != nil {
		return err
	}
	partial := filepath.Clean(dir) + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return err
	}
	defer os.RemoveAll(partial) // of what failed
	if err := os.MkdirAll(partial, 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "release-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	shop := newWorkshop(src, temp)
	var sums bytes.Buffer
	for _, b := range list {
		if err := shop.bundle(ctx, b, partial, &sums); err != nil {
			return err
		}
		fmt.Fprintln(out, "made", b.file(src.version))
	}
	if err := os.WriteFile(filepath.Join(partial, sumsFile), sums.Bytes(), 0o644); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.Rename(partial, dir); err != nil {
		return err
	}
	return report(src, dir, missing, only != "", out)
}

// mayReplace looks that dir is not there, or is what build made: it is removed.
func mayReplace(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, sumsFile)); err != nil {
		return fmt.Errorf("%s is not of an earlier build, and would be removed: it has no %s", dir, sumsFile)
	}
	return nil
}

// report says what there is, what there is not, and what comes next.
func report(src *source, dir string, missing []error, partial bool, out io.Writer) error {
	fmt.Fprintf(out, "\n%s has version %s of commit %.12s, with %s over all of it.\n", dir, src.version, src.commit, sumsFile)
	for _, err := range missing {
		fmt.Fprintln(out, err)
	}
	switch {
	case partial:
		fmt.Fprintln(out, "It is not all of the version: only some was asked for.")
	case !src.tagged:
		fmt.Fprintf(out, "Next: build once more elsewhere and compare %s; then git tag -s v%s %.12s\n", sumsFile, src.version, src.commit)
	}
	return nil
}

// bundle makes one archive and its bill of materials, and adds their sums.
func (w *workshop) bundle(ctx context.Context, b bundle, dir string, sums io.Writer) error {
	entries, parts, err := w.contents(ctx, b)
	if err != nil {
		return err
	}
	archive := b.file(w.src.version)
	if err := pack(filepath.Join(dir, archive), b.dir(w.src.version), w.src.time, entries); err != nil {
		return err
	}
	sum, err := sumOf(filepath.Join(dir, archive))
	if err != nil {
		return err
	}
	fmt.Fprintf(sums, "%s  %s\n", sum, archive)
	var bom bytes.Buffer
	if err := writeBOM(&bom, w.src, archive, sum, parts); err != nil {
		return err
	}
	name := b.dir(w.src.version) + ".cdx.json"
	fmt.Fprintf(sums, "%x  %s\n", sha256.Sum256(bom.Bytes()), name)
	return os.WriteFile(filepath.Join(dir, name), bom.Bytes(), 0o644)
}

// contents are the files of a bundle, and the parts of others that are in its programs.
func (w *workshop) contents(ctx context.Context, b bundle) ([]entry, []part, error) {
	list, err := w.src.tracked(ctx, b.tracked)
	if err != nil {
		return nil, nil, err
	}
	var programs []string
	for _, name := range b.programs {
		path, err := w.program(ctx, name, b.on)
		if err != nil {
			return nil, nil, err
		}
		if cgo[name] {
			if err := noBenchmarks(path); err != nil {
				return nil, nil, err
			}
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, entry{name: "bin/" + b.on.file(name), content: content, program: true})
		programs = append(programs, path)
	}
	for _, name := range b.pages {
		pages, err := w.pages(ctx, name)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, pages...)
	}
	needs, err := libraries(programs)
	if err != nil {
		return nil, nil, err
	}
	if needs != "" {
		list = append(list, entry{name: "REQUIREMENTS.txt", content: []byte(needs)})
	}
	parts, err := partsOf(programs)
	if err != nil {
		return nil, nil, err
	}
	var notices bytes.Buffer
	if err := writeNotices(&notices, parts); err != nil {
		return nil, nil, err
	}
	return append(list, entry{name: noticesFile, content: notices.Bytes()}), parts, nil
}

// tracked reads files of the project, and all below directories, as far as they are in the repository.
func (s *source) tracked(ctx context.Context, paths []string) ([]entry, error) {
	names, err := s.git(ctx, append([]string{"ls-files", "-z", "--error-unmatch", "--"}, paths...)...)
	if err != nil {
		return nil, err
	}
	var list []entry
	for name := range strings.SplitSeq(strings.TrimSuffix(names, "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(s.root, name))
		if err != nil {
			return nil, err
		}
		list = append(list, entry{name: name, content: content})
	}
	return list, nil
}

func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}
