package sinktest

import (
	"fmt"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// hostile are values that a format gets wrong when it does not think of them.
var hostile = []sink.Field{
	{Key: "empty", Value: ""},
	{Key: "chinese", Value: "日志服务：投递成功"},
	{Key: "emoji", Value: "\U0001F30A\u200d"},
	{Key: "quotes", Value: `say "hi", it's \ fine`},
	{Key: "lines", Value: "one\ntwo\r\nthree\rfour"},
	{Key: "tabs", Value: "\ta\t"},
	{Key: "control", Value: "\x00\x01\x1b[31m\x7f"},
	{Key: "separators", Value: "\u2028\u2029\u0085"},
	{Key: "bytes", Value: "\xff\xfe a\xc3"},
	{Key: "html", Value: "<script>&amp;</script>"},
	{Key: "pipes", Value: "a||b|c=d"},
	{Key: "brackets", Value: `]]}{[(),;%s%00${x}`},
	{Key: "spaces", Value: "  both ends  "},
	{Key: "键", Value: "a key that is not ASCII"},
	{Key: `key "with" = ] signs`, Value: "v"},
	{Key: "number", Value: "12345678901234567890", Kind: sink.Number},
	{Key: "fraction", Value: "-1.50e-7", Kind: sink.Number},
	{Key: "bool", Value: "true", Kind: sink.Bool},
	{Key: "json", Value: `{"a":[1,"b",null],"c":{}}`, Kind: sink.JSON},
	{Key: "absent", Kind: sink.Absent},
}

// start is when the logs of the tests are from. Tests do not look at the clock.
const start = 1767323045

// entry makes the i-th log of a shard, which its first field names for good.
func entry(shard sluice.ShardID, i int, fields ...sink.Field) *sink.Entry {
	e := &sink.Entry{
		At:     sink.Point{Position: sluice.Position(1000 + i/10), Index: i % 10},
		Time:   start + uint32(i),
		Nanos:  678_000_000,
		Topic:  "access",
		Source: "192.0.2.1",
		Tags:   []sluice.Field{{Key: "__path__", Value: "/var/log/x"}},
		Fields: []sink.Field{{Key: "n", Value: fmt.Sprintf("%d-%d", shard, i)}},
	}
	e.Fields = append(e.Fields, fields...)
	return e
}

// entries makes n logs, from number from on, that have the hostile values, a few each.
func entries(shard sluice.ShardID, from, n int) []*sink.Entry {
	var out []*sink.Entry
	for i := from; i < from+n; i++ {
		var fields []sink.Field
		for k := range 1 + i%4 {
			fields = append(fields, hostile[(i*3+k)%len(hostile)])
		}
		out = append(out, entry(shard, i, fields...))
	}
	return out
}

// large makes a log with a value of n bytes that does not compress to nothing.
func large(i, n int) *sink.Entry {
	var b strings.Builder
	for k := uint32(1); b.Len() < n; k = k*1664525 + 1013904223 {
		fmt.Fprintf(&b, "%08x", k)
	}
	return entry(0, i, sink.Field{Key: "large", Value: b.String()[:n]})
}

// header is that of the batch that begins with e.
func header(shard sluice.ShardID, e *sink.Entry) sink.Header {
	return sink.Header{Project: "p1", Task: "t1", Shard: shard, From: e.At, Arrived: timeOf(e)}
}

// behind is the point behind e.
func behind(e *sink.Entry) sink.Point {
	return sink.Point{Position: e.At.Position, Index: e.At.Index + 1}
}
