package client

import (
	"context"
	"net/http"
)

// PermissionQuestion asks whether a user, or a role, may do something.
type PermissionQuestion struct {
	User, Role string
	Action     string // log:GetLogStoreLogs
	Resource   string // acs:log:*:*:project/web/logstore/app, or its last part
	SourceIP   string // "" for none
	Secure     bool   // over TLS
}

// Permission is the answer, and what decides.
type Permission struct {
	Allowed   bool   `json:"allowed"`
	Reason    string `json:"reason"`
	Policy    string `json:"policy,omitempty"`
	Effect    string `json:"effect,omitempty"`
	Statement int    `json:"statement,omitempty"` // from 1
	Line      int    `json:"line,omitempty"`      // of its document
}

// ExplainPermission says whether a user of the account may do something, and why.
func (c *Client) ExplainPermission(ctx context.Context, q PermissionQuestion) (Permission, error) {
	query := paramsOf([]string{"user", q.User, "role", q.Role, "action", q.Action, "resource", q.Resource, "sourceIp", q.SourceIP})
	if q.Secure {
		query.Set("secure", "true")
	}
	var p Permission
	err := c.get(ctx, "", "/sluice/v1/permission", query, &p)
	return p, err
}

// ProjectPolicy returns the policy of a project; "" if it has none.
func (c *Client) ProjectPolicy(ctx context.Context, project string) (string, error) {
	a, err := c.do(ctx, call{method: http.MethodGet, project: project, path: "/policy"})
	if err != nil {
		return "", err
	}
	return string(a.body), nil
}

// SetProjectPolicy sets the policy of a project, at once.
func (c *Client) SetProjectPolicy(ctx context.Context, project, document string) error {
	return c.send(ctx, call{method: http.MethodPost, project: project, path: "/policy", contentType: contentJSON, body: []byte(document), rawSize: len(document)}, nil)
}

// DeleteProjectPolicy takes the policy of a project away.
func (c *Client) DeleteProjectPolicy(ctx context.Context, project string) error {
	return c.send(ctx, call{method: http.MethodDelete, project: project, path: "/policy"}, nil)
}
