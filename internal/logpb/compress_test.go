package logpb

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/sluicelog/sluice"
)

var codecs = []Codec{None, LZ4, Zstd, Deflate}

func incompressible(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return b
}

func compressed(t testing.TB, c Codec, raw []byte) []byte {
	t.Helper()
	out, err := Compress(nil, c, raw)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCompressRoundTrip(t *testing.T) {
	for name, raw := range map[string][]byte{
		"empty": {}, "one byte": {7}, "logs": Append(nil, webGroup(2000)),
		"zeros": make([]byte, 3<<20), "noise": incompressible(300_000),
	} {
		for _, c := range codecs {
			t.Run(name+"/"+string(c), func(t *testing.T) {
				var src, dst []byte
				for range 2 { // the second time into the buffers of the first
					var err error
					if src, err = Compress(src, c, raw); err != nil {
						t.Fatal(err)
					}
					if dst, err = Decompress(dst, c, src, len(raw)); err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(dst, raw) {
						t.Fatal("what comes out is not what went in")
					}
				}
			})
		}
	}
}

// deflated makes a stream with the standard library, which shares no code with what we use.
func deflated(t *testing.T, raw []byte, open func(io.Writer) io.WriteCloser) []byte {
	t.Helper()
	var b bytes.Buffer
	w := open(&b)
	if _, err := w.Write(raw); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func openZlib(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }

func openFlate(w io.Writer) io.WriteCloser {
	f, err := flate.NewWriter(w, flate.BestCompression)
	if err != nil {
		panic(err)
	}
	return f
}

func TestDeflateOfOthers(t *testing.T) {
	raw := Append(nil, webGroup(200))
	for name, src := range map[string][]byte{"zlib": deflated(t, raw, openZlib), "raw": deflated(t, raw, openFlate)} {
		got, err := Decompress(nil, Deflate, src, len(raw))
		if err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Several zstd frames behind one another, and frames that do not tell their size, are what streaming clients send.
func TestZstdFrames(t *testing.T) {
	raw := Append(nil, webGroup(1000))
	var stream bytes.Buffer
	w, err := zstd.NewWriter(&stream)
	if err != nil {
		t.Fatal(err)
	}
	for part := raw; len(part) > 0; {
		n := min(len(part), 50_000)
		if _, err := w.Write(part[:n]); err != nil {
			t.Fatal(err)
		}
		part = part[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	half := len(raw) / 2
	for name, src := range map[string][]byte{
		"stream": stream.Bytes(),
		"frames": append(compressed(t, Zstd, raw[:half]), compressed(t, Zstd, raw[half:])...),
	} {
		got, err := Decompress(nil, Zstd, src, len(raw))
		if err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDecompressRefuses(t *testing.T) {
	raw := Append(nil, webGroup(50))
	for _, c := range codecs {
		src := compressed(t, c, raw)
		f := func(name string, src []byte, rawSize int) {
			t.Run(string(c)+"/"+name, func(t *testing.T) {
				got, err := Decompress(nil, c, src, rawSize)
				wantError(t, err, sluice.Invalid, "body-compressed")
				if got != nil {
					t.Error("something is returned beside the error")
				}
			})
		}
		f("size one too small", src, len(raw)-1)
		f("size one too large", src, len(raw)+1)
		f("size zero", src, 0)
		f("size negative", src, -1)
		f("size absurd", src, 1<<62)
		f("nothing", nil, len(raw))
		f("cut short", src[:len(src)-1], len(raw))
		f("cut to a half", src[:len(src)/2], len(raw))
		f("more behind it", append(src[:len(src):len(src)], 1, 2, 3, 4), len(raw))
		if c != None {
			f("not compressed", raw, len(raw))
		}
	}
	for _, c := range []Codec{"gzip", "snappy", "LZ4"} {
		_, err := Decompress(nil, c, raw, len(raw))
		wantError(t, err, sluice.Invalid, "compresstype")
		_, err = Compress(nil, c, raw)
		wantError(t, err, sluice.Invalid, "compresstype")
	}
}

// A flipped bit of a checked stream is found. (Blocks of LZ4 and frames of zstd without a checksum have nothing to find it by.)
func TestDeflateChecksum(t *testing.T) {
	raw := Append(nil, webGroup(50))
	src := compressed(t, Deflate, raw)
	src[len(src)-1] ^= 1
	_, err := Decompress(nil, Deflate, src, len(raw))
	wantError(t, err, sluice.Invalid, "body-compressed")
}

// Bombs: 32 MiB of zeros that claim to be 1 MiB, and a few bytes that claim to be 64 MiB.
func TestDecompressMemory(t *testing.T) {
	const claimed = 1 << 20
	var stream bytes.Buffer // a zstd frame without a content size, so that only decoding can tell
	w, err := zstd.NewWriter(&stream)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, zeros{}, 32<<20); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	bomb := make([]byte, 32<<20)
	for _, test := range []struct {
		name string
		c    Codec
		src  []byte
		size int
		most uint64
	}{
		{"lz4 bomb", LZ4, compressed(t, LZ4, bomb), claimed, 4 * claimed},
		{"zstd bomb", Zstd, compressed(t, Zstd, bomb), claimed, 4 * claimed},
		{"zstd bomb of unknown size", Zstd, stream.Bytes(), claimed, 6 * claimed},
		{"deflate bomb", Deflate, compressed(t, Deflate, bomb), claimed, 4 * claimed},
		{"lz4 lie", LZ4, compressed(t, LZ4, make([]byte, 5000)), 64 << 20, claimed},
		{"deflate lie", Deflate, compressed(t, Deflate, make([]byte, 5000)), 64 << 20, claimed},
		{"none lie", None, make([]byte, 5000), 64 << 20, claimed},
	} {
		t.Run(test.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Decompress(nil, test.c, test.src, test.size)
			runtime.ReadMemStats(&after)
			wantError(t, err, sluice.Invalid, "body-compressed")
			if got := after.TotalAlloc - before.TotalAlloc; got > test.most {
				t.Errorf("%d bytes were allocated, want at most %d", got, test.most)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func BenchmarkDecompress(b *testing.B) {
	raw := Append(nil, webGroup(500))
	for _, c := range codecs[1:] {
		b.Run(string(c), func(b *testing.B) {
			src := compressed(b, c, raw)
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				var err error
				if dst, err = Decompress(dst, c, src, len(raw)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
