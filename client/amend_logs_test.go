package client_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
)

// withLogs makes an indexed logstore with ten logs, one a second from the returned time on: n counts them, status is 200 and 500 in turn.
func withLogs(t *testing.T, c *client.Client) (begin time.Time) {
	t.Helper()
	withStore(t, c, 2)
	must(t, c.SetIndex(t.Context(), ref, json.RawMessage(
		`{"line":{"token":[" "]},"keys":{"status":{"type":"long","doc_value":true},"n":{"type":"long","doc_value":true}}}`)))
	begin = time.Unix(time.Now().Unix()-600, 0)
	group := &sluice.LogGroup{Topic: "t", Source: "s"}
	for n := range 10 {
		group.Records = append(group.Records, sluice.Record{Time: uint32(begin.Unix()) + uint32(n), Fields: []sluice.Field{
			{Key: "n", Value: fmt.Sprint(n)}, {Key: "status", Value: fmt.Sprint(200 + 300*(n%2))}, {Key: "note", Value: "x"},
		}})
	}
	must(t, c.PutLogs(t.Context(), ref, group, client.PutOptions{}))
	return begin
}

// found are the logs that a query finds, by their n.
func found(t *testing.T, c *client.Client, begin time.Time, search string) map[string]client.Row {
	t.Helper()
	logs, err := c.Logs(t.Context(), ref, client.LogsQuery{From: begin, To: begin.Add(time.Minute), Query: search})
	must(t, err)
	rows := map[string]client.Row{}
	for _, row := range logs.Rows {
		rows[row.Get("n")] = row
	}
	return rows
}

func nOf(rows map[string]client.Row) []string { return slices.Sorted(maps.Keys(rows)) }

func TestModification(t *testing.T) {
	c := connect(t, client.Options{})
	ctx := t.Context()
	begin := withLogs(t, c)
	all := client.Selection{Query: "*", From: begin, To: begin.Add(time.Minute)}
	_, err := c.DeleteLogs(ctx, ref, all)
	wantCode(t, err, "ParameterInvalid")
	_, err = c.UpdateLogs(ctx, ref, all, client.Update{Set: map[string]string{"a": "b"}})
	wantCode(t, err, "ParameterInvalid")
	_, err = c.CreateDeletion(ctx, ref, all)
	wantCode(t, err, "ParameterInvalid")
	if rows := found(t, c, begin, "*"); len(rows) != 10 || rows["0"].Get(client.RowIDField) != "" {
		t.Errorf("logs that may not be modified: %v", rows)
	}

	must(t, c.EnableModification(ctx, ref))
	l, err := c.Logstore(ctx, ref)
	must(t, err)
	if !l.Modifiable {
		t.Error("the logstore does not say that it may be modified")
	}
	no, yes := false, true
	wantCode(t, c.UpdateLogstore(ctx, ref, client.LogstoreSpec{Modifiable: &no}), "LogStoreInfoInvalid")
	other := sluice.LogstoreRef{Project: ref.Project, Logstore: "other"}
	must(t, c.CreateLogstore(ctx, other, client.LogstoreSpec{Modifiable: &yes}))
	if l, err := c.Logstore(ctx, other); err != nil || !l.Modifiable {
		t.Errorf("made modifiable: %+v, %v", l, err)
	}
}

func TestDeleteLogs(t *testing.T) {
	c := connect(t, client.Options{})
	ctx := t.Context()
	begin := withLogs(t, c)
	must(t, c.EnableModification(ctx, ref))
	which := client.Selection{Query: "status: 500", From: begin, To: begin.Add(4 * time.Second), Topic: "t"}
	for _, want := range []int{2, 0} {
		n, err := c.DeleteLogs(ctx, ref, which)
		must(t, err)
		if n != want {
			t.Errorf("%d logs deleted, want %d", n, want)
		}
	}
	left := found(t, c, begin, "*")
	if diff := cmp.Diff([]string{"0", "2", "4", "5", "6", "7", "8", "9"}, nOf(left)); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	n, err := c.DeleteLogs(ctx, ref, client.Selection{RowID: left["6"].Get(client.RowIDField), Query: "*"})
	must(t, err)
	if n != 1 {
		t.Errorf("%d logs deleted by row id", n)
	}
	if left := found(t, c, begin, "*"); left["6"] != nil || len(left) != 7 {
		t.Errorf("left after that: %v", nOf(left))
	}

	for name, s := range map[string]client.Selection{
		"no search":      {From: begin, To: begin.Add(time.Second)},
		"half a second":  {Query: "*", From: begin, To: begin.Add(time.Second / 2)},
		"SQL":            {Query: "* | select 1", From: begin, To: begin.Add(time.Second)},
		"no row id":      {RowID: "nonsense"},
		"an empty range": {Query: "*", From: begin, To: begin},
	} {
		if n, err := c.DeleteLogs(ctx, ref, s); err == nil {
			t.Errorf("%s: %d logs deleted", name, n)
		}
	}
	if left := found(t, c, begin, "*"); len(left) != 7 {
		t.Errorf("left after errors: %v", nOf(left))
	}
}

func TestUpdateLogs(t *testing.T) {
	c := connect(t, client.Options{})
	ctx := t.Context()
	begin := withLogs(t, c)
	must(t, c.EnableModification(ctx, ref))
	which := client.Selection{Query: "status: 500", From: begin, To: begin.Add(4 * time.Second)}
	n, err := c.UpdateLogs(ctx, ref, which, client.Update{Set: map[string]string{"status": "503", "by": "ada"}, Unset: []string{"note"}})
	must(t, err)
	rows := found(t, c, begin, "status: 503")
	if diff := cmp.Diff([]string{"1", "3"}, nOf(rows)); diff != "" || n != 2 {
		t.Fatalf("%d logs updated (-want +got):\n%s", n, diff)
	}
	if r := rows["3"]; r.Get("by") != "ada" || r.Get("note") != "" || r.Get("__topic__") != "t" {
		t.Errorf("updated log %v", r)
	}
	n, err = c.UpdateLogs(ctx, ref, client.Selection{RowID: rows["3"].Get(client.RowIDField)}, client.Update{Set: map[string]string{"n": "three"}, Full: true})
	must(t, err)
	row := found(t, c, begin, "*")["three"]
	if n != 1 || row.Get("status") != "" || row.Get("__source__") != "s" || row.Get(client.RowIDField) != rows["3"].Get(client.RowIDField) {
		t.Errorf("%d logs updated in full, now %v", n, row)
	}
	which.Query = "*" // logs to change are there
	for name, u := range map[string]client.Update{
		"nothing":       {},
		"set and unset": {Set: map[string]string{"a": "b"}, Unset: []string{"a"}},
		"full unset":    {Set: map[string]string{"a": "b"}, Unset: []string{"c"}, Full: true},
		"the time":      {Set: map[string]string{"__time__": "1"}},
	} {
		if _, err := c.UpdateLogs(ctx, ref, which, u); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestDeletions(t *testing.T) {
	c := connect(t, client.Options{})
	ctx := t.Context()
	begin := withLogs(t, c)
	must(t, c.EnableModification(ctx, ref))
	which := client.Selection{Query: "status: 500", From: begin, To: begin.Add(time.Minute), Topic: "t"}
	made, err := c.CreateDeletion(ctx, ref, which)
	must(t, err)
	d := made
	for d.Running() {
		d, err = c.Deletion(ctx, ref, made.ID)
		must(t, err)
	}
	want := client.Deletion{
		ID: made.ID, State: "SUCCEEDED", Progress: 100, Deleted: 5, Query: which.Query, Topic: "t", From: which.From, To: which.To, Created: made.Created, Finished: d.Finished,
	}
	if diff := cmp.Diff(want, d); diff != "" || d.Finished.IsZero() {
		t.Errorf("the task (-want +got):\n%s", diff)
	}
	if rows := found(t, c, begin, "*"); !slices.Equal(nOf(rows), []string{"0", "2", "4", "6", "8"}) {
		t.Errorf("left %v", nOf(rows))
	}
	again, err := c.CreateDeletion(ctx, ref, which)
	must(t, err)
	list, err := c.Deletions(ctx, ref)
	must(t, err)
	if len(list) != 2 || list[0].ID != again.ID || list[1].ID != made.ID {
		t.Errorf("tasks %+v", list)
	}
	_, err = c.Deletion(ctx, ref, "none")
	wantCode(t, err, "DeleteLogsTaskNotExist")
	which.Query = "* | select 1"
	_, err = c.CreateDeletion(ctx, ref, which)
	wantCode(t, err, "ParameterInvalid")
}
