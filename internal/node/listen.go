package node

import (
	"fmt"
	"net"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/server"
)

// Listeners are where a node is reached. Main is required.
type Listeners struct {
	Main  net.Listener // speaks TLS if a certificate is configured and TLS has no listener of its own
	TLS   net.Listener
	Admin net.Listener // for operators

	Agents net.Listener // for the agents of machines
	Luban  net.Listener // for the open-source client of Cloud Assistant
}

// Listen opens the listeners that c asks for. It comes before [Open]: a port that is taken must not cost the root secret, which is told
// once.
func Listen(c *config.Config) (*Listeners, error) {
	l := &Listeners{}
	for _, door := range []struct {
		address string
		into    *net.Listener
	}{{c.Listen, &l.Main}, {c.TLS.Listen, &l.TLS}, {adminAddress(c), &l.Admin}, {c.Assistant.Listen, &l.Agents}, {c.Assistant.LubanListen, &l.Luban}} {
		if door.address == "" {
			continue
		}
		var err error
		if *door.into, err = net.Listen("tcp", door.address); err != nil {
			l.Close()
			return nil, fmt.Errorf("listen on %s: %w", door.address, err)
		}
	}
	return l, nil
}

// adminAddress is where the admin listener listens: on the machine itself, if no host is named.
func adminAddress(c *config.Config) string {
	if host, port, err := net.SplitHostPort(c.Admin.Listen); err == nil && host == "" {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return c.Admin.Listen
}

// Close closes the listeners. They may be closed already.
func (l *Listeners) Close() {
	for _, door := range []net.Listener{l.Main, l.TLS, l.Admin, l.Agents, l.Luban} {
		if door != nil {
			_ = door.Close() // nothing can be lost
		}
	}
}

// openCertificate opens the certificate, if one is configured.
func (n *Node) openCertificate(c *config.Config, o Options, m *server.Metrics) (err error) {
	if c.TLS.Cert == "" {
		return nil
	}
	files := server.CertificateFiles{Certificate: c.TLS.Cert, Key: c.TLS.Key, Clients: c.TLS.ClientCA}
	if n.certificate, err = server.OpenCertificate(files, o.Now, o.Logger); err != nil {
		return err
	}
	m.Registry.MustRegister(n.certificate)
	return nil
}

// doors says which of the listeners speak TLS.
func (n *Node) doors(l *Listeners) []server.Listener {
	if l.TLS == nil {
		return []server.Listener{{Listener: l.Main, Certificate: n.certificate}}
	}
	return []server.Listener{{Listener: l.Main}, {Listener: l.TLS, Certificate: n.certificate}}
}
