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
		logstoreRoutes,
		shardRoutes,
		cursorRoutes,
		putLogsRoutes,
		pullLogsRoutes,
		getLogsRoutes,
		projectLogsRoutes,
		histogramRoutes,
		contextRoutes,
		tailLogsRoutes,
		explainLogsRoutes,
		trackingRoutes,
		consumerGroupRoutes,
		indexRoutes,
		indexRebuildRoutes,
		indexSegmentRoutes,
		machineGroupRoutes,
		configRoutes,
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
		keyRoutes,
		keyLimitRoutes,
		backupRoutes,
		accountRoutes,
		trailRoutes,
		unsupportedRoutes,
	)
	for i := range routes {
		routes[i].Permission = cmp.Or(routes[i].Permission, "log:"+routes[i].Action)
	}
	return routes
}
