package mns

import (
	"net/http"
	"strconv"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/queue"
)

// CreateQueue: PUT /queues/{queue}
//
// Behavior: 201 and the queue's address; 204 if there is one with the same attributes; QueueAlreadyExist if it has others.
// Differs: a name may be used again as soon as its queue was deleted.
func (a *API) createQueue(q *request) (answer, error) {
	attributes := queue.DefaultAttributes()
	if err := q.attributes(&attributes); err != nil {
		return answer{}, err
	}
	made, err := a.queues.Create(q.r.Context(), q.ref(), attributes)
	if err != nil {
		return answer{}, err
	}
	status := http.StatusNoContent
	if made {
		status = http.StatusCreated
	}
	return answer{status: status, location: q.url(q.name)}, nil
}

// SetQueueAttributes: PUT /queues/{queue}?metaoverride=true
//
// Behavior: attributes that the body does not have stay as they are.
// Differs: messages that are in the queue keep their retention.
func (a *API) setQueue(q *request) (answer, error) {
	var refused error
	err := a.queues.Set(q.r.Context(), q.ref(), func(at *queue.Attributes) { refused = q.attributes(at) })
	if refused != nil {
		err = refused
	}
	return answer{status: http.StatusNoContent}, err
}

// attributes changes what the body says of a queue; a body may be missing.
func (q *request) attributes(at *queue.Attributes) error {
	if len(q.body) == 0 {
		return nil
	}
	var body queueIn
	if err := decode(q.body, "Queue", &body); err != nil {
		return err
	}
	body.apply(at)
	return nil
}

// GetQueueAttributes: GET /queues/{queue}
func (a *API) getQueue(q *request) (answer, error) {
	info, err := a.queues.Get(q.ref())
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusOK, body: queueAnswer{queueOut: queueOf(info)}}, nil
}

// DeleteQueue: DELETE /queues/{queue}
func (a *API) deleteQueue(q *request) (answer, error) {
	return answer{status: http.StatusNoContent}, a.queues.Delete(q.r.Context(), q.ref())
}

const maxListed = 1000

// ListQueue: GET /queues
//
// Also: headers x-mns-prefix, x-mns-marker, x-mns-ret-number (1 to 1000) and x-mns-with-meta.
func (a *API) listQueues(q *request) (answer, error) {
	h := q.r.Header
	limit := maxListed
	if text := h.Get("X-Mns-Ret-Number"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxListed {
			return answer{}, sluice.Errorf(sluice.Invalid, "argument", "x-mns-ret-number is %.32q, and has to be from 1 to %d", text, maxListed)
		}
		limit = n
	}
	infos, next := a.queues.List(q.account, h.Get("X-Mns-Prefix"), h.Get("X-Mns-Marker"), limit)
	list := queuesAnswer{NextMarker: next}
	for _, info := range infos {
		listed := listedQueue{QueueURL: q.url(info.Name)}
		if h.Get("X-Mns-With-Meta") == "true" {
			out := queueOf(info)
			listed.queueOut = &out
		}
		list.Queues = append(list.Queues, listed)
	}
	return answer{status: http.StatusOK, body: list}, nil
}

// PurgeQueue: DELETE /queues/{queue}/messages?purge=true
//
// Differs: the service that we follow has no such action.
func (a *API) purgeQueue(q *request) (answer, error) {
	n, err := a.queues.Purge(q.r.Context(), q.ref())
	return answer{status: http.StatusOK, body: purged{Messages: n}}, err
}
