package client_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
)

func TestArrangeShards(t *testing.T) {
	c := connect(t, client.Options{})
	withStore(t, c, 2)
	for _, count := range []int{5, 2, 1, 3, 3} {
		shards, err := c.ArrangeShards(t.Context(), ref, count)
		must(t, err)
		taking := 0
		for _, s := range shards {
			if !s.ReadOnly {
				taking++
			}
		}
		if taking != count {
			t.Errorf("%d shards take logs, want %d", taking, count)
		}
	}
	if _, err := c.ArrangeShards(t.Context(), ref, 0); err == nil {
		t.Error("a logstore without shards was arranged")
	}
	_, err := c.ArrangeShards(t.Context(), sluice.LogstoreRef{Project: ref.Project, Logstore: "nope"}, 2)
	wantCode(t, err, "LogStoreNotExist")
}

// A copy of a project to another server has everything but the logs; a second one changes nothing, and takes over what changed.
func TestCopyProject(t *testing.T) {
	c, other := connect(t, client.Options{}), connect(t, client.Options{})
	ctx := t.Context()
	withStore(t, c, 3)
	ttl, yes, most := 7, true, 8
	must(t, c.UpdateLogstore(ctx, ref, client.LogstoreSpec{TTLDays: &ttl, AutoSplit: &yes, MaxSplitShard: &most, AppendMeta: &yes, Modifiable: &yes}))
	must(t, c.SetIndex(ctx, ref, json.RawMessage(`{"line":{"token":[" "]},"keys":{"code":{"type":"long","doc_value":true}}}`)))
	must(t, c.CreateConsumerGroup(ctx, ref, client.ConsumerGroup{Name: "g", TimeoutSeconds: 30, Order: true}))
	for _, k := range []client.ResourceKind{client.Configs, client.MachineGroups, client.Dashboards} {
		must(t, c.CreateResource(ctx, k, ref.Project, json.RawMessage(fmt.Sprintf(examples[k.Name], "one-"+k.Name))))
	}
	must(t, c.ApplyConfig(ctx, ref.Project, "one-machine-group", "one-config"))
	for range 2 {
		done, err := c.CopyProject(ctx, ref.Project, other, "theirs")
		must(t, err)
		if diff := cmp.Diff([]string{ref.Logstore}, done.Logstores); diff != "" {
			t.Error(diff)
		}
		theirs := sluice.LogstoreRef{Project: "theirs", Logstore: ref.Logstore}
		want, got := described(t, c, ref), described(t, other, theirs)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the copy (-want +got):\n%s", diff)
		}
		applied, err := other.AppliedConfigs(ctx, "theirs", "one-machine-group")
		must(t, err)
		dashboard, err := other.Resource(ctx, client.Dashboards, "theirs", "one-dashboard")
		must(t, err)
		if diff := cmp.Diff([]string{"one-config"}, applied); diff != "" || object(t, dashboard)["unknown"] == nil {
			t.Errorf("applied %v, dashboard %s", applied, dashboard)
		}
		ttl = 14
		must(t, c.UpdateLogstore(ctx, ref, client.LogstoreSpec{TTLDays: &ttl}))
		_, err = c.ArrangeShards(ctx, ref, 4)
		must(t, err)
	}
	if _, err := c.CopyProject(ctx, ref.Project, nil, ref.Project); err == nil {
		t.Error("a project was copied onto itself")
	}
	u, err := c.Usage(ctx, ref.Project)
	must(t, err)
	if u.Logstores != 1 || u.Shards != 4 || u.Indexes != 1 || u.ConsumerGroups != 1 || u.ReadOnlyShards == 0 {
		t.Errorf("usage %+v", u)
	}
}

type description struct {
	Logstore client.Logstore
	Shards   int
	Index    any
	Groups   []client.ConsumerGroup
}

func described(t *testing.T, c *client.Client, ref sluice.LogstoreRef) (d description) {
	t.Helper()
	var err error
	d.Logstore, err = c.Logstore(t.Context(), ref)
	must(t, err)
	d.Logstore.Created, d.Logstore.Modified, d.Logstore.ShardCount = time.Time{}, time.Time{}, 0
	u, err := c.Usage(t.Context(), ref.Project)
	must(t, err)
	d.Shards = u.Shards
	raw, err := c.Index(t.Context(), ref)
	must(t, err)
	must(t, json.Unmarshal(raw, &d.Index))
	if m, ok := d.Index.(map[string]any); ok {
		delete(m, "lastModifyTime")
	}
	d.Groups, err = c.ConsumerGroups(t.Context(), ref)
	must(t, err)
	return d
}
