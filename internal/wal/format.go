package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

/*
A journal is a directory of files named <sequence>.wal. A file, little endian:

	0                4096
	+----------------+---------+---------+-- ... --+------------------+
	| header (twice) | batch 0 | batch 1 |         | zeros, or what a |
	|                |         |         |         | recycled file had|
	+----------------+---------+---------+-- ... --+------------------+

Header, 64 bytes, at 0 and again at 2048, so that no single bad byte loses a file:

	0       8         10         12      16       24     32         40        48       56     60   64
	+-------+---------+----------+-------+--------+------+----------+---------+--------+------+----+
	|SLWAL  | version | metaSize | zero  | seq    | salt | prevSeq  | prevEnd | zero   | zero |crc |
	+-------+---------+----------+-------+--------+------+----------+---------+--------+------+----+

seq is the number in the file's name. prevSeq and prevEnd say which file came before and where its last batch ends: whatever
is unreadable before that point was acknowledged once, and is damage. (0, 0) means that no file came before. A salt of 0 marks
a released file that is being made into another one and holds nothing.

Batch, starting on a 4 KiB boundary, so that no block of the disk that holds acknowledged bytes is ever written again:

	0       4     8     12      16      20             24                                 padded to 4 KiB
	+-------+-----+-----+-------+-------+--------------+------------------+-- ... --+-- zeros --+
	| magic | crc | seq | length| count | payloadBytes | directory        | payloads|           |
	+-------+-----+-----+-------+-------+--------------+------------------+-- ... --+-----------+

seq counts the batches of the file from 0; length is the whole batch with padding; the directory is count times

	0                4            8                  8+metaSize
	+----------------+------------+------------------+
	| payload length | payload crc| meta             |
	+----------------+------------+------------------+

and the payloads follow one another in that order. crc is the CRC-32C of salt, file seq, and the bytes from 8 to the end of
the directory; without knowing the salt nobody who chooses payloads can forge a batch inside one, and no batch of a recycled
file's earlier life can pass for a new one. A batch of count 0 says that the journal was closed in order.
*/
const (
	formatVersion = 1
	block         = 4096 // batches start at its multiples
	headerSize    = 64
	headerCopy    = 2048
	batchHead     = 24
	entryHead     = 8
	batchMagic    = 0x4257_4c53 // "SLWB"
	suffix        = ".wal"
)

var (
	fileMagic  = [8]byte{'S', 'L', 'W', 'A', 'L', 0, 0, 0}
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	le         = binary.LittleEndian
)

// ErrNewer is in the chain of errors about files that are sound and of a later format: they are no damage, which is gone around, and nothing
// of them may be touched.
var ErrNewer = errors.New("written by a newer program: use that one, or restore a backup from before")

// CheckVersion compares the version of the format in a sound header with the one that this program knows.
func CheckVersion(have, known uint16) error {
	switch {
	case have == known:
		return nil
	case have > known:
		return fmt.Errorf("format version %d, this program reads version %d: %w", have, known, ErrNewer)
	}
	return fmt.Errorf("format version %d; this program reads version %d", have, known)
}

type header struct {
	meta             int
	seq, salt        uint64
	prevSeq, prevEnd uint64
}

func (h header) encode() []byte {
	b := make([]byte, block)
	copy(b, fileMagic[:])
	le.PutUint16(b[8:], formatVersion)
	le.PutUint16(b[10:], uint16(h.meta))
	le.PutUint64(b[16:], h.seq)
	le.PutUint64(b[24:], h.salt)
	le.PutUint64(b[32:], h.prevSeq)
	le.PutUint64(b[40:], h.prevEnd)
	le.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli))
	copy(b[headerCopy:], b[:headerSize])
	return b
}

// decodeHeader reads the first block of a file; either copy will do.
func decodeHeader(b []byte) (header, error) {
	var first error
	for at := 0; at+headerSize <= len(b); at += headerCopy {
		h, err := decodeHeaderCopy(b[at : at+headerSize])
		if err == nil {
			return h, nil
		}
		if first == nil || errors.Is(err, ErrNewer) {
			first = err
		}
	}
	if first == nil {
		first = fmt.Errorf("%d bytes are too few for a header", len(b))
	}
	return header{}, first
}

func decodeHeaderCopy(b []byte) (header, error) {
	if [8]byte(b) != fileMagic {
		return header{}, fmt.Errorf("no journal file header")
	}
	if crc32.Checksum(b[:60], castagnoli) != le.Uint32(b[60:]) {
		return header{}, fmt.Errorf("header checksum does not match")
	}
	if err := CheckVersion(le.Uint16(b[8:]), formatVersion); err != nil {
		return header{}, err
	}
	return header{
		meta: int(le.Uint16(b[10:])), seq: le.Uint64(b[16:]), salt: le.Uint64(b[24:]),
		prevSeq: le.Uint64(b[32:]), prevEnd: le.Uint64(b[40:]),
	}, nil
}

// seed is the checksum that every batch of the file starts from.
func (h header) seed() uint32 {
	var b [16]byte
	le.PutUint64(b[:], h.salt)
	le.PutUint64(b[8:], h.seq)
	return crc32.Checksum(b[:], castagnoli)
}

// batch is a decoded batch head.
type batch struct {
	seq, count, length uint32
	payloads           uint32 // bytes
}

func (b batch) directory(meta int) int { return int(b.count) * (entryHead + meta) }

func (b batch) encode(dst []byte) {
	le.PutUint32(dst, batchMagic)
	le.PutUint32(dst[8:], b.seq)
	le.PutUint32(dst[12:], b.length)
	le.PutUint32(dst[16:], b.count)
	le.PutUint32(dst[20:], b.payloads)
}

// decodeBatchHead reads the fixed part; whether it is to be believed only the checksum over the directory tells.
func decodeBatchHead(b []byte, meta int, room int64) (batch, bool) {
	if le.Uint32(b) != batchMagic {
		return batch{}, false
	}
	h := batch{seq: le.Uint32(b[8:]), length: le.Uint32(b[12:]), count: le.Uint32(b[16:]), payloads: le.Uint32(b[20:])}
	size := int64(batchHead) + int64(h.count)*int64(entryHead+meta) + int64(h.payloads)
	if int64(h.length) != roundUp(size) || int64(h.length) > room {
		return batch{}, false
	}
	return h, true
}

func roundUp(n int64) int64 { return (n + block - 1) &^ (block - 1) }

func fileName(seq uint64) string { return fmt.Sprintf("%016d%s", seq, suffix) }

func parseFileName(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok || len(digits) != 16 {
		return 0, false
	}
	seq, err := strconv.ParseUint(digits, 10, 64)
	return seq, err == nil
}
