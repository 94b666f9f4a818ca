package encode_test

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/delivery/encode"
)

// FuzzRows checks that any text comes back from every format by the rules that its readers know.
func FuzzRows(f *testing.F) {
	f.Add("key", "value", "other", "")
	f.Add("k=|\\", "a||b=c\\|", "\n", "\r\n\t\x00\xff\xc3")
	f.Add("\"", `","`, "日志", "\u2028")
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2 string) {
		if k1 == k2 {
			return
		}
		e := log(k1, v1, k2, v2)
		valid := func(s string) string { return strings.ToValidUTF8(s, "\ufffd") }
		row := func(r encode.Rows) string {
			b, err := r.Open().Append(nil, e)
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}

		var object map[string]string
		if err := json.Unmarshal([]byte(row(encode.Rows{})), &object); err != nil || object[valid(k2)] != valid(v2) ||
			valid(k1) != valid(k2) && object[valid(k1)] != valid(v1) {
			t.Errorf("json: %v %q", err, object)
		}

		unlines := strings.NewReplacer("\r\n", "\n").Replace // as encoding/csv does in quotes
		cells, err := csv.NewReader(strings.NewReader(row(encode.Rows{Format: encode.CSV}))).ReadAll()
		if err != nil || len(cells) != 1 || len(cells[0]) != 2 || cells[0][0] != unlines(valid(v1)) || cells[0][1] != unlines(valid(v2)) {
			t.Errorf("csv: %v %q", err, cells)
		}

		pairs := readKV(row(encode.Rows{Format: encode.KV}))
		if len(pairs) != 2 || pairs[0] != [2]string{valid(k1), valid(v1)} || pairs[1] != [2]string{valid(k2), valid(v2)} {
			t.Errorf("kv: %q", pairs)
		}

		line := row(encode.Rows{Format: encode.CEF})
		if strings.ContainsAny(line, "\r\n") || !strings.HasPrefix(line, "CEF:0|Sluice|Sluice|1|log|log|3|rt=") || !json.Valid([]byte(row(encode.Rows{}))) {
			t.Errorf("cef: %q", line)
		}
	})
}

// readKV reads pairs between || by the rules of KVOptions.
func readKV(s string) (pairs [][2]string) {
	var pair [2]string
	part := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
			c = s[i]
			switch c {
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			}
			pair[part] += string([]byte{c})
		case c == '=' && part == 0:
			part = 1
		case c == '|':
			i++
			pairs = append(pairs, pair)
			pair, part = [2]string{}, 0
		default:
			pair[part] += string([]byte{c})
		}
	}
	return append(pairs, pair)
}
