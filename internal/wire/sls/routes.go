package sls

import "slices"

// Routes is the table of all actions. No two rows answer the same request.
func Routes() []Route {
	return slices.Concat(
		projectRoutes,
		logstoreRoutes,
		shardRoutes,
		cursorRoutes,
		putLogsRoutes,
		pullLogsRoutes,
		trackingRoutes,
		consumerGroupRoutes,
		indexRoutes,
		keyRoutes,
		unsupportedRoutes,
	)
}
