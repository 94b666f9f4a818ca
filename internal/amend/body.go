package amend

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/logpb"
)

/*
The body of an amendment, drawn in docs/format/amendments.md; integers are uvarint:

	1 | places, each | rows, each                                   | CRC-32C of all before, little endian
	    shard          shard, position, index
	    position       length, the log as a LogGroup of one record
	    index

Places are sorted. Of a place, what it has in common with the one before is left out: the shard is a difference; so is the position, in the same
shard; so is the index, in the same group.
*/

const bodyVersion = 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errBody is what damage of a body is.
var errBody = errors.New("the body of an amendment is damaged")

// encode writes a change. It sorts its places.
func encode(c *Change) []byte {
	slices.SortFunc(c.Gone, Place.compare)
	b := binary.AppendUvarint([]byte{bodyVersion}, uint64(len(c.Gone)))
	var last Place
	for _, p := range c.Gone {
		b = binary.AppendUvarint(b, uint64(p.Shard-last.Shard))
		if p.Shard != last.Shard {
			last = Place{}
		}
		b = binary.AppendUvarint(b, uint64(p.Position-last.Position))
		if p.Position != last.Position {
			last.Index = 0
		}
		b = binary.AppendUvarint(b, uint64(p.Index-last.Index))
		last = p
	}
	b = binary.AppendUvarint(b, uint64(len(c.Now)))
	for i := range c.Now {
		r := &c.Now[i]
		b = binary.AppendUvarint(b, uint64(r.Shard))
		b = binary.AppendUvarint(b, uint64(r.Position))
		b = binary.AppendUvarint(b, uint64(r.Index))
		log := logpb.Append(nil, &r.Log)
		b = append(binary.AppendUvarint(b, uint64(len(log))), log...)
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// decode reads what encode wrote. The change owns its memory.
func decode(body []byte) (*Change, error) {
	n := len(body) - 4
	if n < 1 || binary.LittleEndian.Uint32(body[n:]) != crc32.Checksum(body[:n], castagnoli) {
		return nil, errBody
	}
	if body[0] != bodyVersion {
		return nil, fmt.Errorf("%w: version %d is not known to this program", errBody, body[0])
	}
	d := &decoder{left: body[1:n]}
	c := &Change{Gone: d.places()}
	for range d.count(4) {
		r := Row{Place: Place{sluice.ShardID(d.upTo(1<<31 - 1)), sluice.Position(d.upTo(1<<63 - 1)), int32(d.upTo(1<<indexBits - 1))}}
		log, err := logpb.Decode(slices.Clone(d.bytes()))
		if err != nil || len(log.Records) != 1 {
			d.bad = true
			break
		}
		r.Log = *log
		c.Now = append(c.Now, r)
	}
	if d.bad || len(d.left) > 0 {
		return nil, errBody
	}
	return c, nil
}

// decoder reads from the front of left. Once something was wrong it is bad, and reads zeros.
type decoder struct {
	left []byte
	bad  bool
}

func (d *decoder) upTo(most uint64) uint64 {
	v, n := binary.Uvarint(d.left)
	if n <= 0 || v > most {
		d.left, d.bad = nil, true
		return 0
	}
	d.left = d.left[n:]
	return v
}

// count reads how many there are of what takes so many bytes at least.
func (d *decoder) count(bytes int) uint64 {
	return d.upTo(uint64(len(d.left) / bytes))
}

func (d *decoder) bytes() []byte {
	n := d.upTo(uint64(len(d.left)))
	if n > uint64(len(d.left)) { // less than before by the length itself
		d.left, d.bad = nil, true
		return nil
	}
	b := d.left[:n]
	d.left = d.left[n:]
	return b
}

func (d *decoder) places() []Place {
	n := d.count(3)
	if n == 0 {
		return nil
	}
	all := make([]Place, 0, n)
	var last Place
	for range n {
		p := Place{Shard: last.Shard + sluice.ShardID(d.upTo(uint64(1<<31-1-last.Shard)))}
		if p.Shard != last.Shard {
			last = Place{}
		}
		p.Position = last.Position + sluice.Position(d.upTo(uint64(1<<63-1-last.Position)))
		if p.Position != last.Position {
			last.Index = 0
		}
		p.Index = last.Index + int32(d.upTo(uint64(1<<indexBits-1-last.Index)))
		if d.bad {
			return nil
		}
		all = append(all, p)
		last = p
	}
	return all
}
