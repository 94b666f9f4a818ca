package luban

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/assistant"
	"github.com/sluicelog/sluice/internal/schedule"
)

// Codes that the client sends as records show them.
var (
	containerCodes = []string{
		"InvalidContainerId", "InvalidContainerName", "UnsupportedContainerRuntime", "ContainerConnectFailed", "ContainerStateAbnormal", "ContainerNotFound",
		"ContainerNameDuplicated", "ContainerNameAndIdNotMatch",
	}
	scheduleCodes = []string{
		schedule.BadCron, schedule.BadOffset, schedule.BadHour, schedule.BadMinute, schedule.BadZone, schedule.BadRate, schedule.RateTooLarge,
		schedule.BadAt, schedule.AtExpired, schedule.CronExpired,
	}
)

// rejections are the codes of records for what a client finds wrong with a task.
var rejections = map[string]string{
	"TypeInvalid":                 "CommandNotApplicable",
	"CommandContentInvalid":       "CommandContentDecodeError",
	"UsernameOrPasswordInvalid":   "AccountNotExists",
	"InvalidEnvironmentParameter": "InvalidSystemBuiltInParameter",
	"FileNameInvalid":             "FileNameInvalid",
	"FileExist":                   "FileAlreadyExists",
	"EmptyFile":                   "FileContentInvalid",
	"InvalidFileContent":          "FileContentInvalid",
	"InvalidSignature":            "FileContentInvalid",
	"InvalidFileMode":             "FileAuthorityInvalid",
	"FileGroupNotExist":           "UserGroupNotExists",
	"FileOwnerNotExist":           "AccountNotExists",
}

const codeException = "ExecutionException"

// rejection is what a record says of a task that a client finds invalid.
func rejection(param, value string) (code, info string) {
	info = "the agent refuses the task: " + param + " " + value
	switch {
	case rejections[param] != "":
		code = rejections[param]
	case slices.Contains(containerCodes, param):
		code = param
	case param == "cron" && slices.Contains(scheduleCodes, value):
		code = value
	case param == "cron":
		code = schedule.BadCron
	case strings.EqualFold(param, "workingDirectory") && strings.HasPrefix(value, "DefaultWorkingDirectoryNotAvailable"):
		code = "DefaultWorkingDirectoryNotAvailable"
	case strings.EqualFold(param, "workingDirectory"):
		code = "DirectoryNotExists"
	default:
		code = codeException
	}
	return code, short(strings.TrimSpace(info))
}

// execution names the numbers of errors that keep a command from running.
var execution = map[string]string{
	"-1": "the script has no path", "-2": "the type of the command is not known", "-3": "the content is not base64", "-4": "the script cannot be written",
	"-5": "the mode of the script cannot be set", "-6": "the rights of the script cannot be set", "-7": "the script cannot be started",
	"-8": "there is no space on the disk", "-9": "the script is there already: an earlier process of the agent had begun the task",
	"-10": "there is no PowerShell", "-11": "there is no shell", "-12": "a parameter cannot be resolved", "-13": "the command cannot be carried out",
}

// over reads the end of a run.
func over(rep *assistant.Report, kind string, q url.Values) {
	rep.Kind = assistant.ReportOver
	exit := q.Get("exitCode")
	if kind == "stopped" {
		exit = q.Get("exitcode") // so the client writes it here
	}
	if code, err := strconv.ParseInt(exit, 10, 64); err == nil {
		rep.ExitCode = &code
	}
	switch kind {
	case "finish":
		rep.Outcome = agentproto.Exited
		if rep.ExitCode == nil {
			rep.Outcome, rep.ErrorCode, rep.ErrorInfo = agentproto.Errored, codeException, "the agent gives no exit code"
		}
	case "timeout":
		rep.Outcome = agentproto.TimedOut
	case "error":
		rep.Outcome, rep.ExitCode = agentproto.Errored, nil
		rep.ErrorCode, rep.ErrorInfo = failure(q.Get("errCode"), q.Get("errDesc"))
		if rep.RunMark == "" { // it never began, and the next may not either
			rep.RunMark = rep.OverMark
		}
	case "stopped":
		stopped(rep, q)
	}
}

// failure is what a record says of a run that could not be carried out.
func failure(number, text string) (code, info string) {
	code = codeException
	if slices.Contains(containerCodes, number) {
		code = number
	}
	if known := execution[number]; known != "" {
		text = known + ": " + text
	}
	return code, short(strings.TrimSuffix(strings.TrimSpace(text), ":"))
}

// stopped reads the end of a task that was stopped, or of a schedule that has no more times.
func stopped(rep *assistant.Report, q url.Values) {
	rep.ExitCode = nil
	switch q.Get("result") {
	case "completed":
		rep.Kind = assistant.ReportEnded
	case "failed":
		rep.Kind, rep.Outcome, rep.ErrorCode = assistant.ReportStopped, agentproto.Errored, "TerminationException"
		_, rep.ErrorInfo = failure(q.Get("errCode"), q.Get("errDesc"))
	default:
		rep.Kind, rep.Outcome = assistant.ReportStopped, agentproto.Terminated
	}
}

// sending names the numbers of errors that keep a file from being written.
var sending = map[string]struct{ code, info string }{
	"1": {"FileCreateFail", "the file cannot be written"},
	"2": {"FileAuthorityInvalid", "the owner of the file cannot be set"},
	"3": {"FileAuthorityInvalid", "the mode of the file cannot be set"},
	"4": {"FilePathInvalid", "the directory cannot be made"},
}

// sent reads what came of a file.
func sent(rep *assistant.Report, q url.Values) {
	rep.Kind = assistant.ReportOver
	if q.Get("status") == "Success" {
		ok := int64(0)
		rep.Outcome, rep.ExitCode = agentproto.Exited, &ok
		return
	}
	rep.Outcome = agentproto.Errored
	why, known := sending[q.Get("errorcode")]
	if !known {
		why.code, why.info = "FileCreateFail", short("the file cannot be written: error "+q.Get("errorcode"))
	}
	rep.ErrorCode, rep.ErrorInfo = why.code, why.info
}

// short makes text from outside fit for a record.
func short(text string) string {
	if len(text) > maxInfo {
		text = text[:maxInfo]
	}
	return strings.ToValidUTF8(text, "?")
}

// quiet: every other path below /luban/
//
// Updates, plug-ins, inventory, telemetry, terminals: there is nothing, said in the form that the client reads.
func (g *Gateway) quiet(w http.ResponseWriter, r *request) error {
	said, ok := nothing[strings.TrimPrefix(r.URL.Path, "/luban/")]
	if !ok {
		return refuse(http.StatusNotFound, "NotFound", "there is no such path")
	}
	answer(w, http.StatusOK, said)
	return nil
}

// Seconds after which clients ask again.
const askAgain = 1800

type object = map[string]any

// nothing is what is said by path.
var nothing = map[string]any{
	"api/v1/update/update_check":     object{"need_update": 0, "next_interval": askAgain},
	"api/v1/plugin/list":             object{"code": http.StatusOK, "pluginList": []any{}},
	"api/v1/plugin/report_status":    object{"code": http.StatusOK, "scanInterval": askAgain, "pullInterval": askAgain, "refreshInterval": askAgain, "reportType": 0},
	"api/v2/plugin/update_check":     object{"nextInterval": askAgain, "plugin": []any{}},
	"api/metrics":                    object{},
	"api/v1/exception/client_report": object{},
	"api/gshell":                     object{"gshellSupport": "false"},
	"api/v1/session/list":            object{"code": http.StatusOK, "run": []any{}, "stop": []any{}, "test": []any{}, "file": []any{}, "session": []any{}},
	"api/v1/session/status":          done,

	"api/instance/list_instance_state_configurations": notSupported,
	"api/instance/get_template":                       notSupported,
	"api/instance/put_inventory":                      notSupported,
	"api/instance/put_instance_state_report":          notSupported,
}

var notSupported = object{"errCode": "ServiceNotSupported", "errMsg": ""}
