// Package agentconf tells log agents (Logtail, LoongCollector) what to collect: which machine groups an agent is in, which configurations
// apply to those, and what of that is news to the agent.
//
//	heartbeat ──> who: project, identifiers ──> machine groups ──> configurations ──> pipelines, with versions
//	                                                                        └── less what the agent has ──> updates, deletions
//
// Machine groups and configurations are documents that clients keep with package control; nothing of agents is kept but in memory, where
// an agent comes back with its next heartbeat.
//
// Invariants:
//   - An agent is told nothing of a project but its own, and nothing before it was let in.
//   - The version of a configuration is the moment it was last changed, so it grows with every change, also across a restart.
//   - What agents can make this package remember is bounded.
package agentconf

import (
	"cmp"
	"context"
	"crypto/subtle"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/control"
)

// Limits of what is remembered.
const (
	maxAgents  = 100_000
	maxTags    = 64
	maxConfigs = 1_000
	maxText    = 1_024
	forgotten  = 24 * time.Hour // without a heartbeat
)

// Deleted is the version that tells an agent to give a configuration up.
const Deleted = -1

// TokenTag is the tag in which agents carry the token, where one is wanted.
const TokenTag = "sluice_token"

// UserDefinedTag is the tag whose values, with commas between them, are an agent's user-defined identifiers.
const UserDefinedTag = "user_defined_id"

// Options of the service.
type Options struct {
	Endpoint string         // host that agents send their logs to, without a scheme
	Region   string         // what agents are told it is in
	Networks []netip.Prefix // from which agents are served; none serves nobody
	Token    string         // that agents have to carry; "" for none
	Now      func() time.Time
}

// Agents serves agents. It is safe for concurrent use.
type Agents struct {
	control *control.Control
	o       Options

	mu    sync.Mutex // guards the rest
	seen  map[key]*Agent
	plans map[string]*plan // by project
}

type key struct{ project, id string }

// New returns the service.
func New(c *control.Control, o Options) *Agents {
	return &Agents{control: c, o: o, seen: map[key]*Agent{}, plans: map[string]*plan{}}
}

// Agent is an agent as it last said it is.
type Agent struct {
	Project, ID   string
	Type, Version string
	IP, Hostname  string
	Address       netip.Addr // that it calls from
	Tags          []Tag
	Status        string
	Started       time.Time
	Heartbeat     time.Time // the last one
	Sequence      uint64    // of it
	Configs       []ConfigState
}

// Tag is one tag of an agent. Old agents have tags without a value.
type Tag struct{ Name, Value string }

// ConfigState is what an agent says of a configuration that it has.
type ConfigState struct {
	Name    string
	Version int64
	Status  string // unset, applying, applied or failed
	Message string // why it failed
}

// Config is a configuration as an agent takes it.
type Config struct {
	Name    string
	Version int64  // Deleted: the agent is to give it up
	Detail  []byte // JSON
}

// Answer is what an agent is to know.
type Answer struct {
	Updates     []Config
	ReportState bool // the agent left something out that is not known here: it is to say all with its next heartbeat
}

// Heartbeat notes an agent and answers what is news to it. full says that a told everything of itself; otherwise what it left out is as it
// was. Errors: Unauthorized, noun "agent", for who is not let in; Invalid, noun "agent", for what is more than an agent says.
func (s *Agents) Heartbeat(ctx context.Context, a Agent, full bool) (Answer, error) {
	if err := s.admit(&a); err != nil {
		return Answer{}, err
	}
	if err := a.check(); err != nil {
		return Answer{}, err
	}
	a.Heartbeat = s.o.Now()
	if !s.note(&a, full) {
		return Answer{ReportState: true}, nil
	}
	p, err := s.plan(ctx, a.Project)
	if err != nil {
		return Answer{}, err
	}
	return Answer{Updates: news(p.of(&a, s.o.Token != ""), a.Configs)}, nil
}

// Fetch returns the configurations of these names as they are now for an agent that was let in; Deleted for those that are not its.
func (s *Agents) Fetch(ctx context.Context, project, id string, from netip.Addr, names []string) ([]Config, error) {
	s.mu.Lock()
	known := s.seen[key{project, id}]
	var a Agent
	if known != nil {
		a = *known
	}
	s.mu.Unlock()
	if known == nil || a.Address != from || !s.Serves(from) {
		return nil, sluice.Errorf(sluice.Unauthorized, "agent", "there was no heartbeat of this agent from %s", from)
	}
	p, err := s.plan(ctx, project)
	if err != nil {
		return nil, err
	}
	wanted := p.of(&a, s.o.Token != "")
	list := []Config{}
	for _, name := range names {
		at := slices.IndexFunc(wanted, func(c Config) bool { return c.Name == name })
		if at < 0 {
			list = append(list, Config{Name: name, Version: Deleted})
			continue
		}
		list = append(list, wanted[at])
	}
	return list, nil
}

// Serves reports whether agents are served that call from this address.
func (s *Agents) Serves(from netip.Addr) bool {
	return slices.ContainsFunc(s.o.Networks, func(n netip.Prefix) bool { return n.Contains(from) })
}

// admit lets an agent in, or not. The token is no tag afterwards: nobody is shown it.
func (s *Agents) admit(a *Agent) error {
	if !s.Serves(a.Address) {
		return sluice.Errorf(sluice.Unauthorized, "agent", "agents from %s are not served: see agents.networks", a.Address)
	}
	if a.Project == "" {
		return sluice.Errorf(sluice.Invalid, "agent", "the address names no project: have the agent call PROJECT.%s, or set agents.project", s.o.Endpoint)
	}
	token := ""
	a.Tags = slices.DeleteFunc(slices.Clone(a.Tags), func(t Tag) bool {
		if t.Name != TokenTag {
			return false
		}
		token = t.Value
		return true
	})
	if s.o.Token != "" && subtle.ConstantTimeCompare([]byte(token), []byte(s.o.Token)) != 1 {
		return sluice.Errorf(sluice.Unauthorized, "agent", "the agent has no tag %s with the token that agents need here", TokenTag)
	}
	return nil
}

// check refuses what would make an agent a burden.
func (a *Agent) check() error {
	texts := []string{a.Project, a.ID, a.Type, a.Version, a.IP, a.Hostname, a.Status}
	for _, t := range a.Tags {
		texts = append(texts, t.Name, t.Value)
	}
	for i, c := range a.Configs {
		texts = append(texts, c.Name)
		a.Configs[i].Message = c.Message[:min(len(c.Message), maxText)]
	}
	switch {
	case a.ID == "":
		return sluice.Errorf(sluice.Invalid, "agent", "the agent says no id")
	case len(a.Tags) > maxTags || len(a.Configs) > maxConfigs:
		return sluice.Errorf(sluice.Invalid, "agent", "the agent has more than %d tags or %d configurations", maxTags, maxConfigs)
	case slices.ContainsFunc(texts, func(t string) bool { return len(t) > maxText }):
		return sluice.Errorf(sluice.Invalid, "agent", "the agent says something of itself that is longer than %d bytes", maxText)
	}
	return nil
}

// note remembers a, filled up with what it left out, and reports whether that is all that there is to know of it.
func (s *Agents) note(a *Agent, full bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := key{a.Project, a.ID}
	before := s.seen[k]
	known := full || before != nil && before.Sequence+1 == a.Sequence
	if !full && before != nil {
		a.fill(before)
	}
	if before == nil && len(s.seen) >= maxAgents {
		s.forget(a.Heartbeat)
	}
	if before != nil || len(s.seen) < maxAgents {
		kept := *a
		s.seen[k] = &kept
	}
	return known
}

// fill takes over what a heartbeat left out.
func (a *Agent) fill(before *Agent) {
	a.Type, a.Version = cmp.Or(a.Type, before.Type), cmp.Or(a.Version, before.Version)
	a.IP, a.Hostname = cmp.Or(a.IP, before.IP), cmp.Or(a.Hostname, before.Hostname)
	a.Status = cmp.Or(a.Status, before.Status)
	if a.Tags == nil {
		a.Tags = before.Tags
	}
	if a.Configs == nil {
		a.Configs = before.Configs
	}
	if a.Started.IsZero() {
		a.Started = before.Started
	}
}

// forget forgets agents that have been silent for long. s.mu is held.
func (s *Agents) forget(now time.Time) {
	for k, a := range s.seen {
		if now.Sub(a.Heartbeat) > forgotten {
			delete(s.seen, k)
		}
	}
}

// Machines returns the agents of a project's machine group that were heard of, sorted by id. Errors: those of [control.Control.Machines].
func (s *Agents) Machines(ctx context.Context, project, group string) ([]Agent, error) {
	kind, ids, err := s.control.Machines(ctx, project, group)
	if err != nil {
		return nil, err
	}
	members := newMembers(kind, ids)
	list := []Agent{}
	s.mu.Lock()
	s.forget(s.o.Now())
	for k, a := range s.seen {
		if k.project == project && members.has(a, s.o.Token != "") {
			list = append(list, *a)
		}
	}
	s.mu.Unlock()
	slices.SortFunc(list, func(a, b Agent) int { return strings.Compare(a.ID, b.ID) })
	return list, nil
}

// news is what of wanted an agent does not have in that version, and what it has that is not wanted.
func news(wanted []Config, has []ConfigState) []Config {
	updates := []Config{}
	for _, c := range wanted {
		if !slices.ContainsFunc(has, func(h ConfigState) bool { return h.Name == c.Name && h.Version == c.Version }) {
			updates = append(updates, c)
		}
	}
	for _, h := range has {
		if h.Version != Deleted && !slices.ContainsFunc(wanted, func(c Config) bool { return c.Name == h.Name }) {
			updates = append(updates, Config{Name: h.Name, Version: Deleted})
		}
	}
	return updates
}
