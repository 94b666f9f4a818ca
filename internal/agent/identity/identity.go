// Package identity is who an agent is: a key that was made on the machine and never leaves it, and what the server gave for it at the enrolment.
//
//	Enrol: key ──► pending ──► server: proof of the code, both ways ──► identity
//	Dial:  identity ──mutual TLS──► server     Renew: new key ──► server ──► identity
//
// An identity is one file that only its owner reads, replaced as a whole. The key of an enrolment is on disk before it is used, so that one whose answer
// was lost goes on as the same instance.
package identity

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sluicelog/sluice/internal/agentproto"
)

// File names in the directory of an agent.
const (
	fileName    = "identity.json"
	pendingName = "enrolling.json"
)

// ErrNone says that the agent has not enrolled.
var ErrNone = errors.New("this machine is not enrolled: run sluice-agent enroll")

// stored is an identity on disk.
type stored struct {
	Server      string                  `json:"server"` // address that is dialed
	Instance    string                  `json:"instance"`
	Key         []byte                  `json:"key"` // seed
	Certificate []byte                  `json:"certificate"`
	CA          []byte                  `json:"ca"`
	Keys        []agentproto.SigningKey `json:"keys"`
	Next        []byte                  `json:"next,omitempty"` // seed of the key that a new certificate is asked for
}

// Identity is an identity. It is safe for concurrent use.
type Identity struct {
	dir string

	mu   sync.Mutex // guards what is below
	s    stored
	cert *x509.Certificate
	ca   *x509.Certificate
}

// Load reads the identity in a directory; ErrNone if there is none.
func Load(dir string) (*Identity, error) {
	raw, err := os.ReadFile(filepath.Join(dir, fileName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, fmt.Errorf("read the identity: %w", err)
	}
	var s stored
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, fileName), err)
	}
	return open(dir, s)
}

func open(dir string, s stored) (*Identity, error) {
	if len(s.Key) != ed25519.SeedSize || s.Instance == "" || s.Server == "" {
		return nil, errors.New("the identity lacks a key, an instance or a server: enrol again")
	}
	cert, err := x509.ParseCertificate(s.Certificate)
	if err != nil {
		return nil, fmt.Errorf("the certificate of the identity: %w", err)
	}
	ca, err := x509.ParseCertificate(s.CA)
	if err != nil {
		return nil, fmt.Errorf("the CA of the identity: %w", err)
	}
	return &Identity{dir: dir, s: s, cert: cert, ca: ca}, nil
}

// save writes a file that nobody else reads, at once.
func save(dir, name string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	if err := errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close()); err != nil {
		return err
	}
	return errors.Join(os.Rename(path+".new", path), syncDir(dir))
}

// Instance is the id of the instance.
func (id *Identity) Instance() string { return id.s.Instance }

// Server is the address of the server.
func (id *Identity) Server() string { return id.s.Server }

// Keys are the keys that sign tasks.
func (id *Identity) Keys() agentproto.Keys {
	keys := agentproto.Keys{}
	for _, k := range id.s.Keys {
		keys[k.Name] = k.Public
	}
	return keys
}

// Fingerprint is the SHA-256 of the CA's certificate, in hexadecimal digits.
func (id *Identity) Fingerprint() string {
	sum := sha256.Sum256(id.s.CA)
	return hex.EncodeToString(sum[:])
}

// Certificate is the present certificate.
func (id *Identity) Certificate() *x509.Certificate {
	id.mu.Lock()
	defer id.mu.Unlock()
	return id.cert
}

// config is how the agent speaks TLS. now is the time by the server's clock, as far as it is known.
func (id *Identity) config(now func() time.Time) *tls.Config {
	id.mu.Lock()
	defer id.mu.Unlock()
	pool := x509.NewCertPool()
	pool.AddCert(id.ca)
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{agentproto.ALPN}, ServerName: agentproto.ServerName, RootCAs: pool, Time: now,
		Certificates: []tls.Certificate{{Certificate: [][]byte{id.s.Certificate}, PrivateKey: ed25519.NewKeyFromSeed(id.s.Key)}},
	}
}

// dialTime bounds a connection's beginning.
const dialTime = 30 * time.Second

// Dial connects to the server.
func (id *Identity) Dial(ctx context.Context, now func() time.Time) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	return dial(ctx, id.s.Server, id.config(now))
}

func dial(ctx context.Context, address string, c *tls.Config) (*tls.Conn, error) {
	d := tls.Dialer{NetDialer: &net.Dialer{KeepAlive: time.Minute}, Config: c}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	secure := conn.(*tls.Conn)
	if secure.ConnectionState().NegotiatedProtocol != agentproto.ALPN {
		conn.Close()
		return nil, fmt.Errorf("%s does not speak %s: is it the address of assistant.listen?", address, agentproto.ALPN)
	}
	return secure, nil
}

func request(key ed25519.PrivateKey) ([]byte, error) {
	return x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
}

// CSR asks for a certificate for a new key, which is on disk first.
func (id *Identity) CSR() ([]byte, error) {
	id.mu.Lock()
	defer id.mu.Unlock()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	next := id.s
	next.Next = key.Seed()
	if err := save(id.dir, fileName, next); err != nil {
		return nil, err
	}
	id.s = next
	return request(key)
}

// Renewed takes a certificate for the key that CSR made.
func (id *Identity) Renewed(certificate []byte) error {
	id.mu.Lock()
	defer id.mu.Unlock()
	cert, err := x509.ParseCertificate(certificate)
	if err != nil {
		return err
	}
	if len(id.s.Next) != ed25519.SeedSize {
		return errors.New("nobody asked for a certificate")
	}
	if err := fits(cert, id.ca, ed25519.NewKeyFromSeed(id.s.Next), id.s.Instance); err != nil {
		return err
	}
	next := id.s
	next.Key, next.Next, next.Certificate = id.s.Next, nil, certificate
	if err := save(id.dir, fileName, next); err != nil {
		return err
	}
	id.s, id.cert = next, cert
	return nil
}

// fits checks that a certificate is of the CA, for the key, and names the instance.
func fits(cert, ca *x509.Certificate, key ed25519.PrivateKey, instance string) error {
	if err := cert.CheckSignatureFrom(ca); err != nil {
		return fmt.Errorf("the certificate is not of the server's CA: %w", err)
	}
	if !key.Public().(ed25519.PublicKey).Equal(cert.PublicKey) {
		return errors.New("the certificate is for another key")
	}
	if cert.Subject.CommonName != instance {
		return fmt.Errorf("the certificate is for instance %q", cert.Subject.CommonName)
	}
	return nil
}
