package sls

import (
	"encoding/json"
	"slices"

	"github.com/sluicelog/sluice/internal/control"
)

// Collection policies belong to the account, whatever host they are asked for on.

// UpsertCollectionPolicy: POST /collectionpolicy
//
// Body: policyName, productCode, dataCode, enabled and policyConfig with resourceMode (all, instanceMode or attributeMode), and centralizeEnabled,
// centralizeConfig, dataConfig, resourceDirectory and attribute; other members are kept. The whole policy is made or replaced.
// Differs: kept, and nothing acts on it: there are none of the cloud's products here, so none of their logs are collected, whatever enabled says; the
// answer's message says so.

// GetCollectionPolicy: GET /collectionpolicy/{name}
//
// Behavior: what was sent, as collectionPolicy, with createTime and lastModifyTime.
// Differs: names are unique in an account, so productCode and dataCode are ignored.

// ListCollectionPolicies: GET /collectionpolicy
//
// Behavior: totalCount, currentCount and data, by name; policyName, productCode and dataCode match whole, centralProject the project of
// centralizeConfig, and instanceId the policies that are about all instances or name this one. Pages go by offset and size (50), or by pageNum and pageSize.
// Differs: policies by attributes match no instanceId, since no instances are known here.

// DeleteCollectionPolicy: DELETE /collectionpolicy/{name}
//
// Differs: as GetCollectionPolicy.

var collectionPolicyRoutes = []Route{
	{Method: "GET", Path: "/collectionpolicy", Host: OnAny, Action: "ListCollectionPolicies", Resource: "/collectionpolicy/*", handle: (*API).listCollectionPolicies},
	{Method: "POST", Path: "/collectionpolicy", Host: OnAny, Action: "UpsertCollectionPolicy", Resource: "/collectionpolicy/*", Mutating: true, handle: (*API).upsertCollectionPolicy},
	{Method: "GET", Path: "/collectionpolicy/{name}", Host: OnAny, Action: "GetCollectionPolicy", Resource: "/collectionpolicy/{name}", handle: (*API).getCollectionPolicy},
	{Method: "DELETE", Path: "/collectionpolicy/{name}", Host: OnAny, Action: "DeleteCollectionPolicy", Resource: "/collectionpolicy/{name}", Mutating: true, handle: deleteDocument(control.CollectionPolicies)},
}

func (a *API) upsertCollectionPolicy(q *request) error {
	at, err := q.place(control.CollectionPolicies)
	if err != nil {
		return err
	}
	raw, err := q.document()
	if err != nil {
		return err
	}
	if err := a.Control.Upsert(q.ctx(), at, control.CollectionPolicies, []json.RawMessage{raw}); err != nil {
		return err
	}
	return q.json(map[string]string{"message": "the policy is kept, and nothing is collected: this server has none of the products whose logs it is about"})
}

func (a *API) getCollectionPolicy(q *request) error {
	at, err := q.place(control.CollectionPolicies)
	if err != nil {
		return err
	}
	d, err := a.Control.Get(q.ctx(), at, control.CollectionPolicies, q.vars.get("name"))
	if err != nil {
		return err
	}
	return q.json(map[string]control.Document{"collectionPolicy": d})
}

func (a *API) listCollectionPolicies(q *request) error {
	at, err := q.place(control.CollectionPolicies)
	if err != nil {
		return err
	}
	query := control.Query{Bodies: true, Match: q.matchPolicy}
	if name := q.query.Get("policyName"); name != "" {
		query.Names = []string{name}
	}
	if query.Offset, query.Size, err = q.policyPage(); err != nil {
		return err
	}
	found, err := a.Control.List(q.ctx(), at, control.CollectionPolicies, query)
	if err != nil {
		return err
	}
	return q.json(ordered{{"totalCount", found.Total}, {"currentCount", len(found.Documents)}, {"data", array(found.Documents)}})
}

// matchPolicy reports whether a policy is one of those that the parameters ask for.
func (q *request) matchPolicy(d control.Document) bool {
	for name, value := range map[string]string{
		"productCode": d.Text("productCode"), "dataCode": d.Text("dataCode"), "centralProject": d.Object("centralizeConfig").Text("destProject"),
	} {
		if want := q.query.Get(name); want != "" && want != value {
			return false
		}
	}
	instance := q.query.Get("instanceId")
	return instance == "" || coversInstance(d.Object("policyConfig"), instance)
}

// coversInstance reports whether the policyConfig of a policy is about an instance.
func coversInstance(d control.Document, id string) bool {
	switch d.Text("resourceMode") {
	case "all":
		return true
	case "instanceMode":
		return slices.ContainsFunc(d.Array("instanceIds"), func(raw json.RawMessage) bool {
			var instance string
			return json.Unmarshal(raw, &instance) == nil && instance == id
		})
	}
	return false
}

// policyPage is the page that is asked for, as clients of either age do.
func (q *request) policyPage() (offset, size int, err error) {
	const usual = 50
	if q.query.Get("pageNum") == "" && q.query.Get("pageSize") == "" {
		if offset, size, err = q.page(); q.query.Get("size") == "" {
			size = usual
		}
		return offset, size, err
	}
	number, err := q.number("pageNum", 1)
	if err != nil {
		return 0, 0, err
	}
	if size, err = q.number("pageSize", usual); err != nil {
		return 0, 0, err
	}
	const most, last = 500, 1 << 20 // far more pages than there are policies
	if number < 1 || number > last {
		return 0, 0, badParameter("pageNum", q.query.Get("pageNum"), "not the number of a page")
	}
	if size < 1 {
		return 0, 0, badParameter("pageSize", q.query.Get("pageSize"), "below 1")
	}
	size = min(size, most)
	return (number - 1) * size, size, nil
}
