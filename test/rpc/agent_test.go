package rpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	ecs "github.com/alibabacloud-go/ecs-20140526/v4/client"
	"github.com/alibabacloud-go/tea/tea"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/test/child"
	"github.com/sluicelog/sluice/test/s3server"
)

// realAgent builds sluice-agent, enrols it on this machine under a name, starts it, and returns the id of the instance.
func (m *machines) realAgent(name, policy string) (string, *child.Machine) {
	m.t.Helper()
	binary, err := child.Build(m.t.TempDir(), "sluice-agent")
	m.must(err)
	made, err := m.c.CreateActivation(&ecs.CreateActivationRequest{
		RegionId: region, InstanceCount: tea.Int32(1), Tag: []*ecs.CreateActivationRequestTag{{Key: tea.String("role"), Value: tea.String("web")}},
	})
	m.must(err)
	machine := child.NewMachine(m.t, binary, policy, m.t.Output())
	m.must(machine.Enrol(m.t.Context(), m.Listeners.Agents.Addr().String(), *made.Body.ActivationId, *made.Body.ActivationCode, "--name", name))
	m.must(machine.Start())
	var id string
	m.until("the agent is connected", func() bool {
		list, err := m.c.DescribeManagedInstances(&ecs.DescribeManagedInstancesRequest{RegionId: region, InstanceName: tea.String(name)})
		m.must(err)
		if len(list.Body.Instances) != 1 {
			m.t.Fatalf("%d instances of this name", len(list.Body.Instances))
		}
		id = *list.Body.Instances[0].InstanceId
		return *list.Body.Instances[0].Connected
	})
	return id, machine
}

// other is a user that commands can run as on this machine, besides root.
func other(t *testing.T) string {
	t.Helper()
	if os.Geteuid() == 0 {
		return "nobody"
	}
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username
}

// object reads an object of the bucket as JSON.
func (m *machines) object(path string) map[string]any {
	m.t.Helper()
	var raw []byte
	m.until("the record is in the bucket", func() bool {
		var err error
		raw, err = os.ReadFile(path)
		return err == nil && len(raw) > 0
	})
	var out map[string]any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	m.must(d.Decode(&out))
	return out
}

// compare compares a record with what is known of the run, key by key; want has a function for what is checked otherwise.
func compare(t *testing.T, where string, got map[string]string, want map[string]any) {
	t.Helper()
	for key, w := range want {
		g, ok := got[key]
		switch w := w.(type) {
		case func(string) bool:
			if !ok || !w(g) {
				t.Errorf("%s: %s is %q", where, key, g)
			}
		default:
			if s := fmt.Sprint(w); !ok || g != s {
				t.Errorf("%s: %s is %q, want %q", where, key, g, s)
			}
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok && !strings.HasPrefix(key, "__") {
			t.Errorf("%s: there is a key %s", where, key)
		}
	}
}

// texts is an object as a record of a logstore would have it.
func texts(o map[string]any) map[string]string {
	out := map[string]string{}
	for k, v := range o {
		out[k] = fmt.Sprint(v)
	}
	return out
}

// span checks times: from when a test began until now, to the second.
func span(from time.Time) func(string) bool {
	return func(text string) bool {
		at, err := time.Parse("2006-01-02T15:04:05Z", text)
		return err == nil && !at.Before(from.Truncate(time.Second)) && !at.After(time.Now())
	}
}

// A machine with a real agent, from its enrolment to records in a real bucket: all parameters of both kinds of records, one by one, are what was asked
// for and what ran.
func TestRealAgent(t *testing.T) {
	bucket := s3server.Start(t)
	if err := os.Mkdir(filepath.Join(bucket.Root, "records"), 0o700); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	m := startMachines(t, nil, func(c *config.Config) { c.Delivery.AllowNetworks = "127.0.0.0/8" })
	numbers := map[string]string{}
	for _, key := range []string{"ResourceOwnerUid", "CallerUid", "Timeout", "Repeats", "Dropped", "ExitCode"} {
		numbers[key] = "number"
	}
	types, _ := json.Marshal(numbers)
	m.OK(t, testenv.Call{Method: "POST", Target: "/", Body: []byte(`{"projectName":"sluice-assistant","description":""}`)})
	m.OK(t, testenv.Call{Method: "POST", Project: "sluice-assistant", Target: "/logstores", Body: []byte(`{"logstoreName":"execution-records","ttl":30,"shardCount":1}`)})
	m.OK(t, testenv.Call{Method: "POST", Project: "sluice-assistant", Target: "/sluice/v1/deliveries", Body: []byte(`{"name":"bucket","source":{"logstore":"execution-records"},
		"fields":["*"],"types":` + string(types) + `,"limits":{"age":"1s"},"sink":{"type":"s3compatible","endpoint":"` + bucket.Endpoint + `","addressing":"path","region":"` + s3server.Region + `",
		"bucket":"records","prefix":"","accessKeyId":"` + s3server.AccessKeyID + `","secretAccessKey":"` + s3server.SecretAccessKey + `","layout":"executions"}}`)})
	m.OK(t, testenv.Call{Method: "POST", Project: "sluice-assistant", Target: "/sluice/v1/deliveries/bucket?action=start"})
	instance, machine := m.realAgent("web-1", "")
	uid := m.caller()

	// A command, by the SDK.
	const content = "printf 'run %s of %s as ' $SLUICE_RUN $SLUICE_INVOCATION; id -un; pwd; head -c 30000 /dev/zero | tr '\\0' x; printf '{{ what }}'; exit 4"
	ran, err := m.c.RunCommand(&ecs.RunCommandRequest{
		RegionId: region, Name: tea.String("probe"), Type: tea.String("RunShellScript"), CommandContent: tea.String(content), EnableParameter: tea.Bool(true),
		Parameters: map[string]any{"what": "the end"}, WorkingDir: tea.String("/usr"), Username: tea.String(other(t)), Timeout: tea.Int64(77), InstanceId: []*string{&instance},
	})
	m.must(err)
	id := *ran.Body.InvokeId
	if r := m.result(ran.Body.InvokeId); *r.InvocationStatus != "Failed" || *r.ExitCode != 4 {
		t.Errorf("result: %v", r)
	}
	head := fmt.Sprintf("run 1 of %s as %s\n/usr\n", id, other(t))
	total := len(head) + 30000 + len("the end")
	output := func(text string) bool {
		return len(text) == 24<<10 && strings.HasPrefix(text, head+"xxx") && strings.HasSuffix(text, "xxxthe end")
	}
	want := map[string]any{
		"RegionId": "cn-test", "InstanceId": instance, "InvokeId": id, "CommandId": *ran.Body.CommandId, "CommandName": "probe", "CommandType": "RunShellScript",
		"CommandContent": content, "ResourceOwnerUid": uid, "CallerUid": uid, "CallerType": "customer", "Timeout": 77, "Frequency": "",
		"Parameters": `{"what":"the end"}`, "Username": other(t), "RepeatMode": "Once", "Repeats": 1, "InvocationStatus": "Failed", "ErrorCode": "ExitCodeNonzero",
		"ErrorInfo": "the exit code is 4", "Dropped": total - 24<<10, "Output": output, "ExitCode": 4, "CreationTime": span(began), "StartTime": span(began),
		"UpdateTime": span(began), "FinishedTime": span(began), "StopTime": "",
	}
	if len(want) != 27 {
		t.Fatalf("%d keys of a command's record are compared", len(want))
	}
	record := m.records(id, 1)[0]
	compare(t, "logstore", record, want)
	for _, pair := range [][2]string{{"CreationTime", "StartTime"}, {"StartTime", "FinishedTime"}, {"FinishedTime", "UpdateTime"}} {
		if record[pair[0]] > record[pair[1]] {
			t.Errorf("%s %s is after %s %s", pair[0], record[pair[0]], pair[1], record[pair[1]])
		}
	}
	dir := filepath.Join(bucket.Root, "records", "invocationResults", id)
	object := m.object(filepath.Join(dir, instance, "1.json"))
	compare(t, "bucket", texts(object), want)
	for key := range numbers {
		if _, ok := object[key].(json.Number); !ok {
			t.Errorf("in the bucket, %s is %T", key, object[key])
		}
	}
	if script, err := os.ReadFile(filepath.Join(dir, "commandContent.sh")); err != nil || string(script) != content {
		t.Errorf("%q, %v", script, err)
	}

	// A command that is stopped: the record says when.
	stopping := time.Now()
	ran, err = m.c.RunCommand(&ecs.RunCommandRequest{
		RegionId: region, Type: tea.String("RunShellScript"), CommandContent: tea.String("echo here; exec sleep 1000"), InstanceId: []*string{&instance},
	})
	m.must(err)
	m.until("it runs", func() bool {
		r, err := m.c.DescribeInvocationResults(&ecs.DescribeInvocationResultsRequest{RegionId: region, InvokeId: ran.Body.InvokeId, ContentEncoding: tea.String("PlainText")})
		m.must(err)
		row := r.Body.Invocation.InvocationResults.InvocationResult[0]
		return *row.InvocationStatus == "Running" && *row.Output == "here\n" // while it runs
	})
	_, err = m.c.StopInvocation(&ecs.StopInvocationRequest{RegionId: region, InvokeId: ran.Body.InvokeId})
	m.must(err)
	m.result(ran.Body.InvokeId)
	if r := m.records(*ran.Body.InvokeId, 1)[0]; r["InvocationStatus"] != "Terminated" || !span(stopping)(r["StopTime"]) || r["Output"] != "here\n" {
		t.Errorf("record of what was stopped: %v", r)
	}

	// A file, by the SDK.
	target := filepath.Join(machine.State, "files", "new")
	m.must(os.MkdirAll(filepath.Dir(target), 0o700))
	m.must(os.Chmod(filepath.Dir(target), 0o777)) //nolint:gosec // for the user that writes it
	group, err := exec.Command("id", "-gn", other(t)).Output()
	m.must(err)
	sent, err := m.c.SendFile(&ecs.SendFileRequest{
		RegionId: region, Name: tea.String("app.conf"), Content: tea.String("aGVsbG8K"), ContentType: tea.String("Base64"), Description: tea.String("a file"),
		TargetDir: &target, FileOwner: tea.String(other(t)), FileGroup: tea.String(strings.TrimSpace(string(group))), FileMode: tea.String("0640"), Overwrite: tea.Bool(true),
		Timeout: tea.Int64(66), InstanceId: []*string{&instance},
	})
	m.must(err)
	file := *sent.Body.InvokeId
	wantFile := map[string]any{
		"RegionId": "cn-test", "InstanceId": instance, "InvokeId": file, "FileName": "app.conf", "ContentType": "Base64", "Description": "a file",
		"FileContent": "aGVsbG8K", "FileGroup": strings.TrimSpace(string(group)), "FileMode": "0640", "FileOwner": other(t), "ResourceOwnerUid": uid, "CallerUid": uid,
		"CallerType": "customer", "Overwrite": "true", "TargetDir": target, "Timeout": 66, "InvocationStatus": "Success", "CreationTime": span(began), "StartTime": span(began),
		"UpdateTime": span(began), "FinishTime": span(began),
	}
	compare(t, "file in the logstore", m.records(file, 1)[0], wantFile)
	compare(t, "file in the bucket", texts(m.object(filepath.Join(bucket.Root, "records", "sendFileResults", file, instance, "1.json"))), wantFile)
	if st, err := os.Stat(filepath.Join(target, "app.conf")); err != nil || st.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", st, err)
	}
	if raw, err := os.ReadFile(filepath.Join(target, "app.conf")); err != nil || string(raw) != "hello\n" {
		t.Errorf("%q, %v", raw, err)
	}

	// The same file again, without leave to overwrite: the two keys that are there for errors alone.
	sent, err = m.c.SendFile(&ecs.SendFileRequest{
		RegionId: region, Name: tea.String("app.conf"), Content: tea.String("other"), TargetDir: &target, FileOwner: tea.String(other(t)), InstanceId: []*string{&instance},
	})
	m.must(err)
	r := m.records(*sent.Body.InvokeId, 1)[0]
	wantFile["ErrorCode"], wantFile["ErrorInfo"] = "FileAlreadyExists", "File already exists: app.conf"
	if len(wantFile) != 23 {
		t.Fatalf("%d keys of a file's record are compared", len(wantFile))
	}
	compare(t, "file that is there", r, with(wantFile, map[string]any{
		"InvokeId": *sent.Body.InvokeId, "ContentType": "PlainText", "Description": "", "FileContent": "other", "FileGroup": "", "FileMode": "0644", "Overwrite": "false",
		"Timeout": 60, "InvocationStatus": "Error",
	}))

	m.byCommandLine(instance, machine)
}

func with(m, change map[string]any) map[string]any {
	out := map[string]any{}
	for _, from := range []map[string]any{m, change} {
		for k, v := range from {
			out[k] = v
		}
	}
	return out
}

// caller is the id of whoever calls.
func (m *machines) caller() string {
	m.t.Helper()
	a, err := m.call("2015-04-01", "GetCallerIdentity", nil)
	m.must(err)
	id := a["body"].(map[string]any)["AccountId"]
	if n, err := strconv.ParseInt(fmt.Sprint(id), 10, 64); err != nil || n == 0 {
		m.t.Fatalf("account %v", id)
	}
	return fmt.Sprint(id)
}

// byCommandLine runs a command with sluice run, and looks at the agent with its own commands.
func (m *machines) byCommandLine(instance string, machine *child.Machine) {
	m.t.Helper()
	cli, err := child.Build(m.t.TempDir(), "sluice")
	m.must(err)
	cmd := exec.Command(cli, "run", "--on", "tag=role:web", "--", "echo by the command line; id -un")
	cmd.Env = []string{"HOME=" + m.t.TempDir(), "PATH=" + os.Getenv("PATH"), "SLUICE_ENDPOINT=" + m.URL(), "SLUICE_ACCESS_KEY_ID=" + testenv.RootID, "SLUICE_ACCESS_KEY_SECRET=" + testenv.RootSecret}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "by the command line") || !strings.Contains(string(out), "Success") {
		m.t.Errorf("%v\n%s", err, out)
	}
	status, err := machine.Run(m.t.Context(), "status")
	if err != nil || !strings.Contains(status, instance) || !strings.Contains(status, "yes, since") {
		m.t.Errorf("%v\n%s", err, status)
	}
	doctor, err := machine.Run(m.t.Context(), "doctor")
	if err != nil || strings.Contains(doctor, "FAIL") {
		m.t.Errorf("%v\n%s", err, doctor)
	}
	m.must(machine.Stop())
	if out, err := machine.Run(m.t.Context(), "doctor"); err == nil || !strings.Contains(out, "systemctl start sluice-agent") {
		m.t.Errorf("%v\n%s", err, out)
	}
}

// A command that takes more memory than the machine's policy gives fails, and its record says so.
func TestRealAgentLimitsMemory(t *testing.T) {
	m := startMachines(t, nil)
	instance, _ := m.realAgent("small", "maxMemory: 64MiB\n")
	id, err := m.shell(instance, "head -c 100000000 /dev/zero | tail -c 80000000 > /dev/null")
	m.must(err)
	m.result(&id)
	r := m.records(id, 1)[0]
	if r["InvocationStatus"] != "Failed" || r["ErrorCode"] != "ExitCodeNonzero" || !strings.Contains(r["ErrorInfo"], "64 MiB of memory") || !strings.Contains(r["Output"], "memory") {
		t.Errorf("record: %v", r)
	}
}
