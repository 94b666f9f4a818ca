package blueprint

import (
	"context"
	"fmt"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
)

// Export returns what a file would say of a project as it is now. Secrets in it are masked; where a mask is applied, the secret stays.
func Export(ctx context.Context, c *client.Client, name string) (Project, error) {
	p := Project{Name: name}
	have, err := c.Project(ctx, name)
	if err != nil {
		return p, err
	}
	p.Description = &have.Description
	names, err := c.Logstores(ctx, name)
	if err != nil {
		return p, err
	}
	p.Logstores = map[string]*Logstore{}
	for _, logstore := range names {
		if strings.HasPrefix(logstore, internal) {
			continue
		}
		if p.Logstores[logstore], err = exportLogstore(ctx, c, sluice.LogstoreRef{Project: name, Logstore: logstore}); err != nil {
			return p, fmt.Errorf("logstore %s: %w", logstore, err)
		}
	}
	for _, s := range []struct {
		of   *map[string]Document
		kind client.ResourceKind
	}{
		{&p.ExternalStores, client.ExternalStores},
		{&p.Configs, client.Configs},
		{&p.Pipelines, client.PipelineConfigs},
		{&p.MachineGroups, client.MachineGroups},
		{&p.SavedSearches, client.SavedSearches},
		{&p.Dashboards, client.Dashboards},
		{&p.Alerts, client.Alerts},
		{&p.ScheduledSQLs, client.ScheduledSQLs},
		{&p.Ingestions, client.Ingestions},
	} {
		if *s.of, err = exportDocuments(ctx, c, s.kind, name); err != nil {
			return p, fmt.Errorf("documents of kind %s: %w", s.kind.Name, err)
		}
	}
	return p, p.exportRest(ctx, c)
}

// exportRest exports what refers to the rest.
func (p *Project) exportRest(ctx context.Context, c *client.Client) error {
	p.Applied = map[string][]string{}
	for group := range p.MachineGroups {
		configs, err := c.AppliedConfigs(ctx, p.Name, group)
		if err != nil {
			return fmt.Errorf("configs of machine group %s: %w", group, err)
		}
		if len(configs) > 0 {
			p.Applied[group] = configs
		}
	}
	tasks, err := c.Deliveries(ctx, p.Name)
	if err != nil {
		return err
	}
	p.Deliveries = map[string]Document{}
	for _, t := range tasks {
		d, err := parse(t.Spec)
		if err != nil {
			return err
		}
		delete(d, "name")
		p.Deliveries[t.Name] = d
	}
	things, err := c.Tags(ctx, p.Name, "project", p.Name)
	if err != nil {
		return fmt.Errorf("tags: %w", err)
	}
	for _, thing := range things {
		p.Tags = thing.Tags
	}
	return nil
}

func exportLogstore(ctx context.Context, c *client.Client, ref sluice.LogstoreRef) (*Logstore, error) {
	l, err := c.Logstore(ctx, ref)
	if err != nil {
		return nil, err
	}
	shards, err := c.Shards(ctx, ref)
	if err != nil {
		return nil, err
	}
	open := 0
	for _, s := range shards {
		if !s.ReadOnly {
			open++
		}
	}
	out := &Logstore{
		TTL: &l.TTLDays, Shards: &open, AutoSplit: set(l.AutoSplit), MaxSplitShard: set(l.MaxSplitShard), WebTracking: set(l.Tracking),
		AppendMeta: set(l.AppendMeta), Modifiable: set(l.Modifiable), Mode: set(l.Mode), TelemetryType: set(l.TelemetryType), HotTTL: set(l.HotTTLDays), InfrequentTTL: set(l.InfrequentTTLDays),
	}
	raw, err := c.Index(ctx, ref)
	switch {
	case client.Code(err) == "IndexConfigNotExist":
	case err != nil:
		return nil, err
	default:
		if out.Index, err = parse(raw); err != nil {
			return nil, err
		}
		delete(out.Index, "lastModifyTime")
	}
	groups, err := c.ConsumerGroups(ctx, ref)
	if err != nil {
		return nil, err
	}
	if len(groups) > 0 {
		out.ConsumerGroups = map[string]*ConsumerGroup{}
	}
	for _, g := range groups {
		out.ConsumerGroups[g.Name] = &ConsumerGroup{&g.TimeoutSeconds, &g.Order}
	}
	return out, nil
}

// set is a setting, nil if it is none.
func set[T comparable](v T) *T {
	var none T
	if v == none {
		return nil
	}
	return &v
}

func exportDocuments(ctx context.Context, c *client.Client, kind client.ResourceKind, project string) (map[string]Document, error) {
	names, err := c.ResourceNames(ctx, kind, project)
	if err != nil {
		return nil, err
	}
	all := map[string]Document{}
	for _, name := range names {
		raw, err := c.Resource(ctx, kind, project, name)
		if err != nil {
			return nil, err
		}
		d, err := parse(raw)
		if err != nil {
			return nil, err
		}
		for _, key := range append([]string{kind.NameKey}, served...) {
			delete(d, key)
		}
		all[name] = d
	}
	return all, nil
}
