package sheet

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/sluicelog/sluice"
)

// Spool keeps rows in a temporary file and notes their columns, in the order in which they first came.
//
//	row:   number of fields, then for each field its column, the length of its text, the text; all numbers uvarints
type Spool struct {
	columns []Column
	numbers map[string]int // of columns
	kinds   map[string]Kind
	file    *os.File
	w       *bufio.Writer
	rows    int
}

// NewSpool returns a spool of rows that have these columns, and others when they come. Of kinds not said, columns are text.
func NewSpool(columns []string, kinds map[string]Kind) (*Spool, error) {
	file, err := os.CreateTemp("", "sluice-*.spool")
	if err != nil {
		return nil, fmt.Errorf("a place for rows: %w", err)
	}
	s := &Spool{file: file, w: bufio.NewWriter(file), numbers: map[string]int{}, kinds: kinds}
	for _, name := range columns {
		s.column(name)
	}
	return s, nil
}

func (s *Spool) column(name string) int {
	n, ok := s.numbers[name]
	if !ok {
		n = len(s.columns)
		s.numbers[name] = n
		s.columns = append(s.columns, Column{Name: name, Kind: s.kinds[name]})
	}
	return n
}

// Add keeps a row. A column whose kind does not accept one of its texts becomes text, except that "null" is no value there.
func (s *Spool) Add(row []sluice.Field) error {
	s.rows++
	s.number(len(row))
	var err error
	for _, f := range row {
		n := s.column(f.Key)
		if c := &s.columns[n]; f.Value != null && !c.Kind.accepts(f.Value) {
			c.Kind = Text
		}
		s.number(n)
		s.number(len(f.Value))
		_, err = s.w.WriteString(f.Value)
	}
	if err != nil {
		return fmt.Errorf("keep rows: %w", err)
	}
	return nil
}

// null is how the server writes NULL.
const null = "null"

func (s *Spool) number(n int) {
	var buf [binary.MaxVarintLen64]byte
	s.w.Write(binary.AppendUvarint(buf[:0], uint64(n))) //nolint:errcheck // the writer keeps its first error, and gives it to those who come later
}

// WriteTo writes all rows to w as a file of a format.
func (s *Spool) WriteTo(format string, to io.Writer) error {
	if err := s.w.Flush(); err != nil {
		return fmt.Errorf("keep rows: %w", err)
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read rows: %w", err)
	}
	w, err := New(format, to, s.columns)
	if err != nil {
		return err
	}
	in := bufio.NewReader(s.file)
	cells := make([]Cell, len(s.columns))
	for range s.rows {
		if err := s.read(in, cells); err != nil {
			return fmt.Errorf("read rows: %w", err)
		}
		if err := w.Write(cells); err != nil {
			return err
		}
	}
	return w.Close()
}

func (s *Spool) read(in *bufio.Reader, cells []Cell) error {
	for i := range cells {
		cells[i] = Cell{Null: true}
	}
	fields, err := binary.ReadUvarint(in)
	if err != nil {
		return err
	}
	for range fields {
		n, err := binary.ReadUvarint(in)
		if err != nil {
			return err
		}
		size, err := binary.ReadUvarint(in)
		if err != nil {
			return err
		}
		text := make([]byte, size)
		if _, err := io.ReadFull(in, text); err != nil {
			return err
		}
		cells[n] = Cell{Text: string(text)}
		if string(text) == null && s.columns[n].Kind != Text {
			cells[n] = Cell{Null: true}
		}
	}
	return nil
}

// Close removes the rows.
func (s *Spool) Close() error {
	return errors.Join(s.file.Close(), os.Remove(s.file.Name()))
}
