package segment

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// FuzzDecoders gives every decoder bytes that no checksum vouches for: none may panic, or take more memory than the bytes could
// stand for.
func FuzzDecoders(f *testing.F) {
	decoders := []func(in []byte) error{
		func(in []byte) error { _, err := readDirectory(in); return err },
		func(in []byte) error { _, err := readGroupDirectory(in); return err },
		func(in []byte) error { _, err := readPostings(in, 40, 1000); return err },
		func(in []byte) error { _, err := readPostings(in, 900, 1000); return err },
		func(in []byte) error {
			s, err := readSlice(in)
			if err == nil {
				s.find(0x123456789abcdef0, 3, func(uint32) {})
			}
			return err
		},
		func(in []byte) error { _, err := readFrequentList(in); return err },
		func(in []byte) error { _, err := readRest(string(in)); return err },
		func(in []byte) error { return readExact(in, func(int, int, string) {}) },
		func(in []byte) error { _, err := readIDs(in, 100, 1000); return err },
		func(in []byte) error { _, err := readTexts(in, 100); return err },
		func(in []byte) error { _, err := readDeltas(in, 100); return err },
		func(in []byte) error { _, err := readPlainTexts(in, 3); return err },
		func(in []byte) error {
			v := &pageValues{}
			_, err := v.readLevels(in, &page{rows: 100, values: 50})
			return err
		},
		func(in []byte) error { _, ok := readShape(in, 20); return okError(ok) },
		func(in []byte) error { _, err := readTrailer(in); return err },
	}
	for i, seed := range decoderSeeds() {
		f.Add(byte(i), seed)
		f.Add(byte(i), seed[:len(seed)/2])
	}
	f.Fuzz(func(t *testing.T, which byte, in []byte) {
		_ = decoders[int(which)%len(decoders)](in)
	})
}

func okError(ok bool) error {
	if ok {
		return nil
	}
	return errMalformed
}

// decoderSeeds are well-formed inputs, in the order of the decoders.
func decoderSeeds() [][]byte {
	w := chunkWriter{}
	ids := make([]int32, 100)
	longs := make([]int64, 100)
	list := make([]uint32, 40)
	for i := range ids {
		ids[i], longs[i] = int32(i%7*i), int64(i*i)
	}
	for i := range list {
		list[i] = uint32(i * 20)
	}
	packedIDs, _ := w.idCoder.EncodeInt32(nil, ids)
	deltas, _ := w.deltaCoder.EncodeInt64(nil, longs)
	lengths, _ := w.deltaCoder.EncodeInt32(nil, make([]int32, 100))
	dir := directory{
		columns: []segmentColumn{{"a", Text}},
		groups:  []groupSummary{{rows: 3, columns: []int{0}, parquet: section{offset: 4, length: 10, crc: 1}}},
	}
	group := groupDirectory{rows: 3, chunks: []chunk{{
		encoding: encodingDictionary, format: formatShortest, values: 3, present: 3,
		dict:   page{section: section{length: 5, crc: 2}, header: 3, raw: 9, values: 2},
		pages:  []page{{section: section{length: 5, crc: 2}, header: 3, raw: 9, rows: 3, values: 3}},
		tokens: tokenIndex{subject: indexesRows, frequent: section{length: 1}, postings: []postingBlock{{}}, slices: []section{{length: 2}}},
	}}}
	return [][]byte{
		dir.append(nil), group.append(nil), appendPostings(nil, list, 1000), appendPostings(nil, complement(list, 1000), 1000),
		appendSlice(nil, []rarePair{{1, 2}, {1 << 60, 3}}, 3, 2, 5),
		{2, 0, 1, 'a', 3, 4, 5, 1, 1, 'b', 3, 4, 5},
		appendRest(nil, []restEntry{{"k", "v\n"}, {"\x01", ""}}),
		binary.AppendUvarint(nil, exactRef(exactRestKey, 3)), packedIDs, lengths, deltas,
		{1, 0, 0, 0, 'a', 0, 0, 0, 0, 0, 0, 0, 0},
		{2, 0, 0, 0, 200, 1, 1},
		{1, 4, 0, 5},
		appendTrailer(nil, section{offset: 8, length: 5}, 7),
	}
}

// TestPostings: lists of any density come back.
func TestPostings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Uint32Range(1, maxGroupRows).Draw(t, "limit")
		if rapid.Bool().Draw(t, "small") {
			limit = rapid.Uint32Range(1, 200).Draw(t, "limit")
		}
		one := rapid.IntRange(1, 3000).Draw(t, "one in")
		seed := rapid.Uint64().Draw(t, "seed")
		var list []uint32
		for i := range limit {
			if hashToken(seed, binary.LittleEndian.AppendUint32(nil, i))%uint64(one) == 0 {
				list = append(list, i)
			}
		}
		raw := appendPostings(nil, list, limit)
		got, err := readPostings(raw, uint32(len(list)), limit)
		if err != nil || !slices.Equal(got.ToArray(), list) {
			t.Fatalf("%d of %d came back as %d: %v", len(list), limit, got.GetCardinality(), err)
		}
	})
}

// TestSlices: a pair that was put in is found; what was not is found as rarely as its remainder promises.
func TestSlices(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 3000).Draw(t, "pairs")
		seed := rapid.Uint64().Draw(t, "seed")
		hash := func(i int) uint64 { return hashToken(seed, fmt.Append(nil, i)) }
		pairs := make([]rarePair, n)
		for i := range pairs {
			pairs[i] = rarePair{hash(i), uint32(i % 60)}
		}
		slices.SortFunc(pairs, func(a, b rarePair) int { return order(a.hash < b.hash) })
		_, quotientBits := sliceShape(n)
		s, err := readSlice(appendSlice(nil, pairs, 0, quotientBits, 6))
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			found := false
			s.find(hash(i), 0, func(place uint32) { found = found || place == uint32(i%60) })
			if !found {
				t.Fatalf("pair %d of %d is not found", i, n)
			}
		}
		wrong := 0
		for i := range 2000 {
			s.find(hash(n+i), 0, func(uint32) { wrong++ })
		}
		if n > 100 && wrong > 2000*3/(1<<remainderBits) {
			t.Fatalf("%d of 2000 absent tokens are taken for others, of %d", wrong, n)
		}
	})
}

// TestNumbers: a text that a format claims comes back from it; any other is to be kept.
func TestNumbers(t *testing.T) {
	texts := rapid.OneOf(
		rapid.StringMatching(`-?[0-9]{1,20}(\.[0-9]{1,20})?`), rapid.StringMatching(`[-+]?[0-9.eE]{1,8}`),
		rapid.Map(rapid.Float64(), func(v float64) string { return fmt.Sprint(v) }),
		rapid.Map(rapid.Int64(), func(v int64) string { return fmt.Sprint(v) }),
	)
	rapid.Check(t, func(t *rapid.T) {
		text := texts.Draw(t, "text")
		for _, kind := range []Kind{Long, Double} {
			n := parseNumber(kind, text)
			for format := range maxDecimals + 2 {
				if format > maxDecimals {
					format = formatShortest
				}
				shown := appendNumber(nil, kind, n.bits, uint8(format))
				if n.ok && n.exactUnder(uint8(format)) && !bytes.Equal(shown, []byte(text)) {
					t.Fatalf("%q comes back as %q under format %d", text, shown, format)
				}
			}
		}
	})
}
