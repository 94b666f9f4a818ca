package luban

import (
	"crypto/md5" //nolint:gosec // it is what the client checks files with
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/schedule"
)

// taskList is the answer to a fetch. The client passes over all of it if one member has another type than here.
type taskList struct {
	Code       int         `json:"code"`
	InstanceID string      `json:"instanceId"`
	Run        []runEntry  `json:"run"`
	Stop       []runEntry  `json:"stop"`
	Test       []runEntry  `json:"test"`
	File       []fileEntry `json:"file"`
	Session    []struct{}  `json:"session"` // there are no terminals
}

type runEntry struct {
	Repeat string  `json:"repeat"`
	Output output  `json:"output"`
	Task   runTask `json:"task"`
}

// output says how a run's output is reported.
type output struct {
	Interval  int  `json:"interval"` // milliseconds between reports while it runs
	LogQuota  int  `json:"logQuota"` // bytes in all
	SkipEmpty bool `json:"skipEmpty"`
	SendStart bool `json:"sendStart"` // the first report says that it began
}

type runTask struct {
	Type                string            `json:"type"`
	TaskID              string            `json:"taskID"`
	CommandID           string            `json:"commandId"`
	CommandName         string            `json:"commandName"`
	InvokeVersion       int               `json:"invokeVersion"`
	CommandContent      string            `json:"commandContent"` // base64
	WorkingDirectory    string            `json:"workingDirectory"`
	Args                string            `json:"args"`
	Cron                string            `json:"cron"`
	Username            string            `json:"username"`
	WindowsPasswordName string            `json:"windowsPasswordName"`
	TimeOut             string            `json:"timeOut"` // seconds
	EnableParameter     bool              `json:"enableParameter"`
	CreationTime        int64             `json:"creationTime"` // milliseconds since 1970
	ContainerID         string            `json:"containerId"`
	ContainerName       string            `json:"containerName"`
	BuiltInParameter    map[string]string `json:"builtInParameter"`
	TerminationMode     string            `json:"terminationMode"` // of newer clients, like the launcher
	Launcher            string            `json:"launcher"`
}

type fileEntry struct {
	Output output   `json:"output"`
	Task   fileTask `json:"task"`
}

type fileTask struct {
	TaskID      string `json:"taskID"`
	Name        string `json:"name"`
	Content     string `json:"content"` // base64
	ContentType string `json:"contentType"`
	Destination string `json:"destination"`
	Group       string `json:"group"`
	Owner       string `json:"owner"`
	Mode        string `json:"mode"`
	Overwrite   bool   `json:"overwrite"`
	Signature   string `json:"signature"` // MD5 of the content in base64, in hexadecimal digits
	Timeout     int64  `json:"timeout"`
}

// reported is how the output of a run is asked for: as much as a record shows.
var reported = output{Interval: 1000, LogQuota: agentproto.MaxRecordOutput, SkipEmpty: true, SendStart: true}

// tasks: POST /luban/api/v1/task/list
//
// Query: reason=startup, with cold_start, from a client that has just started and knows nothing; reason=kickoff from others. taskId chooses nothing:
// all that there is is handed out. What is handed out counts as taken.
func (g *Gateway) tasks(w http.ResponseWriter, r *request) error {
	if r.host.refused() {
		return refuseClone()
	}
	q := r.URL.Query()
	claimed, more, err := g.s.Claim(r.host.instance, q.Get("reason") == "startup", q.Get("cold_start") == "true")
	if err != nil {
		return err
	}
	list := &taskList{
		Code: http.StatusOK, InstanceID: r.host.instance,
		Run: []runEntry{}, Stop: []runEntry{}, Test: []runEntry{}, File: []fileEntry{}, Session: []struct{}{},
	}
	for _, t := range claimed {
		list.add(t)
	}
	for _, id := range r.host.takeStops() { // of kinds that are forgotten: as a schedule, which holds its run, and then as a run
		for _, repeat := range []string{"Period", agentproto.Once} {
			list.Stop = append(list.Stop, runEntry{Repeat: repeat, Output: reported, Task: runTask{TaskID: id, BuiltInParameter: map[string]string{}}})
		}
	}
	answer(w, http.StatusOK, list)
	if more {
		r.host.kick()
	}
	return nil
}

func (l *taskList) add(t *agentproto.Task) {
	switch {
	case t.Kind == agentproto.TaskFile:
		l.File = append(l.File, fileOf(t))
	case t.Kind == agentproto.TaskStop:
		l.Stop = append(l.Stop, runOf(t))
	case t.Run.Repeat == agentproto.DryRun:
		l.Test = append(l.Test, runOf(t))
	default:
		l.Run = append(l.Run, runOf(t))
	}
}

// runOf is a command, or the end of one, as the client reads it. Its parameters are in place already.
func runOf(t *agentproto.Task) runEntry {
	r := t.Run
	e := runEntry{Output: reported, Task: runTask{
		Type: r.Type, TaskID: t.Invocation, CommandID: r.CommandID, CommandName: r.CommandName, InvokeVersion: t.Version,
		CommandContent: base64.StdEncoding.EncodeToString(r.Content), WorkingDirectory: r.Directory, Username: r.User,
		TimeOut: strconv.FormatInt(r.Timeout, 10), CreationTime: int64(r.Created), BuiltInParameter: map[string]string{},
		TerminationMode: "Process", Launcher: r.Launcher,
	}}
	if r.User == "root" {
		e.Task.Username = "" // the client refuses root by name, and runs as root without one
	}
	if r.KillTree {
		e.Task.TerminationMode = "ProcessTree"
	}
	e.Repeat, e.Task.Cron = repeatOf(r)
	e.Task.ContainerID, e.Task.ContainerName = containerOf(r.Container)
	return e
}

// repeatOf is how a command repeats in the client's words, and when.
func repeatOf(r *agentproto.Run) (repeat, cron string) {
	switch {
	case r.Repeat == agentproto.DryRun: // the list that it is in says so
		return agentproto.Once, ""
	case r.Repeat != agentproto.Period:
		return r.Repeat, ""
	case strings.HasPrefix(r.Frequency, "rate("):
		return "Rate", r.Frequency
	case strings.HasPrefix(r.Frequency, "at("):
		if s, err := schedule.Parse(r.Frequency); err == nil {
			if at, ok := s.Next(time.Time{}, time.Time{}, time.UTC); ok {
				return "At", at.UTC().Format("at(2006-01-02T15:04:05)")
			}
		}
		return "At", r.Frequency
	}
	return r.Repeat, r.Frequency
}

// containerOf tells an id from a name.
func containerOf(container string) (id, name string) {
	bare := container
	if _, after, ok := strings.Cut(container, "://"); ok {
		bare = after
	}
	if _, err := hex.DecodeString(bare); err == nil && len(bare) == hex.EncodedLen(32) {
		return container, ""
	}
	return "", container
}

func fileOf(t *agentproto.Task) fileEntry {
	f := t.File
	content := base64.StdEncoding.EncodeToString(f.Content)
	sum := md5.Sum([]byte(content)) //nolint:gosec // as above
	return fileEntry{Output: reported, Task: fileTask{
		TaskID: t.Invocation, Name: f.Name, Content: content, ContentType: "Base64", Destination: f.Directory, Group: f.Group, Owner: f.Owner, Mode: f.Mode,
		Overwrite: f.Overwrite, Signature: hex.EncodeToString(sum[:]), Timeout: f.Timeout,
	}}
}
