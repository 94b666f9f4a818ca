package sdk

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"
	consumerLibrary "github.com/aliyun/aliyun-log-go-sdk/consumer"
	"github.com/go-kit/kit/log"
	"google.golang.org/protobuf/proto"

	"github.com/sluicelog/sluice/internal/testenv"
)

// SPL behind a search is answered in mode 2, in pages that say where the next one begins.
func TestGetLogsWithSPL(t *testing.T) {
	c := root()
	s := newSearched(t, c)
	const query = "status:500 | where cast(n as bigint) >= 100 | extend twice = cast(n as bigint) * 2 | project n, twice"
	var all []string
	for offset := int64(0); ; {
		page, err := c.GetLogsV3(s.project, s.logstore, &sls.GetLogRequest{From: s.begin, To: s.end, Query: query, Lines: 20, Offset: offset})
		if err != nil {
			t.Fatal(err)
		}
		if page.Meta.Mode == nil || *page.Meta.Mode != 2 || page.Meta.PhraseQueryInfo == nil || page.Meta.HasSQL || !page.IsComplete() {
			t.Fatalf("meta %+v", page.Meta)
		}
		for _, l := range page.Logs {
			if l["twice"] == "" || l["path"] != "" || l["__time__"] == "" {
				t.Errorf("a row is %v", l)
			}
		}
		all = append(all, numbers(page.Logs)...)
		if *page.Meta.PhraseQueryInfo.ScanAll {
			break
		}
		offset = *page.Meta.PhraseQueryInfo.EndOffset
	}
	if want := upTo(101, searchedLogs, 2); !slices.Equal(all, want) {
		t.Errorf("the pages hold %v", all)
	}
	one, err := c.GetLogs(s.project, s.logstore, "", s.begin, s.end, "* | stats c = count(*) by status | sort status", 100, 0, false)
	if err != nil || len(one.Logs) != 2 || one.Logs[0]["c"] != fmt.Sprint(searchedLogs/2) || !strings.Contains(one.Contents, `"mode":2`) {
		t.Errorf("GetLogs: %v, %+v", err, one)
	}
	_, err = c.GetLogsV3(s.project, s.logstore, &sls.GetLogRequest{From: s.begin, To: s.end, Query: "* | where n ="})
	wantCode(t, "a pipeline that cannot be read", err, "ParameterInvalid")
}

// A search that asks for highlights gets one for each log.
func TestHighlights(t *testing.T) {
	c := root()
	s := newSearched(t, c)
	page, err := c.GetLogsV3(s.project, s.logstore, &sls.GetLogRequest{From: s.begin, To: s.end, Query: "path:3 and words", Lines: 2, NeedHighlight: true})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"path": "/list/<em>3</em>", "text": `two "<em>words</em>" 日志`}
	if len(page.Meta.Highlights) != 2 || fmt.Sprint(page.Meta.Highlights[0]) != fmt.Sprint(want) {
		t.Errorf("highlights %v, want %v for each of two", page.Meta.Highlights, want)
	}
}

// A pull with a query tells what was read and what is left of it.
func TestPullLogsWithQuery(t *testing.T) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			c := w.client(testenv.RootID, testenv.RootSecret, "")
			project, logstore := newLogstore(t, c, 1)
			for i := range 6 {
				if err := c.PutLogs(project, logstore, logGroup(fmt.Sprint(i))); err != nil {
					t.Fatal(err)
				}
			}
			cursor, err := c.GetCursor(project, logstore, 0, "begin")
			if err != nil {
				t.Fatal(err)
			}
			groups, meta, err := c.PullLogsWithQuery(&sls.PullLogRequest{
				Project: project, Logstore: logstore, ShardID: 0, Cursor: cursor, LogGroupMaxCount: 100,
				Query: "* | where cast(text as bigint) % 2 = 1 | extend double = text || text", CompressType: sls.Compress_ZSTD,
			})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, g := range groups.LogGroups {
				got = append(got, g.Logs[0].Contents[1].GetValue())
			}
			if !slices.Equal(got, []string{"11", "33", "55"}) {
				t.Errorf("got %v", got)
			}
			if meta.Count != 3 || meta.DataCountBeforeQuery != 6 || meta.Lines != 3 || meta.LinesBeforeQuery != 6 || meta.FailedLines != 0 || meta.RawSizeBeforeQuery == 0 {
				t.Errorf("meta %+v", meta)
			}
			if end, err := c.GetCursor(project, logstore, 0, "end"); err != nil || meta.NextCursor != end {
				t.Errorf("the next cursor is %s, the end %s, %v", meta.NextCursor, end, err)
			}
		})
	}
}

// The consumer library with a query is handed what the query leaves, and moves on over what it does not.
func TestConsumersWithQuery(t *testing.T) {
	skipUnderRaceDetector(t)
	c := root()
	project, logstore := newLogstore(t, c, 2)
	const groups = 60
	for i := range groups {
		group := logGroup(fmt.Sprint(i))
		group.Logs[0].Contents = append(group.Logs[0].Contents, &sls.LogContent{Key: proto.String("third"), Value: proto.String(fmt.Sprint(i%3 == 0))})
		if err := c.PutLogs(project, logstore, group); err != nil {
			t.Fatal(err)
		}
	}
	handed := make(chan string, groups)
	worker := consumerLibrary.InitConsumerWorkerWithCheckpointTracker(
		consumerLibrary.LogHubConfig{
			Endpoint: env.Endpoint(), AccessKeyID: testenv.RootID, AccessKeySecret: testenv.RootSecret, HTTPClient: env.Client(),
			Project: project, Logstore: logstore, ConsumerGroupName: "odd", ConsumerName: "one", CursorPosition: consumerLibrary.BEGIN_CURSOR,
			Query: "* | where third = 'true'", MaxFetchLogGroupCount: 7, DataFetchIntervalInMs: 20, HeartbeatIntervalInSecond: 1,
			HeartbeatTimeoutInSecond: 5, AutoCommitDisabled: true, DisableRuntimeMetrics: true, Logger: log.NewNopLogger(),
		},
		func(_ int, list *sls.LogGroupList, tracker consumerLibrary.CheckPointTracker) (string, error) {
			for _, g := range list.LogGroups {
				handed <- textOf(g)
			}
			return "", tracker.SaveCheckPoint(true)
		})
	worker.Start()
	var got []string
	deadline := time.After(time.Minute)
	for late := false; len(got) < groups/3 && !late; {
		select {
		case text := <-handed:
			got = append(got, text)
		case <-deadline:
			late = true
		}
	}
	worker.StopAndWait()
	close(handed)
	for text := range handed {
		got = append(got, text)
	}
	want := upTo(0, groups, 3)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("handed out %v, want %v", got, want)
	}
}
