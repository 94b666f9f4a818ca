package catalog_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/shard"
)

func hashKey(t *testing.T, s string) *sluice.HashKey {
	t.Helper()
	k, err := sluice.ParseHashKey(s)
	if err != nil {
		t.Fatal(err)
	}
	return &k
}

// What the command-line client expects of split and merge (reference sls-api 5.4).
func TestSplitAndMerge(t *testing.T) {
	env := open(t, catalog.Options{})
	env.CreateLogstore(2)
	c := env.Catalog

	merged, err := c.Merge(ctx, ref, 0)
	if err != nil {
		t.Fatal(err)
	}
	wantShards(t, merged, "2 rw 00-ff of [0 1]", "0 ro 00-80", "1 ro 80-ff")

	split, err := c.Split(ctx, ref, 2, hashKey(t, "4"), 0)
	if err != nil {
		t.Fatal(err)
	}
	wantShards(t, split, "2 ro 00-ff of [0 1]", "3 rw 00-40 of [2]", "4 rw 40-ff of [2]")
	if !split[0].Closed.Equal(env.Clock.Now()) {
		t.Errorf("the parent was closed at %v, want %v", split[0].Closed, env.Clock.Now())
	}

	split, err = c.Split(ctx, ref, 3, nil, 4)
	if err != nil {
		t.Fatal(err)
	}
	wantShards(t, split, "3 ro 00-40 of [2]", "5 rw 00-10 of [3]", "6 rw 10-20 of [3]", "7 rw 20-30 of [3]", "8 rw 30-40 of [3]")

	all, err := c.Shards(ctx, ref)
	if err != nil {
		t.Fatal(err)
	}
	wantShards(t, all, "0 ro 00-80", "1 ro 80-ff", "2 ro 00-ff of [0 1]", "3 ro 00-40 of [2]", "4 rw 40-ff of [2]",
		"5 rw 00-10 of [3]", "6 rw 10-20 of [3]", "7 rw 20-30 of [3]", "8 rw 30-40 of [3]")
	bases := map[sluice.Position]sluice.ShardID{}
	for _, s := range all {
		if other, taken := bases[s.Base]; taken {
			t.Errorf("shards %v and %v have the same base", other, s.ID)
		}
		bases[s.Base] = s.ID
	}
}

func TestSplitAndMergeChecks(t *testing.T) {
	env := open(t, catalog.Options{})
	env.CreateLogstore(2)
	c := env.Catalog
	if _, err := c.Split(ctx, ref, 0, nil, 0); err != nil { // 0 is read-only now; 1, 2, 3 are not
		t.Fatal(err)
	}
	for _, tt := range []struct {
		what string
		do   func() ([]meta.Shard, error)
		part string
	}{
		{"split a missing shard", func() ([]meta.Shard, error) { return c.Split(ctx, ref, 9, nil, 2) }, "invalid shard id"},
		{"split a read-only shard", func() ([]meta.Shard, error) { return c.Split(ctx, ref, 0, nil, 2) }, "readonly"},
		{"split at the begin", func() ([]meta.Shard, error) { return c.Split(ctx, ref, 1, hashKey(t, "8"), 0) }, "invalid mid hash"},
		{"split at the end", func() ([]meta.Shard, error) { return c.Split(ctx, ref, 1, &sluice.MaxHashKey, 0) }, "invalid mid hash"},
		{"split outside", func() ([]meta.Shard, error) { return c.Split(ctx, ref, 1, hashKey(t, "7"), 0) }, "invalid mid hash"},
		{"split in one", func() ([]meta.Shard, error) { return c.Split(ctx, ref, 1, nil, 1) }, "shardCount"},
		{"split in 101", func() ([]meta.Shard, error) { return c.Split(ctx, ref, 1, nil, 101) }, "shardCount"},
		{"split in less than none", func() ([]meta.Shard, error) { return c.Split(ctx, ref, 1, nil, -2) }, "shardCount"},
		{"split in three at a key", func() ([]meta.Shard, error) { return c.Split(ctx, ref, 1, hashKey(t, "9"), 3) }, "makes 2 shards"},
		{"merge the last shard", func() ([]meta.Shard, error) { return c.Merge(ctx, ref, 1) }, "can not merge the last shard"},
		{"merge a read-only shard", func() ([]meta.Shard, error) { return c.Merge(ctx, ref, 0) }, "readonly"},
		{"merge a missing shard", func() ([]meta.Shard, error) { return c.Merge(ctx, ref, -1) }, "invalid shard id"},
		{"delete a read-write shard", func() ([]meta.Shard, error) { return nil, c.DeleteShard(ctx, ref, 1) }, "readwrite"},
		{"delete a missing shard", func() ([]meta.Shard, error) { return nil, c.DeleteShard(ctx, ref, 9) }, "invalid shard id"},
	} {
		_, err := tt.do()
		wantError(t, tt.what, err, sluice.Invalid, "parameter", tt.part)
	}
	for _, s := range env.View().Shards {
		if _, err := s.Stored.Append(ctx, block(t, "still open")); errors.Is(err, shard.ErrSealed) != s.ReadOnly {
			t.Errorf("append to shard %v: %v", s.ID, err)
		}
	}
	nope := sluice.LogstoreRef{Project: ref.Project, Logstore: "nope"}
	_, err := c.Split(ctx, nope, 0, nil, 2)
	wantError(t, "split of nothing", err, sluice.NotFound, "logstore", "")
}

// The parents of a split stay readable, closed for writing also after a restart, until they are deleted.
func TestParents(t *testing.T) {
	env := open(t, catalog.Options{})
	env.CreateLogstore(1)
	if _, err := env.Shard(0).Stored.Append(ctx, block(t, "before")); err != nil {
		t.Fatal(err)
	}
	if _, err := env.Catalog.Split(ctx, ref, 0, nil, 2); err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{"after the split", "after a restart"} {
		parent := env.Shard(0)
		if _, err := parent.Stored.Append(ctx, block(t, "too late")); !errors.Is(err, shard.ErrSealed) {
			t.Errorf("%s: append to the parent: %v, want ErrSealed", state, err)
		}
		if got := readAll(t, parent.Stored); !slices.Equal(got, []string{"before"}) {
			t.Errorf("%s: the parent holds %q", state, got)
		}
		if _, err := env.Shard(1).Stored.Append(ctx, block(t, "after")); err != nil {
			t.Errorf("%s: append to a child: %v", state, err)
		}
		env.Reopen()
	}
	if err := env.Catalog.DeleteShard(ctx, ref, 0); err != nil {
		t.Fatal(err)
	}
	wantShards(t, env.View().Shards, "1 rw 00-80 of [0]", "2 rw 80-ff of [0]")
}

func fill(t *testing.T, env *catalogtest.Env, id sluice.ShardID) {
	t.Helper()
	if _, err := env.Shard(id).Stored.Append(ctx, block(t, "something")); err != nil {
		t.Fatal(err)
	}
}

func TestRetention(t *testing.T) {
	env := open(t, catalog.Options{})
	env.CreateLogstore(1) // keeps 30 days
	c, day := env.Catalog, 24*time.Hour
	fill(t, env, 0)
	if _, err := c.Split(ctx, ref, 0, nil, 2); err != nil {
		t.Fatal(err)
	}
	fill(t, env, 1)
	env.Clock.Advance(29 * day)
	c.Expire(ctx)
	wantShards(t, env.View().Shards, "0 ro 00-ff", "1 rw 00-80 of [0]", "2 rw 80-ff of [0]")

	env.Clock.Advance(2 * day)
	before, _ := env.Shard(1).Stored.Bounds()
	c.Expire(ctx)
	wantShards(t, env.View().Shards, "1 rw 00-80 of [0]", "2 rw 80-ff of [0]")
	if after, _ := env.Shard(1).Stored.Bounds(); after <= before {
		t.Errorf("a read-write shard still begins at %d", after)
	}
}

func TestRetentionForEver(t *testing.T) {
	env := open(t, catalog.Options{})
	env.CreateLogstore(1)
	if err := env.Catalog.UpdateLogstore(ctx, ref, func(l *meta.Logstore) error { l.TTLDays = 3650; return nil }); err != nil {
		t.Fatal(err)
	}
	fill(t, env, 0)
	if _, err := env.Catalog.Split(ctx, ref, 0, nil, 2); err != nil {
		t.Fatal(err)
	}
	env.Clock.Advance(5000 * 24 * time.Hour)
	env.Catalog.Expire(ctx)
	if begin, end := env.Shard(0).Stored.Bounds(); begin == end {
		t.Error("a logstore that keeps for ever lost its data")
	}
}

func TestAutomaticSplit(t *testing.T) {
	const rate = 1000
	env := open(t, catalog.Options{SplitAfter: 5 * time.Minute, SplitBytesPerSecond: rate, SplitWritesPerSecond: 10})
	env.CreateLogstore(1)
	round := env.Catalog.SplitRounds()
	// load adds what a shard is given in half a minute, and looks.
	load := func(rounds int, id sluice.ShardID, bytes, writes int) {
		t.Helper()
		for range rounds {
			for range writes {
				env.Shard(id).Traffic.Add(bytes / writes)
			}
			env.Clock.Advance(30 * time.Second)
			round(ctx)
		}
	}
	shards := func(want int) {
		t.Helper()
		if got := env.View().Writable(); got != want {
			t.Fatalf("%d read-write shards, want %d", got, want)
		}
	}
	set := func(auto bool, most int) {
		t.Helper()
		err := env.Catalog.UpdateLogstore(ctx, ref, func(l *meta.Logstore) error { l.AutoSplit, l.MaxSplitShard = auto, most; return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	load(20, 0, 30*rate, 1)
	shards(1) // not asked for

	set(true, 3)
	load(9, 0, 30*rate, 1)
	load(1, 0, 15*rate, 1) // a pause starts the time anew
	load(9, 0, 30*rate, 1)
	shards(1)
	load(1, 0, 30*rate, 1)
	shards(2)
	load(11, 1, 30, 30*10) // by writes
	shards(3)
	load(15, 2, 30*rate, 1)
	shards(3) // no more allowed
	load(20, 3, 29*rate, 299)
	set(true, 10)
	load(20, 3, 29*rate, 299)
	shards(3) // below both thresholds
	load(9, 2, 30*rate, 1)
	shards(3)
	load(1, 2, 30*rate, 1)
	shards(4)
}

// Splits and merges leave read-only shards behind, which count too until they are gone.
func TestReadOnlyShardsAreCounted(t *testing.T) {
	env := open(t, catalog.Options{MaxShardsPerLogstore: 5})
	c := env.Catalog
	env.CreateLogstore(1)
	if _, err := c.Split(ctx, ref, 0, nil, 2); err != nil { // 0 is read-only, beside 1 and 2
		t.Fatal(err)
	}
	if _, err := c.Merge(ctx, ref, 1); err != nil { // 3 in place of both
		t.Fatal(err)
	}
	_, err := c.Split(ctx, ref, 3, nil, 2)
	wantError(t, "split", err, sluice.Throttled, "quota", "4 shards of all states, 2 more are over the quota of 5")
	if _, err := env.Shard(3).Stored.Append(ctx, block(t, "after a refused split")); err != nil {
		t.Errorf("append after a refused split: %v", err)
	}
	if err := c.DeleteShard(ctx, ref, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Split(ctx, ref, 3, nil, 2); err != nil {
		t.Error(err)
	}
}
