package sdk

import (
	"slices"
	"testing"

	sls "github.com/aliyun/aliyun-log-go-sdk"

	"github.com/sluicelog/sluice/internal/testenv"
)

// same checks a list of names that a client was given.
func same(t *testing.T, what string, got []string, err error, want ...string) {
	t.Helper()
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%s: got %q, %v, want %q", what, got, err, want)
	}
}

func ok(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

func TestMachineGroupsAndConfigs(t *testing.T) {
	c := root()
	project, logstore := newLogstore(t, c, 1)
	group := &sls.MachineGroup{
		Name: "group", MachineIDType: sls.MachineIDTypeIP, MachineIDList: []string{"10.0.0.1", "10.0.0.2"},
		Attribute: sls.MachinGroupAttribute{TopicName: "t"},
	}
	ok(t, "create group", c.CreateMachineGroup(project, group))
	wantCode(t, "create group again", c.CreateMachineGroup(project, group), "MachineGroupAlreadyExist")
	group.MachineIDList = group.MachineIDList[:1]
	ok(t, "update group", c.UpdateMachineGroup(project, group))
	g, err := c.GetMachineGroup(project, "group")
	if err != nil || !slices.Equal(g.MachineIDList, []string{"10.0.0.1"}) || g.Attribute.TopicName != "t" || g.CreateTime == 0 {
		t.Errorf("get group: got %+v, %v", g, err)
	}
	if there, err := c.CheckMachineGroupExist(project, "none"); there || err != nil {
		t.Errorf("a group that was never made: got %v, %v", there, err)
	}
	if names, total, err := c.ListMachineGroup(project, 0, 10); total != 1 {
		same(t, "list groups", names, err, "group")
	}
	if machines, total, err := c.ListMachinesV2(project, "group", 0, 10); err != nil || total != 0 || len(machines) != 0 {
		t.Errorf("machines: got %v, %d, %v", machines, total, err)
	}

	config := &sls.LogConfig{
		Name: "files", InputType: "file",
		InputDetail: sls.JSONConfigInputDetail{LocalFileConfigInputDetail: sls.LocalFileConfigInputDetail{
			LogType: "json_log", LogPath: "/var/log", FilePattern: "*.log",
		}},
		OutputType: "LogService", OutputDetail: sls.OutputDetail{ProjectName: project, LogStoreName: logstore},
	}
	ok(t, "create config", c.CreateConfig(project, config))
	wantCode(t, "create config again", c.CreateConfig(project, config), "ConfigAlreadyExist")
	ok(t, "update config", c.UpdateConfig(project, config))
	got, err := c.GetConfig(project, "files")
	if err != nil || got.OutputDetail.LogStoreName != logstore || got.CreateTime == 0 {
		t.Errorf("get config: got %+v, %v", got, err)
	}
	if there, err := c.CheckConfigExist(project, "none"); there || err != nil {
		t.Errorf("a config that was never made: got %v, %v", there, err)
	}
	names, total, err := c.ListConfig(project, 0, 10)
	if same(t, "list configs", names, err, "files"); total != 1 {
		t.Errorf("list configs: got total %d", total)
	}
	lifeOfApplication(t, c, project)
	ok(t, "delete config", c.DeleteConfig(project, "files"))
	ok(t, "delete group", c.DeleteMachineGroup(project, "group"))
	_, err = c.GetConfig(project, "files")
	wantCode(t, "get of a deleted config", err, "ConfigNotExist")
}

func lifeOfApplication(t *testing.T, c sls.ClientInterface, project string) {
	t.Helper()
	ok(t, "apply", c.ApplyConfigToMachineGroup(project, "files", "group"))
	names, err := c.GetAppliedConfigs(project, "group")
	same(t, "applied configs", names, err, "files")
	names, err = c.GetAppliedMachineGroups(project, "files")
	same(t, "applied groups", names, err, "group")
	ok(t, "remove", c.RemoveConfigFromMachineGroup(project, "files", "group"))
	names, err = c.GetAppliedConfigs(project, "group")
	same(t, "after removing", names, err)
}

func TestDashboardsAndSearches(t *testing.T) {
	c := root()
	project, logstore := newLogstore(t, c, 1)
	board := sls.Dashboard{DashboardName: "board", DisplayName: "Board", ChartList: []sls.Chart{{Title: "first", Type: "table"}}}
	ok(t, "create dashboard", c.CreateDashboard(project, board))
	wantCode(t, "create dashboard again", c.CreateDashboard(project, board), "ParameterInvalid")
	board.Description = "changed"
	ok(t, "update dashboard", c.UpdateDashboard(project, board))
	ok(t, "create chart", c.CreateChart(project, "board", sls.Chart{Title: "second", Type: "line"}))
	ok(t, "update chart", c.UpdateChart(project, "board", sls.Chart{Title: "second", Type: "pie"}))
	chart, err := c.GetChart(project, "board", "second")
	if err != nil || chart.Type != "pie" {
		t.Errorf("get chart: got %+v, %v", chart, err)
	}
	ok(t, "delete chart", c.DeleteChart(project, "board", "first"))
	_, err = c.GetChart(project, "board", "first")
	wantCode(t, "get of a deleted chart", err, "ChartNotExist")
	d, err := c.GetDashboard(project, "board")
	if err != nil || d.Description != "changed" || len(d.ChartList) != 1 || d.ChartList[0].Title != "second" {
		t.Errorf("get dashboard: got %+v, %v", d, err)
	}
	names, items, count, total, err := c.ListDashboardV2(project, "", 0, 10)
	if same(t, "list dashboards", names, err, "board"); count != 1 || total != 1 || len(items) != 1 || items[0].DisplayName != "Board" {
		t.Errorf("list dashboards: got %+v, %d of %d", items, count, total)
	}
	ok(t, "delete dashboard", c.DeleteDashboard(project, "board"))
	_, err = c.GetDashboard(project, "board")
	wantCode(t, "get of a deleted dashboard", err, "DashboardNotExist")

	search := &sls.SavedSearch{SavedSearchName: "search", SearchQuery: "a and b", Logstore: logstore, DisplayName: "Search"}
	ok(t, "create search", c.CreateSavedSearch(project, search))
	search.SearchQuery = "a and c"
	ok(t, "update search", c.UpdateSavedSearch(project, search))
	s, err := c.GetSavedSearch(project, "search")
	if err != nil || *s != *search {
		t.Errorf("get search: got %+v, %v", s, err)
	}
	found, shown, _, _, err := c.ListSavedSearchV2(project, "", 0, 10)
	if same(t, "list searches", found, err, "search"); len(shown) != 1 || shown[0].DisplayName != "Search" {
		t.Errorf("list searches: got %+v", shown)
	}
	ok(t, "delete search", c.DeleteSavedSearch(project, "search"))
	_, err = c.GetSavedSearch(project, "search")
	wantCode(t, "get of a deleted search", err, "SavedSearchNotExist")
}

func TestAlerts(t *testing.T) {
	c := root()
	project := newProject(t, c)
	alert := &sls.Alert{
		Name: "alert", DisplayName: "Alert", Schedule: &sls.Schedule{Type: sls.ScheduleTypeFixedRate, Interval: "60s"},
		Configuration: &sls.AlertConfiguration{Version: "2.0", Type: "default", Dashboard: "board", Threshold: 1, QueryList: []*sls.AlertQuery{{Query: "*", Store: "store"}}},
	}
	ok(t, "create alert", c.CreateAlert(project, alert))
	wantCode(t, "create alert again", c.CreateAlert(project, alert), "JobAlreadyExist")
	wantCode(t, "enable what is enabled", c.EnableAlert(project, "alert"), "ParameterInvalid")
	ok(t, "disable", c.DisableAlert(project, "alert"))
	alert.Description = "changed"
	ok(t, "update", c.UpdateAlert(project, alert))
	got, err := c.GetAlert(project, "alert")
	if err != nil || got.IsEnabled() || got.Description != "changed" || got.Configuration.QueryList[0].Query != "*" || got.CreateTime == 0 {
		t.Errorf("get alert: got %+v, %v", got, err)
	}
	ok(t, "enable", c.EnableAlert(project, "alert"))
	all, total, count, err := c.ListAlert(project, "", "board", 0, 10)
	if err != nil || total != 1 || count != 1 || !all[0].IsEnabled() {
		t.Errorf("list alerts: got %+v, %d of %d, %v", all, count, total, err)
	}
	if all, _, _, err = c.ListAlert(project, "", "other", 0, 10); err != nil || len(all) != 0 {
		t.Errorf("alerts of another dashboard: got %+v, %v", all, err)
	}
	ok(t, "delete", c.DeleteAlert(project, "alert"))
	_, err = c.GetAlert(project, "alert")
	wantCode(t, "get of a deleted alert", err, "JobNotExist")
}

func TestJobsThatWait(t *testing.T) {
	c := root()
	project, logstore := newLogstore(t, c, 1)
	etl := sls.NewETL(testenv.Domain, "id", "secret of the sink", logstore, "etl", project)
	etl.Configuration.AccessKeySecret = "secret of the source"
	ok(t, "create etl", c.CreateETL(project, etl))
	got, err := c.GetETL(project, "etl")
	if err != nil || got.Status != "STARTING" || got.Configuration.Logstore != logstore || got.Configuration.AccessKeySecret == "secret of the source" {
		t.Errorf("get etl: got %+v, %v", got, err)
	}
	ok(t, "stop etl", c.StopETL(project, "etl"))
	if got, err = c.GetETL(project, "etl"); err != nil || got.Status != "STOPPED" {
		t.Errorf("a stopped etl: got %+v, %v", got, err)
	}
	ok(t, "restart etl", c.RestartETL(project, *got))
	ok(t, "update etl", c.UpdateETL(project, etl))
	if l, err := c.ListETL(project, 0, 10); err != nil || l.Total != 1 || l.Results[0].Name != "etl" || l.Results[0].Status != "STARTING" {
		t.Errorf("list etls: got %+v, %v", l, err)
	}
	ok(t, "delete etl", c.DeleteETL(project, "etl"))

	ingestion := &sls.Ingestion{
		ScheduledJob:           sls.ScheduledJob{BaseJob: sls.BaseJob{Name: "ingest", Type: sls.INGESTION_JOB}, Schedule: &sls.Schedule{Type: "Resident"}},
		IngestionConfiguration: &sls.IngestionConfiguration{Version: "v2.0", LogStore: logstore, DataSource: map[string]any{"type": "Kafka", "topics": "a"}},
	}
	ok(t, "create ingestion", c.CreateIngestion(project, ingestion))
	ok(t, "update ingestion", c.UpdateIngestion(project, ingestion))
	if in, err := c.GetIngestion(project, "ingest"); err != nil || in.IngestionConfiguration.LogStore != logstore || in.LastModifyTime == 0 {
		t.Errorf("get ingestion: got %+v, %v", in, err)
	}
	if all, total, _, err := c.ListIngestion(project, logstore, "ing", "", 0, 10); err != nil || total != 1 || all[0].Name != "ingest" {
		t.Errorf("list ingestions: got %+v, %d, %v", all, total, err)
	}
	ok(t, "delete ingestion", c.DeleteIngestion(project, "ingest"))
	lifeOfScheduledSQL(t, c, project, logstore)
}

func lifeOfScheduledSQL(t *testing.T, c sls.ClientInterface, project, logstore string) {
	t.Helper()
	configuration := sls.NewScheduledSQLConfiguration()
	configuration.Script, configuration.SourceLogStore, configuration.DestProject, configuration.DestLogStore = "* | select 1", logstore, project, logstore
	configuration.FromTime, configuration.ToTime, configuration.FromTimeExpr, configuration.ToTimeExpr = 1700000000, 0, "@m-1m", "@m"
	configuration.SqlType, configuration.ResourcePool, configuration.DataFormat, configuration.Parameters = sls.SEARCH_QUERY, sls.ENHANCED, sls.LOG_TO_LOG, nil
	job := &sls.ScheduledSQL{
		Name: "sql", DisplayName: "SQL", Status: sls.ENABLED, Type: sls.SCHEDULED_SQL_JOB, Configuration: configuration,
		Schedule: &sls.Schedule{Type: sls.ScheduleTypeFixedRate, Interval: "60s"},
	}
	ok(t, "create scheduled sql", c.CreateScheduledSQL(project, job))
	job.Description = "changed"
	ok(t, "update scheduled sql", c.UpdateScheduledSQL(project, job))
	got, err := c.GetScheduledSQL(project, "sql")
	if err != nil || got.Status != sls.ENABLED || got.Description != "changed" || got.Configuration.Script != "* | select 1" {
		t.Errorf("get scheduled sql: got %+v with %+v, %v", got, got.Configuration, err)
	}
	if all, total, _, err := c.ListScheduledSQL(project, "", "SQ", 0, 10); err != nil || total != 1 || all[0].Name != "sql" {
		t.Errorf("list scheduled sql: got %+v, %d, %v", all, total, err)
	}
	instances, total, count, err := c.ListScheduledSQLJobInstances(project, "sql", &sls.InstanceStatus{FromTime: 1, ToTime: 2, Size: 10, State: sls.ScheduledSQL_FAILED})
	if err != nil || total != 0 || count != 0 || len(instances) != 0 {
		t.Errorf("instances of a job that nothing runs: got %+v, %d, %v", instances, total, err)
	}
	_, err = c.GetScheduledSQLJobInstance(project, "sql", "1", true)
	wantCode(t, "get of an instance that never was", err, "JobInstanceNotExist")
	ok(t, "delete scheduled sql", c.DeleteScheduledSQL(project, "sql"))
	_, err = c.GetScheduledSQL(project, "sql")
	wantCode(t, "get of a deleted scheduled sql", err, "JobNotExist")
}

func TestStoresOfOtherSorts(t *testing.T) {
	c := root()
	project, logstore := newLogstore(t, c, 1)
	events := &sls.LogStore{Name: "events", TTL: 7, ShardCount: 1}
	ok(t, "create event store", c.CreateEventStore(project, events))
	names, err := c.ListEventStore(project, 0, 10)
	same(t, "list event stores", names, err, "events")
	events.TTL = 8
	ok(t, "update event store", c.UpdateEventStore(project, events))
	if got, err := c.GetEventStore(project, "events"); err != nil || got.TTL != 8 || got.TelemetryType != "Event" {
		t.Errorf("get event store: got %+v, %v", got, err)
	}
	ok(t, "delete event store", c.DeleteEventStore(project, "events"))

	if mode, err := c.GetLogStoreMeteringMode(project, logstore); err != nil || mode.MeteringMode != "ChargeByFunction" {
		t.Errorf("metering mode: got %+v, %v", mode, err)
	}
	ok(t, "set metering mode", c.UpdateLogStoreMeteringMode(project, logstore, "ChargeByDataIngest"))
	if mode, err := c.GetLogStoreMeteringMode(project, logstore); err != nil || mode.MeteringMode != "ChargeByDataIngest" {
		t.Errorf("metering mode: got %+v, %v", mode, err)
	}
	multimodal := &sls.PutLogStoreMultimodalConfigurationRequest{Status: "Enabled"}
	ok(t, "set multimodal", c.PutLogStoreMultimodalConfiguration(project, logstore, multimodal))
	if got, err := c.GetLogStoreMultimodalConfiguration(project, logstore); err != nil || got.Status != "Enabled" {
		t.Errorf("multimodal: got %+v, %v", got, err)
	}

	view := &sls.StoreView{Name: "view", StoreType: sls.STORE_VIEW_STORE_TYPE_LOGSTORE, Stores: []*sls.StoreViewStore{
		{Project: project, StoreName: logstore}, {Project: project, StoreName: "none"},
	}}
	ok(t, "create index", c.CreateIndex(project, logstore, *sls.CreateDefaultIndex()))
	ok(t, "create store view", c.CreateStoreView(project, view))
	ok(t, "update store view", c.UpdateStoreView(project, view))
	if got, err := c.GetStoreView(project, "view"); err != nil || len(got.Stores) != 2 {
		t.Errorf("get store view: got %+v, %v", got, err)
	}
	index, err := c.GetStoreViewIndex(project, "view")
	if err != nil || len(index.Indexes) != 1 || index.Indexes[0].LogStore != logstore || len(index.StoreViewErrors) != 1 || index.StoreViewErrors[0].Status != 404 {
		t.Errorf("index of a store view: got %+v, %v", index, err)
	}
	if l, err := c.ListStoreViews(project, &sls.ListStoreViewsRequest{StoreType: "metricstore"}); err != nil || l.Total != 0 {
		t.Errorf("store views of metrics: got %+v, %v", l, err)
	}
	ok(t, "delete store view", c.DeleteStoreView(project, "view"))
	_, err = c.GetStoreView(project, "view")
	wantCode(t, "get of a deleted store view", err, "StoreViewNotExist")
}

// CreateMetricStore of the SDK sleeps for three seconds in the middle.
func TestMetricStores(t *testing.T) {
	if testing.Short() {
		t.Skip("the SDK sleeps")
	}
	t.Parallel()
	c := root()
	project := newProject(t, c)
	store := &sls.LogStore{Name: "prom", TTL: 7, ShardCount: 1}
	ok(t, "create metric store", c.CreateMetricStore(project, store))
	store.TTL = 9
	ok(t, "update metric store", c.UpdateMetricStore(project, store))
	if got, err := c.GetMetricStore(project, "prom"); err != nil || got.TTL != 9 || got.TelemetryType != "Metrics" {
		t.Errorf("get metric store: got %+v, %v", got, err)
	}
	ok(t, "set metering mode", c.UpdateMetricStoreMeteringMode(project, "prom", "ChargeByDataIngest"))
	if mode, err := c.GetMetricStoreMeteringMode(project, "prom"); err != nil || mode.MeteringMode != "ChargeByDataIngest" {
		t.Errorf("metering mode: got %+v, %v", mode, err)
	}
	config := &sls.MetricsConfig{QueryCacheConfig: &sls.MetricQueryCacheConfig{Enable: true}}
	ok(t, "create metrics config", c.CreateMetricConfig(project, "prom", config))
	config.QueryCacheConfig.Enable = false
	ok(t, "update metrics config", c.UpdateMetricConfig(project, "prom", config))
	if got, err := c.GetMetricConfig(project, "prom"); err != nil || got.QueryCacheConfig == nil || got.QueryCacheConfig.Enable {
		t.Errorf("get metrics config: got %+v, %v", got, err)
	}
	ok(t, "delete metrics config", c.DeleteMetricConfig(project, "prom"))
	ok(t, "delete metric store", c.DeleteMetricStore(project, "prom"))
}

func TestTags(t *testing.T) {
	c := root()
	project, logstore := newLogstore(t, c, 1)
	store := sls.GenResourceId(project, logstore)
	ok(t, "tag project", c.TagResources(project, sls.NewProjectTags(project, []sls.ResourceTag{{Key: "team", Value: "a"}, {Key: "tier", Value: "1"}})))
	ok(t, "tag logstore", c.TagResources(project, sls.NewResourceTags("logstore", store, []sls.ResourceTag{{Key: "team", Value: "b"}})))
	ok(t, "system tag", c.TagResourcesSystemTags(project, sls.NewResourceSystemTags("logstore", store, "1234", []sls.ResourceTag{{Key: "by", Value: "s"}})))
	wantCode(t, "tag what is not there", c.TagResources(project, sls.NewResourceTags("logstore", store+"x", []sls.ResourceTag{{Key: "k", Value: "v"}})), "LogStoreNotExist")

	team := "team"
	tags, next, err := c.ListTagResources(project, "project", []string{project}, []sls.ResourceFilterTag{{Key: &team}}, "")
	if err != nil || next != "" || len(tags) != 1 || tags[0].TagValue != "a" || tags[0].ResourceID != project {
		t.Errorf("tags of the project: got %+v, %q, %v", tags, next, err)
	}
	if tags, _, err = c.ListTagResources(project, "logstore", nil, nil, ""); err != nil || len(tags) != 1 || tags[0].ResourceID != store {
		t.Errorf("tags of logstores: got %+v, %v", tags, err)
	}
	if tags, _, err = c.ListSystemTagResources(project, "logstore", []string{store}, nil, "1234", "", "", ""); err != nil || len(tags) != 1 || tags[0].TagKey != "by" {
		t.Errorf("system tags: got %+v, %v", tags, err)
	}
	ok(t, "untag", c.UnTagResources(project, sls.NewProjectUnTags(project, []string{"team"})))
	ok(t, "system untag", c.UnTagResourcesSystemTags(project, sls.NewResourceUnSystemTags("logstore", store, "1234", []string{"by"})))
	if tags, _, err = c.ListTagResources(project, "project", []string{project}, nil, ""); err != nil || len(tags) != 1 || tags[0].TagKey != "tier" {
		t.Errorf("tags that are left: got %+v, %v", tags, err)
	}
}

func TestResourcesAndRecords(t *testing.T) {
	c := root()
	schema := &sls.ResourceSchema{Schema: []*sls.ResourceSchemaItem{{Column: "a", Type: "string"}}}
	resource := &sls.Resource{Name: "users", Type: sls.ResourceTypeUserDefine, Schema: schema.ToString()}
	ok(t, "create resource", c.CreateResource(resource))
	resource.Description = "changed"
	ok(t, "update resource", c.UpdateResource(resource))
	if got, err := c.GetResource("users"); err != nil || got.Schema != schema.ToString() || got.Description != "changed" || got.CreateTime == 0 {
		t.Errorf("get resource: got %+v, %v", got, err)
	}
	if all, _, total, err := c.ListResource(sls.ResourceTypeUserDefine, "users", 0, 10); err != nil || total != 1 || all[0].Name != "users" {
		t.Errorf("list resources: got %+v, %d, %v", all, total, err)
	}
	record := &sls.ResourceRecord{Id: "u1", Tag: "t", Value: `{"a":"b"}`}
	ok(t, "create record", c.CreateResourceRecord("users", record))
	record.Value = `{"a":"c"}`
	ok(t, "update record", c.UpdateResourceRecord("users", record))
	if got, err := c.GetResourceRecord("users", "u1"); err != nil || got.Value != `{"a":"c"}` || got.Tag != "t" {
		t.Errorf("get record: got %+v, %v", got, err)
	}
	if all, _, total, err := c.ListResourceRecord("users", 0, 10); err != nil || total != 1 || all[0].Id != "u1" {
		t.Errorf("list records: got %+v, %d, %v", all, total, err)
	}
	ok(t, "delete record", c.DeleteResourceRecord("users", "u1"))
	_, err := c.GetResourceRecord("users", "u1")
	wantCode(t, "get of a deleted record", err, "ResourceRecordNotExist")
	ok(t, "delete resource", c.DeleteResource("users"))
}
