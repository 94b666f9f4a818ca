package agentproto

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
)

/*
Enrolment makes two strangers know each other by a code that an operator carried from one to the other:

	agent                                                       server
	  key pair; CSR
	  binding = exporter of this TLS session                      binding = the same, unless somebody sits between
	  ── activation, CSR, HMAC(code, "agent" binding … ) ──────►  checks it: the agent has the code
	                                                              signs a certificate for the CSR's key
	  ◄─ certificate, CA, key, HMAC(code, "server" binding …) ──
	  checks it: the server has the code, and this CA is its own

The code itself does not cross the wire, and it is long enough that nobody finds it by trying. Until the second check the agent trusts nobody: it does not
look at the certificate that the server showed. Afterwards it trusts that CA, for its connections, and that key, for tasks, and nothing else.
*/

// Enrol asks for an identity.
type Enrol struct {
	Activation string            `json:"activation"` // id of the activation
	Proof      []byte            `json:"proof"`      // AgentProof
	CSR        []byte            `json:"csr"`        // PKCS #10, DER; its key is to be Ed25519 or P-256, its subject does not matter
	Name       string            `json:"name,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	Machine    Machine           `json:"machine"`
}

// Bounds of Enrol.
const (
	maxCSR  = 4 << 10
	maxTags = 20
)

// Kind implements [Message].
func (*Enrol) Kind() Kind { return KindEnrol }

// Check implements [Message].
func (e *Enrol) Check() error {
	switch {
	case e.Activation == "" || len(e.Activation) > maxText || len(e.Name) > maxText:
		return errors.New("the activation or the name is missing, or too long")
	case len(e.Proof) != sha256.Size:
		return errors.New("no proof of the activation code")
	case len(e.CSR) == 0 || len(e.CSR) > maxCSR:
		return fmt.Errorf("a signing request has 1 to %d bytes", maxCSR)
	case len(e.Tags) > maxTags:
		return fmt.Errorf("%d tags are more than %d", len(e.Tags), maxTags)
	}
	for k, v := range e.Tags {
		if k == "" || len(k) > maxText || len(v) > maxText {
			return errors.New("a tag is too long, or has no key")
		}
	}
	return e.Machine.check()
}

// Enrolled is an identity.
type Enrolled struct {
	Instance    string       `json:"instance"`
	Certificate []byte       `json:"certificate"` // DER
	CA          []byte       `json:"ca"`          // DER: who signs the server's certificate, and signed this one
	Keys        []SigningKey `json:"keys"`        // that sign tasks
	Proof       []byte       `json:"proof"`       // ServerProof
}

// SigningKey is a key that signs tasks.
type SigningKey struct {
	Name   string            `json:"name"`
	Public ed25519.PublicKey `json:"public"`
}

// Kind implements [Message].
func (*Enrolled) Kind() Kind { return KindEnrolled }

// Check implements [Message].
func (e *Enrolled) Check() error {
	if err := checkID(e.Instance); err != nil {
		return err
	}
	if len(e.Certificate) == 0 || len(e.CA) == 0 || len(e.Keys) == 0 || len(e.Proof) != sha256.Size {
		return errors.New("an identity without a certificate, a CA, a key or a proof")
	}
	for _, k := range e.Keys {
		if len(k.Public) != ed25519.PublicKeySize {
			return fmt.Errorf("key %.40q is not an Ed25519 key", k.Name)
		}
	}
	return nil
}

// Renew asks for a new certificate for the same instance.
type Renew struct {
	CSR []byte `json:"csr"`
}

// Kind implements [Message].
func (*Renew) Kind() Kind { return KindRenew }

// Check implements [Message].
func (r *Renew) Check() error {
	if len(r.CSR) == 0 || len(r.CSR) > maxCSR {
		return fmt.Errorf("a signing request has 1 to %d bytes", maxCSR)
	}
	return nil
}

// Renewed is the new certificate. Both the old and the new one are good until they end.
type Renewed struct {
	Certificate []byte `json:"certificate"`
}

// Kind implements [Message].
func (*Renewed) Kind() Kind { return KindRenewed }

// Check implements [Message].
func (r *Renewed) Check() error {
	if len(r.Certificate) == 0 {
		return errors.New("no certificate")
	}
	return nil
}

// Binding is a secret of one TLS session that both of its ends know, and nobody between two sessions can make equal.
func Binding(c *tls.ConnectionState) ([]byte, error) {
	if c.Version < tls.VersionTLS13 {
		return nil, errors.New("enrolment needs TLS 1.3")
	}
	return c.ExportKeyingMaterial("EXPORTER-sluice-agent-enrol", nil, sha256.Size)
}

// AgentProof proves that whoever made e on the session of binding knows the code.
func (e *Enrol) AgentProof(code string, binding []byte) []byte {
	return proof(code, "agent", binding, []byte(e.Activation), e.CSR)
}

// ServerProof proves that whoever made e on the session of binding knows the code.
func (e *Enrolled) ServerProof(code string, binding []byte) []byte {
	parts := [][]byte{binding, []byte(e.Instance), e.Certificate, e.CA}
	for _, k := range e.Keys {
		parts = append(parts, []byte(k.Name), k.Public)
	}
	return proof(code, "server", parts...)
}

// ProofEqual compares two proofs in constant time.
func ProofEqual(a, b []byte) bool { return hmac.Equal(a, b) }

// proof is the HMAC of the parts, each behind its length.
func proof(code, who string, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, []byte(code))
	var size [8]byte
	for _, p := range append([][]byte{[]byte("sluice enrolment v1 " + who)}, parts...) {
		binary.BigEndian.PutUint64(size[:], uint64(len(p)))
		h.Write(size[:])
		h.Write(p)
	}
	return h.Sum(nil)
}
