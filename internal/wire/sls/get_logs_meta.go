package sls

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/query/search"
)

func progress(c query.Coverage) string {
	if c.Complete {
		return "Complete"
	}
	return "Incomplete"
}

// term is a word to highlight.
type term struct {
	Key  string `json:"key"`
	Term string `json:"term"`
}

// logsMeta is what the answer to a POST says of itself (reference sls-query 4.3). No array in it may be null.
type logsMeta struct {
	Progress     string              `json:"progress"`
	Count        int                 `json:"count"`
	Rows         int64               `json:"processedRows"`
	Bytes        int64               `json:"processedBytes"`
	Milliseconds int64               `json:"elapsedMillisecond"`
	HasSQL       bool                `json:"hasSQL"`
	Where        string              `json:"whereQuery"`
	Agg          string              `json:"aggQuery"`
	CPUSec       float64             `json:"cpuSec"`
	CPUCores     int                 `json:"cpuCores"`
	Keys         []string            `json:"keys"`
	Terms        []term              `json:"terms"`
	Limited      int                 `json:"limited"`
	Marker       string              `json:"marker"`
	Mode         int                 `json:"mode"`
	Accurate     bool                `json:"isAccurate"`
	ColumnTypes  []string            `json:"columnTypes"`
	Highlights   []map[string]string `json:"highlights"`
	PowerSQL     bool                `json:"powerSql"`
	InsertedSQL  string              `json:"insertedSQL"`
	Shard        int                 `json:"shard"`
	ScanBytes    int64               `json:"scanBytes"`
	Telemetry    string              `json:"telementryType"`            // as clients spell it
	Scan         *scanInfo           `json:"phraseQueryInfo,omitempty"` // of modeScan
}

// modeScan is the mode of answers that have a scanInfo; that of all others is 0.
const modeScan = 2

// scanInfo says which rows an answer has: those from Begin on that are before End. All: there are no more.
type scanInfo struct {
	All   bool  `json:"scanAll"`
	Begin int   `json:"beginOffset"`
	End   int   `json:"endOffset"`
	Time  int64 `json:"endTime"`
}

func metaOf(where string, count int, terms []search.Highlighted, c query.Coverage) logsMeta {
	m := logsMeta{
		Progress: progress(c), Count: count, Rows: c.Logs, Bytes: c.Bytes, Milliseconds: c.Elapsed.Milliseconds(),
		Where: where, Accurate: true, Keys: []string{}, Terms: []term{}, ColumnTypes: []string{}, Highlights: []map[string]string{},
	}
	for _, t := range terms {
		m.Terms = append(m.Terms, term{t.Field, t.Term})
	}
	return m
}

// header says the same for the answer to a GET (reference sls-query 4.2).
func (m *logsMeta) header(h http.Header) {
	for name, value := range map[string]string{
		"X-Log-Progress":            m.Progress,
		"X-Log-Count":               strconv.Itoa(m.Count),
		"X-Log-Processed-Rows":      strconv.FormatInt(m.Rows, 10),
		"X-Log-Processed-Bytes":     strconv.FormatInt(m.Bytes, 10),
		"X-Log-Elapsed-Millisecond": strconv.FormatInt(m.Milliseconds, 10),
		"X-Log-Has-Sql":             strconv.FormatBool(m.HasSQL),
		"X-Log-Where-Query":         headerText(m.Where),
		"X-Log-Agg-Query":           headerText(m.Agg),
		"X-Log-Cpu-Sec":             strconv.FormatFloat(m.CPUSec, 'f', -1, 64),
		"X-Log-Cpu-Cores":           strconv.Itoa(m.CPUCores),
		"X-Log-Power-Sql":           strconv.FormatBool(m.PowerSQL),
		"X-Log-Insertedsql":         headerText(m.InsertedSQL),
		"X-Log-Telemetry-Type":      m.Telemetry,
		"X-Log-Query-Info":          queryInfo(m),
	} {
		h[name] = []string{value}
	}
}

// maxHeader is how long a header line may be: some clients read no more than 64 KiB of one.
const maxHeader = 32 << 10

// queryInfo is the part of the meta that a header has as JSON, in other types. Highlights are left out where they make it too long.
func queryInfo(m *logsMeta) string {
	terms := [][2]string{}
	for _, t := range m.Terms {
		terms = append(terms, [2]string{t.Term, t.Key})
	}
	scan := cmp.Or(m.Scan, &scanInfo{All: true})
	accurate := 0
	if m.Accurate {
		accurate = 1
	}
	info := map[string]any{
		"keys": m.Keys, "terms": terms, "limited": strconv.Itoa(m.Limited), "marker": m.Marker, "mode": m.Mode, "shard": m.Shard,
		"scanBytes": m.ScanBytes, "isAccurate": accurate, "columnTypes": m.ColumnTypes, "highlight": m.Highlights,
		"phraseQueryInfo": map[string]string{
			"scanAll": strconv.FormatBool(scan.All), "beginOffset": strconv.Itoa(scan.Begin), "endOffset": strconv.Itoa(scan.End),
			"endTime": strconv.FormatInt(scan.Time, 10),
		},
	}
	text, _ := json.Marshal(info) // nothing in it can fail
	if len(text) > maxHeader {
		info["highlight"] = []string{}
		text, _ = json.Marshal(info)
	}
	return headerText(string(text))
}

// headerText escapes what a header line cannot carry. In JSON the escapes mean the same.
func headerText(s string) string {
	quoted := strconv.QuoteToASCII(s)
	return strings.ReplaceAll(strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`), `\\`, `\`)
}
