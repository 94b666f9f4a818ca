package sls

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta"
)

// CreateLogStore: POST /logstores
//
// Body: the logstore object of reference sls-api 5.2; fields that mean nothing here are kept and come back.
// Behavior: the logstore takes writes when the answer leaves; ttl is 30 and shardCount 2 when absent. With enableModify its logs may be deleted and updated;
// who is denied log:EnableLogStoreModify may not say it.
// Differs: encrypt_conf with enable=true is refused with NotSupported.
// Differs: hot_ttl, infrequentAccessTTL, mode and telemetryType are kept and shown, and change nothing yet.

// GetLogStore: GET /logstores/{logstore}
//
// Behavior: shardCount is the number asked for at creation; ListShards tells the present ones.

// UpdateLogStore: PUT /logstores/{logstore}
//
// Behavior: what is absent stays; enableModify cannot be taken back, and who is denied log:EnableLogStoreModify may not turn it on.
// Differs: shardCount is ignored whatever it says; split and merge change the shards.

// DeleteLogStore: DELETE /logstores/{logstore}
//
// Behavior: the logstore goes with its data, index and consumer groups, at once.

// ListLogStores: GET /logstores
//
// Behavior: sorted by name; logstoreName matches parts, telemetryType and mode match whole.

var logstoreRoutes = []Route{
	{Method: "POST", Path: "/logstores", Action: "CreateLogStore", Resource: "logstore/*", Mutating: true, Late: true, handle: (*API).createLogstore},
	{Method: "GET", Path: "/logstores", Action: "ListLogStores", Resource: "logstore/*", handle: (*API).listLogstores},
	{Method: "GET", Path: "/logstores/{logstore}", When: "type=", Action: "GetLogStore", Resource: "logstore/{logstore}", handle: (*API).getLogstore},
	{Method: "PUT", Path: "/logstores/{logstore}", Action: "UpdateLogStore", Resource: "logstore/{logstore}", Mutating: true, handle: (*API).updateLogstore},
	{Method: "DELETE", Path: "/logstores/{logstore}", Action: "DeleteLogStore", Resource: "logstore/{logstore}", Mutating: true, handle: (*API).deleteLogstore},
}

// Defaults of a new logstore.
const (
	defaultTTLDays = 30
	defaultShards  = 2
)

// unsaid is the maxSplitShard of clients that send every field and were told nothing of this one: the Java SDK.
const unsaid = -1

// logstoreBody is what a client may say about a logstore; nil is what it did not say.
type logstoreBody struct {
	Name          *string    `json:"logstoreName"`
	TTL           *looseInt  `json:"ttl"`
	ShardCount    *looseInt  `json:"shardCount"`
	Tracking      *looseBool `json:"enable_tracking"`
	AppendMeta    *looseBool `json:"appendMeta"`
	AutoSplit     *looseBool `json:"autoSplit"`
	MaxSplitShard *looseInt  `json:"maxSplitShard"`
	TelemetryType *string    `json:"telemetryType"`
	Mode          *string    `json:"mode"`
	HotTTL        *looseInt  `json:"hot_ttl"`
	InfrequentTTL *looseInt  `json:"infrequentAccessTTL"`
	Modifiable    *looseBool `json:"enableModify"`
	EncryptConf   *struct {
		Enable looseBool `json:"enable"`
	} `json:"encrypt_conf"`

	extra map[string]json.RawMessage
}

// understood are the fields of a logstore object that are not kept in Extra: ours, and those that only answers have.
var understood = []string{
	"logstoreName", "ttl", "shardCount", "enable_tracking", "appendMeta", "autoSplit", "maxSplitShard",
	"telemetryType", "mode", "hot_ttl", "infrequentAccessTTL", "enableModify", "createTime", "lastModifyTime",
}

func (b *logstoreBody) UnmarshalJSON(raw []byte) error {
	type plain logstoreBody // without this method
	if err := json.Unmarshal(raw, (*plain)(b)); err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &b.extra); err != nil {
		return err
	}
	for _, name := range understood {
		delete(b.extra, name)
	}
	for name, value := range b.extra {
		if bytes.Equal(value, []byte("null")) {
			delete(b.extra, name)
		}
	}
	return nil
}

// apply changes l to what b says.
func (b *logstoreBody) apply(l *meta.Logstore) error {
	if b.EncryptConf != nil && b.EncryptConf.Enable {
		return sluice.Errorf(sluice.Unsupported, "encryption", "encrypt_conf is not supported by this server")
	}
	set(&l.TTLDays, (*int)(b.TTL))
	set(&l.Tracking, (*bool)(b.Tracking))
	set(&l.AppendMeta, (*bool)(b.AppendMeta))
	set(&l.AutoSplit, (*bool)(b.AutoSplit))
	if b.MaxSplitShard != nil && *b.MaxSplitShard != unsaid {
		l.MaxSplitShard = int(*b.MaxSplitShard)
	}
	set(&l.TelemetryType, b.TelemetryType)
	set(&l.Mode, b.Mode)
	set(&l.HotTTLDays, (*int)(b.HotTTL))
	set(&l.InfrequentTTLDays, (*int)(b.InfrequentTTL))
	set(&l.Modifiable, (*bool)(b.Modifiable))
	if l.Extra == nil {
		l.Extra = map[string]json.RawMessage{}
	}
	for name, value := range b.extra {
		l.Extra[name] = value
	}
	return nil
}

func (a *API) createLogstore(q *request) error {
	var body logstoreBody
	if err := q.decode("logstore-info", &body); err != nil {
		return err
	}
	l := meta.Logstore{Project: q.project, TTLDays: defaultTTLDays}
	set(&l.Name, body.Name)
	q.call.Logstore = l.Name
	if err := q.permit(q.project, l.Name); err != nil {
		return err
	}
	if err := body.apply(&l); err != nil {
		return err
	}
	if l.TelemetryType == metrics {
		if err := q.notForbidden("log:CreateMetricStore", auth.Resource{Project: q.project, Path: "metricstore/" + l.Name}); err != nil {
			return err
		}
	}
	if err := q.mayEnableModify(l); err != nil {
		return err
	}
	shards := defaultShards
	set(&shards, (*int)(body.ShardCount))
	if err := a.Catalog.CreateLogstore(q.ctx(), l, shards); err != nil {
		return err
	}
	return q.ok()
}

func (a *API) getLogstore(q *request) error {
	l, err := a.Catalog.Logstore(q.ctx(), q.logstore())
	if err != nil {
		return err
	}
	object, err := logstoreObject(l.Logstore)
	if err != nil {
		return err
	}
	return q.json(object)
}

// logstoreObject is l as clients see it: what is in Extra, under the fields that mean something.
func logstoreObject(l meta.Logstore) (map[string]json.RawMessage, error) {
	known, err := json.Marshal(struct {
		Name           string `json:"logstoreName"`
		TTL            int    `json:"ttl"`
		ShardCount     int    `json:"shardCount"`
		Tracking       bool   `json:"enable_tracking"`
		AppendMeta     bool   `json:"appendMeta"`
		AutoSplit      bool   `json:"autoSplit"`
		MaxSplitShard  int    `json:"maxSplitShard"`
		TelemetryType  string `json:"telemetryType"`
		Mode           string `json:"mode"`
		HotTTL         int    `json:"hot_ttl,omitempty"`
		InfrequentTTL  int    `json:"infrequentAccessTTL,omitempty"`
		Modifiable     bool   `json:"enableModify,omitempty"`
		CreateTime     int64  `json:"createTime"` // a number, unlike a project's
		LastModifyTime int64  `json:"lastModifyTime"`
	}{
		l.Name, l.TTLDays, l.ShardCount, l.Tracking, l.AppendMeta, l.AutoSplit, l.MaxSplitShard, l.TelemetryType,
		cmp.Or(l.Mode, "standard"), l.HotTTLDays, l.InfrequentTTLDays, l.Modifiable, l.Created.Unix(), l.Modified.Unix(),
	})
	if err != nil {
		return nil, fmt.Errorf("encode logstore %s: %w", l.Ref(), err)
	}
	object := map[string]json.RawMessage{}
	for name, value := range l.Extra {
		object[name] = value
	}
	if err := json.Unmarshal(known, &object); err != nil {
		return nil, fmt.Errorf("encode logstore %s: %w", l.Ref(), err)
	}
	return object, nil
}

func (a *API) updateLogstore(q *request) error {
	var body logstoreBody
	if err := q.decode("logstore-info", &body); err != nil {
		return err
	}
	ref := q.logstore()
	if body.Name != nil && *body.Name != ref.Logstore {
		return sluice.Errorf(sluice.Invalid, "logstore-info", "logstoreName %.64q is not the logstore of the path, %.64q", *body.Name, ref.Logstore)
	}
	if err := a.Catalog.UpdateLogstore(q.ctx(), ref, q.changing(body.apply)); err != nil {
		return err
	}
	return q.ok()
}

// changing is apply, which changes a logstore, with an error where it lets logs be modified and the signer may not.
func (q *request) changing(apply func(*meta.Logstore) error) func(*meta.Logstore) error {
	return func(l *meta.Logstore) error {
		before := l.Modifiable
		if err := apply(l); err != nil || before {
			return err
		}
		return q.mayEnableModify(*l)
	}
}

// mayEnableModify returns an error if the logs of l are to be modifiable, and a policy denies the signer to make them so.
func (q *request) mayEnableModify(l meta.Logstore) error {
	if !l.Modifiable {
		return nil
	}
	return q.notForbidden("log:EnableLogStoreModify", auth.Resource{Project: l.Project, Logstore: l.Name})
}

func (a *API) deleteLogstore(q *request) error {
	if err := a.Catalog.DeleteLogstore(q.ctx(), q.logstore()); err != nil {
		return err
	}
	return q.ok()
}

func (a *API) listLogstores(q *request) error {
	offset, size, err := q.page()
	if err != nil {
		return err
	}
	names, total, err := a.Catalog.Logstores(q.ctx(), q.project, catalog.LogstoreFilter{
		Name: q.query.Get("logstoreName"), TelemetryType: q.query.Get("telemetryType"), Mode: q.query.Get("mode"),
		Offset: offset, Size: size,
	})
	if err != nil {
		return err
	}
	return q.json(struct {
		Count     int      `json:"count"`
		Total     int      `json:"total"`
		Logstores []string `json:"logstores"`
	}{len(names), total, array(names)})
}

// array is s, never nil: nil would become null, on which clients choke.
func array[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
