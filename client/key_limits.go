package client

import (
	"context"
	"net/http"
)

// KeyLimits is what may be done with an access key in each second. Zero is no limit.
type KeyLimits struct {
	Own           bool  `json:"own"` // they are the key's own, and not those that the server is configured with
	WriteRequests int64 `json:"writeRequests"`
	WriteBytes    int64 `json:"writeBytes"` // logs, before compression
	ReadRequests  int64 `json:"readRequests"`
	ReadBytes     int64 `json:"readBytes"`
}

// KeyLimits returns the limits of an access key. Only a root key may ask. Error code: AccessKeyNotExist.
func (c *Client) KeyLimits(ctx context.Context, id string) (l KeyLimits, err error) {
	err = c.get(ctx, "", keyPath(id)+"/limits", nil, &l)
	return l, err
}

// SetKeyLimits gives an access key limits of its own. Only a root key may. Error code: AccessKeyNotExist.
func (c *Client) SetKeyLimits(ctx context.Context, id string, l KeyLimits) error {
	return c.sendJSON(ctx, http.MethodPut, "", keyPath(id)+"/limits", nil, l, nil)
}

// ResetKeyLimits holds an access key to the configured limits again. Only a root key may. Error code: AccessKeyNotExist.
func (c *Client) ResetKeyLimits(ctx context.Context, id string) error {
	return c.send(ctx, call{method: http.MethodDelete, path: keyPath(id) + "/limits"}, nil)
}
