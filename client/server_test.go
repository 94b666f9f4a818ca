package client_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/internal/testenv"
)

// connect starts a server and returns a client that knows only its address and port.
func connect(t *testing.T, o client.Options) *client.Client {
	t.Helper()
	env := testenv.Start(t)
	o.Endpoint, o.AccessKeyID, o.Secret = env.URL(), testenv.RootID, testenv.RootSecret
	c, err := client.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// must fails the test at once.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func withStore(t *testing.T, c *client.Client, shards int) {
	t.Helper()
	must(t, c.CreateProject(t.Context(), ref.Project, "a test"))
	must(t, c.CreateLogstore(t.Context(), ref, client.LogstoreSpec{ShardCount: &shards}))
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if client.Code(err) != code {
		t.Errorf("error %v, want code %s", err, code)
	}
}

func TestProjectsAndLogstores(t *testing.T) {
	c := connect(t, client.Options{})
	ctx := t.Context()
	withStore(t, c, 2)
	wantCode(t, c.CreateProject(ctx, ref.Project, ""), "ProjectAlreadyExist")
	must(t, c.UpdateProject(ctx, ref.Project, "changed"))
	p, err := c.Project(ctx, ref.Project)
	must(t, err)
	if p.Name != ref.Project || p.Description != "changed" || time.Since(p.Created).Abs() > time.Minute {
		t.Errorf("project %+v", p)
	}
	projects, err := c.Projects(ctx)
	must(t, err)
	if len(projects) != 1 || projects[0].Name != ref.Project {
		t.Errorf("projects %+v", projects)
	}

	ttl, yes, most := 7, true, 8
	must(t, c.UpdateLogstore(ctx, ref, client.LogstoreSpec{TTLDays: &ttl, AutoSplit: &yes, MaxSplitShard: &most}))
	l, err := c.Logstore(ctx, ref)
	must(t, err)
	if time.Since(l.Created).Abs() > time.Minute {
		t.Errorf("created at %v", l.Created)
	}
	l.Created, l.Modified = time.Time{}, time.Time{}
	want := client.Logstore{Name: ref.Logstore, TTLDays: 7, ShardCount: 2, AutoSplit: true, MaxSplitShard: 8, Mode: "standard"}
	if diff := cmp.Diff(want, l); diff != "" {
		t.Errorf("logstore (-want +got):\n%s", diff)
	}
	must(t, c.DeleteLogstore(ctx, ref))
	_, err = c.Logstore(ctx, ref)
	wantCode(t, err, "LogStoreNotExist")
	must(t, c.DeleteProject(ctx, ref.Project))
	_, err = c.Logstores(ctx, ref.Project)
	wantCode(t, err, "ProjectNotExist")
}

func TestIndex(t *testing.T) {
	c := connect(t, client.Options{})
	withStore(t, c, 1)
	_, err := c.Index(t.Context(), ref)
	wantCode(t, err, "IndexConfigNotExist")
	for _, config := range []string{ // the second replaces the first
		`{"line":{"token":[" "]}}`,
		`{"line":{"token":[","]},"keys":{"code":{"type":"long","doc_value":true}}}`,
	} {
		must(t, c.SetIndex(t.Context(), ref, json.RawMessage(config)))
	}
	raw, err := c.Index(t.Context(), ref)
	must(t, err)
	var got struct {
		Line struct{ Token []string }
		Keys map[string]struct{ Type string }
	}
	must(t, json.Unmarshal(raw, &got))
	if !slices.Equal(got.Line.Token, []string{","}) || got.Keys["code"].Type != "long" {
		t.Errorf("index %s", raw)
	}
	must(t, c.DeleteIndex(t.Context(), ref))
}

func TestWriteSplitMergeAndRead(t *testing.T) {
	for _, v4 := range []bool{false, true} {
		c := connect(t, client.Options{SignV4: v4})
		ctx := t.Context()
		withStore(t, c, 1)
		group := func(text string) *sluice.LogGroup {
			return &sluice.LogGroup{Topic: "t", Source: "s", Records: []sluice.Record{
				{Time: uint32(time.Now().Unix()), Nanos: 1, Fields: []sluice.Field{{Key: "text", Value: text}}},
			}}
		}
		must(t, c.PutLogs(ctx, ref, group("before"), client.PutOptions{}))
		shards, err := c.SplitShard(ctx, ref, 0, client.SplitOptions{Key: "40"})
		must(t, err)
		if len(shards) != 3 || !shards[0].ReadOnly || shards[2].Begin.String()[:2] != "40" || shards[2].End != sluice.MaxHashKey {
			t.Errorf("after the split: %+v", shards)
		}
		must(t, c.PutLogs(ctx, ref, group("left"), client.PutOptions{HashKey: "00"}))
		must(t, c.PutLogs(ctx, ref, group("right"), client.PutOptions{HashKey: "50"}))
		for id, want := range []string{"before", "left", "right"} {
			begin, err := c.BeginCursor(ctx, ref, sluice.ShardID(id))
			must(t, err)
			p, err := c.Pull(ctx, ref, sluice.ShardID(id), client.PullOptions{Cursor: begin})
			must(t, err)
			if len(p.Groups) != 1 || p.Groups[0].Records[0].Fields[0].Value != want || p.First.Cursor() != begin {
				t.Fatalf("shard %d: %+v", id, p)
			}
			received, err := c.CursorTime(ctx, ref, sluice.ShardID(id), begin)
			must(t, err)
			if time.Since(received).Abs() > time.Minute {
				t.Errorf("received at %v", received)
			}
			at, err := c.CursorAt(ctx, ref, sluice.ShardID(id), received.Add(-time.Hour))
			must(t, err)
			if at != begin {
				t.Errorf("cursor of an hour ago is %s, want the begin %s", at, begin)
			}
			end, err := c.EndCursor(ctx, ref, sluice.ShardID(id))
			must(t, err)
			if end != p.Next {
				t.Errorf("end %s, next %s", end, p.Next)
			}
			if p, err = c.Pull(ctx, ref, sluice.ShardID(id), client.PullOptions{Cursor: end}); err != nil || !p.AtEnd || len(p.Groups) != 0 {
				t.Errorf("at the end: %+v, %v", p, err)
			}
		}
		if shards, err = c.MergeShard(ctx, ref, 1); err != nil || len(shards) != 3 {
			t.Errorf("after the merge: %+v, %v", shards, err)
		}
		must(t, c.DeleteShard(ctx, ref, 1))
		_, err = c.BeginCursor(ctx, ref, 1)
		wantCode(t, err, "ShardNotExist")
	}
}

func TestConsumerGroups(t *testing.T) {
	c := connect(t, client.Options{})
	ctx := t.Context()
	withStore(t, c, 2)
	must(t, c.CreateConsumerGroup(ctx, ref, client.ConsumerGroup{Name: "g", TimeoutSeconds: 30}))
	order := true
	must(t, c.UpdateConsumerGroup(ctx, ref, "g", client.ConsumerGroupChange{Order: &order}))
	groups, err := c.ConsumerGroups(ctx, ref)
	must(t, err)
	if diff := cmp.Diff([]client.ConsumerGroup{{Name: "g", TimeoutSeconds: 30, Order: true}}, groups); diff != "" {
		t.Error(diff)
	}
	held, err := c.Heartbeat(ctx, ref, "g", "me", nil)
	must(t, err)
	if diff := cmp.Diff([]sluice.ShardID{0, 1}, held); diff != "" {
		t.Errorf("the only consumer holds (-want +got):\n%s", diff)
	}
	cursor, err := c.EndCursor(ctx, ref, 1)
	must(t, err)
	must(t, c.SetCheckpoint(ctx, ref, "g", "me", 1, cursor))
	wantCode(t, c.SetCheckpoint(ctx, ref, "g", "somebody", 1, cursor), "ConsumerNotExist")
	must(t, c.ForceCheckpoint(ctx, ref, "g", 0, cursor))
	points, err := c.Checkpoints(ctx, ref, "g")
	must(t, err)
	if len(points) != 2 || points[1].Cursor != cursor || points[1].Consumer != "me" || time.Since(points[1].Updated).Abs() > time.Minute {
		t.Errorf("checkpoints %+v", points)
	}
	must(t, c.DeleteConsumerGroup(ctx, ref, "g"))
	_, err = c.Checkpoints(ctx, ref, "g")
	wantCode(t, err, "ConsumerGroupNotExist")
}

func TestKeys(t *testing.T) {
	c := connect(t, client.Options{})
	ctx := t.Context()
	withStore(t, c, 1)
	key, err := c.CreateKey(ctx, client.KeySpec{Description: "reader", Projects: []string{ref.Project}, ReadOnly: true, ExpiresInSeconds: 3600})
	must(t, err)
	if key.Secret == "" || key.SecurityToken == "" || key.Expires.IsZero() || !key.ReadOnly || key.Root {
		t.Fatalf("new key %+v", key.Key)
	}
	reader, err := client.New(client.Options{Endpoint: c.Endpoint(), AccessKeyID: key.ID, Secret: key.Secret, SecurityToken: key.SecurityToken})
	must(t, err)
	_, err = reader.Logstores(ctx, ref.Project)
	must(t, err)
	wantCode(t, reader.DeleteLogstore(ctx, ref), "Unauthorized")
	_, err = reader.Keys(ctx)
	wantCode(t, err, "Unauthorized")

	keys, err := c.Keys(ctx)
	must(t, err)
	if !slices.ContainsFunc(keys, func(k client.Key) bool { return k.ID == key.ID && k.Description == "reader" }) {
		t.Errorf("keys %+v", keys)
	}
	must(t, c.SetKeyDisabled(ctx, key.ID, true))
	_, err = reader.Logstores(ctx, ref.Project)
	wantCode(t, err, "Unauthorized")
	must(t, c.SetKeyDisabled(ctx, key.ID, false))
	if k, err := c.Key(ctx, key.ID); err != nil || k.Disabled {
		t.Errorf("enabled again: %+v, %v", k, err)
	}
	must(t, c.DeleteKey(ctx, key.ID))
	_, err = c.Key(ctx, key.ID)
	wantCode(t, err, "AccessKeyNotExist")
}

func TestHealth(t *testing.T) {
	h, err := connect(t, client.Options{}).Health(t.Context())
	must(t, err)
	if !h.Alive || !h.Ready || h.Skew.Abs() > time.Minute {
		t.Errorf("%+v", h)
	}
}
