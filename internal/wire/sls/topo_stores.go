package sls

import "github.com/sluicelog/sluice/internal/control"

// Topology stores, with nodes and relations in them, belong to the account, whatever host they are asked for on.

// CreateTopostore: POST /topostores
//
// Body: name, tag, description, schema, acl and extInfo (JSON as text); other members are kept.

// ListTopostore: GET /topostores
//
// Behavior: documents, by name; names is a list with commas.
// Differs: tagKey and tagValue are ignored.

// GetTopostore: GET /topostores/{name}
//
// Behavior: what was sent, with createTime and lastModifyTime.

// UpdateTopostore: PUT /topostores/{name}
//
// Behavior: the whole document is replaced; its nodes and relations stay.

// DeleteTopostore: DELETE /topostores/{name}
//
// Behavior: it goes with its nodes and relations.

// CreateTopostoreNode: POST /topostores/{name}/nodes
//
// Body: nodeId, nodeType, property (JSON as text), displayName, description; other members are kept.

// UpsertTopostoreNode: PUT /topostores/{name}/nodes
//
// Body: nodes, an array of at most 100: each is made or replaced, all of them or none.

// ListTopostoreNode: GET /topostores/{name}/nodes
//
// Behavior: documents, by id; nodeIds and nodeTypes are lists with commas.
// Differs: propertyKey and propertyValue are ignored.

// GetTopostoreNode: GET /topostores/{name}/nodes/{id...}
//
// Behavior: what was sent, with createTime and lastModifyTime.

// UpdateTopostoreNode: PUT /topostores/{name}/nodes/{id...}
//
// Behavior: the whole node is replaced.

// DeleteTopostoreNode: DELETE /topostores/{name}/nodes
//
// Behavior: those of nodeIds, a list with commas, all of them or none. Relations of them stay.

// CreateTopostoreRelation: POST /topostores/{name}/relations
//
// Body: relationId, relationType, srcNodeId, dstNodeId, property (JSON as text); other members are kept.
// Differs: that the nodes are there is not asked for.

// UpsertTopostoreRelation: PUT /topostores/{name}/relations
//
// Body: relations, an array of at most 100: each is made or replaced, all of them or none.

// ListTopostoreRelation: GET /topostores/{name}/relations
//
// Behavior: documents, by id; relationIds, relationTypes, srcNodeIds and dstNodeIds are lists with commas.
// Differs: propertyKey and propertyValue are ignored.

// GetTopostoreRelation: GET /topostores/{name}/relations/{id...}
//
// Behavior: what was sent, with createTime and lastModifyTime.

// UpdateTopostoreRelation: PUT /topostores/{name}/relations/{id...}
//
// Behavior: the whole relation is replaced.

// DeleteTopostoreRelation: DELETE /topostores/{name}/relations
//
// Behavior: those of relationIds, a list with commas, all of them or none.

var topoStoreRoutes = []Route{
	{Method: "GET", Path: "/topostores", Host: OnAny, Action: "ListTopostore", Resource: "/topostore/*", handle: list(listing{
		kind: control.TopoStores, key: "items", bodies: true, names: "names",
	})},
	{Method: "POST", Path: "/topostores", Host: OnAny, Action: "CreateTopostore", Resource: "/topostore/*", Mutating: true, handle: createDocument(control.TopoStores)},
	{Method: "GET", Path: "/topostores/{name}", Host: OnAny, Action: "GetTopostore", Resource: "/topostore/{name}", handle: getDocument(control.TopoStores)},
	{Method: "PUT", Path: "/topostores/{name}", Host: OnAny, Action: "UpdateTopostore", Resource: "/topostore/{name}", Mutating: true, handle: updateDocument(control.TopoStores)},
	{Method: "DELETE", Path: "/topostores/{name}", Host: OnAny, Action: "DeleteTopostore", Resource: "/topostore/{name}", Mutating: true, handle: deleteDocument(control.TopoStores)},

	{Method: "GET", Path: "/topostores/{name}/nodes", Host: OnAny, Action: "ListTopostoreNode", Resource: "/topostore/{name}", handle: list(listing{
		kind: control.TopoNodes, key: "items", bodies: true, names: "nodeIds",
		values: map[string]func(control.Document) []string{"nodeTypes": text("nodeType")},
	})},
	{Method: "POST", Path: "/topostores/{name}/nodes", Host: OnAny, Action: "CreateTopostoreNode", Resource: "/topostore/{name}", Mutating: true, handle: createDocument(control.TopoNodes)},
	{Method: "PUT", Path: "/topostores/{name}/nodes", Host: OnAny, Action: "UpsertTopostoreNode", Resource: "/topostore/{name}", Mutating: true, handle: upsertDocuments(control.TopoNodes, "nodes")},
	{Method: "DELETE", Path: "/topostores/{name}/nodes", Host: OnAny, Action: "DeleteTopostoreNode", Resource: "/topostore/{name}", Mutating: true, handle: deleteDocuments(control.TopoNodes, "nodeIds")},
	{Method: "GET", Path: "/topostores/{name}/nodes/{id...}", Host: OnAny, Action: "GetTopostoreNode", Resource: "/topostore/{name}", handle: getDocument(control.TopoNodes)},
	{Method: "PUT", Path: "/topostores/{name}/nodes/{id...}", Host: OnAny, Action: "UpdateTopostoreNode", Resource: "/topostore/{name}", Mutating: true, handle: updateDocument(control.TopoNodes)},

	{Method: "GET", Path: "/topostores/{name}/relations", Host: OnAny, Action: "ListTopostoreRelation", Resource: "/topostore/{name}", handle: list(listing{
		kind: control.TopoRelations, key: "items", bodies: true, names: "relationIds",
		values: map[string]func(control.Document) []string{
			"relationTypes": text("relationType"), "srcNodeIds": text("srcNodeId"), "dstNodeIds": text("dstNodeId"),
		},
	})},
	{Method: "POST", Path: "/topostores/{name}/relations", Host: OnAny, Action: "CreateTopostoreRelation", Resource: "/topostore/{name}", Mutating: true, handle: createDocument(control.TopoRelations)},
	{Method: "PUT", Path: "/topostores/{name}/relations", Host: OnAny, Action: "UpsertTopostoreRelation", Resource: "/topostore/{name}", Mutating: true, handle: upsertDocuments(control.TopoRelations, "relations")},
	{Method: "DELETE", Path: "/topostores/{name}/relations", Host: OnAny, Action: "DeleteTopostoreRelation", Resource: "/topostore/{name}", Mutating: true, handle: deleteDocuments(control.TopoRelations, "relationIds")},
	{Method: "GET", Path: "/topostores/{name}/relations/{id...}", Host: OnAny, Action: "GetTopostoreRelation", Resource: "/topostore/{name}", handle: getDocument(control.TopoRelations)},
	{Method: "PUT", Path: "/topostores/{name}/relations/{id...}", Host: OnAny, Action: "UpdateTopostoreRelation", Resource: "/topostore/{name}", Mutating: true, handle: updateDocument(control.TopoRelations)},
}
