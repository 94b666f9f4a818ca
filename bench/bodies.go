package main

import (
	"bufio"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sluicelog/sluice/internal/logpb"
)

// body is a log group ready to be sent.
type body struct {
	data []byte // one LZ4 block
	md5  string
	raw  int
}

// pack compresses the bytes of a log group, into dst if they fit there.
func pack(dst, raw []byte) (body, error) {
	data, err := logpb.Compress(dst, logpb.LZ4, raw)
	if err != nil {
		return body{}, err
	}
	sum := md5.Sum(data)
	return body{data, strings.ToUpper(hex.EncodeToString(sum[:])), len(raw)}, nil
}

// bodies are log groups of a data set, drawn and compressed before anything is measured, and mapped from a file: on a small machine the
// load shall take as little as possible from the server, and three million records are not to be held in memory.
type bodies struct {
	list    []body
	records int
	raw     int64 // bytes before compression
	mapped  []byte
}

// draw draws n log groups into a file in dir that has no name.
func draw(dir string, d *dataset, n int) (*bodies, error) {
	f, err := os.CreateTemp(dir, "bodies-*")
	if err != nil {
		return nil, err
	}
	defer f.Close() // the mapping stays
	if err := os.Remove(f.Name()); err != nil {
		return nil, err
	}
	records := n * d.groupRecords
	next := d.draw(time.Now().Add(-time.Hour - time.Duration(records)*d.apart)) // so that the last one is not ahead of the clock
	b := &bodies{list: make([]body, n), records: records}
	ends := make([]int, n)
	size := 0
	var raw, block []byte
	w := bufio.NewWriterSize(f, 1<<20)
	for i := range n {
		raw = logpb.Append(raw[:0], d.group(next))
		if b.list[i], err = pack(block[:0], raw); err != nil {
			return nil, err
		}
		block = b.list[i].data
		b.raw += int64(len(raw))
		if _, err := w.Write(block); err != nil {
			return nil, err
		}
		size += len(block)
		ends[i] = size
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	if b.mapped, err = unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED); err != nil {
		return nil, fmt.Errorf("map the log groups: %w", err)
	}
	begin := 0
	for i, end := range ends {
		b.list[i].data = b.mapped[begin:end:end]
		begin = end
	}
	return b, nil
}

func (b *bodies) close() error { return unix.Munmap(b.mapped) }

// total is the raw size of the first n log groups that are sent, when all are sent again and again.
func (b *bodies) total(n int) int64 {
	total := int64(n/len(b.list)) * b.raw
	for _, one := range b.list[:n%len(b.list)] {
		total += int64(one.raw)
	}
	return total
}
