package client

import (
	"context"
	"encoding/json"
	"net/http"
)

const anchorPath, trailKeyPath = "/sluice/v1/trail/anchor", "/sluice/v1/trail/key"

// TrailAnchor returns the newest signed anchor of the audit events, with the public keys, as JSON: what verifies the events of project sluice-trail, now
// or later. It takes a root access key.
func (c *Client) TrailAnchor(ctx context.Context) (evidence json.RawMessage, err error) {
	err = c.get(ctx, "", anchorPath, nil, &evidence)
	return evidence, err
}

// CreateTrailAnchor signs an anchor behind all audit events that are there, and returns what TrailAnchor does. It takes a root access key.
func (c *Client) CreateTrailAnchor(ctx context.Context) (evidence json.RawMessage, err error) {
	err = c.send(ctx, call{method: http.MethodPost, path: anchorPath}, &evidence)
	return evidence, err
}

// RotateTrailKey has anchors of audit events signed with a new key, for which the old one vouches, and returns what TrailAnchor does. It takes a root
// access key.
func (c *Client) RotateTrailKey(ctx context.Context) (evidence json.RawMessage, err error) {
	err = c.send(ctx, call{method: http.MethodPost, path: trailKeyPath}, &evidence)
	return evidence, err
}
