package encode

import (
	"encoding/binary"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Compression is how a body is compressed.
type Compression string

// The compressions. Gzip is RFC 1952, Zlib RFC 1950, LZ4 and Zstd their frame formats; Snappy is one raw block, as the SLS shipper
// writes it, not the framing format.
const (
	None   Compression = "none"
	Gzip   Compression = "gzip"
	Zlib   Compression = "zlib"
	Snappy Compression = "snappy"
	LZ4    Compression = "lz4"
	Zstd   Compression = "zstd"
)

// codec is what there is to know of a compression.
type codec struct {
	encoding  string // of HTTP
	extension string
	memory    int64 // about what one compressor holds
	pool      *sync.Pool
}

// compressor is what the libraries' writers have in common.
type compressor interface {
	io.WriteCloser
	Reset(w io.Writer)
}

var codecs = map[Compression]codec{
	"":     {},
	None:   {},
	Gzip:   {"gzip", ".gz", 1 << 20, pool(func() (compressor, error) { return gzip.NewWriterLevel(nil, gzip.BestSpeed) })},
	Zlib:   {"deflate", ".zz", 1 << 20, pool(func() (compressor, error) { return zlib.NewWriterLevel(nil, zlib.BestSpeed) })},
	Snappy: {"snappy", ".snappy", 128 << 10, pool(func() (compressor, error) { return new(snappyBlock), nil })},
	LZ4:    {"lz4", ".lz4", 1 << 20, pool(newLZ4)},
	Zstd:   {"zstd", ".zst", 8 << 20, pool(newZstd)},
}

// pool makes a pool; open fails for wrong options alone, and they are constants.
func pool[C any](open func() (C, error)) *sync.Pool {
	return &sync.Pool{New: func() any {
		c, err := open()
		if err != nil {
			panic(err)
		}
		return c
	}}
}

func newLZ4() (compressor, error) {
	w := lz4.NewWriter(nil)
	return w, w.Apply(lz4.BlockSizeOption(lz4.Block256Kb), lz4.ConcurrencyOption(1))
}

func newZstd() (compressor, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
}

func (c Compression) validate() error {
	if _, ok := codecs[c]; !ok {
		return invalid("compression", "%.40q is none of none, gzip, zlib, snappy, lz4 and zstd", string(c))
	}
	return nil
}

// snappyBlock makes one raw block of Snappy of any length in little memory: a block is its length and then pieces, none of which
// refers to what is more than 64 KiB before it. So pieces are compressed on their own; whoever has the pieces puts the length before them.
type snappyBlock struct {
	w     io.Writer
	piece []byte // less than snappyPiece
	out   []byte
	raw   uint64
}

const snappyPiece = 64 << 10

func (s *snappyBlock) Reset(w io.Writer) {
	*s = snappyBlock{w: w, piece: s.piece[:0], out: s.out}
}

func (s *snappyBlock) Write(p []byte) (int, error) {
	n := len(p)
	s.raw += uint64(n)
	for len(s.piece)+len(p) >= snappyPiece {
		take := snappyPiece - len(s.piece)
		s.piece = append(s.piece, p[:take]...)
		p = p[take:]
		if err := s.flush(); err != nil {
			return 0, err
		}
	}
	s.piece = append(s.piece, p...)
	return n, nil
}

func (s *snappyBlock) flush() error {
	if len(s.piece) == 0 {
		return nil
	}
	if s.out == nil {
		s.out = make([]byte, s2.MaxEncodedLen(snappyPiece))
	}
	block := s2.EncodeSnappy(s.out, s.piece)
	_, length := binary.Uvarint(block)
	s.piece = s.piece[:0]
	_, err := s.w.Write(block[length:])
	return err
}

// Close writes the last piece.
func (s *snappyBlock) Close() error { return s.flush() }

// head is what stands before the pieces.
func (s *snappyBlock) head() []byte { return binary.AppendUvarint(nil, s.raw) }
