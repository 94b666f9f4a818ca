// Package sdk makes the calls that the Terraform provider makes with the Go SDK, unmodified, against the sluiced that test/compat has started. It
// also pins the SDK's packages, whose own tests test/compat runs.
package sdk

import (
	"errors"
	"fmt"
	"os"
	"testing"

	sls "github.com/aliyun/aliyun-log-go-sdk"
	_ "github.com/aliyun/aliyun-log-go-sdk/consumer" // its own tests run
	_ "github.com/aliyun/aliyun-log-go-sdk/producer" // its own tests run

	"github.com/sluicelog/sluice/test/compat/golang/observe"
)

const project = "terraform-sdk"

func TestMain(m *testing.M) {
	os.Setenv("HTTP_PROXY", "http://"+observe.Addr) // the names of projects lead nowhere
	os.Exit(m.Run())
}

// What the provider still does with the SDK: machine groups, Logtail configurations and their application, resources and their records.
func TestTerraform(t *testing.T) {
	c := sls.CreateNormalInterface("http://"+observe.Domain, observe.KeyID, observe.Secret, "")
	if _, err := c.CreateProject(project, ""); err != nil {
		t.Fatal(err)
	}
	defer c.DeleteProject(project)
	if err := c.CreateLogStore(project, "store", 7, 1, false, 0); err != nil {
		t.Fatal(err)
	}
	provider := observe.Client{
		Name: "Terraform provider alicloud (its calls)", Version: "Go SDK " + observe.Version(t, "github.com/aliyun/aliyun-log-go-sdk"),
		Code: func(err error) string {
			failure := new(sls.Error)
			if !errors.As(err, &failure) {
				return ""
			}
			return failure.Code
		},
	}
	machines(t, provider, c)
	records(t, provider, c)
}

func machines(t *testing.T, o observe.Client, c sls.ClientInterface) {
	group := &sls.MachineGroup{Name: "terraform", MachineIDType: "ip", MachineIDList: []string{"10.0.0.1"}, Attribute: sls.MachinGroupAttribute{TopicName: "t"}}
	config := &sls.LogConfig{
		Name: "terraform", InputType: "file", OutputType: "LogService", OutputDetail: sls.OutputDetail{ProjectName: project, LogStoreName: "store"},
		InputDetail: map[string]any{"logType": "json_log", "logPath": "/var/log", "filePattern": "*.json", "topicFormat": "none", "localStorage": true},
	}
	if !o.Operation(t, "alicloud_log_machine_group create", func() error { return c.CreateMachineGroup(project, group) }) ||
		!o.Operation(t, "alicloud_logtail_config create", func() error { return c.CreateConfig(project, config) }) {
		return
	}
	o.Operation(t, "alicloud_log_machine_group read", func() error {
		got, err := c.GetMachineGroup(project, "terraform")
		return observe.Is(err, func() string { return fmt.Sprint(got.MachineIDType, got.MachineIDList, got.Attribute.TopicName) }, "ip[10.0.0.1]t")
	})
	o.Operation(t, "alicloud_log_machine_group update", func() error {
		group.MachineIDList = []string{"10.0.0.2"}
		return c.UpdateMachineGroup(project, group)
	})
	o.Operation(t, "alicloud_logtail_config read", func() error {
		got, err := c.GetConfig(project, "terraform")
		return observe.Is(err, func() string { return got.OutputDetail.LogStoreName }, "store")
	})
	o.Operation(t, "alicloud_logtail_config update", func() error { return c.UpdateConfig(project, config) })
	o.Operation(t, "alicloud_logtail_attachment create", func() error { return c.ApplyConfigToMachineGroup(project, "terraform", "terraform") })
	o.Operation(t, "alicloud_logtail_attachment read", func() error {
		got, err := c.GetAppliedMachineGroups(project, "terraform")
		return observe.Is(err, func() string { return fmt.Sprint(got) }, "[terraform]")
	})
	o.Operation(t, "alicloud_logtail_attachment delete", func() error { return c.RemoveConfigFromMachineGroup(project, "terraform", "terraform") })
	o.Operation(t, "alicloud_logtail_config delete", func() error { return c.DeleteConfig(project, "terraform") })
	o.Operation(t, "alicloud_log_machine_group delete", func() error { return c.DeleteMachineGroup(project, "terraform") })
}

func records(t *testing.T, o observe.Client, c sls.ClientInterface) {
	resource := &sls.Resource{Name: "tf.users", Type: "userdefine", Description: "users", Schema: `{"schema":[]}`}
	record := &sls.ResourceRecord{Id: "ada", Tag: "ops", Value: `{"name":"Ada"}`}
	if !o.Operation(t, "alicloud_log_resource create", func() error { return c.CreateResource(resource) }) {
		return
	}
	o.Operation(t, "alicloud_log_resource read", func() error {
		got, err := c.GetResource(resource.Name)
		return observe.Is(err, func() string { return got.Description }, "users")
	})
	o.Operation(t, "alicloud_log_resource update", func() error { return c.UpdateResource(resource) })
	o.Operation(t, "alicloud_log_resource_record create", func() error { return c.CreateResourceRecord(resource.Name, record) })
	o.Operation(t, "alicloud_log_resource_record read", func() error {
		got, err := c.GetResourceRecord(resource.Name, "ada")
		return observe.Is(err, func() string { return got.Tag }, "ops")
	})
	o.Operation(t, "alicloud_log_resource_record update", func() error { return c.UpdateResourceRecord(resource.Name, record) })
	o.Operation(t, "alicloud_log_resource_record delete", func() error { return c.DeleteResourceRecord(resource.Name, "ada") })
	o.Operation(t, "alicloud_log_resource delete", func() error { return c.DeleteResource(resource.Name) })
}
