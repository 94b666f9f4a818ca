package objects

import (
	"bytes"
	"testing"
)

// FuzzSums gives the decoders of a cache's files any bytes: what they take for sound is what the encoders write.
func FuzzSums(f *testing.F) {
	e := &entry{name: "segments/1.parquet", identity: "https://s3.example.com bucket", size: 3<<20 + 7}
	f.Add(e.header())
	f.Add(e.header()[:100])
	f.Add(sumsOf(bytes.Repeat([]byte("x"), unitBytes)).record(2))
	f.Fuzz(func(t *testing.T, in []byte) {
		var got entry
		if got.readHeader(in) {
			if got.size < 0 || got.size > maxCached {
				t.Errorf("a size of %d", got.size)
			}
			again := got.header()
			var back entry
			if !back.readHeader(again) || back.name != got.name || back.identity != got.identity || back.size != got.size {
				t.Errorf("%+v comes back as %+v", &got, &back)
			}
		}
		if len(in) >= recordBytes {
			if u := readRecord(in[:recordBytes], 2); u != nil && !bytes.Equal(u.record(2), in[:recordBytes]) {
				t.Error("a record is written in two ways")
			}
		}
	})
}
