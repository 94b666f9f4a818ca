package pop

import (
	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/trail/trails"
)

// GetTrailStatus: whether a trail logs, and how its deliveries fare. An error stays until the next delivery succeeds; it is the code of the destination.

// DescribeRegions, GetGlobalEventsStorageRegion, UpdateGlobalEventsStorageRegion: the region of this server.
//
// Differs: there is one region, and events of global services are stored in it.

var auditRegions = []action{
	audit("DescribeRegions", false, (*API).describeRegionsOfTrails, "*"),
	oldAudit(audit("DescribeRegions", false, (*API).describeRegionsOfTrails, "*")),
	audit("GetGlobalEventsStorageRegion", false, (*API).getGlobalRegion, "*"),
	audit("UpdateGlobalEventsStorageRegion", true, (*API).updateGlobalRegion, "*"),
}

// EnableInsight, DescribeResourceLifeCycleEvents, DescribeUserLogCount, DescribeUserAlertCount: helpers of a console and of insights.
//
// Differs: UnsupportedOperation. Histograms and SQL over the logstore of a trail count events.

var auditUnserved = []action{
	audit("EnableInsight", true, notOfTrails, "*"),
	audit("DescribeResourceLifeCycleEvents", false, notOfTrails, "*"),
	audit("DescribeUserLogCount", false, notOfTrails, "*"),
	audit("DescribeUserAlertCount", false, notOfTrails, "*"),
}

func notOfTrails(_ *API, q *request) (any, error) {
	return nil, sluice.Errorf(sluice.Unsupported, "action", "%s is not served here: look events up, or search the logstore of a trail", q.action.name)
}

// trailStatus is how a trail fares. Times and errors that there are not are left out.
type trailStatus struct {
	IsLogging                         bool
	StartLoggingTime, StopLoggingTime string `json:",omitempty"`

	OssBucketStatus     bool
	LatestDeliveryTime  string `json:",omitempty"`
	LatestDeliveryError string `json:",omitempty"`

	SlsLogStoreStatus             bool
	LatestDeliveryLogServiceTime  string `json:",omitempty"`
	LatestDeliveryLogServiceError string `json:",omitempty"`
}

func (a *API) getTrailStatus(q *request) (any, error) {
	key, err := q.trailKey(paramTrail)
	if err != nil {
		return nil, err
	}
	s, err := a.Trails.Status(q.r.Context(), key)
	if err != nil {
		return nil, err
	}
	return newTrailStatus(&s), nil
}

func newTrailStatus(s *trails.Status) trailStatus {
	return trailStatus{
		IsLogging: s.Logging, StartLoggingTime: dated(s.Since), StopLoggingTime: dated(s.Until),
		OssBucketStatus: s.Bucket != "" && s.OfBucket.Error == "", LatestDeliveryTime: dated(s.OfBucket.Delivered), LatestDeliveryError: s.OfBucket.Error,
		SlsLogStoreStatus: s.Project != "" && s.OfLogstore.Error == "", LatestDeliveryLogServiceTime: dated(s.OfLogstore.Delivered),
		LatestDeliveryLogServiceError: s.OfLogstore.Error,
	}
}

func (a *API) describeRegionsOfTrails(q *request) (any, error) {
	type region struct{ RegionId, RegionEndpoint, LocalName string } //nolint:revive // as clients spell it
	type regions struct{ Region []region }
	name := a.Trails.Region()
	return struct{ Regions regions }{regions{[]region{{name, q.r.Host, name}}}}, nil
}

type storageRegion struct{ StorageRegion string }

func (a *API) getGlobalRegion(*request) (any, error) { return storageRegion{a.Trails.Region()}, nil }

func (a *API) updateGlobalRegion(q *request) (any, error) {
	name, err := q.text("StorageRegion")
	if err == nil && name != a.Trails.Region() {
		err = invalid("StorageRegion", "%.80q is not the region of this server, which is %s", name, a.Trails.Region())
	}
	return nil, err
}
