package rpc

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	util "github.com/alibabacloud-go/tea-utils/v2/service"
	"github.com/alibabacloud-go/tea/tea"

	"github.com/sluicelog/sluice/internal/testenv"
)

// caller calls actions of RAM and STS with the official generic client, as every generated client of them does.
type caller struct {
	t   *testing.T
	api *openapi.Client
}

func newCaller(t *testing.T, env *testenv.Env, key testenv.Key, algorithm *string) caller {
	t.Helper()
	c := &openapi.Config{
		AccessKeyId: tea.String(key.ID), AccessKeySecret: tea.String(key.Secret), Endpoint: tea.String(env.Addr), Protocol: tea.String("HTTP"),
		SignatureAlgorithm: algorithm,
	}
	if key.Token != "" {
		c.SecurityToken, c.Type = tea.String(key.Token), tea.String("sts")
	}
	api, err := openapi.NewClient(c)
	if err != nil {
		t.Fatal(err)
	}
	return caller{t, api}
}

// try calls an action with pairs of parameters and returns its answer as JSON.
func (c caller) try(action string, pairs ...string) (string, error) {
	query := map[string]*string{}
	for i := 0; i < len(pairs); i += 2 {
		query[pairs[i]] = tea.String(pairs[i+1])
	}
	version := "2015-05-01"
	if action == "AssumeRole" || action == "GetCallerIdentity" {
		version = "2015-04-01"
	}
	answer, err := c.api.CallApi(&openapi.Params{
		Action: tea.String(action), Version: tea.String(version), Protocol: tea.String("HTTP"), Method: tea.String("POST"), AuthType: tea.String("AK"),
		Style: tea.String("RPC"), Pathname: tea.String("/"), ReqBodyType: tea.String("formData"), BodyType: tea.String("json"),
	}, &openapi.OpenApiRequest{Query: query}, &util.RuntimeOptions{})
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(answer["body"])
	return string(raw), err
}

func (c caller) call(v any, action string, pairs ...string) {
	c.t.Helper()
	raw, err := c.try(action, pairs...)
	if err != nil {
		c.t.Fatalf("%s %q: %v", action, pairs, err)
	}
	if v != nil {
		if err := json.Unmarshal([]byte(raw), v); err != nil {
			c.t.Fatalf("%s: %s: %v", action, raw, err)
		}
	}
}

func (c caller) refused(code, action string, pairs ...string) {
	c.t.Helper()
	_, err := c.try(action, pairs...)
	var e *tea.SDKError
	if !errors.As(err, &e) || tea.StringValue(e.Code) != code {
		c.t.Errorf("%s %q: got error %v, want %s", action, pairs, err, code)
	}
}

const reads = `{"Version":"1","Statement":[{"Effect":"Allow","Action":["ram:Get*","sts:AssumeRole"],"Resource":"*"}]}`

// The life of identities, with both signatures.
func TestRAM(t *testing.T) {
	for name, algorithm := range signatures {
		t.Run(name, func(t *testing.T) {
			env := testenv.Start(t)
			root := newCaller(t, env, testenv.RootKey, algorithm)
			var who struct{ IdentityType, AccountID, Arn string }
			root.call(&who, "GetCallerIdentity")
			if who.IdentityType != "Account" || len(who.AccountID) != 16 || who.Arn != "acs:ram::"+who.AccountID+":root" {
				t.Errorf("the root is %+v", who)
			}

			alice := life(t, env, root, algorithm)
			alice.refused("Forbidden.RAM", "CreateUser", "UserName", "mallory")
			alice.refused("Forbidden.RAM", "ListUsers")
			alice.call(nil, "GetUser") // herself, without her name

			role := "acs:ram::" + who.AccountID + ":role/reader"
			root.call(nil, "CreateRole", "RoleName", "reader", "Description", "d", "MaxSessionDuration", "7200", "AssumeRolePolicyDocument",
				`{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["`+strings.Replace(role, "role/reader", "user/alice", 1)+`"]}}]}`)
			root.call(nil, "AttachPolicyToRole", "RoleName", "reader", "PolicyType", "System", "PolicyName", "AliyunRAMReadOnlyAccess")
			root.refused("Forbidden.RAM", "AssumeRole", "RoleArn", role, "RoleSessionName", "work") // it trusts alice alone
			alice.refused("InvalidParameter.DurationSeconds", "AssumeRole", "RoleArn", role, "RoleSessionName", "work", "DurationSeconds", "7201")
			var s struct {
				Credentials     struct{ AccessKeyID, AccessKeySecret, SecurityToken, Expiration string }
				AssumedRoleUser struct{ Arn, AssumedRoleID string }
			}
			alice.call(&s, "AssumeRole", "RoleArn", role, "RoleSessionName", "work", "DurationSeconds", "7200")
			if s.AssumedRoleUser.Arn != role+"/work" || !strings.HasSuffix(s.AssumedRoleUser.AssumedRoleID, ":work") {
				t.Errorf("assumed %+v", s.AssumedRoleUser)
			}
			session := newCaller(t, env, testenv.Key{ID: s.Credentials.AccessKeyID, Secret: s.Credentials.AccessKeySecret, Token: s.Credentials.SecurityToken}, algorithm)
			session.call(&who, "GetCallerIdentity")
			if who.IdentityType != "AssumedRoleUser" || who.Arn != role+"/work" {
				t.Errorf("the session is %+v", who)
			}
			session.call(nil, "ListUsers")
			session.refused("Forbidden.RAM", "DeleteUser", "UserName", "alice")
			root.call(nil, "DetachPolicyFromRole", "RoleName", "reader", "PolicyType", "System", "PolicyName", "AliyunRAMReadOnlyAccess")
			session.refused("Forbidden.RAM", "ListUsers") // at once
			root.call(nil, "DeleteRole", "RoleName", "reader")
			session.refused("InvalidSecurityToken.Malformed", "GetCallerIdentity")
		})
	}
}

// life makes the user alice with a group, a policy and a key, tries what goes wrong on the way, and returns who calls as her.
func life(t *testing.T, env *testenv.Env, root caller, algorithm *string) caller {
	t.Helper()
	var made struct {
		User struct{ UserID, UserName, Comments, CreateDate string }
	}
	root.call(&made, "CreateUser", "UserName", "alice", "Comments", "c")
	if u := made.User; u.UserName != "alice" || u.Comments != "c" || u.UserID == "" || u.CreateDate == "" {
		t.Errorf("made %+v", u)
	}
	root.refused("EntityAlreadyExists.User", "CreateUser", "UserName", "alice")
	root.refused("InvalidParameter.UserName.InvalidChars", "CreateUser", "UserName", "a b")
	root.refused("MissingUserName", "CreateUser")
	root.refused("EntityNotExist.User", "GetUser", "UserName", "bob")
	root.call(&made, "UpdateUser", "UserName", "alice", "NewComments", "d")

	root.refused("MalformedPolicyDocument", "CreatePolicy", "PolicyName", "reads", "PolicyDocument", `{"Version":"1"}`)
	root.call(nil, "CreatePolicy", "PolicyName", "reads", "PolicyDocument", reads)
	root.call(nil, "CreateGroup", "GroupName", "ops")
	root.call(nil, "AttachPolicyToGroup", "GroupName", "ops", "PolicyType", "Custom", "PolicyName", "reads")
	root.refused("EntityAlreadyExists.Policy", "AttachPolicyToGroup", "GroupName", "ops", "PolicyType", "Custom", "PolicyName", "reads")
	root.call(nil, "AddUserToGroup", "GroupName", "ops", "UserName", "alice")

	var key struct {
		AccessKey struct{ AccessKeyID, AccessKeySecret, Status string }
	}
	root.call(&key, "CreateAccessKey", "UserName", "alice")
	id := key.AccessKey.AccessKeyID
	alice := newCaller(t, env, testenv.Key{ID: id, Secret: key.AccessKey.AccessKeySecret}, algorithm)
	alice.call(nil, "GetPolicy", "PolicyType", "Custom", "PolicyName", "reads")
	root.call(nil, "UpdateAccessKey", "UserName", "alice", "UserAccessKeyId", id, "Status", "Inactive")
	alice.refused("InvalidAccessKeyId.Inactive", "GetCallerIdentity")
	root.call(nil, "UpdateAccessKey", "UserName", "alice", "UserAccessKeyId", id, "Status", "Active")
	root.refused("EntityNotExist.User.AccessKey", "DeleteAccessKey", "UserName", "alice", "UserAccessKeyId", testenv.RootID)

	root.refused("DeleteConflict.User.AccessKey", "DeleteUser", "UserName", "alice")
	root.refused("DeleteConflict.Group.User", "DeleteGroup", "GroupName", "ops")
	root.refused("DeleteConflict.Policy", "DeletePolicy", "PolicyName", "reads")
	var policies struct {
		Policies struct {
			Policy []struct {
				PolicyName      string
				AttachmentCount int
			}
		}
	}
	root.call(&policies, "ListPolicies", "PolicyType", "Custom")
	if all := policies.Policies.Policy; len(all) != 1 || all[0].AttachmentCount != 1 {
		t.Errorf("policies: %+v", all)
	}
	var users struct {
		IsTruncated bool
		Marker      string
		Users       struct{ User []struct{ UserName string } }
	}
	root.call(nil, "CreateUser", "UserName", "bob")
	root.call(&users, "ListUsers", "MaxItems", "1")
	if !users.IsTruncated || users.Marker != "bob" || len(users.Users.User) != 1 {
		t.Errorf("the first page of users: %+v", users)
	}
	root.call(&users, "ListUsers", "MaxItems", "1", "Marker", users.Marker)
	if users.IsTruncated || len(users.Users.User) != 1 || users.Users.User[0].UserName != "bob" {
		t.Errorf("the second page of users: %+v", users)
	}
	root.call(nil, "DeleteUser", "UserName", "bob")
	return alice
}
