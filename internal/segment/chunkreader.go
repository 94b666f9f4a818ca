package segment

import (
	"context"
	"encoding/binary"
	"unsafe"

	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
)

// pageValues is a decoded page.
type pageValues struct {
	first, rows int
	valueOf     []int32 // of each row, -1 for NULL; nil if all rows have a value
	ids         []int32 // of dictionary entries; or
	numbers     []uint64
	texts       texts
}

// texts is a list of strings, one behind the other.
type texts struct {
	bytes []byte
	ends  []uint32 // with a zero in front
}

func (t *texts) len() int { return max(0, len(t.ends)-1) }

func (t *texts) at(i int) string {
	b := t.bytes[t.ends[i]:t.ends[i+1]]
	return unsafe.String(unsafe.SliceData(b), len(b)) // pages never change
}

func (p *pageValues) bytes() int64 {
	return int64(4*len(p.valueOf) + 4*len(p.ids) + 8*len(p.numbers) + len(p.texts.bytes) + 4*len(p.texts.ends))
}

// value returns which value a row has.
func (p *pageValues) value(row uint32) (int, bool) {
	i := int(row) - p.first
	if p.valueOf == nil {
		return i, true
	}
	v := p.valueOf[i]
	return int(v), v >= 0
}

// readBody returns the uncompressed body of a page.
func (c *columnChunk) readBody(ctx context.Context, p *page) ([]byte, error) {
	g := c.group
	object, base := g.segment.info.ParquetObject(), g.summary.parquet.offset
	raw, err := g.segment.read(ctx, object, base, p.section)
	if err != nil {
		return nil, err
	}
	if p.header > len(raw) {
		return nil, g.segment.damage(object, base, p.section, errMalformed)
	}
	body, err := decompress(raw[p.header:], p.raw)
	if err != nil {
		return nil, g.segment.damage(object, base, p.section, err)
	}
	return body, nil
}

func (c *columnChunk) pageDamage(p *page, err error) error {
	return c.group.segment.damage(c.group.segment.info.ParquetObject(), c.group.summary.parquet.offset, p.section, err)
}

// page returns the n-th page, decoded, and keeps it in the cache if keep is set.
func (c *columnChunk) page(ctx context.Context, n int, keep bool) (*pageValues, error) {
	key := c.group.key(piecePage, c.number, n)
	if !keep {
		if p, ok := c.group.segment.cache.get(key); ok {
			return p.(*pageValues), nil
		}
		return c.readPage(ctx, n)
	}
	return cached(c.group.segment.cache, key, func() (*pageValues, int64, error) {
		p, err := c.readPage(ctx, n)
		if err != nil {
			return nil, 0, err
		}
		return p, p.bytes(), nil
	})
}

func (c *columnChunk) readPage(ctx context.Context, n int) (*pageValues, error) {
	p := &c.pages[n]
	body, err := c.readBody(ctx, p)
	if err != nil {
		return nil, err
	}
	v := &pageValues{first: p.first, rows: p.rows}
	if !c.column.required() {
		if body, err = v.readLevels(body, p); err != nil {
			return nil, c.pageDamage(p, err)
		}
	}
	switch c.encoding {
	case encodingDictionary:
		v.ids, err = readIDs(body, p.values, c.dict.values)
	case encodingLengths:
		v.texts, err = readTexts(body, p.values)
	case encodingDelta:
		v.numbers, err = readDeltas(body, p.values)
	case encodingPlain:
		v.numbers, err = readPlain(body, p.values)
	}
	if err != nil {
		return nil, c.pageDamage(p, err)
	}
	return v, nil
}

// readLevels reads which rows have a value, and returns what comes behind.
func (v *pageValues) readLevels(body []byte, p *page) ([]byte, error) {
	if len(body) < 4 {
		return nil, errMalformed
	}
	n := binary.LittleEndian.Uint32(body)
	body = body[4:]
	if uint64(n) > uint64(len(body)) {
		return nil, errMalformed
	}
	levels, rest := body[:n], body[n:]
	if p.values == p.rows {
		return rest, nil
	}
	if err := checkRuns(levels, 1, p.rows); err != nil {
		return nil, err
	}
	coder := rle.Encoding{BitWidth: 1}
	has, err := coder.DecodeLevels(nil, levels)
	if err != nil || len(has) < p.rows {
		return nil, errMalformed
	}
	v.valueOf = make([]int32, p.rows)
	next := int32(0)
	for i := range v.valueOf {
		if has[i] == 0 {
			v.valueOf[i] = -1
			continue
		}
		v.valueOf[i] = next
		next++
	}
	if int(next) != p.values {
		return nil, errMalformed
	}
	return rest, nil
}

// checkRuns looks whether RLE runs are those of n values, before they are decoded to as much memory as they ask for.
func checkRuns(in []byte, width uint, n int) error {
	total := uint64(0)
	for len(in) > 0 && total < uint64(n) {
		head, used := binary.Uvarint(in)
		if used <= 0 {
			return errMalformed
		}
		in = in[used:]
		size := uint64(width+7) / 8
		count := head >> 1
		if head&1 == 1 {
			size, count = count*uint64(width), count*8
		}
		if total += count; count > maxGroupRows+8 || size > uint64(len(in)) {
			return errMalformed
		}
		in = in[size:]
	}
	if total < uint64(n) || total > uint64(n)+7 || len(in) > 0 {
		return errMalformed
	}
	return nil
}

func readIDs(body []byte, n, entries int) ([]int32, error) {
	if n == 0 {
		return nil, nil
	}
	if len(body) == 0 || body[0] > 17 {
		return nil, errMalformed
	}
	if body[0] == 0 {
		return make([]int32, n), nil
	}
	if err := checkRuns(body[1:], uint(body[0]), n); err != nil {
		return nil, err
	}
	var coder rle.DictionaryEncoding
	ids, err := coder.DecodeInt32(make([]int32, 0, n+8), body)
	if err != nil || len(ids) < n {
		return nil, errMalformed
	}
	ids = ids[:n]
	for _, id := range ids {
		if uint32(id) >= uint32(entries) {
			return nil, errMalformed
		}
	}
	return ids, nil
}

func readTexts(body []byte, n int) (texts, error) {
	if n == 0 {
		return texts{}, nil
	}
	if err := checkDelta(body, n); err != nil {
		return texts{}, err
	}
	var coder delta.LengthByteArrayEncoding
	joined, ends, err := coder.DecodeByteArray(make([]byte, 0, len(body)), body, make([]uint32, 0, n+1))
	if err != nil || len(ends) != n+1 {
		return texts{}, errMalformed
	}
	return texts{joined, ends}, nil
}

func readDeltas(body []byte, n int) ([]uint64, error) {
	if n == 0 {
		return nil, nil
	}
	if err := checkDelta(body, n); err != nil {
		return nil, err
	}
	var coder delta.BinaryPackedEncoding
	longs, err := coder.DecodeInt64(make([]int64, 0, n), body)
	if err != nil || len(longs) != n {
		return nil, errMalformed
	}
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(longs))), n), nil
}

// checkDelta looks whether the header of DELTA_BINARY_PACKED announces n values in blocks as we write them.
func checkDelta(body []byte, n int) error {
	s := scanner{in: body}
	if block, minis, total := s.uint(), s.uint(), s.uint(); s.err != nil || block != 128 || minis != 4 || total != uint64(n) {
		return errMalformed
	}
	return nil
}

func readPlain(body []byte, n int) ([]uint64, error) {
	if len(body) != 8*n {
		return nil, errMalformed
	}
	out := make([]uint64, n)
	for i := range out {
		out[i] = binary.LittleEndian.Uint64(body[8*i:])
	}
	return out, nil
}

// dictionary is the dictionary of a chunk: texts or numbers.
type dictionary struct {
	texts   texts
	numbers []uint64
}

func (c *columnChunk) dictionary(ctx context.Context) (*dictionary, error) {
	return cached(c.group.segment.cache, c.group.key(pieceDictionary, c.number, 0), func() (*dictionary, int64, error) {
		body, err := c.readBody(ctx, &c.dict)
		if err != nil {
			return nil, 0, err
		}
		d := &dictionary{}
		if c.column.kind == Long || c.column.kind == Double {
			d.numbers, err = readPlain(body, c.dict.values)
		} else {
			d.texts, err = readPlainTexts(body, c.dict.values)
		}
		if err != nil {
			return nil, 0, c.pageDamage(&c.dict, err)
		}
		return d, int64(8*len(d.numbers) + len(d.texts.bytes) + 4*len(d.texts.ends)), nil
	})
}

func readPlainTexts(body []byte, n int) (texts, error) {
	t := texts{bytes: make([]byte, 0, len(body)), ends: make([]uint32, 1, n+1)}
	for range n {
		if len(body) < 4 || uint64(binary.LittleEndian.Uint32(body)) > uint64(len(body)-4) {
			return texts{}, errMalformed
		}
		size := binary.LittleEndian.Uint32(body)
		t.bytes = append(t.bytes, body[4:4+size]...)
		t.ends = append(t.ends, uint32(len(t.bytes)))
		body = body[4+size:]
	}
	if len(body) > 0 {
		return texts{}, errMalformed
	}
	return t, nil
}
