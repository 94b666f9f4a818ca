// Package sdk makes the calls that the Terraform provider makes with the Go SDK, unmodified, against the sluiced that test/compat has started. It
// also pins the SDK's packages, whose own tests test/compat runs.
package sdk

import (
	"errors"
	"fmt"
	"os"
	"slices"
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

// What the provider still does with the SDK: machine groups, Logtail configurations and their application, resources and their records, ingestions,
// exports to OSS of both kinds, alerts of the first version, and lists of projects and of logstores.
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
	ingestion(t, provider, c)
	export(t, provider, c)
	shipper(t, provider)
	alerts(t, provider, c)
	lists(t, provider, c)
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

func ingestion(t *testing.T, o observe.Client, c sls.ClientInterface) {
	job := &sls.Ingestion{
		ScheduledJob: sls.ScheduledJob{
			BaseJob:  sls.BaseJob{Name: "tf-ingestion", DisplayName: "first", Type: sls.INGESTION_JOB},
			Schedule: &sls.Schedule{Type: "FixedRate", Interval: "5m", RunImmediately: true, TimeZone: "+0800"},
		},
		IngestionConfiguration: &sls.IngestionConfiguration{LogStore: "store", DataSource: map[string]any{
			"type": "AliyunOSS", "bucket": "bucket", "endpoint": "oss.sls.test", "roleARN": "acs:ram::1:role/r", "prefix": "p", "encoding": "UTF-8",
			"format": map[string]any{"type": "Line", "timeZone": "+0800"},
		}},
	}
	if !o.Operation(t, "alicloud_log_ingestion create", func() error { return c.CreateIngestion(project, job) }) {
		return
	}
	state := func() (string, error) {
		got, err := c.GetIngestion(project, job.Name)
		if err != nil {
			return "", err
		}
		source, _ := got.IngestionConfiguration.DataSource.(map[string]any)
		return fmt.Sprint(got.DisplayName, got.Status, got.Schedule.Interval, got.Schedule.RunImmediately, got.IngestionConfiguration.LogStore, source["prefix"]), nil
	}
	o.Operation(t, "alicloud_log_ingestion read", func() error {
		got, err := state()
		return observe.Is(err, func() string { return got }, "firstENABLED5mtruestorep")
	})
	o.Operation(t, "alicloud_log_ingestion update", func() error {
		job.DisplayName = "second"
		if err := c.UpdateIngestion(project, job); err != nil {
			return err
		}
		got, err := state()
		return observe.Is(err, func() string { return got }, "secondENABLED5mtruestorep")
	})
	o.Operation(t, "alicloud_log_ingestion delete", func() error {
		if err := c.DeleteIngestion(project, job.Name); err != nil {
			return err
		}
		_, err := c.GetIngestion(project, job.Name)
		return gone(o, err, "JobNotExist")
	})
}

func export(t *testing.T, o observe.Client, c sls.ClientInterface) {
	sink := &sls.AliyunOSSSink{
		Type: sls.DataSinkOSS, Bucket: os.Getenv("SLUICE_TEST_OSS_BUCKET"), PathFormat: "%Y/%m/%d", PathFormatType: "time", BufferSize: 128, BufferInterval: 300,
		TimeZone: "+0800", RoleArn: "acs:ram::1:role/r", Prefix: "p", CompressionType: sls.OSSCompressionTypeGzip,
		ContentType: sls.OSSContentDetailTypeCSV, ContentDetail: sls.CsvContentDetail{Delimiter: ",", Header: true, LineFeed: "\n", ColumnNames: []string{"a", "b"}, Null: "-", Quote: "\""},
	}
	job := &sls.Export{
		ScheduledJob: sls.ScheduledJob{
			BaseJob:  sls.BaseJob{Name: "tf-export", DisplayName: "first", Type: sls.EXPORT_JOB},
			Schedule: &sls.Schedule{Type: "Resident"},
		},
		ExportConfiguration: &sls.ExportConfiguration{
			FromTime: 1, LogStore: "store", Parameters: map[string]string{}, RoleArn: "acs:ram::1:role/r", Version: sls.ExportVersion2, DataSink: sink,
		},
	}
	if !o.Operation(t, "alicloud_log_oss_export create", func() error { return c.CreateExport(project, job) }) {
		return
	}
	state := func() (string, error) {
		got, err := c.GetExport(project, job.Name)
		if err != nil {
			return "", err
		}
		to, ok := got.ExportConfiguration.DataSink.(*sls.AliyunOSSSink)
		if !ok {
			return "", fmt.Errorf("got a sink of type %T", got.ExportConfiguration.DataSink)
		}
		return fmt.Sprint(got.DisplayName, " ", to.Prefix, to.BufferSize, to.BufferInterval, to.CompressionType, to.ContentType, to.PathFormat), nil
	}
	o.Operation(t, "alicloud_log_oss_export read", func() error {
		got, err := state()
		return observe.Is(err, func() string { return got }, "first p128 300gzipcsv%Y/%m/%d")
	})
	o.Operation(t, "alicloud_log_oss_export update", func() error { // which the provider does by a restart
		job.DisplayName, sink.BufferSize = "second", 64
		if err := c.RestartExport(project, job); err != nil {
			return err
		}
		got, err := state()
		return observe.Is(err, func() string { return got }, "second p64 300gzipcsv%Y/%m/%d")
	})
	o.Operation(t, "alicloud_log_oss_export delete", func() error {
		if err := c.DeleteExport(project, job.Name); err != nil {
			return err
		}
		_, err := c.GetExport(project, job.Name)
		return gone(o, err, "JobNotExist")
	})
}

func shipper(t *testing.T, o observe.Client) {
	p, err := sls.NewLogProject(project, "http://"+observe.Domain, observe.KeyID, observe.Secret) //nolint:staticcheck // as the provider makes it
	if err != nil {
		t.Fatal(err)
	}
	store, err := sls.NewLogStore("store", p)
	if err != nil {
		t.Fatal(err)
	}
	target := &sls.OSSShipperConfig{
		OssBucket: os.Getenv("SLUICE_TEST_OSS_BUCKET"), OssPrefix: "root", RoleArn: "acs:ram::1:role/r", BufferInterval: 300, BufferSize: 32, CompressType: "snappy",
		PathFormat: "%Y/%m/%d", Storage: sls.ShipperStorage{Format: "json", Detail: sls.OssStorageJsonDetail{EnableTag: true}},
	}
	task := &sls.Shipper{ShipperName: "tf-shipper", TargetType: "oss", TargetConfiguration: target}
	if !o.Operation(t, "alicloud_log_oss_shipper create", func() error { return store.CreateShipper(task) }) {
		return
	}
	state := func() (string, error) {
		got, err := store.GetShipper(task.ShipperName)
		if err != nil {
			return "", err
		}
		to, ok := got.TargetConfiguration.(*sls.OSSShipperConfig)
		if !ok {
			return "", fmt.Errorf("got a target of type %T", got.TargetConfiguration)
		}
		detail, _ := to.Storage.Detail.(map[string]any)
		return fmt.Sprint(to.OssPrefix, " ", to.BufferSize, to.BufferInterval, to.CompressType, to.PathFormat, to.Storage.Format, detail["enableTag"]), nil
	}
	o.Operation(t, "alicloud_log_oss_shipper read", func() error {
		got, err := state()
		return observe.Is(err, func() string { return got }, "root 32 300snappy%Y/%m/%djsontrue")
	})
	o.Operation(t, "alicloud_log_oss_shipper update", func() error {
		target.BufferSize = 64
		if err := store.UpdateShipper(task); err != nil {
			return err
		}
		got, err := state()
		return observe.Is(err, func() string { return got }, "root 64 300snappy%Y/%m/%djsontrue")
	})
	o.Operation(t, "alicloud_log_oss_shipper delete", func() error {
		if err := store.DeleteShipper(task.ShipperName); err != nil {
			return err
		}
		_, err := store.GetShipper(task.ShipperName)
		return gone(o, err, "ShipperNotExist")
	})
}

func alerts(t *testing.T, o observe.Client, c sls.ClientInterface) {
	alert := &sls.Alert{
		Name: "tf-alert", DisplayName: "first", Description: "d", State: "Enabled", Schedule: &sls.Schedule{Type: "FixedRate", Interval: "60s"},
		Configuration: &sls.AlertConfiguration{
			Condition: "n > 1", Dashboard: "tf-dashboard", MuteUntil: 1, Throttling: "60s", NotifyThreshold: 1,
			QueryList:        []*sls.AlertQuery{{ChartTitle: "chart", LogStore: "store", Query: "* | select count(1) as n", Start: "-60s", End: "20s", TimeSpanType: "Custom"}},
			NotificationList: []*sls.Notification{{Type: "Email", EmailList: []string{"a@b.example"}, Content: "c"}, {Type: "DingTalk", ServiceUri: "https://h.example/", Content: "c"}},
		},
	}
	dashboard := func() error { // which has to be there before the alert; whether it was, the provider knows by the message
		err := c.CreateDashboard(project, sls.Dashboard{DashboardName: alert.Configuration.Dashboard, ChartList: []sls.Chart{}})
		var failure *sls.Error
		if errors.As(err, &failure) && failure.Message == "specified dashboard already exists" {
			return nil
		}
		return err
	}
	state := func() (string, error) {
		got, err := c.GetAlert(project, alert.Name)
		if err != nil {
			return "", err
		}
		configuration, query, notices := got.Configuration, got.Configuration.QueryList[0], got.Configuration.NotificationList
		return fmt.Sprint(got.DisplayName, got.Schedule.Interval, " ", configuration.Condition, configuration.Dashboard, configuration.Throttling, configuration.NotifyThreshold, " ",
			query.ChartTitle, query.TimeSpanType, " ", notices[0].EmailList, notices[1].ServiceUri), nil
	}
	const rest = "60s n > 1tf-dashboard60s1 chartCustom [a@b.example]https://h.example/"
	if !o.Operation(t, "alicloud_log_alert create", func() error { return errors.Join(dashboard(), c.CreateAlert(project, alert)) }) {
		return
	}
	o.Operation(t, "alicloud_log_alert read", func() error {
		got, err := state()
		return observe.Is(err, func() string { return got }, "first"+rest)
	})
	o.Operation(t, "alicloud_log_alert update", func() error {
		alert.DisplayName = "second"
		if err := errors.Join(dashboard(), c.UpdateAlert(project, alert)); err != nil {
			return err
		}
		got, err := state()
		return observe.Is(err, func() string { return got }, "second"+rest)
	})
	o.Operation(t, "alicloud_log_alert delete", func() error {
		if err := c.DeleteAlert(project, alert.Name); err != nil {
			return err
		}
		_, err := c.GetAlert(project, alert.Name)
		return gone(o, err, "JobNotExist")
	})
}

// lists are the data sources of projects and of logstores.
func lists(t *testing.T, o observe.Client, c sls.ClientInterface) {
	o.Operation(t, "alicloud_log_projects read", func() error {
		names, err := c.ListProject()
		if err != nil {
			return err
		}
		if !slices.Contains(names, project) {
			return fmt.Errorf("%s is not in %q", project, names)
		}
		got, err := c.GetProject(project)
		if err != nil {
			return err
		}
		policy, err := c.GetProjectPolicy(project)
		return observe.Is(err, func() string { return got.Name + " " + got.Status + policy }, project+" Normal")
	})
	o.Operation(t, "alicloud_log_stores read", func() error {
		names, err := c.ListLogStore(project)
		return observe.Is(err, func() string { return fmt.Sprint(names) }, "[store]")
	})
}

// gone returns nil if an error is that what was deleted is not there.
func gone(o observe.Client, err error, code string) error {
	return observe.Is(nil, func() string { return o.Code(err) }, code)
}
