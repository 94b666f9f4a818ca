package shard

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/wal"
)

/*
A sealed file holds the groups of one log from position first to end, exclusive, and is named <first>-<end>.log, both with
20 digits. Little endian:

	0        64                      directory                      size-80     size
	+--------+----------+-- ... --+--+-----------+-- ... --+--------+-----------+
	| header | payload  |         |  | page 0    |         | page n | footer    |
	+--------+----------+-- ... --+--+-----------+-- ... --+--------+-----------+

	header  0 "SLSHARD" 0 | 8 version u16 | 16 log u64 | 24 first i64 | 32 zeros | 60 crc u32 of 0..60
	footer  0 directory u64 | 8 first i64 | 16 end i64 | 24 newest i64 | 32 oldest i64 | 40 raw u64 | 48 trimmed u8 | 49 zeros | 68 crc u32 of 0..68 | 72 "SLSHARDF"

Payloads lie back to back: each is one LZ4 block, the group's protobuf bytes as the client compressed them. Positions are
dense, so the page and the place in it follow from the position alone. A page is 4096 bytes: crc u32 of the rest, count u32, 8
zeros, and up to 85 entries of 48 bytes:

	0            8            16          24           28        32        36        40         44
	+------------+------------+-----------+------------+---------+---------+---------+----------+------+
	| received   | newest     | offset    | stored     | raw     | tail    | logs    | crc      | zero |
	+------------+------------+-----------+------------+---------+---------+---------+----------+------+

received is the receive time in nanoseconds since 1970, newest the largest one in the file so far (which makes a time findable
by bisection though the clock may have stepped back), stored and raw the payload's length compressed and not, tail where its
last LZ4 sequence starts, crc the CRC-32C of the payload.

A file with first = end holds nothing but the place: positions before end will not be given again. trimmed is 1 in one that
retention left: whatever is still found before it is gone on purpose.

In the journal a record's meta is 40 bytes: log u64, position i64, received i64, raw u32, tail u32, logs u32, zero u32.
*/
const (
	formatVersion = 1
	headerSize    = 64
	footerSize    = 80
	pageSize      = 4096
	pageHead      = 16
	entrySize     = 48
	pageEntries   = (pageSize - pageHead) / entrySize
	metaSize      = 40
	suffix        = ".log"
	tempName      = "moving.tmp"
)

var (
	castagnoli  = crc32.MakeTable(crc32.Castagnoli)
	le          = binary.LittleEndian
	headerMagic = [8]byte{'S', 'L', 'S', 'H', 'A', 'R', 'D', 0}
	footerMagic = [8]byte{'S', 'L', 'S', 'H', 'A', 'R', 'D', 'F'}
)

// entry says where one group is and what it is. offset is the file offset in a sealed file.
type entry struct {
	received, newest  int64
	offset            int64
	stored, raw, tail uint32
	logs, crc         uint32
}

func (e *entry) encode(b []byte) {
	le.PutUint64(b, uint64(e.received))
	le.PutUint64(b[8:], uint64(e.newest))
	le.PutUint64(b[16:], uint64(e.offset))
	le.PutUint32(b[24:], e.stored)
	le.PutUint32(b[28:], e.raw)
	le.PutUint32(b[32:], e.tail)
	le.PutUint32(b[36:], e.logs)
	le.PutUint32(b[40:], e.crc)
}

func decodeEntry(b []byte) entry {
	return entry{
		received: int64(le.Uint64(b)), newest: int64(le.Uint64(b[8:])), offset: int64(le.Uint64(b[16:])),
		stored: le.Uint32(b[24:]), raw: le.Uint32(b[28:]), tail: le.Uint32(b[32:]), logs: le.Uint32(b[36:]), crc: le.Uint32(b[40:]),
	}
}

func encodeHeader(id sluice.LogID, first sluice.Position) []byte {
	b := make([]byte, headerSize)
	copy(b, headerMagic[:])
	le.PutUint16(b[8:], formatVersion)
	le.PutUint64(b[16:], uint64(id))
	le.PutUint64(b[24:], uint64(first))
	le.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli))
	return b
}

func decodeHeader(b []byte) (id sluice.LogID, first sluice.Position, err error) {
	switch {
	case len(b) < headerSize || [8]byte(b) != headerMagic:
		return 0, 0, fmt.Errorf("no shard file header")
	case crc32.Checksum(b[:60], castagnoli) != le.Uint32(b[60:]):
		return 0, 0, fmt.Errorf("header checksum does not match")
	}
	if err := wal.CheckVersion(le.Uint16(b[8:]), formatVersion); err != nil {
		return 0, 0, err
	}
	return sluice.LogID(le.Uint64(b[16:])), sluice.Position(le.Uint64(b[24:])), nil
}

// footer is what is kept in memory of a sealed file.
type footer struct {
	directory      int64
	first, end     sluice.Position
	newest, oldest int64 // receive times; 0 in an empty file
	raw            int64
	trimmed        bool
}

func (f *footer) encode() []byte {
	b := make([]byte, footerSize)
	le.PutUint64(b, uint64(f.directory))
	le.PutUint64(b[8:], uint64(f.first))
	le.PutUint64(b[16:], uint64(f.end))
	le.PutUint64(b[24:], uint64(f.newest))
	le.PutUint64(b[32:], uint64(f.oldest))
	le.PutUint64(b[40:], uint64(f.raw))
	if f.trimmed {
		b[48] = 1
	}
	le.PutUint32(b[68:], crc32.Checksum(b[:68], castagnoli))
	copy(b[72:], footerMagic[:])
	return b
}

func decodeFooter(b []byte, size int64) (footer, error) {
	if len(b) < footerSize || [8]byte(b[72:]) != footerMagic {
		return footer{}, fmt.Errorf("no shard file footer")
	}
	if crc32.Checksum(b[:68], castagnoli) != le.Uint32(b[68:]) {
		return footer{}, fmt.Errorf("footer checksum does not match")
	}
	f := footer{
		directory: int64(le.Uint64(b)), first: sluice.Position(le.Uint64(b[8:])), end: sluice.Position(le.Uint64(b[16:])),
		newest: int64(le.Uint64(b[24:])), oldest: int64(le.Uint64(b[32:])), raw: int64(le.Uint64(b[40:])),
		trimmed: b[48] == 1,
	}
	if f.end < f.first || f.directory < headerSize || f.directory+f.pages()*pageSize+footerSize != size {
		return footer{}, fmt.Errorf("file is %d bytes long, which its footer contradicts", size)
	}
	return f, nil
}

func (f *footer) pages() int64 { return (int64(f.end-f.first) + pageEntries - 1) / pageEntries }

func checkPage(b []byte) error {
	if crc32.Checksum(b[4:pageSize], castagnoli) != le.Uint32(b) {
		return fmt.Errorf("directory page checksum does not match")
	}
	return nil
}

func fileName(first, end sluice.Position) string {
	return fmt.Sprintf("%020d-%020d%s", first, end, suffix)
}

func parseFileName(name string) (first, end sluice.Position, ok bool) {
	base, ok := strings.CutSuffix(name, suffix)
	if !ok || len(base) != 41 || base[20] != '-' {
		return 0, 0, false
	}
	a, err1 := strconv.ParseInt(base[:20], 10, 64)
	b, err2 := strconv.ParseInt(base[21:], 10, 64)
	return sluice.Position(a), sluice.Position(b), err1 == nil && err2 == nil && a >= 0 && a <= b
}

// record is the meta of a group in the journal.
type record struct {
	log            sluice.LogID
	position       sluice.Position
	received       int64
	raw, tail, num uint32
}

func (r *record) append(b []byte) []byte {
	b = le.AppendUint64(b, uint64(r.log))
	b = le.AppendUint64(b, uint64(r.position))
	b = le.AppendUint64(b, uint64(r.received))
	b = le.AppendUint32(b, r.raw)
	b = le.AppendUint32(b, r.tail)
	b = le.AppendUint32(b, r.num)
	return le.AppendUint32(b, 0)
}

func decodeRecord(b []byte) record {
	return record{
		log: sluice.LogID(le.Uint64(b)), position: sluice.Position(le.Uint64(b[8:])), received: int64(le.Uint64(b[16:])),
		raw: le.Uint32(b[24:]), tail: le.Uint32(b[28:]), num: le.Uint32(b[32:]),
	}
}
