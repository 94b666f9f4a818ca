package segment

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

// numberChunk writes a view as numbers. What is none is NULL, and what formatting would not give back is kept as text.
func (w *groupWriter) numberChunk(v view, p plannedColumn) error {
	ids, entries, repeated := w.distinct(&v)
	item := v.text
	items := len(v.spans)
	if repeated {
		item = func(i int) string { return v.column.text(entries[i]) }
		items = len(entries)
	}
	w.numbers = resize(w.numbers, items)
	numbers := w.numbers
	for i := range numbers {
		numbers[i] = parseNumber(p.kind, item(i))
	}
	of := func(i int) number { return numbers[i] }
	if repeated {
		all := ids
		of = func(i int) number { return numbers[all[i]] }
	}
	var formats numberFormats
	for i := range v.spans {
		formats.count(of(i))
	}
	format := formats.best()

	chunkNumber := len(w.group.chunks)
	ranks, values := v.ranks, w.values[:0]
	if bad := slices.ContainsFunc(numbers, func(n number) bool { return !n.ok }); bad || len(numbers) == 0 {
		ranks, ids = onlyNumbers(&v, ids, of)
	}
	for i := range v.spans {
		if n := of(i); n.ok {
			values = append(values, n.bits)
		}
	}
	w.values = values
	c := w.newChunk(len(values), len(v.spans), ranks, false)
	c.format = format
	for i := range v.spans {
		if n := of(i); !n.ok || !n.exactUnder(format) {
			w.keepExact(c, v.rank(i), exactRef(exactValue, chunkNumber), v.text(i))
		}
	}
	c.min, c.max = numberBounds(p.kind, values)
	if err := w.writeNumbers(p.kind, values, ids, numbers, repeated); err != nil {
		return err
	}
	return w.indexRows(c, &v, p.tokens)
}

// onlyNumbers returns rows and dictionary numbers of the values that are numbers.
func onlyNumbers(v *view, ids []int32, of func(i int) number) (ranks []uint32, numberIDs []int32) {
	ranks = make([]uint32, 0, len(v.spans))
	for i := range v.spans {
		if of(i).ok {
			ranks = append(ranks, v.rank(i))
			if ids != nil {
				numberIDs = append(numberIDs, ids[i])
			}
		}
	}
	return ranks, numberIDs
}

func (w *groupWriter) writeNumbers(kind Kind, values []uint64, ids []int32, entries []number, repeated bool) error {
	if repeated && len(values) > 0 {
		perValue := bits.Len(uint(len(entries)-1)) + 64*len(entries)/len(values)
		other := 64
		if kind == Long {
			other = 1 + bits.Len64(w.pages.chunk.max-w.pages.chunk.min)
		}
		if perValue < other {
			w.pages.body = w.pages.body[:0]
			for _, n := range entries {
				w.pages.body = binary.LittleEndian.AppendUint64(w.pages.body, n.bits)
			}
			if err := w.pages.dictionaryPage(len(entries)); err != nil {
				return err
			}
			return w.pages.dictionary(ids)
		}
	}
	if kind == Long {
		return w.pages.deltas(values)
	}
	return w.pages.plain(values)
}

func numberBounds(kind Kind, values []uint64) (lo, hi uint64) {
	if len(values) == 0 {
		return 0, 0
	}
	lo, hi = values[0], values[0]
	for _, v := range values {
		if numberLess(kind, v, lo) {
			lo = v
		}
		if numberLess(kind, hi, v) {
			hi = v
		}
	}
	return lo, hi
}

func numberLess(kind Kind, a, b uint64) bool {
	if kind == Double {
		return math.Float64frombits(a) < math.Float64frombits(b)
	}
	return int64(a) < int64(b)
}

// integerChunk writes a column of our own that has a value in each row.
func (w *groupWriter) integerChunk(value func(row uint32) int64) error {
	w.values = resize(w.values, len(w.rows))
	values := w.values
	for i, r := range w.rows {
		values[i] = uint64(value(r))
	}
	c := w.newChunk(len(values), len(values), nil, true)
	c.min, c.max = numberBounds(Long, values)
	if ids, entries := smallDictionaryOf(values); entries != nil {
		w.pages.body = w.pages.body[:0]
		for _, v := range entries {
			w.pages.body = binary.LittleEndian.AppendUint64(w.pages.body, v)
		}
		if err := w.pages.dictionaryPage(len(entries)); err != nil {
			return err
		}
		return w.pages.dictionary(ids)
	}
	return w.pages.deltas(values)
}

// smallDictionaryOf returns a dictionary of values if differences would take more bits than numbers in one.
func smallDictionaryOf(values []uint64) (ids []int32, entries []uint64) {
	width := 0
	for i := 1; i < len(values); i++ {
		width += bits.Len64(uint64(max(int64(values[i]-values[i-1]), int64(values[i-1]-values[i]))))
	}
	if width <= 2*len(values) {
		return nil, nil
	}
	byValue := make(map[uint64]int32, 1024)
	ids = make([]int32, len(values))
	for i, v := range values {
		id, ok := byValue[v]
		if !ok {
			if len(entries) == maxIntegerDictionary {
				return nil, nil
			}
			id = int32(len(entries))
			byValue[v] = id
			entries = append(entries, v)
		}
		ids[i] = id
	}
	if bits.Len(uint(len(entries)))*len(values)+64*len(entries) > width {
		return nil, nil
	}
	return ids, entries
}
