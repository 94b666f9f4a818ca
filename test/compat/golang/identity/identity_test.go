// Package identity runs the generated clients of RAM and STS, unmodified, against the sluiced that test/compat has started.
package identity

import (
	"errors"
	"fmt"
	"testing"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	ram "github.com/alibabacloud-go/ram-20150501/v2/client"
	sts "github.com/alibabacloud-go/sts-20150401/v2/client"
	"github.com/alibabacloud-go/tea/tea"

	"github.com/sluicelog/sluice/test/compat/golang/observe"
)

// credentials are those that a client signs with.
type credentials struct{ id, secret, token string }

var root = credentials{observe.KeyID, observe.Secret, ""}

func configuration(c credentials) *openapi.Config {
	config := &openapi.Config{
		AccessKeyId: tea.String(c.id), AccessKeySecret: tea.String(c.secret), Endpoint: tea.String(observe.Addr), Protocol: tea.String("HTTP"), RegionId: tea.String("local"),
	}
	if c.token != "" {
		config.SecurityToken, config.Type = tea.String(c.token), tea.String("sts")
	}
	return config
}

func newSTS(t *testing.T, c credentials) *sts.Client {
	t.Helper()
	client, err := sts.NewClient(configuration(c))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func codeOf(err error) string {
	var old *tea.SDKError
	if errors.As(err, &old) {
		return tea.StringValue(old.Code)
	}
	var failure interface{ GetCode() *string }
	if errors.As(err, &failure) {
		return tea.StringValue(failure.GetCode())
	}
	return ""
}

const (
	user, group, role, policy = "compat-ada", "compat-ops", "compat-reader", "compat-reads"
	reads                     = `{"Version":"1","Statement":[{"Effect":"Allow","Action":["log:Get*","sts:AssumeRole"],"Resource":"*"}]}`
)

// TestIdentity makes a user, a group, a policy and a role, ties them together, assumes the role, and takes all of it away.
func TestIdentity(t *testing.T) {
	client, err := ram.NewClient(configuration(root))
	if err != nil {
		t.Fatal(err)
	}
	l := &life{
		t: t, ram: client,
		asRAM: observe.Client{Name: "RAM SDK (Go)", Version: observe.Version(t, "github.com/alibabacloud-go/ram-20150501/v2"), Code: codeOf},
		asSTS: observe.Client{Name: "STS SDK (Go)", Version: observe.Version(t, "github.com/alibabacloud-go/sts-20150401/v2"), Code: codeOf},
	}
	l.users()
	l.groups()
	l.policies()
	l.keys()
	l.roles()
	l.end()
}

// life is what the steps of the test share.
type life struct {
	t            *testing.T
	ram          *ram.Client
	asRAM, asSTS observe.Client
	account      string
	key          credentials // of the user
}

func (l *life) does(name string, f func() error) { l.asRAM.Operation(l.t, name, f) }

func (l *life) users() {
	l.does("CreateUser", func() error {
		got, err := l.ram.CreateUser(&ram.CreateUserRequest{UserName: tea.String(user), Comments: tea.String("first")})
		return observe.Is(err, func() string { return tea.StringValue(got.Body.User.UserName) }, user)
	})
	l.does("UpdateUser", func() error {
		_, err := l.ram.UpdateUser(&ram.UpdateUserRequest{UserName: tea.String(user), NewComments: tea.String("second")})
		return err
	})
	l.does("GetUser", func() error {
		got, err := l.ram.GetUser(&ram.GetUserRequest{UserName: tea.String(user)})
		return observe.Is(err, func() string { return tea.StringValue(got.Body.User.Comments) }, "second")
	})
	l.does("ListUsers", func() error {
		got, err := l.ram.ListUsers(&ram.ListUsersRequest{MaxItems: tea.Int32(100)})
		return observe.Is(err, func() string { return tea.StringValue(got.Body.Users.User[0].UserName) }, user)
	})
}

func (l *life) groups() {
	l.does("CreateGroup", func() error {
		_, err := l.ram.CreateGroup(&ram.CreateGroupRequest{GroupName: tea.String(group), Comments: tea.String("c")})
		return err
	})
	l.does("AddUserToGroup", func() error {
		_, err := l.ram.AddUserToGroup(&ram.AddUserToGroupRequest{GroupName: tea.String(group), UserName: tea.String(user)})
		return err
	})
	l.does("GetGroup", func() error {
		got, err := l.ram.GetGroup(&ram.GetGroupRequest{GroupName: tea.String(group)})
		return observe.Is(err, func() string { return tea.StringValue(got.Body.Group.GroupName) }, group)
	})
	l.does("ListGroups", func() error {
		got, err := l.ram.ListGroups(&ram.ListGroupsRequest{})
		return observe.Is(err, func() string { return tea.StringValue(got.Body.Groups.Group[0].GroupName) }, group)
	})
	l.does("ListUsersForGroup", func() error {
		got, err := l.ram.ListUsersForGroup(&ram.ListUsersForGroupRequest{GroupName: tea.String(group)})
		return observe.Is(err, func() string { return tea.StringValue(got.Body.Users.User[0].UserName) }, user)
	})
	l.does("ListGroupsForUser", func() error {
		got, err := l.ram.ListGroupsForUser(&ram.ListGroupsForUserRequest{UserName: tea.String(user)})
		return observe.Is(err, func() string { return tea.StringValue(got.Body.Groups.Group[0].GroupName) }, group)
	})
}

func (l *life) policies() {
	l.does("CreatePolicy", func() error {
		_, err := l.ram.CreatePolicy(&ram.CreatePolicyRequest{PolicyName: tea.String(policy), PolicyDocument: tea.String(reads)})
		return err
	})
	l.does("GetPolicy", func() error {
		got, err := l.ram.GetPolicy(&ram.GetPolicyRequest{PolicyName: tea.String(policy), PolicyType: tea.String("Custom")})
		return observe.Is(err, func() string { return tea.StringValue(got.Body.DefaultPolicyVersion.PolicyDocument) }, reads)
	})
	l.does("ListPolicies", func() error {
		got, err := l.ram.ListPolicies(&ram.ListPoliciesRequest{PolicyType: tea.String("Custom")})
		return observe.Is(err, func() string { return tea.StringValue(got.Body.Policies.Policy[0].PolicyName) }, policy)
	})
	l.does("CreatePolicyVersion", func() error {
		got, err := l.ram.CreatePolicyVersion(&ram.CreatePolicyVersionRequest{PolicyName: tea.String(policy), PolicyDocument: tea.String(reads)})
		return observe.Is(err, func() string { return tea.StringValue(got.Body.PolicyVersion.VersionId) }, "v2")
	})
	l.does("SetDefaultPolicyVersion", func() error {
		_, err := l.ram.SetDefaultPolicyVersion(&ram.SetDefaultPolicyVersionRequest{PolicyName: tea.String(policy), VersionId: tea.String("v2")})
		return err
	})
	l.does("ListPolicyVersions", func() error {
		got, err := l.ram.ListPolicyVersions(&ram.ListPolicyVersionsRequest{PolicyName: tea.String(policy), PolicyType: tea.String("Custom")})
		return observe.Is(err, func() string { return fmt.Sprint(len(got.Body.PolicyVersions.PolicyVersion)) }, "2")
	})
	l.does("DeletePolicyVersion", func() error {
		_, err := l.ram.DeletePolicyVersion(&ram.DeletePolicyVersionRequest{PolicyName: tea.String(policy), VersionId: tea.String("v1")})
		return err
	})
	l.does("AttachPolicyToUser", func() error {
		_, err := l.ram.AttachPolicyToUser(&ram.AttachPolicyToUserRequest{PolicyName: tea.String(policy), PolicyType: tea.String("Custom"), UserName: tea.String(user)})
		return err
	})
	l.does("ListPoliciesForUser", func() error {
		got, err := l.ram.ListPoliciesForUser(&ram.ListPoliciesForUserRequest{UserName: tea.String(user)})
		return observe.Is(err, func() string { return tea.StringValue(got.Body.Policies.Policy[0].PolicyName) }, policy)
	})
	l.does("AttachPolicyToGroup", func() error {
		_, err := l.ram.AttachPolicyToGroup(&ram.AttachPolicyToGroupRequest{PolicyName: tea.String("ReadOnlyAccess"), PolicyType: tea.String("System"), GroupName: tea.String(group)})
		return err
	})
	l.does("ListPoliciesForGroup", func() error {
		got, err := l.ram.ListPoliciesForGroup(&ram.ListPoliciesForGroupRequest{GroupName: tea.String(group)})
		return observe.Is(err, func() string { return tea.StringValue(got.Body.Policies.Policy[0].PolicyType) }, "System")
	})
}

func (l *life) keys() {
	l.does("CreateAccessKey", func() error {
		got, err := l.ram.CreateAccessKey(&ram.CreateAccessKeyRequest{UserName: tea.String(user)})
		if err == nil {
			l.key = credentials{id: tea.StringValue(got.Body.AccessKey.AccessKeyId), secret: tea.StringValue(got.Body.AccessKey.AccessKeySecret)}
		}
		return err
	})
	l.does("ListAccessKeys", func() error {
		got, err := l.ram.ListAccessKeys(&ram.ListAccessKeysRequest{UserName: tea.String(user)})
		return observe.Is(err, func() string { return tea.StringValue(got.Body.AccessKeys.AccessKey[0].AccessKeyId) }, l.key.id)
	})
	who := func(want string) error {
		got, err := newSTS(l.t, l.key).GetCallerIdentity()
		if err != nil {
			return observe.Is(nil, func() string { return codeOf(err) }, want)
		}
		l.account = tea.StringValue(got.Body.AccountId)
		return observe.Is(nil, func() string { return tea.StringValue(got.Body.Arn) }, want+l.account+":user/"+user)
	}
	l.asSTS.Operation(l.t, "GetCallerIdentity", func() error { return who("acs:ram::") })
	l.does("UpdateAccessKey", func() error {
		set := func(status string) error {
			_, err := l.ram.UpdateAccessKey(&ram.UpdateAccessKeyRequest{UserName: tea.String(user), UserAccessKeyId: tea.String(l.key.id), Status: tea.String(status)})
			return err
		}
		return errors.Join(set("Inactive"), who("InvalidAccessKeyId.Inactive"), set("Active"), who("acs:ram::"))
	})
	l.does("GetAccessKeyLastUsed", func() error {
		_, err := l.ram.GetAccessKeyLastUsed(&ram.GetAccessKeyLastUsedRequest{UserName: tea.String(user), UserAccessKeyId: tea.String(l.key.id)})
		return err
	})
}

func (l *life) roles() {
	trust := `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::` + l.account + `:user/` + user + `"]}}]}`
	l.does("CreateRole", func() error {
		_, err := l.ram.CreateRole(&ram.CreateRoleRequest{RoleName: tea.String(role), AssumeRolePolicyDocument: tea.String(trust), Description: tea.String("d")})
		return err
	})
	l.does("UpdateRole", func() error {
		_, err := l.ram.UpdateRole(&ram.UpdateRoleRequest{RoleName: tea.String(role), NewAssumeRolePolicyDocument: tea.String(trust)})
		return err
	})
	l.does("GetRole", func() error {
		got, err := l.ram.GetRole(&ram.GetRoleRequest{RoleName: tea.String(role)})
		return observe.Is(err, func() string { return tea.StringValue(got.Body.Role.AssumeRolePolicyDocument) }, trust)
	})
	l.does("ListRoles", func() error {
		got, err := l.ram.ListRoles(&ram.ListRolesRequest{})
		return observe.Is(err, func() string { return tea.StringValue(got.Body.Roles.Role[0].RoleName) }, role)
	})
	l.does("AttachPolicyToRole", func() error {
		_, err := l.ram.AttachPolicyToRole(&ram.AttachPolicyToRoleRequest{PolicyName: tea.String("AliyunRAMReadOnlyAccess"), PolicyType: tea.String("System"), RoleName: tea.String(role)})
		return err
	})
	l.does("ListPoliciesForRole", func() error {
		got, err := l.ram.ListPoliciesForRole(&ram.ListPoliciesForRoleRequest{RoleName: tea.String(role)})
		return observe.Is(err, func() string { return tea.StringValue(got.Body.Policies.Policy[0].PolicyName) }, "AliyunRAMReadOnlyAccess")
	})
	l.asSTS.Operation(l.t, "AssumeRole", func() error {
		arn := "acs:ram::" + l.account + ":role/" + role
		got, err := newSTS(l.t, l.key).AssumeRole(&sts.AssumeRoleRequest{RoleArn: tea.String(arn), RoleSessionName: tea.String("work"), DurationSeconds: tea.Int64(900)})
		if err != nil {
			return err
		}
		c := got.Body.Credentials
		session := credentials{tea.StringValue(c.AccessKeyId), tea.StringValue(c.AccessKeySecret), tea.StringValue(c.SecurityToken)}
		who, err := newSTS(l.t, session).GetCallerIdentity()
		return observe.Is(err, func() string { return tea.StringValue(who.Body.Arn) }, arn+"/work")
	})
}

// end takes away what there is, which is there only as long as nothing hangs on it.
func (l *life) end() {
	custom, system := tea.String("Custom"), tea.String("System")
	l.does("DetachPolicyFromRole", func() error {
		_, err := l.ram.DetachPolicyFromRole(&ram.DetachPolicyFromRoleRequest{PolicyName: tea.String("AliyunRAMReadOnlyAccess"), PolicyType: system, RoleName: tea.String(role)})
		return err
	})
	l.does("DeleteRole", func() error {
		_, err := l.ram.DeleteRole(&ram.DeleteRoleRequest{RoleName: tea.String(role)})
		return err
	})
	l.does("DeleteAccessKey", func() error {
		_, err := l.ram.DeleteAccessKey(&ram.DeleteAccessKeyRequest{UserName: tea.String(user), UserAccessKeyId: tea.String(l.key.id)})
		return err
	})
	l.does("DetachPolicyFromUser", func() error {
		_, err := l.ram.DetachPolicyFromUser(&ram.DetachPolicyFromUserRequest{PolicyName: tea.String(policy), PolicyType: custom, UserName: tea.String(user)})
		return err
	})
	l.does("DetachPolicyFromGroup", func() error {
		_, err := l.ram.DetachPolicyFromGroup(&ram.DetachPolicyFromGroupRequest{PolicyName: tea.String("ReadOnlyAccess"), PolicyType: system, GroupName: tea.String(group)})
		return err
	})
	l.does("RemoveUserFromGroup", func() error {
		_, err := l.ram.RemoveUserFromGroup(&ram.RemoveUserFromGroupRequest{GroupName: tea.String(group), UserName: tea.String(user)})
		return err
	})
	l.does("DeleteGroup", func() error {
		_, err := l.ram.DeleteGroup(&ram.DeleteGroupRequest{GroupName: tea.String(group)})
		return err
	})
	l.does("DeletePolicy", func() error {
		_, err := l.ram.DeletePolicy(&ram.DeletePolicyRequest{PolicyName: tea.String(policy)})
		return err
	})
	l.does("DeleteUser", func() error {
		if _, err := l.ram.DeleteUser(&ram.DeleteUserRequest{UserName: tea.String(user)}); err != nil {
			return err
		}
		_, err := l.ram.GetUser(&ram.GetUserRequest{UserName: tea.String(user)})
		return observe.Is(nil, func() string { return codeOf(err) }, "EntityNotExist.User")
	})
}
