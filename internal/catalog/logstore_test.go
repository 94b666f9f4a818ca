package catalog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/lz4block"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/meta/sqlite"
	"github.com/sluicelog/sluice/internal/shard"
)

var ref = catalogtest.Ref

// logstore is a logstore of [ref]'s project that passes all checks.
func logstore(name string) meta.Logstore {
	return meta.Logstore{Project: ref.Project, Name: name, TTLDays: 30}
}

// block is a block with text in it.
func block(t testing.TB, text string) shard.Block {
	data, err := lz4block.Compress(nil, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	tail, err := lz4block.Tail(data)
	if err != nil {
		t.Fatal(err)
	}
	return shard.Block{Data: data, Raw: len(text), Tail: tail, Logs: 1}
}

func TestCreateLogstoreChecks(t *testing.T) {
	env := open(t, catalog.Options{})
	if err := env.Catalog.CreateProject(ctx, meta.Project{Name: ref.Project}); err != nil {
		t.Fatal(err)
	}
	name := 0
	for _, tt := range []struct {
		change func(*meta.Logstore)
		shards int
		part   string // of the message; "" succeeds
	}{
		{func(l *meta.Logstore) {}, 1, ""},
		{func(l *meta.Logstore) {}, 100, ""},
		{func(l *meta.Logstore) { l.Name = "a_-9" }, 1, ""},
		{func(l *meta.Logstore) { l.Name = "a" }, 1, "logstore name a is invalid"},
		{func(l *meta.Logstore) { l.Name = "Access" }, 1, "is invalid"},
		{func(l *meta.Logstore) { l.Name = "_access" }, 1, "is invalid"},
		{func(l *meta.Logstore) { l.Name = "a/b" }, 1, "is invalid"},
		{func(l *meta.Logstore) { l.Name = strings.Repeat("a", 64) }, 1, "is invalid"},
		{func(l *meta.Logstore) { l.TTLDays = 0 }, 1, "ttl must be within range [1, 3650]"},
		{func(l *meta.Logstore) { l.TTLDays = 3650 }, 1, ""},
		{func(l *meta.Logstore) { l.TTLDays = 3651 }, 1, "ttl must be within range [1, 3650]"},
		{func(l *meta.Logstore) {}, 0, "shardCount must be within range [1, 100]"},
		{func(l *meta.Logstore) {}, 101, "shardCount must be within range [1, 100]"},
		{func(l *meta.Logstore) { l.AutoSplit, l.MaxSplitShard = true, 256 }, 1, ""},
		{func(l *meta.Logstore) { l.AutoSplit, l.MaxSplitShard = true, 0 }, 1, "maxSplitShard must be within range [1, 256]"},
		{func(l *meta.Logstore) { l.MaxSplitShard = 257 }, 1, "maxSplitShard must be within range [1, 256]"},
		{func(l *meta.Logstore) { l.MaxSplitShard = -1 }, 1, "maxSplitShard must be within range [1, 256]"},
		{func(l *meta.Logstore) { l.HotTTLDays = 7 }, 1, ""},
		{func(l *meta.Logstore) { l.HotTTLDays = 6 }, 1, "hot_ttl"},
		{func(l *meta.Logstore) { l.HotTTLDays = 31 }, 1, "hot_ttl"},
		{func(l *meta.Logstore) { l.InfrequentTTLDays = -1 }, 1, "infrequentAccessTTL"},
		{func(l *meta.Logstore) { l.TelemetryType = "Metrics" }, 1, ""},
		{func(l *meta.Logstore) { l.TelemetryType = "metrics" }, 1, "telemetryType"},
		{func(l *meta.Logstore) { l.Mode = "query" }, 1, ""},
		{func(l *meta.Logstore) { l.Mode = "fast" }, 1, "mode"},
	} {
		name++
		l := logstore(fmt.Sprintf("logstore-%d", name))
		tt.change(&l)
		err := env.Catalog.CreateLogstore(ctx, l, tt.shards)
		if tt.part != "" {
			wantError(t, fmt.Sprintf("%+v", l), err, sluice.Invalid, "logstore-info", tt.part)
		} else if err != nil {
			t.Errorf("%+v with %d shards: %v", l, tt.shards, err)
		}
	}
}

func TestCreateLogstore(t *testing.T) {
	env := open(t, catalog.Options{})
	env.CreateLogstore(2)
	wantError(t, "create again", env.Catalog.CreateLogstore(ctx, logstore(ref.Logstore), 1), sluice.AlreadyExists, "logstore",
		"logstore access already exists")

	l := env.View()
	now := env.Clock.Now()
	want := meta.Logstore{Project: "web", Name: "access", TTLDays: 30, Mode: "standard", ShardCount: 2, NextShard: 2, Created: now, Modified: now}
	if d := cmp.Diff(want, l.Logstore); d != "" {
		t.Errorf("logstore: %s", d)
	}
	wantShards(t, l.Shards, "0 rw 00-80", "1 rw 80-ff")
	if a, b := l.Shards[0].Base, l.Shards[1].Base; int64(a) != now.UnixNano() || b <= a {
		t.Errorf("bases %d and %d, want the time of creation %d and a later one", a, b, now.UnixNano())
	}
}

// wantShards compares shards by number, state, the first byte of begin and end, and parents.
func wantShards[S any](t *testing.T, shards []S, want ...string) {
	t.Helper()
	var got []string
	for _, s := range shards {
		var m meta.Shard
		switch s := any(s).(type) {
		case catalog.Shard:
			m = s.Shard
		case meta.Shard:
			m = s
		}
		state := "rw"
		if m.ReadOnly {
			state = "ro"
		}
		text := fmt.Sprintf("%v %s %s-%s", m.ID, state, m.Begin.String()[:2], m.End.String()[:2])
		if len(m.Parents) > 0 {
			text += fmt.Sprintf(" of %v", m.Parents)
		}
		got = append(got, text)
	}
	if !slices.Equal(got, want) {
		t.Errorf("shards %q, want %q", got, want)
	}
}

func TestLogstoreQuotas(t *testing.T) {
	env := open(t, catalog.Options{MaxLogstoresPerProject: 2, MaxShardsPerProject: 5})
	c := env.Catalog
	env.CreateLogstore(2)
	wantError(t, "shards", c.CreateLogstore(ctx, logstore("two"), 4), sluice.Throttled, "quota", "over the quota of 5")
	if err := c.CreateLogstore(ctx, logstore("two"), 2); err != nil {
		t.Fatal(err)
	}
	wantError(t, "logstores", c.CreateLogstore(ctx, logstore("three"), 1), sluice.Throttled, "quota", "the quota is 2")

	if _, err := c.Split(ctx, ref, 0, nil, 2); err != nil {
		t.Fatal(err)
	}
	_, err := c.Split(ctx, ref, 1, nil, 2)
	wantError(t, "split", err, sluice.Throttled, "quota", "over the quota of 5")
	if _, err := env.Shard(1).Stored.Append(ctx, block(t, "after a refused split")); err != nil {
		t.Errorf("append after a refused split: %v", err)
	}
	if _, err := c.Merge(ctx, ref, 2); err != nil { // makes room
		t.Fatal(err)
	}
	if _, err := c.Split(ctx, ref, 1, nil, 2); err != nil {
		t.Error(err)
	}
}

func TestUpdateLogstore(t *testing.T) {
	env := open(t, catalog.Options{})
	env.CreateLogstore(2)
	before := env.View()
	env.Clock.Advance(1e9)
	err := env.Catalog.UpdateLogstore(ctx, ref, func(l *meta.Logstore) error {
		l.Project, l.Name, l.ShardCount, l.NextShard, l.Created = "x", "y", 7, 70, env.Clock.Now() // not to be set
		l.TTLDays, l.AppendMeta, l.Tracking, l.TelemetryType = 3, true, true, "None"
		l.Extra = map[string]json.RawMessage{"encrypt_conf": json.RawMessage(`{"enable":false}`)}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := before.Logstore
	want.TTLDays, want.AppendMeta, want.Tracking, want.TelemetryType, want.Modified = 3, true, true, "None", env.Clock.Now()
	want.Extra = map[string]json.RawMessage{"encrypt_conf": json.RawMessage(`{"enable":false}`)}
	if d := cmp.Diff(want, env.View().Logstore); d != "" {
		t.Errorf("logstore after update: %s", d)
	}
	if before.TTLDays != 30 {
		t.Error("the view from before the update changed")
	}

	set := func(change func(*meta.Logstore)) error {
		return env.Catalog.UpdateLogstore(ctx, ref, func(l *meta.Logstore) error { change(l); return nil })
	}
	wantError(t, "telemetry", set(func(l *meta.Logstore) { l.TelemetryType = "Event" }), sluice.Invalid, "logstore-info", "can not be changed")
	wantError(t, "ttl", set(func(l *meta.Logstore) { l.TTLDays = -1 }), sluice.Invalid, "logstore-info", "ttl")
	refused := errors.New("refused")
	if err := env.Catalog.UpdateLogstore(ctx, ref, func(*meta.Logstore) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("error %v, want the one of the change", err)
	}
	missing := sluice.LogstoreRef{Project: ref.Project, Logstore: "nope"}
	wantError(t, "missing", env.Catalog.UpdateLogstore(ctx, missing, func(*meta.Logstore) error { return nil }), sluice.NotFound, "logstore",
		"logstore nope does not exist")
}

func TestLogstoresFilter(t *testing.T) {
	env := open(t, catalog.Options{})
	env.CreateLogstore(1)
	for name, l := range map[string]meta.Logstore{"errors": {Mode: "query"}, "metrics": {TelemetryType: "Metrics"}, "none": {TelemetryType: "None"}} {
		l.Project, l.Name, l.TTLDays = ref.Project, name, 1
		if err := env.Catalog.CreateLogstore(ctx, l, 1); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		filter catalog.LogstoreFilter
		want   string
		total  int
	}{
		{catalog.LogstoreFilter{}, "access errors metrics none", 4},
		{catalog.LogstoreFilter{Name: "r"}, "errors metrics", 2},
		{catalog.LogstoreFilter{TelemetryType: "None"}, "access errors none", 3},
		{catalog.LogstoreFilter{TelemetryType: "Metrics"}, "metrics", 1},
		{catalog.LogstoreFilter{Mode: "query"}, "errors", 1},
		{catalog.LogstoreFilter{Offset: 1, Size: 2}, "errors metrics", 4},
	} {
		names, total, err := env.Catalog.Logstores(ctx, ref.Project, tt.filter)
		if got := strings.Join(names, " "); got != tt.want || total != tt.total || err != nil || names == nil {
			t.Errorf("%+v: %q of %d (%v), want %q of %d", tt.filter, got, total, err, tt.want, tt.total)
		}
	}
}

// Deleting takes the logs with it: what is made again under the old name is new.
func TestDeleteTakesTheLogs(t *testing.T) {
	for what, remove := range map[string]func(*catalogtest.Env) error{
		"logstore": func(env *catalogtest.Env) error { return env.Catalog.DeleteLogstore(ctx, ref) },
		"project":  func(env *catalogtest.Env) error { return env.Catalog.DeleteProject(ctx, ref.Project) },
	} {
		t.Run(what, func(t *testing.T) {
			env := open(t, catalog.Options{})
			env.CreateLogstore(2)
			old := env.Shard(1)
			if _, err := old.Stored.Append(ctx, block(t, "old")); err != nil {
				t.Fatal(err)
			}
			if err := remove(env); err != nil {
				t.Fatal(err)
			}
			if _, err := env.Catalog.Logstore(ctx, ref); sluice.KindOf(err) != sluice.NotFound {
				t.Errorf("lookup of what was deleted: %v, want not found", err)
			}
			if _, err := old.Stored.Append(ctx, block(t, "too late")); !errors.Is(err, shard.ErrUnknownLog) && !errors.Is(err, shard.ErrSealed) {
				t.Errorf("append to a deleted shard: %v, want ErrUnknownLog or ErrSealed", err)
			}
			if what == "logstore" {
				if err := env.Catalog.CreateLogstore(ctx, logstore(ref.Logstore), 2); err != nil {
					t.Fatal(err)
				}
			} else {
				env.CreateLogstore(2)
			}
			made := env.Shard(1)
			if begin, end := made.Stored.Bounds(); begin != end || made.Log == old.Log {
				t.Errorf("new log %v holds %d to %d, want an empty one that is not %v", made.Log, begin, end, old.Log)
			}
		})
	}
}

// A crash between the transaction that deletes a logstore and the removal of its logs leaves logs behind; the next start drops
// them, and nothing else.
func TestStartDropsLeftovers(t *testing.T) {
	env := open(t, catalog.Options{})
	env.CreateLogstore(1)
	if err := env.Catalog.CreateLogstore(ctx, logstore("doomed"), 1); err != nil {
		t.Fatal(err)
	}
	doomed := sluice.LogstoreRef{Project: ref.Project, Logstore: "doomed"}
	l, err := env.Catalog.Logstore(ctx, doomed)
	if err != nil {
		t.Fatal(err)
	}
	gone := l.Shards[0]
	for _, s := range []*shard.Log{gone.Stored, env.Shard(0).Stored} {
		if _, err := s.Append(ctx, block(t, "kept or not")); err != nil {
			t.Fatal(err)
		}
	}
	if err := env.Meta.Update(ctx, func(tx meta.Tx) error { return tx.DeleteLogstore(doomed) }); err != nil {
		t.Fatal(err)
	}
	env.Reopen()
	if begin, end := env.Shard(0).Stored.Bounds(); end-begin != 1 {
		t.Errorf("the other logstore holds %d groups, want 1", end-begin)
	}
	again, err := env.Logs.Log(gone.Log, gone.Base)
	if err != nil {
		t.Fatal(err)
	}
	if begin, end := again.Bounds(); begin != end {
		t.Errorf("the deleted log still holds positions %d to %d", begin, end)
	}
}

// Metadata that was lost or is of an older day must not have the logs removed that it does not know.
func TestStartRefusesLogsOfALaterDay(t *testing.T) {
	env := open(t, catalog.Options{})
	env.CreateLogstore(1)
	if _, err := env.Shard(0).Stored.Append(ctx, block(t, "precious")); err != nil {
		t.Fatal(err)
	}
	empty, err := sqlite.Open(filepath.Join(t.TempDir(), "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	if _, err := catalog.New(ctx, empty, env.Logs, catalog.Options{}, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a start without the metadata of the logs went through")
	}
	env.Reopen()
	if begin, end := env.Shard(0).Stored.Bounds(); end-begin != 1 {
		t.Errorf("%d groups are left, want 1", end-begin)
	}
}

// A lookup costs no allocation while nothing changes, sees every change at once, and forgets what was deleted.
func TestViews(t *testing.T) {
	env := open(t, catalog.Options{})
	env.CreateLogstore(2)
	first := env.View()
	if env.View() != first {
		t.Error("two lookups without a change in between made two views")
	}
	if n := testing.AllocsPerRun(100, func() { env.View() }); n != 0 {
		t.Errorf("a lookup allocates %v times, want 0", n)
	}
	if err := env.Catalog.CreateProject(ctx, meta.Project{Name: "another"}); err != nil {
		t.Fatal(err)
	}
	second := env.View()
	if second == first || second.Shards[0].Stored != first.Shards[0].Stored || second.Shards[0].Traffic != first.Shards[0].Traffic {
		t.Error("after a change the view has to be new, on the same logs and counts")
	}
	if err := env.Catalog.DeleteLogstore(ctx, ref); err != nil {
		t.Fatal(err)
	}
	env.Catalog.Expire(ctx)
	if n := env.Catalog.Views(); n != 0 {
		t.Errorf("%d views kept of a deleted logstore", n)
	}
}

func TestRouting(t *testing.T) {
	env := open(t, catalog.Options{})
	env.CreateLogstore(4)
	if _, err := env.Catalog.Split(ctx, ref, 1, nil, 2); err != nil { // 1 is 40-80; 4 and 5 meet at 60
		t.Fatal(err)
	}
	l := env.View()
	for text, want := range map[string]sluice.ShardID{
		"00": 0, "3fffffffffffffffffffffffffffffff": 0, "40": 4, "5f": 4, "60": 5, "80": 2, "bf": 2, "c0": 3,
		"ffffffffffffffffffffffffffffffff": 3,
	} {
		key, err := sluice.ParseHashKey(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := l.Owner(key).ID; got != want {
			t.Errorf("owner of %s is shard %v, want %v", text, got, want)
		}
	}
	turns := map[sluice.ShardID]int{}
	for range 50 {
		turns[l.Next().ID]++
	}
	if want := map[sluice.ShardID]int{0: 10, 2: 10, 3: 10, 4: 10, 5: 10}; !cmp.Equal(turns, want) {
		t.Errorf("turns %v, want %v", turns, want)
	}
}

func readAll(t *testing.T, l *shard.Log) (texts []string) {
	t.Helper()
	begin, end := l.Bounds()
	for begin < end {
		batch, err := l.Read(begin, 0, 1000, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range batch.Groups {
			raw := make([]byte, g.Raw)
			if err := lz4block.Decompress(raw, g.Data); err != nil {
				t.Fatal(err)
			}
			texts = append(texts, string(bytes.Clone(raw)))
		}
		begin = batch.Next
		batch.Release()
	}
	return texts
}
