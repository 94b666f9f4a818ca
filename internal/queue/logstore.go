package queue

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta"
)

// Logstore is where the bodies of an account's messages are: one logstore for all its queues.
func Logstore(account string) sluice.LogstoreRef {
	project := "mns-queues"
	if account != "" {
		project += "-" + account
	}
	return sluice.LogstoreRef{Project: project, Logstore: "messages"}
}

// logstoreDays is longer than any message is kept. Whoever shortens it loses messages.
const logstoreDays = maxRetention/(24*3600) + 1

// Fields of the log of a message. Its topic is the queue.
const (
	fieldID   = "MessageId"
	fieldBody = "MessageBody"
)

// logstores makes the logstores of bodies.
type logstores struct {
	cat *catalog.Catalog
	mu  sync.Mutex // one maker at a time
}

// ensure makes the logstore of an account, unless it is there. Errors: Conflict "logstore" if somebody else has a project of that name.
func (l *logstores) ensure(ctx context.Context, account string) error {
	ref := Logstore(account)
	l.mu.Lock()
	defer l.mu.Unlock()
	err := exists(l.cat.CreateProject(ctx, meta.Project{Name: ref.Project, Account: account, Description: "bodies of messages"}))
	if err != nil {
		return err
	}
	p, err := l.cat.Project(ctx, ref.Project)
	if err != nil {
		return err
	}
	if p.Account != account {
		return sluice.Errorf(sluice.Conflict, "logstore", "project %s, which messages of this account need, belongs to another account", ref.Project)
	}
	err = exists(l.cat.CreateLogstore(ctx, meta.Logstore{
		Project: ref.Project, Name: ref.Logstore, TTLDays: logstoreDays, AutoSplit: true, MaxSplitShard: 8,
	}, 1))
	if err != nil {
		return err
	}
	return exists(l.cat.CreateIndex(ctx, ref, bodyIndex))
}

// exists is err, unless that says that something is there already.
func exists(err error) error {
	if sluice.KindOf(err) == sluice.AlreadyExists {
		return nil
	}
	return err
}

var bodyIndex = func() json.RawMessage {
	text := map[string]any{
		"type": "text", "doc_value": true, "caseSensitive": false, "chn": false,
		"token": []string{",", " ", "'", "\"", ";", "=", "(", ")", "[", "]", "{", "}", "?", "@", "&", "<", ">", "/", ":", "\n", "\t", "\r"},
	}
	raw, err := json.Marshal(map[string]any{"keys": map[string]any{
		fieldID: text, fieldBody: text, "Priority": map[string]any{"type": "long", "doc_value": true},
	}})
	if err != nil {
		panic(err) // of constants
	}
	return raw
}()
