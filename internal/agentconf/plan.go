package agentconf

import (
	"context"
	"slices"
	"strings"

	"github.com/sluicelog/sluice"
)

// plan is what the agents of a project are to have, as of one generation of the metadata: thousands of heartbeats ask for the same.
type plan struct {
	generation uint64
	groups     []planGroup
	configs    map[string]Config
}

type planGroup struct {
	members members
	configs []string
}

// maxPlans is of how many projects plans are kept.
const maxPlans = 1_000

// plan returns the plan of a project. A project that is not there has nothing for agents, and does not say so.
func (s *Agents) plan(ctx context.Context, project string) (*plan, error) {
	generation := s.control.Generation() // before it is read: what is read is at least as new
	s.mu.Lock()
	p := s.plans[project]
	s.mu.Unlock()
	if p != nil && p.generation == generation {
		return p, nil
	}
	p = &plan{generation: generation, configs: map[string]Config{}}
	all, err := s.control.Collection(ctx, project)
	if err != nil && sluice.KindOf(err) != sluice.NotFound {
		return nil, err
	}
	for _, g := range all.Groups {
		p.groups = append(p.groups, planGroup{newMembers(g.Kind, g.IDs), g.Configs})
	}
	for _, c := range all.Configs {
		detail, ok := s.pipeline(project, c)
		if ok {
			p.configs[c.Name] = Config{Name: c.Name, Version: c.Modified.UnixNano(), Detail: detail}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.plans) >= maxPlans {
		clear(s.plans)
	}
	s.plans[project] = p
	return p, nil
}

// of is what an agent is to have, by name.
func (p *plan) of(a *Agent, trusted bool) (list []Config) {
	for _, g := range p.groups {
		if !g.members.has(a, trusted) {
			continue
		}
		for _, name := range g.configs {
			if c, ok := p.configs[name]; ok {
				list = append(list, c)
			}
		}
	}
	slices.SortFunc(list, func(a, b Config) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(list, func(a, b Config) bool { return a.Name == b.Name })
}
