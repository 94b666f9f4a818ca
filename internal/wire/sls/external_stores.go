package sls

import (
	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/control"
)

// CreateExternalStore: POST /externalstores
//
// Body: externalStoreName, storeType, parameter; other members are kept.
// Behavior: passwords and keys in parameter are sealed, and shown as asterisks.
// Differs: kept; no query joins it yet.

// ListExternalStore: GET /externalstores
//
// Behavior: names, sorted; externalStoreName matches parts.

// GetExternalStore: GET /externalstores/{name}
//
// Differs: passwords and keys are shown as asterisks.

// UpdateExternalStore: PUT /externalstores/{name}
//
// Behavior: the whole document is replaced; a secret that is sent as asterisks stays.

// DeleteExternalStore: DELETE /externalstores/{name}
//
// Behavior: it is gone at once.

var externalStoreRoutes = []Route{
	{Method: "GET", Path: "/externalstores", Action: "ListExternalStore", Resource: "externalstore/*", handle: list(listing{
		kind: control.ExternalStores, key: "externalstores", part: "externalStoreName",
	})},
	{Method: "POST", Path: "/externalstores", Action: "CreateExternalStore", Resource: "externalstore/*", Mutating: true, handle: createDocument(control.ExternalStores)},
	{Method: "GET", Path: "/externalstores/{name}", Action: "GetExternalStore", Resource: "externalstore/{name}", handle: getDocument(control.ExternalStores)},
	{Method: "PUT", Path: "/externalstores/{name}", Action: "UpdateExternalStore", Resource: "externalstore/{name}", Mutating: true, handle: updateDocument(control.ExternalStores)},
	{Method: "DELETE", Path: "/externalstores/{name}", Action: "DeleteExternalStore", Resource: "externalstore/{name}", Mutating: true, handle: (*API).deleteExternalStore},
}

// deleteExternalStore says of a missing store what the service says there, which is not what it says to a reader.
func (a *API) deleteExternalStore(q *request) error {
	err := deleteDocument(control.ExternalStores)(a, q)
	return renoun(err, sluice.NotFound, control.ExternalStores.Noun, "externalstore-deleted")
}
