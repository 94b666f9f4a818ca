package aws

import (
	"flag"
	"fmt"
	"testing"

	"github.com/sluicelog/sluice/internal/wire/wiretest"
)

var update = flag.Bool("update", false, "rewrite the section of docs/compat.md")

// TestCompatPage: the page lists the operations, and what the comments say they do and how they differ.
func TestCompatPage(t *testing.T) {
	var rows []wiretest.Action
	for _, table := range tables {
		for _, o := range table {
			on := "`*`"
			if o.trail != "" {
				on = "`trail/NAME`"
			}
			rows = append(rows, wiretest.Action{Name: o.name, Row: fmt.Sprintf("| %s | `%s:%s` | %s |\n", o.name, service, o.name, on)})
		}
	}
	wiretest.CompatPage(t, *update, "cloudtrail", "| operation | permission | on |\n|---|---|---|\n", rows)
}
