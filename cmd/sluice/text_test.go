package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
)

func TestNearest(t *testing.T) {
	names := []string{"webshop", "billing", "demo"}
	f := func(want, expect string) {
		t.Helper()
		if got := nearest(want, names); got != expect {
			t.Errorf("nearest(%q) = %q, want %q", want, got, expect)
		}
	}
	f("webshp", "webshop")
	f("bilings", "billing")
	f("dmo", "demo")
	f("demos", "demo")
	f("kafka", "")
	f("x", "")
}

func TestEdits(t *testing.T) {
	f := func(a, b string, want int) {
		t.Helper()
		if got := edits(a, b); got != want || edits(b, a) != want {
			t.Errorf("edits(%q, %q) = %d, want %d", a, b, got, want)
		}
	}
	f("", "", 0)
	f("", "abc", 3)
	f("abc", "abc", 0)
	f("kitten", "sitting", 3)
	f("ab", "ba", 2)
}

func TestBytesText(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 9949: "9.9 kB", 9951: "10 kB", 999_499: "999 kB", 999_500: "1.0 MB",
		139_434_250: "139 MB", 5_000_000_000_000_000: "5000 TB",
	} {
		if got := bytesText(n); got != want {
			t.Errorf("bytesText(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestQuoteWord(t *testing.T) {
	for s, want := range map[string]string{
		"a.log": "a.log", "--tag=k=v": "--tag=k=v", "": "''", "two words": "'two words'", "it's": `'it'\''s'`, "$(x)": "'$(x)'",
	} {
		if got := quoteWord(s); got != want {
			t.Errorf("quoteWord(%q) = %s, want %s", s, got, want)
		}
	}
}

func TestKeySpace(t *testing.T) {
	shard := func(id sluice.ShardID, begin, end string) client.Shard {
		b, err := sluice.ParseHashKey(begin)
		if err != nil {
			t.Fatal(err)
		}
		e, err := sluice.ParseHashKey(end)
		if err != nil {
			t.Fatal(err)
		}
		return client.Shard{ID: id, Begin: b, End: e}
	}
	parent := shard(0, "00", strings.Repeat("f", 32))
	parent.ReadOnly = true
	got := keySpace([]client.Shard{parent, shard(1, "80", strings.Repeat("f", 32)), shard(2, "00", "40"), shard(3, "40", "80")}, 41)
	want := "├─── 2 ───┼─── 3 ───┼─────── 1 ────────┤\n" +
		"00…       40…       80…                "
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := keySpace([]client.Shard{shard(2, "00", "40"), shard(1, "80", "ff")}, 41); got != "" {
		t.Errorf("a picture of some of the shards:\n%s", got)
	}
}

// However the keys are divided, the picture fits the width.
func TestKeySpaceFits(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		width := rapid.IntRange(2, 120).Draw(r, "width")
		cuts := rapid.SliceOfNDistinct(rapid.ByteRange(1, 254), 0, 60, rapid.ID).Draw(r, "cuts")
		begins := map[byte]bool{0: true}
		for _, c := range cuts {
			begins[c] = true
		}
		var shards []client.Shard
		for b := range 256 {
			if begins[byte(b)] {
				if n := len(shards); n > 0 {
					shards[n-1].End = sluice.HashKey{byte(b)}
				}
				shards = append(shards, client.Shard{ID: sluice.ShardID(len(shards)), Begin: sluice.HashKey{byte(b)}, End: sluice.MaxHashKey})
			}
		}
		for _, line := range strings.Split(keySpace(shards, width), "\n") {
			if n := utf8.RuneCountInString(line); n > width {
				r.Fatalf("a line of %d characters for a width of %d:\n%s", n, width, line)
			}
		}
	})
}
