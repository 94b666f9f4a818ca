package node

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/sluicelog/sluice/internal/assistant"
	"github.com/sluicelog/sluice/internal/assistant/gateway"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/meta"
)

// agentDoor is where agents connect.
type agentDoor struct {
	gateway  *gateway.Gateway
	listener net.Listener
}

// openAssistant opens the assistant, and listens for agents if the configuration says where.
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
	if c.Assistant.Listen == "" {
		return nil
	}
	l, err := net.Listen("tcp", c.Assistant.Listen)
	if err != nil {
		return fmt.Errorf("listen for agents on %s: %w", c.Assistant.Listen, err)
	}
	n.onClose(func() error { // Run has closed it, if there was one
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	n.agents = &agentDoor{gateway.New(n.Assistant, gateway.Options{MaxConnections: maxConnections(), Logger: o.Logger}), l}
	return nil
}

// AgentAddr is where agents connect, HOST:PORT; "" for nowhere.
func (n *Node) AgentAddr() string {
	if n.agents == nil {
		return ""
	}
	return n.agents.listener.Addr().String()
}
