package courier

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/shape"
	"github.com/sluicelog/sluice/internal/trail/trails"
)

// Houses are the projects that trails deliver to.
type Houses interface {
	// Prepare makes the logstore of a trail with its index, if the project is the account's. Errors for the client: NotFound "project".
	Prepare(ctx context.Context, account, project, logstore string, index json.RawMessage) error
	// Append writes into it; nil means that it is on disk. Errors: NotFound "project", also for one that has become another account's, "logstore".
	Append(ctx context.Context, account string, ref sluice.LogstoreRef, group *sluice.LogGroup) error
}

// Bounds of one log group.
const (
	groupEvents = 500
	groupBytes  = 2 << 20
)

// What logs of a trail look like (reference audit 2.4): one field, which holds the event.
const (
	logTopic  = "actiontrail_audit_event"
	logSource = "actiontrail"
	logKey    = "event"
)

// nextGroup delivers the next events as one log group, and reports whether the log had no more. After a crash between the append and the save
// that follows it, the group is there twice.
func (r *route) nextGroup(ctx context.Context, a *trails.Active) (tail bool, err error) {
	group := &sluice.LogGroup{Topic: logTopic, Source: logSource}
	size := 0
	s := r.state
	tail, err = r.collect(ctx, a, &s, ^uint64(0), func(e *trail.Event) (more bool, err error) {
		text, err := shape.ActionTrail(e)
		if err != nil {
			return false, err
		}
		group.Records = append(group.Records, sluice.Record{
			Time: uint32(e.Time.Unix()), Nanos: uint32(e.Time.Nanosecond()), Fields: []sluice.Field{{Key: logKey, Value: string(text)}},
		})
		size += len(text)
		return len(group.Records) < groupEvents && size < groupBytes, nil
	})
	if err != nil {
		return false, err
	}
	if len(group.Records) == 0 {
		return tail, r.pass(ctx, s)
	}
	now := r.c.o.Now().UTC()
	if err := r.append(ctx, a, group); err != nil {
		return false, errors.Join(err, r.refused(ctx, now, err))
	}
	p := &s.Progress
	p.Attempted, p.Delivered, p.Error, p.Detail = now, now, "", ""
	p.Events += int64(len(group.Records))
	r.c.metrics.events.Add(float64(len(group.Records)))
	return tail, r.save(ctx, s)
}

// append writes a group, into a logstore that is made anew if somebody deleted it.
func (r *route) append(ctx context.Context, a *trails.Active, group *sluice.LogGroup) error {
	ref := sluice.LogstoreRef{Project: a.Project, Logstore: a.Logstore()}
	err := r.c.o.Houses.Append(ctx, a.Account, ref, group)
	if sluice.KindOf(err) != sluice.NotFound {
		return err
	}
	if err := r.c.o.Houses.Prepare(ctx, a.Account, ref.Project, ref.Logstore, LogIndex()); err != nil {
		return err
	}
	return r.c.o.Houses.Append(ctx, a.Account, ref, group)
}

// logCode is what the service calls an error of a project.
func logCode(e *sluice.Error) string {
	switch {
	case e.Kind == sluice.NotFound && e.Noun == "project":
		return "ProjectNotExist"
	case e.Kind == sluice.NotFound && e.Noun == "logstore":
		return "LogStoreNotExist"
	case e.Kind == sluice.Unauthorized:
		return "Unauthorized"
	case e.Kind == sluice.Throttled:
		return "WriteQuotaExceed"
	}
	return "InternalServerError"
}

// logFields are the members of an event that have an index of their own.
var logFields = []string{
	"eventId", "eventName", "eventSource", "eventType", "eventRW", "eventCategory", "serviceName", "acsRegion", "apiVersion", "requestId",
	"sourceIpAddress", "userAgent", "errorCode", "errorMessage", "resourceType", "resourceName", "isGlobal", "requestParameterJson",
	"userIdentity.type", "userIdentity.principalId", "userIdentity.accountId", "userIdentity.userName", "userIdentity.accessKeyId",
	"userIdentity.sessionContext.attributes.mfaAuthenticated", "additionalEventData.isMFAChecked",
}

// LogIndex is the index configuration of the logstores of trails.
func LogIndex() json.RawMessage {
	token := []string{",", " ", "'", "\"", ";", "=", "(", ")", "[", "]", "{", "}", "?", "@", "&", "<", ">", "/", ":", "\n", "\t", "\r"}
	keys := map[string]any{}
	for _, name := range logFields {
		keys[name] = map[string]any{"type": "text", "doc_value": true, "token": token, "caseSensitive": false, "chn": false}
	}
	raw, _ := json.Marshal(map[string]any{ // of texts
		"line": map[string]any{"token": token, "caseSensitive": false, "chn": false},
		"keys": map[string]any{logKey: map[string]any{
			"type": "json", "doc_value": true, "token": token, "caseSensitive": false, "chn": false, "index_all": true, "max_depth": -1, "json_keys": keys,
		}},
	})
	return raw
}
