package client

import (
	"context"
	"fmt"
	"slices"

	"github.com/sluicelog/sluice"
)

// CopyLogstore makes target like the logstore ref: its settings, as many shards that take logs, its index configuration and its
// consumer groups, without their checkpoints. A target that is there is changed to be so, and gets shards, but loses none. No logs are copied:
// see [Client.CopyData]. A nil to is c itself; the project of the target has to be there.
func (c *Client) CopyLogstore(ctx context.Context, ref sluice.LogstoreRef, to *Client, target sluice.LogstoreRef) error {
	if to == nil {
		to = c
	}
	l, err := c.Logstore(ctx, ref)
	if err != nil {
		return err
	}
	shards, err := c.Shards(ctx, ref)
	if err != nil {
		return err
	}
	if err := to.likeLogstore(ctx, target, l, len(takingLogs(shards))); err != nil {
		return fmt.Errorf("make %s like %s: %w", target, ref, err)
	}
	index, err := c.Index(ctx, ref)
	if Code(err) == "IndexConfigNotExist" {
		index, err = nil, nil
	}
	if err == nil && index != nil {
		err = to.SetIndex(ctx, target, index)
	}
	if err != nil {
		return fmt.Errorf("copy the index configuration of %s: %w", ref, err)
	}
	return c.copyGroups(ctx, ref, to, target)
}

// maxNewShards is how many shards a logstore may start with.
const maxNewShards = 100

// likeLogstore makes a logstore, or changes one, to have these settings and at least so many shards.
func (c *Client) likeLogstore(ctx context.Context, ref sluice.LogstoreRef, l Logstore, shards int) error {
	spec := LogstoreSpec{
		TTLDays: &l.TTLDays, Tracking: &l.Tracking, AppendMeta: &l.AppendMeta, AutoSplit: &l.AutoSplit, Mode: &l.Mode,
		HotTTLDays: positive(l.HotTTLDays), InfrequentTTLDays: positive(l.InfrequentTTLDays), MaxSplitShard: positive(l.MaxSplitShard),
	}
	if l.Modifiable {
		spec.Modifiable = &l.Modifiable // a copy that is made, or changed, to be modifiable stays so
	}
	created := spec
	first := min(shards, maxNewShards)
	created.ShardCount = &first
	if l.TelemetryType != "" {
		created.TelemetryType = &l.TelemetryType
	}
	err := c.CreateLogstore(ctx, ref, created)
	if Code(err) == "LogStoreAlreadyExist" {
		err = c.UpdateLogstore(ctx, ref, spec)
	}
	if err != nil {
		return err
	}
	have, err := c.Shards(ctx, ref)
	if err != nil || len(takingLogs(have)) >= shards {
		return err
	}
	_, err = c.ArrangeShards(ctx, ref, shards)
	return err
}

// positive is n, or nil for what is not set.
func positive(n int) *int {
	if n <= 0 {
		return nil
	}
	return &n
}

func (c *Client) copyGroups(ctx context.Context, ref sluice.LogstoreRef, to *Client, target sluice.LogstoreRef) error {
	groups, err := c.ConsumerGroups(ctx, ref)
	if err != nil {
		return err
	}
	for _, g := range groups {
		err := to.CreateConsumerGroup(ctx, target, g)
		if Code(err) == "ConsumerGroupAlreadyExist" {
			err = to.UpdateConsumerGroup(ctx, target, g.Name, ConsumerGroupChange{TimeoutSeconds: &g.TimeoutSeconds, Order: &g.Order})
		}
		if err != nil {
			return fmt.Errorf("copy consumer group %s of %s: %w", g.Name, ref, err)
		}
	}
	return nil
}

// ProjectCopied is what CopyProject copied, by name.
type ProjectCopied struct {
	Logstores []string            `json:"logstores"`
	Documents map[string][]string `json:"documents"` // by the name of their kind
}

// copiedKinds are the kinds of documents that make no sense without the project and hold no secrets, which could not be read. Jobs of any
// type would run twice.
var copiedKinds = []ResourceKind{Configs, PipelineConfigs, MachineGroups, SavedSearches, Dashboards}

// CopyProject makes a project like another, without logs: its description, its logstores, as [Client.CopyLogstore] copies them, Logtail
// configurations, machine groups and which apply to which, saved searches and dashboards. Jobs, alerts, external stores and delivery tasks stay
// behind. A target that is there keeps its description and whatever else it has. A nil to is c itself.
func (c *Client) CopyProject(ctx context.Context, project string, to *Client, target string) (ProjectCopied, error) {
	var done ProjectCopied
	if to == nil {
		to = c
	}
	if to.Endpoint() == c.Endpoint() && target == project {
		return done, fmt.Errorf("project %s cannot be copied onto itself", project)
	}
	p, err := c.Project(ctx, project)
	if err != nil {
		return done, err
	}
	if err := to.CreateProject(ctx, target, p.Description); err != nil && Code(err) != "ProjectAlreadyExist" {
		return done, err
	}
	if _, err := to.Project(ctx, target); err != nil { // it may be there and be somebody else's
		return done, err
	}
	names, err := c.Logstores(ctx, project)
	if err != nil {
		return done, err
	}
	for _, name := range names {
		from, into := sluice.LogstoreRef{Project: project, Logstore: name}, sluice.LogstoreRef{Project: target, Logstore: name}
		if err := c.CopyLogstore(ctx, from, to, into); err != nil {
			return done, err
		}
		done.Logstores = append(done.Logstores, name)
	}
	done.Documents = map[string][]string{}
	for _, kind := range copiedKinds {
		if done.Documents[kind.Name], err = c.copyDocuments(ctx, kind, project, to, target); err != nil {
			return done, err
		}
	}
	return done, c.copyApplied(ctx, done.Documents[MachineGroups.Name], project, to, target)
}

// copyDocuments copies all documents of a kind, and returns their names.
func (c *Client) copyDocuments(ctx context.Context, kind ResourceKind, project string, to *Client, target string) ([]string, error) {
	names, err := c.ResourceNames(ctx, kind, project)
	if err != nil {
		return nil, fmt.Errorf("list the documents of kind %s: %w", kind.Name, err)
	}
	have, err := to.ResourceNames(ctx, kind, target)
	if err != nil {
		return nil, fmt.Errorf("list the documents of kind %s: %w", kind.Name, err)
	}
	for _, name := range names {
		d, err := c.Resource(ctx, kind, project, name)
		if err == nil && slices.Contains(have, name) {
			err = to.UpdateResource(ctx, kind, target, name, d)
		} else if err == nil {
			err = to.CreateResource(ctx, kind, target, d)
		}
		if err != nil {
			return nil, fmt.Errorf("copy %s %s: %w", kind.Name, name, err)
		}
	}
	return names, nil
}

// copyApplied has configurations apply to machine groups where they did.
func (c *Client) copyApplied(ctx context.Context, groups []string, project string, to *Client, target string) error {
	for _, group := range groups {
		configs, err := c.AppliedConfigs(ctx, project, group)
		if err != nil {
			return err
		}
		for _, config := range configs {
			if err := to.ApplyConfig(ctx, target, group, config); err != nil {
				return fmt.Errorf("apply config %s to machine group %s: %w", config, group, err)
			}
		}
	}
	return nil
}
