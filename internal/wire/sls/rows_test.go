package sls

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	for name, c := range map[string]struct {
		columns []string
		rows    [][]string
		want    string
	}{
		"nothing":       {[]string{"a"}, nil, `[]`},
		"rows":          {[]string{"a", "b"}, [][]string{{"1", "2"}, {"3", ""}}, `[{"a":"1","b":"2"},{"a":"3","b":""}]`},
		"the first":     {[]string{"a", "b", "a"}, [][]string{{"1", "2", "3"}}, `[{"a":"1","b":"2"}]`},
		"escapes":       {[]string{`"<b>"`}, [][]string{{"\\\n\x00"}}, `[{"\"\u003cb\u003e\"":"\\\n\u0000"}]`},
		"no UTF-8":      {[]string{"错"}, [][]string{{"误\xff"}}, `[{"错":"误\ufffd"}]`},
		"line breakers": {[]string{"a"}, [][]string{{"\u2028&\x7f"}}, "[{\"a\":\"\\u2028\\u0026\x7f\"}]"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{1, 15, partBytes} {
				got := string(bytes.Join(tableParts(c.columns, c.rows, size), nil))
				if got != c.want {
					t.Errorf("in parts of %d: got  %s\nwant %s", size, got, c.want)
				}
				var rows []map[string]string
				if err := json.Unmarshal([]byte(got), &rows); err != nil || len(rows) != len(c.rows) {
					t.Errorf("%v: %v", rows, err)
				}
			}
		})
	}
}

// TestTableIsInParts: no part is much larger than a part has to be.
func TestTableIsInParts(t *testing.T) {
	rows := slices.Repeat([][]string{{strings.Repeat("x", 1000)}}, 5000)
	parts := table([]string{"a"}, rows)
	if len(parts) < 4 {
		t.Errorf("%d parts of 5 MB", len(parts))
	}
	for _, part := range parts {
		if cap(part) > partBytes*5/4 {
			t.Errorf("a part takes %d bytes", cap(part))
		}
	}
}

// FuzzAppendString: a string is written as encoding/json writes it.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain text", `"\</&>`, "\x00\x1f\x7f", "日志", "\xff\xfe", "\u2028"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(appendString([]byte("x"), s)); got != "x"+string(want) {
			t.Errorf("got %s, want %s", got[1:], want)
		}
	})
}
