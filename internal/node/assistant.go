package node

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/assistant"
	"github.com/sluicelog/sluice/internal/assistant/gateway"
	"github.com/sluicelog/sluice/internal/assistant/luban"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/iam"
	"github.com/sluicelog/sluice/internal/meta"
)

// openAssistant opens the assistant, and the gateways of its agents.
func (n *Node) openAssistant(ctx context.Context, c *config.Config, o Options, store meta.Store, ring *auth.Keyring, directory *iam.Directory) (err error) {
	output := int64(c.Assistant.OutputBytes)
	if output == 0 {
		output = -1
	}
	if n.Assistant, err = assistant.New(ctx, store, n.Catalog, n.Ingest, ring, assistant.Options{
		Region: c.Assistant.Region, OutputBytes: output, ResultDays: c.Assistant.ResultDays, MaxMachines: c.Limits.MachinesPerAccount, Now: o.Now, Logger: o.Logger,
	}); err != nil {
		return fmt.Errorf("open the assistant: %w", err)
	}
	n.onClose(n.Assistant.Close)
	directory.OnDelete(n.Assistant.Retire)
	n.agents = gateway.New(n.Assistant, gateway.Options{
		MaxConnections: maxConnections(), Enrolled: func(ctx context.Context, id gateway.Identity, asked *agentproto.Enrol, answer *agentproto.Enrolled, err error) error {
			r := enrolment{id.Address, asked.Activation, asked.Name, asked.Machine.Hostname, len(asked.Tags), "", err}
			if answer != nil {
				r.instance = answer.Instance
			}
			return n.enrolled(ctx, c, o.Now(), r)
		}, Logger: o.Logger,
	})
	n.luban = luban.New(n.Assistant, luban.Options{
		MaxConnections: maxConnections(), Now: o.Now, Logger: o.Logger,
		Registered: func(ctx context.Context, r *assistant.Registration, from netip.Addr, instance string, err error) error {
			return n.enrolled(ctx, c, o.Now(), enrolment{from, r.Activation, r.Name, r.Machine.Hostname, len(r.Tags), instance, err})
		},
	})
	if c.Assistant.LubanListen == "" || c.TLS.Cert != "" {
		return nil
	}
	ca := filepath.Join(c.DataDir, authorityFile)                     // what operators copy to machines
	if err := os.WriteFile(ca, n.Assistant.CA(), 0o644); err != nil { //nolint:gosec // it is public
		return fmt.Errorf("write the certificate of the agents' CA: %w", err)
	}
	return nil
}

// authorityFile is where the data directory shows the CA that clients of the luban listener are to trust.
const authorityFile = "agents-ca.pem"

// lubanCertificates is the certificate of the luban listener: the configured one, or one of the assistant's own CA.
func (n *Node) lubanCertificates() func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if n.certificate != nil {
		return n.certificate.Pair
	}
	return n.Assistant.HostCertificates()
}
