package catalog

import "context"

// Expire is one round of retention.
func (c *Catalog) Expire(ctx context.Context) { c.expire(ctx) }

// SplitRounds returns a function that is one round of automatic split.
func (c *Catalog) SplitRounds() func(context.Context) { return newSplitter(c).round }

// Views returns how many views are kept.
func (c *Catalog) Views() int { return len(c.views.byRef) }

// CheckIndex is checkIndex.
var CheckIndex = checkIndex

// OpenLogs returns how many logs are open.
func (c *Catalog) OpenLogs() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

// Locks returns how many logstore locks are held or waited for.
func (c *Catalog) Locks() int {
	c.reshard.mu.Lock()
	defer c.reshard.mu.Unlock()
	return len(c.reshard.held)
}
