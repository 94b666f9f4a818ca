package rpc

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	ecs "github.com/alibabacloud-go/ecs-20140526/v4/client"
	"github.com/alibabacloud-go/tea/tea"

	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/assistant/agenttest"
	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/test/s3server"
)

// Records go to a logstore that the settings name, and to a real bucket by a delivery task, each record an object.
func TestRecordsAreDelivered(t *testing.T) {
	bucket := s3server.Start(t)
	if err := os.Mkdir(filepath.Join(bucket.Root, "records"), 0o700); err != nil {
		t.Fatal(err)
	}
	m := startMachines(t, nil, func(c *config.Config) { c.Delivery.AllowNetworks = "127.0.0.0/8" })
	m.OK(t, testenv.Call{Method: "POST", Target: "/", Body: []byte(`{"projectName":"audit","description":""}`)})
	m.OK(t, testenv.Call{Method: "POST", Project: "audit", Target: "/logstores", Body: []byte(`{"logstoreName":"ca-records","ttl":1,"shardCount":1}`)})
	m.OK(t, testenv.Call{Method: "POST", Project: "audit", Target: "/logstores/ca-records/index", Body: []byte(`{"line":{"token":[" "]},"keys":{"InvokeId":{"type":"text","token":[" "]}}}`)})
	settings := map[string]string{"SettingType": "InvocationDelivery", "SlsDeliveryConfig": `{"Enabled":"true","ProjectName":"audit","LogstoreName":"ca-records"}`}
	_, err := m.call("2014-05-26", "ModifyCloudAssistantSettings", settings)
	m.must(err)
	shown, err := m.call("2014-05-26", "DescribeCloudAssistantSettings", map[string]string{"SettingType.1": "InvocationDelivery"})
	m.must(err)
	sls := shown["body"].(map[string]any)["SlsDeliveryConfigs"].(map[string]any)["SlsDeliveryConfig"].([]any)[0].(map[string]any)
	if sls["DeliveryType"] != "Invocation" || sls["Enabled"] != true || sls["ProjectName"] != "audit" || sls["LogstoreName"] != "ca-records" {
		t.Errorf("settings: %v", sls)
	}
	types, _ := json.Marshal(map[string]string{"Repeats": "number", "ExitCode": "number"})
	m.OK(t, testenv.Call{Method: "POST", Project: "sluice-assistant", Target: "/sluice/v1/deliveries", Body: []byte(`{"name":"bucket","source":{"logstore":"execution-records"},
		"fields":["*"],"types":` + string(types) + `,"limits":{"age":"1s"},"sink":{"type":"s3compatible","endpoint":"` + bucket.Endpoint + `","addressing":"path","region":"` + s3server.Region + `",
		"bucket":"records","prefix":"audit","accessKeyId":"` + s3server.AccessKeyID + `","secretAccessKey":"` + s3server.SecretAccessKey + `","layout":"executions"}}`)})
	m.OK(t, testenv.Call{Method: "POST", Project: "sluice-assistant", Target: "/sluice/v1/deliveries/bucket?action=start"})

	instance, _ := m.agent("web-1", func(*agentproto.Task) agenttest.Outcome { return agenttest.Outcome{Output: []byte("done\n")} })
	ran, err := m.c.RunCommand(&ecs.RunCommandRequest{
		RegionId: region, Type: tea.String("RunShellScript"), CommandContent: tea.String("make it so"), InstanceId: []*string{&instance},
	})
	m.must(err)
	id := *ran.Body.InvokeId
	m.result(ran.Body.InvokeId)
	dir := filepath.Join(bucket.Root, "records", "audit", "invocationResults", id)
	var raw []byte
	m.until("the record is in the bucket", func() bool {
		raw, err = os.ReadFile(filepath.Join(dir, instance, "1.json"))
		return err == nil && len(raw) > 0
	})
	var record struct {
		InvokeId, Output, InvocationStatus string //nolint:revive // as it is spelled
		Repeats, ExitCode                  int
	}
	m.must(json.Unmarshal(raw, &record))
	if record.InvokeId != id || record.Output != "done\n" || record.InvocationStatus != "Success" || record.Repeats != 1 {
		t.Errorf("%s", raw)
	}
	if script, err := os.ReadFile(filepath.Join(dir, "commandContent.sh")); err != nil || string(script) != "make it so" {
		t.Errorf("%q, %v", script, err)
	}
	m.until("the record is in the other logstore", func() bool {
		var rows []map[string]string
		m.JSON(t, testenv.Call{Project: "audit", Target: "/logstores/ca-records?type=log&from=0&to=4000000000&line=100&query=InvokeId%3A" + id}, &rows)
		return len(rows) == 1 && rows[0]["Output"] == "done\n"
	})
}
