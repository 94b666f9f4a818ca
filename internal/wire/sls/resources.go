package sls

import (
	"encoding/json"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/control"
)

// Resources, and records in them, belong to the account, whatever host they are asked for on. Alert users, policies and templates are
// records; so they are kept, and nothing acts on them yet.

// CreateResource: POST /resources
//
// Body: name, type, description, schema and acl (JSON as text), extInfo; other members are kept.

// ListResources: GET /resources
//
// Behavior: documents, by name; type matches whole, names is a list with commas.

// GetResource: GET /resources/{name}
//
// Behavior: what was sent, with createTime and lastModifyTime.

// UpdateResource: PUT /resources/{name}
//
// Behavior: the whole document is replaced; its records stay.

// DeleteResource: DELETE /resources/{name}
//
// Behavior: it goes with its records.

// CreateResourceRecord: POST /resources/{name}/records
//
// Body: id, tag, value (JSON as text); other members are kept.
// Differs: values are not compared with the schema of their resource.
// Differs: secrets inside a value, which is JSON as text, are sealed at rest with the rest of the record, and shown as they were sent to whoever may
// read it.

// UpsertResourceRecord: PUT /resources/{name}/records
//
// Body: records, an array of at most 100: each is made or replaced, all of them or none.
// Also: one record, as the Go SDK sends it to update from a text.

// ListResourceRecords: GET /resources/{name}/records
//
// Behavior: documents, by id; tag matches whole, ids is a list with commas.

// GetResourceRecord: GET /resources/{name}/records/{id...}
//
// Behavior: what was sent, with createTime and lastModifyTime.

// UpdateResourceRecord: PUT /resources/{name}/records/{id...}
//
// Behavior: the whole record is replaced.

// DeleteResourceRecord: DELETE /resources/{name}/records
//
// Behavior: those of ids, a list with commas, all of them or none.

var resourceRoutes = []Route{
	{Method: "GET", Path: "/resources", Host: OnAny, Action: "ListResources", Resource: "/resource/*", handle: list(listing{
		kind: control.Resources, key: "items", bodies: true, names: "names", values: map[string]func(control.Document) []string{"type": text("type")},
	})},
	{Method: "POST", Path: "/resources", Host: OnAny, Action: "CreateResource", Resource: "/resource/*", Mutating: true, handle: createDocument(control.Resources)},
	{Method: "GET", Path: "/resources/{name}", Host: OnAny, Action: "GetResource", Resource: "/resource/{name}", handle: getDocument(control.Resources)},
	{Method: "PUT", Path: "/resources/{name}", Host: OnAny, Action: "UpdateResource", Resource: "/resource/{name}", Mutating: true, handle: updateDocument(control.Resources)},
	{Method: "DELETE", Path: "/resources/{name}", Host: OnAny, Action: "DeleteResource", Resource: "/resource/{name}", Mutating: true, handle: deleteDocument(control.Resources)},

	{Method: "GET", Path: "/resources/{name}/records", Host: OnAny, Action: "ListResourceRecords", Resource: "/resource/{name}/record/*", handle: list(listing{
		kind: control.Records, key: "items", bodies: true, names: "ids", values: map[string]func(control.Document) []string{"tag": text("tag")},
	})},
	{Method: "POST", Path: "/resources/{name}/records", Host: OnAny, Action: "CreateResourceRecord", Resource: "/resource/{name}/record/*", Mutating: true, handle: createDocument(control.Records)},
	{Method: "PUT", Path: "/resources/{name}/records", Host: OnAny, Action: "UpsertResourceRecord", Resource: "/resource/{name}/record/*", Mutating: true, handle: upsertDocuments(control.Records, "records")},
	{Method: "DELETE", Path: "/resources/{name}/records", Host: OnAny, Action: "DeleteResourceRecord", Resource: "/resource/{name}/record/*", Mutating: true, handle: deleteDocuments(control.Records, "ids")},
	{Method: "GET", Path: "/resources/{name}/records/{id...}", Host: OnAny, Action: "GetResourceRecord", Resource: "/resource/{name}/record/{id}", handle: getDocument(control.Records)},
	{Method: "PUT", Path: "/resources/{name}/records/{id...}", Host: OnAny, Action: "UpdateResourceRecord", Resource: "/resource/{name}/record/{id}", Mutating: true, handle: updateDocument(control.Records)},
}

// maxUpserts is the most documents of one request.
const maxUpserts = 100

// upsertDocuments makes or replaces the documents that the body has in an array of this name, or the one that it is.
func upsertDocuments(k *control.Kind, key string) handler {
	return func(a *API, q *request) error {
		at, err := q.place(k)
		if err != nil {
			return err
		}
		raw, err := q.document()
		if err != nil {
			return err
		}
		body, err := control.Parse(k, raw)
		if err != nil {
			return err
		}
		documents := []json.RawMessage{raw}
		if body.Has(key) {
			documents = body.Array(key)
		}
		if len(documents) == 0 || len(documents) > maxUpserts {
			return sluice.Errorf(sluice.Invalid, "parameter", "%s is not an array of 1 to %d documents", key, maxUpserts)
		}
		if err := a.Control.Upsert(q.ctx(), at, k, documents); err != nil {
			return err
		}
		return q.ok()
	}
}

// deleteDocuments removes the documents that a parameter names, with commas between them.
func deleteDocuments(k *control.Kind, parameter string) handler {
	return func(a *API, q *request) error {
		at, err := q.place(k)
		if err != nil {
			return err
		}
		text := q.query.Get(parameter)
		if text == "" {
			return badParameter(parameter, text, "empty")
		}
		if err := a.Control.Delete(q.ctx(), at, k, strings.Split(text, ",")...); err != nil {
			return err
		}
		return q.ok()
	}
}
