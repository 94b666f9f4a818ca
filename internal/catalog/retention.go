package catalog

import (
	"context"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

const day = 24 * time.Hour

// expire is one round of retention over all logstores. What fails is logged and tried again in the next round.
func (c *Catalog) expire(ctx context.Context) {
	c.views.sweep(c.store.Generation())
	c.eachLogstore(ctx, func(l *Logstore) {
		if l.TTLDays >= maxTTLDays {
			return
		}
		oldest := c.o.Now().Add(-time.Duration(l.TTLDays) * day)
		for i := range l.Shards {
			if err := c.expireShard(ctx, &l.Shards[i], oldest); err != nil {
				c.log.Warn("retention failed", "project", l.Project, "logstore", l.Name, "shard", l.Shards[i].ID, "error", err)
			}
		}
	})
}

// expireShard drops what a shard received before oldest, and the shard itself when it is read-only, was closed before that and
// has nothing left.
func (c *Catalog) expireShard(ctx context.Context, s *Shard, oldest time.Time) error {
	if err := s.Stored.Trim(oldest); err != nil {
		return err
	}
	begin, end := s.Stored.Bounds()
	if !s.ReadOnly || begin < end || !s.Closed.Before(oldest) {
		return nil
	}
	if err := c.removeShard(ctx, s); err != nil {
		return err
	}
	c.log.Info("expired shard removed", "project", s.Project, "logstore", s.Logstore, "shard", s.ID)
	return nil
}

// eachLogstore calls f with a view of each logstore; one that disappears meanwhile is passed over.
func (c *Catalog) eachLogstore(ctx context.Context, f func(*Logstore)) {
	refs, err := c.refs(ctx)
	if err != nil {
		c.log.Error("cannot list the logstores", "error", err)
		return
	}
	for _, ref := range refs {
		l, err := c.Logstore(ctx, ref)
		switch {
		case ctx.Err() != nil:
			return
		case sluice.KindOf(err) == sluice.NotFound:
		case err != nil:
			c.log.Error("cannot look up a logstore", "project", ref.Project, "logstore", ref.Logstore, "error", err)
		default:
			f(l)
		}
	}
}

func (c *Catalog) refs(ctx context.Context) (refs []sluice.LogstoreRef, err error) {
	err = c.store.View(ctx, func(tx meta.Tx) error {
		projects, err := tx.Projects()
		if err != nil {
			return err
		}
		for _, p := range projects {
			logstores, err := tx.Logstores(p.Name)
			if err != nil {
				return err
			}
			for _, l := range logstores {
				refs = append(refs, l.Ref())
			}
		}
		return nil
	})
	return refs, err
}
