package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Every scenario runs once, tiny, against a real server: that it measures something is checked, and what the servers answer, which the
// scenarios compare with DuckDB; how fast is not.
func TestEveryScenarioRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and starts real servers")
	}
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", dir+"/", "../cmd/sluiced", "../cmd/sluice-agent").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	binary := filepath.Join(dir, "sluiced")
	var out strings.Builder
	err := run(context.WithoutCancel(t.Context()), strings.Fields("-runs 1 -records 3000 -asks 1 -cold-asks 1 -rounds 1 -put-mb 5 -delivery-mb 5 -to http -tasks 4 -logstores 20 -configs 20 -events 3000 -journal-gb 0.04"+
		" -latency-for 300ms -cold -fleet 20 -idle-for 100ms -sluice-agent "+filepath.Join(dir, "sluice-agent")+" -sluiced "+binary+" -dir "+filepath.Join(dir, "data")+" -results "+filepath.Join(dir, "results")), &out)
	if err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	left, err := filepath.Glob(filepath.Join(dir, "data", "*-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}

	reports, _ := filepath.Glob(filepath.Join(dir, "results", "*.json"))
	if len(reports) != 1 {
		t.Fatalf("reports: %v", reports)
	}
	r, err := readReport(reports[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"put", "pull_lz4", "copy", "ack_256_p99", "recovery", "idle_rss", "ingest", "disk", "rss_users", "hostile_ingest", "visible_p99", "tail_p95", "bomb_ratio",
		"lookup_p99", "lookup_none_next",
		"deliver_http", "fresh_p99", "crowd_rss", "crowd_reads", "make_logstores", "create_configs", "update_configs", "list_logstores", "start_many", "agent_rss",
		"agents_command", "agents_schedules",
	} {
		if res := r.result(name); res == nil || res.Median <= 0 {
			t.Errorf("%s is not measured: %+v", name, res)
		}
	}
	for _, d := range datasets {
		for _, q := range d.questions {
			a := r.asked(d, q)
			if len(a.Hot) != 1 || len(a.Cold) != 1 || len(a.Users) != 1 || len(a.Floor) != 1 && q.floor != "" {
				t.Errorf("%s: %s is not measured: %+v", d.name, q.name, a)
			}
		}
	}
	if !strings.Contains(out.String(), "| unique id in its field | ≤ 5 | ") {
		t.Errorf("no table of the questions:\n%s", &out)
	}
}
