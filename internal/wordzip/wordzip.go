// Package wordzip compresses text into zstd frames that any decoder reads (RFC 8878), quickly and small where texts are made of words
// that come again, as logs are.
//
//	text ──cut──> words ──last place of three, two, one──> sequences ──FSE, Huffman──> frame
//
// A general encoder looks for repetitions at every byte, and so finds mostly the same ones again and again. This one looks only where a
// word begins: a tenth of the places, and a match that begins and ends with words leaves the next word whole, to be matched too.
// Three tables say where the last three, two and one words were seen that begin here.
//
// Invariants:
//   - Any zstd decoder gives back what was encoded, whatever it was: text that does not repeat costs what its Huffman code costs, and
//     what cannot be compressed a few bytes more than it has.
//   - A frame depends on nothing outside of it: no dictionary, no frame before it.
package wordzip

import "encoding/binary"

const (
	magic        = 0xfd2fb528
	singleFrame  = 1 << 5 // window and content are one: no window size follows
	maxBlock     = 128 << 10
	maxFrameSize = 1 << 27 // positions and offsets have to fit what the tables hold

	rawBlock        = 0
	compressedBlock = 2
)

// MaxSize is the most bytes that one frame takes.
const MaxSize = maxFrameSize

// Encoder encodes one text after the other. It keeps about a megabyte of tables, and buffers for the largest text. It is for one
// goroutine. The zero Encoder is ready.
type Encoder struct {
	words words
	block block
}

// Append appends src, which has at most MaxSize bytes, as one frame. The first head bytes are no text, and behind them come values of
// the sizes given, where words end; nil sizes say that all the rest is one value.
func (e *Encoder) Append(dst, src []byte, head int, sizes []int32) []byte {
	e.words.cut(src, head, sizes)
	return e.frame(dst, src, head)
}

// AppendLiterals does without repetitions: for values that have nothing in common but their alphabet, as ids do.
func (e *Encoder) AppendLiterals(dst, src []byte, head int) []byte {
	e.words.cut(src, len(src), nil)
	return e.frame(dst, src, head)
}

func (e *Encoder) frame(dst, src []byte, head int) []byte {
	if len(src) > MaxSize {
		panic("wordzip: text over MaxSize") // a bug of the caller
	}
	dst = binary.LittleEndian.AppendUint32(dst, magic)
	switch n := len(src); {
	case n < 256:
		dst = append(dst, singleFrame, byte(n))
	case n < 1<<16+256:
		dst = append(dst, singleFrame|1<<6)
		dst = binary.LittleEndian.AppendUint16(dst, uint16(n-256))
	default:
		dst = append(dst, singleFrame|2<<6)
		dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
	}
	e.block.begin()
	for from := 0; ; {
		to := min(from+maxBlock, len(src))
		if from < head { // other bytes are frequent there
			to = min(to, head)
		}
		dst = e.appendBlock(dst, src, from, to)
		if to == len(src) {
			return dst
		}
		from = to
	}
}

// appendBlock appends src[from:to] as one block.
func (e *Encoder) appendBlock(dst, src []byte, from, to int) []byte {
	last := 0
	if to == len(src) {
		last = 1
	}
	at := len(dst)
	dst = append(dst, 0, 0, 0)
	rep := e.block.rep
	e.words.match(&e.block, from, to)
	kind := compressedBlock
	dst = e.block.append(dst)
	if len(dst)-at-3 >= to-from {
		kind = rawBlock
		e.block.rep = rep // the decoder does not see the offsets
		dst = append(dst[:at+3], src[from:to]...)
	}
	header := last | kind<<1 | (len(dst)-at-3)<<3
	dst[at], dst[at+1], dst[at+2] = byte(header), byte(header>>8), byte(header>>16)
	return dst
}
