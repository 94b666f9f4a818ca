package openapi

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	sls "github.com/alibabacloud-go/sls-20201230/v6/client"
	"github.com/alibabacloud-go/tea/tea"

	"github.com/sluicelog/sluice/test/compat/golang/observe"
)

// The generated client, with both signatures that it knows: HMAC with SHA-256, and version 4.
func TestOpenAPI(t *testing.T) {
	o := observe.Client{
		Name: "OpenAPI client sls-20201230 (Go)", Version: observe.Version(t, "github.com/alibabacloud-go/sls-20201230/v6"), Code: codeOf,
	}
	for _, signature := range []string{"v1", "v4"} {
		t.Run(signature, func(t *testing.T) {
			c, err := sls.NewClient(configuration(signature))
			if err != nil {
				t.Fatal(err)
			}
			l := openAPI{Client: o, c: c, project: tea.String("openapi-" + signature), store: tea.String("store")}
			l.projects(t)
			defer l.c.DeleteProject(l.project)
			l.logstores(t)
			l.shards(t)
			l.consumerGroups(t)
			l.index(t)
			l.queries(t)
			l.exports(t)
			l.beside(t)
			l.Operation(t, "DeleteLogStore", func() error { _, err := c.DeleteLogStore(l.project, l.store); return err })
			l.Operation(t, "DeleteProject", func() error { _, err := c.DeleteProject(l.project); return err })
			_, err = c.GetProject(l.project)
			if codeOf(err) != "ProjectNotExist" {
				t.Errorf("a project that is gone: %v", err)
			}
		})
	}
}

type openAPI struct {
	observe.Client
	c              *sls.Client
	project, store *string
}

func (l openAPI) projects(t *testing.T) {
	l.Operation(t, "CreateProject", func() error {
		_, err := l.c.CreateProject(&sls.CreateProjectRequest{ProjectName: l.project, Description: tea.String("first")})
		return err
	})
	l.Operation(t, "GetProject", func() error {
		got, err := l.c.GetProject(l.project)
		return observe.Is(err, func() string { return *got.Body.Description }, "first")
	})
	l.Operation(t, "UpdateProject", func() error {
		if _, err := l.c.UpdateProject(l.project, &sls.UpdateProjectRequest{Description: tea.String("second")}); err != nil {
			return err
		}
		got, err := l.c.GetProject(l.project)
		return observe.Is(err, func() string { return *got.Body.Description }, "second")
	})
	l.Operation(t, "ListProject", func() error {
		got, err := l.c.ListProject(&sls.ListProjectRequest{ProjectName: l.project, Offset: tea.Int32(0), Size: tea.Int32(10)})
		return observe.Is(err, func() string { return words(*got.Body.Total, *got.Body.Projects[0].ProjectName) }, "1 "+*l.project)
	})
}

func (l openAPI) logstores(t *testing.T) {
	l.Operation(t, "CreateLogStore", func() error {
		_, err := l.c.CreateLogStore(l.project, &sls.CreateLogStoreRequest{
			LogstoreName: l.store, Ttl: tea.Int32(7), ShardCount: tea.Int32(2), EnableTracking: tea.Bool(true), AutoSplit: tea.Bool(false),
		})
		return err
	})
	l.Operation(t, "GetLogStore", func() error {
		got, err := l.c.GetLogStore(l.project, l.store)
		return observe.Is(err, func() string { return words(*got.Body.Ttl, *got.Body.ShardCount, *got.Body.EnableTracking) }, "7 2 true")
	})
	l.Operation(t, "UpdateLogStore", func() error {
		_, err := l.c.UpdateLogStore(l.project, l.store, &sls.UpdateLogStoreRequest{LogstoreName: l.store, Ttl: tea.Int32(9), ShardCount: tea.Int32(2)})
		if err != nil {
			return err
		}
		got, err := l.c.GetLogStore(l.project, l.store)
		return observe.Is(err, func() string { return words(*got.Body.Ttl) }, "9")
	})
	l.Operation(t, "ListLogStores", func() error {
		got, err := l.c.ListLogStores(l.project, &sls.ListLogStoresRequest{Offset: tea.Int32(0), Size: tea.Int32(10)})
		return observe.Is(err, func() string { return *got.Body.Logstores[0] }, *l.store)
	})
}

func (l openAPI) shards(t *testing.T) {
	l.Operation(t, "MergeShard", func() error {
		got, err := l.c.MergeShard(l.project, l.store, tea.String("0"))
		return observe.Is(err, func() string { return words(len(got.Body)) }, "3")
	})
	l.Operation(t, "SplitShard", func() error {
		got, err := l.c.SplitShard(l.project, l.store, tea.String("2"), &sls.SplitShardRequest{Key: tea.String("40000000000000000000000000000000")})
		return observe.Is(err, func() string { return words(len(got.Body)) }, "3")
	})
	l.Operation(t, "ListShards", func() error {
		got, err := l.c.ListShards(l.project, l.store)
		return observe.Is(err, func() string { return words(len(got.Body), *got.Body[4].Status) }, "5 readwrite")
	})
	var begin *string
	l.Operation(t, "GetCursor", func() error {
		got, err := l.c.GetCursor(l.project, l.store, tea.String("4"), &sls.GetCursorRequest{From: tea.String("begin")})
		if err == nil {
			begin = got.Body.Cursor
		}
		return err
	})
	l.Operation(t, "GetCursorTime", func() error {
		got, err := l.c.GetCursorTime(l.project, l.store, tea.String("4"), &sls.GetCursorTimeRequest{Cursor: begin})
		if err != nil {
			return err
		}
		received, err := strconv.ParseInt(*got.Body.CursorTime, 10, 64)
		return observe.Is(err, func() string { return words(time.Since(time.Unix(received, 0)).Abs() < time.Minute) }, "true")
	})
}

func (l openAPI) consumerGroups(t *testing.T) {
	group := tea.String("readers")
	l.Operation(t, "CreateConsumerGroup", func() error {
		_, err := l.c.CreateConsumerGroup(l.project, l.store, &sls.CreateConsumerGroupRequest{ConsumerGroup: group, Timeout: tea.Int32(60), Order: tea.Bool(false)})
		return err
	})
	l.Operation(t, "UpdateConsumerGroup", func() error {
		_, err := l.c.UpdateConsumerGroup(l.project, l.store, group, &sls.UpdateConsumerGroupRequest{Timeout: tea.Int32(30), Order: tea.Bool(true)})
		return err
	})
	l.Operation(t, "ListConsumerGroup", func() error {
		got, err := l.c.ListConsumerGroup(l.project, l.store)
		return observe.Is(err, func() string { return words(*got.Body[0].Name, *got.Body[0].Timeout, *got.Body[0].Order) }, "readers 30 true")
	})
	l.Operation(t, "ConsumerGroupHeartBeat", func() error {
		got, err := l.c.ConsumerGroupHeartBeat(l.project, l.store, group, &sls.ConsumerGroupHeartBeatRequest{Consumer: tea.String("a"), Body: []*int32{}})
		return observe.Is(err, func() string { return words(len(got.Body) > 0) }, "true")
	})
	l.Operation(t, "GetCheckPoint", func() error {
		got, err := l.c.GetCheckPoint(l.project, l.store, group, &sls.GetCheckPointRequest{Shard: tea.Int32(4)})
		return observe.Is(err, func() string { return words(len(got.Body), *got.Body[0].Checkpoint) }, "1")
	})
	l.Operation(t, "DeleteConsumerGroup", func() error {
		_, err := l.c.DeleteConsumerGroup(l.project, l.store, group)
		return err
	})
}

func (l openAPI) index(t *testing.T) {
	keys := map[string]*sls.KeysValue{"status": {Type: tea.String("long"), DocValue: tea.Bool(true), CaseSensitive: tea.Bool(false)}}
	token := tea.StringSlice([]string{" "})
	l.Operation(t, "CreateIndex", func() error {
		_, err := l.c.CreateIndex(l.project, l.store, &sls.CreateIndexRequest{Keys: keys, Line: &sls.CreateIndexRequestLine{Token: token, CaseSensitive: tea.Bool(false)}})
		return err
	})
	l.Operation(t, "GetIndex", func() error {
		got, err := l.c.GetIndex(l.project, l.store)
		return observe.Is(err, func() string { return words(*got.Body.Keys["status"].Type, *got.Body.Line.Token[0]) }, "long")
	})
	l.Operation(t, "UpdateIndex", func() error {
		keys["took"] = &sls.KeysValue{Type: tea.String("double"), DocValue: tea.Bool(true), CaseSensitive: tea.Bool(false)}
		_, err := l.c.UpdateIndex(l.project, l.store, &sls.UpdateIndexRequest{Keys: keys, Line: &sls.UpdateIndexRequestLine{Token: token, CaseSensitive: tea.Bool(false)}})
		if err != nil {
			return err
		}
		got, err := l.c.GetIndex(l.project, l.store)
		return observe.Is(err, func() string { return words(len(got.Body.Keys)) }, "2")
	})
}

// queries asks for logs that come by web tracking: this client has no PutLogs that works without the cloud.
func (l openAPI) queries(t *testing.T) {
	l.Operation(t, "PutWebtracking", func() error {
		logs := []map[string]*string{{"status": tea.String("500")}, {"status": tea.String("200")}, {"status": tea.String("500")}}
		_, err := l.c.PutWebtracking(l.project, l.store, &sls.PutWebtrackingRequest{Topic: tea.String("t"), Source: tea.String("s"), Logs: logs})
		return err
	})
	from, to := tea.Int32(int32(time.Now().Unix())-60), tea.Int32(int32(time.Now().Unix())+60)
	l.Operation(t, "GetLogs", func() error {
		got, err := l.c.GetLogs(l.project, l.store, &sls.GetLogsRequest{From: from, To: to, Query: tea.String("status: 500"), Line: tea.Int64(10), Offset: tea.Int64(0)})
		return observe.Is(err, func() string { return words(len(got.Body), got.Body[0]["status"]) }, "2 500")
	})
	l.Operation(t, "GetHistograms", func() error {
		got, err := l.c.GetHistograms(l.project, l.store, &sls.GetHistogramsRequest{
			From: tea.Int64(int64(*from)), To: tea.Int64(int64(*to)), Query: tea.String("status: 500"),
		})
		count := func() string {
			total := int64(0)
			for _, bucket := range got.Body {
				total += *bucket.Count
			}
			return words(total)
		}
		return observe.Is(err, count, "2")
	})
	l.Operation(t, "GetProjectLogs", func() error {
		query := fmt.Sprintf("select count(*) as n from store where __time__ >= %d and __time__ < %d", *from, *to)
		got, err := l.c.GetProjectLogs(l.project, &sls.GetProjectLogsRequest{Query: tea.String(query), PowerSql: tea.Bool(false)})
		return observe.Is(err, func() string { return words(got.Body[0]["n"]) }, "3")
	})
	l.Operation(t, "DeleteIndex", func() error { _, err := l.c.DeleteIndex(l.project, l.store); return err })
}

func (l openAPI) exports(t *testing.T) {
	name := tea.String("export")
	configuration := &sls.OSSExportConfiguration{
		Logstore: l.store, RoleArn: tea.String("acs:ram::1:role/r"), FromTime: tea.Int64(1), ToTime: tea.Int64(0),
		Sink: &sls.OSSExportConfigurationSink{
			Bucket: tea.String("compat-bucket"), RoleArn: tea.String("acs:ram::1:role/r"), Endpoint: tea.String("http://oss-local.sls.test"), TimeZone: tea.String("+0000"),
			ContentType: tea.String("json"), CompressionType: tea.String("none"), PathFormat: tea.String("%Y/%m"), PathFormatType: tea.String("time"),
			BufferInterval: tea.Int64(300), BufferSize: tea.Int64(256), ContentDetail: tea.String(`{"enableTag":true}`),
		},
	}
	l.Operation(t, "CreateOSSExport", func() error {
		_, err := l.c.CreateOSSExport(l.project, &sls.CreateOSSExportRequest{Name: name, DisplayName: tea.String("Export"), Configuration: configuration})
		return err
	})
	l.Operation(t, "GetOSSExport", func() error {
		got, err := l.c.GetOSSExport(l.project, name)
		return observe.Is(err, func() string { return *got.Body.Configuration.Sink.Bucket }, "compat-bucket")
	})
	l.Operation(t, "UpdateOSSExport", func() error {
		_, err := l.c.UpdateOSSExport(l.project, name, &sls.UpdateOSSExportRequest{DisplayName: tea.String("Changed"), Configuration: configuration})
		return err
	})
	l.Operation(t, "StopOSSExport", func() error { _, err := l.c.StopOSSExport(l.project, name); return err })
	l.Operation(t, "StartOSSExport", func() error { _, err := l.c.StartOSSExport(l.project, name); return err })
	l.Operation(t, "ListOSSExports", func() error {
		got, err := l.c.ListOSSExports(l.project, &sls.ListOSSExportsRequest{Offset: tea.Int32(0), Size: tea.Int32(10)})
		return observe.Is(err, func() string { return words(*got.Body.Total) }, "1")
	})
	l.Operation(t, "DeleteOSSExport", func() error { _, err := l.c.DeleteOSSExport(l.project, name); return err })
}

// words are values in a row, pointers followed, with blanks between them.
func words(values ...any) string {
	for i, v := range values {
		if text, ok := v.(*string); ok {
			values[i] = tea.StringValue(text)
		}
	}
	return strings.TrimSpace(fmt.Sprintln(values...))
}
