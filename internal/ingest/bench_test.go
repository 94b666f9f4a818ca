package ingest_test

import (
	"net/netip"
	"testing"

	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/meta"
)

// BenchmarkPut writes groups of 500 logs into a memory file system: what is left is the cost of the door and of the journal's
// bookkeeping.
func BenchmarkPut(b *testing.B) {
	for _, bb := range []struct {
		name string
		meta bool
		p    func(ingest.Put) ingest.Put
	}{
		{"lz4", false, func(p ingest.Put) ingest.Put { return p }},
		{"lz4+meta", true, func(p ingest.Put) ingest.Put { p.Client = netip.MustParseAddr("192.0.2.7"); return p }},
		{"lz4+key", false, func(p ingest.Put) ingest.Put { p.HashKey = "7f00"; return p }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			benchmarkPut(b, bb.meta, logpb.LZ4, bb.p)
		})
	}
	for _, codec := range []logpb.Codec{logpb.None, logpb.Zstd} {
		b.Run("codec="+string(codec), func(b *testing.B) {
			benchmarkPut(b, false, codec, func(p ingest.Put) ingest.Put { return p })
		})
	}
}

func benchmarkPut(b *testing.B, appendMeta bool, codec logpb.Codec, change func(ingest.Put) ingest.Put) {
	env, door := open(b, 4, ingest.Options{})
	if err := env.Catalog.UpdateLogstore(ctx, ref, func(l *meta.Logstore) error { l.AppendMeta = appendMeta; return nil }); err != nil {
		b.Fatal(err)
	}
	p := change(put(b, group(env, 500), codec))
	b.SetBytes(int64(p.RawSize))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := door.Put(ctx, p); err != nil {
			b.Fatal(err)
		}
	}
}
