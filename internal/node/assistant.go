package node

import (
	"context"
	"fmt"

	"github.com/sluicelog/sluice/internal/assistant"
	"github.com/sluicelog/sluice/internal/assistant/gateway"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/meta"
)

// openAssistant opens the assistant, and the gateway of its agents.
func (n *Node) openAssistant(ctx context.Context, c *config.Config, o Options, store meta.Store, ring *auth.Keyring) (err error) {
	output := int64(c.Assistant.OutputBytes)
	if output == 0 {
		output = -1
	}
	if n.Assistant, err = assistant.New(ctx, store, n.Catalog, n.Ingest, ring, assistant.Options{
		Region: c.Assistant.Region, OutputBytes: output, ResultDays: c.Assistant.ResultDays, Now: o.Now, Logger: o.Logger,
	}); err != nil {
		return fmt.Errorf("open the assistant: %w", err)
	}
	n.onClose(n.Assistant.Close)
	n.agents = gateway.New(n.Assistant, gateway.Options{
		MaxConnections: maxConnections(), Enrolled: n.enrolments(c, o), Logger: o.Logger,
	})
	return nil
}
