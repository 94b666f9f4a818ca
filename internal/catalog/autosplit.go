package catalog

import (
	"context"
	"time"

	"github.com/sluicelog/sluice"
)

// splitSamples is how often the load is looked at during Options.SplitAfter.
const splitSamples = 10

// splitter watches the write rate of shards and splits those that were over a threshold for Options.SplitAfter. A round that
// finds a shard under both thresholds starts its time anew.
type splitter struct {
	c       *Catalog
	samples map[sluice.LogID]sample // of the last round
}

type sample struct {
	at          time.Time
	raw, writes int64
	busySince   time.Time // zero when the last round found the shard under the thresholds
}

func newSplitter(c *Catalog) *splitter {
	return &splitter{c: c, samples: map[sluice.LogID]sample{}}
}

// round looks at every shard once.
func (sp *splitter) round(ctx context.Context) {
	last := sp.samples
	sp.samples = make(map[sluice.LogID]sample, len(last))
	sp.c.eachLogstore(ctx, func(l *Logstore) {
		if !l.AutoSplit {
			return
		}
		writable := l.Writable()
		for _, s := range l.writable {
			now := sp.look(s, last[s.Log])
			sp.samples[s.Log] = now
			if now.busySince.IsZero() || now.at.Sub(now.busySince) < sp.c.o.SplitAfter || writable >= l.MaxSplitShard {
				continue
			}
			if sp.split(ctx, s) {
				writable++
			}
		}
	})
}

// look takes a sample of s and compares it with the one before; the zero sample stands for none.
func (sp *splitter) look(s *Shard, before sample) sample {
	now := sample{at: sp.c.o.Now(), busySince: before.busySince}
	now.raw, now.writes = s.Traffic.Totals()
	took := now.at.Sub(before.at)
	if before.at.IsZero() || took <= 0 {
		now.busySince = time.Time{}
		return now
	}
	bytes, writes := float64(now.raw-before.raw)/took.Seconds(), float64(now.writes-before.writes)/took.Seconds()
	switch {
	case bytes < float64(sp.c.o.SplitBytesPerSecond) && writes < float64(sp.c.o.SplitWritesPerSecond):
		now.busySince = time.Time{}
	case before.busySince.IsZero():
		now.busySince = before.at
	}
	return now
}

func (sp *splitter) split(ctx context.Context, s *Shard) bool {
	c, ref := sp.c, sluice.LogstoreRef{Project: s.Project, Logstore: s.Logstore}
	made, err := c.Split(ctx, ref, s.ID, nil, 2)
	if err != nil {
		c.log.Warn("automatic split failed", "project", s.Project, "logstore", s.Logstore, "shard", s.ID, "error", err)
		return false
	}
	c.log.Info("busy shard split", "project", s.Project, "logstore", s.Logstore, "shard", s.ID,
		"children", []sluice.ShardID{made[1].ID, made[2].ID})
	return true
}
