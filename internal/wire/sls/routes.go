package sls

import (
	"cmp"
	"slices"
)

// Routes is the table of all actions. No two rows answer the same request.
func Routes() []Route {
	routes := slices.Concat(
		projectRoutes,
		projectPolicyRoutes,
		resourcePolicyRoutes,
		logstoreRoutes,
		shardRoutes,
		cursorRoutes,
		putLogsRoutes,
		pullLogsRoutes,
		getLogsRoutes,
		projectLogsRoutes,
		asyncSQLRoutes,
		sqlInstanceRoutes,
		histogramRoutes,
		contextRoutes,
		amendRoutes,
		tailLogsRoutes,
		explainLogsRoutes,
		trackingRoutes,
		consumerGroupRoutes,
		objectRoutes,
		indexRoutes,
		indexRebuildRoutes,
		indexSegmentRoutes,
		machineGroupRoutes,
		configRoutes,
		collectionPolicyRoutes,
		dashboardRoutes,
		externalStoreRoutes,
		storeViewRoutes,
		subStoreRoutes,
		tagRoutes,
		projectSettingRoutes,
		domainRoutes,
		resourceRoutes,
		topoStoreRoutes,
		etlJobRoutes,
		shipperRoutes,
		jobRoutes,
		typedJobRoutes,
		deliveryRoutes,
		importRoutes,
		keyRoutes,
		keyLimitRoutes,
		backupRoutes,
		accountRoutes,
		trailRoutes,
		unsupportedRoutes,
	)
	for i := range routes {
		routes[i].Permission = cmp.Or(routes[i].Permission, "log:"+routes[i].Action)
		routes[i].twin = twins[routes[i].Action]
	}
	return routes
}

// twins are the permissions of actions on logstores that there are for metric stores, too, which are logstores, and the other way round.
var twins = both(map[string]string{
	"GetLogStore":                "GetMetricStore",
	"UpdateLogStore":             "UpdateMetricStore",
	"DeleteLogStore":             "DeleteMetricStore",
	"GetLogStoreMeteringMode":    "GetMetricStoreMeteringMode",
	"UpdateLogStoreMeteringMode": "UpdateMetricStoreMeteringMode",
})

func both(pairs map[string]string) map[string]string {
	all := map[string]string{}
	for one, other := range pairs {
		all[one], all[other] = "log:"+other, "log:"+one
	}
	return all
}
