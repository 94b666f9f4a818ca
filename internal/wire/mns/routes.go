package mns

import (
	"net/url"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/queue"
)

// action is one row of the table of actions.
type action struct {
	name       string
	permission string // what policies know it by
	mutating   bool
	method     string
	path       string // "", "queue" or "messages": what it is about
	with       string // the parameter that tells it from others of the same method and path; "" for the one without
	handle     func(*API, *request) (answer, error)
}

// actions are all actions of the dialect. Of rows with the same method and path, the first whose parameter is there is it.
var actions = []action{
	{"ListQueue", "mns:ListQueue", false, "GET", "", "", (*API).listQueues},
	{"SetQueueAttributes", "mns:SetQueueAttributes", true, "PUT", "queue", "metaoverride", (*API).setQueue},
	{"CreateQueue", "mns:CreateQueue", true, "PUT", "queue", "", (*API).createQueue},
	{"GetQueueAttributes", "mns:GetQueueAttributes", false, "GET", "queue", "", (*API).getQueue},
	{"DeleteQueue", "mns:DeleteQueue", true, "DELETE", "queue", "", (*API).deleteQueue},
	{"SendMessage", "mns:SendMessage", true, "POST", "messages", "", (*API).sendMessages},
	{"PeekMessage", "mns:PeekMessage", false, "GET", "messages", "peekonly", (*API).peekMessages},
	{"ReceiveMessage", "mns:ReceiveMessage", true, "GET", "messages", "", (*API).receiveMessages},
	{"PurgeQueue", "mns:PurgeQueue", true, "DELETE", "messages", "purge", (*API).purgeQueue},
	{"DeleteMessage", "mns:DeleteMessage", true, "DELETE", "messages", "ReceiptHandle", (*API).deleteMessage},
	{"BatchDeleteMessage", "mns:DeleteMessage", true, "DELETE", "messages", "", (*API).deleteMessages},
	{"ChangeMessageVisibility", "mns:ChangeMessageVisibility", true, "PUT", "messages", "", (*API).changeVisibility},
}

// flags are parameters that stand for an action only if they are true.
var flags = map[string]bool{"metaoverride": true, "peekonly": true, "purge": true}

// route finds the action, and reads what the path and the query say.
func (q *request) route() (*action, error) {
	var ok bool
	if q.name, q.below, ok = split(q.r.URL.Path); !ok {
		return nil, sluice.Errorf(sluice.Invalid, "url", "%.200q is no address of a queue: this server has /queues, and neither topics nor subscriptions", q.r.URL.Path)
	}
	if q.name != "" {
		if err := queue.CheckName(q.name); err != nil {
			return nil, err
		}
	}
	var err error
	if q.query, err = url.ParseQuery(q.r.URL.RawQuery); err != nil {
		return nil, sluice.Errorf(sluice.Invalid, "query", "the query string is badly encoded")
	}
	path := q.below
	if path == "" && q.name != "" {
		path = "queue"
	}
	for i := range actions {
		act := &actions[i]
		if act.method == q.r.Method && act.path == path && q.has(act.with) {
			return act, nil
		}
	}
	return nil, sluice.Errorf(sluice.Invalid, "url", "there is no action %s on %.200q", q.r.Method, q.r.URL.Path)
}

// has reports whether the parameter that stands for an action is there.
func (q *request) has(name string) bool {
	switch {
	case name == "":
		return true
	case flags[name]:
		return strings.EqualFold(q.query.Get(name), "true")
	}
	return q.query.Has(name)
}
