package collector_test

import (
	"strconv"
	"testing"

	"github.com/sluicelog/sluice/internal/logpb"
)

// checkAsked checks that groups hold each event once, and those of each part in order.
func checkAsked(t *testing.T, groups [][]byte, want map[string]int) {
	t.Helper()
	got := map[string]int{}
	last := map[byte]int{}
	for _, raw := range groups {
		g, err := logpb.Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range g.Records {
			id := r.Fields[0].Value
			got[id]++
			at := r.Fields[len(r.Fields)-1]
			if at.Key != "log_time" {
				t.Fatalf("%s is of 1970 and does not say so: %v", id, r.Fields)
			}
			number, err := strconv.Atoi(id[1:])
			if err != nil {
				t.Fatal(err)
			}
			if number < last[id[0]] {
				t.Errorf("%s came after number %d", id, last[id[0]])
			}
			last[id[0]] = number
		}
	}
	for id := range want {
		if got[id] != 1 {
			t.Errorf("the logstore got %s %d times", id, got[id])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d events instead of %d", len(got), len(want))
	}
}
