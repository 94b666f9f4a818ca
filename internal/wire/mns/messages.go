package mns

import (
	"net/http"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/queue"
)

// SendMessage: POST /queues/{queue}/messages
//
// Body: a Message, or up to 16 of them in Messages, which policies know as the same action.
// Behavior: 201 means that body and state are on disk. A batch that failed in part answers 500 with what came of each message.
// Differs: a priority of 0, which some clients send for none, is the default.
func (a *API) sendMessages(q *request) (answer, error) {
	root, err := rootOf(q.body)
	if err != nil {
		return answer{}, err
	}
	if root == "Messages" {
		return a.sendBatch(q)
	}
	var m messageIn
	if err := decode(q.body, "Message", &m); err != nil {
		return answer{}, err
	}
	sent, err := a.queues.Send(q.r.Context(), q.ref(), []queue.Outgoing{m.outgoing()})
	if err == nil {
		err = sent[0].Err
	}
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusCreated, body: sentAnswer{MessageID: sent[0].ID, MessageBodyMD5: sent[0].BodyMD5, ReceiptHandle: sent[0].Handle}}, nil
}

func (a *API) sendBatch(q *request) (answer, error) {
	q.call.Action = "BatchSendMessage"
	var batch messagesIn
	if err := decode(q.body, "Messages", &batch); err != nil {
		return answer{}, err
	}
	if err := checkBatch("messages", len(batch.Messages)); err != nil {
		return answer{}, err
	}
	out := make([]queue.Outgoing, len(batch.Messages))
	for i, m := range batch.Messages {
		out[i] = m.outgoing()
	}
	sent, err := a.queues.Send(q.r.Context(), q.ref(), out)
	if err != nil {
		return answer{}, err
	}
	all, result := answer{status: http.StatusCreated}, sentMessages{}
	for _, s := range sent {
		one := sentOne{MessageID: s.ID, MessageBodyMD5: s.BodyMD5}
		if s.Err != nil {
			_, code, message := explain(s.Err)
			one = sentOne{ErrorCode: code, ErrorMessage: message}
			all.status, all.code = http.StatusInternalServerError, code
		}
		result.Messages = append(result.Messages, one)
	}
	all.body = result
	return all, nil
}

func checkBatch(what string, n int) error {
	if n < 1 || n > queue.MaxBatch {
		return sluice.Errorf(sluice.Invalid, "argument", "the batch has %d %s, and may have 1 to %d", n, what, queue.MaxBatch)
	}
	return nil
}

// ReceiveMessage: GET /queues/{queue}/messages
//
// Also: ?waitseconds= (0 to 30) waits for the first message; ?numOfMessages= (1 to 16) answers Messages instead of a Message.
// Behavior: 200 means that nobody else receives the message before NextVisibleTime, also after a crash. None there: MessageNotExist.
func (a *API) receiveMessages(q *request) (answer, error) {
	n, err := q.number("numOfMessages", 1)
	if err != nil {
		return answer{}, err
	}
	wait, err := q.number("waitseconds", -1)
	if err != nil {
		return answer{}, err
	}
	if q.query.Has("waitseconds") && wait < 0 {
		return answer{}, sluice.Errorf(sluice.Invalid, "argument", "waitseconds is %d, and has to be from 0 to %d", wait, queue.MaxWait)
	}
	got, err := a.queues.Receive(q.r.Context(), q.ref(), int(min(n, queue.MaxBatch+1)), wait)
	if err != nil {
		return answer{}, err
	}
	if !q.query.Has("numOfMessages") {
		return answer{status: http.StatusOK, body: receivedAnswer{receivedOut: receivedOf(got[0])}}, nil
	}
	q.call.Action = "BatchReceiveMessage"
	list := receivedMessages{}
	for _, m := range got {
		list.Messages = append(list.Messages, receivedOf(m))
	}
	return answer{status: http.StatusOK, body: list}, nil
}

// PeekMessage: GET /queues/{queue}/messages?peekonly=true[&numOfMessages=]
func (a *API) peekMessages(q *request) (answer, error) {
	n, err := q.number("numOfMessages", 1)
	if err != nil {
		return answer{}, err
	}
	got, err := a.queues.Peek(q.r.Context(), q.ref(), int(min(n, queue.MaxBatch+1)))
	if err != nil {
		return answer{}, err
	}
	if !q.query.Has("numOfMessages") {
		return answer{status: http.StatusOK, body: receivedAnswer{receivedOut: receivedOf(got[0])}}, nil
	}
	q.call.Action = "BatchPeekMessage"
	list := receivedMessages{}
	for _, m := range got {
		list.Messages = append(list.Messages, receivedOf(m))
	}
	return answer{status: http.StatusOK, body: list}, nil
}

// DeleteMessage: DELETE /queues/{queue}/messages?ReceiptHandle=
//
// Behavior: a handle is good until the message can be received again; then ReceiptHandleError. MessageNotExist if it was deleted already.
func (a *API) deleteMessage(q *request) (answer, error) {
	refused, err := a.queues.DeleteMessages(q.r.Context(), q.ref(), []string{q.query.Get("ReceiptHandle")})
	if err == nil {
		err = refused[0]
	}
	return answer{status: http.StatusNoContent}, err
}

// BatchDeleteMessage: DELETE /queues/{queue}/messages
//
// Body: up to 16 ReceiptHandles.
// Behavior: 404 and an error for each handle that held nothing; the others are deleted.
func (a *API) deleteMessages(q *request) (answer, error) {
	var batch handlesIn
	if len(q.body) == 0 {
		return answer{}, sluice.Errorf(sluice.Invalid, "handle-missing", "neither the parameter ReceiptHandle nor a body with ReceiptHandles is there")
	}
	if err := decode(q.body, "ReceiptHandles", &batch); err != nil {
		return answer{}, err
	}
	if err := checkBatch("receipt handles", len(batch.Handles)); err != nil {
		return answer{}, err
	}
	refused, err := a.queues.DeleteMessages(q.r.Context(), q.ref(), batch.Handles)
	if err != nil {
		return answer{}, err
	}
	all, failed := answer{status: http.StatusNoContent}, failedHandles{}
	for i, err := range refused {
		if err == nil {
			continue
		}
		_, code, message := explain(err)
		failed.Errors = append(failed.Errors, failedHandle{ErrorCode: code, ErrorMessage: message, ReceiptHandle: batch.Handles[i]})
		all.status, all.code, all.body = http.StatusNotFound, code, failed
	}
	return all, nil
}

// ChangeMessageVisibility: PUT /queues/{queue}/messages?ReceiptHandle=&VisibilityTimeout=
//
// Behavior: the message is hidden for so many seconds from now. The handle of the answer is good from then on, and the old one is not.
func (a *API) changeVisibility(q *request) (answer, error) {
	handle := q.query.Get("ReceiptHandle")
	if handle == "" {
		return answer{}, sluice.Errorf(sluice.Invalid, "handle-missing", "parameter ReceiptHandle is missing")
	}
	if q.query.Get("VisibilityTimeout") == "" {
		return answer{}, sluice.Errorf(sluice.Invalid, "visibility-missing", "parameter VisibilityTimeout is missing")
	}
	seconds, err := q.number("VisibilityTimeout", 0)
	if err != nil {
		return answer{}, err
	}
	handle, visible, err := a.queues.ChangeVisibility(q.r.Context(), q.ref(), handle, seconds)
	return answer{status: http.StatusOK, body: changed{ReceiptHandle: handle, NextVisibleTime: visible.UnixMilli()}}, err
}
