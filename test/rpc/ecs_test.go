package rpc

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	ecs "github.com/alibabacloud-go/ecs-20140526/v4/client"
	util "github.com/alibabacloud-go/tea-utils/v2/service"
	"github.com/alibabacloud-go/tea/tea"

	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/assistant/agenttest"
	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
)

var region = tea.String("cn-test")

// machines is a server that agents connect to, and a client of it.
type machines struct {
	*testenv.Env
	t *testing.T
	c *ecs.Client
}

func startMachines(t *testing.T, algorithm *string, change ...func(*config.Config)) *machines {
	t.Helper()
	env := testenv.Start(t, append(change, func(c *config.Config) { c.Assistant.Listen, c.Assistant.Region = "127.0.0.1:0", "cn-test" })...)
	c, err := ecs.NewClient(&openapi.Config{
		AccessKeyId: tea.String(testenv.RootID), AccessKeySecret: tea.String(testenv.RootSecret),
		Endpoint: tea.String(env.Addr), Protocol: tea.String("HTTP"), SignatureAlgorithm: algorithm, RegionId: region,
	})
	if err != nil {
		t.Fatal(err)
	}
	return &machines{env, t, c}
}

func (m *machines) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// call calls an action by name, as those do that the client has no method for.
func (m *machines) call(version, action string, query map[string]string) (map[string]any, error) {
	q := map[string]*string{"RegionId": region}
	for k, v := range query {
		q[k] = tea.String(v)
	}
	return m.c.CallApi(&openapi.Params{
		Action: tea.String(action), Version: tea.String(version), Protocol: tea.String("HTTP"), Pathname: tea.String("/"),
		Method: tea.String("POST"), AuthType: tea.String("AK"), Style: tea.String("RPC"), ReqBodyType: tea.String("formData"), BodyType: tea.String("json"),
	}, &openapi.OpenApiRequest{Query: q}, &util.RuntimeOptions{})
}

// agent enrols a machine of a name, and connects its agent, whose runs end with what auto says.
func (m *machines) agent(name string, auto func(*agentproto.Task) agenttest.Outcome) (string, *agenttest.Agent) {
	m.t.Helper()
	made, err := m.c.CreateActivation(&ecs.CreateActivationRequest{
		RegionId: region, InstanceCount: tea.Int32(1), TimeToLiveInHours: tea.Int64(1), IpAddressRange: tea.String("127.0.0.0/8"),
		Tag: []*ecs.CreateActivationRequestTag{{Key: tea.String("role"), Value: tea.String("web")}},
	})
	m.must(err)
	machine := agentproto.Machine{OS: "linux", OSVersion: "12", Hostname: name, MachineID: "machine-" + name, AgentVersion: "1.0", Address: "10.1.2.3"}
	id, err := agenttest.Enrol(m.t.Context(), m.Listeners.Agents.Addr().String(), *made.Body.ActivationId, *made.Body.ActivationCode, agentproto.Enrol{Name: name, Machine: machine})
	m.must(err)
	a := id.Agent(machine, auto)
	conn, err := id.Dial(m.t.Context(), m.Listeners.Agents.Addr().String())
	m.must(err)
	a.Connect(conn)
	m.t.Cleanup(a.Disconnect)
	m.until("the agent is there", func() bool { return a.Connected() })
	return id.Instance, a
}

// until waits for what comes by itself.
func (m *machines) until(what string, is func() bool) {
	m.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !is(); {
		if time.Now().After(deadline) {
			m.t.Fatalf("it never came that %s", what)
		}
	}
}

// result waits until an invocation is over on its one instance.
func (m *machines) result(invocation *string) *ecs.DescribeInvocationResultsResponseBodyInvocationInvocationResultsInvocationResult {
	m.t.Helper()
	var out *ecs.DescribeInvocationResultsResponseBodyInvocationInvocationResultsInvocationResult
	m.until("an invocation is over", func() bool {
		r, err := m.c.DescribeInvocationResults(&ecs.DescribeInvocationResultsRequest{RegionId: region, InvokeId: invocation, ContentEncoding: tea.String("PlainText")})
		m.must(err)
		rows := r.Body.Invocation.InvocationResults.InvocationResult
		if len(rows) != 1 {
			m.t.Fatalf("%d results", len(rows))
		}
		out = rows[0]
		return *out.InvokeRecordStatus != "Running" && *out.InvokeRecordStatus != "Stopping"
	})
	return out
}

// records asks for the records of an invocation, by query.
func (m *machines) records(invocation string, n int) []map[string]string {
	m.t.Helper()
	var rows []map[string]string
	m.until("the records can be searched", func() bool {
		a := m.Do(m.t, testenv.Call{
			Project: "sluice-assistant", Target: "/logstores/execution-records?type=log&from=0&to=4000000000&line=100&query=InvokeId%3A" + invocation,
		})
		if a.Status != 200 {
			return false // the logstore is made with the first record
		}
		rows = nil
		m.must(json.Unmarshal(a.Body, &rows))
		return len(rows) == n
	})
	return rows
}

func TestCommands(t *testing.T) {
	for name, algorithm := range signatures {
		t.Run(name, func(t *testing.T) {
			m := startMachines(t, algorithm)
			instance, _ := m.agent("web-1", func(task *agentproto.Task) agenttest.Outcome {
				o := agenttest.Outcome{Output: append([]byte("ran: "), task.Run.Content...)}
				if strings.Contains(string(task.Run.Content), "exit 3") {
					o.ExitCode = 3
				}
				return o
			})
			ran, err := m.c.RunCommand(&ecs.RunCommandRequest{
				RegionId: region, Type: tea.String("RunShellScript"), CommandContent: tea.String("echo {{ what }} on {{ACS::InstanceName}}"), Name: tea.String("greet"),
				EnableParameter: tea.Bool(true), Parameters: map[string]any{"what": "a b*~/"}, InstanceId: []*string{&instance}, Timeout: tea.Int64(20),
			})
			m.must(err)
			r := m.result(ran.Body.InvokeId)
			if *r.InvocationStatus != "Success" || *r.ExitCode != 0 || *r.Output != "ran: echo a b*~/ on web-1" || *r.Repeats != 1 || *r.InvokeRecordStatus != "Finished" {
				t.Errorf("result: %v", r)
			}
			rec := m.records(*ran.Body.InvokeId, 1)[0]
			for key, want := range map[string]string{
				"RegionId": "cn-test", "InstanceId": instance, "CommandName": "greet", "CommandType": "RunShellScript", "CallerType": "customer",
				"CommandContent": "echo {{ what }} on {{ACS::InstanceName}}", "Parameters": `{"what":"a b*~/"}`, "Timeout": "20", "Frequency": "", "Username": "",
				"RepeatMode": "Once", "Repeats": "1", "InvocationStatus": "Success", "Dropped": "0", "ExitCode": "0", "StopTime": "",
			} {
				if rec[key] != want {
					t.Errorf("record: %s is %q, want %q", key, rec[key], want)
				}
			}
			made, err := m.c.CreateCommand(&ecs.CreateCommandRequest{
				RegionId: region, Name: tea.String("fails"), Type: tea.String("RunShellScript"), CommandContent: tea.String(base64.StdEncoding.EncodeToString([]byte("exit 3"))),
			})
			m.must(err)
			ran2, err := m.c.InvokeCommand(&ecs.InvokeCommandRequest{RegionId: region, CommandId: made.Body.CommandId, InstanceId: []*string{&instance}})
			m.must(err)
			if r := m.result(ran2.Body.InvokeId); *r.InvocationStatus != "Failed" || *r.ExitCode != 3 || *r.ErrorCode != "ExitCodeNonzero" {
				t.Errorf("result: %v", r)
			}
			list, err := m.c.DescribeCommands(&ecs.DescribeCommandsRequest{RegionId: region, Name: tea.String("fail*")})
			m.must(err)
			if n := len(list.Body.Commands.Command); n != 1 || *list.Body.Commands.Command[0].InvokeTimes != 1 {
				t.Errorf("commands: %v", list.Body)
			}
			_, err = m.c.ModifyCommand(&ecs.ModifyCommandRequest{RegionId: region, CommandId: made.Body.CommandId, Name: tea.String("other")})
			m.must(err)
			_, err = m.c.DeleteCommand(&ecs.DeleteCommandRequest{RegionId: region, CommandId: made.Body.CommandId})
			m.must(err)
			_, err = m.c.DeleteCommand(&ecs.DeleteCommandRequest{RegionId: region, CommandId: made.Body.CommandId})
			wantCode(t, "a command that is gone", err, "InvalidCmdId.NotFound", 404)
			all, err := m.c.DescribeInvocations(&ecs.DescribeInvocationsRequest{RegionId: region, InvokeId: ran.Body.InvokeId, IncludeOutput: tea.Bool(true)})
			m.must(err)
			i := all.Body.Invocations.Invocation[0]
			if out, _ := base64.StdEncoding.DecodeString(*i.InvokeInstances.InvokeInstance[0].Output); *i.InvocationStatus != "Success" || *i.InvokeStatus != "Finished" || !strings.HasPrefix(string(out), "ran: ") {
				t.Errorf("invocation: %v", i)
			}
		})
	}
}

// The keys of a record are the 27 that are documented, and no others; two of them are there for errors alone.
func TestRecordKeys(t *testing.T) {
	m := startMachines(t, nil)
	instance, _ := m.agent("web-1", func(task *agentproto.Task) agenttest.Outcome {
		if task.Kind == agentproto.TaskFile {
			return agenttest.Outcome{}
		}
		return agenttest.Outcome{ExitCode: 1}
	})
	ran, err := m.c.RunCommand(&ecs.RunCommandRequest{
		RegionId: region, Type: tea.String("RunShellScript"), CommandContent: tea.String("false"), InstanceId: []*string{&instance},
	})
	m.must(err)
	sent, err := m.c.SendFile(&ecs.SendFileRequest{
		RegionId: region, Name: tea.String("f"), Content: tea.String("aGk="), ContentType: tea.String("Base64"), TargetDir: tea.String("/tmp"), InstanceId: []*string{&instance},
	})
	m.must(err)
	f := func(id, keys string) {
		t.Helper()
		rec := m.records(id, 1)[0]
		want := strings.Fields(keys)
		for _, key := range want {
			if _, ok := rec[key]; !ok {
				t.Errorf("the record has no %s", key)
			}
			delete(rec, key)
		}
		for key := range rec {
			if !strings.HasPrefix(key, "__") {
				t.Errorf("the record has %s", key)
			}
		}
	}
	f(*ran.Body.InvokeId, `RegionId InstanceId InvokeId CommandId CommandName CommandType CommandContent ResourceOwnerUid CallerUid CallerType Timeout
		Frequency Parameters Username RepeatMode Repeats InvocationStatus ErrorCode ErrorInfo Dropped Output ExitCode CreationTime StartTime UpdateTime
		FinishedTime StopTime`)
	f(*sent.Body.InvokeId, `RegionId InstanceId InvokeId FileName ContentType Description FileContent FileGroup FileMode FileOwner ResourceOwnerUid CallerUid
		CallerType Overwrite TargetDir Timeout InvocationStatus CreationTime StartTime UpdateTime FinishTime`)
	r, err := m.c.DescribeSendFileResults(&ecs.DescribeSendFileResultsRequest{RegionId: region, InvokeId: sent.Body.InvokeId})
	m.must(err)
	if i := r.Body.Invocations.Invocation[0]; *i.Overwrite != "false" || *i.VmCount != 1 || *i.InvocationStatus != "Success" || *i.Content != "aGk=" {
		t.Errorf("file: %v", i)
	}
}

func TestInstances(t *testing.T) {
	m := startMachines(t, nil)
	instance, a := m.agent("web-1", nil)
	list, err := m.c.DescribeManagedInstances(&ecs.DescribeManagedInstancesRequest{RegionId: region, InstanceName: tea.String("web*")})
	m.must(err)
	i := list.Body.Instances[0]
	if *i.InstanceId != instance || !*i.Connected || *i.Hostname != "web-1" || *i.OsType != "linux" || *i.IntranetIp != "10.1.2.3" || *i.InternetIp != "127.0.0.1" ||
		len(i.Tags) != 1 || *i.Tags[0].TagKey != "role" {
		t.Errorf("instance: %v", i)
	}
	status, err := m.c.DescribeCloudAssistantStatus(&ecs.DescribeCloudAssistantStatusRequest{RegionId: region, InstanceId: []*string{&instance}})
	m.must(err)
	if s := status.Body.InstanceCloudAssistantStatusSet.InstanceCloudAssistantStatus[0]; *s.CloudAssistantStatus != "true" || *s.OSType != "Linux" {
		t.Errorf("status: %v", s)
	}
	_, err = m.c.ModifyManagedInstance(&ecs.ModifyManagedInstanceRequest{RegionId: region, InstanceId: &instance, InstanceName: tea.String("db-1")})
	m.must(err)
	_, err = m.c.TagResources(&ecs.TagResourcesRequest{
		RegionId: region, ResourceType: tea.String("managedinstance"), ResourceId: []*string{&instance},
		Tag: []*ecs.TagResourcesRequestTag{{Key: tea.String("role"), Value: tea.String("db")}},
	})
	m.must(err)
	ran, err := m.c.RunCommand(&ecs.RunCommandRequest{ // by tag, to be stopped
		RegionId: region, Type: tea.String("RunShellScript"), CommandContent: tea.String("sleep"), Frequency: tea.String("0 0 3 * * ? Asia/Shanghai"),
		ResourceTag: []*ecs.RunCommandRequestResourceTag{{Key: tea.String("role"), Value: tea.String("db")}},
	})
	m.must(err)
	m.until("the schedule waits", func() bool {
		all, err := m.c.DescribeInvocations(&ecs.DescribeInvocationsRequest{RegionId: region, InvokeId: ran.Body.InvokeId})
		m.must(err)
		return *all.Body.Invocations.Invocation[0].InvocationStatus == "Scheduled"
	})
	_, err = m.c.ModifyInvocationAttribute(&ecs.ModifyInvocationAttributeRequest{RegionId: region, InvokeId: ran.Body.InvokeId, Frequency: tea.String("rate(5m)")})
	m.must(err)
	_, err = m.c.StopInvocation(&ecs.StopInvocationRequest{RegionId: region, InvokeId: ran.Body.InvokeId})
	m.must(err)
	if r := m.result(ran.Body.InvokeId); *r.InvocationStatus != "Cancelled" || *r.StopTime == "" {
		t.Errorf("result: %v", r)
	}
	gone, err := m.c.DeregisterManagedInstance(&ecs.DeregisterManagedInstanceRequest{RegionId: region, InstanceId: &instance})
	m.must(err)
	if *gone.Body.Instance.InstanceName != "db-1" {
		t.Errorf("deregistered: %v", gone.Body)
	}
	<-a.Done()
	if r := a.Refused(); r == nil || r.Code != agentproto.CodeUnknown {
		t.Errorf("the agent was told %v", r)
	}
}

// What the reference says of bad parameters, by action.
func TestRefusedMachineCalls(t *testing.T) {
	m := startMachines(t, nil)
	instance, _ := m.agent("web-1", nil)
	long := strings.Repeat("x", 19<<10)
	for _, c := range []struct {
		action string
		params string // name=value, by |
		code   string
		status int
	}{
		{"RunCommand", "CommandContent=x", "MissingType", 400},
		{"RunCommand", "Type=RunPython|CommandContent=x|InstanceId.1=" + instance, "InvalidCmdType.NotFound", 404},
		{"RunCommand", "Type=RunShellScript|CommandContent=!!|ContentEncoding=Base64|InstanceId.1=" + instance, "CmdContent.DecodeError", 400},
		{"RunCommand", "Type=RunShellScript|CommandContent=" + long + "|InstanceId.1=" + instance, "CmdContent.ExceedLimit", 403},
		{"RunCommand", "Type=RunShellScript|CommandContent=x", "MissingParam.InstanceId", 400},
		{"RunCommand", "Type=RunShellScript|CommandContent=x|InstanceId.1=i-none", "InvalidInstance.NotFound", 404},
		{"RunCommand", "Type=RunBatScript|CommandContent=x|InstanceId.1=" + instance, "InvalidInstance.NotMatch", 400},
		{"RunCommand", "Type=RunShellScript|CommandContent=x|Timeout=5|InstanceId.1=" + instance, "InvalidTimeout.ExceedLimit", 403},
		{"RunCommand", "Type=RunShellScript|CommandContent=x|RepeatMode=Often|InstanceId.1=" + instance, "InvalidRepeatMode.NotFound", 404},
		{"RunCommand", "Type=RunShellScript|CommandContent=x|RepeatMode=Period|InstanceId.1=" + instance, "MissingParam.Frequency", 400},
		{"RunCommand", "Type=RunShellScript|CommandContent=x|Frequency=rate(1s)|InstanceId.1=" + instance, "InvalidParam.Frequency", 400},
		{"RunCommand", "Type=RunShellScript|CommandContent=x|Frequency=0 0 0 * * * |InstanceId.1=" + instance, "InvalidParam.Frequency", 400},
		{"RunCommand", "Type=RunShellScript|CommandContent=x|Parameters={\"a\":\"b\"}|InstanceId.1=" + instance, "Parameter.Disabled", 400},
		{"RunCommand", "Type=RunShellScript|CommandContent=x|EnableParameter=true|Parameters={\"a\":\"b\"}|InstanceId.1=" + instance, "Parameter.NotMatched", 403},
		{"RunCommand", "Type=RunShellScript|CommandContent={{a}}|EnableParameter=true|Parameters={\"a\":[1]}|InstanceId.1=" + instance, "ParameterType.NotSupported", 403},
		{"RunCommand", "Type=RunShellScript|CommandContent={{a}}|EnableParameter=true|Parameters=a|InstanceId.1=" + instance, "InvalidParameter.Parameters", 400},
		{"RunCommand", "Type=RunShellScript|CommandContent=x|InstanceId.1=" + instance + "|ResourceTag.1.Key=a", "InvalidResourceTag.ConflictWithInstanceIds", 400},
		{"RunCommand", "Type=RunShellScript|CommandContent=x|ResourceTag.1.Key=none", "InvalidResourceTag.InstanceNotFound", 400},
		{"RunCommand", "Type=RunShellScript|CommandContent=x|TerminationMode=All|InstanceId.1=" + instance, "InvalidTerminationMode.NotFound", 404},
		{"RunCommand", "Type=RunShellScript|CommandContent=x|ContainerId=abc|InstanceId.1=" + instance, "InvalidContainerId.Malformed", 400},
		{"CreateCommand", "Name=n|Type=RunShellScript|CommandContent=?", "CmdContent.DecodeError", 400},
		{"CreateCommand", "Name=" + strings.Repeat("n", 129) + "|Type=RunShellScript|CommandContent=eA==", "CmdName.ExceedLimit", 403},
		{"InvokeCommand", "CommandId=c-none|InstanceId.1=" + instance, "InvalidCmdId.NotFound", 404},
		{"StopInvocation", "InvokeId=t-none", "InvalidInvokeId.NotFound", 404},
		{"ModifyInvocationAttribute", "InvokeId=t-none", "InvalidInvokeId.NotFound", 404},
		{"SendFile", "Name=a/b|Content=x|TargetDir=/|InstanceId.1=" + instance, "FileName.ExceedLimit", 403},
		{"SendFile", "Name=a|Content=x|TargetDir=/|FileMode=9|InstanceId.1=" + instance, "FileMode.Invalid", 400},
		{"SendFile", "Name=a|Content=x|TargetDir=/|ContentType=Hex|InstanceId.1=" + instance, "FileContentType.Invalid", 400},
		{"SendFile", "Name=a|Content=?|ContentType=Base64|TargetDir=/|InstanceId.1=" + instance, "FileContent.DecodeError", 400},
		{"SendFile", "Name=a|Content=" + strings.Repeat("x", 25<<10) + "|TargetDir=/|InstanceId.1=" + instance, "FileSize.ExceedLimit", 403},
		{"SendFile", "Name=a|Content=x|TargetDir=/", "MissingParam.InstanceId", 400},
		{"DescribeCommands", "PageSize=51", "InvalidParam.PageSize", 403},
		{"DescribeCommands", "NextToken=%%", "InvalidParameter.NextToken", 400},
		{"DescribeInvocations", "PageNumber=0", "InvalidParam.PageNumber", 403},
		{"DescribeCloudAssistantStatus", "InstanceId.1=i-none", "InvalidInstance.NotFound", 404},
		{"ModifyCloudAssistantSettings", "SettingType=Colour", "InvalidParameter.SettingType", 400},
		{"ModifyCloudAssistantSettings", `SettingType=InvocationDelivery|SlsDeliveryConfig={"Enabled":true,"ProjectName":"none","LogstoreName":"l"}`, "InvalidSlsProjectName.NotFound", 404},
		{"ModifyCloudAssistantSettings", `SettingType=InvocationDelivery|OssDeliveryConfig.Enabled=true|OssDeliveryConfig.BucketName=b|OssDeliveryConfig.Prefix=/x`, "InvalidParameter.OssPrefix", 400},
		{"DescribeCloudAssistantSettings", "SettingType.1=Colour", "InvalidParameter.SettingType", 400},
		{"StartTerminalSession", "InstanceId.1=" + instance, "UnsupportedOperation", 400},
	} {
		params := map[string]string{}
		for _, p := range strings.Split(c.params, "|") {
			k, v, _ := strings.Cut(p, "=")
			params[k] = v
		}
		_, err := m.call("2014-05-26", c.action, params)
		wantCode(t, c.action+" "+c.params[:min(len(c.params), 150)], err, c.code, c.status)
	}
	empty, err := m.c.DescribeInvocations(&ecs.DescribeInvocationsRequest{RegionId: region})
	m.must(err)
	if n := len(empty.Body.Invocations.Invocation); n != 0 {
		t.Errorf("calls that were refused left %d invocations", n)
	}
}

// A client token makes one invocation of many calls, and pages hang together.
func TestTokensAndPages(t *testing.T) {
	m := startMachines(t, nil)
	instance, _ := m.agent("web-1", func(*agentproto.Task) agenttest.Outcome { return agenttest.Outcome{} })
	run := func(token, content string) (*ecs.RunCommandResponse, error) {
		return m.c.RunCommand(&ecs.RunCommandRequest{
			RegionId: region, Type: tea.String("RunShellScript"), CommandContent: &content, InstanceId: []*string{&instance}, ClientToken: &token,
		})
	}
	first, err := run("token", "id")
	m.must(err)
	again, err := run("token", "id")
	m.must(err)
	if *first.Body.InvokeId != *again.Body.InvokeId || *first.Body.CommandId != *again.Body.CommandId {
		t.Errorf("a token made two invocations: %v, %v", first.Body, again.Body)
	}
	_, err = run("token", "whoami")
	wantCode(t, "a token with other parameters", err, "IdempotentParameterMismatch", 403)
	for range 4 {
		_, err := run("", "id")
		m.must(err)
	}
	seen := map[string]bool{}
	pages := 0
	for token := ""; ; pages++ {
		r, err := m.call("2014-05-26", "DescribeInvocations", map[string]string{"MaxResults": "2", "NextToken": token})
		m.must(err)
		body := r["body"].(map[string]any)
		for _, i := range body["Invocations"].(map[string]any)["Invocation"].([]any) {
			seen[i.(map[string]any)["InvokeId"].(string)] = true
		}
		next, _ := body["NextToken"].(string)
		if token = next; token == "" {
			break
		}
	}
	if len(seen) != 5 || pages != 2 {
		t.Errorf("%d invocations on %d pages behind the first", len(seen), pages)
	}
	numbered, err := m.c.DescribeInvocations(&ecs.DescribeInvocationsRequest{RegionId: region, PageNumber: tea.Int64(3), PageSize: tea.Int64(2)})
	m.must(err)
	if len(numbered.Body.Invocations.Invocation) != 1 || *numbered.Body.TotalCount != 5 {
		t.Errorf("page 3: %v", numbered.Body)
	}
}

// A secret goes to the agent, and is nowhere else.
func TestSecretParameters(t *testing.T) {
	m := startMachines(t, nil)
	got := make(chan *agentproto.Task, 1)
	instance, _ := m.agent("web-1", func(task *agentproto.Task) agenttest.Outcome {
		got <- task
		return agenttest.Outcome{}
	})
	_, err := m.call("2019-06-01", "CreateSecretParameter", map[string]string{"Name": "db-password", "Value": "hunter2"})
	m.must(err)
	content := "login {{oos-secret:db-password}} {{x}}"
	ran, err := m.c.RunCommand(&ecs.RunCommandRequest{
		RegionId: region, Type: tea.String("RunShellScript"), CommandContent: &content, InstanceId: []*string{&instance}, EnableParameter: tea.Bool(true),
		Parameters: map[string]any{"x": "{{oos-secret:db-password}}"}, // a value is not looked at again
	})
	m.must(err)
	m.result(ran.Body.InvokeId)
	task := <-got
	if string(task.Run.Content) != "login hunter2 {{oos-secret:db-password}}" || !task.Run.Sensitive || len(task.Run.Mask) != 1 || task.Run.Mask[0] != "hunter2" {
		t.Errorf("task: %+v", task.Run)
	}
	if rec := m.records(*ran.Body.InvokeId, 1)[0]; rec["CommandContent"] != content {
		t.Errorf("record: %v", rec)
	}
	for _, action := range []string{"ListSecretParameters", "ListParameters"} {
		r, err := m.call("2019-06-01", action, nil)
		m.must(err)
		if text, _ := json.Marshal(r); strings.Contains(string(text), "hunter2") {
			t.Errorf("%s tells a secret: %s", action, text)
		}
	}
	missing, err := m.c.RunCommand(&ecs.RunCommandRequest{
		RegionId: region, Type: tea.String("RunShellScript"), CommandContent: tea.String("{{oos-secret:none}}"), InstanceId: []*string{&instance}, EnableParameter: tea.Bool(true),
	})
	m.must(err)
	if r := m.result(missing.Body.InvokeId); *r.InvocationStatus != "Invalid" || *r.ErrorCode != "QueryParameterStoreFailed" {
		t.Errorf("result: %v", r)
	}
}
