package agentconf

import (
	"encoding/json"
	"strings"

	"github.com/sluicelog/sluice/internal/control"
)

// A configuration of the older form (inputType, inputDetail, outputDetail) becomes the pipeline of plug-ins that does the same:
//
//	file, by logType         input_file ── processor of the logType ── time ── filter ── flusher_sls
//	plugin                   the plug-ins as they are ── flusher_sls
//	syslog, streamlog        none: agents of today have no such input in their open form
//
// One of the newer form is passed on as it is, with Project and Endpoint filled in where a flusher_sls has none.

// pipeline returns a configuration as agents take it, false for one that has no such form.
func (s *Agents) pipeline(project string, c control.CollectionConfig) (detail []byte, ok bool) {
	var p map[string]any
	if c.Pipeline {
		p = s.newer(project, c.Document)
	} else {
		p, ok = s.older(project, c.Document)
		if !ok {
			return nil, false
		}
	}
	detail, err := json.Marshal(p)
	return detail, err == nil
}

// own are the members of a document that are the server's and nothing to an agent.
var own = []string{"configName", "createTime", "lastModifyTime", "logSample", "task"}

func (s *Agents) newer(project string, d control.Document) map[string]any {
	p := map[string]any{"enable": true}
	for name, value := range d {
		p[name] = value
	}
	for _, name := range own {
		delete(p, name)
	}
	var flushers []map[string]any
	if json.Unmarshal(d["flushers"], &flushers) == nil {
		for _, f := range flushers {
			if f["Type"] != "flusher_sls" {
				continue
			}
			for name, value := range s.flusher(project, "") {
				if have, ok := f[name]; !ok || have == "" {
					f[name] = value
				}
			}
		}
		p["flushers"] = flushers
	}
	return p
}

// flusher sends logs here.
func (s *Agents) flusher(project, logstore string) map[string]any {
	return map[string]any{
		"Type": "flusher_sls", "Project": project, "Logstore": logstore, "Endpoint": s.o.Endpoint, "Region": s.o.Region,
	}
}

func (s *Agents) older(project string, d control.Document) (map[string]any, bool) {
	input := d.Object("inputDetail")
	p := map[string]any{"enable": true, "flushers": []any{s.flusher(project, control.ConfigLogstore(d))}}
	switch d.Text("inputType") {
	case "plugin":
		plugins(input.Object("plugin"), p)
	case "file":
		p["inputs"] = []any{fileInput(input)}
		p["processors"] = processors(input)
	default:
		return nil, false
	}
	return p, p["inputs"] != nil
}

// plugins takes over plug-ins of the older form, {"type", "detail"}, as those of the newer, {"Type", and the detail's members}.
func plugins(d control.Document, p map[string]any) {
	for _, stage := range []string{"inputs", "processors", "aggregators"} {
		for _, raw := range d.Array(stage) {
			var old struct {
				Type   string         `json:"type"`
				Detail map[string]any `json:"detail"`
			}
			if json.Unmarshal(raw, &old) != nil || old.Type == "" {
				continue
			}
			plugin := map[string]any{}
			for name, value := range old.Detail {
				plugin[name] = value
			}
			plugin["Type"] = old.Type
			list, _ := p[stage].([]any)
			p[stage] = append(list, plugin)
		}
	}
}

func fileInput(d control.Document) map[string]any {
	in := map[string]any{
		"Type": "input_file", "FilePaths": []string{strings.TrimRight(d.Text("logPath"), "/") + "/**/" + d.Text("filePattern")},
	}
	var depth int
	if json.Unmarshal(d["maxDepth"], &depth) == nil && depth >= 0 {
		in["MaxDirSearchDepth"] = depth
	}
	if encoding := d.Text("fileEncoding"); encoding != "" {
		in["FileEncoding"] = encoding
	}
	if begin := d.Text("logBeginRegex"); begin != "" && begin != ".*" {
		in["Multiline"] = map[string]any{"Mode": "custom", "StartPattern": begin}
	}
	return in
}

// content is the field that a line is in before it is taken apart.
const content = "content"

func processors(d control.Document) []any {
	list := []any{}
	switch d.Text("logType") {
	case "common_reg_log":
		if keys := texts(d, "key"); d.Text("regex") != "" && (d.Text("regex") != "(.*)" || len(keys) != 1 || keys[0] != content) {
			list = append(list, map[string]any{
				"Type": "processor_parse_regex_native", "SourceKey": content, "Regex": d.Text("regex"), "Keys": keys,
			})
		}
	case "json_log":
		list = append(list, map[string]any{"Type": "processor_parse_json_native", "SourceKey": content})
	case "delimiter_log":
		one := map[string]any{
			"Type": "processor_parse_delimiter_native", "SourceKey": content, "Separator": d.Text("separator"), "Keys": texts(d, "key"),
		}
		if quote := d.Text("quote"); quote != "" {
			one["Quote"] = quote
		}
		list = append(list, one)
	case "apsara_log":
		list = append(list, map[string]any{"Type": "processor_parse_apsara_native", "SourceKey": content})
	}
	if format := d.Text("timeFormat"); format != "" && d.Text("logType") != "apsara_log" {
		key := d.Text("timeKey")
		if key == "" {
			key = "time"
		}
		list = append(list, map[string]any{"Type": "processor_parse_timestamp_native", "SourceKey": key, "SourceFormat": format})
	}
	if keys, patterns := texts(d, "filterKey"), texts(d, "filterRegex"); len(keys) > 0 && len(keys) == len(patterns) {
		include := map[string]string{}
		for i, key := range keys {
			include[key] = patterns[i]
		}
		list = append(list, map[string]any{"Type": "processor_filter_regex_native", "Include": include})
	}
	return list
}

// texts is a member that is an array of texts.
func texts(d control.Document, name string) []string {
	list := []string{}
	if json.Unmarshal(d[name], &list) != nil {
		return []string{}
	}
	return list
}
