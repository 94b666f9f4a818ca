package sls

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/control"
	"github.com/sluicelog/sluice/internal/meta"
)

// CreateSubStore: POST /logstores/{logstore}/substores
//
// Body: name, ttl, sortedKeyCount, timeIndex, keys with name and type (text, long or double); other members are kept.
// Differs: kept; it has no shards of its own, and its ttl removes nothing.

// ListSubStore: GET /logstores/{logstore}/substores
//
// Behavior: names, sorted.

// GetSubStore: GET /logstores/{logstore}/substores/{name}
//
// Behavior: what was sent, with createTime and lastModifyTime.

// UpdateSubStore: PUT /logstores/{logstore}/substores/{name}
//
// Behavior: the whole document is replaced.

// DeleteSubStore: DELETE /logstores/{logstore}/substores/{name}
//
// Behavior: it is gone at once; the logs of its logstore stay.

// GetSubStoreTTL: GET /logstores/{logstore}/substores/storage/ttl
//
// Behavior: the ttl of its sub-stores, or where it has none, of the logstore.

// UpdateSubStoreTTL: PUT /logstores/{logstore}/substores/storage/ttl
//
// Behavior: all sub-stores of the logstore get the ttl of the query.

// CreateMetricStore: POST /metricstores
//
// Body: name and what a logstore may have.
// Behavior: a logstore with telemetryType Metrics, and the sub-store prom that the SDKs make with one.
// Differs: it takes and gives logs as a logstore does; there is no PromQL.

// ListMetricStores: GET /metricstores
//
// Behavior: names, sorted; name matches parts, mode the whole.

// GetMetricStore: GET /metricstores/{logstore}
//
// Behavior: the logstore's object, with name and metricType.

// UpdateMetricStore: PUT /metricstores/{logstore}
//
// Behavior: what is absent stays; a ttl goes to its sub-stores, too.

// DeleteMetricStore: DELETE /metricstores/{logstore}
//
// Behavior: as DeleteLogStore.

// CreateMetricsConfig: POST /metricsconfigs
//
// Body: metricStore, metricsConfigDetail (JSON as text); other members are kept.
// Differs: kept; nothing acts on it yet.

// GetMetricsConfig: GET /metricsconfigs/{name}
//
// Behavior: what was sent, with createTime and lastModifyTime.

// UpdateMetricsConfig: PUT /metricsconfigs/{name}
//
// Behavior: the whole document is replaced.

// DeleteMetricsConfig: DELETE /metricsconfigs/{name}
//
// Behavior: it is gone at once.

var subStoreRoutes = []Route{
	{Method: "GET", Path: "/logstores/{logstore}/substores", Action: "ListSubStore", Resource: "logstore/{logstore}", handle: list(listing{kind: control.SubStores, key: "substores"})},
	{Method: "POST", Path: "/logstores/{logstore}/substores", Action: "CreateSubStore", Resource: "logstore/{logstore}", Mutating: true, handle: createDocument(control.SubStores)},
	{Method: "GET", Path: "/logstores/{logstore}/substores/{name}", Action: "GetSubStore", Resource: "logstore/{logstore}", handle: getDocument(control.SubStores)},
	{Method: "PUT", Path: "/logstores/{logstore}/substores/{name}", Action: "UpdateSubStore", Resource: "logstore/{logstore}", Mutating: true, handle: updateDocument(control.SubStores)},
	{Method: "DELETE", Path: "/logstores/{logstore}/substores/{name}", Action: "DeleteSubStore", Resource: "logstore/{logstore}", Mutating: true, handle: deleteDocument(control.SubStores)},
	{Method: "GET", Path: "/logstores/{logstore}/substores/storage/ttl", Action: "GetSubStoreTTL", Resource: "logstore/{logstore}", handle: (*API).getSubStoreTTL},
	{Method: "PUT", Path: "/logstores/{logstore}/substores/storage/ttl", Action: "UpdateSubStoreTTL", Resource: "logstore/{logstore}", Mutating: true, handle: (*API).updateSubStoreTTL},

	{Method: "GET", Path: "/metricstores", Action: "ListMetricStores", Resource: "metricstore/*", handle: (*API).listMetricStores},
	{Method: "POST", Path: "/metricstores", Action: "CreateMetricStore", Resource: "metricstore/*", Mutating: true, handle: (*API).createMetricStore},
	{Method: "GET", Path: "/metricstores/{logstore}", Action: "GetMetricStore", Resource: "metricstore/{logstore}", handle: (*API).getMetricStore},
	{Method: "PUT", Path: "/metricstores/{logstore}", Action: "UpdateMetricStore", Resource: "metricstore/{logstore}", Mutating: true, handle: (*API).updateMetricStore},
	{Method: "DELETE", Path: "/metricstores/{logstore}", Action: "DeleteMetricStore", Resource: "metricstore/{logstore}", Mutating: true, handle: (*API).deleteMetricStore},

	{Method: "POST", Path: "/metricsconfigs", Action: "CreateMetricsConfig", Resource: "metricsconfig/*", Mutating: true, handle: createDocument(control.MetricsConfigs)},
	{Method: "GET", Path: "/metricsconfigs/{name}", Action: "GetMetricsConfig", Resource: "metricsconfig/{name}", handle: getDocument(control.MetricsConfigs)},
	{Method: "PUT", Path: "/metricsconfigs/{name}", Action: "UpdateMetricsConfig", Resource: "metricsconfig/{name}", Mutating: true, handle: updateDocument(control.MetricsConfigs)},
	{Method: "DELETE", Path: "/metricsconfigs/{name}", Action: "DeleteMetricsConfig", Resource: "metricsconfig/{name}", Mutating: true, handle: deleteDocument(control.MetricsConfigs)},
}

func (a *API) getSubStoreTTL(q *request) error {
	l, err := a.Catalog.Logstore(q.ctx(), q.logstore())
	if err != nil {
		return err
	}
	ttl, err := a.Control.SubStoreTTL(q.ctx(), q.logstore())
	if err != nil {
		return err
	}
	if ttl == 0 {
		ttl = l.TTLDays
	}
	return q.json(map[string]int{"ttl": ttl})
}

func (a *API) updateSubStoreTTL(q *request) error {
	ttl, err := q.number("ttl", 0)
	if err != nil {
		return err
	}
	if err := a.Control.SetSubStoreTTL(q.ctx(), q.logstore(), ttl); err != nil {
		return err
	}
	return q.ok()
}

// metrics is the telemetryType of metric stores.
const metrics = "Metrics"

// promStore is the sub-store that the SDKs give a metric store.
func promStore(ttl int) []byte {
	raw, err := json.Marshal(map[string]any{
		"name": "prom", "ttl": ttl, "sortedKeyCount": 2, "timeIndex": 2,
		"keys": []map[string]string{
			{"name": "__name__", "type": "text"},
			{"name": "__labels__", "type": "text"},
			{"name": "__time_nano__", "type": "long"},
			{"name": "__value__", "type": "double"},
		},
	})
	if err != nil {
		panic(err) // texts and numbers
	}
	return raw
}

// metricStoreBody is what a client may say about a metric store: what it may say about a logstore, and its name under another one.
type metricStoreBody struct {
	logstoreBody
	name string
}

func (b *metricStoreBody) UnmarshalJSON(raw []byte) error {
	if err := b.logstoreBody.UnmarshalJSON(raw); err != nil {
		return err
	}
	if own, ok := b.extra["name"]; ok {
		delete(b.extra, "name")
		return json.Unmarshal(own, &b.name)
	}
	if b.Name != nil {
		b.name = *b.Name
	}
	return nil
}

func (a *API) createMetricStore(q *request) error {
	var body metricStoreBody
	if err := q.decode("logstore-info", &body); err != nil {
		return err
	}
	l := meta.Logstore{Project: q.project, Name: body.name, TTLDays: defaultTTLDays}
	q.call.Logstore = l.Name
	if err := q.permit(q.project, l.Name); err != nil {
		return err
	}
	if err := q.notForbidden("log:CreateLogStore", auth.Resource{Project: q.project, Logstore: l.Name}); err != nil {
		return err
	}
	if err := body.apply(&l); err != nil {
		return err
	}
	if err := q.mayEnableModify(l); err != nil {
		return err
	}
	l.TelemetryType = metrics
	shards := defaultShards
	set(&shards, (*int)(body.ShardCount))
	if err := a.Catalog.CreateLogstore(q.ctx(), l, shards); err != nil {
		return err
	}
	at := control.Place{Scope: q.project, Logstore: l.Name}
	if err := a.Control.Create(q.ctx(), at, control.SubStores, promStore(l.TTLDays)); err != nil {
		// The client may be gone by now, and nobody asked for half of a store.
		return firstOf(err, a.Catalog.DeleteLogstore(context.WithoutCancel(q.ctx()), l.Ref()))
	}
	return q.ok()
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// metricStore finds the metric store that the path names; a logstore is none. What is missing has a code of its own, by which Terraform knows that it is gone.
func (a *API) metricStore(q *request) (*catalog.Logstore, error) {
	l, err := a.Catalog.Logstore(q.ctx(), q.logstore())
	var e *sluice.Error
	missing := errors.As(err, &e) && e.Kind == sluice.NotFound && e.Noun == "logstore"
	if missing || err == nil && l.TelemetryType != metrics {
		return nil, sluice.Errorf(sluice.NotFound, "metricstore", "metric store %s does not exist", q.vars.get("logstore"))
	}
	return l, err
}

func (a *API) getMetricStore(q *request) error {
	l, err := a.metricStore(q)
	if err != nil {
		return err
	}
	object, err := logstoreObject(l.Logstore)
	if err != nil {
		return err
	}
	object["name"] = object["logstoreName"]
	if _, ok := object["metricType"]; !ok {
		object["metricType"] = json.RawMessage(`"prometheus"`)
	}
	return q.json(object)
}

func (a *API) updateMetricStore(q *request) error {
	var body metricStoreBody
	if err := q.decode("logstore-info", &body); err != nil {
		return err
	}
	if _, err := a.metricStore(q); err != nil {
		return err
	}
	ref := q.logstore()
	if body.name != "" && body.name != ref.Logstore {
		return sluice.Errorf(sluice.Invalid, "logstore-info", "name %.64q is not the metric store of the path, %.64q", body.name, ref.Logstore)
	}
	body.TelemetryType = nil // it cannot change, and clients of this path leave it out
	if err := a.Catalog.UpdateLogstore(q.ctx(), ref, q.changing(body.apply)); err != nil {
		return err
	}
	if body.TTL != nil {
		if err := a.Control.SetSubStoreTTL(q.ctx(), ref, int(*body.TTL)); err != nil {
			return err
		}
	}
	return q.ok()
}

func (a *API) deleteMetricStore(q *request) error {
	if _, err := a.metricStore(q); err != nil {
		return err
	}
	return a.deleteLogstore(q)
}

func (a *API) listMetricStores(q *request) error {
	offset, size, err := q.page()
	if err != nil {
		return err
	}
	names, total, err := a.Catalog.Logstores(q.ctx(), q.project, catalog.LogstoreFilter{
		Name: q.query.Get("name"), TelemetryType: metrics, Mode: q.query.Get("mode"), Offset: offset, Size: size,
	})
	if err != nil {
		return err
	}
	return q.json(map[string]any{"count": len(names), "total": total, "metricstores": array(names)})
}
