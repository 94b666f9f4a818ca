package blueprint

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/sluicelog/sluice/client"
)

// filled is how documents are compared that a server fills in.
var filled = comparison{loose: true, whole: []string{"headers"}}

// deliveries plans delivery tasks. A new one is tested and brought online.
func (m *maker) deliveries() error {
	if m.p.Deliveries == nil {
		return nil
	}
	have := map[string]client.DeliveryTask{}
	if !m.fresh {
		tasks, err := m.c.Deliveries(m.ctx, m.p.Name)
		if err != nil {
			return fmt.Errorf("list the delivery tasks: %w", err)
		}
		for _, t := range tasks {
			have[t.Name] = t
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.p.Deliveries)) {
		want := maps.Clone(m.p.Deliveries[name])
		if want == nil {
			want = Document{}
		}
		want["name"] = name
		t, there := have[name]
		if !there {
			m.step(Create, "delivery", m.path(name), nil, func(ctx context.Context) error {
				if _, err := m.c.CreateDelivery(ctx, m.p.Name, encode(want)); err != nil {
					return err
				}
				return m.online(ctx, name)
			})
			continue
		}
		spec, err := parse(t.Spec)
		if err != nil {
			return fmt.Errorf("delivery %s of the server: %w", name, err)
		}
		differences := filled.members(want, spec)
		draft := t.State == "draft" || t.State == "verifying" // what an earlier apply could not bring online
		if draft {
			differences = append(differences, Difference{"state", t.State, "online"})
		}
		m.update("delivery", m.path(name), differences, func(ctx context.Context) error {
			if _, err := m.c.UpdateDelivery(ctx, m.p.Name, name, t.Revision, over(spec, want)); err != nil || !draft {
				return err
			}
			return m.online(ctx, name)
		})
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, named := m.p.Deliveries[name]; !named && m.prune {
			m.step(Delete, "delivery", m.path(name), nil, func(ctx context.Context) error { return m.c.DeleteDelivery(ctx, m.p.Name, name) })
		}
	}
	return nil
}

// online tests a draft and starts it.
func (m *maker) online(ctx context.Context, name string) error {
	if _, err := m.c.VerifyDelivery(ctx, m.p.Name, name); err != nil {
		return fmt.Errorf("it is a draft, since its destination cannot be used: %w", err)
	}
	_, err := m.c.StartDelivery(ctx, m.p.Name, name, false)
	return err
}
