package sls

import "github.com/sluicelog/sluice"

// unsupportedRoutes are the actions of the reference (sls-api section 5) that nothing here serves yet. They are known by
// name, so that whoever calls one learns which action is missing and not that a path is wrong.
//
// Behavior: once signed and permitted, 400 NotSupported with the name of the action. 501 would be the word of HTTP, but
// clients repeat everything from 500 on for up to 90 seconds.
var unsupportedRoutes = unsupported([]Route{
	// 5.1: what projects have besides themselves
	{Method: "GET", Path: "/", When: "crossRegion=true|True", Host: OnBare, Action: "ListProjectCrossRegion", Permission: "log:ListProject"},
	{Method: "PUT", Path: "/resourcegroup", Host: OnAny, Action: "ChangeResourceGroup", Mutating: true},
	{Method: "POST", Path: "/tag", Host: OnAny, Action: "TagResources", Mutating: true},
	{Method: "POST", Path: "/untag", Host: OnAny, Action: "UntagResources", Mutating: true},
	{Method: "GET", Path: "/tags", Host: OnAny, Action: "ListTagResources"},
	{Method: "POST", Path: "/systemtag", Host: OnAny, Action: "TagResourcesSystemTags", Mutating: true},
	{Method: "POST", Path: "/systemuntag", Host: OnAny, Action: "UntagResourcesSystemTags", Mutating: true},
	{Method: "GET", Path: "/systemtags", Host: OnAny, Action: "ListSystemTagResources"},
	{Method: "POST", Path: "/logging", Action: "CreateLogging", Mutating: true},
	{Method: "PUT", Path: "/logging", Action: "UpdateLogging", Mutating: true},
	{Method: "GET", Path: "/logging", Action: "GetLogging"},
	{Method: "DELETE", Path: "/logging", Action: "DeleteLogging", Mutating: true},
	{Method: "GET", Path: "/regions", Host: OnAny, Action: "DescribeRegions"},
	{Method: "GET", Path: "/slsservice", Host: OnAny, Action: "GetSlsService"},
	{Method: "POST", Path: "/slsservice", Host: OnAny, Action: "OpenSlsService", Mutating: true},
	{Method: "GET", Path: "/transferacceleration", Action: "GetTransferAcceleration"},
	{Method: "PUT", Path: "/transferacceleration", Action: "PutTransferAcceleration", Mutating: true},
	{Method: "GET", Path: "/domains", Host: OnAny, Action: "ListDomains"},
	{Method: "POST", Path: "/domains", Host: OnAny, Action: "CreateDomain", Mutating: true},
	{Method: "DELETE", Path: "/domains/{name}", Host: OnAny, Action: "DeleteDomain", Mutating: true},
	{Method: "GET", Path: "/cname", Host: OnAny, Action: "ListCname"},
	{Method: "POST", Path: "/cname", Host: OnAny, Action: "CreateCname", Mutating: true},
	{Method: "DELETE", Path: "/cname/{name}", Host: OnAny, Action: "DeleteCname", Mutating: true},
	{Method: "GET", Path: "/direct_mode_ip", Action: "GetDirectModeIP"},

	// 5.2: newer features of logstores
	{Method: "GET", Path: "/logstores/{logstore}/meteringmode", Action: "GetLogStoreMeteringMode"},
	{Method: "PUT", Path: "/logstores/{logstore}/meteringmode", Action: "UpdateLogStoreMeteringMode", Mutating: true},
	{Method: "GET", Path: "/logstores/{logstore}/multimodalconfiguration", Action: "GetLogStoreMultimodalConfiguration"},
	{Method: "PUT", Path: "/logstores/{logstore}/multimodalconfiguration", Action: "PutLogStoreMultimodalConfiguration", Mutating: true},
	{Method: "DELETE", Path: "/logstores/{logstore}/storage", Action: "ClearLogStoreStorage", Mutating: true},
	{Method: "GET", Path: "/logstores/{logstore}/logtailprofile", Action: "GetLogtailProfile"},
	{Method: "GET", Path: "/logstores/{logstore}/replication", Action: "GetLogStoreReplication"},
	{Method: "PUT", Path: "/logstores/{logstore}/replication", Action: "UpdateLogStoreReplication", Mutating: true},
	{Method: "PUT", Path: "/logstores/{logstore}/encryption", Action: "UpdateLogStoreEncryption", Mutating: true},
	{Method: "PUT", Path: "/logstores/{logstore}/processor", Action: "UpdateLogStoreProcessor", Mutating: true},
	{Method: "GET", Path: "/logstores/{logstore}/config", Action: "GetLogStoreConfig"},
	{Method: "PUT", Path: "/logstores/{logstore}/config", Action: "UpdateLogStoreConfig", Mutating: true},

	// 5.3: metric stores, sub-stores, store views, Prometheus paths
	{Method: "GET", Path: "/metricstores", Action: "ListMetricStores"},
	{Method: "POST", Path: "/metricstores", Action: "CreateMetricStore", Mutating: true},
	{Method: "GET", Path: "/metricstores/{name}", Action: "GetMetricStore"},
	{Method: "PUT", Path: "/metricstores/{name}", Action: "UpdateMetricStore", Mutating: true},
	{Method: "DELETE", Path: "/metricstores/{name}", Action: "DeleteMetricStore", Mutating: true},
	{Method: "GET", Path: "/metricstores/{name}/meteringmode", Action: "GetMetricStoreMeteringMode"},
	{Method: "PUT", Path: "/metricstores/{name}/meteringmode", Action: "UpdateMetricStoreMeteringMode", Mutating: true},
	{Method: "PUT", Path: "/metricstores/{name}/processor", Action: "UpdateMetricStoreProcessor", Mutating: true},
	{Method: "POST", Path: "/metricsconfigs", Action: "CreateMetricsConfig", Mutating: true},
	{Method: "GET", Path: "/metricsconfigs/{name}", Action: "GetMetricsConfig"},
	{Method: "PUT", Path: "/metricsconfigs/{name}", Action: "UpdateMetricsConfig", Mutating: true},
	{Method: "DELETE", Path: "/metricsconfigs/{name}", Action: "DeleteMetricsConfig", Mutating: true},
	{Method: "GET", Path: "/logstores/{logstore}/substores", Action: "ListSubStore"},
	{Method: "POST", Path: "/logstores/{logstore}/substores", Action: "CreateSubStore", Mutating: true},
	{Method: "GET", Path: "/logstores/{logstore}/substores/{name}", Action: "GetSubStore"},
	{Method: "PUT", Path: "/logstores/{logstore}/substores/{name}", Action: "UpdateSubStore", Mutating: true},
	{Method: "DELETE", Path: "/logstores/{logstore}/substores/{name}", Action: "DeleteSubStore", Mutating: true},
	{Method: "GET", Path: "/logstores/{logstore}/substores/storage/ttl", Action: "GetSubStoreTTL"},
	{Method: "PUT", Path: "/logstores/{logstore}/substores/storage/ttl", Action: "UpdateSubStoreTTL", Mutating: true},
	{Method: "GET", Path: "/storeviews", Action: "ListStoreViews"},
	{Method: "POST", Path: "/storeviews", Action: "CreateStoreView", Mutating: true},
	{Method: "GET", Path: "/storeviews/{name}", Action: "GetStoreView"},
	{Method: "PUT", Path: "/storeviews/{name}", Action: "UpdateStoreView", Mutating: true},
	{Method: "DELETE", Path: "/storeviews/{name}", Action: "DeleteStoreView", Mutating: true},
	{Method: "GET", Path: "/storeviews/{name}/index", Action: "GetStoreViewIndex"},
	{Method: "POST", Path: "/prometheus/{project}/{logstore}/api/v1/write", Host: OnAny, Action: "PrometheusWrite", Mutating: true},
	{Method: "GET", Path: "/prometheus/{project}/{logstore}/api/v1/query", Host: OnAny, Action: "PrometheusQuery"},
	{Method: "POST", Path: "/prometheus/{project}/{logstore}/api/v1/query", Host: OnAny, Action: "PrometheusQuery"},
	{Method: "GET", Path: "/prometheus/{project}/{logstore}/api/v1/query_range", Host: OnAny, Action: "PrometheusQueryRange"},
	{Method: "POST", Path: "/prometheus/{project}/{logstore}/api/v1/query_range", Host: OnAny, Action: "PrometheusQueryRange"},
	{Method: "GET", Path: "/prometheus/{project}/{logstore}/api/v1/labels", Host: OnAny, Action: "PrometheusLabels"},
	{Method: "POST", Path: "/prometheus/{project}/{logstore}/api/v1/labels", Host: OnAny, Action: "PrometheusLabels"},
	{Method: "GET", Path: "/prometheus/{project}/{logstore}/api/v1/label/{name}/values", Host: OnAny, Action: "PrometheusLabelValues"},
	{Method: "GET", Path: "/prometheus/{project}/{logstore}/api/v1/series", Host: OnAny, Action: "PrometheusSeries"},
	{Method: "POST", Path: "/prometheus/{project}/{logstore}/api/v1/series", Host: OnAny, Action: "PrometheusSeries"},
	{Method: "POST", Path: "/hostmetrics", Action: "PutHostMetrics", Mutating: true},

	// 5.10: queries
	{Method: "POST", Path: "/logstores/{logstore}/deletelogtasks", Action: "CreateDeleteLogsTask", Mutating: true},
	{Method: "GET", Path: "/logstores/{logstore}/deletelogtasks", Action: "ListDeleteLogsTasks"},
	{Method: "GET", Path: "/logstores/{logstore}/deletelogtasks/{id}", Action: "GetDeleteLogsTask"},
	{Method: "POST", Path: "/logstores/{logstore}/deletelogs", Action: "DeleteLogs", Mutating: true},
	{Method: "POST", Path: "/logstores/{logstore}/updatelogs", Action: "UpdateLogs", Mutating: true},
	{Method: "POST", Path: "/asyncsql", Action: "SubmitAsyncSQL"},
	{Method: "GET", Path: "/asyncsql/{id}", Action: "GetAsyncSQL"},
	{Method: "DELETE", Path: "/asyncsql/{id}", Action: "DeleteAsyncSQL"},
	{Method: "GET", Path: "/materializedviews", Action: "ListMaterializedViews"},
	{Method: "POST", Path: "/materializedviews", Action: "CreateMaterializedView", Mutating: true},
	{Method: "GET", Path: "/materializedviews/{name}", Action: "GetMaterializedView"},
	{Method: "PUT", Path: "/materializedviews/{name}", Action: "UpdateMaterializedView", Mutating: true},
	{Method: "DELETE", Path: "/materializedviews/{name}", Action: "DeleteMaterializedView", Mutating: true},
	{Method: "GET", Path: "/sqlinstance", Action: "GetSQLInstance"},
	{Method: "POST", Path: "/sqlinstance", Action: "CreateSQLInstance", Mutating: true},
	{Method: "PUT", Path: "/sqlinstance", Action: "UpdateSQLInstance", Mutating: true},

	// 5.11: objects
	{Method: "GET", Path: "/logstores/{logstore}/objects", Action: "ListObjects"},
	{Method: "PUT", Path: "/logstores/{logstore}/objects/{name}", Action: "PutObject", Mutating: true},
	{Method: "GET", Path: "/logstores/{logstore}/objects/{name}", Action: "GetObject"},

	// 5.12: groups of a whole project
	{Method: "GET", Path: "/consumergroups", Action: "ListProjectConsumerGroups"},
	{Method: "POST", Path: "/consumergroups", Action: "CreateProjectConsumerGroup", Mutating: true},
	{Method: "DELETE", Path: "/consumergroups/{name}", Action: "DeleteProjectConsumerGroup", Mutating: true},

	// 5.13, 5.14: machine groups, collection configurations and where they apply
	{Method: "GET", Path: "/machinegroups", Action: "ListMachineGroup"},
	{Method: "POST", Path: "/machinegroups", Action: "CreateMachineGroup", Mutating: true},
	{Method: "GET", Path: "/machinegroups/{name}", Action: "GetMachineGroup"},
	{Method: "PUT", Path: "/machinegroups/{name}", Action: "UpdateMachineGroup", Mutating: true},
	{Method: "DELETE", Path: "/machinegroups/{name}", Action: "DeleteMachineGroup", Mutating: true},
	{Method: "GET", Path: "/machinegroups/{name}/machines", Action: "ListMachines"},
	{Method: "PUT", Path: "/machinegroups/{name}/machines", Action: "UpdateMachineGroupMachine", Mutating: true},
	{Method: "POST", Path: "/machinegroups/{name}/approve", Action: "ApproveMachineGroup", Mutating: true},
	{Method: "GET", Path: "/machinegroups/{name}/configs", Action: "GetAppliedConfigs"},
	{Method: "PUT", Path: "/machinegroups/{name}/configs/{config}", Action: "ApplyConfigToMachineGroup", Mutating: true},
	{Method: "DELETE", Path: "/machinegroups/{name}/configs/{config}", Action: "RemoveConfigFromMachineGroup", Mutating: true},
	{Method: "POST", Path: "/configs", Action: "CreateConfig", Mutating: true},
	{Method: "GET", Path: "/configs/{name}", Action: "GetConfig"},
	{Method: "PUT", Path: "/configs/{name}", Action: "UpdateConfig", Mutating: true},
	{Method: "DELETE", Path: "/configs/{name}", Action: "DeleteConfig", Mutating: true},
	{Method: "GET", Path: "/configs/{name}/machinegroups", Action: "GetAppliedMachineGroups"},
	{Method: "GET", Path: "/pipelineconfigs", Action: "ListLogtailPipelineConfig"},
	{Method: "POST", Path: "/pipelineconfigs", Action: "CreateLogtailPipelineConfig", Mutating: true},
	{Method: "GET", Path: "/pipelineconfigs/{name}", Action: "GetLogtailPipelineConfig"},
	{Method: "PUT", Path: "/pipelineconfigs/{name}", Action: "UpdateLogtailPipelineConfig", Mutating: true},
	{Method: "DELETE", Path: "/pipelineconfigs/{name}", Action: "DeleteLogtailPipelineConfig", Mutating: true},
	{Method: "GET", Path: "/agentinstanceconfigs", Action: "ListAgentInstanceConfigs"},
	{Method: "POST", Path: "/agentinstanceconfigs", Action: "CreateAgentInstanceConfig", Mutating: true},
	{Method: "GET", Path: "/collectionpolicy", Action: "ListCollectionPolicies"},
	{Method: "POST", Path: "/collectionpolicy", Action: "UpsertCollectionPolicy", Mutating: true},

	// 5.15: saved searches and dashboards
	{Method: "GET", Path: "/savedsearches", Action: "ListSavedSearch"},
	{Method: "POST", Path: "/savedsearches", Action: "CreateSavedSearch", Mutating: true},
	{Method: "GET", Path: "/savedsearches/{name}", Action: "GetSavedSearch"},
	{Method: "PUT", Path: "/savedsearches/{name}", Action: "UpdateSavedSearch", Mutating: true},
	{Method: "DELETE", Path: "/savedsearches/{name}", Action: "DeleteSavedSearch", Mutating: true},
	{Method: "GET", Path: "/dashboards", Action: "ListDashboard"},
	{Method: "POST", Path: "/dashboards", Action: "CreateDashboard", Mutating: true},
	{Method: "GET", Path: "/dashboards/{name}", Action: "GetDashboard"},
	{Method: "PUT", Path: "/dashboards/{name}", Action: "UpdateDashboard", Mutating: true},
	{Method: "DELETE", Path: "/dashboards/{name}", Action: "DeleteDashboard", Mutating: true},
	{Method: "POST", Path: "/dashboards/{name}/charts", Action: "CreateChart", Mutating: true},
	{Method: "GET", Path: "/dashboards/{name}/charts/{chart}", Action: "GetChart"},
	{Method: "PUT", Path: "/dashboards/{name}/charts/{chart}", Action: "UpdateChart", Mutating: true},
	{Method: "DELETE", Path: "/dashboards/{name}/charts/{chart}", Action: "DeleteChart", Mutating: true},

	// 5.16: jobs
	{Method: "GET", Path: "/jobs/{name}/jobinstances", Action: "ListJobInstances"},
	{Method: "GET", Path: "/jobs/{name}/jobinstances/{id}", Action: "GetJobInstance"},
	{Method: "PUT", Path: "/jobs/{name}/jobinstances/{id}", Action: "ModifyJobInstanceState", Mutating: true},
	{Method: "GET", Path: "/jobschedules", Action: "ListJobSchedules"},
	{Method: "GET", Path: "/jobschedules/{name}", Action: "GetJobSchedule"},

	// 5.18: external stores
	{Method: "GET", Path: "/externalstores", Action: "ListExternalStore"},
	{Method: "POST", Path: "/externalstores", Action: "CreateExternalStore", Mutating: true},
	{Method: "GET", Path: "/externalstores/{name}", Action: "GetExternalStore"},
	{Method: "PUT", Path: "/externalstores/{name}", Action: "UpdateExternalStore", Mutating: true},
	{Method: "DELETE", Path: "/externalstores/{name}", Action: "DeleteExternalStore", Mutating: true},

	// 5.19, 5.20: resources, their records, topology
	{Method: "GET", Path: "/resources", Host: OnAny, Action: "ListResources"},
	{Method: "POST", Path: "/resources", Host: OnAny, Action: "CreateResource", Mutating: true},
	{Method: "GET", Path: "/resources/{name}", Host: OnAny, Action: "GetResource"},
	{Method: "PUT", Path: "/resources/{name}", Host: OnAny, Action: "UpdateResource", Mutating: true},
	{Method: "DELETE", Path: "/resources/{name}", Host: OnAny, Action: "DeleteResource", Mutating: true},
	{Method: "GET", Path: "/resources/{name}/records", Host: OnAny, Action: "ListResourceRecords"},
	{Method: "POST", Path: "/resources/{name}/records", Host: OnAny, Action: "CreateResourceRecord", Mutating: true},
	{Method: "PUT", Path: "/resources/{name}/records", Host: OnAny, Action: "UpsertResourceRecord", Mutating: true},
	{Method: "DELETE", Path: "/resources/{name}/records", Host: OnAny, Action: "DeleteResourceRecord", Mutating: true},
	{Method: "GET", Path: "/resources/{name}/records/{id}", Host: OnAny, Action: "GetResourceRecord"},
	{Method: "PUT", Path: "/resources/{name}/records/{id}", Host: OnAny, Action: "UpdateResourceRecord", Mutating: true},
	{Method: "POST", Path: "/event/alerthub", Host: OnAny, Action: "PublishAlertEvent", Mutating: true},
	{Method: "GET", Path: "/topostores", Host: OnAny, Action: "ListTopostore"},
	{Method: "POST", Path: "/topostores", Host: OnAny, Action: "CreateTopostore", Mutating: true},
	{Method: "GET", Path: "/topostores/{name}", Host: OnAny, Action: "GetTopostore"},
	{Method: "PUT", Path: "/topostores/{name}", Host: OnAny, Action: "UpdateTopostore", Mutating: true},
	{Method: "DELETE", Path: "/topostores/{name}", Host: OnAny, Action: "DeleteTopostore", Mutating: true},

	// 5.21: function-compute jobs
	{Method: "GET", Path: "/etljobs", Action: "ListEtlJob"},
	{Method: "POST", Path: "/etljobs", Action: "CreateEtlJob", Mutating: true},
	{Method: "GET", Path: "/etlmetas", Action: "ListEtlMeta"},
	{Method: "POST", Path: "/etlmetas", Action: "CreateEtlMeta", Mutating: true},
	{Method: "GET", Path: "/etlmetanames", Action: "ListEtlMetaName"},

	// 5.22: typed resources of the 2020-12-30 API
	{Method: "GET", Path: "/alerts", Action: "ListAlerts"},
	{Method: "POST", Path: "/alerts", Action: "CreateAlert", Mutating: true},
	{Method: "GET", Path: "/etls", Action: "ListETLs"},
	{Method: "POST", Path: "/etls", Action: "CreateETL", Mutating: true},
	{Method: "GET", Path: "/scheduledsqls", Action: "ListScheduledSQLs"},
	{Method: "POST", Path: "/scheduledsqls", Action: "CreateScheduledSQL", Mutating: true},
	{Method: "GET", Path: "/scheduledsqls/{name}", Action: "GetScheduledSQL"},
	{Method: "PUT", Path: "/scheduledsqls/{name}", Action: "UpdateScheduledSQL", Mutating: true},
	{Method: "DELETE", Path: "/scheduledsqls/{name}", Action: "DeleteScheduledSQL", Mutating: true},
	{Method: "GET", Path: "/ossingestions", Action: "ListOSSIngestions"},
	{Method: "POST", Path: "/ossingestions", Action: "CreateOSSIngestion", Mutating: true},
	{Method: "GET", Path: "/consumeprocessors", Action: "ListConsumeProcessors"},
	{Method: "GET", Path: "/ingestprocessors", Action: "ListIngestProcessors"},
})

// unsupported completes rows that differ only in address and name.
func unsupported(routes []Route) []Route {
	for i := range routes {
		route := &routes[i]
		route.Resource = "project"
		if route.Host == OnBare {
			route.Resource = "account"
		}
		route.handle = func(*API, *request) error {
			return sluice.Errorf(sluice.Unsupported, "action", "action %s is not supported by this server", route.Action)
		}
	}
	return routes
}
