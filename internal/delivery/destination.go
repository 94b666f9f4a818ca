package delivery

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// Destination is a type of destination, as [NewDestination] makes one from a sink package.
type Destination struct {
	config func() config
	open   func(config, sink.Env) (sink.Sink, error)
}

// config is a pointer to a sink's configuration.
type config interface{ Validate() error }

// NewDestination makes a Destination of a sink package's Open, whose Config has Validate on its pointer.
func NewDestination[C any, P interface {
	*C
	config
}](open func(C, sink.Env) (sink.Sink, error)) Destination {
	return Destination{
		config: func() config { return P(new(C)) },
		open:   func(c config, env sink.Env) (sink.Sink, error) { return open(*c.(P), env) },
	}
}

// section is a sink section taken apart.
type section struct {
	kind   string
	config config
	to     Destination
}

// parseSink reads a sink section and checks it, with the secrets that were kept for it in the places that are masked.
func (e *Engine) parseSink(raw json.RawMessage, kept map[string]string) (*section, error) {
	s, err := e.decodeSink(raw)
	if err != nil {
		return nil, err
	}
	if path := sink.Unknown(s.config, kept); path != "" {
		return nil, invalid("sink.%s: is masked, and no secret is kept for it: give the secret itself", path)
	}
	sink.JoinSecrets(s.config, kept)
	return s, s.config.Validate()
}

// decodeSink reads a sink section.
func (e *Engine) decodeSink(raw json.RawMessage) (*section, error) {
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &fields); err != nil || len(fields) == 0 {
		return nil, invalid("sink: must be an object with a type, such as {\"type\": \"http\", ...}")
	}
	s := &section{}
	if err := json.Unmarshal(fields["type"], &s.kind); err != nil {
		return nil, invalid("sink.type: is missing; it is one of %s", e.kinds())
	}
	var known bool
	if s.to, known = e.o.Destinations[s.kind]; !known {
		return nil, invalid("sink.type: %.40q is not one of %s", s.kind, e.kinds())
	}
	delete(fields, "type")
	rest, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	s.config = s.to.config()
	if err := decodeStrictly(rest, s.config); err != nil {
		return nil, fmt.Errorf("sink: %w", err)
	}
	return s, nil
}

// localWriter is a configuration whose sink may write to logstores of this server.
type localWriter interface {
	// LocalTargets are those logstores, whatever condition a log has to meet to go there.
	LocalTargets() []sluice.LogstoreRef
}

// LocalTargets returns the logstores of this server that a task would write to, so that whoever makes it can be asked whether he may.
func (e *Engine) LocalTargets(project string, s *Spec) ([]sluice.LogstoreRef, error) {
	parsed, err := e.decodeSink(s.Sink)
	if err != nil {
		return nil, err
	}
	refs := []sluice.LogstoreRef{{Project: project, Logstore: s.DeadLetterStore()}}
	if w, ok := parsed.config.(localWriter); ok {
		refs = append(refs, w.LocalTargets()...)
	}
	return refs, nil
}

func (e *Engine) kinds() string {
	return strings.Join(slices.Sorted(maps.Keys(e.o.Destinations)), ", ")
}

// masked returns the section as a document without secrets.
func (s *section) masked() (json.RawMessage, error) {
	raw, err := json.Marshal(s.config)
	if err != nil {
		return nil, err
	}
	kind, err := json.Marshal(s.kind)
	if err != nil {
		return nil, err
	}
	head := append([]byte(`{"type":`), kind...)
	if string(raw) != "{}" {
		head = append(head, ',')
	}
	return append(head, raw[1:]...), nil
}

// seal seals secrets for a task.
func (e *Engine) seal(task taskKey, secrets map[string]string) ([]byte, error) {
	if len(secrets) == 0 {
		return nil, nil
	}
	raw, err := json.Marshal(secrets)
	if err != nil {
		return nil, err
	}
	return e.ring.Seal(raw, sealPurpose, task.String()), nil
}

// unseal is the inverse of seal.
func (e *Engine) unseal(task taskKey, sealed []byte) (map[string]string, error) {
	if len(sealed) == 0 {
		return nil, nil
	}
	raw, err := e.ring.Open(sealed, sealPurpose, task.String())
	if err != nil {
		return nil, sluice.Errorf(sluice.Internal, "deliverytask", "the secrets of delivery task %s cannot be opened, set them again: %w", task.name, err)
	}
	secrets := map[string]string{}
	return secrets, json.Unmarshal(raw, &secrets)
}

// sealPurpose binds sealed secrets to this use.
const sealPurpose = "delivery task"
