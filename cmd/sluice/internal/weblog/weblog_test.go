package weblog_test

import (
	"net/netip"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/cmd/sluice/internal/weblog"
)

func hour(seed uint64) []sluice.Record {
	g := weblog.New(seed, 3)
	begin := time.Unix(1700000000, 0)
	var records []sluice.Record
	for now := begin; now.Before(begin.Add(time.Hour)); now = now.Add(g.Wait(now)) {
		records = append(records, g.Next(now))
	}
	return records
}

func TestEqualSeedsMakeEqualLogs(t *testing.T) {
	if !reflect.DeepEqual(hour(1), hour(1)) {
		t.Error("equal seeds make different logs")
	}
	if reflect.DeepEqual(hour(1), hour(2)) {
		t.Error("other seeds make the same log")
	}
}

func TestRateAndShape(t *testing.T) {
	records := hour(7)
	if n := len(records); n < 9000 || n > 13000 {
		t.Errorf("%d requests in an hour at about 3 a second", n)
	}
	documentation := []netip.Prefix{
		netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
	}
	statuses := map[int]int{}
	for _, r := range records {
		f := map[string]string{}
		for _, field := range r.Fields {
			f[field.Key] = field.Value
		}
		addr := netip.MustParseAddr(f["remote_addr"])
		if !documentation[0].Contains(addr) && !documentation[1].Contains(addr) && !documentation[2].Contains(addr) {
			t.Fatalf("%s is a real address", addr)
		}
		status, err := strconv.Atoi(f["status"])
		if err != nil {
			t.Fatal(err)
		}
		statuses[status]++
		if took, err := strconv.ParseFloat(f["request_time"], 64); err != nil || took < 0 || took > 60 {
			t.Fatalf("request_time %q", f["request_time"])
		}
	}
	if good := statuses[200] + statuses[304]; good*10 < len(records)*9 {
		t.Errorf("only %d of %d requests went well: %v", good, len(records), statuses)
	}
	for _, status := range []int{200, 304, 401, 404, 500} {
		if statuses[status] == 0 {
			t.Errorf("no request with status %d in an hour", status)
		}
	}
}
