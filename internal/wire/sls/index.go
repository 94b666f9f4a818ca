package sls

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/sluicelog/sluice"
)

// CreateIndex: POST /logstores/{logstore}/index
//
// Behavior: the configuration is checked and kept, unknown fields too.

// GetIndex: GET /logstores/{logstore}/index
//
// Behavior: what was sent, with defaults filled in, and ttl, index_mode, storage and lastModifyTime.

// UpdateIndex: PUT /logstores/{logstore}/index
//
// Behavior: replaces the configuration; ParameterInvalid where there is none.

// DeleteIndex: DELETE /logstores/{logstore}/index
//
// Behavior: ParameterInvalid where there is none.

var indexRoutes = []Route{
	{Method: "POST", Path: "/logstores/{logstore}/index", Action: "CreateIndex", Resource: "logstore/{logstore}", Mutating: true, handle: (*API).createIndex},
	{Method: "PUT", Path: "/logstores/{logstore}/index", Action: "UpdateIndex", Resource: "logstore/{logstore}", Mutating: true, handle: (*API).updateIndex},
	{Method: "GET", Path: "/logstores/{logstore}/index", When: "type=", Action: "GetIndex", Resource: "logstore/{logstore}", handle: (*API).getIndex},
	{Method: "DELETE", Path: "/logstores/{logstore}/index", Action: "DeleteIndex", Resource: "logstore/{logstore}", Mutating: true, handle: (*API).deleteIndex},
}

func (a *API) createIndex(q *request) error { return q.putIndex(a.Catalog.CreateIndex) }

func (a *API) updateIndex(q *request) error { return q.putIndex(a.Catalog.UpdateIndex) }

func (q *request) putIndex(put func(context.Context, sluice.LogstoreRef, json.RawMessage) error) error {
	buf, err := q.readDocument(maxJSONBytes)
	if err != nil {
		return err
	}
	config := json.RawMessage(bytes.Clone(buf.b)) // it outlives the request
	buf.release()
	if err := put(q.ctx(), q.logstore(), config); err != nil {
		return err
	}
	return q.ok()
}

func (a *API) getIndex(q *request) error {
	index, err := a.Catalog.Index(q.ctx(), q.logstore())
	if err != nil {
		return err
	}
	return q.json(index.Config)
}

func (a *API) deleteIndex(q *request) error {
	if err := a.Catalog.DeleteIndex(q.ctx(), q.logstore()); err != nil {
		return err
	}
	return q.ok()
}
