package lz4block

import (
	"errors"
	"fmt"

	"github.com/pierrec/lz4/v4"
)

// minEnd is how many literals have to end a block: the format reserves its last five bytes for literals, and the reference
// decoder refuses a block whose last match reaches into them.
const minEnd = 5

// ErrShape says that a block decodes but cannot be joined: it does not end in literals the way the format demands. Such a
// block is to be compressed again.
var ErrShape = errors.New("lz4 block does not end in five literals")

var errTruncated = errors.New("lz4 block ends inside a sequence")

// Tail returns where the last sequence of block starts, which is what [Joiner.Block] needs to know. It walks the sequences
// without decoding them, so it costs a fraction of decompression; it is no proof that the block decodes.
func Tail(block []byte) (int, error) {
	for i := 0; i < len(block); {
		start := i
		_, end, err := literals(block, i)
		if err != nil {
			return 0, err
		}
		if end == len(block) {
			if start > 0 && end-start-1 < minEnd {
				return 0, ErrShape
			}
			return start, nil
		}
		if i = end + 2; i > len(block) {
			return 0, errTruncated
		}
		if block[start]&15 == 15 {
			if _, i, err = extend(block, i, 15); err != nil {
				return 0, err
			}
		}
	}
	if len(block) == 0 {
		return 0, errTruncated
	}
	return 0, ErrShape // ends in a match
}

// literals returns the literals of the sequence at i as block[start:end].
func literals(block []byte, i int) (start, end int, err error) {
	n := int(block[i] >> 4)
	i++
	if n == 15 {
		if n, i, err = extend(block, i, n); err != nil {
			return 0, 0, err
		}
	}
	if n > len(block)-i {
		return 0, 0, errTruncated
	}
	return i, i + n, nil
}

// extend adds the length bytes at i to n: each 255 goes on, the first other one ends.
func extend(block []byte, i, n int) (length, next int, err error) {
	for i < len(block) {
		b := block[i]
		i++
		n += int(b)
		if b != 255 {
			return n, i, nil
		}
	}
	return 0, 0, errTruncated
}

// Joiner builds one LZ4 block out of plain bytes and other blocks. The zero value is not usable; see [NewJoiner].
type Joiner struct {
	out []byte
	lit []byte // literals that still wait for the match behind them
}

// NewJoiner returns a Joiner that appends to dst.
func NewJoiner(dst []byte) *Joiner { return &Joiner{out: dst} }

// Reset makes j append to dst, keeping its memory.
func (j *Joiner) Reset(dst []byte) { j.out, j.lit = dst, j.lit[:0] }

// Literals adds plain bytes.
func (j *Joiner) Literals(b []byte) { j.lit = append(j.lit, b...) }

// Block adds a block whose last sequence starts at tail. The block must be one that [Tail] accepted.
func (j *Joiner) Block(block []byte, tail int) error {
	if tail < 0 || tail >= len(block) {
		return fmt.Errorf("join lz4 block of %d bytes: tail at %d", len(block), tail)
	}
	last, end, err := literals(block, tail)
	if err != nil || end != len(block) {
		return fmt.Errorf("join lz4 block of %d bytes: no last sequence at %d", len(block), tail)
	}
	if tail > 0 {
		first, rest, err := literals(block, 0)
		if err != nil || rest > tail {
			return fmt.Errorf("join lz4 block of %d bytes: bad first sequence", len(block))
		}
		j.lit = append(j.lit, block[first:rest]...)
		j.sequence(block[0] & 15)
		j.out = append(j.out, block[rest:tail]...)
	}
	j.lit = append(j.lit, block[last:end]...)
	return nil
}

// sequence writes a token and the literals waiting.
func (j *Joiner) sequence(match byte) {
	n := len(j.lit)
	if n < 15 {
		j.out = append(j.out, byte(n)<<4|match)
	} else {
		j.out = append(j.out, 15<<4|match)
		for n -= 15; n >= 255; n -= 255 {
			j.out = append(j.out, 255)
		}
		j.out = append(j.out, byte(n))
	}
	j.out = append(j.out, j.lit...)
	j.lit = j.lit[:0]
}

// Finish ends the block and returns what dst has become, and where in it the last sequence starts.
func (j *Joiner) Finish() (block []byte, tail int) {
	tail = len(j.out)
	j.sequence(0)
	return j.out, tail
}

// Compress appends raw to dst as one LZ4 block.
func Compress(dst, raw []byte) ([]byte, error) {
	n := len(dst)
	dst = append(dst, make([]byte, lz4.CompressBlockBound(len(raw)))...)
	size, err := lz4.CompressBlock(raw, dst[n:], nil)
	if err != nil {
		return nil, fmt.Errorf("compress %d bytes: %w", len(raw), err)
	}
	return dst[:n+size], nil
}

// Decompress decodes block into dst, which must have exactly the decoded length.
func Decompress(dst, block []byte) error {
	n, err := lz4.UncompressBlock(block, dst)
	if err != nil {
		return fmt.Errorf("lz4 block: %w", err)
	}
	if n != len(dst) {
		return fmt.Errorf("lz4 block holds %d bytes, not %d", n, len(dst))
	}
	return nil
}
