package rpc

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	ecs "github.com/alibabacloud-go/ecs-20140526/v4/client"
	"github.com/alibabacloud-go/tea/tea"

	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/assistant/agenttest"
	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/test/ossserver"
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

// The settings send records to a bucket of OSS, by the credentials of the operator, encrypted as they say.
func TestRecordsGoToOSS(t *testing.T) {
	store := ossserver.New("records")
	server := httptest.NewServer(store)
	t.Cleanup(server.Close)
	m := startMachines(t, nil, func(c *config.Config) {
		c.Delivery.AllowNetworks, c.Delivery.OSSRegion = "127.0.0.0/8", store.Region
		c.Delivery.OSSEndpoint = server.URL
		c.Delivery.OSSAccessKeyID, c.Delivery.OSSAccessKeySecret = config.Secret(store.ID), config.Secret(store.Secret)
	})
	_, err := m.call("2014-05-26", "ModifyCloudAssistantSettings", map[string]string{ // as older clients flatten it
		"SettingType": "InvocationDelivery", "OssDeliveryConfig.Enabled": "true", "OssDeliveryConfig.BucketName": "records", "OssDeliveryConfig.Prefix": "audit/ca",
		"OssDeliveryConfig.EncryptionType": "OssManaged", "OssDeliveryConfig.EncryptionAlgorithm": "SM4",
	})
	m.must(err)
	instance, _ := m.agent("web-1", func(*agentproto.Task) agenttest.Outcome { return agenttest.Outcome{} })
	sent, err := m.c.SendFile(&ecs.SendFileRequest{
		RegionId: region, Name: tea.String("f"), Content: tea.String("hello"), TargetDir: tea.String("/tmp"), InstanceId: []*string{&instance},
	})
	m.must(err)
	dir := "audit/ca/sendFileResults/" + *sent.Body.InvokeId
	m.until("the record is in the bucket", func() bool { return store.Objects("records")[dir+"/"+instance+"/1.json"].Body != nil })
	content := store.Objects("records")[dir+"/fileContent.txt"]
	if string(content.Body) != "hello" || content.Encryption != "SM4" {
		t.Errorf("content: %q, encrypted with %q", content.Body, content.Encryption)
	}
	_, err = m.call("2014-05-26", "ModifyCloudAssistantSettings", map[string]string{"SettingType": "InvocationDelivery", "OssDeliveryConfig": `{"Enabled":false}`})
	m.must(err)
	if a := m.Do(t, testenv.Call{Project: "sluice-assistant", Target: "/sluice/v1/deliveries/records-to-bucket"}); a.Status != 404 {
		t.Errorf("the task of a delivery that was ended: %d %s", a.Status, a.Body)
	}
}
