package spl

import "testing"

func TestInOrder(t *testing.T) {
	for pipeline, want := range map[string]bool{
		"*": true, "where a = 'x' | project a": true, "expand-values a": true, "extend a = __time__": true,
		"extend a = 1, __TIME__ = 5": false, "extend __time_ns_part__ = 0": false, "limit 5": false, "sort a": false, "where a = '' | stats n = count(*)": false,
	} {
		p, err := Parse(pipeline)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.InOrder(); got != want {
			t.Errorf("%s: %v, want %v", pipeline, got, want)
		}
	}
}
