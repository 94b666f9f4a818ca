package sls

import (
	"net/http"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/control"
)

// ListObjects: GET /logstores/{logstore}/objects
//
// Behavior: by name, at most maxResults (100, at most 1000) of those that begin with prefix, behind nextToken.

// PutObject: PUT /logstores/{logstore}/objects/{object...}
//
// Body: the bytes. Content-Type, Content-MD5 and headers that begin with x-log-meta- are kept with it.
// Behavior: makes or replaces the object, as durably as logs; it is gone after the logstore's ttl, and with the logstore. The answer has its ETag.
// Differs: at most 1 MiB, and 1000 objects of a logstore; nothing looks into them, whatever the multimodal configuration says.

// GetObject: GET /logstores/{logstore}/objects/{object...}
//
// Behavior: the bytes, with what was kept, ETag and Last-Modified.

var objectRoutes = []Route{
	{Method: "GET", Path: "/logstores/{logstore}/objects", Action: "ListObjects", Resource: "logstore/{logstore}", handle: (*API).listObjects},
	{Method: "PUT", Path: "/logstores/{logstore}/objects/{object...}", Action: "PutObject", Resource: "logstore/{logstore}", Mutating: true, handle: (*API).putObject},
	{Method: "GET", Path: "/logstores/{logstore}/objects/{object...}", Action: "GetObject", Resource: "logstore/{logstore}", handle: (*API).getObject},
}

// metaPrefix is what the names of the headers begin with that clients give to objects.
const metaPrefix = "X-Log-Meta-"

// maxObjectPage is the most objects of one list.
const maxObjectPage = 1000

func (a *API) putObject(q *request) error {
	buf, err := q.body(control.MaxObject)
	if err != nil {
		return err
	}
	defer buf.release()
	kept := map[string]string{}
	for name, values := range q.r.Header {
		if name == "Content-Type" || name == "Content-Md5" || strings.HasPrefix(name, metaPrefix) {
			kept[name] = values[0]
		}
	}
	o, err := a.Control.PutObject(q.ctx(), q.logstore(), q.vars.get("object"), kept, buf.b)
	if err != nil {
		return err
	}
	q.w.Header()["Etag"] = []string{quoted(o.ETag)}
	return q.ok()
}

// quoted is an entity tag as HTTP has it.
func quoted(tag string) string { return `"` + tag + `"` }

func (a *API) getObject(q *request) error {
	o, err := a.Control.Object(q.ctx(), q.logstore(), q.vars.get("object"))
	if err != nil {
		return err
	}
	h := q.w.Header()
	for name, value := range o.Header {
		h[name] = []string{value}
	}
	h["Etag"] = []string{quoted(o.ETag)}
	h["Last-Modified"] = []string{o.Put.UTC().Format(http.TimeFormat)}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	kind := h["Content-Type"]
	if kind == nil {
		kind = []string{"application/octet-stream"}
	}
	send(q.w, http.StatusOK, kind, o.Bytes)
	return nil
}

// listedObject is an object as lists have it.
type listedObject struct {
	Key      string `json:"key"`
	Size     int    `json:"size"`
	ETag     string `json:"etag"`
	Kind     string `json:"contentType"`
	Modified int64  `json:"lastModified"`
}

func (a *API) listObjects(q *request) error {
	limit, err := q.number("maxResults", maxLine)
	if err != nil {
		return err
	}
	if limit < 1 {
		return sluice.Errorf(sluice.Invalid, "parameter", "maxResults %d is below 1", limit)
	}
	limit = min(limit, maxObjectPage)
	prefix := q.query.Get("prefix")
	page, more, err := a.Control.Objects(q.ctx(), q.logstore(), prefix, q.query.Get("nextToken"), limit)
	if err != nil {
		return err
	}
	objects, next := make([]listedObject, len(page)), ""
	for i, o := range page {
		objects[i] = listedObject{o.Name, o.Size, quoted(o.ETag), o.Header["Content-Type"], o.Put.Unix()}
	}
	if more {
		next = page[len(page)-1].Name
	}
	return q.json(map[string]any{"objects": objects, "prefix": prefix, "maxResults": limit, "isTruncated": more, "nextToken": next})
}
