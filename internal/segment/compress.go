package segment

import (
	"fmt"
	"hash/crc32"
	"sync"

	"github.com/klauspost/compress/zstd"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func crc32c(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// compressor compresses the pages of one chunk after another. It has two encoders and learns from the first page of each chunk which
// is worth its time: where values have nothing in common but their alphabet, as ids do, the simple one is as good. Entropy coding
// of literals is always on, because half of the bits of a hexadecimal id are air.
type compressor struct {
	fast           bool // of a small group, which will be merged soon: no time for the better one
	simple, better *zstd.Encoder
	chosen         *zstd.Encoder // for the rest of the chunk; nil before its first page
	trial          []byte
}

// worthwhile is what the better encoder has to save, in parts of the page.
const worthwhile = 64

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

func (c *compressor) beginChunk() { c.chosen = nil }

// encoder is for what is compressed as a whole.
func (c *compressor) encoder() *zstd.Encoder {
	if c.fast {
		return c.simple
	}
	return c.better
}

// compress appends the compressed form of a page.
func (c *compressor) compress(dst, page []byte) []byte {
	switch {
	case c.chosen != nil:
		return c.chosen.EncodeAll(page, dst)
	case c.fast || len(page) < 1024:
		return c.encoder().EncodeAll(page, dst)
	}
	c.trial = c.simple.EncodeAll(page, c.trial[:0])
	dst = c.better.EncodeAll(page, dst)
	c.chosen = c.better
	if len(dst)+len(page)/worthwhile > len(c.trial) {
		c.chosen = c.simple
	}
	return dst
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
