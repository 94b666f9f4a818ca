package client_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/client"
)

// examples are documents that the kinds take. "unknown" is a member that nobody here knows.
var examples = map[string]string{
	"machine-group":   `{"groupName":%q,"groupType":"","groupAttribute":{"groupTopic":"t"},"machineIdentifyType":"ip","machineList":["10.0.0.1"],"unknown":{"a":[1.50,null]}}`,
	"config":          `{"configName":%q,"inputType":"file","inputDetail":{"logType":"json_log","logPath":"/var/log","filePattern":"*.log"},"outputType":"LogService","outputDetail":{"logstoreName":"access"},"unknown":1}`,
	"pipeline-config": `{"configName":%q,"inputs":[{"Type":"input_file"}],"flushers":[{"Type":"flusher_sls","Logstore":"access"}],"unknown":1}`,
	"saved-search":    `{"savedsearchName":%q,"searchQuery":"a < b & c","logstore":"access","topic":"","displayName":"d","unknown":1}`,
	"dashboard":       `{"dashboardName":%q,"displayName":"d","description":"","charts":[{"title":"t","type":"table","search":{},"display":{}}],"unknown":1}`,
	"external-store":  `{"externalStoreName":%q,"storeType":"rds-vpc","parameter":{"host":"db","port":"3306"},"unknown":1}`,
	"store-view":      `{"name":%q,"storeType":"logstore","stores":[{"project":"web","storeName":"access"}],"unknown":1}`,
	"job":             `{"name":%q,"type":"Ingestion","configuration":{"source":{"type":"Kafka"}},"displayName":"d","description":"","schedule":{"type":"Resident"},"recyclable":false,"scheduleId":"s","unknown":1}`,
	"alert":           `{"name":%q,"type":"Alert","configuration":{"queryList":[]},"displayName":"d","description":"","schedule":{"type":"FixedRate","interval":"60s"},"recyclable":false,"scheduleId":"s","unknown":1}`,
	"scheduled-sql":   `{"name":%q,"type":"ScheduledSQL","configuration":{"script":"* | select 1"},"displayName":"d","description":"","schedule":{"type":"Cron"},"recyclable":false,"scheduleId":"s","unknown":1}`,
	"etl":             `{"name":%q,"type":"ETL","configuration":{"script":"e_set(1,1)"},"displayName":"d","description":"","schedule":{"type":"Resident"},"recyclable":false,"scheduleId":"s","unknown":1}`,
	"ingestion":       `{"name":%q,"type":"Ingestion","configuration":{"source":{"type":"S3"}},"displayName":"d","description":"","schedule":{"type":"Resident"},"recyclable":false,"scheduleId":"s","unknown":1}`,
	"resource":        `{"name":%q,"type":"userdefine","schema":"{}","description":"","extInfo":"","acl":"{}","unknown":1}`,
	"topostore":       `{"name":%q,"tag":"{}","schema":"{}","description":"","acl":"{}","unknown":1}`,
}

// Documents of every kind live and die by one set of functions.
func TestResourcesOfEveryKind(t *testing.T) {
	c := connect(t, client.Options{})
	withStore(t, c, 1)
	for _, k := range client.ResourceKinds() {
		example, ok := examples[k.Name]
		if !ok {
			if k.Name != "metric-store" && k.Name != "export" { // stores and delivery tasks: they have tests of their own
				t.Errorf("kind %s has no example", k.Name)
			}
			continue
		}
		t.Run(k.Name, func(t *testing.T) { lifeOfResource(t, c, k, example) })
	}
}

func lifeOfResource(t *testing.T, c *client.Client, k client.ResourceKind, example string) {
	ctx, project := t.Context(), ref.Project
	names := []string{k.Name + "-1", k.Name + "-2"}
	for _, name := range names {
		must(t, c.CreateResource(ctx, k, project, json.RawMessage(fmt.Sprintf(example, name))))
	}
	got, err := c.ResourceNames(ctx, k, project)
	must(t, err)
	if got = slices.DeleteFunc(got, func(n string) bool { return !slices.Contains(names, n) }); !slices.Equal(got, names) {
		t.Errorf("names: got %q, want %q among them", got, names)
	}
	if err := c.CreateResource(ctx, k, project, json.RawMessage(fmt.Sprintf(example, names[0]))); client.Code(err) == "" {
		t.Errorf("made twice: got error %v", err)
	}
	d, err := c.Resource(ctx, k, project, names[0])
	must(t, err)
	if diff := cmp.Diff(plain(t, json.RawMessage(fmt.Sprintf(example, names[0]))), plain(t, d)); diff != "" {
		t.Errorf("what came back (-sent +got):\n%s", diff)
	}
	changed := object(t, d)
	changed["unknown"] = "changed"
	raw, err := json.Marshal(changed)
	must(t, err)
	must(t, c.UpdateResource(ctx, k, project, names[0], raw))
	d, err = c.Resource(ctx, k, project, names[0])
	must(t, err)
	if got := object(t, d)["unknown"]; got != "changed" {
		t.Errorf("after an update: got %v", got)
	}
	for _, name := range names {
		must(t, c.DeleteResource(ctx, k, project, name))
	}
	if _, err = c.Resource(ctx, k, project, names[0]); client.Code(err) == "" {
		t.Errorf("get of what was deleted: got error %v", err)
	}
}

func object(t *testing.T, raw json.RawMessage) map[string]any {
	t.Helper()
	var d map[string]any
	must(t, json.Unmarshal(raw, &d))
	return d
}

// plain is a document without what the server says of it.
func plain(t *testing.T, raw json.RawMessage) map[string]any {
	t.Helper()
	d := object(t, raw)
	for _, name := range []string{"createTime", "lastModifyTime", "lastModifiedTime", "status", "state"} {
		delete(d, name)
	}
	return d
}

func TestRecordsAndSubStores(t *testing.T) {
	c := connect(t, client.Options{})
	withStore(t, c, 1)
	must(t, c.CreateResource(t.Context(), client.Resources, "", json.RawMessage(`{"name":"users"}`)))
	lifeOfResource(t, c, client.Records("users"), `{"id":%q,"tag":"t","value":"{}","unknown":1}`)
	lifeOfResource(t, c, client.SubStores(ref.Logstore), `{"name":%q,"ttl":3,"sortedKeyCount":1,"timeIndex":1,"keys":[{"name":"a","type":"text"},{"name":"t","type":"long"}],"unknown":1}`)
}

func TestApplyConfigs(t *testing.T) {
	c := connect(t, client.Options{})
	withStore(t, c, 1)
	ctx, project := t.Context(), ref.Project
	must(t, c.CreateResource(ctx, client.MachineGroups, project, json.RawMessage(fmt.Sprintf(examples["machine-group"], "group"))))
	must(t, c.CreateResource(ctx, client.Configs, project, json.RawMessage(fmt.Sprintf(examples["config"], "files"))))
	must(t, c.ApplyConfig(ctx, project, "group", "files"))
	must(t, c.ApplyConfig(ctx, project, "group", "files"))
	wantCode(t, c.ApplyConfig(ctx, project, "none", "files"), "MachineGroupNotExist")
	wantCode(t, c.ApplyConfig(ctx, project, "group", "none"), "ConfigNotExist")
	configs, err := c.AppliedConfigs(ctx, project, "group")
	must(t, err)
	groups, err := c.AppliedGroups(ctx, project, "files")
	must(t, err)
	if !slices.Equal(configs, []string{"files"}) || !slices.Equal(groups, []string{"group"}) {
		t.Errorf("got configs %q, groups %q", configs, groups)
	}
	must(t, c.RemoveConfig(ctx, project, "group", "files"))
	if configs, err = c.AppliedConfigs(ctx, project, "group"); err != nil || len(configs) != 0 {
		t.Errorf("after removing: got %q, %v", configs, err)
	}
}

func TestTags(t *testing.T) {
	c := connect(t, client.Options{})
	withStore(t, c, 1)
	ctx := t.Context()
	store := ref.Project + "#" + ref.Logstore
	must(t, c.Tag(ctx, client.Tagged{Type: "project", ID: ref.Project, Tags: map[string]string{"team": "a"}}))
	must(t, c.Tag(ctx, client.Tagged{Type: "logstore", ID: store, Tags: map[string]string{"team": "a", "tier": "1"}}))
	must(t, c.Untag(ctx, "logstore", store, "team"))
	got, err := c.Tags(ctx, "", "logstore")
	must(t, err)
	want := []client.Tagged{{Type: "logstore", ID: store, Tags: map[string]string{"tier": "1"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	must(t, c.Untag(ctx, "logstore", store))
	if got, err = c.Tags(ctx, ref.Project, "logstore", store); err != nil || len(got) != 0 {
		t.Errorf("after taking them all: got %v, %v", got, err)
	}
}
