package sdk

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
	sls "github.com/aliyun/aliyun-log-go-sdk"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"google.golang.org/protobuf/proto"

	configuration "github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/test/ossserver"
)

// yard is a server of its own whose operator has a key of OSS, the double of OSS, and a reader of it: the official SDK of OSS.
type yard struct {
	*testenv.Env
	t       *testing.T
	sls     sls.ClientInterface
	store   *ossserver.Server
	reader  *oss.Client
	project string
}

const (
	shipBucket = "shipped"
	shipLogs   = "web"
)

func newYard(t *testing.T, change ...func(*configuration.Config)) *yard {
	t.Helper()
	y := &yard{t: t, store: ossserver.New(shipBucket), project: "ships"}
	server := httptest.NewServer(y.store)
	t.Cleanup(server.Close)
	y.Env = testenv.Start(t, append(change, func(c *configuration.Config) {
		c.Delivery.AllowNetworks = "127.0.0.0/8"
		c.Delivery.OSSAccessKeyID, c.Delivery.OSSAccessKeySecret = configuration.Secret(y.store.ID), configuration.Secret(y.store.Secret)
		c.Delivery.OSSEndpoint = server.URL
	})...)
	y.sls = sls.CreateNormalInterface(y.Endpoint(), testenv.RootID, testenv.RootSecret, "")
	y.sls.SetHTTPClient(y.Client())
	y.reader = oss.NewClient(oss.LoadDefaultConfig().WithRegion(y.store.Region).WithEndpoint(server.URL).WithUsePathStyle(true).
		WithCredentialsProvider(credentials.NewStaticCredentialsProvider(y.store.ID, y.store.Secret)))
	if _, err := y.sls.CreateProject(y.project, "of a test"); err != nil {
		t.Fatal(err)
	}
	if err := y.sls.CreateLogStore(y.project, shipLogs, 7, 1, false, 0); err != nil {
		t.Fatal(err)
	}
	return y
}

// shippedLogs is how many logs put writes.
const shippedLogs = 3

func (y *yard) put() {
	y.t.Helper()
	g := &sls.LogGroup{
		Topic: proto.String("access"), Source: proto.String("10.0.0.1"), LogTags: []*sls.LogTag{{Key: proto.String("rack"), Value: proto.String("7")}},
	}
	for i := range shippedLogs {
		g.Logs = append(g.Logs, &sls.Log{Time: proto.Uint32(uint32(time.Now().Unix())), Contents: []*sls.LogContent{
			{Key: proto.String("n"), Value: proto.String(strconv.Itoa(i))},
			{Key: proto.String("text"), Value: proto.String(`a "quoted", comma, 日志`)},
		}})
	}
	if err := y.sls.PutLogs(y.project, shipLogs, g); err != nil {
		y.t.Fatal(err)
	}
}

// seal splits the shard that is open: what was written is all there will be, so that no shipper waits for more.
func (y *yard) seal() {
	y.t.Helper()
	shards, err := y.sls.ListShards(y.project, shipLogs)
	if err != nil {
		y.t.Fatal(err)
	}
	for _, shard := range shards {
		if shard.Status == "readwrite" {
			if _, err := y.sls.SplitShard(y.project, shipLogs, shard.ShardID, ""); err != nil {
				y.t.Fatal(err)
			}
			return
		}
	}
	y.t.Fatal("there is no shard to write to")
}

// eventually waits until fact is true.
func (y *yard) eventually(what string, fact func() bool) {
	y.t.Helper()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !fact() {
		select {
		case <-tick.C:
		case <-deadline.C:
			y.t.Fatalf("never: %s", what)
		}
	}
}

// object waits for the one object below a prefix, and reads it with the SDK.
func (y *yard) object(prefix string) (name string, body []byte) {
	y.t.Helper()
	y.eventually("an object below "+prefix, func() bool {
		list, err := y.reader.ListObjectsV2(y.t.Context(), &oss.ListObjectsV2Request{Bucket: oss.Ptr(shipBucket), Prefix: oss.Ptr(prefix)})
		if err != nil {
			y.t.Fatal(err)
		}
		names := slices.DeleteFunc(list.Contents, func(o oss.ObjectProperties) bool { return strings.HasSuffix(*o.Key, "sluice-check.txt") })
		if len(names) > 1 {
			y.t.Fatalf("%d objects are below %s, not one", len(names), prefix)
		}
		if len(names) == 1 {
			name = *names[0].Key
		}
		return name != ""
	})
	o, err := y.reader.GetObject(y.t.Context(), &oss.GetObjectRequest{Bucket: oss.Ptr(shipBucket), Key: oss.Ptr(name)})
	if err != nil {
		y.t.Fatal(err)
	}
	defer o.Body.Close()
	if body, err = io.ReadAll(o.Body); err != nil {
		y.t.Fatal(err)
	}
	return name, body
}

// unpack decompresses an object, by decoders that the server does not choose.
func unpack(compression string, body []byte) ([]byte, error) {
	switch compression {
	case "none":
		return body, nil
	case "snappy":
		return s2.Decode(nil, body)
	case "gzip":
		r, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	case "zstd":
		r, err := zstd.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(r)
	}
	return nil, errors.New("what is " + compression + "?")
}

// shipForm is a format, how clients of shippers and of exports ask for it, and what is to be in an object.
type shipForm struct {
	format  string
	storage any // of a shipper
	detail  any // of an export
	endings map[string]string
	check   func(text []byte, exported bool) error
}

var shipForms = []shipForm{
	{
		format: "json", storage: sls.OssStorageJsonDetail{EnableTag: true}, detail: sls.JsonContentDetail{EnableTag: true},
		endings: map[string]string{"none": "", "snappy": ".snappy", "gzip": ".gz", "zstd": ".zst"}, check: checkJSON,
	},
	{
		format: "csv",
		storage: sls.OssStoreageCsvDetail{
			Delimiter: ",", Quote: `"`, LineFeed: "\n", NullIdentifier: "-", Header: true, Columns: []string{"n", "text", "none", "__topic__"},
		},
		detail: sls.CsvContentDetail{
			ColumnNames: []string{"n", "text", "none", "__topic__"}, Delimiter: ",", Quote: `"`, Escape: `"`, Null: "-", Header: true, LineFeed: "\n",
		},
		endings: map[string]string{"none": ".csv", "snappy": ".snappy.csv", "gzip": ".gz.csv", "zstd": ".zst.csv"}, check: checkCSV,
	},
	{
		format: "parquet", storage: sls.OssStoreageParquet{Columns: []sls.ParquetConfig{{Name: "n", Type: "int64"}, {Name: "text", Type: "string"}}},
		detail:  sls.ParquetContentDetail{Columns: []sls.Column{{Name: "n", Type: "int64"}, {Name: "text", Type: "string"}}},
		endings: map[string]string{"none": ".parquet", "snappy": ".snappy.parquet", "gzip": ".gz.parquet", "zstd": ".zst.parquet"}, check: checkParquet,
	},
}

const shipText = `a "quoted", comma, 日志`

func checkJSON(text []byte, exported bool) error {
	lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	if len(lines) != shippedLogs {
		return fmt.Errorf("%d lines", len(lines))
	}
	for i, line := range lines {
		var log map[string]any
		if err := json.Unmarshal(line, &log); err != nil {
			return err
		}
		_, text := log["__time__"].(string)
		if log["n"] != strconv.Itoa(i) || log["text"] != shipText || log["__topic__"] != "access" || log["__source__"] != "10.0.0.1" ||
			log["__tag__:rack"] != "7" || text != exported {
			return fmt.Errorf("line %d: %s", i, line)
		}
	}
	return nil
}

func checkCSV(text []byte, _ bool) error {
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		return err
	}
	if len(rows) != 1+shippedLogs || !slices.Equal(rows[0], []string{"n", "text", "none", "__topic__"}) {
		return fmt.Errorf("rows %q", rows)
	}
	for i, row := range rows[1:] {
		if !slices.Equal(row, []string{strconv.Itoa(i), shipText, "-", "access"}) {
			return fmt.Errorf("row %d: %q", i, row)
		}
	}
	return nil
}

func checkParquet(text []byte, _ bool) error {
	type row struct {
		N    *int64  `parquet:"n,optional"`
		Text *string `parquet:"text,optional"`
	}
	rows, err := parquet.Read[row](bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return err
	}
	if len(rows) != shippedLogs {
		return fmt.Errorf("%d rows", len(rows))
	}
	for i, r := range rows {
		if r.N == nil || *r.N != int64(i) || r.Text == nil || *r.Text != shipText {
			return fmt.Errorf("row %d: %+v", i, r)
		}
	}
	return nil
}

// check compares an object with what it is to be: its name has the date in the zone of the task, and ends as the format and the compression say.
func (y *yard) check(f *shipForm, compression, directory string, exported bool) {
	y.t.Helper()
	name, body := y.object(directory + "/")
	pattern := "^" + directory + `/20\d\d/[01]\d/[0-3]\d/[0-2]\d/[0-5]\d_[0-9]{19}_[0-9a-f]{16}` + regexp.QuoteMeta(f.endings[compression]) + "$"
	if !regexp.MustCompile(pattern).MatchString(name) {
		y.t.Errorf("the object is called %s, and not like %s", name, pattern)
	}
	text := body
	if f.format != "parquet" { // whose columns are compressed
		var err error
		if text, err = unpack(compression, body); err != nil {
			y.t.Errorf("%s: %v", name, err)
			return
		}
	}
	if err := f.check(text, exported); err != nil {
		y.t.Errorf("%s: %v", name, err)
	}
}

var shipCompressions = []string{"none", "snappy", "gzip", "zstd"}

// Shippers in every format and compression ship what was written, and the objects can be read with other people's tools.
func TestShippersShip(t *testing.T) {
	y := newYard(t)
	store, err := y.sls.GetLogStore(y.project, shipLogs)
	if err != nil {
		t.Fatal(err)
	}
	for i := range shipForms {
		f := &shipForms[i]
		for _, compression := range shipCompressions {
			config := &sls.OSSShipperConfig{
				OssBucket: shipBucket, OssPrefix: "shipper/" + f.format + "/" + compression, RoleArn: "acs:ram::1:role/r", BufferInterval: 300, BufferSize: 5,
				CompressType: compression, PathFormat: "%Y/%m/%d/%H/%M", Format: f.format, Storage: sls.ShipperStorage{Format: f.format, Detail: f.storage},
			}
			name := f.format + "-" + compression
			if err := store.CreateShipper(&sls.Shipper{ShipperName: name, TargetType: sls.OSSShipperType, TargetConfiguration: config}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	y.put()
	y.seal()
	for i := range shipForms {
		for _, compression := range shipCompressions {
			y.check(&shipForms[i], compression, "shipper/"+shipForms[i].format+"/"+compression, false)
		}
	}
	y.eventually("the task of a shipper is listed as done", func() bool {
		list := y.tasks("json-gzip", "success")
		return list.Count == 1 && list.Tasks[0].Lines == shippedLogs && list.Statistics.Success == 1
	})
}

// Export jobs, the same: from the beginning of a logstore that is sealed.
func TestExportsShip(t *testing.T) {
	y := newYard(t)
	y.put()
	y.seal()
	for i := range shipForms {
		f := &shipForms[i]
		for _, compression := range shipCompressions {
			name := f.format + "-" + compression
			if err := y.sls.CreateExport(y.project, &sls.Export{
				ScheduledJob: sls.ScheduledJob{
					BaseJob: sls.BaseJob{Name: name, DisplayName: name, Type: sls.EXPORT_JOB}, Schedule: &sls.Schedule{Type: "Resident"},
				},
				ExportConfiguration: &sls.ExportConfiguration{
					FromTime: 1, LogStore: shipLogs, Parameters: map[string]string{}, RoleArn: "acs:ram::1:role/r", Version: sls.ExportVersion2,
					DataSink: &sls.AliyunOSSSink{
						Type: sls.DataSinkOSS, RoleArn: "acs:ram::1:role/r", Bucket: shipBucket, Prefix: "export/" + f.format + "/" + compression,
						PathFormat: "%Y/%m/%d/%H/%M", PathFormatType: "time", BufferSize: 5, BufferInterval: 300, TimeZone: "+0800",
						ContentType: sls.OSSContentType(f.format), CompressionType: sls.OSSCompressionType(compression), ContentDetail: f.detail,
					},
				},
			}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	for i := range shipForms {
		for _, compression := range shipCompressions {
			y.check(&shipForms[i], compression, "export/"+shipForms[i].format+"/"+compression, true)
		}
	}
}

// taskList is an answer to GetShipperTasks, which the Go SDK does not ask.
type taskList struct {
	Count, Total int
	Statistics   struct{ Running, Success, Fail int }
	Tasks        []struct {
		ID      string
		Status  string `json:"taskStatus"`
		Message string `json:"taskMessage"`
		Lines   int    `json:"taskDataLines"`
	}
}

func (y *yard) tasks(shipper, status string) (list taskList) {
	y.t.Helper()
	q := url.Values{"from": {strconv.FormatInt(time.Now().Add(-time.Hour).Unix(), 10)}, "to": {strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10)}, "status": {status}}
	y.JSON(y.t, testenv.Call{Method: "GET", Project: y.project, Target: "/logstores/" + shipLogs + "/shipper/" + shipper + "/tasks?" + q.Encode()}, &list)
	return list
}

// A task of a shipper that fails is listed with its reason, and a retry ships it at once.
func TestShipperTasksAreTriedAgain(t *testing.T) {
	y := newYard(t)
	store, err := y.sls.GetLogStore(y.project, shipLogs)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.CreateShipper(&sls.Shipper{ShipperName: "s", TargetType: sls.OSSShipperType, TargetConfiguration: &sls.OSSShipperConfig{
		OssBucket: shipBucket, OssPrefix: "again", BufferInterval: 300, BufferSize: 5, CompressType: "none", PathFormat: "%Y/%m/%d/%H/%M", Format: "json",
		Storage: sls.ShipperStorage{Format: "json", Detail: sls.OssStorageJsonDetail{EnableTag: true}},
	}}); err != nil {
		t.Fatal(err)
	}
	y.store.Answer("403 AccessDenied")
	y.put()
	y.seal()
	var failed taskList
	y.eventually("a task is listed as failed", func() bool {
		failed = y.tasks("s", "fail")
		return failed.Count == 1 && failed.Statistics.Fail == 1
	})
	if task := failed.Tasks[0]; !strings.Contains(task.Message, "permissions") || task.Lines != shippedLogs {
		t.Errorf("the failed task is %+v", task)
	}
	y.store.Answer("")
	body, err := json.Marshal([]string{failed.Tasks[0].ID})
	if err != nil {
		t.Fatal(err)
	}
	y.OK(t, testenv.Call{Method: "PUT", Project: y.project, Target: "/logstores/" + shipLogs + "/shipper/s/tasks", Body: body})
	y.check(&shipForms[0], "none", "again", false)
	y.eventually("it is listed as done", func() bool { return y.tasks("s", "success").Count == 1 && y.tasks("s", "fail").Count == 0 })
}

// The operator's key is for the projects and buckets that he lists.
func TestShippersOfProjectsThatAreNotListed(t *testing.T) {
	y := newYard(t, func(c *configuration.Config) { c.Delivery.OSSBuckets = "ships:shipped,other:*" })
	store, err := y.sls.GetLogStore(y.project, shipLogs)
	if err != nil {
		t.Fatal(err)
	}
	shipper := func(name, bucket string) *sls.Shipper {
		return &sls.Shipper{ShipperName: name, TargetType: sls.OSSShipperType, TargetConfiguration: &sls.OSSShipperConfig{
			OssBucket: bucket, BufferInterval: 300, BufferSize: 5, CompressType: "none", Format: "json",
			Storage: sls.ShipperStorage{Format: "json", Detail: sls.OssStorageJsonDetail{}},
		}}
	}
	if err := store.CreateShipper(shipper("mine", shipBucket)); err != nil {
		t.Errorf("the bucket of the project: %v", err)
	}
	wantCode(t, "the bucket of others", store.CreateShipper(shipper("theirs", "secret-bucket")), "Unauthorized")
	wantCode(t, "to the bucket of others, later", store.UpdateShipper(shipper("mine", "secret-bucket")), "Unauthorized")
	got, err := store.GetShipper("mine")
	if err != nil || got.TargetConfiguration.(*sls.OSSShipperConfig).OssBucket != shipBucket {
		t.Errorf("after the change that was refused: %+v, %v", got, err)
	}
}
