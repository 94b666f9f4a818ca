package segment

import (
	"fmt"
	"hash/crc32"
	"sync"

	"github.com/klauspost/compress/zstd"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func crc32c(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// newCompressor returns an encoder for pages. Entropy coding of literals is always on: hexadecimal ids have no repetitions, but
// half of their bits are air.
func newCompressor(fast bool) (*zstd.Encoder, error) {
	level := zstd.SpeedDefault
	if fast {
		level = zstd.SpeedFastest
	}
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
		zstd.WithAllLitEntropyCompression(true), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
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
