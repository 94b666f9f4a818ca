package agent_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The messages as the reference gives them (sls-api 6.2), for the protobuf library to write and read: an encoder that shares nothing with
// the one under test. A field is name=number:type, with * for repeated; m.X is message X.
var schema = map[string]string{
	"Tag":                  "name=1:s value=2:s",
	"Attributes":           "version=1:b ip=2:b hostname=3:b hostid=4:b",
	"Info":                 "name=1:s version=2:i status=3:i message=4:s",
	"Detail":               "name=1:s version=2:i detail=3:b",
	"Common":               "status=1:i32 errorMessage=2:b",
	"HeartbeatRequest":     "request_id=1:b sequence_num=2:u capabilities=3:u instance_id=4:b agent_type=5:s attributes=6:m.Attributes tags=7:*m.Tag running_status=8:s startup_time=9:i configs=10:*m.Info flags=13:u opaque=14:b",
	"HeartbeatResponse":    "request_id=1:b common=2:m.Common capabilities=3:u updates=4:*m.Detail flags=7:u",
	"FetchRequest":         "request_id=1:b instance_id=2:b configs=3:*m.Info",
	"FetchResponse":        "request_id=1:b common=2:m.Common details=3:*m.Detail",
	"OldAttributes":        "version=1:s category=2:s ip=3:s hostname=4:s",
	"OldInfo":              "type=1:i32 name=2:s version=3:i context=4:s",
	"OldHeartBeatRequest":  "request_id=1:s agent_id=2:s agent_type=3:s attributes=4:m.OldAttributes tags=5:*s running_status=6:s startup_time=7:i interval=8:i32 configs=9:*m.OldInfo",
	"OldCheck":             "type=1:i32 name=2:s old_version=3:i new_version=4:i context=5:s check_status=6:i32",
	"OldHeartBeatResponse": "request_id=1:s code=2:i32 message=3:s checks=4:*m.OldCheck",
	"OldFetchRequest":      "request_id=1:s agent_id=2:s configs=3:*m.OldInfo",
	"OldDetail":            "type=1:i32 name=2:s version=3:i context=4:s detail=5:s",
	"OldFetchResponse":     "request_id=1:s code=2:i32 message=3:s details=4:*m.OldDetail",
}

var types = map[string]descriptorpb.FieldDescriptorProto_Type{
	"s": descriptorpb.FieldDescriptorProto_TYPE_STRING, "b": descriptorpb.FieldDescriptorProto_TYPE_BYTES,
	"i": descriptorpb.FieldDescriptorProto_TYPE_INT64, "i32": descriptorpb.FieldDescriptorProto_TYPE_INT32, "u": descriptorpb.FieldDescriptorProto_TYPE_UINT64,
}

// messages makes the types of the schema.
func messages(t testing.TB) protoreflect.MessageDescriptors {
	t.Helper()
	file := &descriptorpb.FileDescriptorProto{Name: proto.String("agent.proto"), Syntax: proto.String("proto3")}
	for name, fields := range schema {
		m := &descriptorpb.DescriptorProto{Name: proto.String(name)}
		for field := range strings.FieldsSeq(fields) {
			var number int32
			title, rest, _ := strings.Cut(field, "=")
			digits, kind, _ := strings.Cut(rest, ":")
			if _, err := fmt.Sscan(digits, &number); err != nil {
				t.Fatal(err)
			}
			f := &descriptorpb.FieldDescriptorProto{
				Name: proto.String(title), JsonName: proto.String(title), Number: proto.Int32(number), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
			}
			if kind, found := strings.CutPrefix(kind, "*"); found {
				f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
				rest = kind
			} else {
				rest = kind
			}
			if other, found := strings.CutPrefix(rest, "m."); found {
				f.Type, f.TypeName = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), proto.String("."+other)
			} else {
				f.Type = types[rest].Enum()
			}
			m.Field = append(m.Field, f)
		}
		file.MessageType = append(file.MessageType, m)
	}
	made, err := protodesc.NewFile(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return made.Messages()
}

// object is a message as JSON has it: what protojson takes, with bytes in base64.
type object map[string]any

// fill sets the fields of m.
func fill(t testing.TB, m protoreflect.Message, o object) {
	t.Helper()
	for name, value := range o {
		f := m.Descriptor().Fields().ByName(protoreflect.Name(name))
		if f == nil {
			t.Fatalf("%s has no field %s", m.Descriptor().Name(), name)
		}
		if !f.IsList() {
			m.Set(f, one(t, m, f, value))
			continue
		}
		list := m.Mutable(f).List()
		for _, each := range value.([]any) {
			if f.Message() == nil {
				list.Append(one(t, m, f, each))
				continue
			}
			element := list.NewElement()
			fill(t, element.Message(), each.(object))
			list.Append(element)
		}
	}
}

func one(t testing.TB, m protoreflect.Message, f protoreflect.FieldDescriptor, value any) protoreflect.Value {
	t.Helper()
	switch f.Kind() {
	case protoreflect.MessageKind:
		made := m.NewField(f)
		fill(t, made.Message(), value.(object))
		return made
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(value.(string)))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(int64(value.(int)))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(value.(int)))
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(uint64(value.(int)))
	}
	return protoreflect.ValueOf(value)
}

// read makes an object of a message: numbers as int64, texts and bytes as string.
func read(m protoreflect.Message) object {
	o := object{}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if !f.IsList() {
			o[string(f.Name())] = plain(f, v)
			return true
		}
		list := []any{}
		for i := range v.List().Len() {
			list = append(list, plain(f, v.List().Get(i)))
		}
		o[string(f.Name())] = list
		return true
	})
	return o
}

func plain(f protoreflect.FieldDescriptor, v protoreflect.Value) any {
	switch f.Kind() {
	case protoreflect.MessageKind:
		return read(v.Message())
	case protoreflect.BytesKind:
		return string(v.Bytes())
	case protoreflect.Uint64Kind:
		return int64(v.Uint())
	case protoreflect.Int32Kind, protoreflect.Int64Kind:
		return v.Int()
	}
	return v.String()
}

// world is a server with machine groups and configurations, and agents that talk to it.
type world struct {
	*testing.T
	env   *testenv.Env
	types protoreflect.MessageDescriptors
}

func newWorld(t *testing.T, change ...func(*config.Config)) *world {
	t.Helper()
	w := &world{T: t, types: messages(t)}
	w.env = testenv.Start(t, append([]func(*config.Config){func(c *config.Config) { c.Agents.Networks = "127.0.0.0/8" }}, change...)...)
	w.env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/", Body: []byte(`{"projectName":"web"}`)})
	w.post("/logstores", `{"logstoreName":"app","ttl":1,"shardCount":1}`)
	w.post("/machinegroups", `{"groupName":"by-address","machineIdentifyType":"ip","machineList":["127.0.0.1"]}`)
	w.post("/machinegroups", `{"groupName":"by-name","machineIdentifyType":"userdefined","machineList":["front","zone=b","old-tag"]}`)
	return w
}

func (w *world) post(target, body string) {
	w.Helper()
	w.env.OK(w, testenv.Call{Method: "POST", Project: "web", Target: target, Body: []byte(body)})
}

func (w *world) put(target string) {
	w.Helper()
	w.env.OK(w, testenv.Call{Method: "PUT", Project: "web", Target: target})
}

// call sends a message and returns the answer as a message of another type.
func (w *world) call(host, path, kind string, o object, answer string) (int, object) {
	w.Helper()
	m := dynamicpb.NewMessage(w.types.ByName(protoreflect.Name(kind)))
	fill(w, m, o)
	body, err := proto.Marshal(m)
	if err != nil {
		w.Fatal(err)
	}
	status, raw := w.raw(host, path, body)
	got := dynamicpb.NewMessage(w.types.ByName(protoreflect.Name(answer)))
	if err := proto.Unmarshal(raw, got); err != nil {
		w.Fatalf("%s: answer %q: %v", path, raw, err)
	}
	return status, read(got)
}

func (w *world) raw(host, path string, body []byte) (int, []byte) {
	w.Helper()
	r, err := http.NewRequest("POST", w.env.URL()+path, bytes.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	r.Host = host
	resp, err := w.env.Client().Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	if kind := resp.Header.Get("Content-Type"); kind != "application/x-protobuf" {
		w.Errorf("%s: content type %q", path, kind)
	}
	return resp.StatusCode, raw
}

const host = "web." + testenv.Domain

const classic = `{"configName":"%s","inputType":"file","inputDetail":{"logType":"json_log","logPath":"/var/log/app/","filePattern":"*.log",
	"maxDepth":3,"timeKey":"at","timeFormat":"%%Y","filterKey":["level"],"filterRegex":["ERROR"]},"outputType":"LogService",
	"outputDetail":{"logstoreName":"app"}}`

// agent is an agent of the second version that keeps what it is told, as a real one does.
type agent struct {
	w        *world
	id       string
	tags     []any
	sequence int
	has      []any
}

func (a *agent) beat() (updates []any, flags any) {
	a.w.Helper()
	a.sequence++
	_, got := a.w.call(host, "/Agent/Heartbeat", "HeartbeatRequest", object{
		"request_id": "r1", "sequence_num": a.sequence, "instance_id": a.id, "agent_type": "LoongCollector", "tags": a.tags, "flags": 1,
		"attributes": object{"version": "3.1", "ip": "10.9.9.9", "hostname": "box"}, "running_status": "running", "startup_time": 1_700_000_000, "configs": a.has,
	}, "HeartbeatResponse")
	if got["request_id"] != "r1" || got["common"] == nil {
		a.w.Errorf("answer %v", got)
	}
	updates, _ = got["updates"].([]any)
	for _, u := range updates {
		a.take(u.(object))
	}
	return updates, got["flags"]
}

func (a *agent) take(u object) {
	kept := []any{}
	for _, h := range a.has {
		if h.(object)["name"] != u["name"] {
			kept = append(kept, h)
		}
	}
	if version := u["version"].(int64); version != -1 {
		kept = append(kept, object{"name": u["name"], "version": int(version), "status": 2})
	}
	a.has = kept
}

func names(list []any) string {
	var all []string
	for _, u := range list {
		text := u.(object)["name"].(string)
		if u.(object)["version"] == int64(-1) {
			text = "-" + text
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

// A configuration reaches the agents of the groups that it is applied to, once for each version, and is taken back when it is removed.
func TestConfigurationsReachTheirAgents(t *testing.T) {
	w := newWorld(t)
	w.post("/configs", fmt.Sprintf(classic, "files"))
	w.post("/pipelineconfigs", `{"configName":"pipe","inputs":[{"Type":"input_file","FilePaths":["/a"]}],"flushers":[{"Type":"flusher_sls","Logstore":"app"}]}`)
	w.post("/configs", `{"configName":"listener","inputType":"syslog","inputDetail":{"tag":"t"},"outputType":"LogService","outputDetail":{"logstoreName":"app"}}`)
	front := &agent{w: w, id: "a1", tags: []any{object{"name": "user_defined_id", "value": "other, front"}}}
	back := &agent{w: w, id: "a2", tags: []any{object{"name": "zone", "value": "c"}}}
	expect := func(a *agent, want string) []any {
		t.Helper()
		updates, flags := a.beat()
		if got := names(updates); got != want || flags != nil {
			t.Errorf("%s is told %q, flags %v, want %q", a.id, got, flags, want)
		}
		return updates
	}
	expect(front, "")
	w.put("/machinegroups/by-name/configs/files")
	w.put("/machinegroups/by-name/configs/listener") // no agent has such an input
	updates := expect(front, "files")
	expect(front, "")
	expect(back, "")
	var pipeline struct {
		Enable                       bool
		Inputs, Processors, Flushers []map[string]any
	}
	if err := json.Unmarshal([]byte(updates[0].(object)["detail"].(string)), &pipeline); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(pipeline)
	for _, part := range []string{
		"{true ", "Type:input_file", "/var/log/app/**/*.log", "MaxDirSearchDepth:3", "processor_parse_json_native", "SourceFormat:%Y", "SourceKey:at",
		"Include:map[level:ERROR]", "Type:flusher_sls", "Project:web", "Logstore:app", "Endpoint:" + testenv.Domain,
	} {
		if !strings.Contains(text, part) {
			t.Errorf("the pipeline has no %q: %s", part, text)
		}
	}

	changed := strings.Replace(fmt.Sprintf(classic, "files"), "ERROR", "FATAL", 1)
	before := front.has[0].(object)["version"].(int)
	w.env.OK(t, testenv.Call{Method: "PUT", Project: "web", Target: "/configs/files", Body: []byte(changed)})
	expect(front, "files")
	if now := front.has[0].(object)["version"].(int); now <= before {
		t.Errorf("version %d became %d", before, now)
	}
	w.put("/machinegroups/by-address/configs/pipe")
	expect(front, "pipe")
	expect(back, "pipe")
	if err := w.env.Restart(); err != nil {
		t.Fatal(err)
	}
	expect(front, "") // versions are those of before
	w.env.OK(t, testenv.Call{Method: "DELETE", Project: "web", Target: "/machinegroups/by-name/configs/files"})
	expect(front, "-files")
	w.env.OK(t, testenv.Call{Method: "DELETE", Project: "web", Target: "/pipelineconfigs/pipe"})
	expect(front, "-pipe")
	expect(front, "")
}

// Who left something out that the server does not know is asked for everything; who goes on where it was is not.
func TestReportFullState(t *testing.T) {
	w := newWorld(t)
	w.post("/configs", fmt.Sprintf(classic, "files"))
	w.put("/machinegroups/by-name/configs/files")
	beat := func(sequence, flags int, tags ...any) (asked bool, updates string) {
		t.Helper()
		_, got := w.call(host, "/Agent/Heartbeat", "HeartbeatRequest",
			object{"sequence_num": sequence, "instance_id": "a", "tags": tags, "flags": flags}, "HeartbeatResponse")
		list, _ := got["updates"].([]any)
		return got["flags"] == int64(1), names(list)
	}
	f := func(what string, asked bool, updates string, wantAsked bool, wantUpdates string) {
		t.Helper()
		if asked != wantAsked || updates != wantUpdates {
			t.Errorf("%s: asked for everything %v, told %q, want %v and %q", what, asked, updates, wantAsked, wantUpdates)
		}
	}
	asked, updates := beat(7, 0)
	f("unknown", asked, updates, true, "")
	asked, updates = beat(8, 1, object{"name": "user_defined_id", "value": "front"})
	f("everything", asked, updates, false, "files")
	asked, updates = beat(9, 0)
	f("the next, its tags left out", asked, updates, false, "files")
	asked, updates = beat(11, 0)
	f("one was lost", asked, updates, true, "")
}

// The older protocol: what is new, changed and gone is told, and details are fetched.
func TestFirstVersion(t *testing.T) {
	w := newWorld(t)
	w.post("/configs", fmt.Sprintf(classic, "files"))
	w.put("/machinegroups/by-name/configs/files")
	beat := func(configs ...any) []any {
		t.Helper()
		status, got := w.call(host, "/Agent/HeartBeat", "OldHeartBeatRequest", object{
			"request_id": "r", "agent_id": "old", "agent_type": "iLogtail", "attributes": object{"version": "1.8", "ip": "10.1.1.1", "hostname": "h"},
			"tags": []any{"old-tag"}, "configs": configs,
		}, "OldHeartBeatResponse")
		if status != 200 || got["request_id"] != "r" || got["code"] != nil {
			t.Errorf("got %d %v", status, got)
		}
		checks, _ := got["checks"].([]any)
		return checks
	}
	checks := beat()
	if len(checks) != 1 || checks[0].(object)["name"] != "files" || checks[0].(object)["check_status"] != nil {
		t.Fatalf("new: %v", checks)
	}
	version := checks[0].(object)["new_version"].(int64)
	_, got := w.call(host, "/Agent/FetchPipelineConfig", "OldFetchRequest",
		object{"request_id": "r", "agent_id": "old", "configs": []any{object{"name": "files", "version": 1}}}, "OldFetchResponse")
	details, _ := got["details"].([]any)
	if len(details) != 1 || details[0].(object)["version"] != version || !strings.Contains(details[0].(object)["detail"].(string), "input_file") {
		t.Errorf("details: %v", got)
	}
	if checks = beat(object{"name": "files", "version": int(version)}); len(checks) != 0 {
		t.Errorf("known: %v", checks)
	}
	checks = beat(object{"name": "files", "version": 5}, object{"name": "gone", "version": 6})
	if len(checks) != 2 || checks[0].(object)["check_status"] != int64(2) || checks[0].(object)["old_version"] != int64(5) ||
		checks[1].(object)["check_status"] != int64(1) || checks[1].(object)["name"] != "gone" {
		t.Errorf("changed and gone: %v", checks)
	}
	if status, got := w.call(host, "/Agent/FetchAgentConfig", "OldFetchRequest", object{"request_id": "r"}, "OldFetchResponse"); status != 200 || got["request_id"] != "r" {
		t.Errorf("agent configurations: %d %v", status, got)
	}
}

func TestFetch(t *testing.T) {
	w := newWorld(t)
	w.post("/configs", fmt.Sprintf(classic, "files"))
	w.put("/machinegroups/by-name/configs/files")
	fetch := func() (int, object) {
		t.Helper()
		return w.call(host, "/Agent/FetchPipelineConfig", "FetchRequest", object{
			"request_id": "r", "instance_id": "a", "configs": []any{object{"name": "files", "version": 1}, object{"name": "others", "version": 1}},
		}, "FetchResponse")
	}
	if status, got := fetch(); status != 403 || got["common"].(object)["status"] != int64(1) {
		t.Errorf("before a heartbeat: %d %v", status, got)
	}
	(&agent{w: w, id: "a", tags: []any{object{"name": "user_defined_id", "value": "front"}}}).beat()
	status, got := fetch()
	if list, _ := got["details"].([]any); status != 200 || names(list) != "files -others" {
		t.Errorf("got %d %v", status, got)
	}
}

// The agents of a group are its machines.
func TestMachines(t *testing.T) {
	w := newWorld(t)
	(&agent{w: w, id: "a1", tags: []any{object{"name": "user_defined_id", "value": "front"}}}).beat()
	(&agent{w: w, id: "a2", tags: []any{object{"name": "zone", "value": "z"}}}).beat()
	for group, want := range map[string]string{"by-name": "a1:front:10.9.9.9", "by-address": "a1:front:10.9.9.9 a2:zone=z:10.9.9.9"} {
		var got struct {
			Total    int
			Machines []struct {
				IP       string
				UniqueID string `json:"machine-uniqueid"`
				User     string `json:"userdefined-id"`
			}
		}
		w.env.JSON(t, testenv.Call{Project: "web", Target: "/machinegroups/" + group + "/machines"}, &got)
		var list []string
		for _, m := range got.Machines {
			list = append(list, m.UniqueID+":"+m.User+":"+m.IP)
		}
		if strings.Join(list, " ") != want || got.Total != len(list) {
			t.Errorf("%s: got %v, want %s", group, got, want)
		}
	}
}

// Nobody is told anything who is not let in, and nothing of another project.
func TestWhoIsLetIn(t *testing.T) {
	beat := func(w *world, host string, tags ...any) (int, string) {
		w.Helper()
		status, got := w.call(host, "/Agent/Heartbeat", "HeartbeatRequest", object{"instance_id": "a", "flags": 1, "tags": tags}, "HeartbeatResponse")
		list, _ := got["updates"].([]any)
		if refused := got["common"].(object)["status"] == int64(1); refused != (status != 200) {
			w.Errorf("status %d, message %v", status, got)
		}
		return status, names(list)
	}
	front, token := object{"name": "user_defined_id", "value": "front"}, object{"name": "sluice_token", "value": "a token of agents"}
	f := func(name string, w *world, host string, status int, told string, tags ...any) {
		t.Helper()
		if s, got := beat(w, host, tags...); s != status || got != told {
			t.Errorf("%s: got %d %q, want %d %q", name, s, got, status, told)
		}
	}
	w := newWorld(t, func(c *config.Config) { c.Agents.Token, c.Agents.Project = "a token of agents", "web" })
	w.post("/configs", fmt.Sprintf(classic, "files"))
	w.put("/machinegroups/by-name/configs/files")
	f("the token", w, host, 200, "files", front, token)
	f("no token", w, host, 403, "", front)
	f("another token", w, host, 403, "", front, object{"name": "sluice_token", "value": "another"})
	f("by address", w, w.env.Addr, 200, "files", front, token)
	f("another project", w, "other."+testenv.Domain, 200, "", front, token)
	f("another host", w, "a.example", 400, "", front, token)

	w = newWorld(t)
	f("no project", w, w.env.Addr, 400, "", front)
	w = newWorld(t, func(c *config.Config) { c.Agents.Networks = "10.0.0.0/8" })
	f("another network", w, host, 403, "", front)
}

// What is no message is refused in the form that agents read; and without agents.networks the paths are nobody's.
func TestBadMessages(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"Heartbeat", "HeartBeat", "FetchPipelineConfig", "FetchInstanceConfig", "ReportStatus", "FetchAgentConfig"} {
		if status, _ := w.raw(host, "/Agent/"+path, []byte{0xff, 0xff, 0xff}); status != 400 {
			t.Errorf("%s: got %d", path, status)
		}
	}
	if status, _ := w.raw(host, "/Agent/Heartbeat", make([]byte, 2<<20)); status != 413 {
		t.Errorf("a large message: got %d", status)
	}
	if status, _ := w.raw(host, "/Agent/Nothing", nil); status != 404 {
		t.Errorf("no action: got %d", status)
	}
	if status, _ := w.raw(host, "/Agent/Heartbeat", nil); status != 400 {
		t.Errorf("an agent without an id: got %d", status)
	}
	off := testenv.Start(t)
	if a := off.Do(t, testenv.Call{Method: "POST", Project: "web", Target: "/Agent/Heartbeat", Unsigned: true}); a.Code != "PathNotExist" {
		t.Errorf("without networks: got %d %s", a.Status, a.Code)
	}
}
