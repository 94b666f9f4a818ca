package sls

import (
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// CreateConsumerGroup: POST /logstores/{logstore}/consumergroups
//
// Body: consumerGroup, timeout in seconds, order.

// UpdateConsumerGroup: PUT /logstores/{logstore}/consumergroups/{group}
//
// Body: timeout, order; what is absent stays.

// DeleteConsumerGroup: DELETE /logstores/{logstore}/consumergroups/{group}
//
// Behavior: the group goes with its checkpoints.

// ListConsumerGroup: GET /logstores/{logstore}/consumergroups

// HeartBeat: POST /logstores/{logstore}/consumergroups/{group}?type=heartbeat&consumer={consumer}
//
// Body: the shards that the consumer still holds; the answer is the shards it should hold.
// Behavior: a shard moves only when its old holder no longer lists it, or timed out.
// Differs: a consumer unknown since a restart may keep the shards that nobody else holds, instead of NotExistConsumerWithBody.

// ConsumerGroupUpdateCheckPoint: POST /logstores/{logstore}/consumergroups/{group}?type=checkpoint&consumer={consumer}
//
// Body: shard, checkpoint.
// Behavior: without forceSuccess, only the consumer that holds the shard may; ConsumerNotMatch for others.

// GetConsumerGroupCheckPoint: GET /logstores/{logstore}/consumergroups/{group}
//
// Behavior: an entry for every shard, with an empty checkpoint where there is none; shard={id} chooses one.

var consumerGroupRoutes = []Route{
	{Method: "POST", Path: "/logstores/{logstore}/consumergroups", Action: "CreateConsumerGroup", Resource: "logstore/{logstore}/consumergroup/*", Mutating: true, handle: (*API).createConsumerGroup},
	{Method: "GET", Path: "/logstores/{logstore}/consumergroups", Action: "ListConsumerGroup", Resource: "logstore/{logstore}/consumergroup/*", handle: (*API).listConsumerGroups},
	{Method: "PUT", Path: "/logstores/{logstore}/consumergroups/{group}", Action: "UpdateConsumerGroup", Resource: "logstore/{logstore}/consumergroup/{group}", Mutating: true, handle: (*API).updateConsumerGroup},
	{Method: "DELETE", Path: "/logstores/{logstore}/consumergroups/{group}", Action: "DeleteConsumerGroup", Resource: "logstore/{logstore}/consumergroup/{group}", Mutating: true, handle: (*API).deleteConsumerGroup},
	{Method: "POST", Path: "/logstores/{logstore}/consumergroups/{group}", When: "type=heartbeat", Action: "HeartBeat", Permission: "log:ConsumerGroupHeartBeat", Resource: "logstore/{logstore}/consumergroup/{group}", Mutating: true, handle: (*API).heartbeat},
	{Method: "POST", Path: "/logstores/{logstore}/consumergroups/{group}", When: "type=checkpoint", Action: "ConsumerGroupUpdateCheckPoint", Resource: "logstore/{logstore}/consumergroup/{group}", Mutating: true, handle: (*API).updateCheckpoint},
	{Method: "GET", Path: "/logstores/{logstore}/consumergroups/{group}", Action: "GetConsumerGroupCheckPoint", Resource: "logstore/{logstore}/consumergroup/{group}", handle: (*API).getCheckpoints},
}

func (a *API) createConsumerGroup(q *request) error {
	var body struct {
		Name    string    `json:"consumerGroup"`
		Timeout looseInt  `json:"timeout"`
		Order   looseBool `json:"order"`
	}
	if err := q.decode("json", &body); err != nil {
		return err
	}
	err := a.Consumers.Create(q.ctx(), meta.ConsumerGroup{
		Project: q.project, Logstore: q.logstore().Logstore, Name: body.Name,
		Timeout: seconds(body.Timeout), Order: bool(body.Order),
	})
	if err != nil {
		return err
	}
	return q.ok()
}

// seconds keeps n from overflowing as a duration; what is too long is refused where durations are.
func seconds(n looseInt) time.Duration {
	return time.Duration(min(max(n, -1), 1<<31)) * time.Second
}

func (a *API) listConsumerGroups(q *request) error {
	groups, err := a.Consumers.List(q.ctx(), q.logstore())
	if err != nil {
		return err
	}
	type object struct {
		Name    string `json:"name"`
		Timeout int    `json:"timeout"`
		Order   bool   `json:"order"`
	}
	objects := make([]object, len(groups))
	for i, g := range groups {
		objects[i] = object{g.Name, int(g.Timeout / time.Second), g.Order}
	}
	return q.json(objects)
}

func (a *API) updateConsumerGroup(q *request) error {
	var body struct {
		Timeout *looseInt  `json:"timeout"`
		Order   *looseBool `json:"order"`
	}
	if err := q.decode("json", &body); err != nil {
		return err
	}
	err := a.Consumers.Update(q.ctx(), q.logstore(), q.vars.get("group"), func(g *meta.ConsumerGroup) {
		if body.Timeout != nil {
			g.Timeout = seconds(*body.Timeout)
		}
		set(&g.Order, (*bool)(body.Order))
	})
	if err != nil {
		return err
	}
	return q.ok()
}

func (a *API) deleteConsumerGroup(q *request) error {
	if err := a.Consumers.Delete(q.ctx(), q.logstore(), q.vars.get("group")); err != nil {
		return err
	}
	return q.ok()
}

func (a *API) heartbeat(q *request) error {
	var held []sluice.ShardID
	if err := q.decode("json", &held); err != nil {
		return err
	}
	consumer := q.query.Get("consumer")
	if consumer == "" {
		return sluice.Errorf(sluice.Invalid, "parameter", "a heartbeat needs the parameter consumer")
	}
	assigned, err := a.Consumers.Heartbeat(q.ctx(), q.logstore(), q.vars.get("group"), consumer, held)
	if err != nil {
		return err
	}
	return q.json(array(assigned))
}

func (a *API) updateCheckpoint(q *request) error {
	var body struct {
		Shard  sluice.ShardID `json:"shard"`
		Cursor string         `json:"checkpoint"`
	}
	if err := q.decode("json", &body); err != nil {
		return err
	}
	force, err := q.flag("forceSuccess")
	if err != nil {
		return err
	}
	err = a.Consumers.SetCheckpoint(q.ctx(), q.logstore(), q.vars.get("group"), q.query.Get("consumer"), body.Shard, body.Cursor, force)
	if err != nil {
		return renoun(err, sluice.NotFound, "shard", "checkpoint-shard") // 404 here, 400 elsewhere
	}
	return q.ok()
}

func (a *API) getCheckpoints(q *request) error {
	var only *sluice.ShardID
	if text := q.query.Get("shard"); text != "" {
		id, err := parseShardID(text)
		if err != nil {
			return err
		}
		only = &id
	}
	checkpoints, err := a.Consumers.Checkpoints(q.ctx(), q.logstore(), q.vars.get("group"), only)
	if err != nil {
		return err
	}
	type object struct {
		Shard    sluice.ShardID `json:"shard"`
		Cursor   string         `json:"checkpoint"`
		Updated  int64          `json:"updateTime"` // microseconds
		Consumer string         `json:"consumer"`
	}
	objects := make([]object, len(checkpoints))
	for i, c := range checkpoints {
		objects[i] = object{c.Shard, c.Cursor, 0, c.Consumer}
		if !c.Updated.IsZero() {
			objects[i].Updated = c.Updated.UnixMicro()
		}
	}
	return q.json(objects)
}
