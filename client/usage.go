package client

import (
	"context"

	"github.com/sluicelog/sluice"
)

// Usage counts what there is in a project.
type Usage struct {
	Project        string `json:"project"`
	Logstores      int    `json:"logstores"`
	Shards         int    `json:"shards"`         // that take logs
	ReadOnlyShards int    `json:"readOnlyShards"` // that were split or merged and still hold logs
	Indexes        int    `json:"indexes"`        // logstores with an index configuration
	ConsumerGroups int    `json:"consumerGroups"`

	Documents map[string]int `json:"documents"` // by the name of their kind
}

// Usage counts what there is in a project. It asks for each logstore, so a large project takes its time.
func (c *Client) Usage(ctx context.Context, project string) (Usage, error) {
	u := Usage{Project: project}
	names, err := c.Logstores(ctx, project)
	if err != nil {
		return u, err
	}
	u.Logstores = len(names)
	for _, name := range names {
		ref := sluice.LogstoreRef{Project: project, Logstore: name}
		shards, err := c.Shards(ctx, ref)
		if err != nil {
			return u, err
		}
		open := len(takingLogs(shards))
		u.Shards += open
		u.ReadOnlyShards += len(shards) - open
		groups, err := c.ConsumerGroups(ctx, ref)
		if err != nil {
			return u, err
		}
		u.ConsumerGroups += len(groups)
		switch _, err := c.Index(ctx, ref); {
		case err == nil:
			u.Indexes++
		case Code(err) != "IndexConfigNotExist":
			return u, err
		}
	}
	u.Documents = map[string]int{}
	for _, kind := range ResourceKinds() {
		if kind.InAccount() || kind.path == Jobs.path && kind.Name != Jobs.Name {
			continue // jobs are counted once
		}
		names, err := c.ResourceNames(ctx, kind, project)
		if err != nil {
			return u, err
		}
		u.Documents[kind.Name] = len(names)
	}
	return u, nil
}
