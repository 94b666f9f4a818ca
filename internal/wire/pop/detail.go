package pop

import (
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/wire"
)

// transport are the parameters that are not the action's own, and that audit events have elsewhere or not at all.
var transport = []string{
	"Action", "Version", "Format", "AccessKeyId", "Signature", "SignatureMethod", "SignatureVersion", "SignatureNonce", "SignatureType", "SecurityToken", "Timestamp",
}

// Detail implements [wire.Detailer].
func (q *request) Detail() wire.Detail {
	d := wire.Detail{Version: q.action.version, Principal: q.principal, Params: map[string]any{}}
	d.AccessKey, d.Signature = auth.Claimed(q.r, q.params)
	for name, values := range q.params {
		if len(values) == 1 {
			d.Params[name] = values[0]
		} else {
			d.Params[name] = values
		}
	}
	for _, name := range transport {
		delete(d.Params, name)
	}
	return d
}
