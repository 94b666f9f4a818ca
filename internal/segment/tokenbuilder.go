package segment

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
)

const (
	frequentRows    = 16   // a token in as many rows of a group has its posting list
	smallDictionary = 1024 // all tokens of a dictionary with no more entries have theirs
	hotSample       = 1024 // values looked at to guess which tokens are in many
	hotSampleTokens = 1 << 16
	maxHot          = 4096
	postingsBlock   = 32 << 10
)

// tokenSource is what an index is built from: items with tokens. An item is a value of a column without a dictionary, or an entry
// of a dictionary.
type tokenSource struct {
	items    int
	tokenize func(item int, emit func(token []byte))
	number   []uint32              // of each item in posting lists, ascending; nil: its own
	limit    uint32                // of those numbers
	place    func(item int) uint32 // for rare tokens
	places   int
	weight   func(item int) int // rows with the item; nil: one
}

// tokenBuilder builds the token index of a column. It is used again for the next one.
//
// A few tokens are in most values, and most tokens are in a few. The first are found by a sample and collect the numbers of their
// items; all others become pairs of a hash and an item, sorted by hash at the end. So a unique id costs a hash and a
// place in a sort, and nobody keeps its text.
type tokenBuilder struct {
	zstd *compressor
	out  *objectWriter

	seed    uint64
	hot     []hotToken
	slots   []int32 // of hot, plus one, by hash
	mask    uint64
	pairs   []hashItem
	scratch []hashItem
	rare    []rarePair
	missing []missingText
}

type hotToken struct {
	hash  uint64
	text  []byte
	items []uint32
}

type hashItem struct {
	hash uint64
	item uint32
}

// frequentToken is a token with a posting list.
type frequentToken struct {
	text []byte
	list []uint32
	rows int
}

// build writes the sections of an index.
func (b *tokenBuilder) build(seed uint64, src *tokenSource, subject tokenSubject) (tokenIndex, error) {
	b.seed = seed
	b.findHot(src)
	b.collect(src)
	frequent, rare := b.divide(src, subject)
	idx := tokenIndex{subject: subject}
	if err := b.writeFrequent(&idx, frequent, src.limit); err != nil {
		return idx, err
	}
	return idx, b.writeRare(&idx, rare, uint(bits.Len(uint(max(0, src.places-1)))))
}

func (b *tokenBuilder) findHot(src *tokenSource) {
	step := max(1, src.items/hotSample)
	counts := map[string]int{}
	seen := 0
	count := func(token []byte) {
		if seen++; seen <= hotSampleTokens {
			counts[string(token)]++
		}
	}
	for i := 0; i < src.items && seen < hotSampleTokens; i += step {
		src.tokenize(i, count)
	}
	b.hot = b.hot[:0]
	for token, n := range counts {
		if n >= 3 && len(b.hot) < maxHot {
			h := hotToken{hash: hashToken(b.seed, []byte(token)), text: []byte(token)}
			if at := len(b.hot); at < cap(b.hot) {
				h.items = b.hot[:at+1][at].items[:0] // memory of an earlier column
			}
			b.hot = append(b.hot, h)
		}
	}
	size := 1 << bits.Len(uint(4*len(b.hot)+4))
	b.slots = resize(b.slots, size)
	clear(b.slots)
	b.mask = uint64(size - 1)
	for i, h := range b.hot {
		at := h.hash & b.mask
		for b.slots[at] != 0 {
			at = (at + 1) & b.mask
		}
		b.slots[at] = int32(i + 1)
	}
}

func (b *tokenBuilder) collect(src *tokenSource) {
	b.pairs = b.pairs[:0]
	item := uint32(0)
	emit := func(token []byte) {
		h := hashToken(b.seed, token)
		for at := h & b.mask; b.slots[at] != 0; at = (at + 1) & b.mask {
			hot := &b.hot[b.slots[at]-1]
			if hot.hash == h { // by its hash, as all tokens in pairs are
				if n := len(hot.items); n == 0 || hot.items[n-1] != item {
					hot.items = append(hot.items, item)
				}
				return
			}
		}
		b.pairs = append(b.pairs, hashItem{h, item})
	}
	for i := range src.items {
		item = uint32(i)
		src.tokenize(i, emit)
	}
}

// divide tells frequent tokens from rare ones.
func (b *tokenBuilder) divide(src *tokenSource, subject tokenSubject) ([]frequentToken, []rarePair) {
	least := frequentRows
	if subject == indexesEntries && src.items <= smallDictionary {
		least = 1
	}
	weigh := func(items []uint32) int {
		if src.weight == nil {
			return len(items)
		}
		rows := 0
		for _, i := range items {
			rows += src.weight(int(i))
		}
		return rows
	}
	var frequent []frequentToken
	for _, h := range b.hot {
		if rows := weigh(h.items); rows >= least {
			frequent = append(frequent, frequentToken{text: h.text, list: b.numbers(src, h.items), rows: rows})
			continue
		}
		for _, i := range h.items {
			b.pairs = append(b.pairs, hashItem{h.hash, i})
		}
	}
	b.sortPairs()
	rare := b.rare[:0]
	var run []uint32
	for from := 0; from < len(b.pairs); {
		to := from
		hash := b.pairs[from].hash
		for run = run[:0]; to < len(b.pairs) && b.pairs[to].hash == hash; to++ {
			if item := b.pairs[to].item; len(run) == 0 || run[len(run)-1] != item {
				run = append(run, item)
			}
		}
		if rows := weigh(run); rows >= least {
			b.missing = append(b.missing, missingText{hash: hash, item: run[0], at: len(frequent)})
			frequent = append(frequent, frequentToken{list: b.numbers(src, slices.Clone(run)), rows: rows})
		} else {
			for i, item := range run {
				if p := src.place(int(item)); i == 0 || rare[len(rare)-1].place != p {
					rare = append(rare, rarePair{hash, p})
				}
			}
		}
		from = to
	}
	b.rare = rare
	b.findTexts(src, frequent)
	return frequent, rare
}

// numbers turns items into numbers for posting lists, in place.
func (b *tokenBuilder) numbers(src *tokenSource, items []uint32) []uint32 {
	if src.number != nil {
		for i, item := range items {
			items[i] = src.number[item]
		}
	}
	return items
}

// missingText is a token that is known by its hash, and an item that has it.
type missingText struct {
	hash uint64
	item uint32
	at   int // in the list of frequent tokens
}

// findTexts finds the texts of tokens that turned out to be frequent, reading each item once.
func (b *tokenBuilder) findTexts(src *tokenSource, frequent []frequentToken) {
	slices.SortFunc(b.missing, func(x, y missingText) int { return cmp.Compare(x.item, y.item) })
	wanted := map[uint64]int{}
	take := func(token []byte) {
		if at, ok := wanted[hashToken(b.seed, token)]; ok && frequent[at].text == nil {
			frequent[at].text = append([]byte{}, token...)
		}
	}
	for i := 0; i < len(b.missing); {
		item := b.missing[i].item
		for clear(wanted); i < len(b.missing) && b.missing[i].item == item; i++ {
			wanted[b.missing[i].hash] = b.missing[i].at
		}
		src.tokenize(int(item), take)
	}
	b.missing = b.missing[:0]
}

// sortPairs sorts by hash, keeping the order of items with equal ones: by the highest 33 bits in three rounds, then what is left.
func (b *tokenBuilder) sortPairs() {
	byHash := func(x, y hashItem) int {
		if x.hash != y.hash {
			return order(x.hash < y.hash)
		}
		return 0
	}
	if len(b.pairs) < 1024 {
		slices.SortStableFunc(b.pairs, byHash)
		return
	}
	const digit = 11
	b.scratch = resize(b.scratch, len(b.pairs))
	for _, shift := range [...]uint{64 - 3*digit, 64 - 2*digit, 64 - digit} {
		var starts [1<<digit + 1]uint32
		for i := range b.pairs {
			starts[b.pairs[i].hash>>shift&(1<<digit-1)+1]++
		}
		for i := range 1 << digit {
			starts[i+1] += starts[i]
		}
		for _, p := range b.pairs {
			d := p.hash >> shift & (1<<digit - 1)
			b.scratch[starts[d]] = p
			starts[d]++
		}
		b.pairs, b.scratch = b.scratch, b.pairs
	}
	for i := 1; i < len(b.pairs); i++ {
		for j := i; j > 0 && b.pairs[j].hash < b.pairs[j-1].hash; j-- {
			b.pairs[j], b.pairs[j-1] = b.pairs[j-1], b.pairs[j]
		}
	}
}

// writeFrequent writes the list of tokens, front-coded and compressed, and the posting lists in blocks.
func (b *tokenBuilder) writeFrequent(idx *tokenIndex, frequent []frequentToken, limit uint32) error {
	slices.SortFunc(frequent, func(x, y frequentToken) int { return bytes.Compare(x.text, y.text) })
	list := binary.AppendUvarint(nil, uint64(len(frequent)))
	var blocks [][]byte
	var block, last []byte
	for i, f := range frequent {
		if len(block) > postingsBlock || i == 0 {
			if i > 0 {
				blocks = append(blocks, block)
			}
			block = nil
			idx.postings = append(idx.postings, postingBlock{firstToken: i})
		}
		start := len(block)
		block = appendPostings(block, f.list, limit)
		shared := sharedPrefix(last, f.text)
		list = binary.AppendUvarint(list, uint64(shared))
		list = appendText(list, string(f.text[shared:]))
		list = binary.AppendUvarint(list, uint64(len(f.list)))
		list = binary.AppendUvarint(list, uint64(f.rows))
		list = binary.AppendUvarint(list, uint64(len(block)-start))
		last = f.text
	}
	if len(frequent) > 0 {
		blocks = append(blocks, block)
	}
	packed := b.zstd.encode(binary.AppendUvarint(nil, uint64(len(list))), body{bytes: list}, b.zstd.general())
	var err error
	if idx.frequent, err = b.out.append(packed); err != nil {
		return err
	}
	for i := range blocks {
		if idx.postings[i].section, err = b.out.append(blocks[i]); err != nil {
			return err
		}
	}
	return nil
}

func sharedPrefix(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func (b *tokenBuilder) writeRare(idx *tokenIndex, rare []rarePair, placeBits uint) error {
	if len(rare) == 0 {
		return nil
	}
	sliceBits, quotientBits := sliceShape(len(rare))
	idx.sliceBits = sliceBits
	for s := range uint64(1) << sliceBits {
		n := 0
		for n < len(rare) && remainder(rare[n].hash, 0, sliceBits) == s {
			n++
		}
		written, err := b.out.append(appendSlice(nil, rare[:n], sliceBits, quotientBits, placeBits))
		if err != nil {
			return err
		}
		idx.slices = append(idx.slices, written)
		rare = rare[n:]
	}
	return nil
}
