package segment

import "context"

// Distinct is a value of a column, and how many rows of the group have it.
type Distinct struct {
	Text string // stays valid
	Rows int
}

// Distinct lists the values of a text column, each once; it is not to be changed. ok is false where that is not known without looking at
// rows, or is not what the Parquet file shows: the column has no dictionary, or one of more than most entries, or some of its texts are kept
// aside, or rows have the field without a column. A group in which no row has the field has no values.
func (g *Group) Distinct(ctx context.Context, column string, most int) (values []Distinct, ok bool, err error) {
	d, err := g.directory(ctx)
	if err != nil {
		return nil, false, err
	}
	c := g.find(d, column)
	if c == nil {
		m, err := g.inRest(ctx, d, column, nil)
		return nil, err == nil && m.Rows.IsEmpty(), err
	}
	switch {
	case c.column.kind != Text || c.exact || c.present != c.values:
		return nil, false, nil
	case c.values == 0:
		return nil, true, nil
	case c.encoding != encodingDictionary || c.dict.values > most:
		return nil, false, nil
	}
	values, err = c.distinct(ctx)
	return values, err == nil, err
}

// distinct counts the rows of the entries of a dictionary.
func (c *columnChunk) distinct(ctx context.Context) ([]Distinct, error) {
	return cached(c.group.segment.cache, c.group.key(pieceDistinct, c.number, 0), func() ([]Distinct, int64, error) {
		d, err := c.dictionary(ctx)
		if err != nil {
			return nil, 0, err
		}
		ids, err := c.ids(ctx)
		if err != nil {
			return nil, 0, err
		}
		values := make([]Distinct, c.dict.values+1) // the last for NULL
		switch rows := c.group.Rows(); {
		case ids.narrow != nil:
			countEach(ids.narrow[:rows], values)
		case ids.medium != nil:
			countEach(ids.medium[:rows], values)
		default:
			countEach(ids.wide[:rows], values)
		}
		values = values[:c.dict.values]
		for i := range values {
			values[i].Text = d.texts.at(i)
		}
		return values, int64(32*len(values)) + int64(len(d.texts.bytes)), nil
	})
}

func countEach[T uint8 | uint16 | uint32](ids []T, values []Distinct) {
	null := uint32(len(values) - 1)
	for _, id := range ids {
		values[min(uint32(id), null)].Rows++
	}
}
