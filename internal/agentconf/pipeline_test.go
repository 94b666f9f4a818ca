package agentconf

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/control"
)

const flusher = `{"Type":"flusher_sls","Project":"web","Logstore":"access","Endpoint":"sls.test","Region":"local"}`

// Each kind of configuration becomes the pipeline that does the same, or none where agents have no such input.
func TestPipelines(t *testing.T) {
	s := &Agents{o: Options{Endpoint: "sls.test", Region: "local"}}
	file := func(detail string) string {
		return `{"configName":"c","inputType":"file","inputDetail":{"logPath":"/var/log/","filePattern":"*.log",` + detail + `},"outputDetail":{"logstoreName":"access"}}`
	}
	files := func(input, processors string) string {
		return `{"enable":true,"inputs":[{"Type":"input_file","FilePaths":["/var/log/**/*.log"]` + input + `}],"processors":[` + processors + `],"flushers":[` + flusher + `]}`
	}
	for _, c := range []struct {
		name, document string
		pipeline       bool // of the newer form
		want           string
	}{
		{"simple", file(`"logType":"common_reg_log","regex":"(.*)","key":["content"],"logBeginRegex":".*"`), false, files("", "")},
		{
			"lines that begin with a pattern", file(`"logType":"common_reg_log","logBeginRegex":"\\d+-.*"`), false,
			files(`,"Multiline":{"Mode":"custom","StartPattern":"\\d+-.*"}`, ""),
		},
		{"regular expression", file(`"logType":"common_reg_log","regex":"(\\S+) (\\S+)","key":["time","rest"],"timeFormat":"%Y"`), false, files("",
			`{"Type":"processor_parse_regex_native","SourceKey":"content","Regex":"(\\S+) (\\S+)","Keys":["time","rest"]},`+
				`{"Type":"processor_parse_timestamp_native","SourceKey":"time","SourceFormat":"%Y"}`)},
		{"the whole line in another field", file(`"logType":"common_reg_log","regex":"(.*)","key":["line"]`), false, files("",
			`{"Type":"processor_parse_regex_native","SourceKey":"content","Regex":"(.*)","Keys":["line"]}`)},
		{"JSON", file(`"logType":"json_log","timeKey":"ts","timeFormat":"%s","filterKey":["level"],"filterRegex":["E.*"]`), false, files("",
			`{"Type":"processor_parse_json_native","SourceKey":"content"},{"Type":"processor_parse_timestamp_native","SourceKey":"ts","SourceFormat":"%s"},`+
				`{"Type":"processor_filter_regex_native","Include":{"level":"E.*"}}`)},
		{"delimiter", file(`"logType":"delimiter_log","separator":",","quote":"\"","key":["a","b"]`), false, files("",
			`{"Type":"processor_parse_delimiter_native","SourceKey":"content","Separator":",","Quote":"\"","Keys":["a","b"]}`)},
		{"Apsara, whose time is its own", file(`"logType":"apsara_log","timeFormat":"%Y"`), false, files("", `{"Type":"processor_parse_apsara_native","SourceKey":"content"}`)},
		{"depth and encoding", file(`"logType":"common_reg_log","maxDepth":0,"fileEncoding":"gbk"`), false, files(`,"MaxDirSearchDepth":0,"FileEncoding":"gbk"`, "")},
		{"a depth that is none", file(`"logType":"common_reg_log","maxDepth":-1`), false, files("", "")},
		{"filters that do not go in pairs", file(`"logType":"common_reg_log","filterKey":["a","b"],"filterRegex":["x"]`), false, files("", "")},
		{
			"plug-ins", `{"inputType":"plugin","inputDetail":{"plugin":{"inputs":[{"type":"service_canal","detail":{"Password":"p","ServerID":7}},{"detail":{}},7],` +
				`"processors":[{"type":"processor_drop","detail":{"DropKeys":["a"]}}]}},"outputDetail":{"logstoreName":"access"}}`, false,
			`{"enable":true,"inputs":[{"Type":"service_canal","Password":"p","ServerID":7}],"processors":[{"Type":"processor_drop","DropKeys":["a"]}],"flushers":[` + flusher + `]}`,
		},
		{"plug-ins without an input", `{"inputType":"plugin","inputDetail":{"plugin":{}},"outputDetail":{"logstoreName":"access"}}`, false, ""},
		{"a listener", `{"inputType":"syslog","inputDetail":{"tag":"sys"},"outputDetail":{"logstoreName":"access"}}`, false, ""},
		{"nothing", `{}`, false, ""},
		{
			"newer", `{"configName":"c","createTime":1,"lastModifyTime":2,"logSample":"s","task":{},"global":{"a":1},"inputs":[{"Type":"i"}],` +
				`"flushers":[{"Type":"flusher_sls","Logstore":"access"},{"Type":"flusher_stdout"}]}`, true,
			`{"enable":true,"global":{"a":1},"inputs":[{"Type":"i"}],"flushers":[` + flusher + `,{"Type":"flusher_stdout"}]}`,
		},
		{
			"newer, to another server", `{"inputs":[{"Type":"i"}],"flushers":[{"Type":"flusher_sls","Project":"p","Logstore":"l","Endpoint":"other.test","Region":""}]}`, true,
			`{"enable":true,"inputs":[{"Type":"i"}],"flushers":[{"Type":"flusher_sls","Project":"p","Logstore":"l","Endpoint":"other.test","Region":"local"}]}`,
		},
	} {
		var document control.Document
		if err := json.Unmarshal([]byte(c.document), &document); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got, ok := s.pipeline("web", control.CollectionConfig{Name: "c", Document: document, Pipeline: c.pipeline})
		if !ok {
			got = nil
		}
		if diff := cmp.Diff(tree(t, c.want), tree(t, string(got))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// tree is JSON as a value, nil for none.
func tree(t *testing.T, text string) (v any) {
	t.Helper()
	if text == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}
