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
		if err := b.fillSpec("p", &s, delivery.OSSRole{Region: "r", AccessKeyID: "k", AccessKeySecret: "s"}); err != nil {
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

// The operator's key signs nothing for a server that a user names.
func TestEndpoints(t *testing.T) {
	f := func(endpoint, operator, want string, ok bool) {
		t.Helper()
		b := &bucket{name: "b", endpoint: endpoint}
		if err := b.complete(nil); err != nil {
			t.Fatal(err)
		}
		var s delivery.Spec
		err := b.fillSpec("p", &s, delivery.OSSRole{Endpoint: operator, Region: "r", AccessKeyID: "k", AccessKeySecret: "s"})
		if (err == nil) != ok {
			t.Errorf("%q: error %v", endpoint, err)
			return
		}
		var section struct{ Endpoint string }
		if ok && (json.Unmarshal(s.Sink, &section) != nil || section.Endpoint != want) {
			t.Errorf("%q: endpoint %q, want %q", endpoint, section.Endpoint, want)
		}
	}
	f("", "", "", true)
	f("https://oss-cn-hangzhou-internal.aliyuncs.com", "", "https://oss-cn-hangzhou-internal.aliyuncs.com", true)
	f("oss-cn-hangzhou.aliyuncs.com", "", "oss-cn-hangzhou.aliyuncs.com", true)
	f("https://evil.example", "https://oss.inside.example", "https://oss.inside.example", true)
	for _, bad := range []string{
		"https://evil.example", "https://oss-x.aliyuncs.com.evil.example", "https://u@oss-x.aliyuncs.com", "https://a.fc.aliyuncs.com",
		"https://evil.example/oss-x.aliyuncs.com", "https://evil.example#oss-x.aliyuncs.com", "oss-x.aliyuncs.com:99", "oss-x.aliyuncs.com\n",
	} {
		f(bad, "", "", false)
	}
}
