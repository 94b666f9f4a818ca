package assistant

import (
	"fmt"
	"strconv"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Record is what came of one run, as it is written to the logstore: one log whose fields are these, in this order, with text as values.
type Record struct {
	Time   time.Time   `json:"time"` // of the log
	Topic  string      `json:"topic"`
	Source string      `json:"source"`
	Fields [][2]string `json:"fields"`
	Made   time.Time   `json:"made"` // when the row was put into the outbox: the record is in no log that came before
}

// Topics of records.
const (
	TopicCommand = "cloud_assistant_invocation"
	TopicFile    = "cloud_assistant_sendfile"
)

// callerType is the only type of callers that is documented.
const callerType = "customer"

// timeText is a time as records and answers have it; "" for none.
func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// recordOf makes the record of the run that t shows.
func (s *Service) recordOf(inv *Invocation, t *Target, now time.Time) *Record {
	r := &Record{Time: t.Finished, Topic: TopicCommand, Source: s.o.Region, Made: now}
	if r.Time.IsZero() {
		r.Time = t.Updated
	}
	if inv.File != nil {
		r.Topic = TopicFile
		s.fileFields(r, inv, t)
	} else {
		s.commandFields(r, inv, t)
	}
	return r
}

func (r *Record) add(key, value string) { r.Fields = append(r.Fields, [2]string{key, value}) }

func (r *Record) number(key string, n int64) { r.add(key, strconv.FormatInt(n, 10)) }

// runStatus is the state of the run that t shows: not that of the schedule that it belongs to.
func (t *Target) runStatus(inv *Invocation) Status {
	if !inv.single() && t.Runs > 0 && !t.Status.Final() {
		return t.LastRun
	}
	return t.Status
}

// commandFields are the 27 fields of the record of a command (reference cloud-assistant 3.1), of which two are there only for errors.
func (s *Service) commandFields(r *Record, inv *Invocation, t *Target) {
	r.add("RegionId", s.o.Region)
	r.add("InstanceId", t.Instance)
	r.add("InvokeId", inv.ID)
	r.add("CommandId", inv.CommandID)
	r.add("CommandName", inv.CommandName)
	r.add("CommandType", inv.Type)
	r.add("CommandContent", inv.Content)
	r.number("ResourceOwnerUid", inv.Caller.Account)
	r.number("CallerUid", inv.Caller.User)
	r.add("CallerType", callerType)
	r.number("Timeout", inv.Timeout)
	r.add("Frequency", inv.Frequency)
	r.add("Parameters", inv.ParametersText())
	r.add("Username", inv.Username)
	r.add("RepeatMode", inv.RepeatMode)
	r.number("Repeats", t.Runs)
	r.add("InvocationStatus", string(t.runStatus(inv)))
	r.addError(t)
	r.number("Dropped", t.Dropped)
	r.add("Output", t.Output)
	if t.ExitCode != nil {
		r.number("ExitCode", *t.ExitCode)
	}
	r.add("CreationTime", timeText(inv.Created))
	r.add("StartTime", timeText(t.Started))
	r.add("UpdateTime", timeText(t.Updated))
	r.add("FinishedTime", timeText(t.Finished))
	r.add("StopTime", timeText(t.Stopped))
}

// fileFields are the 23 fields of the record of a file (reference 3.2), of which two are there only for errors.
func (s *Service) fileFields(r *Record, inv *Invocation, t *Target) {
	f := inv.File
	r.add("RegionId", s.o.Region)
	r.add("InstanceId", t.Instance)
	r.add("InvokeId", inv.ID)
	r.add("FileName", f.Name)
	r.add("ContentType", f.ContentType)
	r.add("Description", f.Description)
	r.add("FileContent", f.Content)
	r.add("FileGroup", f.Group)
	r.add("FileMode", f.Mode)
	r.add("FileOwner", f.Owner)
	r.number("ResourceOwnerUid", inv.Caller.Account)
	r.number("CallerUid", inv.Caller.User)
	r.add("CallerType", callerType)
	r.add("Overwrite", strconv.FormatBool(f.Overwrite))
	r.add("TargetDir", f.TargetDir)
	r.number("Timeout", inv.Timeout)
	r.add("InvocationStatus", string(t.Status))
	r.addError(t)
	r.add("CreationTime", timeText(inv.Created))
	r.add("StartTime", timeText(t.Started))
	r.add("UpdateTime", timeText(t.Updated))
	r.add("FinishTime", timeText(t.Finished))
}

func (r *Record) addError(t *Target) {
	if t.ErrorCode != "" {
		r.add("ErrorCode", t.ErrorCode)
		r.add("ErrorInfo", t.ErrorInfo)
	}
}

// log is the record as a log.
func (r *Record) log() sluice.Record {
	l := sluice.Record{Time: uint32(max(r.Time.Unix(), 0)), Nanos: uint32(r.Time.Nanosecond())}
	for _, f := range r.Fields {
		l.Fields = append(l.Fields, sluice.Field{Key: f[0], Value: f[1]})
	}
	return l
}

// size is about how many bytes the log takes.
func (r *Record) size() int {
	n := 0
	for _, f := range r.Fields {
		n += len(f[0]) + len(f[1])
	}
	return n
}

// runName names a run among items, and its record in the outbox.
func runName(t *Target) string { return fmt.Sprintf("%s/%010d", t.key().name(), t.Runs) }

// putRecord puts the record of the run that t shows into the outbox of its account. Where twice as many wait as may, it is lost: schedules go on by
// themselves, and who lets them run without a place for their records may not fill the metadata of all. A commit that is tried again may count it twice.
func (s *Service) putRecord(tx meta.Tx, inv *Invocation, t *Target) error {
	if s.outbox.held(inv.Account) >= 2*s.o.MaxWaiting {
		s.metrics.lost.Inc()
		return nil
	}
	return put(tx, of(kindOutbox, inv.Account), runName(t), "", s.recordOf(inv, t, s.now()))
}
