package aws

import (
	"encoding/json"

	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/wire"
)

// Detail implements [wire.Detailer].
func (q *request) Detail() wire.Detail {
	d := wire.Detail{Version: Version, Principal: q.principal, Params: map[string]any{}}
	d.AccessKey, d.Signature = auth.Claimed(q.r, nil)
	_ = json.Unmarshal(q.body, &d.Params) // of a body that is no JSON there is nothing to tell
	return d
}
