package blueprint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluicelog/sluice/client"
)

// internal is how the names of logstores begin that belong to the server.
const internal = "internal-"

func (m *maker) logstores() error {
	if m.p.Logstores == nil {
		return nil
	}
	names := []string{}
	if !m.fresh {
		var err error
		if names, err = m.c.Logstores(m.ctx, m.p.Name); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.p.Logstores)) {
		if err := m.logstore(name, m.p.Logstores[name], slices.Contains(names, name)); err != nil {
			return fmt.Errorf("logstore %s: %w", name, err)
		}
	}
	for _, name := range names {
		if _, named := m.p.Logstores[name]; !named && m.prune && !strings.HasPrefix(name, internal) {
			m.step(Delete, "logstore", m.path(name), nil, func(ctx context.Context) error { return m.c.DeleteLogstore(ctx, m.ref(name)) })
		}
	}
	return nil
}

func (m *maker) logstore(name string, want *Logstore, there bool) error {
	ref := m.ref(name)
	spec := client.LogstoreSpec{
		TTLDays: want.TTL, Tracking: want.WebTracking, AppendMeta: want.AppendMeta, AutoSplit: want.AutoSplit, MaxSplitShard: want.MaxSplitShard,
		Modifiable: want.Modifiable, Mode: want.Mode, HotTTLDays: want.HotTTL, InfrequentTTLDays: want.InfrequentTTL,
	}
	if !there {
		created := spec
		created.ShardCount, created.TelemetryType = want.Shards, want.TelemetryType
		m.step(Create, "logstore", m.path(name), nil, func(ctx context.Context) error { return m.c.CreateLogstore(ctx, ref, created) })
	} else {
		have, err := m.c.Logstore(m.ctx, ref)
		if err != nil {
			return err
		}
		if have.Modifiable && want.Modifiable != nil && !*want.Modifiable {
			return errors.New("modifiable is true on the server, which cannot be taken back; say true, or leave it out")
		}
		m.update("logstore", m.path(name), values(
			value("ttl", want.TTL, have.TTLDays), value("webTracking", want.WebTracking, have.Tracking),
			value("appendMeta", want.AppendMeta, have.AppendMeta), value("autoSplit", want.AutoSplit, have.AutoSplit),
			value("maxSplitShard", want.MaxSplitShard, have.MaxSplitShard), value("modifiable", want.Modifiable, have.Modifiable), value("mode", want.Mode, have.Mode),
			value("hotTTL", want.HotTTL, have.HotTTLDays), value("infrequentTTL", want.InfrequentTTL, have.InfrequentTTLDays),
		), func(ctx context.Context) error { return m.c.UpdateLogstore(ctx, ref, spec) })
		if err := m.shards(name, want); err != nil {
			return err
		}
	}
	if err := m.index(name, want, there); err != nil {
		return err
	}
	return m.groups(name, want, there)
}

// shards plans more shards. Fewer are not asked for: automatic splits make more than a file says.
func (m *maker) shards(name string, want *Logstore) error {
	if want.Shards == nil {
		return nil
	}
	shards, err := m.c.Shards(m.ctx, m.ref(name))
	if err != nil {
		return err
	}
	open := 0
	for _, s := range shards {
		if !s.ReadOnly {
			open++
		}
	}
	if open >= *want.Shards {
		return nil
	}
	m.step(Update, "shards", m.path(name), []Difference{{"shards", open, *want.Shards}}, func(ctx context.Context) error {
		_, err := m.c.ArrangeShards(ctx, m.ref(name), *want.Shards)
		return err
	})
	return nil
}

// indexes are filled in by servers, but for the fields that they have.
var indexes = comparison{loose: true, whole: []string{"keys", "json_keys"}}

func (m *maker) index(name string, want *Logstore, there bool) error {
	if want.Index == nil {
		return nil
	}
	var raw json.RawMessage
	if there {
		var err error
		raw, err = m.c.Index(m.ctx, m.ref(name))
		if client.Code(err) == "IndexConfigNotExist" {
			raw, err = nil, nil
		}
		if err != nil {
			return err
		}
	}
	if raw == nil {
		m.step(Create, "index", m.path(name), nil, func(ctx context.Context) error { return m.c.SetIndex(ctx, m.ref(name), encode(want.Index)) })
		return nil
	}
	have, err := parse(raw)
	if err != nil {
		return err
	}
	m.update("index", m.path(name), indexes.members(want.Index, have), func(ctx context.Context) error {
		return m.c.SetIndex(ctx, m.ref(name), over(have, want.Index))
	})
	return nil
}

// timeout is that of a consumer group that a file says nothing of.
const timeout = 60

func (m *maker) groups(name string, want *Logstore, there bool) error {
	if want.ConsumerGroups == nil {
		return nil
	}
	have := map[string]client.ConsumerGroup{}
	if there {
		groups, err := m.c.ConsumerGroups(m.ctx, m.ref(name))
		if err != nil {
			return err
		}
		for _, g := range groups {
			have[g.Name] = g
		}
	}
	ref := m.ref(name)
	for _, group := range slices.Sorted(maps.Keys(want.ConsumerGroups)) {
		w := want.ConsumerGroups[group]
		if w == nil {
			w = &ConsumerGroup{}
		}
		h, exists := have[group]
		if !exists {
			made := client.ConsumerGroup{Name: group, TimeoutSeconds: timeout, Order: deref(w.Order)}
			if w.Timeout != nil {
				made.TimeoutSeconds = *w.Timeout
			}
			m.step(Create, "consumer group", m.path(name)+"/"+group, nil, func(ctx context.Context) error { return m.c.CreateConsumerGroup(ctx, ref, made) })
			continue
		}
		m.update("consumer group", m.path(name)+"/"+group, values(value("timeout", w.Timeout, h.TimeoutSeconds), value("order", w.Order, h.Order)),
			func(ctx context.Context) error {
				return m.c.UpdateConsumerGroup(ctx, ref, group, client.ConsumerGroupChange{TimeoutSeconds: w.Timeout, Order: w.Order})
			})
	}
	for _, group := range slices.Sorted(maps.Keys(have)) {
		if _, named := want.ConsumerGroups[group]; !named && m.prune {
			m.step(Delete, "consumer group", m.path(name)+"/"+group, nil, func(ctx context.Context) error { return m.c.DeleteConsumerGroup(ctx, ref, group) })
		}
	}
	return nil
}
