package assistant

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/netip"

	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/meta"
)

// Registration is how a forgetful agent becomes an instance: it sends the code of an activation as it is, and the key that will sign its requests.
type Registration struct {
	Activation, Code string
	Key              []byte // PKIX, DER
	Name             string
	Tags             map[string]string
	Machine          agentproto.Machine
}

// Register makes an instance of whoever has an activation's code, and returns its id. An agent makes a new key each time it tries, so an
// instance whose id was lost on the way stays behind: that copies of a machine, with one machine id, may register at once leaves no way to tell. A refusal is a *agentproto.Refused.
func (s *Service) Register(_ context.Context, r *Registration, from netip.Addr) (instance string, err error) {
	e := &agentproto.Enrol{Activation: r.Activation, Name: r.Name, Tags: r.Tags, Machine: r.Machine}
	sum := sha256.Sum256(r.Key)
	key := hex.EncodeToString(sum[:])
	err = s.commits.do(func(tx meta.Tx) (func(), error) {
		a, err := get[Activation](tx, kindActivation, r.Activation)
		if err != nil {
			return nil, err
		}
		if _, err = s.admit(a, from, func(code string) bool { return subtle.ConstantTimeCompare([]byte(code), []byte(r.Code)) == 1 }); err != nil {
			return nil, err
		}
		made, err := s.register(tx, a, e, key, from)
		if err != nil {
			return nil, err
		}
		made.Key, instance = r.Key, made.ID
		return func() { s.setInstance(made) }, putInstance(tx, made)
	})
	return instance, err
}
