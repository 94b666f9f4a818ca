package sls

import (
	"encoding/json"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/shipper"
)

// CreateShipper: POST /logstores/{logstore}/shipper
//
// Behavior: a delivery task to a bucket of OSS, online at once unless enable is false; it ships what arrives from then on.
// Differs: targetType odps is refused with NotSupported; roleArn is kept and shown, buckets are written to with the server operator's key.

// ListShipper: GET /logstores/{logstore}/shipper
//
// Behavior: names.

// GetShipper: GET /logstores/{logstore}/shipper/{name}
//
// Behavior: what was sent, with defaults filled in and both spellings of members that clients spell differently.

// UpdateShipper: PUT /logstores/{logstore}/shipper/{name}
//
// Behavior: it goes on where it is, with the new configuration.

// DeleteShipper: DELETE /logstores/{logstore}/shipper/{name}
//
// Behavior: what it has not shipped stays unshipped.

// GetShipperStatus: GET /logstores/{logstore}/shipper/{name}/tasks
//
// Behavior: the objects of the last 48 hours, and for each shard the one that is being shipped or fails.

// RetryShipperTask: PUT /logstores/{logstore}/shipper/{name}/tasks
//
// Behavior: failed tasks are tried again at once; the server tries them again by itself, too.

var shipperRoutes = []Route{
	{Method: "GET", Path: "/logstores/{logstore}/shipper", Action: "ListShipper", Resource: "logstore/{logstore}/shipper/*", handle: (*API).listShippers},
	{Method: "POST", Path: "/logstores/{logstore}/shipper", Action: "CreateShipper", Resource: "logstore/{logstore}/shipper/*", Mutating: true, handle: (*API).createShipper},
	{Method: "GET", Path: "/logstores/{logstore}/shipper/{name}", Action: "GetShipper", Resource: "logstore/{logstore}/shipper/{name}", handle: (*API).getShipper},
	{Method: "PUT", Path: "/logstores/{logstore}/shipper/{name}", Action: "UpdateShipper", Resource: "logstore/{logstore}/shipper/{name}", Mutating: true, handle: (*API).updateShipper},
	{Method: "DELETE", Path: "/logstores/{logstore}/shipper/{name}", Action: "DeleteShipper", Resource: "logstore/{logstore}/shipper/{name}", Mutating: true, handle: (*API).deleteShipper},
	{Method: "GET", Path: "/logstores/{logstore}/shipper/{name}/tasks", Action: "GetShipperStatus", Resource: "logstore/{logstore}/shipper/{name}", handle: (*API).shipperTasks},
	{Method: "PUT", Path: "/logstores/{logstore}/shipper/{name}/tasks", Action: "RetryShipperTask", Resource: "logstore/{logstore}/shipper/{name}", Mutating: true, handle: (*API).retryShipper},
}

// document reads a JSON document of a client that says nothing of its size that could be relied on.
func (q *request) document() ([]byte, error) {
	buf, err := q.readDocument(maxJSONBytes)
	if err != nil {
		return nil, err
	}
	defer buf.release()
	return append([]byte(nil), buf.b...), nil
}

func (a *API) createShipper(q *request) error {
	raw, err := q.document()
	if err != nil {
		return err
	}
	if _, err := a.Catalog.Logstore(q.ctx(), q.logstore()); err != nil {
		return err
	}
	if err := a.Shippers.Create(q.ctx(), q.logstore(), raw); err != nil {
		return err
	}
	return q.ok()
}

func (a *API) updateShipper(q *request) error {
	raw, err := q.document()
	if err != nil {
		return err
	}
	if err := a.Shippers.Update(q.ctx(), q.logstore(), q.vars.get("name"), raw); err != nil {
		return err
	}
	return q.ok()
}

func (a *API) getShipper(q *request) error {
	d, err := a.Shippers.Get(q.ctx(), q.logstore(), q.vars.get("name"))
	if err != nil {
		return err
	}
	return q.json(d)
}

func (a *API) deleteShipper(q *request) error {
	if err := a.Shippers.Delete(q.ctx(), q.logstore(), q.vars.get("name")); err != nil {
		return err
	}
	return q.ok()
}

func (a *API) listShippers(q *request) error {
	offset, size, err := q.page()
	if err != nil {
		return err
	}
	if _, err := a.Catalog.Logstore(q.ctx(), q.logstore()); err != nil {
		return err
	}
	names, err := a.Shippers.List(q.ctx(), q.logstore())
	if err != nil {
		return err
	}
	page := slice(names, offset, size)
	return q.json(struct {
		Count   int      `json:"count"`
		Total   int      `json:"total"`
		Shipper []string `json:"shipper"`
	}{len(page), len(names), page})
}

// slice is one page of a list; a size of 0 means 500.
func slice[T any](all []T, offset, size int) []T {
	if size <= 0 {
		size = 500
	}
	from := min(max(offset, 0), len(all))
	return all[from:min(from+size, len(all))]
}

func (a *API) shipperTasks(q *request) error {
	now := a.o.Now()
	from, err := q.number("from", int(now.Add(-24*time.Hour).Unix()))
	if err != nil {
		return err
	}
	to, err := q.number("to", int(now.Unix())+1)
	if err != nil {
		return err
	}
	offset, size, err := q.page()
	if err != nil {
		return err
	}
	f := shipper.TaskFilter{From: time.Unix(int64(from), 0), To: time.Unix(int64(to), 0), Status: q.query.Get("status")}
	all, err := a.Shippers.TaskList(q.ctx(), q.logstore(), q.vars.get("name"), f, now)
	if err != nil {
		return err
	}
	statistics := map[string]int{"running": 0, "success": 0, "fail": 0}
	for _, t := range all {
		statistics[t.Status]++
	}
	page := array(slice(all, offset, size))
	return q.json(struct {
		Count      int            `json:"count"`
		Total      int            `json:"total"`
		Statistics map[string]int `json:"statistics"`
		Tasks      []shipper.Task `json:"tasks"`
	}{len(page), len(all), statistics, page})
}

func (a *API) retryShipper(q *request) error {
	raw, err := q.document()
	if err != nil {
		return err
	}
	var ids []string
	if err := json.Unmarshal(raw, &ids); err != nil {
		return sluice.Errorf(sluice.Invalid, "parameter", "the body is not an array of task ids")
	}
	if err := a.Shippers.Retry(q.ctx(), q.logstore(), q.vars.get("name"), ids, a.o.Now()); err != nil {
		return err
	}
	return q.ok()
}
