package client

import (
	"context"
)

// Policy is a policy of the account, or of the server.
type Policy struct {
	Name        string `json:"PolicyName"`
	Type        string `json:"PolicyType"` // Custom or System
	Description string
	Version     string `json:"DefaultVersion"`
	Attachments int    `json:"AttachmentCount"`
	Document    string `json:"PolicyDocument,omitempty"` // of its default version; empty in lists
}

// Policies lists the policies of the account and of the server.
func (c *Client) Policies(ctx context.Context) ([]Policy, error) {
	return ramList(ctx, c, "ListPolicies", policiesOf)
}

// Policy returns a policy with its document. typ is Custom or System.
func (c *Client) Policy(ctx context.Context, typ, name string) (Policy, error) {
	var out struct{ Policy Policy }
	err := c.ram(ctx, "GetPolicy", &out, "PolicyType", typ, "PolicyName", name)
	return out.Policy, err
}

// CreatePolicy makes a custom policy. Error codes: EntityAlreadyExists.Policy, MalformedPolicyDocument with line and column.
func (c *Client) CreatePolicy(ctx context.Context, name, description, document string) error {
	return c.ram(ctx, "CreatePolicy", nil, "PolicyName", name, "Description", description, "PolicyDocument", document)
}

// policyVersion is a version of a policy.
type policyVersion struct {
	VersionID        string
	IsDefaultVersion bool
}

func (c *Client) policyVersions(ctx context.Context, name string) ([]policyVersion, error) {
	var out struct {
		PolicyVersions struct{ PolicyVersion []policyVersion }
	}
	err := c.ram(ctx, "ListPolicyVersions", &out, "PolicyType", "Custom", "PolicyName", name)
	return out.PolicyVersions.PolicyVersion, err
}

// UpdatePolicy gives a custom policy another document, as a new version that counts from then on, and drops the oldest version if there are too
// many.
func (c *Client) UpdatePolicy(ctx context.Context, name, document string) error {
	versions, err := c.policyVersions(ctx, name)
	if err != nil {
		return err
	}
	const most = 5
	if len(versions) >= most {
		for _, v := range versions {
			if !v.IsDefaultVersion {
				if err := c.ram(ctx, "DeletePolicyVersion", nil, "PolicyName", name, "VersionId", v.VersionID); err != nil {
					return err
				}
				break
			}
		}
	}
	return c.ram(ctx, "CreatePolicyVersion", nil, "PolicyName", name, "PolicyDocument", document, "SetAsDefault", "true")
}

// DeletePolicy deletes a custom policy that is attached to nobody, with its versions.
func (c *Client) DeletePolicy(ctx context.Context, name string) error {
	versions, err := c.policyVersions(ctx, name)
	if err != nil {
		return err
	}
	p, err := c.Policy(ctx, "Custom", name)
	if err != nil {
		return err
	}
	for _, v := range versions {
		if v.IsDefaultVersion || p.Attachments > 0 { // which DeletePolicy refuses
			continue
		}
		if err := c.ram(ctx, "DeletePolicyVersion", nil, "PolicyName", name, "VersionId", v.VersionID); err != nil {
			return err
		}
	}
	return c.ram(ctx, "DeletePolicy", nil, "PolicyName", name)
}

// Holder is what policies are attached to: a user, a group or a role. One of the fields is set.
type Holder struct {
	User, Group, Role string
}

// call is the end of the names of actions about h, and its parameter.
func (h Holder) call() (suffix, param, name string) {
	switch {
	case h.Group != "":
		return "Group", "GroupName", h.Group
	case h.Role != "":
		return "Role", "RoleName", h.Role
	}
	return "User", "UserName", h.User
}

// AttachPolicy gives a policy to a user, a group or a role, at once. typ is Custom or System.
func (c *Client) AttachPolicy(ctx context.Context, typ, name string, to Holder) error {
	suffix, param, holder := to.call()
	return c.ram(ctx, "AttachPolicyTo"+suffix, nil, "PolicyType", typ, "PolicyName", name, param, holder)
}

// DetachPolicy takes a policy away again, at once.
func (c *Client) DetachPolicy(ctx context.Context, typ, name string, from Holder) error {
	suffix, param, holder := from.call()
	return c.ram(ctx, "DetachPolicyFrom"+suffix, nil, "PolicyType", typ, "PolicyName", name, param, holder)
}

// PoliciesOf lists the policies that are attached to a user, a group or a role.
func (c *Client) PoliciesOf(ctx context.Context, h Holder) ([]Policy, error) {
	suffix, param, holder := h.call()
	return ramList(ctx, c, "ListPoliciesFor"+suffix, policiesOf, param, holder)
}
