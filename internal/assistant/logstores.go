package assistant

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta"
)

const project = "sluice-assistant"

// Project is the project of an account's logstores below, which are made when they are first needed.
func Project(account string) string {
	if account == "" {
		return project
	}
	return project + "-" + account
}

// Reserved reports whether a name can only be that of a [Project]: nobody else is to make a project of it, or he would hold the records of another
// account.
func Reserved(name string) bool { return name == project || strings.HasPrefix(name, project+"-") }

// Records has a log for each run of an account that is over, and each target that is over without any; see [Record].
func Records(account string) sluice.LogstoreRef {
	return sluice.LogstoreRef{Project: Project(account), Logstore: "execution-records"}
}

// FullOutput has what runs of an account wrote, in pieces: InvokeId, InstanceId, Repeats, Offset, Output.
func FullOutput(account string) sluice.LogstoreRef {
	return sluice.LogstoreRef{Project: Project(account), Logstore: "execution-output"}
}

const logstoreDays = 90

// logstores makes the logstores of the assistant, each in a project of the account that it is for.
type logstores struct {
	cat  *catalog.Catalog
	mu   sync.Mutex // guards made
	made map[sluice.LogstoreRef]bool
}

// ensure makes a logstore of an account with an index, unless it is there. Errors: Conflict "logstore" if somebody else has a project of that name.
func (l *logstores) ensure(ctx context.Context, account string, ref sluice.LogstoreRef, index json.RawMessage) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.made[ref] {
		_, err := l.cat.Logstore(ctx, ref)
		if sluice.KindOf(err) != sluice.NotFound {
			return err
		}
	}
	err := exists(l.cat.CreateProject(ctx, meta.Project{Name: ref.Project, Account: account, Description: "records of commands and files"}))
	if err == nil {
		err = l.owns(ctx, account, ref.Project)
	}
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

// owns returns an error if a project is another account's.
func (l *logstores) owns(ctx context.Context, account, project string) error {
	p, err := l.cat.Project(ctx, project)
	if err == nil && p.Account != account {
		err = sluice.Errorf(sluice.Conflict, "logstore", "project %s, which records of this account need, belongs to another account: delete it or have it deleted", project)
	}
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
