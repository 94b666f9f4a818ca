package blueprint

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
)

// Make compares projects with what the server has. With prune, what sections do not name is deleted.
func Make(ctx context.Context, c *client.Client, projects []Project, prune bool) (*Plan, error) {
	plan := &Plan{Steps: []Step{}}
	for i := range projects {
		m := &maker{ctx: ctx, c: c, p: &projects[i], prune: prune, plan: plan}
		if err := m.project(); err != nil {
			return nil, fmt.Errorf("project %s: %w", projects[i].Name, err)
		}
		slices.Reverse(m.deletes) // what was made last goes first
		plan.Steps = append(plan.Steps, m.deletes...)
	}
	return plan, nil
}

// maker plans one project.
type maker struct {
	ctx     context.Context
	c       *client.Client
	p       *Project
	fresh   bool // the project is not there yet, so nothing in it is
	prune   bool
	plan    *Plan
	deletes []Step
}

func (m *maker) step(action Action, kind, name string, differences []Difference, do func(context.Context) error) {
	s := Step{action, kind, name, differences, do}
	if action == Delete {
		m.deletes = append(m.deletes, s)
		return
	}
	m.plan.Steps = append(m.plan.Steps, s)
}

// update plans an update if there are differences.
func (m *maker) update(kind, name string, differences []Difference, do func(context.Context) error) {
	if len(differences) == 0 {
		m.plan.Unchanged++
		return
	}
	m.step(Update, kind, name, differences, do)
}

func (m *maker) path(name string) string { return m.p.Name + "/" + name }

func (m *maker) project() error {
	have, err := m.c.Project(m.ctx, m.p.Name)
	switch {
	case client.Code(err) == "ProjectNotExist":
		m.fresh = true
		m.step(Create, "project", m.p.Name, nil, func(ctx context.Context) error {
			return m.c.CreateProject(ctx, m.p.Name, deref(m.p.Description))
		})
	case err != nil:
		return err
	case m.p.Description != nil:
		m.update("project", m.p.Name, values(value("description", m.p.Description, have.Description)), func(ctx context.Context) error {
			return m.c.UpdateProject(ctx, m.p.Name, *m.p.Description)
		})
	default:
		m.plan.Unchanged++
	}
	for _, part := range []func() error{m.tags, m.logstores, m.documents, m.applied, m.deliveries} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// value compares a setting; a nil one is left as it is.
func value[T comparable](path string, want *T, have T) *Difference {
	if want == nil || *want == have {
		return nil
	}
	return &Difference{path, have, *want}
}

func values(all ...*Difference) (differences []Difference) {
	for _, d := range all {
		if d != nil {
			differences = append(differences, *d)
		}
	}
	return differences
}

func (m *maker) tags() error {
	if m.p.Tags == nil {
		return nil
	}
	have := map[string]string{}
	if !m.fresh {
		things, err := m.c.Tags(m.ctx, m.p.Name, "project", m.p.Name)
		if err != nil {
			return fmt.Errorf("read the tags: %w", err)
		}
		for _, thing := range things {
			maps.Copy(have, thing.Tags)
		}
	}
	var differences []Difference
	set, gone := map[string]string{}, []string{}
	for _, key := range slices.Sorted(maps.Keys(m.p.Tags)) {
		old, there := have[key]
		if want := m.p.Tags[key]; !there || old != want {
			set[key] = want
			differences = append(differences, Difference{key, orNil(old, there), want})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(have)) {
		if _, named := m.p.Tags[key]; !named && m.prune {
			gone = append(gone, key)
			differences = append(differences, Difference{key, have[key], nil})
		}
	}
	m.update("tags", m.p.Name, differences, func(ctx context.Context) error {
		if len(set) > 0 {
			if err := m.c.Tag(ctx, client.Tagged{Type: "project", ID: m.p.Name, Tags: set}); err != nil {
				return err
			}
		}
		if len(gone) > 0 {
			return m.c.Untag(ctx, "project", m.p.Name, gone...)
		}
		return nil
	})
	return nil
}

func orNil(text string, there bool) any {
	if !there {
		return nil
	}
	return text
}

// served are members that servers add to documents, and that say nothing of what a document is.
var served = []string{"createTime", "lastModifyTime", "lastModifiedTime", "status", "state"}

func (m *maker) documents() error {
	for _, s := range m.p.sections() {
		if s.have == nil {
			continue
		}
		if err := m.section(s); err != nil {
			return err
		}
	}
	return nil
}

func (m *maker) section(s section) error {
	names := []string{}
	if !m.fresh {
		var err error
		if names, err = m.c.ResourceNames(m.ctx, s.kind, m.p.Name); err != nil {
			return fmt.Errorf("list the documents of kind %s: %w", s.title, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.have)) {
		want := maps.Clone(s.have[name])
		if want == nil {
			want = Document{}
		}
		want[s.kind.NameKey] = name
		if s.jobType != "" {
			want["type"] = s.jobType
		}
		if !slices.Contains(names, name) {
			m.step(Create, s.title, m.path(name), nil, func(ctx context.Context) error {
				return m.c.CreateResource(ctx, s.kind, m.p.Name, encode(want))
			})
			continue
		}
		raw, err := m.c.Resource(m.ctx, s.kind, m.p.Name, name)
		if err != nil {
			return fmt.Errorf("read %s %s: %w", s.title, name, err)
		}
		have, err := parse(raw)
		if err != nil {
			return fmt.Errorf("%s %s of the server: %w", s.title, name, err)
		}
		m.update(s.title, m.path(name), exact.members(want, have), func(ctx context.Context) error {
			return m.c.UpdateResource(ctx, s.kind, m.p.Name, name, over(have, want))
		})
	}
	for _, name := range names {
		if _, named := s.have[name]; !named && m.prune {
			m.step(Delete, s.title, m.path(name), nil, func(ctx context.Context) error {
				return m.c.DeleteResource(ctx, s.kind, m.p.Name, name)
			})
		}
	}
	return nil
}

// over is what the server has with the members of want in place of its own.
func over(have, want Document) json.RawMessage {
	whole := maps.Clone(have)
	for _, key := range served {
		delete(whole, key)
	}
	maps.Copy(whole, want)
	return encode(whole)
}

// encode is a document as JSON; it was JSON before.
func encode(d Document) json.RawMessage {
	raw, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	return raw
}

// applied plans which configs apply to machine groups: exactly those that the file lists.
func (m *maker) applied() error {
	for _, group := range slices.Sorted(maps.Keys(m.p.Applied)) {
		want := slices.Sorted(slices.Values(m.p.Applied[group]))
		have := []string{}
		if !m.fresh {
			var err error
			have, err = m.c.AppliedConfigs(m.ctx, m.p.Name, group)
			if client.Code(err) == "MachineGroupNotExist" || client.Code(err) == "GroupNotExist" { // it is made before
				have, err = nil, nil
			}
			if err != nil {
				return fmt.Errorf("read the configs of machine group %s: %w", group, err)
			}
			slices.Sort(have)
		}
		if slices.Equal(want, have) {
			m.plan.Unchanged++
			continue
		}
		change := []Difference{{"configs", strings.Join(have, ", "), strings.Join(want, ", ")}}
		m.step(Update, "applied configs", m.path(group), change, func(ctx context.Context) error {
			for _, name := range want {
				if !slices.Contains(have, name) {
					if err := m.c.ApplyConfig(ctx, m.p.Name, group, name); err != nil {
						return err
					}
				}
			}
			for _, name := range have {
				if !slices.Contains(want, name) {
					if err := m.c.RemoveConfig(ctx, m.p.Name, group, name); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	return nil
}

func (m *maker) ref(logstore string) sluice.LogstoreRef {
	return sluice.LogstoreRef{Project: m.p.Name, Logstore: logstore}
}
