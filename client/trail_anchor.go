package client

import (
	"context"
	"encoding/json"
)

// TrailAnchor returns the newest signed anchor of the audit events, with the public keys, as JSON: what verifies the events of project sluice-trail, now
// or later. It takes a root access key.
func (c *Client) TrailAnchor(ctx context.Context) (evidence json.RawMessage, err error) {
	err = c.get(ctx, "", "/sluice/v1/trail/anchor", nil, &evidence)
	return evidence, err
}
