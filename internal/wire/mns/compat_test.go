package mns

import (
	"flag"
	"fmt"
	"testing"

	"github.com/sluicelog/sluice/internal/wire/wiretest"
)

var update = flag.Bool("update", false, "rewrite the section of docs/compat.md")

// TestCompatPage: the page lists the actions of the queue dialect, and what the comments say they do and how they differ.
func TestCompatPage(t *testing.T) {
	var rows []wiretest.Action
	for _, a := range actions {
		resource := map[string]string{"": "/queues", "queue": "/queues/{queue}", "messages": "/queues/{queue}/messages"}[a.path]
		request := a.method + " " + resource
		switch {
		case flags[a.with]:
			request += "?" + a.with + "=true"
		case a.with != "":
			request += "?" + a.with + "="
		}
		rows = append(rows, wiretest.Action{Name: a.name, Row: fmt.Sprintf("| %s | `%s` | `%s` | `%s` |\n", a.name, request, a.permission, resource)})
	}
	wiretest.CompatPage(t, *update, "queues", "| action | request | permission | resource |\n|---|---|---|---|\n", rows)
}
