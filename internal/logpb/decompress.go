package logpb

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/sluicelog/sluice"
)

// expansion is how many bytes one compressed byte can become at most. A claimed size beyond it is a lie that we need not
// allocate memory to find out.
var expansion = map[Codec]int{
	None:    1,
	LZ4:     255,     // a byte of match length
	Deflate: 1032,    // four matches of 258 bytes at one bit for length and distance each
	Zstd:    1 << 15, // a block of 128 KiB in four bytes
}

// Decompress decodes src into dst[:0], grown where needed, and returns exactly rawSize bytes. The caller has capped
// rawSize; what is allocated follows from it alone, whatever src holds. Errors are *[sluice.Error] of kind Invalid: noun
// "compresstype" for an unknown codec, "body-compressed" for bytes that are not rawSize bytes compressed by c.
func Decompress(dst []byte, c Codec, src []byte, rawSize int) ([]byte, error) {
	most, known := expansion[c]
	if !known {
		return nil, unknownCodec("compression %.32q", string(c))
	}
	if rawSize < 0 || len(src) < (rawSize+most-1)/most {
		return nil, notCompressed(c, errSize)
	}
	dst = slices.Grow(dst[:0], rawSize)[:rawSize]
	var err error
	switch c {
	case None:
		err = sized(rawSize, len(src))
		copy(dst, src)
	case LZ4:
		err = unLZ4(dst, src)
	case Zstd:
		err = unZstd(dst, src)
	case Deflate:
		err = unDeflate(dst, src)
	}
	if err != nil {
		return nil, notCompressed(c, err)
	}
	return dst, nil
}

var errSize = errors.New("the size is not the claimed one")

func notCompressed(c Codec, err error) error {
	return sluice.Errorf(sluice.Invalid, "body-compressed", "the body cannot be uncompressed (%q): %w", string(c), err)
}

func sized(want, got int) error {
	if got != want {
		return errSize
	}
	return nil
}

func unLZ4(dst, src []byte) error {
	if len(dst) == 0 { // the decoder cannot be asked: an empty block is one token without literals
		if len(src) > 1 || len(src) == 1 && src[0] != 0 {
			return errSize
		}
		return nil
	}
	n, err := lz4.UncompressBlock(src, dst)
	if err != nil {
		return err
	}
	return sized(len(dst), n)
}

// unzstd pools decoders, each of which works alone and stops at the capacity of what it is given.
var unzstd = sync.Pool{New: func() any {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		panic(err) // the options are constants
	}
	return d
}}

func unZstd(dst, src []byte) error {
	d := unzstd.Get().(*zstd.Decoder)
	defer unzstd.Put(d)
	out, err := d.DecodeAll(src, dst[:0:len(dst)])
	if err != nil {
		return err
	}
	return sized(len(dst), len(out))
}

var (
	unzlib  = sync.Pool{New: func() any { return new(zlibReader) }}
	unflate = sync.Pool{New: func() any { return flate.NewReader(nil) }}
)

// zlibReader is a zlib reader that can be made before there is anything to read.
type zlibReader struct{ r io.ReadCloser }

func (z *zlibReader) reset(src io.Reader) (err error) {
	if z.r == nil {
		z.r, err = zlib.NewReader(src)
		return err
	}
	return z.r.(zlib.Resetter).Reset(src, nil)
}

// unDeflate reads a zlib stream, or else a raw one (reference sls-api 3.3).
func unDeflate(dst, src []byte) error {
	z := unzlib.Get().(*zlibReader)
	defer unzlib.Put(z)
	in := bytes.NewReader(src)
	err := z.reset(in)
	if err == nil {
		if err = readExactly(dst, z.r, in); err == nil {
			return nil
		}
	}
	f := unflate.Get().(io.ReadCloser)
	defer unflate.Put(f)
	in.Reset(src)
	if f.(flate.Resetter).Reset(in, nil) == nil && readExactly(dst, f, in) == nil {
		return nil
	}
	return err
}

// readExactly fills dst from r, which has to end there, and so has the input behind it.
func readExactly(dst []byte, r io.Reader, in *bytes.Reader) error {
	if _, err := io.ReadFull(r, dst); err != nil {
		return err
	}
	var more [1]byte
	if _, err := io.ReadFull(r, more[:]); err != io.EOF {
		return cmp.Or(err, errSize)
	}
	return sized(0, in.Len())
}
