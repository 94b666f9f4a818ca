package pop

import (
	"flag"
	"fmt"
	"testing"

	"github.com/sluicelog/sluice/internal/wire/wiretest"
)

var update = flag.Bool("update", false, "rewrite the section of docs/compat.md")

// TestCompatPage: the page lists the actions of the RPC dialect, and what the comments say they do and how they differ.
func TestCompatPage(t *testing.T) {
	var rows []wiretest.Action
	for _, table := range tables {
		for _, a := range table {
			rows = append(rows, wiretest.Action{Name: a.name, Row: fmt.Sprintf("| %s | %s | `%s` |\n", a.name, a.version, a.permission)})
		}
	}
	wiretest.CompatPage(t, *update, "rpc", "| action | version | permission |\n|---|---|---|\n", rows)
}
