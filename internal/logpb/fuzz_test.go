package logpb

import (
	"bytes"
	"testing"
	"time"
)

// seedGroups are encoded groups that begin every search for a bad one.
func seedGroups() [][]byte {
	return [][]byte{
		nil, unhex(vectorRaw), Append(nil, webGroup(2)), unhex("0a00"), unhex("0a0b08ffffffffffffffffff01"), unhex("8a8080808000020801"),
		unhex("3801 0a0e 0801 490102030405060708 4a0178 320b 0a016b 120176 1d01020304 3a00"), unhex("3b3c"), unhex("0affffffff0f"),
	}
}

// FuzzCheck finds no bytes that Check accepts and the official SDK refuses or reads otherwise.
func FuzzCheck(f *testing.F) {
	for _, raw := range seedGroups() {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		sameAsSDK(t, raw)
		if !bytes.Equal(raw, before) {
			t.Fatal("the input was changed")
		}
	})
}

// FuzzDecode finds no group that changes when it is encoded and decoded again, and none that a Decoder decodes otherwise.
func FuzzDecode(f *testing.F) {
	for _, raw := range seedGroups() {
		f.Add(raw)
	}
	var d Decoder
	f.Fuzz(func(t *testing.T, raw []byte) {
		g, err := Decode(raw)
		quick, quickErr := d.Decode(raw)
		if (err == nil) != (quickErr == nil) {
			t.Fatalf("Decode: %v, Decoder: %v", err, quickErr)
		}
		if err != nil {
			return
		}
		if d := diff(quick, g); d != "" {
			t.Fatalf("a Decoder differs (-want +got)\n%s", d)
		}
		again, err := Decode(Append(nil, g))
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(again, g); d != "" {
			t.Fatalf("(-want +got)\n%s", d)
		}
	})
}

func FuzzDecodeList(f *testing.F) {
	for _, raw := range seedGroups() {
		f.Add(raw)
		f.Add(append(AppendGroupHeader(nil, len(raw)), raw...))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		groups, err := DecodeList(raw)
		if err == nil && 2*len(groups) > len(raw) {
			t.Fatalf("%d groups out of %d bytes", len(groups), len(raw))
		}
	})
}

func FuzzDecodePackages(f *testing.F) {
	f.Add(unhex("1001 0a08 0a0161 1007 220178 0a05 0a0162 1008"))
	f.Add(unhex("0a07 0a0161 1007 1804"))
	f.Add(unhex("0a0e 0a0161 10ffffffffffffffffff01"))
	f.Fuzz(func(t *testing.T, body []byte) {
		const most = 3
		packages, err := DecodePackages(body, most)
		if err != nil {
			return
		}
		size := 0
		for _, p := range packages {
			size += len(p.Data)
			if p.RawSize < 0 {
				t.Fatalf("negative size %d", p.RawSize)
			}
		}
		if len(packages) > most || size > len(body) {
			t.Fatalf("%d packages of %d bytes out of %d bytes", len(packages), size, len(body))
		}
	})
}

// FuzzAppendJSON finds no document whose group is another one once it is decoded and encoded again, and none that becomes much
// larger than it was.
func FuzzAppendJSON(f *testing.F) {
	f.Add([]byte(`{"__topic__":"t","__source__":"s","__tags__":{"k":"v"},"__logs__":[{"a":"1","__time__":5,"__time_ns_part__":6}]}`), true)
	f.Add([]byte(`{"x":[{}],"__logs__":[{"i":1,"n":null,"o":{"b":[1]}}]}`), false)
	f.Add([]byte(`{{}:1}`), false)
	f.Add([]byte(`{"__logs__":[{1:"1"}]}`), false)
	f.Add([]byte("{\"__logs__\":[{\"\xff\":\"\\ud800\"}]}"), false)
	f.Fuzz(func(t *testing.T, body []byte, keepTime bool) {
		raw, err := AppendJSON([]byte("before"), body, Limits{}, time.Unix(1700000000, 0), keepTime)
		if err != nil {
			return
		}
		g, err := Decode(bytes.TrimPrefix(raw, []byte("before")))
		if err != nil {
			t.Fatal(err)
		}
		if len(raw) > 100+6*len(body) {
			t.Fatalf("%d bytes out of %d", len(raw), len(body))
		}
		again, err := Decode(Append(nil, g))
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(again, g); d != "" {
			t.Fatalf("(-want +got)\n%s", d)
		}
	})
}

// fuzzDecompress finds no input for which more than the claimed size comes back, and nothing that Compress cannot bring back.
func fuzzDecompress(f *testing.F, c Codec) {
	for _, raw := range seedGroups() {
		f.Add(compressed(f, c, raw), len(raw))
		f.Add(raw, len(raw))
	}
	f.Add(compressed(f, c, make([]byte, 1<<20)), 1000)
	f.Fuzz(func(t *testing.T, src []byte, rawSize int) {
		const most = 1 << 20 // what the caller caps
		if rawSize > most {
			return
		}
		raw, err := Decompress(nil, c, src, rawSize)
		if err != nil {
			return
		}
		if len(raw) != rawSize || cap(raw) > most+most/4+4096 {
			t.Fatalf("%d bytes in %d, want %d", len(raw), cap(raw), rawSize)
		}
		again, err := Decompress(nil, c, compressed(t, c, raw), len(raw))
		if err != nil || !bytes.Equal(again, raw) {
			t.Fatalf("compressed again: %v", err)
		}
	})
}

func FuzzDecompressNone(f *testing.F)    { fuzzDecompress(f, None) }
func FuzzDecompressLZ4(f *testing.F)     { fuzzDecompress(f, LZ4) }
func FuzzDecompressZstd(f *testing.F)    { fuzzDecompress(f, Zstd) }
func FuzzDecompressDeflate(f *testing.F) { fuzzDecompress(f, Deflate) }
