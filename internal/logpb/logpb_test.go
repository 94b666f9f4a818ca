package logpb

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/sluicelog/sluice"
)

// vectorRaw and vectorLZ4 are the body of reference sls-api 2.9.
const (
	vectorRaw = "0a1b0880e2cfaa06120e0a046b657931120676616c7565312515cd5b071a07746f7069632d61220831302e302e302e31320b0a04746167311203747631"
	vectorLZ4 = "f02e" + vectorRaw
)

func vectorGroup() *sluice.LogGroup {
	return &sluice.LogGroup{
		Topic: "topic-a", Source: "10.0.0.1",
		Tags:    []sluice.Field{{Key: "tag1", Value: "tv1"}},
		Records: []sluice.Record{{Time: 1700000000, Nanos: 123456789, Fields: []sluice.Field{{Key: "key1", Value: "value1"}}}},
	}
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// wantError fails unless err is a *sluice.Error of that kind and noun.
func wantError(t *testing.T, err error, kind sluice.Kind, noun string) {
	t.Helper()
	var got *sluice.Error
	if !errors.As(err, &got) {
		t.Fatalf("error is %v, want %v %q", err, kind, noun)
	}
	if got.Kind != kind || got.Noun != noun {
		t.Errorf("error is %v %q (%v), want %v %q", got.Kind, got.Noun, err, kind, noun)
	}
}

func diff(got, want any) string { return cmp.Diff(want, got, cmpopts.EquateEmpty()) }

func TestVector(t *testing.T) {
	raw := unhex(vectorRaw)
	if got := Append(nil, vectorGroup()); hex.EncodeToString(got) != vectorRaw {
		t.Errorf("Append\ngot  %x\nwant %s", got, vectorRaw)
	}
	got, err := Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(got, vectorGroup()); d != "" {
		t.Errorf("Decode (-want +got)\n%s", d)
	}
	stats, err := Check(raw, Limits{})
	if want := (Stats{Logs: 1, Fields: 1, MinTime: 1700000000, MaxTime: 1700000000}); err != nil || stats != want {
		t.Errorf("Check = %+v, %v; want %+v", stats, err, want)
	}
	block, err := Compress(nil, LZ4, raw)
	if err != nil || hex.EncodeToString(block) != vectorLZ4 {
		t.Errorf("Compress = %x, %v; want %s", block, err, vectorLZ4)
	}
	back, err := Decompress(nil, LZ4, unhex(vectorLZ4), len(raw))
	if err != nil || !slices.Equal(back, raw) {
		t.Errorf("Decompress = %x, %v; want %x", back, err, raw)
	}
}

// webGroup is a group of n web-log records as the benchmarks of the design use them.
func webGroup(n int) *sluice.LogGroup {
	g := &sluice.LogGroup{Topic: "web", Source: "10.0.0.7", Tags: []sluice.Field{{Key: "__hostname__", Value: "web-7"}}}
	for i := range n {
		g.Records = append(g.Records, sluice.Record{Time: 1700000000 + uint32(i/50), Nanos: uint32(i) * 1000, Fields: []sluice.Field{
			{Key: "host", Value: fmt.Sprintf("web-%d.example.com", i%20)},
			{Key: "remote_addr", Value: fmt.Sprintf("203.0.%d.%d", i%256, i*7%256)},
			{Key: "method", Value: "GET"},
			{Key: "uri", Value: fmt.Sprintf("/api/v1/items/%d?page=%d", i*31%5000, i%9)},
			{Key: "status", Value: "200"},
			{Key: "bytes", Value: fmt.Sprint(i * 977 % 65536)},
			{Key: "request_time", Value: fmt.Sprintf("0.%03d", i%1000)},
			{Key: "ua", Value: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"},
			{Key: "trace_id", Value: fmt.Sprintf("%032x", uint64(i)*0x9e3779b97f4a7c15)},
			{Key: "message", Value: "request served from cache after revalidation with the origin"},
		}})
	}
	return g
}

// genText makes any bytes, mostly short, sometimes long enough for lengths of two and three bytes.
func genText() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		b := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "bytes")
		return strings.Repeat(string(b), rapid.SampledFrom([]int{1, 1, 1, 1, 5, 600}).Draw(t, "times"))
	})
}

func genFields(max int) *rapid.Generator[[]sluice.Field] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) sluice.Field {
		return sluice.Field{Key: genText().Draw(t, "key"), Value: genText().Draw(t, "value")}
	}), 0, max)
}

func genGroup() *rapid.Generator[*sluice.LogGroup] {
	return rapid.Custom(func(t *rapid.T) *sluice.LogGroup {
		return &sluice.LogGroup{
			Topic: genText().Draw(t, "topic"), Source: genText().Draw(t, "source"), Tags: genFields(3).Draw(t, "tags"),
			Records: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) sluice.Record {
				return sluice.Record{
					Time:   rapid.Uint32Range(0, math.MaxUint32).Draw(t, "time"),
					Nanos:  rapid.Uint32Range(0, maxNanos).Draw(t, "nanos"),
					Fields: genFields(5).Draw(t, "fields"),
				}
			}), 0, 5).Draw(t, "records"),
		}
	})
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := genGroup().Draw(t, "group")
		raw := Append([]byte("before"), g)[len("before"):]
		got, err := Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(got, g); d != "" {
			t.Fatalf("Decode(Append(g)) (-want +got)\n%s", d)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	raw := Append(nil, webGroup(500))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Check(raw, Limits{MaxRaw: 10 << 20, MaxKey: 128, MaxValue: 1 << 20, MaxLogs: 1000}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	raw := Append(nil, webGroup(500))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(raw); err != nil {
			b.Fatal(err)
		}
	}
}
