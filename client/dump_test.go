package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
)

// numbers are the values of the field n, line by line, of a dump of a shard.
func numbers(t *testing.T, path string) (all []string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	must(t, err)
	for line := range strings.Lines(string(raw)) {
		var log map[string]string
		must(t, json.Unmarshal([]byte(line), &log))
		if !strings.HasPrefix(log["__topic__"], "topic-") || log["__tag__:zone"] != "a" || log["__source__"] != "src" {
			t.Fatalf("line %s", line)
		}
		all = append(all, log["n"])
	}
	return all
}

func wantNumbers(t *testing.T, c *client.Client, id sluice.ShardID) (all []string) {
	t.Helper()
	for _, text := range logsOf(t, c, ref)[id] {
		_, rest, _ := strings.Cut(text, "{n ")
		n, _, _ := strings.Cut(rest, "}")
		all = append(all, n)
	}
	return all
}

// A dump that ends in the middle, and after it wrote more than its state says, goes on where the state is.
func TestDumpGoesOn(t *testing.T) {
	c := connect(t, client.Options{})
	withStore(t, c, 2)
	r := rand.New(rand.NewPCG(6, 6))
	dir := t.TempDir()
	o := client.DumpOptions{Path: filepath.Join(dir, "dump_{}.jsonl"), State: filepath.Join(dir, "state")}
	for i := range 6 { // more than one answer holds
		fill(t, c, r, 60)
		for id := range 2 {
			big := &sluice.LogGroup{Topic: "topic-b", Source: "src", Tags: []sluice.Field{{Key: "zone", Value: "a"}}, Records: []sluice.Record{{
				Time: uint32(time.Now().Unix()), Fields: []sluice.Field{{Key: "n", Value: fmt.Sprint("big", i)}, {Key: "x", Value: strings.Repeat("x", 3<<20)}},
			}}}
			must(t, c.PutLogs(t.Context(), ref, big, client.PutOptions{HashKey: []string{"00", "ff"}[id]}))
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	o.Progress = func(p client.DumpProgress) {
		if p.Logs > 0 {
			cancel()
		}
	}
	p, err := c.Dump(ctx, ref, o)
	if !errors.Is(err, context.Canceled) || p.Logs == 0 || p.Done == p.Total {
		t.Fatalf("a dump that was interrupted: %+v, %v", p, err)
	}
	for id := range 2 {
		f, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf("dump_%d.jsonl", id)), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o666)
		must(t, err)
		_, err = f.WriteString(`{"torn":`)
		must(t, errors.Join(err, f.Close()))
	}
	o.Progress = nil
	p, err = c.Dump(t.Context(), ref, o)
	must(t, err)
	total := 0
	for id := range 2 {
		path := filepath.Join(dir, fmt.Sprintf("dump_%d.jsonl", id))
		want, got := wantNumbers(t, c, sluice.ShardID(id)), numbers(t, path)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("shard %d (-want +got):\n%s", id, diff)
		}
		if p.Files[path] != int64(len(want)) {
			t.Errorf("%s has %d logs by the progress, want %d", path, p.Files[path], len(want))
		}
		total += len(want)
	}
	if p.Logs != int64(total) || p.Done != p.Total || p.Total != 372 {
		t.Errorf("progress %+v", p)
	}
}

func TestDumpIsCareful(t *testing.T) {
	c := connect(t, client.Options{})
	withStore(t, c, 2)
	dir := t.TempDir()
	path := filepath.Join(dir, "one.jsonl")
	if _, err := c.Dump(t.Context(), ref, client.DumpOptions{Path: path}); err == nil {
		t.Error("two shards were dumped into one file")
	}
	must(t, os.WriteFile(path, []byte("mine\n"), 0o600))
	one := client.DumpOptions{Path: path, Shards: []sluice.ShardID{1}}
	if _, err := c.Dump(t.Context(), ref, one); err == nil {
		t.Error("a file that was there was written over")
	}
	one.Overwrite = true
	_, err := c.Dump(t.Context(), ref, one)
	must(t, err)
	if raw, err := os.ReadFile(path); err != nil || len(raw) != 0 {
		t.Errorf("dump of an empty shard: %q, %v", raw, err)
	}
}
