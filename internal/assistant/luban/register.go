package luban

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/assistant"
)

// Bounds of a registration.
const (
	maxRegistration = 64 << 10
	maxText         = 256 // of one text in it, in bytes
	maxTags         = 20
)

// registration is what a client sends to become an instance.
type registration struct {
	Code         string `json:"activationCode"`
	ID           string `json:"activationId"`
	MachineID    string `json:"machineId"`
	InstanceName string `json:"instanceName"`
	Hostname     string `json:"hostname"`
	IntranetIP   string `json:"intranetIp"`
	OSVersion    string `json:"osVersion"`
	OSType       string `json:"osType"`
	AgentVersion string `json:"agentVersion"`
	PublicKey    string `json:"publicKey"` // base64 of PEM
	Tags         []struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	} `json:"tag"`
}

// registered is the answer.
type registered struct {
	Code       int    `json:"code"`
	InstanceID string `json:"instanceId"`
}

// register: POST /luban/api/instance/register
//
// Not signed: the activation's code says who asks, and the answer is the instance's id. Its regionId and networkMode are passed over.
func (g *Gateway) register(w http.ResponseWriter, r *http.Request) {
	in, key, err := readRegistration(w, r)
	if err != nil {
		g.fail(w, r, err)
		return
	}
	asked := in.registration(key)
	id, err := g.s.Register(r.Context(), asked, remote(r))
	if g.o.Registered != nil {
		if unrecorded := g.o.Registered(r.Context(), asked, remote(r), id, err); unrecorded != nil && err == nil {
			err = unrecorded
		}
	}
	var refused *agentproto.Refused
	if errors.As(err, &refused) {
		g.o.Logger.Warn("a registration was refused", "activation", clip(in.ID), "remote", r.RemoteAddr, "error", err)
		err = refuse(http.StatusForbidden, "ActivationInvalid", "%s", refused.Reason)
	}
	if err != nil {
		g.fail(w, r, err)
		return
	}
	g.o.Logger.Info("an instance is registered", "instance", id, "activation", clip(in.ID), "remote", r.RemoteAddr)
	answer(w, http.StatusOK, &registered{http.StatusOK, id})
}

func readRegistration(w http.ResponseWriter, r *http.Request) (*registration, []byte, error) {
	in := &registration{}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRegistration)).Decode(in); err != nil {
		return nil, nil, refuse(http.StatusUnprocessableEntity, "InvalidRegistration", "the registration is not JSON of at most %d bytes", maxRegistration)
	}
	for _, text := range []string{in.Code, in.ID, in.MachineID, in.InstanceName, in.Hostname, in.IntranetIP, in.OSVersion, in.OSType, in.AgentVersion} {
		if len(text) > maxText || !utf8.ValidString(text) {
			return nil, nil, refuse(http.StatusUnprocessableEntity, "InvalidRegistration", "a text of the registration is longer than %d bytes", maxText)
		}
	}
	if in.MachineID == "" || in.OSType == "" || len(in.Tags) > maxTags {
		return nil, nil, refuse(http.StatusUnprocessableEntity, "InvalidRegistration", "machineId and osType are needed, and at most %d tags", maxTags)
	}
	raw, err := base64.StdEncoding.DecodeString(in.PublicKey)
	if err != nil {
		return nil, nil, refuse(http.StatusUnprocessableEntity, "InvalidPublicKey", "the public key is not base64")
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, nil, refuse(http.StatusUnprocessableEntity, "InvalidPublicKey", "the public key is not PEM")
	}
	key, err := parseKey(block.Bytes)
	if err != nil {
		return nil, nil, refuse(http.StatusUnprocessableEntity, "InvalidPublicKey", "%v", err)
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	return in, der, err
}

func (in *registration) registration(key []byte) *assistant.Registration {
	out := &assistant.Registration{
		Activation: in.ID, Code: in.Code, Key: key, Name: in.InstanceName, Tags: map[string]string{},
		Machine: agentproto.Machine{
			Hostname: in.Hostname, OS: strings.ToLower(in.OSType), OSVersion: in.OSVersion, MachineID: in.MachineID, Address: in.IntranetIP,
			AgentVersion: in.AgentVersion,
		},
	}
	for _, t := range in.Tags {
		out.Tags[t.Key] = t.Value
	}
	return out
}

// deregister: POST /luban/api/instance/deregister
//
// The instance goes, and what is under way on it is over.
func (g *Gateway) deregister(w http.ResponseWriter, r *request) error {
	r.host.mu.Lock()
	r.host.leaving = true
	r.host.mu.Unlock()
	if err := g.s.Leave(r.Context(), r.host.instance); err != nil {
		return err
	}
	g.o.Logger.Info("an instance deregistered itself", "instance", r.host.instance, "remote", r.RemoteAddr)
	answer(w, http.StatusOK, done)
	return nil
}
