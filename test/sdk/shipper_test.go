package sdk

import (
	"encoding/json"
	"strings"
	"testing"

	sls "github.com/aliyun/aliyun-log-go-sdk"
)

// Shippers live and die, and come back as they were sent.
func TestShippers(t *testing.T) {
	c := root()
	project, name := newLogstore(t, c, 1)
	store, err := c.GetLogStore(project, name)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []struct {
		name    string
		storage sls.ShipperStorage
	}{
		{"json", sls.ShipperStorage{Format: "json", Detail: sls.OssStorageJsonDetail{EnableTag: true}}},
		{"csv", sls.ShipperStorage{Format: "csv", Detail: sls.OssStoreageCsvDetail{
			Delimiter: ",", Quote: `"`, LineFeed: "\n", NullIdentifier: "-", Header: true, Columns: []string{"a", "__time__"},
		}}},
		{"parquet", sls.ShipperStorage{Format: "parquet", Detail: sls.OssStoreageParquet{Columns: []sls.ParquetConfig{{Name: "a", Type: "string"}, {Name: "n", Type: "int64"}}}}},
	} {
		config := &sls.OSSShipperConfig{
			OssBucket: "bucket-1", OssPrefix: "dir/" + f.name, RoleArn: "acs:ram::1:role/aliyunlogdefaultrole", BufferInterval: 300, BufferSize: 64,
			CompressType: "snappy", PathFormat: "%Y/%m/%d/%H/%M", Format: f.name, Storage: f.storage,
		}
		shipper := &sls.Shipper{ShipperName: f.name, TargetType: sls.OSSShipperType, TargetConfiguration: config}
		if err := store.CreateShipper(shipper); err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		wantCode(t, "create again", store.CreateShipper(shipper), "ShipperAlreadyExist")
		got, err := store.GetShipper(f.name)
		if err != nil {
			t.Fatal(err)
		}
		back := got.TargetConfiguration.(*sls.OSSShipperConfig)
		sent, _ := json.Marshal(f.storage.Detail)
		told, _ := json.Marshal(back.Storage.Detail)
		var want, have map[string]any
		_, _ = json.Unmarshal(sent, &want), json.Unmarshal(told, &have)
		for key, v := range want {
			a, _ := json.Marshal(v)
			b, _ := json.Marshal(have[key])
			if string(a) != string(b) {
				t.Errorf("%s: %s comes back as %s, want %s", f.name, key, b, a)
			}
		}
		if back.OssBucket != "bucket-1" || back.BufferSize != 64 || back.CompressType != "snappy" || back.RoleArn != config.RoleArn {
			t.Errorf("%s: %+v", f.name, back)
		}
		config.BufferInterval = 600
		if err := store.UpdateShipper(shipper); err != nil {
			t.Errorf("update %s: %v", f.name, err)
		}
	}
	names, err := store.ListShipper()
	if err != nil || len(names) != 3 {
		t.Errorf("list: %q, %v", names, err)
	}
	for _, n := range names {
		if err := store.DeleteShipper(n); err != nil {
			t.Error(err)
		}
	}
	_, err = store.GetShipper("json")
	wantCode(t, "a shipper that is gone", err, "ShipperNotExist")
	bad := &sls.Shipper{ShipperName: "bad", TargetType: sls.OSSShipperType, TargetConfiguration: &sls.OSSShipperConfig{OssBucket: "bucket-1", BufferInterval: 10}}
	wantCode(t, "an interval too short", store.CreateShipper(bad), "ParameterInvalid")
}

// Export jobs: the SDK panics on an answer that lacks what it wants.
func TestExports(t *testing.T) {
	c := root()
	project, logstore := newLogstore(t, c, 1)
	export := func(name string, sink sls.DataSink) *sls.Export {
		return &sls.Export{
			ScheduledJob: sls.ScheduledJob{
				BaseJob:  sls.BaseJob{Name: name, DisplayName: "shown " + name, Description: "d", Type: sls.EXPORT_JOB},
				Schedule: &sls.Schedule{Type: "Resident"},
			},
			ExportConfiguration: &sls.ExportConfiguration{
				FromTime: 1, LogStore: logstore, Parameters: map[string]string{}, RoleArn: "acs:ram::1:role/r", Version: sls.ExportVersion2, DataSink: sink,
			},
		}
	}
	oss := &sls.AliyunOSSSink{
		Type: sls.DataSinkOSS, RoleArn: "acs:ram::1:role/r", Bucket: "bucket-1", Prefix: "p", PathFormat: "%Y/%m/%d", PathFormatType: "time",
		BufferSize: 256, BufferInterval: 300, TimeZone: "+0800", ContentType: sls.OSSContentDetailTypeJSON,
		CompressionType: sls.OSSCompressionTypeZstd, ContentDetail: sls.JsonContentDetail{EnableTag: true},
	}
	if err := c.CreateExport(project, export("e1", oss)); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "create again", c.CreateExport(project, export("e1", oss)), "JobAlreadyExist")
	got, err := c.GetExport(project, "e1")
	if err != nil {
		t.Fatal(err)
	}
	sink := got.ExportConfiguration.DataSink.(*sls.AliyunOSSSink)
	if got.Name != "e1" || got.DisplayName != "shown e1" || got.Status != "RUNNING" || sink.Bucket != "bucket-1" || sink.CompressionType != "zstd" {
		t.Errorf("export: %+v, sink %+v", got, sink)
	}
	general := &sls.AliyunGeneralSink{Type: sls.DataSinkGENERAL, Fields: map[string]any{
		"type": "http", "url": "https://logs.example/in", "headers": map[string]string{"Authorization": "hunter2"},
	}}
	if err := c.CreateExport(project, export("e2", general)); err != nil {
		t.Fatal(err)
	}
	got, err = c.GetExport(project, "e2")
	if err != nil {
		t.Fatal(err)
	}
	fields, _ := json.Marshal(got.ExportConfiguration.DataSink.(*sls.AliyunGeneralSink).Fields)
	if text := string(fields); !strings.Contains(text, "https://logs.example/in") || strings.Contains(text, "hunter2") {
		t.Errorf("general sink: %s", text)
	}
	all, total, count, err := c.ListExport(project, logstore, "", "", 0, 10)
	if err != nil || total != 2 || count != 2 || len(all) != 2 {
		t.Errorf("list: %d of %d, %d, %v", count, total, len(all), err)
	}
	if err := c.RestartExport(project, export("e1", oss)); err != nil {
		t.Error(err)
	}
	if err := c.UpdateExport(project, export("e1", oss)); err != nil {
		t.Error(err)
	}
	odps := &sls.AliyunODPSSink{Type: sls.DataSinkODPS}
	wantCode(t, "MaxCompute", c.CreateExport(project, export("e3", odps)), "NotSupported")
	for _, name := range []string{"e1", "e2"} {
		if err := c.DeleteExport(project, name); err != nil {
			t.Error(err)
		}
	}
}
