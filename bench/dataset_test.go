package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
)

var testStart = time.UnixMilli(1700000000000)

// The other servers of docs/benchmarks.md were given the JSON lines of another program, of which this is the sum for 1,000 records.
func TestWeblogsAreThoseOfThePeers(t *testing.T) {
	const want = "6a439df7d238b0141c204748abee05a64f8866c41b0ed44ff1ce9599c8d1c43e"
	var lines bytes.Buffer
	next := weblogs.draw(testStart)
	for range 1000 {
		r := next()
		at := time.Unix(int64(r.Time), int64(r.Nanos)).UTC()
		fmt.Fprintf(&lines, `{"_time":%q`, at.Format("2006-01-02T15:04:05.000Z"))
		for _, f := range r.Fields {
			fmt.Fprintf(&lines, `,%q:%q`, f.Key, f.Value)
		}
		lines.WriteString("}\n")
	}
	sum := sha256.Sum256(lines.Bytes())
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("the sum is %s; the first line %s", got, strings.SplitN(lines.String(), "\n", 2)[0])
	}
}

func TestDatasetsAreTheSameEachTime(t *testing.T) {
	for _, d := range datasets {
		a, b := d.draw(testStart), d.draw(testStart)
		last := sluice.Record{}
		for i := range 3000 {
			x, y := a(), b()
			if !reflect.DeepEqual(x, y) {
				t.Fatalf("%s: record %d is drawn as %.200v and as %.200v", d.name, i, x, y)
			}
			if x.Time < last.Time || x.Time == last.Time && x.Nanos < last.Nanos {
				t.Fatalf("%s: record %d is before the one before", d.name, i)
			}
			last = x
		}
		if behind := time.Unix(int64(last.Time), int64(last.Nanos)).Sub(testStart); behind > 2*3000*d.apart {
			t.Errorf("%s: 3,000 records take %v, so records are not %v apart", d.name, behind, d.apart)
		}
	}
}

func TestApp(t *testing.T) {
	r := app.draw(testStart)()
	if len(r.Fields) != 25 {
		t.Errorf("a record has %d fields", len(r.Fields))
	}
	at := slices.IndexFunc(r.Fields, func(f sluice.Field) bool { return f.Key == "context" })
	var context struct {
		Cart struct{ Items, Total *float64 }
	}
	if err := json.Unmarshal([]byte(r.Fields[at].Value), &context); err != nil || context.Cart.Items == nil || context.Cart.Total == nil {
		t.Errorf("context %s: %v", r.Fields[at].Value, err)
	}
}

func TestHostile(t *testing.T) {
	next := hostile.draw(testStart)
	names, longest := map[string]bool{}, 0
	for range 2 * longLineEach {
		for _, f := range next().Fields {
			if strings.HasPrefix(f.Key, "f_") {
				names[f.Key] = true
			}
			longest = max(longest, len(f.Value))
		}
	}
	if len(names) < hostileFields*99/100 || longest != longLine {
		t.Errorf("%d field names, and the longest line has %d bytes", len(names), longest)
	}
}

// Every field that a question names is in the index.
func TestIndexes(t *testing.T) {
	for _, d := range datasets {
		keys := d.index["keys"].(map[string]any)
		r := d.draw(testStart)()
		for _, f := range r.Fields {
			if d != hostile && keys[f.Key] == nil {
				t.Errorf("%s: no key %s", d.name, f.Key)
			}
		}
		row := map[string]string{}
		for _, f := range r.Fields {
			row[f.Key] = f.Value
		}
		if d != systemLog && len(d.id(row)) < 32 {
			t.Errorf("%s: the id is %q", d.name, d.id(row))
		}
	}
	if got := systemLog.id(map[string]string{"line": "sshd[7]: from 10.0.200.3 port 9"}); got != "10.0.200.3" {
		t.Errorf("the id of a line is %q", got)
	}
}

func TestAbout(t *testing.T) {
	q := question{search: "id:{id} or id:{id:4}*", floor: "x = '{id}'"}.about("0123456")
	if q.search != "id:0123456 or id:0123*" || q.floor != "x = '0123456'" {
		t.Errorf("%+v", q)
	}
}

// The server writes numbers as texts, DuckDB's driver gives numbers.
func TestAnswersAreCompared(t *testing.T) {
	for _, same := range [][2]string{{"7", "7"}, {"7.0", "7"}, {"web-01", "web-01"}, {"1E3", "1000"}} {
		if a, b := (answer{}).add(same[0]), (answer{}).add(same[1]); !slices.Equal(a, b) {
			t.Errorf("%v and %v", a, b)
		}
	}
	if slices.Equal(answer{}.add("7"), answer{}.add("8")) {
		t.Error("7 is 8")
	}
}
