package search_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/index"
)

func TestMatchAllocatesNothing(t *testing.T) {
	b := bind(t, `refused or (method:get and ua:chr* and url:#"v1 list" and msg:登录 and status>100 and info.user.name:amy and not rt<1)`, exampleConfig)
	l := logOf(&exampleLogs[0])
	if n := testing.AllocsPerRun(10, func() {
		if !b.Match(l) {
			t.Error("no match")
		}
	}); n > 1 { // what looks for a JSON leaf
		t.Errorf("%v allocations", n)
	}
}

// The worst that a query of the allowed size can ask of the largest value ends soon.
func TestMatchIsBounded(t *testing.T) {
	value := strings.Repeat("a", index.MaxValueBytes)
	group := &sluice.LogGroup{Records: []sluice.Record{{Fields: fields("whole", value, "words", strings.Repeat("a ", index.MaxValueBytes/2))}}}
	c := config(`{"keys":{"whole":{"type":"text","token":[]},"words":{"type":"text","token":[" "]}}}`)
	for _, query := range []string{
		`whole:a` + strings.Repeat(`*a`, 120) + `*b`,
		`whole:a*` + strings.Repeat(`?`, 250) + `b*`,
		`words:#"` + strings.Repeat("a ", 127) + `b"`,
		strings.Repeat(`(not `, 128) + `words:b` + strings.Repeat(`)`, 128),
	} {
		b := bind(t, query, c)
		start := time.Now()
		b.Match(logOf(group))
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%.40s took %v", query, took)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	l := logOf(&exampleLogs[0])
	bytes := 0
	for _, f := range l.Fields() {
		bytes += len(f.Key) + len(f.Value)
	}
	for _, query := range []string{`nowhere`, `url:list`, `ua:#"linux chrome"`, `url:list*`, `status>100`, `info.user.name:amy`, `GET and not refused`} {
		b.Run(fmt.Sprintf("%q", query), func(b *testing.B) {
			bound := bind(b, query, exampleConfig)
			b.SetBytes(int64(bytes))
			b.ReportAllocs()
			for b.Loop() {
				bound.Match(l)
			}
		})
	}
}
