package rpc

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	ecs "github.com/alibabacloud-go/ecs-20140526/v4/client"
	"github.com/alibabacloud-go/tea/tea"

	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/internal/trail"
)

// tenant is another account of a server with machines, and a client of its own.
type tenant struct {
	*machines
	key     testenv.Key
	account string
}

func (m *machines) tenant(name string) *tenant {
	m.t.Helper()
	var made struct{ ID, AccessKeyID, AccessKeySecret string }
	m.JSON(m.t, testenv.Call{Method: "POST", Target: "/sluice/v1/accounts", Body: []byte(`{"name":"` + name + `"}`)}, &made)
	c, err := ecs.NewClient(&openapi.Config{
		AccessKeyId: &made.AccessKeyID, AccessKeySecret: &made.AccessKeySecret, Endpoint: tea.String(m.Addr), Protocol: tea.String("HTTP"), RegionId: region,
	})
	m.must(err)
	o := &tenant{&machines{m.Env, m.t, c}, testenv.Key{ID: made.AccessKeyID, Secret: made.AccessKeySecret}, ""}
	o.account = o.caller()
	return o
}

// search asks for logs of a logstore as the tenant.
func (o *tenant) search(project, logstore, query string) testenv.Answer {
	return o.Do(o.t, testenv.Call{
		Project: project, Key: &o.key, Target: "/logstores/" + logstore + "?type=log&from=0&to=4000000000&line=100&query=" + url.QueryEscape(query),
	})
}

// shell runs a script on an instance, and returns the id of its invocation.
func (m *machines) shell(instance, script string) (string, error) {
	r, err := m.c.RunCommand(&ecs.RunCommandRequest{
		RegionId: region, Type: tea.String("RunShellScript"), CommandContent: &script, InstanceId: []*string{&instance},
	})
	if err != nil {
		return "", err
	}
	return *r.Body.InvokeId, nil
}

// Two accounts, each with a machine that runs a real agent: neither sees, runs, stops or reads anything of the other's, while what each runs goes on and is
// told to it alone.
func TestMachinesOfTwoAccounts(t *testing.T) {
	a := startMachines(t, nil)
	b := a.tenant("shop")
	onA, _ := a.realAgent("web-a", "")
	onB, _ := b.realAgent("web-b", "")

	long, err := a.shell(onA, "echo of a; exec sleep 1000")
	a.must(err)
	status := func(m *machines, invocation string) (string, string) {
		r, err := m.c.DescribeInvocationResults(&ecs.DescribeInvocationResultsRequest{RegionId: region, InvokeId: &invocation, ContentEncoding: tea.String("PlainText")})
		m.must(err)
		rows := r.Body.Invocation.InvocationResults.InvocationResult
		if len(rows) == 0 {
			return "", ""
		}
		return *rows[0].InvocationStatus, *rows[0].Output
	}
	a.until("it runs", func() bool { s, out := status(a, long); return s == "Running" && out == "of a\n" })

	// B does not see, run, stop or read.
	list, err := b.c.DescribeManagedInstances(&ecs.DescribeManagedInstancesRequest{RegionId: region})
	b.must(err)
	if n := len(list.Body.Instances); n != 1 || *list.Body.Instances[0].InstanceId != onB {
		t.Errorf("the tenant sees %v", list.Body)
	}
	_, err = b.shell(onA, "id")
	wantCode(t, "run on a machine of another account", err, "InvalidInstance.NotFound", 404)
	_, err = b.c.StopInvocation(&ecs.StopInvocationRequest{RegionId: region, InvokeId: &long})
	wantCode(t, "stop what another account runs", err, "InvalidInvokeId.NotFound", 404)
	_, err = b.c.DeregisterManagedInstance(&ecs.DeregisterManagedInstanceRequest{RegionId: region, InstanceId: &onA})
	wantCode(t, "deregister a machine of another account", err, "InvalidInstanceId.NotFound", 404)
	if s, out := status(b.machines, long); s != "" || out != "" {
		t.Errorf("the tenant is told that it is %s, and wrote %q", s, out)
	}

	// What B runs by tag runs on B's machine alone, and its record is B's.
	ran, err := b.c.RunCommand(&ecs.RunCommandRequest{
		RegionId: region, Type: tea.String("RunShellScript"), CommandContent: tea.String("echo of b"),
		ResourceTag: []*ecs.RunCommandRequestResourceTag{{Key: tea.String("role"), Value: tea.String("web")}},
	})
	b.must(err)
	if r := b.result(ran.Body.InvokeId); *r.InstanceId != onB || *r.InvocationStatus != "Success" || *r.Output != "of b\n" {
		t.Errorf("the tenant's command: %v", r)
	}
	if s, _ := status(a, long); s != "Running" {
		t.Errorf("what the root account runs is %s", s)
	}
	_, err = a.c.StopInvocation(&ecs.StopInvocationRequest{RegionId: region, InvokeId: &long})
	a.must(err)
	a.result(&long)
	if r := a.records(long, 1)[0]; r["InvocationStatus"] != "Terminated" || r["Output"] != "of a\n" {
		t.Errorf("the root account's record: %v", r)
	}
	project := "sluice-assistant-" + b.account
	var rows []map[string]string
	b.until("the tenant has its record", func() bool {
		rows = nil
		answer := b.search(project, "execution-records", "*")
		return answer.Status == 200 && json.Unmarshal(answer.Body, &rows) == nil && len(rows) > 0
	})
	if len(rows) != 1 || rows[0]["InvokeId"] != *ran.Body.InvokeId || rows[0]["ResourceOwnerUid"] != b.account || rows[0]["Output"] != "of b\n" {
		t.Errorf("the tenant's records: %v", rows)
	}
	for _, logstore := range []string{"execution-records", "execution-output"} {
		if answer := b.search("sluice-assistant", logstore, "*"); answer.Code != "Unauthorized" {
			t.Errorf("the tenant reads %s of the root account: %d %s", logstore, answer.Status, answer.Body)
		}
		var all []map[string]string
		a.JSON(t, testenv.Call{Project: "sluice-assistant", Target: "/logstores/" + logstore + "?type=log&from=0&to=4000000000&line=100&query=*"}, &all)
		if slices.ContainsFunc(all, func(r map[string]string) bool { return r["InstanceId"] != onA }) {
			t.Errorf("%s of the root account has what is not its own: %v", logstore, all)
		}
	}
	big, err := b.shell(onB, "head -c 60000 /dev/zero | tr '\\0' b")
	b.must(err)
	b.until("the tenant has all its output", func() bool {
		pieces, n := []map[string]string{}, 0
		if answer := b.search(project, "execution-output", "InvokeId: "+big); answer.Status != 200 || json.Unmarshal(answer.Body, &pieces) != nil {
			return false
		}
		for _, p := range pieces {
			n += len(p["Output"])
		}
		return n == 60000
	})
	b.settings(a, onB)
	b.events()
}

// settings looks at where the tenant may have its records delivered: to a logstore of its own, and to none of another account.
func (o *tenant) settings(root *machines, instance string) {
	o.t.Helper()
	const own = "shop-audit"
	o.OK(o.t, testenv.Call{Method: "POST", Target: "/", Key: &o.key, Body: []byte(`{"projectName":"` + own + `","description":""}`)})
	o.OK(o.t, testenv.Call{Method: "POST", Project: own, Target: "/logstores", Key: &o.key, Body: []byte(`{"logstoreName":"execution-records","ttl":1,"shardCount":1}`)})
	o.OK(o.t, testenv.Call{Method: "POST", Project: own, Target: "/logstores/execution-records/index", Key: &o.key, Body: []byte(`{"line":{"token":[" ",","],"caseSensitive":false,"chn":false}}`)})
	deliver := func(project string) error {
		_, err := o.call("2014-05-26", "ModifyCloudAssistantSettings", map[string]string{
			"SettingType": "InvocationDelivery", "SlsDeliveryConfig": `{"Enabled":true,"ProjectName":"` + project + `","LogstoreName":"execution-records"}`,
		})
		return err
	}
	wantCode(o.t, "deliver to a project of another account", deliver("sluice-assistant"), "Forbidden.RAM", 403)
	o.must(deliver(own))
	id, err := o.shell(instance, "echo delivered")
	o.must(err)
	o.until("the record is in the tenant's logstore", func() bool {
		return strings.Contains(string(o.search(own, "execution-records", id).Body), id)
	})
	for _, c := range []struct {
		m    *machines
		want int
	}{{root, 0}, {o.machines, 1}} {
		r, err := c.m.call("2014-05-26", "DescribeCloudAssistantSettings", map[string]string{"SettingType.1": "InvocationDelivery"})
		o.must(err)
		configs := r["body"].(map[string]any)["SlsDeliveryConfigs"].(map[string]any)["SlsDeliveryConfig"].([]any)
		if len(configs) != c.want {
			o.t.Errorf("settings: %v", configs)
		}
	}
}

// events looks at whose the audit events of machines are.
func (o *tenant) events() {
	o.t.Helper()
	seen := map[string]int{}
	for _, e := range o.Events(o.t) {
		raw, err := json.Marshal(e)
		o.must(err)
		its := strings.Contains(string(raw), "web-b") || e.Identity.AccessKey == o.key.ID
		if e.Service == trail.ServiceECS && its != (e.Account == o.account) {
			o.t.Errorf("an event of account %s: %s", e.Account, raw)
		}
		if e.Account == o.account {
			seen[e.Name]++
		}
	}
	for _, name := range []string{"CreateActivation", "RegisterManagedInstance", "RunCommand", "StopInvocation", "ModifyCloudAssistantSettings"} {
		if seen[name] == 0 {
			o.t.Errorf("the tenant has no event %s", name)
		}
	}
}
