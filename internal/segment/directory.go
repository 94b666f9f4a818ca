package segment

import (
	"encoding/binary"
	"math"
	"time"
)

// The directory of a segment lists its columns and groups; each group has a directory of its own, which places pages and sections
// relative to where the group's bytes begin in either object. So a group can be copied with its directory unread.
//
// docs/format/segment.md draws both.

const (
	directoryVersion = 1
	kindBlob         = Double + 1 // bytes that are not text; only for columns of our own

	maxSegmentColumns = 1 << 16
	maxPageBytes      = 1 << 28 // before compression
)

// segmentColumn is a column of the Parquet file.
type segmentColumn struct {
	name string
	kind Kind
}

// required reports whether the column has a value in each row.
func (c segmentColumn) required() bool {
	switch c.name {
	case ColumnTime, ColumnNanos, ColumnSource, ColumnTopic, ColumnShard, ColumnPosition, ColumnIndex, ColumnShape:
		return true
	}
	return false
}

// section is a range of an object.
type section struct {
	offset int64 // relative to the group's base; in the directory of the segment, to the object
	length int64
	crc    uint32 // CRC-32C
}

// groupSummary is what the directory of a segment says of a group.
type groupSummary struct {
	rows        int
	bytes       int64
	first, last int64 // nanoseconds since 1970
	config      uint64
	fast        bool
	columns     []int // the segment's column for each chunk
	parquet     section
	index       section // all sections and the group's directory; crc is 0, as they have their own
	directory   section // relative to index.offset
}

// directory is that of a segment.
type directory struct {
	columns []segmentColumn
	groups  []groupSummary
}

// info sums up a segment whose directory is at a section of the index object.
func (d *directory) info(name string, at section, parquet, index int64) Info {
	info := Info{
		Name: name, Parquet: parquet, Index: index,
		DirectoryOffset: at.offset, DirectoryLength: at.length, DirectoryCRC: at.crc,
	}
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for _, g := range d.groups {
		info.Rows += int64(g.rows)
		info.Bytes += g.bytes
		first, last = min(first, g.first), max(last, g.last)
	}
	info.First, info.Last = time.Unix(0, first).UTC(), time.Unix(0, last).UTC()
	return info
}

// The index object ends in a trailer that says where the directory is, for those who have lost the Info.
const (
	indexMagic     = "SLSINDEX"
	trailerVersion = 2
	trailerLength  = 40
)

func appendTrailer(dst []byte, directory section, footerCRC uint32) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, uint64(directory.offset))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(directory.length))
	dst = binary.LittleEndian.AppendUint32(dst, directory.crc)
	dst = binary.LittleEndian.AppendUint32(dst, trailerVersion)
	dst = binary.LittleEndian.AppendUint32(dst, footerCRC)
	dst = binary.LittleEndian.AppendUint32(dst, crc32c(dst[len(dst)-28:]))
	return append(dst, indexMagic...)
}

// trailer is what readTrailer reads. Version 1 does not know the checksum of the footer.
type trailer struct {
	directory section
	footerCRC uint32
	hasFooter bool
}

func readTrailer(in []byte) (trailer, error) {
	s := &scanner{in: in}
	t := trailer{directory: section{offset: int64(s.fixed64()), length: int64(s.fixed64()), crc: s.fixed32()}}
	version, a, b := s.fixed32(), s.fixed32(), s.fixed32()
	magic := s.bytes(len(indexMagic))
	if err := s.end(); err != nil {
		return t, err
	}
	sound := false
	switch version {
	case 1:
		sound = a == crc32c(in[:24]) && b == 0
	case trailerVersion:
		sound = b == crc32c(in[:28])
		t.footerCRC, t.hasFooter = a, true
	}
	if !sound || string(magic) != indexMagic {
		return t, errMalformed
	}
	return t, nil
}

// groupsEnd is where the groups end in the Parquet file.
func (d *directory) groupsEnd() int64 {
	end := int64(len(parquetMagic))
	for _, g := range d.groups {
		end = max(end, g.parquet.offset+g.parquet.length)
	}
	return end
}

func (d *directory) append(dst []byte) []byte {
	dst = append(dst, directoryVersion)
	dst = binary.AppendUvarint(dst, uint64(len(d.columns)))
	for _, c := range d.columns {
		dst = append(appendText(dst, c.name), byte(c.kind))
	}
	dst = binary.AppendUvarint(dst, uint64(len(d.groups)))
	for i := range d.groups {
		dst = d.groups[i].append(dst)
	}
	return dst
}

func (g *groupSummary) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(g.rows))
	dst = binary.AppendUvarint(dst, uint64(g.bytes))
	dst = binary.AppendVarint(dst, g.first)
	dst = binary.AppendVarint(dst, g.last)
	dst = binary.LittleEndian.AppendUint64(dst, g.config)
	dst = append(dst, boolByte(g.fast))
	dst = binary.AppendUvarint(dst, uint64(len(g.columns)))
	for _, c := range g.columns {
		dst = binary.AppendUvarint(dst, uint64(c))
	}
	for _, s := range []section{g.parquet, g.index, g.directory} {
		dst = binary.AppendUvarint(dst, uint64(s.offset))
		dst = appendSection(dst, s)
	}
	return dst
}

func readDirectory(in []byte) (*directory, error) {
	s := &scanner{in: in}
	if v := s.bytes(1); v == nil || v[0] != directoryVersion {
		return nil, errMalformed
	}
	d := &directory{columns: make([]segmentColumn, s.count())}
	for i := range d.columns {
		d.columns[i] = segmentColumn{name: s.text(), kind: Kind(s.byteUpTo(byte(kindBlob)))}
	}
	d.groups = make([]groupSummary, s.count())
	for i := range d.groups {
		d.groups[i] = readGroupSummary(s, len(d.columns))
	}
	return d, s.end()
}

func readGroupSummary(s *scanner, columns int) groupSummary {
	g := groupSummary{rows: s.upTo(maxGroupRows), bytes: int64(s.uint()), first: s.int(), last: s.int(), config: s.fixed64()}
	g.fast = s.byteUpTo(1) == 1
	g.columns = make([]int, s.count())
	for i := range g.columns {
		if g.columns[i] = s.upTo(uint64(columns)); g.columns[i] == columns {
			s.fail()
		}
	}
	for _, to := range []*section{&g.parquet, &g.index, &g.directory} {
		offset := s.upTo(math.MaxInt64 / 2)
		*to = readSection(s)
		to.offset = int64(offset)
	}
	return g
}

// chunkEncoding is how the values of a column are encoded in a group; they are encodings of Parquet.
type chunkEncoding uint8

const (
	encodingPlain      chunkEncoding = iota // numbers of 8 bytes
	encodingDictionary                      // a page of distinct values, then pages of their numbers in RLE
	encodingDelta                           // integers, DELTA_BINARY_PACKED
	encodingLengths                         // byte arrays, DELTA_LENGTH_BYTE_ARRAY
)

// page is a page of a column in a group.
type page struct {
	section     // header and compressed body
	header  int // bytes of the header
	raw     int // bytes of the body before compression
	rows    int // 0 in a dictionary page
	values  int // how many of the rows have a value; entries of a dictionary
	first   int // first row
}

// chunk is a column in a group.
type chunk struct {
	encoding chunkEncoding
	format   uint8  // of texts in number columns
	exact    bool   // the exact column has some texts of this one
	values   int    // not NULL
	present  int    // rows with the field, NULL or not
	min, max uint64 // bits of numbers; 0 unless values > 0
	dict     page   // only with encodingDictionary
	pages    []page
	presence section // posting list of the rows with the field; nothing if all or none
	tokens   tokenIndex
}

// tokenSubject is what the numbers in the posting lists of an index mean.
type tokenSubject uint8

const (
	notIndexed     tokenSubject = iota
	indexesRows                 // places are pages
	indexesEntries              // of the dictionary; places are entries
)

// tokenIndex is the token index of a chunk.
type tokenIndex struct {
	subject   tokenSubject
	frequent  section        // tokens with posting lists
	postings  []postingBlock // the lists, in the order of tokens
	sliceBits uint
	slices    []section // of rare tokens; none if there are no such
}

type postingBlock struct {
	section
	firstToken int
}

// groupDirectory is the directory of a group.
type groupDirectory struct {
	seed   uint64 // of token hashes
	rows   int
	chunks []chunk
}

func (g *groupDirectory) append(dst []byte) []byte {
	dst = append(dst, directoryVersion)
	dst = binary.LittleEndian.AppendUint64(dst, g.seed)
	dst = binary.AppendUvarint(dst, uint64(g.rows))
	dst = binary.AppendUvarint(dst, uint64(len(g.chunks)))
	for i := range g.chunks {
		dst = g.chunks[i].append(dst)
	}
	return dst
}

func (c *chunk) append(dst []byte) []byte {
	dst = append(dst, byte(c.encoding), c.format, boolByte(c.exact))
	dst = binary.AppendUvarint(dst, uint64(c.values))
	dst = binary.AppendUvarint(dst, uint64(c.present))
	dst = binary.LittleEndian.AppendUint64(dst, c.min)
	dst = binary.LittleEndian.AppendUint64(dst, c.max)
	if c.encoding == encodingDictionary {
		dst = c.dict.append(dst)
	}
	dst = binary.AppendUvarint(dst, uint64(len(c.pages)))
	for _, p := range c.pages {
		dst = p.append(dst)
	}
	dst = appendSection(dst, c.presence)
	return c.tokens.append(dst)
}

func (p page) append(dst []byte) []byte {
	dst = appendSection(dst, p.section)
	for _, v := range [...]int{p.header, p.raw, p.rows, p.values} {
		dst = binary.AppendUvarint(dst, uint64(v))
	}
	return dst
}

func (t *tokenIndex) append(dst []byte) []byte {
	dst = append(dst, byte(t.subject))
	if t.subject == notIndexed {
		return dst
	}
	dst = appendSection(dst, t.frequent)
	dst = binary.AppendUvarint(dst, uint64(len(t.postings)))
	for _, b := range t.postings {
		dst = appendSection(dst, b.section)
		dst = binary.AppendUvarint(dst, uint64(b.firstToken))
	}
	dst = append(dst, byte(t.sliceBits))
	dst = binary.AppendUvarint(dst, uint64(len(t.slices)))
	for _, s := range t.slices {
		dst = appendSection(dst, s)
	}
	return dst
}

// appendSection leaves the offset to its neighbours: sections follow each other in the order in which they are listed.
func appendSection(dst []byte, s section) []byte {
	dst = binary.AppendUvarint(dst, uint64(s.length))
	if s.length == 0 {
		return dst
	}
	return binary.LittleEndian.AppendUint32(dst, s.crc)
}

func readSection(s *scanner) section {
	out := section{length: int64(s.upTo(math.MaxInt64 / 2))}
	if out.length > 0 {
		out.crc = s.fixed32()
	}
	return out
}

func readGroupDirectory(in []byte) (*groupDirectory, error) {
	s := &scanner{in: in}
	if v := s.bytes(1); v == nil || v[0] != directoryVersion {
		return nil, errMalformed
	}
	g := &groupDirectory{seed: s.fixed64(), rows: s.upTo(maxGroupRows)}
	g.chunks = make([]chunk, s.upTo(min(maxSegmentColumns, uint64(len(s.in)))))
	var at placer
	for i := range g.chunks {
		readChunk(s, &g.chunks[i], g.rows, &at)
	}
	return g, s.end()
}

// placer gives sections their offsets.
type placer struct{ parquet, index int64 }

func place(s *section, at *int64) {
	s.offset = *at
	if *at += s.length; *at < 0 {
		*at = math.MaxInt64 / 2
	}
}

func readChunk(s *scanner, c *chunk, rows int, at *placer) {
	c.encoding = chunkEncoding(s.byteUpTo(byte(encodingLengths)))
	c.format = s.byteUpTo(formatShortest)
	if c.format > maxDecimals && c.format != formatShortest {
		s.fail()
	}
	c.exact = s.byteUpTo(1) == 1
	c.values = s.upTo(uint64(rows))
	c.present = s.upTo(uint64(rows))
	c.min, c.max = s.fixed64(), s.fixed64()
	if c.encoding == encodingDictionary {
		c.dict = readPage(s, maxGroupRows)
		place(&c.dict.section, &at.parquet)
	}
	c.pages = make([]page, s.count())
	first, values := 0, 0
	for i := range c.pages {
		p := readPage(s, uint64(rows))
		place(&p.section, &at.parquet)
		p.first = first
		first, values = first+p.rows, values+p.values
		if p.rows == 0 || p.values > p.rows {
			s.fail()
		}
		c.pages[i] = p
	}
	if first != rows || values != c.values || c.present < c.values {
		s.fail()
	}
	c.presence = readSection(s)
	place(&c.presence, &at.index)
	readTokenIndex(s, &c.tokens, at)
}

func readPage(s *scanner, maxRows uint64) page {
	p := page{section: readSection(s)}
	p.header = s.upTo(uint64(p.length))
	p.raw = s.upTo(maxPageBytes)
	p.rows = s.upTo(maxRows)
	p.values = s.upTo(maxGroupRows)
	if p.length > maxPageBytes*2 {
		s.fail()
	}
	return p
}

func readTokenIndex(s *scanner, t *tokenIndex, at *placer) {
	t.subject = tokenSubject(s.byteUpTo(byte(indexesEntries)))
	if t.subject == notIndexed {
		return
	}
	t.frequent = readSection(s)
	place(&t.frequent, &at.index)
	t.postings = make([]postingBlock, s.count())
	for i := range t.postings {
		b := postingBlock{section: readSection(s)}
		place(&b.section, &at.index)
		b.firstToken = s.upTo(math.MaxInt32)
		if i > 0 && b.firstToken <= t.postings[i-1].firstToken || i == 0 && b.firstToken != 0 {
			s.fail()
		}
		t.postings[i] = b
	}
	t.sliceBits = uint(s.byteUpTo(maxSliceBits))
	t.slices = make([]section, s.count())
	for i := range t.slices {
		t.slices[i] = readSection(s)
		place(&t.slices[i], &at.index)
	}
	if len(t.slices) != 0 && len(t.slices) != 1<<t.sliceBits {
		s.fail()
	}
}

// byteUpTo reads a byte that is at most limit.
func (s *scanner) byteUpTo(limit byte) byte {
	b := s.bytes(1)
	if b == nil {
		return 0
	}
	if b[0] > limit {
		s.fail()
		return 0
	}
	return b[0]
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}
