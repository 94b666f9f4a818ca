package segment

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// newChunk begins a chunk whose values are in the rows given, nil for all.
func (w *groupWriter) newChunk(values, present int, ranks []uint32, required bool) *chunk {
	column := w.dir.columns[len(w.group.chunks)].name
	w.group.chunks = append(w.group.chunks, chunk{present: present, format: formatShortest})
	c := &w.group.chunks[len(w.group.chunks)-1]
	w.pages.begin(c, column, len(w.rows), values, ranks, required)
	return c
}

// textChunk writes a view as texts or, if clean is false, as bytes, and indexes its tokens.
func (w *groupWriter) textChunk(v view, required, clean bool, tokens Tokenize) error {
	c := w.newChunk(len(v.spans), len(v.spans), v.ranks, required)
	number := len(w.group.chunks) - 1
	ids, entries, repeated := w.distinct(&v)
	if !repeated {
		shown := v
		if clean && w.keepBroken(c, &v, number) {
			shown = v.clean()
		}
		if err := w.pages.texts(&shown); err != nil {
			return err
		}
		return w.indexRows(c, &v, tokens)
	}
	w.pages.body = w.pages.body[:0]
	broken := map[int32]bool{}
	for id, s := range entries {
		text := v.column.text(s)
		if clean && !utf8.ValidString(text) {
			broken[int32(id)] = true
			text = cleanText(text)
		}
		w.pages.body = binary.LittleEndian.AppendUint32(w.pages.body, uint32(len(text)))
		w.pages.body = append(w.pages.body, text...)
	}
	for i, id := range ids {
		if len(broken) > 0 && broken[id] {
			w.keepExact(c, v.rank(i), exactRef(exactValue, number), v.text(i))
		}
	}
	if err := w.pages.dictionaryPage(len(entries)); err != nil {
		return err
	}
	if err := w.pages.dictionary(ids); err != nil {
		return err
	}
	return w.indexEntries(c, &v, ids, entries, tokens)
}

// keepBroken keeps the texts that are not UTF-8, and reports whether there are any.
func (w *groupWriter) keepBroken(c *chunk, v *view, number int) bool {
	if isASCII(v.column.arena) {
		return false
	}
	for i := range v.spans {
		if s := v.text(i); !utf8.ValidString(s) {
			w.keepExact(c, v.rank(i), exactRef(exactValue, number), s)
		}
	}
	return c.exact
}

func isASCII(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint64(b)&0x8080808080808080 != 0 {
			return false
		}
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func cleanText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

func (w *groupWriter) keepExact(c *chunk, rank uint32, ref uint64, text string) {
	c.exact = true
	w.exact = append(w.exact, exactText{rank, ref, text})
}

// writePresence lists the rows that have the field, unless all or none have.
func (w *groupWriter) writePresence(c *chunk, ranks []uint32) error {
	if len(ranks) == 0 {
		return nil
	}
	var err error
	c.presence, err = w.index.append(appendPostings(nil, ranks, uint32(len(w.rows))))
	return err
}

// indexRows indexes a column without a dictionary.
func (w *groupWriter) indexRows(c *chunk, v *view, tokens Tokenize) error {
	if err := w.writePresence(c, v.ranks); err != nil || tokens == nil {
		return err
	}
	return w.buildIndex(c, indexesRows, &tokenSource{
		items:    len(v.spans),
		tokenize: func(i int, emit func([]byte)) { tokens(v.text(i), emit) },
		number:   v.ranks,
		limit:    uint32(len(w.rows)),
		place:    w.pageOf(c, v),
		places:   len(c.pages),
	})
}

// pageOf returns a function that tells the page of a value; values are asked for in any order.
func (w *groupWriter) pageOf(c *chunk, v *view) func(i int) uint32 {
	w.pageNumbers = resize(w.pageNumbers, len(v.spans))
	pages, at := w.pageNumbers, 0
	for i := range pages {
		for int(v.rank(i)) >= c.pages[at].first+c.pages[at].rows {
			at++
		}
		pages[i] = uint16(at)
	}
	return func(i int) uint32 { return uint32(pages[i]) }
}

// indexEntries indexes a dictionary.
func (w *groupWriter) indexEntries(c *chunk, v *view, ids []int32, entries []uint32, tokens Tokenize) error {
	if err := w.writePresence(c, v.ranks); err != nil || tokens == nil {
		return err
	}
	rows := make([]int, len(entries))
	for _, id := range ids {
		rows[id]++
	}
	return w.buildIndex(c, indexesEntries, &tokenSource{
		items:    len(entries),
		tokenize: func(i int, emit func([]byte)) { tokens(v.column.text(entries[i]), emit) },
		limit:    uint32(len(entries)),
		place:    func(i int) uint32 { return uint32(i) },
		places:   len(entries),
		weight:   func(i int) int { return rows[i] },
	})
}

func (w *groupWriter) buildIndex(c *chunk, subject tokenSubject, src *tokenSource) (err error) {
	c.tokens, err = w.tokens.build(w.group.seed, src, subject)
	return err
}
