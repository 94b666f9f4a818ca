package node

import (
	"github.com/sluicelog/sluice/internal/agentconf"
	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/control"
)

// openAgents makes the service of log agents, which serves nobody unless the configuration says whom.
func openAgents(c *config.Config, o Options, documents *control.Control) (*agentconf.Agents, error) {
	networks, err := config.ParseNetworks(c.Agents.Networks)
	if err != nil {
		return nil, err
	}
	return agentconf.New(documents, agentconf.Options{
		Endpoint: c.BaseDomain, Region: region, Networks: networks, Token: c.Agents.Token.Reveal(), Now: o.Now,
	}), nil
}

// region is what agents are told: the one that project objects say.
const region = "local"
