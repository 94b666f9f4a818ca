package sls

import (
	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// ListShards: GET /logstores/{logstore}/shards
//
// Behavior: all shards that still hold or take data, read-only ones too, by id.

// SplitShard: POST /logstores/{logstore}/shards/{shard}?action=split
//
// Behavior: key splits there, shardCount into equal parts; the answer is the parent, read-only now, then the children.
// Differs: with neither key nor shardCount the shard is split in two halves.
// Differs: a logstore has at most 4,096 shards of all states; then ProjectQuotaExceed, until retention or DeleteShard has taken some.

// MergeShards: POST /logstores/{logstore}/shards/{shard}?action=merge
//
// Behavior: merges with the shard to the right; the answer is the child, then the parents.

// DeleteShard: DELETE /logstores/{logstore}/shards/{shard}
//
// Behavior: read-only shards only, with their data.

var shardRoutes = []Route{
	{Method: "GET", Path: "/logstores/{logstore}/shards", Action: "ListShards", Resource: "logstore/{logstore}", handle: (*API).listShards},
	{Method: "POST", Path: "/logstores/{logstore}/shards/{shard}", When: "action=split", Action: "SplitShard", Resource: "logstore/{logstore}", Mutating: true, handle: (*API).splitShard},
	{Method: "POST", Path: "/logstores/{logstore}/shards/{shard}", When: "action=merge", Action: "MergeShards", Resource: "logstore/{logstore}", Mutating: true, handle: (*API).mergeShards},
	{Method: "DELETE", Path: "/logstores/{logstore}/shards/{shard}", Action: "DeleteShard", Resource: "logstore/{logstore}", Mutating: true, handle: (*API).deleteShard},
}

type shardObject struct {
	ID         sluice.ShardID `json:"shardID"`
	Status     string         `json:"status"`
	Begin      string         `json:"inclusiveBeginKey"`
	End        string         `json:"exclusiveEndKey"`
	CreateTime int64          `json:"createTime"`
}

func (q *request) shards(shards []meta.Shard) error {
	objects := make([]shardObject, len(shards))
	for i, s := range shards {
		objects[i] = shardObject{s.ID, "readwrite", s.Begin.String(), s.End.String(), s.Created.Unix()}
		if s.ReadOnly {
			objects[i].Status = "readonly"
		}
	}
	return q.json(objects)
}

func (a *API) listShards(q *request) error {
	shards, err := a.Catalog.Shards(q.ctx(), q.logstore())
	if err != nil {
		return err
	}
	return q.shards(shards)
}

func (a *API) splitShard(q *request) error {
	id, err := q.shardID()
	if err != nil {
		return err
	}
	count, err := q.number("shardCount", 2)
	if err != nil {
		return err
	}
	var at *sluice.HashKey
	if text := q.query.Get("key"); text != "" {
		key, err := sluice.ParseHashKey(text)
		if err != nil {
			return sluice.Errorf(sluice.Invalid, "parameter", "invalid mid hash: %w", err)
		}
		at = &key
	}
	shards, err := a.Catalog.Split(q.ctx(), q.logstore(), id, at, count)
	if err != nil {
		return err
	}
	return q.shards(shards)
}

func (a *API) mergeShards(q *request) error {
	id, err := q.shardID()
	if err != nil {
		return err
	}
	shards, err := a.Catalog.Merge(q.ctx(), q.logstore(), id)
	if err != nil {
		return err
	}
	return q.shards(shards)
}

func (a *API) deleteShard(q *request) error {
	id, err := q.shardID()
	if err != nil {
		return err
	}
	if err := a.Catalog.DeleteShard(q.ctx(), q.logstore(), id); err != nil {
		return err
	}
	return q.ok()
}
