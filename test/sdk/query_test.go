package sdk

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"
	"google.golang.org/protobuf/proto"

	"github.com/sluicelog/sluice/internal/testenv"
)

// searched is a logstore with an index and logs, numbered from 0, one a second from begin on.
type searched struct {
	project, logstore string
	begin, end        int64 // seconds
}

const searchedLogs = 230

func newSearched(t *testing.T, c sls.ClientInterface) searched {
	t.Helper()
	project, logstore := newLogstore(t, c, 2)
	index := sls.CreateDefaultIndex()
	index.Keys = map[string]sls.IndexKey{
		"status": {Type: "long", DocValue: true},
		"path":   {Type: "text", Token: []string{"/"}, DocValue: true},
	}
	if err := c.CreateIndex(project, logstore, *index); err != nil {
		t.Fatal(err)
	}
	s := searched{project: project, logstore: logstore, begin: time.Now().Unix() - 600}
	s.end = s.begin + searchedLogs
	for first := 0; first < searchedLogs; first += 10 {
		group := &sls.LogGroup{
			Topic: proto.String("topic"), Source: proto.String("10.0.0.1"),
			LogTags: []*sls.LogTag{{Key: proto.String("rack"), Value: proto.String("7")}},
		}
		for n := first; n < first+10; n++ {
			group.Logs = append(group.Logs, &sls.Log{Time: proto.Uint32(uint32(s.begin) + uint32(n)), Contents: []*sls.LogContent{
				{Key: proto.String("n"), Value: proto.String(strconv.Itoa(n))},
				{Key: proto.String("status"), Value: proto.String([]string{"200", "500"}[n%2])},
				{Key: proto.String("path"), Value: proto.String(fmt.Sprintf("/list/%d", n%10))},
				{Key: proto.String("text"), Value: proto.String(`two "words" 日志`)},
			}})
		}
		if err := c.PutLogs(project, logstore, group); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// numbers are the logs that a search found, by their numbers.
func numbers(logs []map[string]string) []string {
	list := []string{}
	for _, l := range logs {
		list = append(list, l["n"])
	}
	return list
}

// upTo lists the numbers from, from+step, … below to.
func upTo(from, to, step int) []string {
	list := []string{}
	for n := from; n < to; n += step {
		list = append(list, strconv.Itoa(n))
	}
	return list
}

func TestGetLogs(t *testing.T) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			c := w.client(testenv.RootID, testenv.RootSecret, "")
			s := newSearched(t, c)
			request := &sls.GetLogRequest{From: s.begin, To: s.end, Query: "status: 500 and path:list", Lines: 5, Offset: 1}
			want := upTo(3, 13, 2)

			one, err := c.GetLogs(s.project, s.logstore, "", request.From, request.To, request.Query, request.Lines, request.Offset, false)
			checkLogs(t, "GetLogs", one, err, want)
			one, err = c.GetLogsToCompleted(s.project, s.logstore, "", request.From, request.To, request.Query, request.Lines, request.Offset, false)
			checkLogs(t, "GetLogsToCompleted", one, err, want)
			one, err = c.GetLogsByNano(s.project, s.logstore, "", s.begin*1e9+1, s.end*1e9, request.Query, request.Lines, request.Offset, false)
			checkLogs(t, "GetLogsByNano", one, err, want)
			nano, err := c.GetLogLinesByNano(s.project, s.logstore, "", s.begin*1e9+1, s.end*1e9, request.Query, request.Lines, request.Offset, false)
			checkLines(t, "GetLogLinesByNano", nano, err, want)
			one, err = c.GetLogsV2(s.project, s.logstore, request)
			checkLogs(t, "GetLogsV2", one, err, want)
			one, err = c.GetLogsToCompletedV2(s.project, s.logstore, request)
			checkLogs(t, "GetLogsToCompletedV2", one, err, want)
			lines, err := c.GetLogLines(s.project, s.logstore, "topic", request.From, request.To, request.Query, request.Lines, request.Offset, false)
			checkLines(t, "GetLogLines", lines, err, want)
			lines, err = c.GetLogLinesV2(s.project, s.logstore, request)
			checkLines(t, "GetLogLinesV2", lines, err, want)

			for _, compress := range []int{sls.Compress_LZ4, sls.Compress_ZSTD} {
				request.CompressType = compress
				three, err := c.GetLogsV3(s.project, s.logstore, request)
				checkV3(t, "GetLogsV3", three, err, want)
				three, err = c.GetLogsToCompletedV3(s.project, s.logstore, request)
				checkV3(t, "GetLogsToCompletedV3", three, err, want)
			}
		})
	}
}

func checkLogs(t *testing.T, what string, r *sls.GetLogsResponse, err error, want []string) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if got := numbers(r.Logs); !slices.Equal(got, want) || !r.IsComplete() || r.Count != int64(len(want)) || r.HasSQL {
		t.Errorf("%s: logs %v, want %v; %s, count %d", what, got, want, r.Progress, r.Count)
	}
	for _, l := range r.Logs {
		if l["__source__"] != "10.0.0.1" || l["__topic__"] != "topic" || l["__tag__:rack"] != "7" || l["text"] != `two "words" 日志` || l["__time__"] == "" {
			t.Errorf("%s: a log is %v", what, l)
		}
	}
}

func checkLines(t *testing.T, what string, r *sls.GetLogLinesResponse, err error, want []string) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	r.Logs = nil
	for _, line := range r.Lines {
		var l map[string]string
		if err := json.Unmarshal(line, &l); err != nil {
			t.Errorf("%s: line %s: %v", what, line, err)
		}
		r.Logs = append(r.Logs, l)
	}
	checkLogs(t, what, &r.GetLogsResponse, nil, want)
}

func checkV3(t *testing.T, what string, r *sls.GetLogsV3Response, err error, want []string) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	checkLogs(t, what, &sls.GetLogsResponse{Progress: r.Meta.Progress, Count: r.Meta.Count, Logs: r.Logs, HasSQL: r.Meta.HasSQL}, nil, want)
	if r.Meta.ProcessedRows < int64(len(want)) || r.Meta.WhereQuery == "" || r.Meta.IsAccurate == nil || !*r.Meta.IsAccurate ||
		!slices.Contains(r.Meta.Terms, sls.MetaTerm{Key: "path", Term: "list"}) {
		t.Errorf("%s: meta %+v", what, r.Meta)
	}
}

func TestGetLogsPagesAndOrder(t *testing.T) {
	c := root()
	s := newSearched(t, c)
	get := func(query string, line, offset int64, reverse bool) []string {
		t.Helper()
		r, err := c.GetLogsV3(s.project, s.logstore, &sls.GetLogRequest{From: s.begin, To: s.end, Query: query, Lines: line, Offset: offset, Reverse: reverse})
		if err != nil {
			t.Fatal(err)
		}
		return numbers(r.Logs)
	}
	var all []string
	for offset := int64(0); ; offset = int64(len(all)) {
		page := get("*", 100, offset, false)
		if len(page) == 0 {
			break
		}
		all = append(all, page...)
	}
	if want := upTo(0, searchedLogs, 1); !slices.Equal(all, want) {
		t.Errorf("the pages hold %v", all)
	}
	if got := get("", 3, 0, true); !slices.Equal(got, []string{"229", "228", "227"}) {
		t.Errorf("the newest three: %v", got)
	}
	if got := get("status in [400 500) or path:7 not n", 100, 0, false); len(got) != 0 {
		t.Errorf("n is the name of a field of every log, found without it: %v", got)
	}
	if got := get(`path:3 and "日志" and #"two words"`, 100, 0, false); !slices.Equal(got, upTo(3, searchedLogs, 10)) {
		t.Errorf("a phrase and a word: %v", got)
	}
}

func TestGetHistograms(t *testing.T) {
	c := root()
	s := newSearched(t, c)
	check := func(what string, h *sls.GetHistogramsResponse, err error, want int64) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		sum, at := int64(0), s.begin
		for _, b := range h.Histograms {
			if b.From != at || b.To <= b.From || b.Progress != "Complete" {
				t.Errorf("%s: bucket %+v where %d should begin", what, b, at)
			}
			sum, at = sum+b.Count, b.To
		}
		if at != s.end || sum != want || h.Count != want || !h.IsComplete() {
			t.Errorf("%s: %d logs in buckets up to %d, want %d up to %d; %+v", what, sum, at, want, s.end, h)
		}
	}
	h, err := c.GetHistograms(s.project, s.logstore, "", s.begin, s.end, "status > 200")
	check("GetHistograms", h, err, searchedLogs/2)
	h, err = c.GetHistogramsToCompleted(s.project, s.logstore, "topic", s.begin, s.end, "*")
	check("GetHistogramsToCompleted", h, err, searchedLogs)
	request := &sls.GetHistogramRequest{From: s.begin, To: s.end, Query: "not status:200"}
	h, err = c.GetHistogramsV2(s.project, s.logstore, request)
	check("GetHistogramsV2", h, err, searchedLogs/2)
	h, err = c.GetHistogramsToCompletedV2(s.project, s.logstore, request)
	check("GetHistogramsToCompletedV2", h, err, searchedLogs/2)
}

func TestGetLogsErrors(t *testing.T) {
	c := root()
	s := newSearched(t, c)
	f := func(what, logstore string, r sls.GetLogRequest, code string) {
		t.Helper()
		_, err := c.GetLogsV3(s.project, logstore, &r)
		wantCode(t, what+", V3", err, code)
		_, err = c.GetLogs(s.project, logstore, "", r.From, r.To, r.Query, r.Lines, r.Offset, r.Reverse)
		wantCode(t, what, err, code)
	}
	good := sls.GetLogRequest{From: s.begin, To: s.end, Lines: 10}
	with := func(change func(*sls.GetLogRequest)) sls.GetLogRequest {
		r := good
		change(&r)
		return r
	}
	f("a logstore that is not there", "none", good, "LogStoreNotExist")
	if err := c.CreateLogStore(s.project, "bare", 7, 1, false, 0); err != nil {
		t.Fatal(err)
	}
	f("a logstore without an index", "bare", good, "IndexConfigNotExist")
	f("an empty range", s.logstore, with(func(r *sls.GetLogRequest) { r.To = r.From }), "InvalidTimeRange")
	f("a search that cannot be read", s.logstore, with(func(r *sls.GetLogRequest) { r.Query = "path:/a:b" }), "ParameterInvalid")
	f("a field without an index", s.logstore, with(func(r *sls.GetLogRequest) { r.Query = "nosuch:1" }), "ParameterInvalid")
	f("an offset under 0", s.logstore, with(func(r *sls.GetLogRequest) { r.Offset = -1 }), "InvalidOffset")
	_, err := c.GetHistograms(s.project, "bare", "", s.begin, s.end, "")
	wantCode(t, "a histogram without an index", err, "IndexConfigNotExist")
}

// SQL behind a search is answered by column, in both forms of GetLogs, over what is indexed and what is not yet.
func TestGetLogsWithSQL(t *testing.T) {
	c := root()
	s := newSearched(t, c)
	const query = "path:3 or path:4 | select status, count(*) as c, max(__time__) as last group by status order by status"
	want := []map[string]string{
		{"status": "200", "c": "23", "last": strconv.FormatInt(s.begin+224, 10)},
		{"status": "500", "c": "23", "last": strconv.FormatInt(s.begin+223, 10)},
	}
	r, err := c.GetLogs(s.project, s.logstore, "", s.begin, s.end, query, 100, 0, false)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(r.Logs, want) || !r.HasSQL || !r.IsComplete() {
		t.Errorf("GetLogs: %v, SQL %v", r.Logs, r.HasSQL)
	}
	v3, err := c.GetLogsV3(s.project, s.logstore, &sls.GetLogRequest{From: s.begin, To: s.end, Query: query})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(v3.Logs, want) || !v3.Meta.HasSQL || !slices.Equal(v3.Meta.Keys, []string{"status", "c", "last"}) {
		t.Errorf("GetLogsV3: %v, keys %v", v3.Logs, v3.Meta.Keys)
	}
	_, err = c.GetLogs(s.project, s.logstore, "", s.begin, s.end, "* | select nosuch", 100, 0, false)
	wantCode(t, "an unknown column", err, "ParameterInvalid")
}

// The rows of SQL have a source and a time when they are asked for with a GET, as SDKs did until a few years ago; some cannot read them
// without. A time of the statement's own counts.
func TestRowsHaveATimeByGET(t *testing.T) {
	s := newSearched(t, root())
	f := func(query string, want map[string]string) {
		t.Helper()
		var rows []map[string]string
		target := fmt.Sprintf("/logstores/%s?type=log&from=%d&to=%d&query=%s", s.logstore, s.begin, s.end, url.QueryEscape(query))
		env.JSON(t, testenv.Call{Project: s.project, Target: target}, &rows)
		if len(rows) != 1 || !maps.Equal(rows[0], want) {
			t.Errorf("%s: %v, want %v", query, rows, want)
		}
	}
	begin := strconv.FormatInt(s.begin, 10)
	f("path:3 | select count(*) as c", map[string]string{"c": "23", "__source__": "", "__time__": begin})
	f("path:3 | select max(__time__) as __time__", map[string]string{"__source__": "", "__time__": strconv.FormatInt(s.begin+223, 10)})
}

// GetContextLogs finds what a producer wrote before and after a log, in the order of its packs.
func TestGetContextLogs(t *testing.T) {
	c := root()
	project, logstore := newLogstore(t, c, 2)
	if err := c.CreateIndex(project, logstore, *sls.CreateDefaultIndex()); err != nil {
		t.Fatal(err)
	}
	at := uint32(time.Now().Unix()) - 60
	for pack := range 5 {
		group := &sls.LogGroup{LogTags: []*sls.LogTag{{Key: proto.String("__pack_id__"), Value: proto.String(fmt.Sprintf("7A11-%X", pack))}}}
		for i := range 2 {
			text := fmt.Sprintf("line %d.%d", pack, i)
			group.Logs = append(group.Logs, &sls.Log{
				Time: proto.Uint32(at + uint32(pack)), Contents: []*sls.LogContent{{Key: proto.String("text"), Value: proto.String(text)}},
			})
		}
		if err := c.PutLogs(project, logstore, group); err != nil {
			t.Fatal(err)
		}
	}
	found, err := c.GetLogs(project, logstore, "", int64(at), int64(at)+60, `"line" and "2.1" |with_pack_meta`, 10, 0, false)
	if err != nil || len(found.Logs) != 1 {
		t.Fatalf("the log itself: %v, %v", found, err)
	}
	store, err := c.GetLogStore(project, logstore)
	if err != nil {
		t.Fatal(err)
	}
	around, err := store.GetContextLogs(3, 2, found.Logs[0]["__tag__:__pack_id__"], found.Logs[0]["__pack_meta__"])
	if err != nil {
		t.Fatal(err)
	}
	var texts, places []string
	for _, l := range around.Logs {
		texts, places = append(texts, l["text"]), append(places, l["__index_number__"])
	}
	if want := []string{"line 1.0", "line 1.1", "line 2.0", "line 2.1", "line 3.0", "line 3.1"}; !slices.Equal(texts, want) {
		t.Errorf("around 2.1: %q, want %q", texts, want)
	}
	if want := []string{"-3", "-2", "-1", "0", "1", "2"}; !slices.Equal(places, want) {
		t.Errorf("places %q, want %q", places, want)
	}
	if !around.IsComplete() || around.TotalLines != 6 || around.BackLines != 3 || around.ForwardLines != 2 {
		t.Errorf("%+v", around)
	}
}
