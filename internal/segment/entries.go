package segment

import (
	"context"
	"encoding/binary"

	"github.com/RoaringBitmap/roaring/v2"
)

// chunkIDs are the dictionary entries of all rows of a chunk, in as few bytes as they need. The highest value stands for NULL.
type chunkIDs struct {
	narrow []uint8
	medium []uint16
	wide   []uint32
}

const (
	nullNarrow = 1<<8 - 1
	nullMedium = 1<<16 - 1
	nullWide   = 1<<32 - 1
)

func (c *columnChunk) ids(ctx context.Context) (*chunkIDs, error) {
	return cached(c.group.segment.cache, c.group.key(pieceIDs, c.number, 0), func() (*chunkIDs, int64, error) {
		rows := c.group.Rows()
		ids := &chunkIDs{}
		size := rows
		switch {
		case c.dict.values <= nullNarrow:
			ids.narrow = make([]uint8, (rows+63)/64*64)
		case c.dict.values <= nullMedium:
			ids.medium, size = make([]uint16, rows), 2*rows
		default:
			ids.wide, size = make([]uint32, rows), 4*rows
		}
		for n := range c.pages {
			p, err := c.readPage(ctx, n)
			if err != nil {
				return nil, 0, err
			}
			ids.fill(p)
		}
		return ids, int64(size), nil
	})
}

func (ids *chunkIDs) fill(p *pageValues) {
	for i := range p.rows {
		id := uint32(nullWide)
		if p.valueOf == nil {
			id = uint32(p.ids[i])
		} else if v := p.valueOf[i]; v >= 0 {
			id = uint32(p.ids[v])
		}
		switch row := p.first + i; {
		case ids.narrow != nil:
			ids.narrow[row] = uint8(id)
		case ids.medium != nil:
			ids.medium[row] = uint16(id)
		default:
			ids.wide[row] = id
		}
	}
}

// maxNarrowPasses is how many entries are looked for one by one, eight rows at a time, rather than all at once, row by row.
const maxNarrowPasses = 6

// rowsWith returns the rows whose value is one of some entries of the dictionary.
func (c *columnChunk) rowsWith(ctx context.Context, entries *roaring.Bitmap) (*roaring.Bitmap, error) {
	if entries.IsEmpty() {
		return roaring.New(), nil
	}
	if int(entries.GetCardinality()) == c.dict.values && c.values == c.group.Rows() {
		return allRows(uint32(c.values)), nil
	}
	ids, err := c.ids(ctx)
	if err != nil {
		return nil, err
	}
	words := make([]uint64, (c.group.Rows()+63)/64)
	if ids.narrow != nil && entries.GetCardinality() <= maxNarrowPasses {
		for it := entries.Iterator(); it.HasNext(); {
			ids.markNarrow(uint8(it.Next()), words)
		}
	} else {
		wanted := make([]bool, c.dict.values+1) // the last for NULL
		for it := entries.Iterator(); it.HasNext(); {
			wanted[it.Next()] = true
		}
		ids.mark(wanted, words)
	}
	if last := c.group.Rows() % 64; last != 0 {
		words[len(words)-1] &= 1<<last - 1
	}
	return roaring.FromDense(words, true), nil
}

// markNarrow sets the bits of the rows with one entry, eight rows at a time.
func (ids *chunkIDs) markNarrow(entry uint8, words []uint64) {
	const ones, low = 0x0101010101010101, 0x7f7f7f7f7f7f7f7f
	pattern := uint64(entry) * ones
	for w := range words {
		rows := ids.narrow[64*w : 64*w+64]
		word := uint64(0)
		for i := 0; i < 64; i += 8 {
			x := binary.LittleEndian.Uint64(rows[i:]) ^ pattern
			equal := ^((x&low + low) | x | low) >> 7 // one in the lowest bit of each byte that is zero in x
			word |= equal * 0x0102040810204080 >> 56 << i
		}
		words[w] |= word
	}
}

func (ids *chunkIDs) mark(wanted []bool, words []uint64) {
	null := uint32(len(wanted) - 1)
	switch {
	case ids.narrow != nil:
		markEach(ids.narrow, wanted, null, words)
	case ids.medium != nil:
		markEach(ids.medium, wanted, null, words)
	default:
		markEach(ids.wide, wanted, null, words)
	}
}

func markEach[T uint8 | uint16 | uint32](ids []T, wanted []bool, null uint32, words []uint64) {
	for row, id := range ids {
		if wanted[min(uint32(id), null)] && row>>6 < len(words) {
			words[row>>6] |= 1 << (row & 63)
		}
	}
}
