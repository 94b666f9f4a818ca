package sls

import (
	"encoding/json"
	"net/http"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/control"
)

// CreateStoreView: POST /storeviews
//
// Body: name, storeType (logstore or metricstore), stores with project and storeName; other members are kept.
// Differs: kept; queries do not look through it yet.

// ListStoreViews: GET /storeviews
//
// Behavior: names, sorted; name matches parts, storeType the whole.

// GetStoreView: GET /storeviews/{name}
//
// Behavior: what was sent, with createTime and lastModifyTime.

// UpdateStoreView: PUT /storeviews/{name}
//
// Behavior: the whole document is replaced.

// DeleteStoreView: DELETE /storeviews/{name}
//
// Behavior: it is gone at once; its stores stay.

// GetStoreViewIndex: GET /storeviews/{name}/index
//
// Behavior: the index configuration of each of its stores, and for those that have none, or that the signer may not see, an error.

var storeViewRoutes = []Route{
	{Method: "GET", Path: "/storeviews", Action: "ListStoreViews", Resource: "storeview/*", handle: list(listing{
		kind: control.StoreViews, key: "storeviews", part: "name", values: map[string]func(control.Document) []string{"storeType": text("storeType")},
	})},
	{Method: "POST", Path: "/storeviews", Action: "CreateStoreView", Resource: "storeview/*", Mutating: true, handle: createDocument(control.StoreViews)},
	{Method: "GET", Path: "/storeviews/{name}", Action: "GetStoreView", Resource: "storeview/{name}", handle: getDocument(control.StoreViews)},
	{Method: "PUT", Path: "/storeviews/{name}", Action: "UpdateStoreView", Resource: "storeview/{name}", Mutating: true, handle: updateDocument(control.StoreViews)},
	{Method: "DELETE", Path: "/storeviews/{name}", Action: "DeleteStoreView", Resource: "storeview/{name}", Mutating: true, handle: deleteDocument(control.StoreViews)},
	{Method: "GET", Path: "/storeviews/{name}/index", Action: "GetStoreViewIndex", Resource: "storeview/{name}", handle: (*API).storeViewIndex},
}

type storeIndex struct {
	Project  string          `json:"projectName"`
	Logstore string          `json:"logstore"`
	Index    json.RawMessage `json:"index"`
}

type storeViewError struct {
	Project  string `json:"projectName"`
	Logstore string `json:"logstore"`
	Status   int    `json:"status"`
	Message  string `json:"message"`
}

func (a *API) storeViewIndex(q *request) error {
	d, err := a.Control.Get(q.ctx(), control.Place{Scope: q.project}, control.StoreViews, q.vars.get("name"))
	if err != nil {
		return err
	}
	if d.Text("storeType") == "metricstore" {
		return sluice.Errorf(sluice.Unsupported, "action", "GetStoreViewIndex is not supported for views of metric stores: they have no index")
	}
	stores, err := control.StoresOf(d)
	if err != nil {
		return err
	}
	indexes, failed := []storeIndex{}, []storeViewError{}
	for _, ref := range stores {
		config, err := a.indexOf(q, ref)
		if err != nil {
			f := explain(err)
			if f.Status == http.StatusInternalServerError {
				return err
			}
			failed = append(failed, storeViewError{ref.Project, ref.Logstore, f.Status, f.Code + ": " + f.Message})
			continue
		}
		indexes = append(indexes, storeIndex{ref.Project, ref.Logstore, config})
	}
	return q.json(map[string]any{"indexes": indexes, "storeViewErrors": failed})
}

// indexOf is the index configuration of a store, if the signer may see it.
func (a *API) indexOf(q *request, ref sluice.LogstoreRef) (json.RawMessage, error) {
	if err := q.permit(ref.Project, ref.Logstore); err != nil {
		return nil, err
	}
	index, err := a.Catalog.Index(q.ctx(), ref)
	return index.Config, err
}
