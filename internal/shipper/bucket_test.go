package shipper

import (
	"encoding/json"
	"testing"

	"github.com/sluicelog/sluice/internal/delivery"
)

// An empty quote is none, and one that is not there is the usual one.
func TestQuoteOfCSV(t *testing.T) {
	f := func(detail, want string) {
		t.Helper()
		d, err := parse([]byte(`{"bucket":"b","contentType":"csv","contentDetail":` + detail + `}`))
		if err != nil {
			t.Fatal(err)
		}
		b, err := d.exportBucket()
		if err != nil {
			t.Fatal(err)
		}
		var s delivery.Spec
		if err := b.fillSpec(&s, delivery.OSSRole{Region: "r", AccessKeyID: "k", AccessKeySecret: "s"}); err != nil {
			t.Fatal(err)
		}
		var section struct{ CSV struct{ Quote string } }
		if err := json.Unmarshal(s.Sink, &section); err != nil || section.CSV.Quote != want {
			t.Errorf("%s: quote %q, error %v, want %q", detail, section.CSV.Quote, err, want)
		}
	}
	f(`{"columns":["a"],"quote":""}`, "none")
	f(`{"columns":["a"]}`, "")
	f(`{"columns":["a"],"quote":null}`, "")
	f(`{"columns":["a"],"quote":"'"}`, "'")
	f(`"{\"columns\":[\"a\"],\"quote\":\"\"}"`, "none")
}
