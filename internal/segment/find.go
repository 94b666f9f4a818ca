package segment

import (
	"bytes"
	"context"
	"encoding/binary"
	"sort"

	"github.com/RoaringBitmap/roaring/v2"
)

// Match is a set of rows of a group.
type Match struct {
	Rows *roaring.Bitmap
	// Exact: Rows are the rows that match. Otherwise they are candidates: all that match are among them.
	Exact bool
}

func none() Match { return Match{Rows: roaring.New(), Exact: true} }

// Token finds the rows whose column has a token. For a field without a column these are candidates, from the rest column. So they are
// in a column that is not indexed: the rows that have the field.
func (g *Group) Token(ctx context.Context, column string, token []byte) (Match, error) {
	d, err := g.directory(ctx)
	if err != nil {
		return Match{}, err
	}
	if c := g.find(d, column); c != nil {
		return c.token(ctx, token)
	}
	return g.inRest(ctx, d, column, token)
}

// inRest finds rows that have a field, and a token somewhere, in the rest column. token nil: any.
func (g *Group) inRest(ctx context.Context, d *loadedDirectory, column string, token []byte) (Match, error) {
	rest := g.chunk(d, -chunkRest)
	if rest.values == 0 {
		return none(), nil
	}
	with, err := rest.token(ctx, restKeyToken(column))
	if err != nil || with.Rows.IsEmpty() || token == nil {
		return with, err
	}
	m, err := rest.token(ctx, token)
	if err != nil {
		return Match{}, err
	}
	plain, err := rest.token(ctx, restPlainToken(column))
	if err != nil {
		return Match{}, err
	}
	m.Rows.Or(plain.Rows)
	m.Rows.And(with.Rows)
	m.Exact = m.Rows.IsEmpty()
	return m, nil
}

// Count counts the rows whose column has a token, without making a bitmap. ok is false if only candidates are known.
func (g *Group) Count(ctx context.Context, column string, token []byte) (n int, ok bool, err error) {
	d, err := g.directory(ctx)
	if err != nil {
		return 0, false, err
	}
	if c := g.find(d, column); c != nil && c.tokens.subject != notIndexed {
		f, err := c.frequent(ctx)
		if err != nil {
			return 0, false, err
		}
		if i, ok := f.find(token); ok {
			return int(f.rows[i]), true, nil
		}
	}
	m, err := g.Token(ctx, column, token)
	if err != nil || !m.Exact {
		return 0, false, err
	}
	return int(m.Rows.GetCardinality()), true, nil
}

// Tokens finds the rows whose column has a token that begins with prefix and for which match, if not nil, is true. Only tokens whose
// text is kept are looked at, so the rows do match; complete says that there are no others.
func (g *Group) Tokens(ctx context.Context, column string, prefix []byte, match func(token []byte) bool) (rows *roaring.Bitmap, complete bool, err error) {
	d, err := g.directory(ctx)
	if err != nil {
		return nil, false, err
	}
	c := g.find(d, column)
	if c == nil {
		m, err := g.inRest(ctx, d, column, nil)
		return roaring.New(), err == nil && m.Rows.IsEmpty(), err
	}
	rows = roaring.New()
	if c.tokens.subject == notIndexed {
		return rows, c.present == 0, nil
	}
	f, err := c.frequent(ctx)
	if err != nil {
		return nil, false, err
	}
	var found []int
	for i := f.search(prefix); i < f.texts.len() && bytes.HasPrefix(f.text(i), prefix); i++ {
		if match == nil || match(f.text(i)) {
			found = append(found, i)
		}
	}
	if err := c.addListed(ctx, f, found, rows); err != nil {
		return nil, false, err
	}
	return rows, len(c.tokens.slices) == 0, nil
}

// Exists finds the rows that have a field, whatever its value.
func (g *Group) Exists(ctx context.Context, column string) (Match, error) {
	d, err := g.directory(ctx)
	if err != nil {
		return Match{}, err
	}
	c := g.find(d, column)
	if c == nil {
		return g.inRest(ctx, d, column, nil)
	}
	rows, err := c.presentRows(ctx)
	return Match{Rows: rows, Exact: true}, err
}

func (c *columnChunk) presentRows(ctx context.Context) (*roaring.Bitmap, error) {
	all := uint32(c.group.Rows())
	if c.present == 0 {
		return roaring.New(), nil
	}
	if c.present == int(all) {
		return allRows(all), nil
	}
	b, err := cached(c.group.segment.cache, c.group.key(piecePresence, c.number, 0), func() (*roaring.Bitmap, int64, error) {
		raw, err := c.group.readIndex(ctx, c.presence)
		if err != nil {
			return nil, 0, err
		}
		b, err := readPostings(raw, uint32(c.present), all)
		if err != nil {
			return nil, 0, c.group.indexDamage(c.presence, err)
		}
		return b, int64(b.GetSizeInBytes()), nil
	})
	if err != nil {
		return nil, err
	}
	return b.Clone(), nil
}

func allRows(n uint32) *roaring.Bitmap {
	b := roaring.New()
	b.AddRange(0, uint64(n))
	return b
}

// frequentTokens is the list of tokens with posting lists.
type frequentTokens struct {
	texts        texts
	listed, rows []uint32
	offset       []uint32 // of the posting list in all blocks, one behind the other
	lengths      []uint32
}

func (f *frequentTokens) text(i int) []byte { return f.texts.bytes[f.texts.ends[i]:f.texts.ends[i+1]] }

// search returns the first token not before the text.
func (f *frequentTokens) search(text []byte) int {
	return sort.Search(f.texts.len(), func(i int) bool { return bytes.Compare(f.text(i), text) >= 0 })
}

func (f *frequentTokens) find(token []byte) (int, bool) {
	i := f.search(token)
	return i, i < f.texts.len() && bytes.Equal(f.text(i), token)
}

func (c *columnChunk) frequent(ctx context.Context) (*frequentTokens, error) {
	return cached(c.group.segment.cache, c.group.key(pieceFrequent, c.number, 0), func() (*frequentTokens, int64, error) {
		raw, err := c.group.readIndex(ctx, c.tokens.frequent)
		if err != nil {
			return nil, 0, err
		}
		f, err := readFrequent(raw)
		if err != nil {
			return nil, 0, c.group.indexDamage(c.tokens.frequent, err)
		}
		return f, int64(len(f.texts.bytes) + 20*f.texts.len()), nil
	})
}

func readFrequent(raw []byte) (*frequentTokens, error) {
	size, used := binary.Uvarint(raw)
	if used <= 0 || size > maxPageBytes {
		return nil, errMalformed
	}
	body, err := decompress(raw[used:], int(size))
	if err != nil {
		return nil, err
	}
	return readFrequentList(body)
}

func readFrequentList(body []byte) (*frequentTokens, error) {
	s := &scanner{in: body}
	n := s.count()
	f := &frequentTokens{texts: texts{ends: []uint32{0}}}
	offset, last := uint32(0), []byte(nil)
	for range n {
		shared := s.upTo(uint64(len(last)))
		from := len(f.texts.bytes)
		f.texts.bytes = append(f.texts.bytes, last[:shared]...)
		f.texts.bytes = append(f.texts.bytes, s.bytes(s.count())...)
		if len(f.texts.bytes) > maxPageBytes {
			return nil, errMalformed
		}
		last = f.texts.bytes[from:]
		f.texts.ends = append(f.texts.ends, uint32(len(f.texts.bytes)))
		f.listed = append(f.listed, uint32(s.upTo(maxGroupRows)))
		f.rows = append(f.rows, uint32(s.upTo(maxGroupRows)))
		length := uint32(s.upTo(maxPageBytes))
		f.offset = append(f.offset, offset)
		f.lengths = append(f.lengths, length)
		offset += length
		if s.err != nil {
			break
		}
	}
	return f, s.end()
}

// token finds the rows of a chunk with a token.
func (c *columnChunk) token(ctx context.Context, token []byte) (Match, error) {
	if c.tokens.subject == notIndexed {
		rows, err := c.presentRows(ctx)
		return Match{Rows: rows, Exact: c.present == 0}, err
	}
	f, err := c.frequent(ctx)
	if err != nil {
		return Match{}, err
	}
	if i, ok := f.find(token); ok {
		rows, err := c.bitmap(ctx, f, i)
		return Match{Rows: rows, Exact: true}, err
	}
	return c.rare(ctx, token)
}

// bitmap returns the rows of the i-th frequent token.
func (c *columnChunk) bitmap(ctx context.Context, f *frequentTokens, i int) (*roaring.Bitmap, error) {
	b, err := cached(c.group.segment.cache, c.group.key(pieceBitmap, c.number, i), func() (*roaring.Bitmap, int64, error) {
		rows := roaring.New()
		err := c.addListed(ctx, f, []int{i}, rows)
		return rows, int64(rows.GetSizeInBytes()), err
	})
	if err != nil {
		return nil, err
	}
	return b.Clone(), nil
}

// addListed adds the rows of frequent tokens.
func (c *columnChunk) addListed(ctx context.Context, f *frequentTokens, found []int, rows *roaring.Bitmap) error {
	limit := c.group.Rows()
	if c.tokens.subject == indexesEntries {
		limit = c.dict.values
	}
	listed := roaring.New()
	for _, i := range found {
		raw, at, err := c.posting(ctx, f, i)
		if err != nil {
			return err
		}
		list, err := readPostings(raw, f.listed[i], uint32(limit))
		if err != nil {
			return c.group.indexDamage(at, err)
		}
		listed.Or(list)
	}
	if c.tokens.subject == indexesRows {
		rows.Or(listed)
		return nil
	}
	with, err := c.rowsWith(ctx, listed)
	if err != nil {
		return err
	}
	rows.Or(with)
	return nil
}

// posting returns the bytes of a posting list, and the section they are from.
func (c *columnChunk) posting(ctx context.Context, f *frequentTokens, i int) ([]byte, section, error) {
	blocks := c.tokens.postings
	n := sort.Search(len(blocks), func(n int) bool { return blocks[n].firstToken > i }) - 1
	if n < 0 || blocks[n].firstToken >= len(f.offset) {
		return nil, section{}, c.group.indexDamage(c.tokens.frequent, errMalformed)
	}
	at := blocks[n].section
	block, err := cached(c.group.segment.cache, c.group.key(piecePostings, c.number, n), func() ([]byte, int64, error) {
		raw, err := c.group.readIndex(ctx, at)
		return raw, int64(len(raw)), err
	})
	if err != nil {
		return nil, at, err
	}
	from := f.offset[i] - f.offset[blocks[n].firstToken]
	if uint64(from)+uint64(f.lengths[i]) > uint64(len(block)) {
		return nil, at, c.group.indexDamage(at, errMalformed)
	}
	return block[from : from+f.lengths[i]], at, nil
}

// rare finds the places where a token may be that has no posting list.
func (c *columnChunk) rare(ctx context.Context, token []byte) (Match, error) {
	if len(c.tokens.slices) == 0 {
		return none(), nil
	}
	hash := hashToken(c.seed, token)
	n := int(remainder(hash, 0, c.tokens.sliceBits))
	slice, err := cached(c.group.segment.cache, c.group.key(pieceSlice, c.number, n), func() (*rareSlice, int64, error) {
		raw, err := c.group.readIndex(ctx, c.tokens.slices[n])
		if err != nil {
			return nil, 0, err
		}
		s, err := readSlice(raw)
		if err != nil {
			return nil, 0, c.group.indexDamage(c.tokens.slices[n], err)
		}
		return s, int64(len(raw)), nil
	})
	if err != nil {
		return Match{}, err
	}
	places := roaring.New()
	slice.find(hash, c.tokens.sliceBits, places.Add)
	if places.IsEmpty() {
		return none(), nil
	}
	rows, err := c.rowsAt(ctx, places)
	return Match{Rows: rows}, err
}

// rowsAt returns the rows of pages, or of entries of the dictionary.
func (c *columnChunk) rowsAt(ctx context.Context, places *roaring.Bitmap) (*roaring.Bitmap, error) {
	limit := c.dict.values
	if c.tokens.subject == indexesRows {
		limit = len(c.pages)
	}
	if int(places.Maximum()) >= limit {
		return nil, c.group.indexDamage(c.tokens.slices[0], errMalformed)
	}
	if c.tokens.subject == indexesEntries {
		return c.rowsWith(ctx, places)
	}
	rows := roaring.New()
	for it := places.Iterator(); it.HasNext(); {
		p := c.pages[it.Next()]
		rows.AddRange(uint64(p.first), uint64(p.first+p.rows))
	}
	if c.present < c.group.Rows() {
		present, err := c.presentRows(ctx)
		if err != nil {
			return nil, err
		}
		rows.And(present)
	}
	return rows, nil
}
