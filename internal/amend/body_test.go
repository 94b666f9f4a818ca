package amend

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluicelog/sluice"
)

// random makes a change of places that lie close together and far apart. No place is in it twice.
func random(r *rand.Rand, n int) *Change {
	c := &Change{}
	seen := map[Place]bool{}
	for range n {
		p := Place{
			Shard:    sluice.ShardID([]int32{0, 0, 1, 1<<31 - 1}[r.IntN(4)]),
			Position: sluice.Position([]int64{0, 1 << 32, 1_700_000_000_000_000_000, 1<<63 - 100}[r.IntN(4)] + r.Int64N(20)),
			Index:    int32([]int{0, 1<<indexBits - 10}[r.IntN(2)] + r.IntN(10)),
		}
		switch {
		case seen[p]:
		case r.IntN(3) > 0:
			c.Gone = append(c.Gone, p)
		default:
			c.Now = append(c.Now, Row{p, sluice.LogGroup{
				Topic: "web", Source: "10.0.0.1", Tags: []sluice.Field{{Key: "host", Value: "h1"}},
				Records: []sluice.Record{{
					Time: uint32(r.IntN(100)), Nanos: uint32(r.IntN(3)), Fields: []sluice.Field{{Key: "n", Value: fmt.Sprint(r.IntN(1000))}, {Key: "登录", Value: "\xff"}},
				}},
			}})
		}
		seen[p] = true
	}
	return c
}

func TestBodiesComeBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 100 {
		want := random(r, n)
		got, err := decode(encode(want))
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(want.Gone, Place.compare)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%d (-want +got):\n%s", n, diff)
		}
	}
}

// A body of which a byte was flipped or cut is never read as something else.
func TestDamageIsFound(t *testing.T) {
	body := encode(random(rand.New(rand.NewPCG(1, 2)), 12))
	for i := range body {
		if _, err := decode(body[:i]); !errors.Is(err, errBody) {
			t.Errorf("cut at %d: %v", i, err)
		}
		flipped := slices.Clone(body)
		flipped[i] ^= 1 << (i % 8)
		if _, err := decode(flipped); !errors.Is(err, errBody) {
			t.Errorf("flipped at %d: %v", i, err)
		}
	}
}

// sealed gives a body the checksum that makes decode look at it.
func sealed(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(slices.Clip(b), crc32.Checksum(b, castagnoli))
}

func FuzzDecode(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 7, 60} {
		body := encode(random(r, n))
		f.Add(body[:len(body)-4])
	}
	f.Add([]byte{2})
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decode(sealed(b))
		if err != nil {
			return
		}
		first := encode(c)
		again, err := decode(first)
		if err != nil {
			t.Fatal(err)
		}
		if second := encode(again); !bytes.Equal(first, second) {
			t.Fatalf("written, read and written again:\n%x, not\n%x", second, first)
		}
		(*View)(nil).with(1, c)
	})
}

func TestRowIDs(t *testing.T) {
	p := Place{3, 1_700_000_000_000_000_001, 5}
	if got, err := ParseRowID(p.RowID()); err != nil || got != p {
		t.Errorf("%s came back as %v, %v", p.RowID(), got, err)
	}
	for _, bad := range []string{"", "1|2", "1|2|3|4", "1|2|-3", "01|2|3", "1|2| 3", "+1|2|3", "1|9223372036854775808|0", "2147483648|0|0", "0|0|16777216", "a|b|c"} {
		if p, err := ParseRowID(bad); sluice.KindOf(err) != sluice.Invalid {
			t.Errorf("%q was read as %v, %v", bad, p, err)
		}
	}
}
