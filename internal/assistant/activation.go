package assistant

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/meta"
)

// Activation lets agents enrol, with a code that is shown once.
type Activation struct {
	ID            string    `json:"id"`
	Account       string    `json:"account,omitempty"` // whose it is, and whose its machines are, as meta.Project has it
	Code          []byte    `json:"code"`              // sealed
	InstanceName  string    `json:"instanceName,omitempty"`
	Description   string    `json:"description,omitempty"`
	IPRange       string    `json:"ipRange,omitempty"` // CIDR; "" for all
	InstanceCount int32     `json:"instanceCount"`
	Registered    int32     `json:"registered,omitempty"`
	Deregistered  int32     `json:"deregistered,omitempty"`
	TimeToLive    int64     `json:"timeToLive"` // hours
	Disabled      bool      `json:"disabled,omitempty"`
	ResourceGroup string    `json:"resourceGroup,omitempty"`
	Tags          []Tag     `json:"tags,omitempty"`
	Created       time.Time `json:"created"`
}

const sealActivation = "assistant activation"

// Bounds of activations.
const (
	maxActivationCount = 1000
	defaultActivation  = 10
	defaultTTL         = 4 // hours
	maxTTL             = 24
	maxActivationText  = 100
	minPrefix          = 2
	maxPrefix          = 50
)

// CreateActivation keeps an activation, and returns its id and its code, which cannot be told again.
func (fl *Fleet) CreateActivation(ctx context.Context, a Activation, token Token) (id, code string, err error) {
	if err := a.check(); err != nil {
		return "", "", err
	}
	s := fl.s
	a.ID, a.Account, a.Created = newID("a", s.now()), fl.account, s.now()
	code = rand.Text() + rand.Text()[:6] // 160 bits
	a.Code = s.ring.Seal([]byte(code), sealActivation, a.ID)
	id, err = s.once(ctx, token, func(tx meta.Tx) (string, func(), error) {
		if err := s.roomForActivation(tx, fl.account); err != nil {
			return "", nil, err
		}
		return a.ID, nil, errorsFirst(putActivation(tx, &a), putFleet(tx, fl.account))
	})
	if err == nil && id != a.ID { // the same call again: its code is that of the first
		code, err = fl.activationCode(ctx, id)
	}
	return id, code, err
}

func (a *Activation) check() error {
	if a.InstanceCount == 0 {
		a.InstanceCount = defaultActivation
	}
	if a.TimeToLive == 0 {
		a.TimeToLive = defaultTTL
	}
	switch n := utf8.RuneCountInString(a.InstanceName); {
	case a.InstanceCount < 1 || a.InstanceCount > maxActivationCount:
		return fail(sluice.Invalid, "InvalidParameter.InstanceCount", "an activation is for 1 to %d instances", maxActivationCount)
	case a.TimeToLive < 1 || a.TimeToLive > maxTTL:
		return fail(sluice.Invalid, "InvalidParameter.TimeToLiveInHours", "an activation lives for 1 to %d hours", maxTTL)
	case n != 0 && (n < minPrefix || n > maxPrefix) || !plain(a.InstanceName):
		return fail(sluice.Invalid, "InvalidParameter.InstanceName", "the beginning of instance names has %d to %d characters", minPrefix, maxPrefix)
	case utf8.RuneCountInString(a.Description) > maxActivationText || !plain(a.Description):
		return fail(sluice.Invalid, "InvalidParameter.Description", "a description has at most %d characters", maxActivationText)
	}
	if a.IPRange != "" {
		if _, err := parseRange(a.IPRange); err != nil {
			return fail(sluice.Invalid, "InvalidParameter.IpAddressRange", "%.64q is neither an address nor a range like 10.0.0.0/8", a.IPRange)
		}
	}
	return checkTags(a.Tags)
}

func parseRange(text string) (netip.Prefix, error) {
	if at, err := netip.ParseAddr(text); err == nil {
		return at.Prefix(at.BitLen())
	}
	return netip.ParsePrefix(text)
}

func (fl *Fleet) activationCode(ctx context.Context, id string) (code string, err error) {
	err = fl.s.store.View(ctx, func(tx meta.Tx) error {
		a, err := fl.activation(tx, id)
		if err != nil {
			return err
		}
		raw, err := fl.s.ring.Open(a.Code, sealActivation, a.ID)
		code = string(raw)
		return err
	})
	return code, err
}

// Activations returns the activations of an id, a name and tags, each "" or nil for all; the newest first.
func (fl *Fleet) Activations(ctx context.Context, id, instanceName string, tags []Tag, p Page) (Listed[*Activation], error) {
	name := wildcard(instanceName)
	return pageOf(ctx, fl, kindActivation, p, func(_ meta.Tx, a *Activation) (*Activation, bool, error) {
		return a, (id == "" || id == a.ID) && name(a.InstanceName) && hasTags(a.Tags, tags), nil
	})
}

// DisableActivation lets no further agent enrol.
func (fl *Fleet) DisableActivation(_ context.Context, id string) (out *Activation, err error) {
	err = fl.s.commits.do(func(tx meta.Tx) (func(), error) {
		a, err := fl.activation(tx, id)
		if err != nil {
			return nil, err
		}
		a.Disabled, out = true, a
		return nil, putActivation(tx, a)
	})
	return out, err
}

// DeleteActivation removes an activation that no instance is registered with.
func (fl *Fleet) DeleteActivation(_ context.Context, id string) (out *Activation, err error) {
	err = fl.s.commits.do(func(tx meta.Tx) (func(), error) {
		a, err := fl.activation(tx, id)
		if err != nil {
			return nil, err
		}
		if a.Registered > a.Deregistered {
			return nil, fail(sluice.Conflict, "ActivationStatus.InUse", "%d instances are registered with the activation, deregister them first", a.Registered-a.Deregistered)
		}
		out = a
		return nil, tx.DeleteItem(kindActivation, id)
	})
	return out, err
}

// Enrol makes an instance of whoever proves to have an activation's code on a connection from an address. A refusal is a *agentproto.Refused.
func (s *Service) Enrol(_ context.Context, e *agentproto.Enrol, binding []byte, from netip.Addr) (*agentproto.Enrolled, error) {
	request, err := x509.ParseCertificateRequest(e.CSR)
	if err == nil {
		err = request.CheckSignature()
	}
	if err != nil {
		return nil, &agentproto.Refused{Code: agentproto.CodeProtocol, Reason: "the signing request is not valid"}
	}
	key := sha256.Sum256(request.RawSubjectPublicKeyInfo)
	var code string
	var made *Instance
	err = s.commits.do(func(tx meta.Tx) (func(), error) {
		a, err := get[Activation](tx, kindActivation, e.Activation)
		if err != nil {
			return nil, err
		}
		if code, err = s.admit(a, from, func(code string) bool {
			return agentproto.ProofEqual(e.Proof, e.AgentProof(code, binding))
		}); err != nil {
			return nil, err
		}
		made, err = s.register(tx, a, e, hex.EncodeToString(key[:]), from)
		if err != nil {
			return nil, err
		}
		return func() { s.setInstance(made) }, nil
	})
	if err != nil {
		return nil, err
	}
	cert, err := s.identity.certify(made.ID, request.PublicKey, s.now())
	if err != nil {
		return nil, err
	}
	name, public := s.SigningKey()
	out := &agentproto.Enrolled{Instance: made.ID, Certificate: cert, CA: s.identity.ca.Raw, Keys: []agentproto.SigningKey{{Name: name, Public: public}}}
	out.Proof = out.ServerProof(code, binding)
	return out, nil
}

// admit checks that an agent may enrol with an activation, and returns its code. Whether there is one is not told to whom proves does not find to have it.
func (s *Service) admit(a *Activation, from netip.Addr, proves func(code string) bool) (string, error) {
	refused := &agentproto.Refused{Code: agentproto.CodeProof, Reason: "there is no activation of this id and code"}
	if a == nil {
		return "", refused
	}
	code, err := s.ring.Open(a.Code, sealActivation, a.ID)
	if err != nil {
		return "", err
	}
	if !proves(string(code)) {
		return "", refused
	}
	why := ""
	switch {
	case a.Disabled:
		why = "the activation is disabled"
	case s.now().After(a.Created.Add(time.Duration(a.TimeToLive) * time.Hour)):
		why = "the activation has expired: create another"
	case !a.covers(from):
		why = fmt.Sprintf("the activation is not for the address %v", from)
	}
	if why != "" {
		return "", &agentproto.Refused{Code: agentproto.CodeActivation, Reason: why}
	}
	return string(code), nil
}

func (a *Activation) covers(from netip.Addr) bool {
	if a.IPRange == "" {
		return true
	}
	r, err := parseRange(a.IPRange)
	return err == nil && r.Contains(from.Unmap())
}

// register makes an instance, or finds the one that was made for the same key when an answer was lost.
func (s *Service) register(tx meta.Tx, a *Activation, e *agentproto.Enrol, key string, from netip.Addr) (*Instance, error) {
	same, err := list[Instance](tx, kindInstance, meta.ItemRange{Group: a.ID})
	if err != nil {
		return nil, err
	}
	for _, i := range same {
		if i.PublicKey == key {
			return i, nil
		}
	}
	if a.Registered >= a.InstanceCount {
		return nil, &agentproto.Refused{Code: agentproto.CodeActivation, Reason: fmt.Sprintf("all %d instances of the activation are registered", a.InstanceCount)}
	}
	if err := s.roomForMachine(tx, a.Account); err != nil {
		return nil, err
	}
	a.Registered++
	i := &Instance{
		ID: newID("mi", s.now()), Account: a.Account, Name: a.nameOf(e), Activation: a.ID, PublicKey: key, MachineID: e.Machine.MachineID,
		ResourceGroup: a.ResourceGroup, Tags: a.tagsOf(e), Registered: s.now(),
	}
	address := ""
	if from.IsValid() {
		address = from.Unmap().String()
	}
	i.describe(&e.Machine, address)
	return i, errorsFirst(putInstance(tx, i), putActivation(tx, a))
}

// nameOf is what a new instance is called: what it says itself, or a number behind the activation's prefix, or its host's name.
func (a *Activation) nameOf(e *agentproto.Enrol) string {
	if checkInstanceName(e.Name) == nil {
		return e.Name
	}
	if a.InstanceName != "" {
		width := max(3, len(fmt.Sprint(a.InstanceCount)))
		return fmt.Sprintf("%s-%0*d", a.InstanceName, width, a.Registered)
	}
	if checkInstanceName(e.Machine.Hostname) == nil {
		return e.Machine.Hostname
	}
	return "instance-" + strings.ToLower(rand.Text()[:6])
}

// tagsOf are the tags of a new instance: the activation's before those that the agent brings.
func (a *Activation) tagsOf(e *agentproto.Enrol) []Tag {
	tags := append([]Tag(nil), a.Tags...)
	for k, v := range e.Tags {
		if one := []Tag{{k, v}}; !hasTags(tags, []Tag{{k, ""}}) && checkTags(append(one, tags...)) == nil {
			tags = append(tags, one...)
		}
	}
	return tags
}
