package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/consumer"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/shard"
)

var (
	ctx = context.Background()
	ref = catalogtest.Ref
)

const timeout = time.Minute

// bed is an environment with one logstore and the group "g".
type bed struct {
	*catalogtest.Env
	t      testing.TB
	groups *consumer.Groups
}

func open(t testing.TB, shards int, order bool) *bed {
	t.Helper()
	b := &bed{Env: catalogtest.Open(t, catalog.Options{}, shard.Options{}), t: t}
	b.CreateLogstore(shards)
	b.restart()
	b.create(order)
	return b
}

func (b *bed) create(order bool) {
	b.t.Helper()
	if err := b.groups.Create(ctx, named("g", order)); err != nil {
		b.t.Fatal(err)
	}
}

func named(name string, order bool) meta.ConsumerGroup {
	return meta.ConsumerGroup{Project: ref.Project, Logstore: ref.Logstore, Name: name, Timeout: timeout, Order: order}
}

// restart forgets what is in memory only.
func (b *bed) restart() { b.groups = consumer.New(b.Meta, b.Catalog, b.Clock.Now) }

// beat sends a heartbeat and compares the answer.
func (b *bed) beat(name string, held []sluice.ShardID, want ...sluice.ShardID) {
	b.t.Helper()
	got, err := b.groups.Heartbeat(ctx, ref, "g", name, held)
	if err != nil {
		b.t.Fatalf("heartbeat of %s with %v: %v", name, held, err)
	}
	if got == nil || !slices.Equal(got, want) {
		b.t.Fatalf("heartbeat of %s with %v: %#v, want %v", name, held, got, want)
	}
}

func (b *bed) checkpoint(name string, id sluice.ShardID, p sluice.Position) {
	b.t.Helper()
	if err := b.groups.SetCheckpoint(ctx, ref, "g", name, id, p.Cursor(), false); err != nil {
		b.t.Fatalf("checkpoint of %s in shard %v: %v", name, id, err)
	}
}

// fill puts one log group into a shard.
func (b *bed) fill(ids ...sluice.ShardID) {
	b.t.Helper()
	for _, id := range ids {
		_, err := b.Shard(id).Stored.Append(ctx, shard.Block{Data: []byte{1 << 4, 'x'}, Raw: 1, Logs: 1})
		if err != nil {
			b.t.Fatal(err)
		}
	}
}

// consume sets the checkpoint of a shard to its end.
func (b *bed) consume(ids ...sluice.ShardID) {
	b.t.Helper()
	for _, id := range ids {
		_, end := b.Shard(id).Stored.Bounds()
		if err := b.groups.SetCheckpoint(ctx, ref, "g", "", id, end.Cursor(), true); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *bed) split(id sluice.ShardID) {
	b.t.Helper()
	if _, err := b.Catalog.Split(ctx, ref, id, nil, 2); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) merge(id sluice.ShardID) {
	b.t.Helper()
	if _, err := b.Catalog.Merge(ctx, ref, id); err != nil {
		b.t.Fatal(err)
	}
}

type ids = []sluice.ShardID

func wantError(t testing.TB, what string, err error, kind sluice.Kind, noun string) {
	t.Helper()
	var e *sluice.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Noun != noun {
		t.Errorf("%s: error %v (%+v), want %v %q", what, err, e, kind, noun)
	}
}

func TestGroupLife(t *testing.T) {
	b := open(t, 1, false)
	wantError(t, "create again", b.groups.Create(ctx, named("g", true)), sluice.AlreadyExists, "consumergroup")
	for _, name := range []string{"", "a b", "a/b", "ä", strings.Repeat("g", 129)} {
		wantError(t, "name "+name, b.groups.Create(ctx, named(name, false)), sluice.Invalid, "json")
	}
	for _, d := range []time.Duration{0, -time.Second, time.Second - 1, 24*time.Hour + 1} {
		g := named("timed", false)
		g.Timeout = d
		wantError(t, "timeout "+d.String(), b.groups.Create(ctx, g), sluice.Invalid, "json")
	}

	made := b.Clock.Now()
	b.Clock.Advance(time.Hour)
	err := b.groups.Update(ctx, ref, "g", func(g *meta.ConsumerGroup) { g.Name, g.Order, g.Timeout = "x", true, 2*time.Minute })
	if err != nil {
		t.Fatal(err)
	}
	err = b.groups.Update(ctx, ref, "g", func(g *meta.ConsumerGroup) { g.Timeout = 0 })
	wantError(t, "update", err, sluice.Invalid, "json")
	want := named("g", true)
	want.Timeout, want.Created, want.Modified = 2*time.Minute, made, b.Clock.Now()
	got, err := b.groups.List(ctx, ref)
	if d := cmp.Diff([]meta.ConsumerGroup{want}, got); d != "" || err != nil {
		t.Errorf("list, error %v: %s", err, d)
	}

	if err := b.groups.Delete(ctx, ref, "g"); err != nil {
		t.Fatal(err)
	}
	if got, err := b.groups.List(ctx, ref); got == nil || len(got) != 0 || err != nil {
		t.Errorf("list after delete: %#v, %v", got, err)
	}
	for noun, at := range map[string]sluice.LogstoreRef{
		"project": {Project: "nope", Logstore: "nope"}, "logstore": {Project: ref.Project, Logstore: "nope"}, "consumergroup": ref,
	} {
		wantError(t, "delete", b.groups.Delete(ctx, at, "g"), sluice.NotFound, noun)
		wantError(t, "update", b.groups.Update(ctx, at, "g", func(*meta.ConsumerGroup) {}), sluice.NotFound, noun)
		_, err := b.groups.Heartbeat(ctx, at, "g", "a", nil)
		wantError(t, "heartbeat", err, sluice.NotFound, noun)
		_, err = b.groups.Checkpoints(ctx, at, "g", nil)
		wantError(t, "checkpoints", err, sluice.NotFound, noun)
		wantError(t, "checkpoint", b.groups.SetCheckpoint(ctx, at, "g", "a", 0, "MQ==", true), sluice.NotFound, noun)
		if noun == "consumergroup" {
			continue
		}
		_, err = b.groups.List(ctx, at)
		wantError(t, "list", err, sluice.NotFound, noun)
	}
	if n := b.groups.Live(); n != 0 {
		t.Errorf("%d groups kept in memory, want none", n)
	}
}

func TestGroupQuota(t *testing.T) {
	b := open(t, 1, false)
	for i := range 29 {
		if err := b.groups.Create(ctx, named(fmt.Sprint("g", i), false)); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, "one more", b.groups.Create(ctx, named("more", false)), sluice.Throttled, "consumergroup")
	wantError(t, "an old one", b.groups.Create(ctx, named("g", false)), sluice.AlreadyExists, "consumergroup")
}

// The exchange of reference sls-api A.7.
func TestTwoConsumersTwoShards(t *testing.T) {
	b := open(t, 2, false)
	b.beat("a", nil, 0, 1)
	b.beat("b", nil) // shard 1 may still be worked on by a
	b.beat("a", ids{0, 1}, 0)
	b.beat("b", nil)
	b.checkpoint("a", 1, 100) // still shutting down
	b.beat("a", ids{0}, 0)
	b.checkpoint("a", 1, 101) // nobody else has it yet
	b.beat("b", nil, 1)
	b.beat("b", ids{1}, 1)
	err := b.groups.SetCheckpoint(ctx, ref, "g", "a", 1, sluice.Position(102).Cursor(), false)
	wantError(t, "checkpoint of the former owner", err, sluice.NotFound, "consumer-match")
	if got, err := b.groups.Checkpoints(ctx, ref, "g", nil); err != nil || len(got) != 2 ||
		got[0].Cursor != "" || got[0].Consumer != "a" || !got[0].Updated.IsZero() ||
		got[1].Cursor != sluice.Position(101).Cursor() || got[1].Consumer != "a" || !got[1].Updated.Equal(b.Clock.Now()) {
		t.Errorf("checkpoints %+v, %v", got, err)
	}
}

// A shard that an answer gave away, but that never came up in a heartbeat because the answer was lost, is given again.
func TestLostAnswer(t *testing.T) {
	b := open(t, 2, false)
	b.beat("a", nil, 0, 1)
	b.beat("a", nil, 0, 1)
	b.beat("b", nil)
	b.beat("a", nil, 0) // a holds neither, so that shard 1 is free at once
	b.beat("b", nil, 1)
}

func TestSilentConsumer(t *testing.T) {
	b := open(t, 4, false)
	b.beat("a", nil, 0, 1, 2, 3)
	b.beat("b", nil)
	b.beat("a", ids{0, 1, 2, 3}, 0, 1)
	b.beat("a", ids{0, 1}, 0, 1)
	b.beat("b", nil, 2, 3)
	b.Clock.Advance(timeout - 1)
	b.beat("b", ids{2, 3}, 2, 3)
	b.Clock.Advance(1)
	b.beat("b", ids{2, 3}, 0, 1, 2, 3)

	_, err := b.groups.Heartbeat(ctx, ref, "g", "a", ids{0, 1})
	wantError(t, "the silent one is back with what is another's", err, sluice.Invalid, "consumer-body")
	err = b.groups.SetCheckpoint(ctx, ref, "g", "a", 0, "MQ==", false)
	wantError(t, "and wants to save", err, sluice.NotFound, "consumer")
	if err := b.groups.SetCheckpoint(ctx, ref, "g", "a", 0, "MQ==", true); err != nil {
		t.Errorf("with force: %v", err)
	}
	b.beat("a", nil)
	b.beat("b", ids{0, 1, 2, 3}, 0, 1)
	b.beat("b", ids{0, 1}, 0, 1)
	b.beat("a", nil, 2, 3)

	b.Clock.Advance(timeout)
	err = b.groups.SetCheckpoint(ctx, ref, "g", "b", 0, "MQ==", false)
	wantError(t, "silent, though nobody noticed yet", err, sluice.NotFound, "consumer")
}

// Nothing moves while numbers differ by at most one, whoever comes first and whatever the names.
func TestSticky(t *testing.T) {
	b := open(t, 5, false)
	b.beat("b", nil, 0, 1, 2, 3, 4)
	b.beat("a", nil)
	b.beat("b", ids{0, 1, 2, 3, 4}, 0, 1, 2)
	b.beat("b", ids{0, 1, 2}, 0, 1, 2)
	b.beat("a", nil, 3, 4)
	for range 3 {
		b.beat("a", ids{3, 4}, 3, 4)
		b.beat("b", ids{0, 1, 2}, 0, 1, 2)
	}
	b.split(3)
	b.beat("a", ids{3, 4}, 4, 5, 6) // 3 was empty, so there is nothing to do for it
	b.beat("b", ids{0, 1, 2}, 0, 1, 2)
	b.beat("c", nil)
	b.beat("a", ids{4, 5, 6}, 4, 5)
	b.beat("a", ids{4, 5}, 4, 5)
	b.beat("b", ids{0, 1, 2}, 0, 1)
	b.beat("c", nil, 6)
	b.beat("b", ids{0, 1}, 0, 1)
	b.beat("c", ids{6}, 2, 6)
}

// More consumers than shards: some have nothing to do, and take over when others go.
func TestSpareConsumers(t *testing.T) {
	b := open(t, 1, false)
	b.beat("b", nil, 0)
	b.beat("a", nil)
	b.beat("c", nil)
	b.beat("b", ids{0}, 0)
	b.Clock.Advance(timeout / 2)
	b.beat("a", nil)
	b.beat("c", nil)
	b.Clock.Advance(timeout / 2)
	b.beat("c", nil) // the turn is a's, which is first by name
	b.beat("a", nil, 0)
}

// A read-only shard is handed out until it is consumed.
func TestReadOnlyShards(t *testing.T) {
	b := open(t, 1, false)
	b.fill(0, 0)
	b.split(0)
	b.beat("a", nil, 0, 1, 2)
	begin, _ := b.Shard(0).Stored.Bounds()
	b.checkpoint("a", 0, begin+1)
	b.beat("a", ids{0, 1, 2}, 0, 1, 2)
	b.checkpoint("a", 0, begin+2)
	b.beat("a", ids{0, 1, 2}, 1, 2)
	b.beat("b", nil)
	b.beat("a", ids{0, 1, 2}, 1)
	b.beat("a", ids{1}, 1)
	b.beat("b", nil, 2)
}

func TestOrder(t *testing.T) {
	b := open(t, 2, true)
	b.fill(0, 1)
	b.split(0)                   // 2 and 3
	b.merge(3)                   // with 1: 4
	b.beat("a", nil, 0, 1)       // 2 waits for 0; 4 for 1 and 3, and 3 for 0
	b.consume(1)                 //
	b.beat("a", ids{0, 1}, 0)    // 3 is empty, but not its parent
	b.consume(0)                 //
	b.beat("a", ids{0, 1}, 2, 4) //
	b.fill(4)                    //
	b.split(4)                   // 5 and 6
	b.beat("a", ids{2, 4}, 2, 4) //
	b.consume(4)                 //
	b.beat("a", ids{2, 4}, 2, 5, 6)
	if err := b.Catalog.DeleteShard(ctx, ref, 4); err != nil {
		t.Fatal(err)
	}
	b.beat("a", ids{2, 4, 5, 6}, 2, 5, 6)
}

// A group can be told to keep order later: what is out of turn is taken back.
func TestOrderTurnedOn(t *testing.T) {
	b := open(t, 1, false)
	b.fill(0)
	b.split(0)
	b.beat("a", nil, 0, 1, 2)
	if err := b.groups.Update(ctx, ref, "g", func(g *meta.ConsumerGroup) { g.Order = true }); err != nil {
		t.Fatal(err)
	}
	b.beat("a", ids{0, 1, 2}, 0)
	b.consume(0)
	b.beat("a", ids{0}, 1, 2)
}

// After a restart consumers keep what they hold, and nobody is given what may still be held by one that has not come yet.
func TestRestart(t *testing.T) {
	b := open(t, 4, false)
	b.beat("a", nil, 0, 1, 2, 3)
	b.beat("b", nil)
	b.beat("a", ids{0, 1, 2, 3}, 0, 1)
	b.beat("a", ids{0, 1}, 0, 1)
	b.beat("b", nil, 2, 3)

	b.Clock.Advance(time.Second)
	b.restart()
	b.checkpoint("a", 0, 100) // before its first heartbeat
	b.beat("c", nil)
	b.beat("b", ids{2, 3}, 2, 3)
	err := b.groups.SetCheckpoint(ctx, ref, "g", "a", 2, "MQ==", false)
	wantError(t, "checkpoint in the shard of one that came back", err, sluice.NotFound, "consumer")
	b.Clock.Advance(timeout / 2)
	b.beat("c", nil)
	b.beat("b", ids{2, 3}, 2, 3)
	b.beat("a", ids{0, 1}, 0, 1)
	b.beat("b", ids{2, 3}, 2)
	b.beat("b", ids{2}, 2)
	b.beat("c", nil) // shard 3 is free for sure, but who would know
	b.Clock.Advance(timeout / 2)
	b.beat("c", nil, 3)
	b.beat("a", ids{0, 1}, 0, 1)
	b.beat("b", ids{2}, 2)
}

// A new group need not wait, however young the server is.
func TestNewGroupAfterRestart(t *testing.T) {
	b := open(t, 1, false)
	if err := b.groups.Delete(ctx, ref, "g"); err != nil {
		t.Fatal(err)
	}
	b.restart()
	b.Clock.Advance(1)
	b.create(false)
	b.beat("a", nil, 0)
}

func TestHeartbeatChecks(t *testing.T) {
	b := open(t, 2, false)
	for _, name := range []string{"", strings.Repeat("c", 513)} {
		_, err := b.groups.Heartbeat(ctx, ref, "g", name, nil)
		wantError(t, "name "+name, err, sluice.Invalid, "parameter")
	}
	b.beat("a", ids{7, -1, 0, 0}, 0, 1) // shards that do not exist are not anybody's
	b.fill(1)
	b.merge(0)
	if err := b.Catalog.DeleteShard(ctx, ref, 1); err != nil {
		t.Fatal(err)
	}
	b.beat("a", ids{0, 1}, 2)
}

func TestTooManyConsumers(t *testing.T) {
	b := open(t, 1, false)
	for i := range 1000 {
		if _, err := b.groups.Heartbeat(ctx, ref, "g", fmt.Sprint("c", i), nil); err != nil {
			t.Fatal(err)
		}
	}
	_, err := b.groups.Heartbeat(ctx, ref, "g", "more", nil)
	wantError(t, "one more", err, sluice.Invalid, "parameter")
	b.beat("c0", ids{0}, 0)
}

func TestCheckpoints(t *testing.T) {
	b := open(t, 2, false)
	for _, bad := range []string{"not base64", "MQ", "MQ=", strings.Repeat("MQ==", 100)} {
		err := b.groups.SetCheckpoint(ctx, ref, "g", "a", 0, bad, true)
		wantError(t, bad, err, sluice.Invalid, "checkpoint")
	}
	err := b.groups.SetCheckpoint(ctx, ref, "g", "a", 7, "MQ==", true)
	wantError(t, "no such shard", err, sluice.NotFound, "shard")
	err = b.groups.SetCheckpoint(ctx, ref, "g", "a", 0, "MQ==", false)
	wantError(t, "not a member", err, sluice.NotFound, "consumer")
	err = b.groups.SetCheckpoint(ctx, ref, "g", strings.Repeat("c", 513), 0, "MQ==", true)
	wantError(t, "long name", err, sluice.Invalid, "parameter")

	one, nine := sluice.ShardID(1), sluice.ShardID(9)
	entry := meta.Checkpoint{Project: ref.Project, Logstore: ref.Logstore, Group: "g", Shard: 1}
	for _, step := range []struct {
		what string
		want []meta.Checkpoint
		id   *sluice.ShardID
	}{
		{"never saved", []meta.Checkpoint{entry}, &one},
		{"no such shard", []meta.Checkpoint{}, &nine},
	} {
		got, err := b.groups.Checkpoints(ctx, ref, "g", step.id)
		if d := cmp.Diff(step.want, got); d != "" || err != nil {
			t.Errorf("%s, error %v: %s", step.what, err, d)
		}
	}
	for _, cursor := range []string{"MTcw", ""} { // the empty one takes it back
		if err := b.groups.SetCheckpoint(ctx, ref, "g", "anybody", 1, cursor, true); err != nil {
			t.Fatal(err)
		}
		got, err := b.groups.Checkpoints(ctx, ref, "g", &one)
		entry.Cursor, entry.Consumer, entry.Updated = cursor, "anybody", b.Clock.Now()
		if d := cmp.Diff([]meta.Checkpoint{entry}, got); d != "" || err != nil {
			t.Errorf("saved %q, error %v: %s", cursor, err, d)
		}
	}
}

// What a deleted group or logstore leaves in memory goes, and nothing of it comes back under the old name.
func TestDeletedIsForgotten(t *testing.T) {
	b := open(t, 2, false)
	b.beat("a", nil, 0, 1)
	b.Clock.Advance(1)
	if err := b.groups.Delete(ctx, ref, "g"); err != nil {
		t.Fatal(err)
	}
	b.create(false)
	b.beat("b", nil, 0, 1)

	b.Clock.Advance(1)
	if err := b.Catalog.DeleteProject(ctx, ref.Project); err != nil {
		t.Fatal(err)
	}
	b.CreateLogstore(2)
	b.create(false)
	b.beat("c", nil, 0, 1)

	if err := b.groups.Create(ctx, named("other", false)); err != nil {
		t.Fatal(err)
	}
	if err := b.Catalog.DeleteProject(ctx, ref.Project); err != nil {
		t.Fatal(err)
	}
	b.Clock.Advance(timeout)
	b.CreateLogstore(1)
	if err := b.groups.Create(ctx, named("other", false)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.groups.Heartbeat(ctx, ref, "other", "a", nil); err != nil {
		t.Fatal(err)
	}
	if n := b.groups.Live(); n != 1 {
		t.Errorf("%d groups kept in memory, want 1", n)
	}
}
