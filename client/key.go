package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Key is an access key as the server tells of it: never with its secret.
type Key struct {
	ID          string    `json:"accessKeyId"`
	Account     string    `json:"accountId"`          // whose it is
	User        string    `json:"userName,omitempty"` // of the account, whose policies say what it may; "" for a key of no user
	Description string    `json:"description"`
	Projects    []string  `json:"projects"` // it may touch; empty means all
	ReadOnly    bool      `json:"readOnly"`
	Root        bool      `json:"root"` // may do everything in its account, and one of the root account manage accounts and keys
	Disabled    bool      `json:"disabled"`
	Created     time.Time `json:"createTime"`
	Expires     time.Time `json:"expireTime,omitzero"`  // zero means never
	LastUsed    time.Time `json:"lastUseTime,omitzero"` // zero means never
}

// KeySpec is what a new key may do.
type KeySpec struct {
	Description      string   `json:"description,omitempty"`
	Projects         []string `json:"projects,omitempty"` // empty means all
	ReadOnly         bool     `json:"readOnly,omitempty"`
	Root             bool     `json:"root,omitempty"`             // may manage keys
	ExpiresInSeconds int64    `json:"expiresInSeconds,omitempty"` // 0 means never; others get a security token
}

// NewKey is a key that was just made. Its secret is told this once.
type NewKey struct {
	Key
	Secret        string `json:"accessKeySecret"`
	SecurityToken string `json:"securityToken,omitempty"`
}

const keysPath = "/sluice/v1/keys"

// Keys lists the access keys. Only a root key may.
func (c *Client) Keys(ctx context.Context) ([]Key, error) {
	var page struct {
		Keys []Key `json:"keys"`
	}
	err := c.get(ctx, "", keysPath, nil, &page)
	return page.Keys, err
}

// Key returns one access key. Only a root key may. Error code: AccessKeyNotExist.
func (c *Client) Key(ctx context.Context, id string) (Key, error) {
	var key Key
	err := c.get(ctx, "", keyPath(id), nil, &key)
	return key, err
}

// CreateKey makes an access key. Only a root key may.
func (c *Client) CreateKey(ctx context.Context, spec KeySpec) (NewKey, error) {
	var key NewKey
	err := c.sendJSON(ctx, http.MethodPost, "", keysPath, nil, spec, &key)
	return key, err
}

// SetKeyDisabled disables a key at once, or enables it again. Only a root key may.
func (c *Client) SetKeyDisabled(ctx context.Context, id string, disabled bool) error {
	in := map[string]bool{"disabled": disabled}
	return c.sendJSON(ctx, http.MethodPatch, "", keyPath(id), nil, in, nil)
}

// DeleteKey deletes a key at once. Only a root key may.
func (c *Client) DeleteKey(ctx context.Context, id string) error {
	return c.send(ctx, call{method: http.MethodDelete, path: keyPath(id)}, nil)
}

func keyPath(id string) string { return keysPath + "/" + url.PathEscape(id) }
