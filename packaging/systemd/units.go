// Package systemd holds the units that are beside it, for programs that install themselves.
package systemd

import _ "embed"

// AgentUnit is the unit of sluice-agent.
//
//go:embed sluice-agent.service
var AgentUnit string
