package index_test

import (
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/index"
)

var consoleDelimiters = strings.Split(", '\";=()[]{}?@&<>/:\n\t\r", "")

// Cutting values is what indexing spends its time on.
func BenchmarkScanner(b *testing.B) {
	const ascii = `GET /api/v1/list?id=7&user=Amy HTTP/1.1 "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36" request took 12ms`
	const mixed = `user 登录成功 from 192.0.2.10, Überprüfung OK; 密码错误 retry=3`
	for _, bench := range []struct {
		name, value    string
		sensitive, chn bool
	}{
		{"ascii", ascii, false, false},
		{"ascii/lower", strings.ToLower(ascii), false, false},
		{"ascii/sensitive", ascii, true, false},
		{"ascii/chn", ascii, false, true},
		{"mixed", mixed, false, false},
		{"mixed/chn", mixed, false, true},
	} {
		b.Run(bench.name, func(b *testing.B) {
			t := index.NewTokenizer(consoleDelimiters, bench.sensitive, bench.chn)
			value := strings.Repeat(bench.value+" ", 20)
			var scan index.Scanner
			b.SetBytes(int64(len(value)))
			b.ReportAllocs()
			for b.Loop() {
				scan.Each(t, value, func([]byte) {})
			}
		})
	}
}

func BenchmarkLeaves(b *testing.B) {
	value := `{"time":"2024-01-01T00:00:00Z","level":"info","caller":{"file":"main.go","line":42},"tags":["a","b"],"took":12.5,"ok":true,"msg":"request \"done\""}`
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		index.Leaves(value, func([]byte, index.Leaf) bool { return true })
	}
}
