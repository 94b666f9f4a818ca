package delivery

import (
	"encoding/json"
	"fmt"

	"github.com/sluicelog/sluice/internal/meta"
)

// Counters say what came of the logs of a task in a shard, since it first went online.
type Counters struct {
	Read         int64 `json:"read"` // logs before the point, and those in flight
	Delivered    int64 `json:"delivered,omitempty"`
	Filtered     int64 `json:"filtered,omitempty"`     // not chosen by the filter
	Sampled      int64 `json:"sampled,omitempty"`      // chosen, and not in the sample
	DeadLettered int64 `json:"deadLettered,omitempty"` // refused for good
	Expired      int64 `json:"expired,omitempty"`      // read, and then taken by retention before they could be delivered
	Skipped      int64 `json:"skipped,omitempty"`      // read, and then given up by somebody who skipped to now
	InFlight     int64 `json:"inFlight,omitempty"`     // of the batch that may have been sent

	Bytes   int64 `json:"bytes,omitempty"` // delivered, encoded
	Batches int64 `json:"batches,omitempty"`
	Retries int64 `json:"retries,omitempty"`

	// Log groups that were never read, so that nobody can say how many logs they held.
	ExpiredGroups int64 `json:"expiredGroups,omitempty"` // taken by retention
	DamagedGroups int64 `json:"damagedGroups,omitempty"` // cannot be read from disk
	SkippedGroups int64 `json:"skippedGroups,omitempty"` // given up by somebody who skipped to now
}

// Unbalanced is 0: the logs read of which it is not known what came of them.
func (c *Counters) Unbalanced() int64 {
	return c.Read - c.Delivered - c.Filtered - c.Sampled - c.DeadLettered - c.Expired - c.Skipped - c.InFlight
}

// Add adds d.
func (c *Counters) Add(d *Counters) {
	c.Read += d.Read
	c.Delivered += d.Delivered
	c.Filtered += d.Filtered
	c.Sampled += d.Sampled
	c.DeadLettered += d.DeadLettered
	c.Expired += d.Expired
	c.Skipped += d.Skipped
	c.InFlight += d.InFlight
	c.Bytes += d.Bytes
	c.Batches += d.Batches
	c.Retries += d.Retries
	c.ExpiredGroups += d.ExpiredGroups
	c.DamagedGroups += d.DamagedGroups
	c.SkippedGroups += d.SkippedGroups
}

func (c *Counters) encode() json.RawMessage {
	raw, err := json.Marshal(c)
	if err != nil {
		panic(err) // numbers alone
	}
	return raw
}

func readCounters(p meta.DeliveryPoint) (c Counters, err error) {
	if len(p.Counters) == 0 {
		return c, nil
	}
	if err := json.Unmarshal(p.Counters, &c); err != nil {
		return c, fmt.Errorf("the counters of delivery task %s/%s in shard %v: %w", p.Project, p.Task, p.Shard, err)
	}
	return c, nil
}
