package logpb

import (
	"bytes"
	"slices"
	"sync"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Compress encodes raw into dst[:0], grown where needed, at the speed that suits answers on the wire. Its only error is
// Invalid "compresstype", for an unknown codec.
func Compress(dst []byte, c Codec, raw []byte) ([]byte, error) {
	dst = dst[:0]
	switch c {
	case None:
		return append(dst, raw...), nil
	case LZ4:
		return toLZ4(dst, raw)
	case Zstd:
		return toZstd(dst, raw), nil
	case Deflate:
		return toDeflate(dst, raw)
	}
	return nil, unknownCodec("compression %.32q", string(c))
}

var lz4s = sync.Pool{New: func() any { return new(lz4.Compressor) }}

// toLZ4 makes one raw block. With room for the worst case the compressor always succeeds: what does not compress becomes
// literals.
func toLZ4(dst, raw []byte) ([]byte, error) {
	bound := lz4.CompressBlockBound(len(raw))
	dst = slices.Grow(dst, bound)[:bound]
	c := lz4s.Get().(*lz4.Compressor)
	defer lz4s.Put(c)
	n, err := c.CompressBlock(raw, dst)
	return dst[:n], err
}

var zstds = sync.Pool{New: func() any {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithZeroFrames(true))
	if err != nil {
		panic(err) // the options are constants
	}
	return e
}}

func toZstd(dst, raw []byte) []byte {
	e := zstds.Get().(*zstd.Encoder)
	defer zstds.Put(e)
	return e.EncodeAll(raw, dst)
}

var zlibs = sync.Pool{New: func() any {
	w, err := zlib.NewWriterLevel(nil, zlib.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return w
}}

func toDeflate(dst, raw []byte) ([]byte, error) {
	w := zlibs.Get().(*zlib.Writer)
	defer zlibs.Put(w)
	out := bytes.NewBuffer(dst)
	w.Reset(out)
	if _, err := w.Write(raw); err != nil {
		return nil, err
	}
	err := w.Close()
	return out.Bytes(), err
}
