package importer

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

func zipped(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Files that are sound give their records, zipped or not; others say where and why they are not, and none harms anybody.
func TestFiles(t *testing.T) {
	whole := zipped(t, `{"Records":[{"a":1},{"a":2}]}`)
	broken := bytes.Clone(whole)
	broken[len(broken)-6] ^= 1 // of the checksum
	large := `{"Records":[{"a":"` + strings.Repeat("x", maxRecord) + `"}]}`
	for _, c := range []struct {
		name    string
		file    []byte
		records int
		reason  string // of the damage
	}{
		{"zipped", whole, 2, ""},
		{"plain", []byte(`{"Records":[{"a":1}]}`), 1, ""},
		{"empty", zipped(t, `{"Records":[]}`), 0, ""},
		{"more members", zipped(t, `{"x":[1,{"y":2}],"Records":[1],"z":null}`), 1, ""},
		{"space around", zipped(t, " {\"Records\" : [ {} ] } \n"), 1, ""},
		{"nothing", nil, 0, "ends too early"},
		{"zipped nothing", zipped(t, ""), 0, "ends too early"},
		{"half of the zip", whole[:len(whole)/2], 0, "ends too early"},
		{"a header alone", whole[:4], 0, "header of gzip"},
		{"a checksum that does not hold", broken, 2, "invalid checksum"},
		{"bytes behind the zip", append(bytes.Clone(whole), "tail"...), 2, "4 bytes follow the gzip stream"},
		{"a zip behind the zip", append(bytes.Clone(whole), whole...), 2, "bytes follow the gzip stream"},
		{"text behind the JSON", zipped(t, `{"Records":[{}]}{}`), 1, "behind the end of the JSON"},
		{"half of the JSON", zipped(t, `{"Records":[{"a":1},{"a`), 1, "ends too early"},
		{"bad JSON", zipped(t, `{"Records":[{"a":1},{a}]}`), 1, "invalid character 'a'"},
		{"an array", zipped(t, `[{}]`), 0, "has to be"},
		{"Records that are none", zipped(t, `{"Records":{}}`), 0, "has to be"},
		{"Records that are null", zipped(t, `{"Records":null}`), 0, "has to be"},
		{"a digest", zipped(t, `{"awsAccountId":"123456789012","logFiles":[]}`), 0, "no file of records"},
		{"a record that is too large", zipped(t, large), 0, "larger than"},
		{"a member that is too large", zipped(t, strings.Replace(large, "Records", "Others", 1)), 0, "larger than"},
		{"a bomb of spaces", zipped(t, `{"Records":[{}`+strings.Repeat(" ", 64<<20)+`]}`), 1, "larger than"},
		{"a bomb of records", zipped(t, `{"Records":[`+strings.Repeat("{},", 16<<20)+`{}]}`), -1, "too large"},
		{"depth", zipped(t, `{"Records":[`+strings.Repeat("[", 100_000)), 0, "exceeded max depth"},
	} {
		n := 0
		err := each(c.file, func(k int, _ int64, raw json.RawMessage) error {
			if k != n || !json.Valid(raw) {
				t.Errorf("%s: record %d is %q", c.name, k, raw)
			}
			n++
			return nil
		})
		var bad *damage
		switch {
		case c.reason == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.reason != "" && (!errors.As(err, &bad) || !strings.Contains(bad.Reason, c.reason)):
			t.Errorf("%s: got %v, want %q", c.name, err, c.reason)
		}
		if c.records >= 0 && n != c.records {
			t.Errorf("%s: %d records, want %d", c.name, n, c.records)
		}
	}
}

// Where a file is damaged is told in its text.
func TestWhereFilesAreDamaged(t *testing.T) {
	const text = `{"Records":[{"a":1},{"a":2},{"a":]}`
	err := each(zipped(t, text), func(int, int64, json.RawMessage) error { return nil })
	var bad *damage
	if !errors.As(err, &bad) || bad.Offset < int64(strings.LastIndex(text, "{")) || bad.Offset > int64(len(text)) {
		t.Errorf("got %v", err)
	}
}

// A record can be had back from the fields of its log: the event of ECS that documentation shows, and stranger ones.
func TestRecordsComeBack(t *testing.T) {
	ecs, err := os.ReadFile("testdata/ecs.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Records []json.RawMessage }
	if err := json.Unmarshal(ecs, &file); err != nil {
		t.Fatal(err)
	}
	for _, raw := range append(file.Records, json.RawMessage(`{"eventTime":"2026-01-05T00:12:31Z","requestParameters":null,"readOnly":false,"n":1.50,"ü":["<&>"]}`)) {
		r, err := record(raw, time.Unix(1, 0))
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(raw, &members); err != nil {
			t.Fatal(err)
		}
		if len(r.Fields) != len(members) {
			t.Errorf("%d fields of %d members", len(r.Fields), len(members))
		}
		for key, value := range members {
			var text string
			if json.Unmarshal(value, &text) != nil {
				text = string(value)
			}
			if string(value) == "null" {
				text = "null"
			}
			if got := field(&r, key); got != text {
				t.Errorf("%s: got %q, was %q", key, got, text)
			}
		}
	}
	r, err := record(file.Records[0], time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if at := time.Unix(int64(r.Time), 0).UTC().Format(time.RFC3339); at != "2018-06-20T19:04:36Z" {
		t.Errorf("the log's time is %s", at)
	}
}

func TestBadRecords(t *testing.T) {
	for _, raw := range []string{`1`, `"text"`, `null`, `[]`, `{"":1}`, `{"` + strings.Repeat("k", 300) + `":1}`} {
		if _, err := record(json.RawMessage(raw), time.Unix(1, 0)); err == nil {
			t.Errorf("%.40s is taken for a record", raw)
		}
	}
	var many strings.Builder
	for i := range 300 {
		fmt.Fprintf(&many, `,"k%d":1`, i)
	}
	if _, err := record(json.RawMessage(`{`+many.String()[1:]+`}`), time.Unix(1, 0)); err == nil {
		t.Error("a record of 300 members passes")
	}
	for _, when := range []string{"", "yesterday", "1900-01-01T00:00:00Z", "9999-01-01T00:00:00Z"} {
		r, err := record(json.RawMessage(`{"eventTime":"`+when+`"}`), time.Unix(7, 0))
		if err != nil || r.Time != 7 {
			t.Errorf("time %q: %d, %v", when, r.Time, err)
		}
	}
}

func TestKeys(t *testing.T) {
	for key, day := range map[string]string{
		"AWSLogs/123456789012/CloudTrail/us-east-1/2026/01/05/123456789012_CloudTrail_us-east-1_20260105T0010Z_abcdefgh12345678.json.gz":            "2026/01/05",
		"AWSLogs/o-abc123def4/123456789012/CloudTrail/us-east-1/2026/01/05/123456789012_CloudTrail_us-east-1_20260105T0010Z_x.json":                 "2026/01/05",
		"AWSLogs/123456789012/CloudTrail-Digest/us-east-1/2026/01/05/123456789012_CloudTrail-Digest_us-east-1_t_us-east-1_20260105T001000Z.json.gz": "",
		"AWSLogs/123456789012/CloudTrail/us-east-1/2026/01/05/":                                                                                     "",
		"AWSLogs/123456789012/Config/us-east-1/2026/1/5/x_20260105T0010Z_y.json.gz":                                                                 "",
	} {
		if got := dayOf(key); got != day {
			t.Errorf("%s is of day %q, want %q", key, got, day)
		}
	}
	if at := deliveredAt("AWSLogs/123456789012/CloudTrail/us-east-1/2026/01/05/123456789012_CloudTrail_us-east-1_20260105T0010Z_x.json.gz"); !at.Equal(time.Date(2026, 1, 5, 0, 10, 0, 0, time.UTC)) {
		t.Errorf("delivered at %v", at)
	}
}

// Events that were seen are known, the last quarter of a million of them.
func TestSeen(t *testing.T) {
	var s seen
	id := func(n int) (i identity) { copy(i[:], fmt.Sprintf("%016d", n)); return i }
	for n := range maxSeen + 10 {
		if !s.first(id(n)) {
			t.Fatalf("event %d is known at first", n)
		}
	}
	if s.first(id(maxSeen)) || s.first(id(10)) || !s.first(id(0)) || len(s.known) != maxSeen {
		t.Errorf("%d are remembered", len(s.known))
	}
}

// FuzzFile finds no file that makes the reader panic, or that takes much.
func FuzzFile(f *testing.F) {
	f.Add([]byte(`{"Records":[{"eventID":"a","eventTime":"2026-01-05T00:12:31Z"}]}`))
	f.Add(zipped(f, `{"Records":[{"a":[{}]}]}`))
	f.Add([]byte("\x1f\x8b\x08"))
	f.Fuzz(func(t *testing.T, file []byte) {
		err := each(file, func(_ int, _ int64, raw json.RawMessage) error {
			if r, err := record(raw, time.Unix(1, 0)); err == nil {
				identify(&r)
			}
			return nil
		})
		var bad *damage
		if err != nil && !errors.As(err, &bad) {
			t.Errorf("error %v is no damage", err)
		}
	})
}
