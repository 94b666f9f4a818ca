package segment

import (
	"context"
	"sort"

	"github.com/RoaringBitmap/roaring/v2"
)

// Filter returns the rows, out of those given, whose column has a value for which match is true. A field without a column is
// looked for in the rest column. match is called once for each row, or once for each distinct value where the column has a
// dictionary; its argument stays valid.
func (g *Group) Filter(ctx context.Context, column string, rows *roaring.Bitmap, match func(value string) bool) (*roaring.Bitmap, error) {
	const unknown, no, yes = 0, 1, 2
	var found []uint32
	var known []uint8 // by entry of the dictionary
	err := g.eachValue(ctx, column, rows, func(row uint32, entry int32, value string) {
		if entry < 0 {
			if match(value) {
				found = append(found, row)
			}
			return
		}
		for int(entry) >= len(known) {
			known = append(known, unknown)
		}
		if known[entry] == unknown {
			known[entry] = no
			if match(value) {
				known[entry] = yes
			}
		}
		if known[entry] == yes {
			found = append(found, row)
		}
	})
	out := roaring.New()
	out.AddMany(found)
	return out, err
}

// Values calls visit with the value of each row that has the field, in the order of rows. The value stays valid.
func (g *Group) Values(ctx context.Context, column string, rows *roaring.Bitmap, visit func(row uint32, value string)) error {
	return g.eachValue(ctx, column, rows, func(row uint32, _ int32, value string) { visit(row, value) })
}

// visitor is called with a row's text. entry is the value's entry in the dictionary if that alone decides the text, or -1.
type visitor func(row uint32, entry int32, value string)

func (g *Group) eachValue(ctx context.Context, column string, rows *roaring.Bitmap, visit visitor) error {
	d, err := g.directory(ctx)
	if err != nil {
		return err
	}
	if c := g.find(d, column); c != nil {
		return c.eachText(ctx, g.chunk(d, -chunkExact), rows, visit)
	}
	return g.eachRest(ctx, d, rows, func(row uint32, entries []restEntry) {
		for _, e := range entries {
			if e.key == column {
				visit(row, -1, e.value)
				return
			}
		}
	})
}

// eachRest calls visit with the fields without a column of each row that has some.
func (g *Group) eachRest(ctx context.Context, d *loadedDirectory, rows *roaring.Bitmap, visit func(row uint32, entries []restEntry)) error {
	rest := g.chunk(d, -chunkRest)
	kept, err := g.chunk(d, -chunkExact).keptTexts(ctx, rest.exact, rows)
	if err != nil {
		return err
	}
	return rest.each(ctx, rows, func(row uint32, text string, _ int32) error {
		entries, err := readRest(text)
		if err != nil {
			return rest.rowDamage(row)
		}
		for _, k := range kept[row] {
			switch {
			case k.what == exactRestKey && k.n < len(entries):
				entries[k.n].key = k.text
			case k.what == exactRestValue && k.n < len(entries):
				entries[k.n].value = k.text
			}
		}
		visit(row, entries)
		return nil
	})
}

// keptText is a text of a row that its columns do not show.
type keptText struct {
	what, n int
	text    string
}

// keptTexts reads the exact column, which is c, if wanted.
func (c *columnChunk) keptTexts(ctx context.Context, wanted bool, rows *roaring.Bitmap) (map[uint32][]keptText, error) {
	if !wanted {
		return nil, nil
	}
	kept := map[uint32][]keptText{}
	err := c.each(ctx, rows, func(row uint32, text string, _ int32) error {
		err := readExact([]byte(text), func(what, n int, text string) { kept[row] = append(kept[row], keptText{what, n, text}) })
		if err != nil {
			return c.rowDamage(row)
		}
		return nil
	})
	return kept, err
}

// eachText calls visit with the text of each of some rows that has the field.
func (c *columnChunk) eachText(ctx context.Context, exact *columnChunk, rows *roaring.Bitmap, visit visitor) error {
	kept, err := exact.keptTexts(ctx, c.exact, rows)
	if err != nil {
		return err
	}
	texts := map[uint32]string{}
	special := roaring.New() // rows whose text is kept, be the column NULL or not
	for row, list := range kept {
		for _, k := range list {
			if k.what == exactValue && k.n == c.number {
				texts[row] = k.text
				special.Add(row)
			}
		}
	}
	next := special.Iterator()
	visitSpecial := func(before uint32) {
		for next.HasNext() && next.PeekNext() < before {
			row := next.Next()
			visit(row, -1, texts[row])
		}
	}
	if !special.IsEmpty() {
		rows = roaring.AndNot(rows, special)
	}
	err = c.each(ctx, rows, func(row uint32, text string, entry int32) error {
		visitSpecial(row)
		visit(row, entry, text)
		return nil
	})
	visitSpecial(maxGroupRows)
	return err
}

// each calls visit for each of some rows whose value is not NULL, with the value as the column shows it, and its entry in the
// dictionary or -1.
func (c *columnChunk) each(ctx context.Context, rows *roaring.Bitmap, visit func(row uint32, text string, entry int32) error) error {
	if c.values == 0 {
		return nil
	}
	text, err := c.texter(ctx)
	if err != nil {
		return err
	}
	return c.eachCell(ctx, rows, func(row uint32, p *pageValues, i int) error {
		entry := int32(-1)
		if p.ids != nil {
			entry = p.ids[i]
		}
		return visit(row, text(p, i), entry)
	})
}

const scanShare = 8

// eachCell calls visit for each of some rows whose value is not NULL: it is the i-th of a page.
func (c *columnChunk) eachCell(ctx context.Context, rows *roaring.Bitmap, visit func(row uint32, p *pageValues, i int) error) error {
	// A scan reads each page once: it is not to drive out what others read again and again.
	scan := rows.GetCardinality() > uint64(c.group.Rows()/scanShare)
	var p *pageValues
	for it := rows.Iterator(); it.HasNext(); {
		row := it.Next()
		if int(row) >= c.group.Rows() {
			return nil
		}
		if p == nil || int(row) >= p.first+p.rows {
			var err error
			if p, err = c.page(ctx, c.pageNumber(row), !scan); err != nil {
				return err
			}
		}
		if i, ok := p.value(row); ok {
			if err := visit(row, p, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// texter returns a function that gives the text of the i-th value of a page.
func (c *columnChunk) texter(ctx context.Context) (func(p *pageValues, i int) string, error) {
	number := c.column.kind == Long || c.column.kind == Double
	if c.encoding != encodingDictionary {
		if number {
			return func(p *pageValues, i int) string { return c.numberText(p.numbers[i]) }, nil
		}
		return func(p *pageValues, i int) string { return p.texts.at(i) }, nil
	}
	d, err := c.dictionary(ctx)
	if err != nil {
		return nil, err
	}
	if number {
		return func(p *pageValues, i int) string { return c.numberText(d.numbers[p.ids[i]]) }, nil
	}
	return func(p *pageValues, i int) string { return d.texts.at(int(p.ids[i])) }, nil
}

func (c *columnChunk) numberText(bits uint64) string {
	var buf [32]byte
	return string(appendNumber(buf[:0], c.column.kind, bits, c.format))
}

// pageNumber returns the page that a row is in.
func (c *columnChunk) pageNumber(row uint32) int {
	return sort.Search(len(c.pages), func(i int) bool { return c.pages[i].first > int(row) }) - 1
}

// rowDamage says that the value of a row is not what is written there.
func (c *columnChunk) rowDamage(row uint32) error {
	return c.pageDamage(&c.pages[c.pageNumber(row)], errMalformed)
}
