package wordzip_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/sluicelog/sluice/internal/wordzip"
)

var decoder, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))

// check encodes values behind a head, and wants them back from a decoder.
func check(t testing.TB, e *wordzip.Encoder, head []byte, values ...string) int {
	t.Helper()
	src := bytes.Clone(head)
	sizes := []int32{}
	for _, v := range values {
		src = append(src, v...)
		sizes = append(sizes, int32(len(v)))
	}
	packed := e.Append([]byte("before"), src, len(head), sizes)
	got, err := decoder.DecodeAll(packed[len("before"):], nil)
	if err != nil || !bytes.Equal(got, src) {
		t.Fatalf("%d bytes in %d values do not come back: %v", len(src), len(values), err)
	}
	plain, err := decoder.DecodeAll(e.AppendLiterals(nil, src, len(head)), nil)
	if err != nil || !bytes.Equal(plain, src) {
		t.Fatalf("%d bytes in %d values do not come back from literals: %v", len(src), len(values), err)
	}
	return len(packed) - len("before")
}

// messages are texts of random words, with a number.
func messages(r *rand.Rand, n int) []string {
	words := strings.Fields(`connection timeout retry upstream cache miss hit user login payment order checkout failed success error
		warning deadline exceeded queue worker shard replica commit rollback session token expired invalid request response`)
	all := make([]string, n)
	for i := range all {
		var b strings.Builder
		for range 6 + r.IntN(10) {
			b.WriteString(words[r.IntN(len(words))] + " ")
		}
		fmt.Fprintf(&b, "id=%d", r.IntN(1000000))
		all[i] = b.String()
	}
	return all
}

func TestShapes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 300_000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	var e wordzip.Encoder
	for _, values := range [][]string{
		nil,
		{""},
		{"a"},
		{"", "", ""},
		{"one word"},
		{"same same same same same same same same same"},
		{strings.Repeat("x", 1_000_000)},
		{strings.Repeat("word ", 100_000)},
		{strings.Repeat("ab", 70_000), strings.Repeat("ab", 70_000)},
		{string(noise)},
		{string(noise), string(noise)},
		{strings.Repeat("登录 成功 ", 3000)},
		messages(r, 1), messages(r, 5), messages(r, 100), messages(r, 20_000),
		append(append(messages(r, 3000), string(noise[:130_000])), messages(r, 3000)...),
	} {
		check(t, &e, nil, values...)
		check(t, &e, noise[:100], values...)
	}
	for n := range 600 { // all sizes about the limits of headers
		check(t, &e, nil, strings.Repeat("ab cd ", 100)[:n])
		check(t, &e, nil, string(noise[:n]))
	}
	src := []byte(strings.Join(messages(r, 2000), "\n"))
	got, err := decoder.DecodeAll(e.Append(nil, src, 0, nil), nil)
	if err != nil || !bytes.Equal(got, src) {
		t.Errorf("a text in one piece does not come back: %v", err)
	}
}

// TestSmaller: logs take less than what a general encoder makes of them.
func TestSmaller(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var e wordzip.Encoder
	general, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
	if err != nil {
		t.Fatal(err)
	}
	values := messages(r, 6000)
	size := check(t, &e, nil, values...)
	if other := len(general.EncodeAll([]byte(strings.Join(values, "")), nil)); size > other*95/100 {
		t.Errorf("got %d bytes, and %d from a general encoder", size, other)
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("head"), []byte("some words, and some words again; some words"), uint8(7))
	f.Add([]byte{}, bytes.Repeat([]byte("abc def "), 300), uint8(0))
	f.Add([]byte{1}, []byte("\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00"), uint8(3))
	var e wordzip.Encoder
	f.Fuzz(func(t *testing.T, head, text []byte, size uint8) {
		var values []string
		for text := string(text); size > 0 && len(text) > int(size); text = text[size:] {
			values = append(values, text[:size])
		}
		check(t, &e, head, append(values, string(text))...)
		check(t, &e, head, string(bytes.Repeat(text, 50)))
	})
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkMessages compares encoders by the size of a page.
func BenchmarkMessages(b *testing.B) {
	values := messages(rand.New(rand.NewPCG(5, 6)), 60_000)
	for _, page := range []int{128 << 10, 256 << 10, 512 << 10, 1 << 20} {
		var pages [][]byte
		var sizes [][]int32
		var src []byte
		var size []int32
		total := 0
		for _, v := range values {
			src, size, total = append(src, v...), append(size, int32(len(v))), total+len(v)
			if len(src) > page {
				pages, sizes = append(pages, src), append(sizes, size)
				src, size = nil, nil
			}
		}
		total -= len(src)
		run := func(name string, encode func(i int) int) {
			b.Run(fmt.Sprintf("%s/page=%dK", name, page>>10), func(b *testing.B) {
				size := 0
				before := cpu()
				for b.Loop() {
					size = 0
					for i := range pages {
						size += encode(i)
					}
				}
				b.ReportMetric(float64(total)*float64(b.N)/1e6/(cpu()-before).Seconds(), "MB/cpu-s")
				b.ReportMetric(100*float64(size)/float64(total), "%")
			})
		}
		var e wordzip.Encoder
		var out []byte
		run("words", func(i int) int { out = e.Append(out[:0], pages[i], 0, sizes[i]); return len(out) })
		for _, level := range []zstd.EncoderLevel{zstd.SpeedFastest, zstd.SpeedBetterCompression} {
			general, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
			if err != nil {
				b.Fatal(err)
			}
			run(level.String(), func(i int) int { out = general.EncodeAll(pages[i], out[:0]); return len(out) })
		}
	}
}
