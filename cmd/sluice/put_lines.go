package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/sluicelog/sluice/cmd/sluice/internal/record"
)

// maxLine is the longest line that can be a log: the largest request that the server takes.
const maxLine = 10 << 20

var errLongLine = fmt.Errorf("the line is longer than %d bytes", maxLine)

// mark is a point between two lines of the inputs.
type mark struct {
	index  int   // of the input
	offset int64 // in it
}

// item is a line that was read, or the error that ended reading.
type item struct {
	entry    record.Entry
	end      mark
	size     int64  // bytes of the line
	rejected string // why it is not a log: file, line and reason
	fatal    error
}

// lineReader gives the lines of an input and where they end.
type lineReader struct {
	r      *bufio.Reader
	offset int64 // behind the last line
	number int   // of the last line, from 1
	line   []byte
}

// next returns the next line without its line break, valid until the next call. A line that is too long is skipped and is
// errLongLine; at the end it returns io.EOF.
func (l *lineReader) next() ([]byte, error) {
	l.line = l.line[:0]
	tooLong := false
	for {
		chunk, err := l.r.ReadSlice('\n')
		l.offset += int64(len(chunk))
		if tooLong = tooLong || len(l.line)+len(chunk) > maxLine; !tooLong {
			l.line = append(l.line, chunk...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == io.EOF && len(l.line) == 0 && !tooLong:
			return nil, io.EOF
		case err != nil && err != io.EOF:
			return nil, err
		}
		l.number++
		if tooLong {
			return nil, errLongLine
		}
		return trimBreak(l.line), nil
	}
}

func trimBreak(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line
}

// read sends every line of the inputs to items and closes it. It parses on the way, beside the sending.
func (p *putter) read(ctx context.Context, names []string, items chan<- item) {
	defer close(items)
	for i, name := range names {
		if err := p.readInput(ctx, i, name, items); err != nil {
			send(ctx, items, item{fatal: err})
			return
		}
	}
}

func send(ctx context.Context, items chan<- item, it item) bool {
	select {
	case items <- it:
		return true
	case <-ctx.Done():
		return false
	}
}

func (p *putter) readInput(ctx context.Context, index int, name string, items chan<- item) error {
	in, err := p.open(index, name)
	if err != nil {
		return err
	}
	defer in.Close()
	lines := &lineReader{r: bufio.NewReaderSize(in, 64<<10)}
	if index == 0 {
		lines.offset = p.o.offset
	}
	parser, err := p.parser(lines.r)
	if err != nil {
		return fmt.Errorf("read %s: %w", in.name, err)
	}
	for {
		begin := lines.offset
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		it := item{end: mark{index, lines.offset}, size: lines.offset - begin}
		switch {
		case errors.Is(err, errLongLine):
		case err != nil:
			return fmt.Errorf("read %s: %w", in.name, err)
		case len(line) == 0:
			continue
		default:
			it.entry, err = parser.Parse(line)
		}
		if err != nil {
			it.rejected = fmt.Sprintf("%s:%d: %v", in.name, lines.number, err)
		}
		if !send(ctx, items, it) {
			return nil
		}
	}
}

// parser chooses how to read an input by its first bytes, unless a flag says.
func (p *putter) parser(r *bufio.Reader) (*record.Parser, error) {
	parser := &record.Parser{
		Format: record.Format(p.o.format), Field: p.o.field, TimeField: p.o.timeField, Flatten: p.o.flatten, Location: time.Local,
	}
	if p.o.format == "auto" {
		head, err := peek(r)
		if err != nil {
			return nil, err
		}
		parser.Format = record.Detect(head)
	}
	return parser, nil
}

// peek returns what a first read gives, without waiting for more: a pipe may be slow.
func peek(r *bufio.Reader) ([]byte, error) {
	if _, err := r.Peek(1); err != nil && err != io.EOF {
		return nil, err
	}
	return r.Peek(r.Buffered())
}
