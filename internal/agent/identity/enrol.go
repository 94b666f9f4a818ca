package identity

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sluicelog/sluice/internal/agentproto"
)

// Enrolment is what an operator carries to the machine, and what the machine says of itself.
type Enrolment struct {
	Server     string // host:port
	Activation string
	Code       string
	Name       string
	Tags       map[string]string
	Machine    agentproto.Machine
	CA         string // fingerprint that the server's CA has to have; "" for any that proves the code
}

// pending is an enrolment under way.
type pending struct {
	Activation string `json:"activation"`
	Key        []byte `json:"key"`
}

// ErrEnrolled says that there is an identity already.
var ErrEnrolled = errors.New("this machine is enrolled already: remove its identity first, or pass --force")

// Enrol makes this machine an instance, and keeps its identity in dir. With force it replaces the one that is there.
func Enrol(ctx context.Context, dir string, e Enrolment, force bool) (*Identity, error) {
	if _, err := Load(dir); err == nil && !force {
		return nil, ErrEnrolled
	}
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return nil, err
	}
	key, err := pendingKey(dir, e.Activation)
	if err != nil {
		return nil, fmt.Errorf("keep the key of the enrolment: %w", err)
	}
	answer, err := ask(ctx, e, key)
	if err != nil {
		return nil, err
	}
	s := stored{Server: e.Server, Instance: answer.Instance, Key: key.Seed(), Certificate: answer.Certificate, CA: answer.CA, Keys: answer.Keys}
	id, err := open(dir, s)
	if err != nil {
		return nil, err
	}
	if err := fits(id.cert, id.ca, key, s.Instance); err != nil {
		return nil, err
	}
	if e.CA != "" && e.CA != id.Fingerprint() {
		return nil, fmt.Errorf("the CA of the server has the fingerprint %s, and should have %s", id.Fingerprint(), e.CA)
	}
	if err := save(dir, fileName, s); err != nil {
		return nil, fmt.Errorf("keep the identity: %w", err)
	}
	return id, os.Remove(filepath.Join(dir, pendingName))
}

// pendingKey is the key of an enrolment with an activation: the one that was begun with, or a new one, on disk.
func pendingKey(dir, activation string) (ed25519.PrivateKey, error) {
	var p pending
	raw, err := os.ReadFile(filepath.Join(dir, pendingName))
	if err == nil && json.Unmarshal(raw, &p) == nil && p.Activation == activation && len(p.Key) == ed25519.SeedSize {
		return ed25519.NewKeyFromSeed(p.Key), nil
	}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	return key, save(dir, pendingName, pending{activation, key.Seed()})
}

// ask asks the server, and checks that it knows the code: until then it is nobody.
func ask(ctx context.Context, e Enrolment, key ed25519.PrivateKey) (*agentproto.Enrolled, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := dial(ctx, e.Server, &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{agentproto.ALPN}, ServerName: agentproto.ServerName,
		InsecureSkipVerify: true, //nolint:gosec // the proofs below bind this session to the code
	})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	state := conn.ConnectionState()
	binding, err := agentproto.Binding(&state)
	if err != nil {
		return nil, err
	}
	csr, err := request(key)
	if err != nil {
		return nil, err
	}
	m := &agentproto.Enrol{Activation: e.Activation, CSR: csr, Name: e.Name, Tags: e.Tags, Machine: e.Machine}
	m.Proof = m.AgentProof(e.Code, binding)
	_ = conn.SetDeadline(time.Now().Add(dialTime))
	if err := agentproto.Write(conn, m); err != nil {
		return nil, fmt.Errorf("ask to enrol: %w", err)
	}
	answer, err := agentproto.ReadFromServer(conn)
	if err != nil {
		return nil, fmt.Errorf("read the answer to the enrolment: %w", err)
	}
	switch answer := answer.(type) {
	case *agentproto.Refused:
		return nil, answer
	case *agentproto.Enrolled:
		if !agentproto.ProofEqual(answer.Proof, answer.ServerProof(e.Code, binding)) {
			return nil, errors.New("the server does not prove that it knows the activation code: it is not yours, or somebody sits between")
		}
		return answer, serves(conn, answer.CA)
	}
	return nil, fmt.Errorf("the server answered with %T", answer)
}

// serves checks that the certificate of the connection is one of the CA that was just proven.
func serves(conn *tls.Conn, ca []byte) error {
	parsed, err := x509.ParseCertificate(ca)
	if err != nil {
		return err
	}
	chain := conn.ConnectionState().PeerCertificates
	if len(chain) == 0 || !bytes.Equal(chain[0].RawIssuer, parsed.RawSubject) || chain[0].CheckSignatureFrom(parsed) != nil {
		return errors.New("the server's certificate is not of its own CA")
	}
	return nil
}
