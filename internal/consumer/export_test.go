package consumer

// Live returns how many groups are kept in memory.
func (g *Groups) Live() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.live)
}
