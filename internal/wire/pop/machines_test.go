package pop_test

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/assistant"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/internal/wire/pop"
)

const (
	ecsAPI = "2014-05-26"
	oosAPI = "2019-06-01"
)

// fleet is what the root account has of machines, by the parameters that name it.
type fleet map[string]string

func newFleet(t *testing.T, env *testenv.Env) fleet {
	t.Helper()
	root := &testenv.RootKey
	region := []string{"RegionId", "local"}
	var activation struct{ ActivationID, ActivationCode string }
	rpc(t, env, root, ecsAPI, "CreateActivation", &activation, append(region, "InstanceName", "web", "Tag.1.Key", "role", "Tag.1.Value", "web")...)
	instance, err := env.Node.Assistant.Register(t.Context(), &assistant.Registration{
		Activation: activation.ActivationID, Code: activation.ActivationCode, Key: []byte{1},
		Machine: agentproto.Machine{OS: "linux", MachineID: "m", AgentVersion: "1"},
	}, netip.MustParseAddr("10.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	var ran struct{ CommandID, InvokeID string }
	rpc(t, env, root, ecsAPI, "RunCommand", &ran, append(region, "Type", "RunShellScript", "CommandContent", "id", "Name", "kept", "KeepCommand", "true",
		"Frequency", "rate(5m)", "InstanceId.1", instance)...)
	rpc(t, env, root, ecsAPI, "SendFile", nil, append(region, "Name", "f", "Content", "c", "TargetDir", "/tmp", "InstanceId.1", instance)...)
	rpc(t, env, root, oosAPI, "CreateParameter", nil, "Name", "color", "Value", "green")
	rpc(t, env, root, oosAPI, "CreateSecretParameter", nil, "Name", "color", "Value", "hunter2")
	rpc(t, env, root, ecsAPI, "ModifyCloudAssistantSettings", nil, append(region, "SettingType", "SessionManagerConfig", "SessionManagerConfig.Kept", "yes")...)
	return fleet{
		"ActivationId": activation.ActivationID, "InstanceId.1": instance, "ResourceId.1": instance, "CommandId": ran.CommandID, "InvokeId": ran.InvokeID,
	}
}

// params are an example for any action of machines: with the ids of the fleet, or with others that nobody has.
func (f fleet) params(theirs bool) url.Values {
	p := url.Values{
		"RegionId": {"local"}, "Type": {"RunShellScript"}, "CommandContent": {"aWQ="}, "ContentEncoding": {"Base64"}, "TargetDir": {"/tmp"}, "Content": {"c"}, "Value": {"v"},
		"Name": {"color"}, "ResourceType": {"managedinstance"}, "Tag.1.Key": {"k"}, "TagKey.1": {"k"}, "InstanceName": {"other"}, "SettingType": {"SessionManagerConfig"},
	}
	for name, id := range f {
		if !theirs {
			id = strings.Repeat("0", len(id))
		}
		p.Set(name, id)
		if base, ok := strings.CutSuffix(name, ".1"); ok && base == "InstanceId" { // of actions about one
			p.Set(base, id)
		}
	}
	return p
}

var freshID = regexp.MustCompile(`"(RequestId|ActivationId|ActivationCode|CommandId|CreationTime)":"[^"]*"`)

// nobodys are ids that nobody has.
var nobodys = regexp.MustCompile(`0{20,}`)

// shown is an answer without what differs from call to call, and without the ids that were asked for.
func (f fleet) shown(a answer) string {
	body := freshID.ReplaceAllString(a.body, `"$1":""`)
	for _, id := range f {
		body = strings.ReplaceAll(body, id, "ID")
	}
	return nobodys.ReplaceAllString(body, "ID")
}

// makes are actions that make something for whoever asks, whatever ids are there; the others leave the example without effect.
var makes = []string{
	"CreateActivation", "CreateCommand", "CreateParameter", "UpdateParameter", "CreateSecretParameter", "UpdateSecretParameter", "ModifyCloudAssistantSettings",
	"DeleteParameter", "DeleteSecretParameter",
}

// Every action about machines, asked by another account with ids that are there for the root account: the answer is that to ids which nobody has, and
// the root account has all that it had.
func TestMachinesOfOthersAreNotThere(t *testing.T) {
	env := testenv.Start(t)
	f := newFleet(t, env)
	far := newAccount(t, env, "far")
	look := func(key *testenv.Key) (seen []string) {
		for _, action := range []string{
			"DescribeActivations", "DescribeManagedInstances", "DescribeCloudAssistantStatus", "DescribeCommands", "DescribeInvocations", "DescribeInvocationResults",
			"DescribeSendFileResults", "DescribeCloudAssistantSettings",
		} {
			seen = append(seen, f.shown(call(t, env, key, ecsAPI, action, url.Values{"RegionId": {"local"}, "SettingType.1": {"SessionManagerConfig"}})))
		}
		for _, action := range []string{"ListParameters", "ListSecretParameters"} {
			seen = append(seen, f.shown(call(t, env, key, oosAPI, action, url.Values{})))
		}
		return seen
	}
	before, nothing := look(&testenv.RootKey), look(far)
	for k, text := range nothing {
		if strings.Contains(text, "ID") || strings.Contains(text, "web") || strings.Contains(text, "color") || strings.Contains(text, "Kept") || text == before[k] {
			t.Errorf("another account sees: %s", text)
		}
	}
	rows := slices.DeleteFunc(pop.Rows(), func(r pop.Row) bool { return r.Version != ecsAPI && r.Version != oosAPI })
	slices.SortStableFunc(rows, func(a, b pop.Row) int { return strings.Compare(order(a), order(b)) })
	for _, r := range rows {
		theirs, none := call(t, env, far, r.Version, r.Name, f.params(true)), call(t, env, far, r.Version, r.Name, f.params(false))
		made := slices.Contains(makes, r.Name)
		if !made && (theirs.status != none.status || f.shown(theirs) != f.shown(none)) {
			t.Errorf("%s with ids of another account: %d %s\nwith ids of nobody: %d %s", r.Name, theirs.status, theirs.body, none.status, none.body)
		}
		if r.Mutating && !made && theirs.Code == "" {
			t.Errorf("%s of what is another account's: %s", r.Name, theirs.body)
		}
	}
	for k, text := range look(&testenv.RootKey) {
		if text != before[k] {
			t.Errorf("after another account's calls the root account has\n%s\nand had\n%s", text, before[k])
		}
	}
}

// order has what makes something come last, so that others find nothing of the caller's own.
func order(r pop.Row) string {
	if slices.Contains(makes, r.Name) {
		return "b" + r.Name
	}
	return "a" + r.Name
}

// The projects of records belong to the accounts whose records they are for, and so do their names.
func TestProjectsOfRecordsAreReserved(t *testing.T) {
	env := testenv.Start(t)
	far := newAccount(t, env, "far")
	account := accountOf(t, env, far)
	f := func(key *testenv.Key, name, want string) {
		t.Helper()
		if a := env.Do(t, testenv.Call{Method: "POST", Target: "/", Key: key, Body: []byte(`{"projectName":"` + name + `","description":""}`)}); a.Code != want {
			t.Errorf("%s makes %s: %d %s %s, want %q", key.ID, name, a.Status, a.Code, a.Message, want)
		}
	}
	f(far, "sluice-assistant", "ParameterInvalid")
	f(&testenv.RootKey, "sluice-assistant-"+account, "ParameterInvalid")
	f(far, "sluice-assistant-1", "ParameterInvalid")
	f(far, "sluice-assistants", "")
	f(far, "sluice-assistant-"+account, "")
	f(&testenv.RootKey, "sluice-assistant", "")
}

// An account with machines is not deleted; its events are its own.
func TestAccountsWithMachinesStay(t *testing.T) {
	env := testenv.Start(t)
	far := newAccount(t, env, "far")
	account := accountOf(t, env, far)
	var activation struct{ ActivationID, ActivationCode string }
	rpc(t, env, far, ecsAPI, "CreateActivation", &activation, "RegionId", "local")
	instance, err := env.Node.Assistant.Register(t.Context(), &assistant.Registration{
		Activation: activation.ActivationID, Code: activation.ActivationCode, Key: []byte{1}, Machine: agentproto.Machine{OS: "linux", MachineID: "m"},
	}, netip.MustParseAddr("10.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	remove := testenv.Call{Method: "DELETE", Target: "/sluice/v1/accounts/" + account}
	if a := env.Do(t, remove); a.Status != 400 || !strings.Contains(a.Message, instance) {
		t.Errorf("an account with a machine is deleted: %d %s %s", a.Status, a.Code, a.Message)
	}
	rpc(t, env, far, ecsAPI, "DeregisterManagedInstance", nil, "RegionId", "local", "InstanceId", instance)
	env.OK(t, remove)
	for _, e := range env.Events(t) {
		if (e.Name == "CreateActivation" || e.Name == "DeregisterManagedInstance") && e.Account != account {
			t.Errorf("event %s is of account %s", e.Name, e.Account)
		}
	}
}

// Who sends records to a logstore may write there: that he may set up the assistant does not say so.
func TestRecordsGoWhereTheirSenderMayWrite(t *testing.T) {
	env := testenv.Start(t)
	env.OK(t, testenv.Call{Method: "POST", Target: "/", Body: []byte(`{"projectName":"other","description":""}`)})
	env.OK(t, testenv.Call{Method: "POST", Project: "other", Target: "/logstores", Body: []byte(`{"logstoreName":"here","ttl":1,"shardCount":1}`)})
	account := accountOf(t, env, &testenv.RootKey)
	rpc(t, env, &testenv.RootKey, ramAPI, "CreateRole", nil, "RoleName", "machines", "AssumeRolePolicyDocument",
		`{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::`+account+`:root"]}}]}`)
	allow := func(name, action string) {
		t.Helper()
		rpc(t, env, &testenv.RootKey, ramAPI, "CreatePolicy", nil, "PolicyName", name, "PolicyDocument",
			`{"Version":"1","Statement":[{"Effect":"Allow","Action":"`+action+`","Resource":"*"}]}`)
		rpc(t, env, &testenv.RootKey, ramAPI, "AttachPolicyToRole", nil, "RoleName", "machines", "PolicyType", "Custom", "PolicyName", name)
	}
	far := newAccount(t, env, "far")
	f := func(key *testenv.Key, logstore, want string) {
		t.Helper()
		a := call(t, env, key, ecsAPI, "ModifyCloudAssistantSettings", url.Values{
			"RegionId": {"local"}, "SettingType": {"InvocationDelivery"},
			"SlsDeliveryConfig": {`{"Enabled":true,"ProjectName":"other","LogstoreName":"` + logstore + `"}`},
		})
		if a.Code != want {
			t.Errorf("records go to %s: got %s, want %q", logstore, a.body, want)
		}
	}
	role := "acs:ram::" + account + ":role/machines"
	allow("ecs", "ecs:*")
	f(assume(t, env, &testenv.RootKey, role), "here", "Forbidden.RAM")
	f(far, "here", "Forbidden.RAM")
	allow("log", "log:PostLogStoreLogs")
	f(assume(t, env, &testenv.RootKey, role), "gone", "InvalidSlsLogstoreName.NotFound")
	f(assume(t, env, &testenv.RootKey, role), "here", "")
}

// What has a limit is refused beyond it, in the words of the API.
func TestParameterStoreIsFull(t *testing.T) {
	env := testenv.Start(t)
	fl := env.Node.Assistant.Fleet("")
	var g errgroup.Group // together, so that they are committed together
	for i := range 1000 {
		g.Go(func() error { return fl.SetParameter(t.Context(), fmt.Sprintf("p%d", i), "v", i%2 == 0) })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, action := range []string{"CreateParameter", "CreateSecretParameter"} {
		f := func(code string, status int) {
			t.Helper()
			a := call(t, env, &testenv.RootKey, oosAPI, action, url.Values{"Name": {"more"}, "Value": {"v"}})
			if a.Code != code || a.status != status {
				t.Errorf("%s: got %d %s, want %d %s", action, a.status, a.body, status, code)
			}
		}
		f("ParameterStoreCount.ExceedQuota", 403)
		rpc(t, env, &testenv.RootKey, oosAPI, "DeleteSecretParameter", nil, "Name", "p0")
		f("", 200)
		if err := fl.SetParameter(t.Context(), "p0", "v", true); err == nil {
			t.Error("there is room for one more")
		}
		if err := fl.DeleteParameter(t.Context(), "more", action == "CreateSecretParameter"); err != nil {
			t.Error(err)
		}
		if err := fl.SetParameter(t.Context(), "p0", "v", true); err != nil {
			t.Error(err)
		}
	}
}
