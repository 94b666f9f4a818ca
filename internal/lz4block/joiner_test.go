package lz4block

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func compress(t testing.TB, raw []byte) []byte {
	t.Helper()
	block, err := Compress(nil, raw)
	if err != nil {
		t.Fatal(err)
	}
	return block
}

// text makes compressible, partly compressible or random bytes.
func text(r *rand.Rand, n int) []byte {
	out := make([]byte, 0, n)
	for len(out) < n {
		switch r.IntN(3) {
		case 0:
			out = fmt.Appendf(out, "GET /api/v1/item/%d 200 ", r.IntN(50))
		case 1:
			out = append(out, bytes.Repeat([]byte{byte(r.IntN(256))}, r.IntN(600))...)
		default:
			for range r.IntN(300) {
				out = append(out, byte(r.IntN(256)))
			}
		}
	}
	return out[:n]
}

func TestJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		var want []byte
		j := NewJoiner([]byte("prefix"))
		for range rapid.IntRange(0, 12).Draw(t, "parts") {
			part := text(r, r.IntN([]int{3, 20, 400, 70_000}[r.IntN(4)]))
			want = append(want, part...)
			if r.IntN(3) == 0 {
				j.Literals(part)
				continue
			}
			block, err := Compress(nil, part)
			if err != nil {
				t.Fatal(err)
			}
			if len(part) == 0 {
				continue
			}
			tail, err := Tail(block)
			if err != nil {
				t.Fatal(err)
			}
			if err := j.Block(block, tail); err != nil {
				t.Fatal(err)
			}
		}
		out, tail := j.Finish()
		block, ok := bytes.CutPrefix(out, []byte("prefix"))
		if !ok {
			t.Fatal("the bytes of dst are gone")
		}
		got := make([]byte, len(want))
		if err := Decompress(got, block); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("joined block decodes to something else: %v", err)
		}
		if again, err := Tail(block); err != nil || again != tail-len("prefix") {
			t.Fatalf("Tail = %d, %v; Finish said %d", again, err, tail-len("prefix"))
		}
	})
}

func TestTailRefuses(t *testing.T) {
	good := compress(t, bytes.Repeat([]byte("abcdefgh"), 100))
	for n := range len(good) {
		tail, err := Tail(good[:n])
		if err == nil && tail == 0 && n > 0 {
			continue // the first literals alone are a block
		}
		if err == nil {
			t.Errorf("Tail accepts the first %d of %d bytes", n, len(good))
		}
	}
	endsInMatch := []byte{0x40, 'a', 'b', 'c', 'd', 4, 0}
	shortEnd := append(bytes.Clone(endsInMatch), 0x40, 'w', 'x', 'y', 'z')
	for name, block := range map[string][]byte{"empty": {}, "ends in a match": endsInMatch, "four literals": shortEnd} {
		if _, err := Tail(block); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// FuzzTail checks that no block makes Tail or Block panic, and that what both accept, and a decoder too, can be joined.
func FuzzTail(f *testing.F) {
	f.Add([]byte{0x10, 'a'}, uint16(1))
	f.Add(compress(f, bytes.Repeat([]byte("0123456789"), 50)), uint16(500))
	f.Add([]byte{0xf0, 255, 255, 255}, uint16(9))
	f.Fuzz(func(t *testing.T, block []byte, size uint16) {
		tail, err := Tail(block)
		if err != nil {
			return
		}
		raw := make([]byte, size)
		if Decompress(raw, block) != nil {
			return
		}
		j := NewJoiner(nil)
		for range 2 {
			j.Literals([]byte("seam"))
			if err := j.Block(block, tail); err != nil {
				t.Fatal(err)
			}
		}
		joined, _ := j.Finish()
		want := bytes.Repeat(append([]byte("seam"), raw...), 2)
		got := make([]byte, len(want))
		if err := Decompress(got, joined); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("block %x joined twice decodes wrong: %v", block, err)
		}
	})
}

func BenchmarkTail(b *testing.B) {
	raw := text(rand.New(rand.NewPCG(1, 2)), 256<<10)
	block := compress(b, raw)
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, err := Tail(block); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkJoin(b *testing.B) {
	raw := text(rand.New(rand.NewPCG(1, 2)), 256<<10)
	block := compress(b, raw)
	tail, err := Tail(block)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(16 * int64(len(raw)))
	j, out := NewJoiner(nil), []byte(nil)
	for b.Loop() {
		j.Reset(out[:0])
		for range 16 {
			j.Literals([]byte("\n\x80\x80\x10"))
			if err := j.Block(block, tail); err != nil {
				b.Fatal(err)
			}
		}
		out, _ = j.Finish()
	}
}
