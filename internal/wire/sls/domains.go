package sls

import (
	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/control"
)

// CreateDomain: POST /domains
//
// Body: domainName; other members are kept.
// Differs: kept; requests to a host of this name reach no project: the base domain and x-log-project decide.

// ListDomains: GET /domains
//
// Behavior: documents, by name; domainName matches parts.

// DeleteDomain: DELETE /domains/{name}
//
// Behavior: it is gone at once.

// CreateCname: POST /cname
//
// Differs: as CreateDomain, with domain for domainName in the body; no client that we know of says what the service calls it.

// ListCname: GET /cname
//
// Behavior: as ListDomains; the array is cnames.

// DeleteCname: DELETE /cname/{name}
//
// Behavior: as DeleteDomain; a missing one is NoSuchCname.

var domainRoutes = []Route{
	{Method: "GET", Path: "/domains", Action: "ListDomains", Resource: "domain/*", handle: list(listing{kind: control.Domains, key: "domains", part: "domainName", bodies: true})},
	{Method: "POST", Path: "/domains", Action: "CreateDomain", Resource: "domain/*", Mutating: true, handle: createDocument(control.Domains)},
	{Method: "DELETE", Path: "/domains/{name}", Action: "DeleteDomain", Resource: "domain/{name}", Mutating: true, handle: deleteDocument(control.Domains)},
	{Method: "GET", Path: "/cname", Action: "ListCname", Resource: "domain/*", handle: list(listing{kind: control.Domains, key: "cnames", part: "domain", bodies: true})},
	{Method: "POST", Path: "/cname", Action: "CreateCname", Resource: "domain/*", Mutating: true, handle: (*API).createCname},
	{Method: "DELETE", Path: "/cname/{name}", Action: "DeleteCname", Resource: "domain/{name}", Mutating: true, handle: (*API).deleteCname},
}

func (a *API) createCname(q *request) error {
	raw, err := q.document()
	if err != nil {
		return err
	}
	d, err := control.Parse(control.Domains, raw)
	if err != nil {
		return err
	}
	if !d.Has("domainName") && d.Has("domain") {
		d["domainName"] = d["domain"]
	}
	if raw, err = d.MarshalJSON(); err != nil {
		return err
	}
	if err := a.Control.Create(q.ctx(), control.Place{Scope: q.project}, control.Domains, raw); err != nil {
		return err
	}
	return q.ok()
}

func (a *API) deleteCname(q *request) error {
	err := deleteDocument(control.Domains)(a, q)
	return renoun(err, sluice.NotFound, control.Domains.Noun, "cname")
}
