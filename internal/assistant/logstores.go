package assistant

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta"
)

// Project is the project of the logstores below, which are made when they are first needed.
const Project = "sluice-assistant"

// The logstores of the assistant.
var (
	// Records has a log for each run that is over, and each target that is over without any; see [Record].
	Records = sluice.LogstoreRef{Project: Project, Logstore: "execution-records"}
	// FullOutput has what runs wrote, in pieces: InvokeId, InstanceId, Repeats, Offset, Output.
	FullOutput = sluice.LogstoreRef{Project: Project, Logstore: "execution-output"}
)

const logstoreDays = 90

// logstores makes the logstores of the assistant.
type logstores struct {
	cat  *catalog.Catalog
	mu   sync.Mutex // guards made
	made map[sluice.LogstoreRef]bool
}

// ensure makes a logstore with an index, unless it is there.
func (l *logstores) ensure(ctx context.Context, ref sluice.LogstoreRef, index json.RawMessage) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.made[ref] {
		_, err := l.cat.Logstore(ctx, ref)
		if sluice.KindOf(err) != sluice.NotFound {
			return err
		}
	}
	err := exists(l.cat.CreateProject(ctx, meta.Project{Name: ref.Project, Description: "records of commands and files"}))
	if err == nil {
		err = exists(l.cat.CreateLogstore(ctx, meta.Logstore{Project: ref.Project, Name: ref.Logstore, TTLDays: logstoreDays}, 1))
	}
	if err == nil {
		err = exists(l.cat.CreateIndex(ctx, ref, index))
	}
	if l.made == nil {
		l.made = map[sluice.LogstoreRef]bool{}
	}
	l.made[ref] = err == nil
	return err
}

// exists is err, unless that says that something is there already.
func exists(err error) error {
	if sluice.KindOf(err) == sluice.AlreadyExists {
		return nil
	}
	return err
}

// indexOf makes an index with these keys as numbers and those as text.
func indexOf(numbers, texts []string) json.RawMessage {
	keys := map[string]any{}
	for _, k := range numbers {
		keys[k] = map[string]any{"type": "long", "doc_value": true}
	}
	tokens := []string{",", " ", "'", "\"", ";", "=", "(", ")", "[", "]", "{", "}", "?", "@", "&", "<", ">", "/", ":", "\n", "\t", "\r"}
	for _, k := range texts {
		keys[k] = map[string]any{"type": "text", "doc_value": true, "caseSensitive": false, "chn": false, "token": tokens}
	}
	raw, _ := json.Marshal(map[string]any{ // of constants
		"line": map[string]any{"token": tokens, "caseSensitive": false, "chn": false}, "keys": keys,
	})
	return raw
}

var recordIndex = indexOf(
	[]string{"ResourceOwnerUid", "CallerUid", "Timeout", "Repeats", "Dropped", "ExitCode"},
	[]string{
		"RegionId", "InstanceId", "InvokeId", "CommandId", "CommandName", "CommandType", "CommandContent", "CallerType", "Frequency", "Parameters", "Username",
		"RepeatMode", "InvocationStatus", "ErrorCode", "ErrorInfo", "Output", "CreationTime", "StartTime", "UpdateTime", "FinishedTime", "StopTime",
		"FileName", "ContentType", "Description", "FileContent", "FileGroup", "FileMode", "FileOwner", "Overwrite", "TargetDir", "FinishTime",
	})

var outputIndex = indexOf([]string{"Repeats", "Offset"}, []string{"InvokeId", "InstanceId", "Output"})

// readBack gives fn the logs of a logstore that may have come at a time or later. Damaged places are passed over.
func readBack(ctx context.Context, cat *catalog.Catalog, ref sluice.LogstoreRef, from time.Time, fn func(*sluice.Record)) error {
	l, err := cat.Logstore(ctx, ref)
	if sluice.KindOf(err) == sluice.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	for i := range l.Shards {
		if err := catalog.EachRecord(ctx, l.Shards[i].Stored, from, fn); err != nil {
			return err
		}
	}
	return nil
}

// fields are the values of a log by key.
func fields(r *sluice.Record) map[string]string {
	m := make(map[string]string, len(r.Fields))
	for _, f := range r.Fields {
		m[f.Key] = f.Value
	}
	return m
}
