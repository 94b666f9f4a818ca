package pop_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/internal/wire/pop"
)

/*
The matrix: every row of the table of actions, asked for by everybody there is, as wire/sls has it for its routes. Names in the requests are of
nothing that is there, so that who is admitted finds nothing to break:

	admitted   any answer but those to strangers, such as EntityNotExist.User
	denied     Forbidden.RAM, or the code of a signature that does not hold
*/

// params are what the examples of all actions are about.
var params = url.Values{
	"SiteId": {"7"}, "SiteName": {"other.example"}, "BusinessType": {"dcdn_log_access_l1"}, "TaskName": {"t"},
	"UserName": {"nobody"}, "GroupName": {"nothing"}, "RoleName": {"nothing"}, "PolicyName": {"nothing"}, "PolicyType": {"Custom"}, "VersionId": {"v1"},
	"UserAccessKeyId": {"nothing"}, "Status": {"Active"}, "RoleSessionName": {"matrix"},
	"Name": {"nothing"}, "TrailName": {"nothing"}, "AccessKey": {"nothing"}, "JobId": {"7"}, "ClientToken": {"matrix"},
	"AppName": {"nothing"}, "AppType": {"nothing"},
}

// open are the actions that tell everybody who signs the same, or what he may see.
var open = []string{
	"GetRealtimeDeliveryField", "ListSites", "GetEdgeContainerAppLogRiver", "UpdateEdgeContainerAppLogRiver", "GetEdgeContainerLogs",
	"DescribeSiteLogs", "GetCallerIdentity",
}

// example are the parameters of a row, and the resources that it acts on, worked out from the row alone.
func matrixExample(r pop.Row, role string) (p url.Values, resources []string) {
	p = url.Values{"RoleArn": {role}}
	for name, values := range params {
		p[name] = values
	}
	if r.Name == "ListSites" || r.Name == "CreateSite" { // which makes none without a name
		p.Del("SiteName")
	}
	if strings.HasPrefix(r.Name, "Create") && strings.HasPrefix(r.Permission, "ram:") { // documents that are missing make nothing
		p.Del("PolicyDocument")
	}
	for _, pattern := range r.Resources {
		for name, values := range params {
			pattern = strings.ReplaceAll(pattern, "{"+name+"}", values[0])
		}
		resources = append(resources, pattern)
	}
	switch {
	case len(resources) > 0:
	case r.Name == "AssumeRole":
		resources = []string{role[strings.Index(role, "role/"):]}
	case strings.Contains(r.Name, "Site") && r.Name != "CreateSite":
		resources = []string{"site/7"}
	default:
		resources = []string{"*"}
	}
	return p, resources
}

var (
	onlyLooks = regexp.MustCompile(`^[a-z]+:(Get|List|Query|Describe|Lookup)`)
	knownName = regexp.MustCompile(`^(esa|ram|sts|ecs|oos|actiontrail|log):[A-Z][A-Za-z]+$`)
)

// rpc calls an action and fails the test if it does not succeed.
func rpc(t *testing.T, env *testenv.Env, key *testenv.Key, version, action string, v any, more ...string) {
	t.Helper()
	p := url.Values{}
	for i := 0; i < len(more); i += 2 {
		p.Set(more[i], more[i+1])
	}
	a := call(t, env, key, version, action, p)
	if a.Code != "" {
		t.Fatalf("%s %v: %s", action, p, a.body)
	}
	if v != nil {
		if err := json.Unmarshal([]byte(a.body), v); err != nil {
			t.Fatalf("%s: %s: %v", action, a.body, err)
		}
	}
}

const (
	ramAPI = "2015-05-01"
	stsAPI = "2015-04-01"
)

// newUser makes a user with a system policy, and a key of it.
func newUser(t *testing.T, env *testenv.Env, key *testenv.Key, name, policy string) *testenv.Key {
	t.Helper()
	rpc(t, env, key, ramAPI, "CreateUser", nil, "UserName", name)
	if policy != "" {
		rpc(t, env, key, ramAPI, "AttachPolicyToUser", nil, "UserName", name, "PolicyType", "System", "PolicyName", policy)
	}
	var made struct {
		AccessKey struct{ AccessKeyID, AccessKeySecret string }
	}
	rpc(t, env, key, ramAPI, "CreateAccessKey", &made, "UserName", name)
	return &testenv.Key{ID: made.AccessKey.AccessKeyID, Secret: made.AccessKey.AccessKeySecret}
}

// newAccount makes another account and returns its first key.
func newAccount(t *testing.T, env *testenv.Env, name string) *testenv.Key {
	t.Helper()
	var made struct{ AccessKeyID, AccessKeySecret string }
	env.JSON(t, testenv.Call{Method: "POST", Target: "/sluice/v1/accounts", Body: []byte(`{"name":"` + name + `"}`)}, &made)
	return &testenv.Key{ID: made.AccessKeyID, Secret: made.AccessKeySecret}
}

func accountOf(t *testing.T, env *testenv.Env, key *testenv.Key) string {
	t.Helper()
	var who struct{ AccountID string }
	rpc(t, env, key, stsAPI, "GetCallerIdentity", &who)
	return who.AccountID
}

// assume assumes a role of the root account.
func assume(t *testing.T, env *testenv.Env, key *testenv.Key, role string, more ...string) *testenv.Key {
	t.Helper()
	var made struct {
		Credentials struct{ AccessKeyID, AccessKeySecret, SecurityToken string }
	}
	rpc(t, env, key, stsAPI, "AssumeRole", &made, append([]string{"RoleArn", role, "RoleSessionName", "matrix"}, more...)...)
	c := made.Credentials
	return &testenv.Key{ID: c.AccessKeyID, Secret: c.AccessKeySecret, Token: c.SecurityToken}
}

func newRole(t *testing.T, env *testenv.Env, account, name, policy string) string {
	t.Helper()
	rpc(t, env, &testenv.RootKey, ramAPI, "CreateRole", nil, "RoleName", name, "AssumeRolePolicyDocument",
		`{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::`+account+`:root"]}}]}`)
	rpc(t, env, &testenv.RootKey, ramAPI, "AttachPolicyToRole", nil, "RoleName", name, "PolicyType", "System", "PolicyName", policy)
	return "acs:ram::" + account + ":role/" + name
}

// grant makes a user's only policy one statement for each resource.
func grant(t *testing.T, env *testenv.Env, user, action, account string, resources []string) {
	t.Helper()
	service, _, _ := strings.Cut(action, ":")
	if service == "sts" {
		service = "ram"
	}
	var statements []string
	for _, r := range resources {
		statements = append(statements, fmt.Sprintf(`{"Effect":"Allow","Action":%q,"Resource":"acs:%s:*:%s:%s"}`, action, service, account, r))
	}
	p := []string{"PolicyName", user, "PolicyType", "Custom", "UserName", user}
	if a := call(t, env, &testenv.RootKey, ramAPI, "DetachPolicyFromUser", url.Values{"PolicyName": {user}, "PolicyType": {"Custom"}, "UserName": {user}}); a.Code == "" {
		rpc(t, env, &testenv.RootKey, ramAPI, "DeletePolicy", nil, p...)
	}
	rpc(t, env, &testenv.RootKey, ramAPI, "CreatePolicy", nil, append(p, "PolicyDocument", `{"Version":"1","Statement":[`+strings.Join(statements, ",")+`]}`)...)
	rpc(t, env, &testenv.RootKey, ramAPI, "AttachPolicyToUser", nil, p...)
}

func TestMatrix(t *testing.T) {
	env := testenv.Start(t)
	root := &testenv.RootKey
	home := accountOf(t, env, root)
	role := newRole(t, env, home, "any", "AliyunLogReadOnlyAccess")
	admin, reader := newUser(t, env, root, "admin", "AdministratorAccess"), newUser(t, env, root, "reader", "ReadOnlyAccess")
	exact, elsewhere := newUser(t, env, root, "exact", ""), newUser(t, env, root, "elsewhere", "")
	plain, readOnly, scoped := makeKey(t, env, `{}`), makeKey(t, env, `{"readOnly":true}`), makeKey(t, env, `{"projects":["web"]}`)
	session := assume(t, env, root, newRole(t, env, home, "reader", "ReadOnlyAccess"))
	limited := assume(t, env, root, newRole(t, env, home, "limited", "AdministratorAccess"), "Policy",
		`{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:Nothing","Resource":"*"}]}`)
	far := newAccount(t, env, "far")
	farAdmin := newUser(t, env, far, "admin", "AdministratorAccess")
	disabled, deleted := makeKey(t, env, `{"root":true}`), makeKey(t, env, `{"root":true}`)
	env.OK(t, testenv.Call{Method: "PATCH", Target: "/sluice/v1/keys/" + disabled.ID, Body: []byte(`{"disabled":true}`)})
	env.OK(t, testenv.Call{Method: "DELETE", Target: "/sluice/v1/keys/" + deleted.ID})

	strangers := []string{
		"Forbidden.RAM", "MissingAccessKeyId", "SignatureDoesNotMatch", "InvalidAccessKeyId.NotFound", "InvalidAccessKeyId.Inactive",
		"InvalidSecurityToken.Malformed",
	}
	for _, r := range pop.Rows() {
		if !knownName.MatchString(r.Permission) {
			t.Errorf("%s: permission %q: nobody can say who may", r.Name, r.Permission)
			continue
		}
		p, resources := matrixExample(r, role)
		machines := strings.HasPrefix(r.Permission, "ecs:") || strings.HasPrefix(r.Permission, "oos:")
		if len(r.Resources) == 0 && !strings.HasPrefix(r.Permission, "esa:") && !machines && !slices.Contains([]string{"AssumeRole", "GetCallerIdentity"}, r.Name) {
			t.Errorf("%s says nothing of its resources", r.Name)
		}
		grant(t, env, "exact", r.Permission, home, resources)
		grant(t, env, "elsewhere", r.Permission, home, append([]string{"x" + resources[0]}, resources[1:]...))
		all := slices.Contains(open, r.Name)
		plainly := machines || strings.HasPrefix(r.Permission, "esa:") || strings.HasPrefix(r.Permission, "actiontrail:") || strings.HasPrefix(r.Permission, "log:")
		abroad := r.Name != "AssumeRole"
		looks := onlyLooks.MatchString(r.Permission)
		for _, c := range []struct {
			who  string
			key  *testenv.Key
			may  bool
			code string // instead of Forbidden.RAM
		}{
			{"the root", root, true, ""},
			{"an administrator", admin, true, ""},
			{"a reader by policy", reader, all || looks, ""},
			{"a user of just this", exact, true, ""},
			{"a user of the same elsewhere", elsewhere, all, ""},
			{"a key without a user", plain, all || plainly, ""},
			{"a read-only key", readOnly, all || plainly && !r.Mutating, ""},
			{"a key of a project", scoped, all, ""},
			{"a session of a reader", session, all || looks, ""},
			{"a session with a limit", limited, all, ""},
			{"another account itself", far, abroad, ""},
			{"another account's administrator", farAdmin, abroad, ""},
			{"a disabled key", disabled, false, "InvalidAccessKeyId.Inactive"},
			{"a deleted key", deleted, false, "InvalidAccessKeyId.NotFound"},
			{"a key that nobody has", &testenv.Key{ID: "nobody", Secret: "secret"}, false, "InvalidAccessKeyId.NotFound"},
			{"a forged signature", &testenv.Key{ID: testenv.RootID, Secret: "not the secret"}, false, "SignatureDoesNotMatch"},
			{"no signature", nil, false, "MissingAccessKeyId"},
		} {
			got := call(t, env, c.key, r.Version, r.Name, p)
			want := c.code
			if want == "" {
				want = "Forbidden.RAM"
			}
			if slices.Contains(strangers, got.Code) == c.may || !c.may && got.Code != want {
				t.Errorf("%s (%s on %q), %s: got %d %s, want admitted: %v", r.Name, r.Permission, resources, c.who, got.status, got.body, c.may)
			}
		}
	}
}
