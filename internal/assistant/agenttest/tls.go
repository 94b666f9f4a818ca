package agenttest

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/sluicelog/sluice/internal/agentproto"
)

// Identity is what enrolment gave to an agent.
type Identity struct {
	Instance    string
	Certificate tls.Certificate
	CA          *x509.CertPool
	Keys        agentproto.Keys
}

// Enrol enrols at an address with an activation, over TLS, as an agent does.
func Enrol(ctx context.Context, address, activation, code string, e agentproto.Enrol) (*Identity, error) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	if e.CSR, err = x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key); err != nil {
		return nil, err
	}
	d := tls.Dialer{Config: &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{agentproto.ALPN}, ServerName: agentproto.ServerName,
		InsecureSkipVerify: true, //nolint:gosec // nobody is trusted before the proof
	}}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	state := conn.(*tls.Conn).ConnectionState()
	binding, err := agentproto.Binding(&state)
	if err != nil {
		return nil, err
	}
	e.Activation = activation
	e.Proof = e.AgentProof(code, binding)
	if err := agentproto.Write(conn, &e); err != nil {
		return nil, err
	}
	m, err := agentproto.ReadFromServer(conn)
	if err != nil {
		return nil, err
	}
	switch m := m.(type) {
	case *agentproto.Refused:
		return nil, m
	case *agentproto.Enrolled:
		if !agentproto.ProofEqual(m.Proof, m.ServerProof(code, binding)) {
			return nil, errors.New("the server does not prove that it knows the code")
		}
		ca, err := x509.ParseCertificate(m.CA)
		if err != nil {
			return nil, err
		}
		id := &Identity{Instance: m.Instance, CA: x509.NewCertPool(), Keys: agentproto.Keys{}}
		id.CA.AddCert(ca)
		id.Certificate = tls.Certificate{Certificate: [][]byte{m.Certificate}, PrivateKey: key}
		for _, k := range m.Keys {
			id.Keys[k.Name] = k.Public
		}
		return id, nil
	}
	return nil, fmt.Errorf("enrolment was answered with %T", m)
}

// Dial connects to an address as the instance that id is.
func (id *Identity) Dial(ctx context.Context, address string) (net.Conn, error) {
	d := tls.Dialer{Config: &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{agentproto.ALPN}, ServerName: agentproto.ServerName, RootCAs: id.CA,
		Certificates: []tls.Certificate{id.Certificate},
	}}
	return d.DialContext(ctx, "tcp", address)
}

// Agent makes a model agent of id, whose runs end at once with what auto returns.
func (id *Identity) Agent(m agentproto.Machine, auto func(*agentproto.Task) Outcome) *Agent {
	return New(Options{Instance: id.Instance, Machine: m, Keys: id.Keys, Now: time.Now, Auto: auto})
}
