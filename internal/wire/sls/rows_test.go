package sls

import (
	"encoding/json"
	"testing"
)

func TestAppendTable(t *testing.T) {
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
			got := string(appendTable(nil, c.columns, c.rows))
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			var rows []map[string]string
			if err := json.Unmarshal([]byte(got), &rows); err != nil || len(rows) != len(c.rows) {
				t.Errorf("%v: %v", rows, err)
			}
		})
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
