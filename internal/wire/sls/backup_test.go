package sls

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/archive"
)

// A list of files that fits the request is read, and one that would become much memory is refused before it does.
func TestClaimedFiles(t *testing.T) {
	var largest []string
	for n := range archive.MaxClaims {
		largest = append(largest, fmt.Sprintf(`{"name":"journal/%016d.wal","size":%d,"sha256":"%s"}`, n, 1<<30, strings.Repeat("0a", 32)))
	}
	list := func(elements []string) string { return "[" + strings.Join(elements, ",") + "]" }
	if len(list(largest)) > maxBackupBytes {
		t.Errorf("a list of %d files has %d bytes, and a request may have %d", len(largest), len(list(largest)), maxBackupBytes)
	}
	f := func(text string, want int, refusal string) {
		t.Helper()
		var c claimedFiles
		err := json.Unmarshal([]byte(text), &c)
		if refusal != "" && (err == nil || !strings.Contains(err.Error(), refusal)) {
			t.Errorf("%.60s: got error %v, want one that says %q", text, err, refusal)
		}
		if refusal == "" && (err != nil || len(c) != want) {
			t.Errorf("%.60s: got %d files and error %v, want %d", text, len(c), err, want)
		}
	}
	f(`null`, 0, "")
	f(`[]`, 0, "")
	f(`[{"name":"index/a","size":7,"sha256":"00"}]`, 1, "")
	f(list(largest), len(largest), "")
	f(`{}`, 0, "cannot unmarshal")
	f("["+strings.Repeat("{},", maxBackupBytes/4)+"{}]", 0, "list the largest")
	f("["+strings.Repeat("null,", maxBackupBytes/8)+"null]", 0, "list the largest")
}
