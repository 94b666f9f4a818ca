package node

import (
	"context"
	"fmt"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/queue"
)

// openQueues opens the message queues.
func (n *Node) openQueues(ctx context.Context, c *config.Config, o Options, store meta.Store) (err error) {
	n.queues, err = queue.New(ctx, store, n.Catalog, n.Ingest, queue.Options{
		MaxQueues: c.Queue.MaxQueues, MaxMessages: c.Queue.MaxMessages, Now: o.Now, Logger: o.Logger,
	})
	if err != nil {
		return fmt.Errorf("open the queues: %w", err)
	}
	return nil
}
