package client

import (
	"context"
	"net/url"
	"strconv"
	"time"
)

const ramVersion = "2015-05-01"

// User is a user of the account.
type User struct {
	ID          string `json:"UserId"`
	Name        string `json:"UserName"`
	DisplayName string
	Comments    string
	Created     time.Time `json:"CreateDate"`
}

// Group is a group of users.
type Group struct {
	ID       string `json:"GroupId"`
	Name     string `json:"GroupName"`
	Comments string
	Created  time.Time `json:"CreateDate"`
}

// Role is a role of the account.
type Role struct {
	ID                string `json:"RoleId"`
	Name              string `json:"RoleName"`
	ARN               string `json:"Arn"`
	Description       string
	Trust             string    `json:"AssumeRolePolicyDocument"`
	MaxSessionSeconds int64     `json:"MaxSessionDuration"`
	Created           time.Time `json:"CreateDate"`
}

// UserKey is an access key of a user.
type UserKey struct {
	ID      string    `json:"AccessKeyId"`
	Secret  string    `json:"AccessKeySecret,omitempty"` // told when it is made, and never again
	Status  string    // Active or Inactive
	Created time.Time `json:"CreateDate"`
}

// ram calls an action of RAM with pairs of parameters.
func (c *Client) ram(ctx context.Context, action string, out any, pairs ...string) error {
	return c.rpc(ctx, ramVersion, action, paramsOf(pairs), out)
}

func paramsOf(pairs []string) url.Values {
	params := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			params.Set(pairs[i], pairs[i+1])
		}
	}
	return params
}

// ramList collects the pages of a list.
func ramList[T any](ctx context.Context, c *Client, action string, of func(page *ramPage) []T, pairs ...string) ([]T, error) {
	all := []T{}
	for marker := ""; ; {
		var page ramPage
		if err := c.ram(ctx, action, &page, append(pairs, "Marker", marker, "MaxItems", "1000")...); err != nil {
			return nil, err
		}
		all = append(all, of(&page)...)
		if !page.IsTruncated || page.Marker == "" {
			return all, nil
		}
		marker = page.Marker
	}
}

// ramPage is a page of any of RAM's lists.
type ramPage struct {
	IsTruncated bool
	Marker      string
	Users       struct{ User []User }
	Groups      struct{ Group []Group }
	Roles       struct{ Role []Role }
	Policies    struct{ Policy []Policy }
	AccessKeys  struct{ AccessKey []UserKey }
}

func usersOf(p *ramPage) []User      { return p.Users.User }
func groupsOf(p *ramPage) []Group    { return p.Groups.Group }
func rolesOf(p *ramPage) []Role      { return p.Roles.Role }
func policiesOf(p *ramPage) []Policy { return p.Policies.Policy }
func keysOf(p *ramPage) []UserKey    { return p.AccessKeys.AccessKey }

// Users lists the users of the account.
func (c *Client) Users(ctx context.Context) ([]User, error) {
	return ramList(ctx, c, "ListUsers", usersOf)
}

// CreateUser makes a user. Error code: EntityAlreadyExists.User.
func (c *Client) CreateUser(ctx context.Context, name, comments string) (User, error) {
	var out struct{ User User }
	err := c.ram(ctx, "CreateUser", &out, "UserName", name, "Comments", comments)
	return out.User, err
}

// DeleteUser deletes a user without keys, groups and policies. Error codes: EntityNotExist.User, and those with DeleteConflict.
func (c *Client) DeleteUser(ctx context.Context, name string) error {
	return c.ram(ctx, "DeleteUser", nil, "UserName", name)
}

// UserKeys lists the keys of a user, without their secrets.
func (c *Client) UserKeys(ctx context.Context, user string) ([]UserKey, error) {
	return ramList(ctx, c, "ListAccessKeys", keysOf, "UserName", user)
}

// CreateUserKey makes a key of a user, who has two at most. Error code: LimitExceeded.User.AccessKey.
func (c *Client) CreateUserKey(ctx context.Context, user string) (UserKey, error) {
	var out struct{ AccessKey UserKey }
	err := c.ram(ctx, "CreateAccessKey", &out, "UserName", user)
	return out.AccessKey, err
}

// SetUserKeyActive disables a key of a user at once, or enables it again.
func (c *Client) SetUserKeyActive(ctx context.Context, user, id string, active bool) error {
	status := map[bool]string{true: "Active", false: "Inactive"}[active]
	return c.ram(ctx, "UpdateAccessKey", nil, "UserName", user, "UserAccessKeyId", id, "Status", status)
}

// DeleteUserKey deletes a key of a user at once.
func (c *Client) DeleteUserKey(ctx context.Context, user, id string) error {
	return c.ram(ctx, "DeleteAccessKey", nil, "UserName", user, "UserAccessKeyId", id)
}

// Groups lists the groups of the account.
func (c *Client) Groups(ctx context.Context) ([]Group, error) {
	return ramList(ctx, c, "ListGroups", groupsOf)
}

// CreateGroup makes a group. Error code: EntityAlreadyExists.Group.
func (c *Client) CreateGroup(ctx context.Context, name, comments string) (Group, error) {
	var out struct{ Group Group }
	err := c.ram(ctx, "CreateGroup", &out, "GroupName", name, "Comments", comments)
	return out.Group, err
}

// DeleteGroup deletes a group without members and policies.
func (c *Client) DeleteGroup(ctx context.Context, name string) error {
	return c.ram(ctx, "DeleteGroup", nil, "GroupName", name)
}

// GroupMembers lists the users in a group.
func (c *Client) GroupMembers(ctx context.Context, group string) ([]User, error) {
	return ramList(ctx, c, "ListUsersForGroup", usersOf, "GroupName", group)
}

// AddToGroup puts a user into a group.
func (c *Client) AddToGroup(ctx context.Context, user, group string) error {
	return c.ram(ctx, "AddUserToGroup", nil, "UserName", user, "GroupName", group)
}

// RemoveFromGroup takes a user out of a group.
func (c *Client) RemoveFromGroup(ctx context.Context, user, group string) error {
	return c.ram(ctx, "RemoveUserFromGroup", nil, "UserName", user, "GroupName", group)
}

// Roles lists the roles of the account.
func (c *Client) Roles(ctx context.Context) ([]Role, error) {
	return ramList(ctx, c, "ListRoles", rolesOf)
}

// Role returns a role.
func (c *Client) Role(ctx context.Context, name string) (Role, error) {
	var out struct{ Role Role }
	err := c.ram(ctx, "GetRole", &out, "RoleName", name)
	return out.Role, err
}

// SetRoleTrust says anew who may assume a role. Sessions that there are go on.
func (c *Client) SetRoleTrust(ctx context.Context, name, trust string) error {
	return c.ram(ctx, "UpdateRole", nil, "RoleName", name, "NewAssumeRolePolicyDocument", trust)
}

// CreateRole makes a role that the document trust says who may assume. longest is the longest session; 0 means an hour.
func (c *Client) CreateRole(ctx context.Context, name, description, trust string, longest time.Duration) (Role, error) {
	var out struct{ Role Role }
	seconds := ""
	if longest > 0 {
		seconds = strconv.FormatInt(int64(longest/time.Second), 10)
	}
	err := c.ram(ctx, "CreateRole", &out, "RoleName", name, "Description", description, "AssumeRolePolicyDocument", trust, "MaxSessionDuration", seconds)
	return out.Role, err
}

// DeleteRole deletes a role without policies, and ends its sessions.
func (c *Client) DeleteRole(ctx context.Context, name string) error {
	return c.ram(ctx, "DeleteRole", nil, "RoleName", name)
}
