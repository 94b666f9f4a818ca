package sls

import "github.com/sluicelog/sluice"

// unsupportedRoutes are the actions of the reference (sls-api section 5) that nothing here serves yet. They are known by
// name, so that whoever calls one learns which action is missing and not that a path is wrong.
//
// Behavior: once signed and permitted, 400 NotSupported with the name of the action. 501 would be the word of HTTP, but
// clients repeat everything from 500 on for up to 90 seconds.
var unsupportedRoutes = unsupported([]Route{
	// 5.1: what projects have besides themselves
	{Method: "GET", Path: "/transferacceleration", Action: "GetTransferAcceleration"},
	{Method: "PUT", Path: "/transferacceleration", Action: "PutTransferAcceleration", Mutating: true},
	{Method: "GET", Path: "/direct_mode_ip", Action: "GetDirectModeIP"},

	// 5.2: newer features of logstores
	{Method: "DELETE", Path: "/logstores/{logstore}/storage", Action: "ClearLogStoreStorage", Mutating: true},
	{Method: "GET", Path: "/logstores/{logstore}/replication", Action: "GetLogStoreReplication"},
	{Method: "PUT", Path: "/logstores/{logstore}/replication", Action: "UpdateLogStoreReplication", Mutating: true},
	{Method: "PUT", Path: "/logstores/{logstore}/encryption", Action: "UpdateLogStoreEncryption", Mutating: true},
	{Method: "PUT", Path: "/logstores/{logstore}/processor", Action: "UpdateLogStoreProcessor", Mutating: true},
	{Method: "GET", Path: "/logstores/{logstore}/config", Action: "GetLogStoreConfig"},
	{Method: "PUT", Path: "/logstores/{logstore}/config", Action: "UpdateLogStoreConfig", Mutating: true},

	// 5.3: metric stores, sub-stores, store views, Prometheus paths
	{Method: "PUT", Path: "/metricstores/{name}/processor", Action: "UpdateMetricStoreProcessor", Mutating: true},
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
	{Method: "GET", Path: "/materializedviews", Action: "ListMaterializedViews"},
	{Method: "POST", Path: "/materializedviews", Action: "CreateMaterializedView", Mutating: true},
	{Method: "GET", Path: "/materializedviews/{name}", Action: "GetMaterializedView"},
	{Method: "PUT", Path: "/materializedviews/{name}", Action: "UpdateMaterializedView", Mutating: true},
	{Method: "DELETE", Path: "/materializedviews/{name}", Action: "DeleteMaterializedView", Mutating: true},

	// 5.12: groups of a whole project
	{Method: "GET", Path: "/consumergroups", Action: "ListProjectConsumerGroups"},
	{Method: "POST", Path: "/consumergroups", Action: "CreateProjectConsumerGroup", Mutating: true},
	{Method: "DELETE", Path: "/consumergroups/{name}", Action: "DeleteProjectConsumerGroup", Mutating: true},

	// 5.13, 5.14: machine groups, collection configurations and where they apply
	{Method: "POST", Path: "/machinegroups/{name}/approve", Action: "ApproveMachineGroup", Mutating: true},
	{Method: "GET", Path: "/agentinstanceconfigs", Action: "ListAgentInstanceConfigs"},
	{Method: "POST", Path: "/agentinstanceconfigs", Action: "CreateAgentInstanceConfig", Mutating: true},

	// 5.15: saved searches and dashboards

	// 5.16: jobs
	{Method: "GET", Path: "/jobschedules", Action: "ListJobSchedules"},
	{Method: "GET", Path: "/jobschedules/{name}", Action: "GetJobSchedule"},

	// 5.18: external stores

	// 5.19, 5.20: resources, their records, topology
	{Method: "POST", Path: "/event/alerthub", Host: OnAny, Action: "PublishAlertEvent", Mutating: true},

	// 5.21: function-compute jobs
	{Method: "GET", Path: "/etlmetas", Action: "ListEtlMeta"},
	{Method: "POST", Path: "/etlmetas", Action: "CreateEtlMeta", Mutating: true},
	{Method: "GET", Path: "/etlmetanames", Action: "ListEtlMetaName"},

	// 5.22: typed resources of the 2020-12-30 API
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
