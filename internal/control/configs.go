package control

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sluicelog/sluice"
)

// A Logtail configuration says what an agent collects and where to. The documentation of the SDKs has seven kinds of them, which are
// told apart by two members:
//
//	inputType file     logType common_reg_log   simple (one line) and full regular expressions
//	                           json_log, delimiter_log, apsara_log
//	inputType plugin                            a pipeline of plug-ins
//	inputType syslog, streamlog                 a listener
//
// Checked is what an agent cannot do without, and the types of what it reads. The rest is between the agent and its user.

// inputTypes are the kinds of inputs.
var inputTypes = []string{"file", "syslog", "streamlog", "plugin"}

// fileMembers are what every configuration of files has, or may have.
var fileMembers = members{
	{"logPath", aText, true},
	{"filePattern", aText, true},
	{"topicFormat", aText, false},
	{"timeFormat", aText, false},
	{"localStorage", aBoolean, false},
	{"enableTag", aBoolean, false},
	{"enableRawLog", aBoolean, false},
	{"preserve", aBoolean, false},
	{"preserveDepth", aNumber, false},
	{"maxDepth", aNumber, false},
	{"filterKey", anArray, false},
	{"filterRegex", anArray, false},
	{"fileEncoding", aText, false},
	{"sensitive_keys", anArray, false},
	{"shardHashKey", anArray, false},
	{"advanced", anObject, false},
}

// logTypes are the members of the kinds of files, beyond those of all.
var logTypes = map[string]members{
	"common_reg_log": {{"logBeginRegex", aText, false}, {"regex", aText, false}, {"key", anArray, false}, {"customizedFields", anObject, false}},
	"json_log":       {{"timeKey", aText, false}},
	"delimiter_log":  {{"separator", aText, true}, {"quote", aText, false}, {"key", anArray, true}, {"timeKey", aText, false}, {"autoExtend", aBoolean, false}},
	"apsara_log":     {{"logBeginRegex", aText, false}},
	"plugin":         {{"plugin", anObject, true}},
}

// checkConfig checks a Logtail configuration.
func checkConfig(d Document) error {
	err := members{{"inputType", aText, true}, {"inputDetail", anObject, true}, {"outputDetail", anObject, true}, {"logSample", aText, false}}.check(d)
	if err != nil {
		return err
	}
	if err := want(d.Object("outputDetail"), "logstoreName", aText, true); err != nil {
		return fmt.Errorf("outputDetail.%w", err)
	}
	if !logstoreIn(d) {
		return sluice.Errorf(sluice.Invalid, "", "outputDetail.logstoreName is empty")
	}
	input, kind := d.Object("inputDetail"), d.Text("inputType")
	switch {
	case !slices.Contains(inputTypes, kind):
		return sluice.Errorf(sluice.Invalid, "", "inputType %.40q is none of %s", kind, strings.Join(inputTypes, ", "))
	case kind == "file":
		err = checkFiles(input)
	case kind == "plugin":
		err = members{{"plugin", anObject, true}}.check(input)
	default:
		err = members{{"tag", aText, kind == "syslog"}}.check(input)
	}
	if err != nil {
		return fmt.Errorf("inputDetail.%w", err)
	}
	return nil
}

func logstoreIn(d Document) bool { return ConfigLogstore(d) != "" }

// ConfigLogstore is the logstore that a configuration has logs sent to.
func ConfigLogstore(d Document) string { return d.Object("outputDetail").Text("logstoreName") }

// checkFiles checks what a configuration says of files.
func checkFiles(input Document) error {
	if err := want(input, "logType", aText, true); err != nil {
		return err
	}
	own, ok := logTypes[input.Text("logType")]
	if !ok {
		return sluice.Errorf(sluice.Invalid, "", "logType %.40q is none of common_reg_log, json_log, delimiter_log, apsara_log, plugin", input.Text("logType"))
	}
	if err := fileMembers.check(input); err != nil {
		return err
	}
	if keys, patterns := len(input.Array("filterKey")), len(input.Array("filterRegex")); keys != patterns {
		return sluice.Errorf(sluice.Invalid, "", "filterKey has %d entries and filterRegex %d; they go in pairs", keys, patterns)
	}
	return own.check(input)
}

// checkPipeline checks the configuration of a pipeline of the newer agents.
func checkPipeline(d Document) error {
	err := members{
		{"inputs", anArray, true},
		{"flushers", anArray, true},
		{"processors", anArray, false},
		{"aggregators", anArray, false},
		{"global", anObject, false},
		{"task", anObject, false},
		{"logSample", aText, false},
	}.check(d)
	if err != nil {
		return err
	}
	for _, stage := range []string{"inputs", "processors", "aggregators", "flushers"} {
		for i, raw := range d.Array(stage) {
			if typeOf(raw) != anObject {
				return sluice.Errorf(sluice.Invalid, "", "%s[%d] is %s and not %s", stage, i, typeOf(raw), anObject)
			}
			plugin, err := parseStored(raw)
			if err != nil {
				return err
			}
			if plugin.Text("Type") == "" {
				return sluice.Errorf(sluice.Invalid, "", "%s[%d].Type is missing: it is the plug-in's name", stage, i)
			}
		}
	}
	if len(d.Array("inputs")) == 0 || len(d.Array("flushers")) == 0 {
		return sluice.Errorf(sluice.Invalid, "", "it takes an input and a flusher at least")
	}
	return nil
}

// PipelineLogstores are the logstores that the flushers of a pipeline send logs to.
func PipelineLogstores(d Document) []string {
	var names []string
	for _, raw := range d.Array("flushers") {
		if flusher, err := parseStored(raw); err == nil && flusher.Text("Logstore") != "" {
			names = append(names, flusher.Text("Logstore"))
		}
	}
	return names
}
