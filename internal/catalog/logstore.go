package catalog

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Limits of a logstore (reference sls-api 5.2 and 7).
const (
	maxTTLDays      = 3650 // for ever
	minHotTTLDays   = 7
	maxSplitShards  = 256
	maxCreateShards = 100

	maxLogstoreShards = 4096 // of all states, unless the options say another number
)

var logstoreName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,61}[a-z0-9]$`)

// LogstoreFilter chooses logstores of a project. Empty fields choose all; a Size of 0 means 500.
type LogstoreFilter struct {
	Name          string // part of the name
	TelemetryType string // None chooses those that have none
	Mode          string
	Offset, Size  int
}

func (f LogstoreFilter) match(l meta.Logstore) bool {
	return strings.Contains(l.Name, f.Name) &&
		(f.TelemetryType == "" || telemetry(f.TelemetryType) == telemetry(l.TelemetryType)) &&
		(f.Mode == "" || f.Mode == l.Mode)
}

// telemetry makes the two ways to say "none" one.
func telemetry(t string) string {
	if t == "None" {
		return ""
	}
	return t
}

// CreateLogstore makes a logstore with shardCount shards that divide the key space evenly. An empty Mode becomes standard. On an
// Unavailable error the logstore is there, but its logs could not be opened yet.
func (c *Catalog) CreateLogstore(ctx context.Context, l meta.Logstore, shardCount int) error {
	if err := c.mayChange(l.Project); err != nil {
		return err
	}
	if l.Mode == "" {
		l.Mode = "standard"
	}
	if err := checkLogstore(l); err != nil {
		return err
	}
	if shardCount < 1 || shardCount > maxCreateShards {
		return invalid("logstore-info", "shardCount must be within range [1, %d]", maxCreateShards)
	}
	now := c.o.Now()
	l.Created, l.Modified = now, now
	l.ShardCount, l.NextShard = shardCount, sluice.ShardID(shardCount)
	err := c.store.Update(ctx, func(tx meta.Tx) error {
		if err := c.checkRoom(tx, l.Project, shardCount); err != nil {
			return err
		}
		if err := tx.CreateLogstore(l); err != nil {
			return err
		}
		_, err := createShards(tx, l, 0, wholeSpace.divide(shardCount), nil, now, sluice.Position(now.UnixNano()))
		return err
	})
	if err != nil {
		return err
	}
	_, err = c.Logstore(ctx, l.Ref()) // opens the logs
	return err
}

// checkRoom returns the quota error if project cannot take one more logstore with so many shards.
func (c *Catalog) checkRoom(tx meta.Tx, project string, shards int) error {
	n, err := tx.CountLogstores(project)
	if err != nil {
		return err
	}
	if n >= c.o.MaxLogstoresPerProject {
		return overQuota("project %s has %d logstores, the quota is %d", project, n, c.o.MaxLogstoresPerProject)
	}
	return c.checkShardRoom(tx, project, shards)
}

// checkShardRoom returns the quota error if project cannot take so many more read-write shards.
func (c *Catalog) checkShardRoom(tx meta.Tx, project string, more int) error {
	n, err := tx.CountShards(project)
	if err != nil {
		return err
	}
	if n+more > c.o.MaxShardsPerProject {
		return overQuota("project %s has %d readwrite shards, %d more are over the quota of %d", project, n, more, c.o.MaxShardsPerProject)
	}
	return nil
}

// createShards makes a shard for each range, numbered from first on, with bases that grow from base on.
func createShards(tx meta.Tx, l meta.Logstore, first sluice.ShardID, ranges []keyRange, parents []sluice.ShardID,
	now time.Time, base sluice.Position,
) ([]meta.Shard, error) {
	made := make([]meta.Shard, len(ranges))
	for i, r := range ranges {
		s, err := tx.CreateShard(meta.Shard{
			Project: l.Project, Logstore: l.Name, ID: first + sluice.ShardID(i), Base: base + sluice.Position(i),
			Begin: r.begin, End: r.end, Parents: parents, Created: now,
		})
		if err != nil {
			return nil, err
		}
		made[i] = s
	}
	return made, nil
}

func checkLogstore(l meta.Logstore) error {
	const noun = "logstore-info"
	switch {
	case !logstoreName.MatchString(l.Name):
		return invalid(noun, "logstore name %s is invalid: it is 2 to 63 lower-case letters, digits, - and _, with a letter or digit at both ends", l.Name)
	case l.TTLDays < 1 || l.TTLDays > maxTTLDays:
		return invalid(noun, "ttl must be within range [1, %d]", maxTTLDays)
	case l.MaxSplitShard > maxSplitShards, l.MaxSplitShard < 0, l.AutoSplit && l.MaxSplitShard < 1:
		return invalid(noun, "maxSplitShard must be within range [1, %d]", maxSplitShards)
	case l.HotTTLDays != 0 && (l.HotTTLDays < minHotTTLDays || l.HotTTLDays > l.TTLDays):
		return invalid(noun, "hot_ttl must be within range [%d, ttl]", minHotTTLDays)
	case l.InfrequentTTLDays < 0 || l.InfrequentTTLDays > maxTTLDays:
		return invalid(noun, "infrequentAccessTTL must be within range [0, %d]", maxTTLDays)
	}
	switch telemetry(l.TelemetryType) {
	case "", "Metrics", "Event":
	default:
		return invalid(noun, "telemetryType %q is not one of None, Metrics, Event", l.TelemetryType)
	}
	switch l.Mode {
	case "standard", "query", "lite":
		return nil
	}
	return invalid(noun, "mode %q is not one of standard, query, lite", l.Mode)
}

// Logstores returns one page of the names of a project's logstores that f chooses, sorted, and how many it chooses in all.
func (c *Catalog) Logstores(ctx context.Context, project string, f LogstoreFilter) (names []string, total int, err error) {
	chosen := []string{}
	err = c.store.View(ctx, func(tx meta.Tx) error {
		if f.TelemetryType == "" && f.Mode == "" { // names alone are read in a tenth of the time
			names, err := tx.LogstoreNames(project)
			for _, name := range names {
				if strings.Contains(name, f.Name) {
					chosen = append(chosen, name)
				}
			}
			return err
		}
		all, err := tx.Logstores(project)
		for _, l := range all {
			if f.match(l) {
				chosen = append(chosen, l.Name)
			}
		}
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	names, err = cutPage(chosen, f.Offset, f.Size)
	return names, len(chosen), err
}

// UpdateLogstore applies change to a logstore. Names, shard counts and times are not change's to set: shards change by split
// and merge only, and clients echo the count they read.
func (c *Catalog) UpdateLogstore(ctx context.Context, ref sluice.LogstoreRef, change func(*meta.Logstore) error) error {
	if err := c.mayChange(ref.Project); err != nil {
		return err
	}
	return c.store.Update(ctx, func(tx meta.Tx) error {
		old, err := tx.Logstore(ref)
		if err != nil {
			return err
		}
		l := old
		if err := change(&l); err != nil {
			return err
		}
		l.Project, l.Name, l.ShardCount, l.NextShard = old.Project, old.Name, old.ShardCount, old.NextShard
		l.Created, l.Modified = old.Created, c.o.Now()
		if telemetry(l.TelemetryType) != telemetry(old.TelemetryType) {
			return invalid("logstore-info", "telemetryType can not be changed")
		}
		if old.Modifiable && !l.Modifiable {
			return invalid("logstore-info", "enableModify can not be changed back to false")
		}
		if err := checkLogstore(l); err != nil {
			return err
		}
		return tx.UpdateLogstore(l)
	})
}

// DeleteLogstore removes a logstore with its logs.
func (c *Catalog) DeleteLogstore(ctx context.Context, ref sluice.LogstoreRef) error {
	if err := c.mayChange(ref.Project); err != nil {
		return err
	}
	var gone []meta.Shard
	err := c.store.Update(ctx, func(tx meta.Tx) (err error) {
		if gone, err = tx.Shards(ref); err != nil {
			return err
		}
		return tx.DeleteLogstore(ref)
	})
	if err != nil {
		return err
	}
	c.dropLogs(gone)
	return nil
}
