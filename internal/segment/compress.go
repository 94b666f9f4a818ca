package segment

import (
	"fmt"
	"hash/crc32"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/sluicelog/sluice/internal/wordzip"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func crc32c(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// compressor compresses the pages of one chunk after another. It has several encoders and learns from the first page of a chunk which
// is worth its time: words for text, a better and a simple general one for what else repeats, and literals where values have nothing in
// common but their alphabet, as ids do. What it learned holds for the next chunks of that column. Entropy coding of literals is always
// on, because half of the bits of a hexadecimal id are air.
type compressor struct {
	simple, better *zstd.Encoder
	words          wordzip.Encoder

	fast    bool   // of a small group, which will be merged soon: no time for the better one
	column  string // of the chunk
	chosen  method // for the rest of the chunk
	learned map[string]*lesson
	best    []byte // while choosing
	other   []byte
}

// method is one of the encoders.
type method uint8

const (
	undecided method = iota // before the first page of a chunk
	literals
	simple
	words
	better
)

// lesson is the method that was chosen for a column, and for how many chunks it still holds.
type lesson struct {
	method method
	left   int
}

const (
	lessonHolds = 16
	maxLessons  = 4096
)

// worthwhile is what a slower encoder has to save, in parts of the page; obvious is what words save where no other one need be tried.
const (
	worthwhile = 64
	obvious    = 32
)

func newCompressor() (*compressor, error) {
	simple, err := newEncoder(zstd.SpeedFastest)
	if err != nil {
		return nil, err
	}
	better, err := newEncoder(zstd.SpeedBetterCompression)
	return &compressor{simple: simple, better: better}, err
}

func newEncoder(level zstd.EncoderLevel) (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
		zstd.WithAllLitEntropyCompression(true), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
}

func (c *compressor) beginChunk(column string) {
	c.column, c.chosen = column, undecided
	l := c.learned[column]
	if l == nil || l.left == 0 {
		return
	}
	l.left--
	c.chosen = l.method
	if c.fast && l.method == better {
		c.chosen = simple
	}
}

// body is what is compressed: head bytes that are no text, and then values of the sizes given, if they are known.
type body struct {
	bytes []byte
	head  int
	sizes []int32
}

// compress appends the compressed form of a page.
func (c *compressor) compress(dst []byte, b body) []byte {
	if c.chosen != undecided {
		return c.encode(dst, b, c.chosen)
	}
	if len(b.bytes) < 1024 {
		return c.encode(dst, b, c.general())
	}
	c.choose(b)
	if !c.fast {
		c.learn()
	}
	return append(dst, c.best...)
}

func (c *compressor) encode(dst []byte, b body, m method) []byte {
	switch m {
	case literals:
		return c.words.AppendLiterals(dst, b.bytes, b.head)
	case words:
		return c.words.Append(dst, b.bytes, b.head, b.sizes)
	case better:
		return c.better.EncodeAll(b.bytes, dst)
	default:
		return c.simple.EncodeAll(b.bytes, dst)
	}
}

// general is the encoder for what is compressed as a whole.
func (c *compressor) general() method {
	if c.fast {
		return simple
	}
	return better
}

func (c *compressor) learn() {
	if c.learned == nil || len(c.learned) == maxLessons {
		c.learned = map[string]*lesson{}
	}
	c.learned[c.column] = &lesson{c.chosen, lessonHolds}
}

// choose tries the encoders, the quickest first.
func (c *compressor) choose(b body) {
	c.chosen, c.best = literals, c.encode(c.best[:0], b, literals)
	for _, m := range [...]method{simple, words, better} {
		if m == better && c.fast {
			return
		}
		c.other = c.encode(c.other[:0], b, m)
		saved := len(c.best) - len(c.other)
		if saved > len(b.bytes)/worthwhile {
			c.chosen = m
			c.best, c.other = c.other, c.best
		}
		if m == words && saved > len(b.bytes)/obvious {
			return
		}
	}
}

// decompressor is shared: DecodeAll may be called at once from many goroutines.
var decompressor = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxPageBytes))
})

// decompress returns the size bytes that in was made of.
func decompress(in []byte, size int) ([]byte, error) {
	d, err := decompressor()
	if err != nil {
		return nil, err
	}
	out, err := d.DecodeAll(in, make([]byte, 0, size))
	if err != nil {
		return nil, err
	}
	if len(out) != size {
		return nil, fmt.Errorf("%d bytes where %d were announced", len(out), size)
	}
	return out, nil
}

func crc32cUpdate(crc uint32, b []byte) uint32 { return crc32.Update(crc, castagnoli, b) }
