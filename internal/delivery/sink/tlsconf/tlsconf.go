// Package tlsconf is the part of a sink's configuration that says how TLS is spoken, the same for every sink that speaks it.
package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"slices"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// Config says how to know the destination and how to be known by it. The zero value trusts the system's authorities and presents
// no certificate.
type Config struct {
	// CA is one or more certificates in PEM. The destination's has to be signed by one of them; without any, by one that the system trusts.
	CA string `json:"ca,omitempty"`
	// ServerName is the name that the destination's certificate has to be for [the host that is connected to].
	ServerName string `json:"serverName,omitempty"`
	// Certificate in PEM, with the chain behind it, and Key, its private key in PEM, are presented to a destination that asks for them.
	Certificate string      `json:"certificate,omitempty"`
	Key         sink.Secret `json:"key,omitzero"`
	// SkipVerify takes any certificate. Whoever is between the server and the destination can then read and change the logs.
	SkipVerify bool `json:"skipVerify,omitempty"`
}

// maxPEM bounds the texts of a configuration.
const maxPEM = 1 << 20

// Build makes a client's configuration. A nil c is the zero value. path is where c stands in the sink's document, for the error, which is
// Invalid "sink".
func (c *Config) Build(path string) (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12}
	if c == nil {
		return out, nil
	}
	out.ServerName = c.ServerName
	out.InsecureSkipVerify = c.SkipVerify
	if err := c.addAuthorities(out, path); err != nil {
		return nil, err
	}
	return out, c.addCertificate(out, path)
}

// Validate is Build without its result.
func (c *Config) Validate(path string) error {
	_, err := c.Build(path)
	return err
}

func (c *Config) addAuthorities(out *tls.Config, path string) error {
	if c.CA == "" {
		return nil
	}
	if len(c.CA) > maxPEM {
		return invalid("%s.ca is longer than %d bytes", path, maxPEM)
	}
	out.RootCAs = x509.NewCertPool()
	n := 0
	for rest := []byte(c.CA); ; n++ {
		block, more := pem.Decode(rest)
		if block == nil {
			break
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil {
			return invalid("%s.ca: block %d is no certificate (%q)", path, n+1, block.Type)
		}
		out.RootCAs.AddCert(cert)
		rest = more
	}
	if n == 0 {
		return invalid("%s.ca has no certificate in PEM", path)
	}
	return nil
}

func (c *Config) addCertificate(out *tls.Config, path string) error {
	if c.Certificate == "" && c.Key.IsZero() {
		return nil
	}
	if c.Certificate == "" || c.Key.IsZero() {
		return invalid("%s.certificate and %s.key are given together or not at all", path, path)
	}
	if len(c.Certificate) > maxPEM || len(c.Key.Reveal()) > maxPEM {
		return invalid("%s.certificate and %s.key are at most %d bytes", path, path, maxPEM)
	}
	pair, err := tls.X509KeyPair([]byte(c.Certificate), []byte(c.Key.Reveal()))
	if err != nil { // its text may hold parts of what it could not read
		return invalid("%s.certificate and %s.key are not a certificate and its key in PEM", path, path)
	}
	out.Certificates = []tls.Certificate{pair}
	return nil
}

func invalid(format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, "sink", format, args...)
}

// Explain turns the error of a handshake or of a connection that nobody but a person can heal into a [sink.Halt]: a certificate that is not
// trusted here, or one of ours that is not trusted there. It returns other errors as they are.
func Explain(err error) error {
	if untrusted := (*tls.CertificateVerificationError)(nil); errors.As(err, &untrusted) {
		return &sink.Halt{Reason: "the destination's certificate is not trusted (" + untrusted.Err.Error() + "); correct it, or the ca and serverName of the configuration", Err: err}
	}
	if remote := (*net.OpError)(nil); errors.As(err, &remote) && remote.Op == "remote error" && slices.ContainsFunc(aboutCertificate, func(a tls.AlertError) bool {
		return a.Error() == remote.Err.Error() // the type of what crypto/tls returns here is its own
	}) {
		return &sink.Halt{Reason: "the destination does not accept our certificate (" + remote.Err.Error() + "); correct the certificate and key of the configuration", Err: err}
	}
	return err
}

// aboutCertificate are the alerts of RFC 8446 with which a peer refuses a certificate: bad, unsupported, revoked, expired, unknown, of an unknown
// authority, without access, missing.
var aboutCertificate = []tls.AlertError{42, 43, 44, 45, 46, 48, 49, 116}
