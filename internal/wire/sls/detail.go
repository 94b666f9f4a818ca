package sls

import (
	"encoding/json"
	"strings"

	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/wire"
)

// maxTold is the largest body that audit events are told of.
const maxTold = 128 << 10

// Detail implements [wire.Detailer]. Of what was named in several places the path counts before the query, and that before the body.
func (q *request) Detail() wire.Detail {
	d := wire.Detail{Version: q.r.Header.Get("X-Log-Apiversion"), Principal: q.principal, Params: map[string]any{}}
	d.AccessKey, d.Signature = auth.Claimed(q.r, nil)
	if q.told != nil {
		var body map[string]any
		if json.Unmarshal(q.told, &body) != nil {
			body = map[string]any{"(body)": true}
		}
		d.Params = body
	}
	if d.Params == nil { // null is JSON, too
		d.Params = map[string]any{}
	}
	for name, values := range q.query {
		d.Params[name] = one(values)
	}
	for i := range q.vars.n {
		d.Params[q.vars.names[i]] = q.vars.text[i]
	}
	if q.route == nil {
		return d
	}
	pattern := strings.TrimPrefix(q.route.Resource, "/")
	if strings.Contains(pattern, "/{") && pattern != "logstore/{logstore}" {
		d.Objects = objects(q.fill(pattern))
	}
	return d
}

// one is a value by itself, or several as they are.
func one(values []string) any {
	if len(values) == 1 {
		return values[0]
	}
	return values
}

// objects are the parts "kind/name" of a path, but for logstores, which calls name by themselves, and for those that stand for all of a kind.
func objects(path string) (list []string) {
	parts := strings.Split(path, "/")
	for i := 0; i+1 < len(parts); i += 2 {
		if parts[i] != "logstore" && parts[i+1] != "*" {
			list = append(list, parts[i]+"/"+parts[i+1])
		}
	}
	return list
}
