package assistant

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/meta"
)

// identity is who the server is to agents: the CA that certifies them and itself, and the key that signs tasks. Both are made at the first start and
// lie sealed in metadata.
type identity struct {
	ca       *x509.Certificate
	caKey    ed25519.PrivateKey
	signer   ed25519.PrivateKey
	keyName  string
	certLife time.Duration
}

// storedIdentity is the identity in metadata.
type storedIdentity struct {
	CA     []byte `json:"ca"`     // DER
	CAKey  []byte `json:"caKey"`  // sealed seed
	Signer []byte `json:"signer"` // sealed seed
}

const (
	sealIdentity  = "assistant identity"
	identityName  = "server"
	caLife        = 30 * 365 * 24 * time.Hour
	backdated     = 24 * time.Hour // clocks of machines may be behind
	serverLife    = 24 * time.Hour // of the server's own certificate, which is made anew
	serialBits    = 127
	keyNameLength = 8
)

func loadIdentity(ctx context.Context, s *Service) (*identity, error) {
	fresh, err := newIdentity(s)
	if err != nil {
		return nil, err
	}
	stored := fresh
	if err := s.store.Update(ctx, func(tx meta.Tx) error {
		before, err := get[storedIdentity](tx, kindIdentity, identityName)
		if err != nil {
			return err
		}
		if before != nil {
			stored = before
			return nil
		}
		return put(tx, kindIdentity, identityName, "", fresh)
	}); err != nil {
		return nil, err
	}
	id := &identity{certLife: s.o.CertLife}
	if id.ca, err = x509.ParseCertificate(stored.CA); err != nil {
		return nil, fmt.Errorf("the CA of agents: %w", err)
	}
	caSeed, err := s.ring.Open(stored.CAKey, sealIdentity, "ca")
	if err != nil {
		return nil, fmt.Errorf("the CA of agents: %w", err)
	}
	seed, err := s.ring.Open(stored.Signer, sealIdentity, "signer")
	if err != nil {
		return nil, fmt.Errorf("the key that signs tasks: %w", err)
	}
	id.caKey, id.signer = ed25519.NewKeyFromSeed(caSeed), ed25519.NewKeyFromSeed(seed)
	id.keyName = "k-" + hex.EncodeToString(id.signer.Public().(ed25519.PublicKey))[:keyNameLength]
	return id, nil
}

func newIdentity(s *Service) (*storedIdentity, error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	_, signer, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Sluice agents"}, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: s.now().Add(-backdated), NotAfter: s.now().Add(caLife),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	return &storedIdentity{
		CA: der, CAKey: s.ring.Seal(private.Seed(), sealIdentity, "ca"), Signer: s.ring.Seal(signer.Seed(), sealIdentity, "signer"),
	}, err
}

func serial() *big.Int {
	n, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), serialBits)) // rand.Reader does not fail
	return n
}

// certify makes the certificate of an instance for its key.
func (id *identity) certify(instance string, key crypto.PublicKey, now time.Time) ([]byte, error) {
	return x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: instance}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, NotBefore: now.Add(-backdated), NotAfter: now.Add(id.certLife),
	}, id.ca, key, id.caKey)
}

// serverCertificate makes a certificate of the server, with a new key.
func (id *identity) serverCertificate(now time.Time) (*tls.Certificate, error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: agentproto.ServerName}, DNSNames: []string{agentproto.ServerName},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		NotBefore: now.Add(-backdated), NotAfter: now.Add(2 * serverLife),
	}, id.ca, public, id.caKey)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der, id.ca.Raw}, PrivateKey: private}, nil
}

// hostCertificate makes a certificate of the server under a name or an address that clients dial, with a new key that every TLS 1.2 client knows.
func (id *identity) hostCertificate(name string, now time.Time) (*tls.Certificate, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Sluice"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, NotBefore: now.Add(-backdated), NotAfter: now.Add(2 * serverLife),
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, id.ca, private.Public(), id.caKey)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der, id.ca.Raw}, PrivateKey: private}, nil
}

// pool is the CA alone.
func (id *identity) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(id.ca)
	return pool
}

// TLSConfig is how the server speaks TLS with agents: its certificate is of its own CA, and so is that of each agent that shows one.
func (s *Service) TLSConfig() *tls.Config {
	certs := &serverCertificates{s: s}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{agentproto.ALPN}, SessionTicketsDisabled: true,
		ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: s.identity.pool(), Time: s.o.Now,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certs.current() },
	}
}

// serverCertificates makes the server's certificate anew each day.
type serverCertificates struct {
	s *Service

	mu   sync.Mutex // guards what is below
	cert *tls.Certificate
	made time.Time
}

func (c *serverCertificates) current() (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.s.now()
	if c.cert != nil && now.Sub(c.made).Abs() < serverLife {
		return c.cert, nil
	}
	cert, err := c.s.identity.serverCertificate(now)
	if err == nil {
		c.cert, c.made = cert, now
	}
	return cert, err
}

// CA is the certificate of the authority that signs agents' certificates and the server's own for them, PEM. It is no secret.
func (s *Service) CA() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.identity.ca.Raw})
}

// HostCertificates returns what chooses the server's certificate for clients that know the CA and check names: one of the name that the client asks for, or of
// the address that it dialed.
func (s *Service) HostCertificates() func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c := &hostCertificates{s: s, made: map[string]hostCertificate{}}
	return c.choose
}

// hostCertificates keeps certificates by name for a day. Whoever asks for one gets no key with it, so any name may be asked for.
type hostCertificates struct {
	s *Service

	mu   sync.Mutex // guards made; held while one is made
	made map[string]hostCertificate
}

type hostCertificate struct {
	cert *tls.Certificate
	made time.Time
}

// maxHostNames bounds what is kept; a server has few names.
const maxHostNames, maxHostName = 100, 253

func (c *hostCertificates) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := hello.ServerName
	if name == "" {
		host, _, err := net.SplitHostPort(hello.Conn.LocalAddr().String())
		if err != nil {
			return nil, err
		}
		name, _, _ = strings.Cut(host, "%")
	}
	if len(name) > maxHostName {
		return nil, fmt.Errorf("a name of %d bytes is none of a host", len(name))
	}
	now := c.s.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.made[name]; ok && now.Sub(known.made).Abs() < serverLife {
		return known.cert, nil
	}
	cert, err := c.s.identity.hostCertificate(name, now)
	if err != nil {
		return nil, err
	}
	if len(c.made) >= maxHostNames {
		clear(c.made)
	}
	c.made[name] = hostCertificate{cert, now}
	return cert, nil
}
