package ingest

import (
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/quota"
)

// admit asks the write quotas and charges them.
func (d *Door) admit(project string, s *catalog.Shard, raw int) error {
	switch d.projects.Check(project) {
	case quota.OverBytes:
		return throttled("project-write", "Inflow Quota Exceed: project %s", project)
	case quota.OverRequests:
		return throttled("project-write", "Write QPS Exceed: project %s", project)
	}
	switch d.shards.Check(s.Log) {
	case quota.OverBytes:
		return throttled("shard-write", "Inflow Quota Exceed: shard %v", s.ID)
	case quota.OverRequests:
		return throttled("shard-write", "Write QPS Exceed: shard %v", s.ID)
	}
	d.projects.Charge(project, 1, int64(raw))
	d.shards.Charge(s.Log, 1, int64(raw))
	return nil
}

// ReadQuota limits pulls. It is safe for concurrent use.
type ReadQuota struct {
	shards   *quota.Limiter[sluice.LogID]
	projects *quota.Limiter[string]
}

// NewReadQuota makes the limits of one shard and of one project; now is the clock.
func NewReadQuota(perShard, perProject quota.Rate, now func() time.Time) *ReadQuota {
	return &ReadQuota{quota.New[sluice.LogID](perShard, now), quota.New[string](perProject, now)}
}

// Admit counts one pull, or returns the Throttled error to send.
func (q *ReadQuota) Admit(project string, log sluice.LogID) error {
	switch q.projects.Check(project) {
	case quota.OverBytes:
		return throttled("project-read", "Outflow Quota Exceed: project %s", project)
	case quota.OverRequests:
		return throttled("project-read", "Read QPS Exceed: project %s", project)
	}
	switch q.shards.Check(log) {
	case quota.OverBytes:
		return throttled("shard-read", "Outflow Quota Exceed")
	case quota.OverRequests:
		return throttled("shard-read", "Read QPS Exceed")
	}
	q.projects.Charge(project, 1, 0)
	q.shards.Charge(log, 1, 0)
	return nil
}

// Charge counts the raw bytes that a pull returned; later pulls wait for them.
func (q *ReadQuota) Charge(project string, log sluice.LogID, raw int) {
	q.projects.Charge(project, 0, int64(raw))
	q.shards.Charge(log, 0, int64(raw))
}

func throttled(noun, format string, args ...any) error {
	return sluice.Errorf(sluice.Throttled, noun, format, args...)
}
