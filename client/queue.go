package client

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	randv2 "math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/sluicelog/sluice/internal/sign"
)

// QueueSpec is how a queue works, in seconds and bytes. What is nil is the server's default.
type QueueSpec struct {
	DelaySeconds           *int64 `xml:",omitempty"` // until a message that says nothing of it can be received
	MaximumMessageSize     *int64 `xml:",omitempty"`
	MessageRetentionPeriod *int64 `xml:",omitempty"`
	VisibilityTimeout      *int64 `xml:",omitempty"` // that a received message is hidden from others
	PollingWaitSeconds     *int64 `xml:",omitempty"` // that a reception waits which says nothing of it
}

// Queue is a queue of the signer's account.
type Queue struct {
	Name                   string `json:"name" xml:"QueueName"`
	DelaySeconds           int64  `json:"delaySeconds"`
	MaximumMessageSize     int64  `json:"maximumMessageSize"`
	MessageRetentionPeriod int64  `json:"messageRetentionPeriod"`
	VisibilityTimeout      int64  `json:"visibilityTimeout"`
	PollingWaitSeconds     int64  `json:"pollingWaitSeconds"`
	Active                 int64  `json:"active" xml:"ActiveMessages"`     // messages that can be received
	Inactive               int64  `json:"inactive" xml:"InactiveMessages"` // that somebody has received
	Delayed                int64  `json:"delayed" xml:"DelayMessages"`
}

// Message is a message that was received.
type Message struct {
	ID       string `json:"id" xml:"MessageId"`
	Handle   string `json:"handle" xml:"ReceiptHandle"` // deletes it, until NextVisible
	Body     string `json:"body" xml:"MessageBody"`
	Priority int64  `json:"priority"`
	Received int64  `json:"received" xml:"DequeueCount"`       // how often
	Enqueued int64  `json:"enqueued" xml:"EnqueueTime"`        // milliseconds since 1970
	Visible  int64  `json:"nextVisible" xml:"NextVisibleTime"` // the same
}

// SendOptions are of the messages of one call.
type SendOptions struct {
	DelaySeconds *int64 // nil is the queue's own
	Priority     int64  // 1 is received first, 16 last; 0 means 8
}

// MaxQueueBatch is how many messages go with one call.
const MaxQueueBatch = 16

// CreateQueue makes a queue; one of the same name with the same settings is no error. Error code: QueueAlreadyExist.
func (c *Client) CreateQueue(ctx context.Context, name string, spec QueueSpec) error {
	body := struct {
		XMLName xml.Name `xml:"Queue"`
		QueueSpec
	}{QueueSpec: spec}
	return c.queue(ctx, http.MethodPut, queuePath(name), nil, body, nil)
}

// Queues lists the queues whose names have a prefix.
func (c *Client) Queues(ctx context.Context, prefix string) (all []Queue, err error) {
	for marker := ""; ; {
		var page struct {
			Queues     []Queue `xml:"Queue"`
			NextMarker string
		}
		header := http.Header{"X-Mns-Prefix": {prefix}, "X-Mns-Marker": {marker}, "X-Mns-With-Meta": {"true"}}
		if err := c.queue(ctx, http.MethodGet, "/queues", header, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Queues...)
		if marker = page.NextMarker; marker == "" {
			return all, nil
		}
	}
}

// DeleteQueue deletes a queue and its messages; one that is not there is no error.
func (c *Client) DeleteQueue(ctx context.Context, name string) error {
	return c.queue(ctx, http.MethodDelete, queuePath(name), nil, nil, nil)
}

// PurgeQueue deletes all messages of a queue, and returns how many. Error code: QueueNotExist.
func (c *Client) PurgeQueue(ctx context.Context, name string) (int, error) {
	var out struct{ Messages int }
	err := c.queue(ctx, http.MethodDelete, queuePath(name)+"/messages?purge=true", nil, nil, &out)
	return out.Messages, err
}

// SendMessages sends up to [MaxQueueBatch] messages. One whose answer was lost is sent again, and may then be there twice. Error codes:
// QueueNotExist, InvalidArgument.
func (c *Client) SendMessages(ctx context.Context, queue string, o SendOptions, bodies ...string) error {
	type message struct {
		MessageBody  string
		DelaySeconds *int64 `xml:",omitempty"`
		Priority     int64  `xml:",omitempty"`
	}
	batch := struct {
		XMLName  xml.Name  `xml:"Messages"`
		Messages []message `xml:"Message"`
	}{}
	for _, body := range bodies {
		batch.Messages = append(batch.Messages, message{body, o.DelaySeconds, o.Priority})
	}
	return c.queue(ctx, http.MethodPost, queuePath(queue)+"/messages", nil, batch, nil)
}

// ReceiveMessages receives up to n messages, [MaxQueueBatch] at most. With none there it waits so long for the first, up to 30 seconds, and
// then returns none. Error code: QueueNotExist.
func (c *Client) ReceiveMessages(ctx context.Context, queue string, n int, wait time.Duration) ([]Message, error) {
	params := url.Values{"numOfMessages": {strconv.Itoa(n)}, "waitseconds": {strconv.FormatInt(int64(wait/time.Second), 10)}}
	return c.messages(ctx, queue, params)
}

// PeekMessages shows up to n messages that can be received, and leaves them there.
func (c *Client) PeekMessages(ctx context.Context, queue string, n int) ([]Message, error) {
	return c.messages(ctx, queue, url.Values{"numOfMessages": {strconv.Itoa(n)}, "peekonly": {"true"}})
}

func (c *Client) messages(ctx context.Context, queue string, params url.Values) ([]Message, error) {
	var out struct {
		Messages []Message `xml:"Message"`
	}
	err := c.queue(ctx, http.MethodGet, queuePath(queue)+"/messages?"+params.Encode(), nil, nil, &out)
	if Code(err) == "MessageNotExist" {
		return nil, nil
	}
	return out.Messages, err
}

// DeleteMessages deletes messages that were received, by their handles, up to [MaxQueueBatch]. Error codes: that of the first handle that
// holds no message, ReceiptHandleError or MessageNotExist; the others are deleted all the same.
func (c *Client) DeleteMessages(ctx context.Context, queue string, handles ...string) error {
	body := struct {
		XMLName xml.Name `xml:"ReceiptHandles"`
		Handles []string `xml:"ReceiptHandle"`
	}{Handles: handles}
	return c.queue(ctx, http.MethodDelete, queuePath(queue)+"/messages", nil, body, nil)
}

func queuePath(name string) string { return "/queues/" + url.PathEscape(name) }

// queue calls an action of the queue dialect, like all others again after a passing trouble.
func (c *Client) queue(ctx context.Context, method, target string, header http.Header, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = xml.Marshal(in); err != nil {
			return err
		}
	}
	delay := firstDelay
	for attempt := 1; ; attempt++ {
		err := c.queueOnce(ctx, method, target, header.Clone(), body, out)
		var refused *Error
		if err == nil || attempt == c.options.Attempts || !errors.As(err, &refused) || refused.Status != http.StatusServiceUnavailable {
			return err
		}
		if !sleep(ctx, randv2.N(delay)) {
			return fmt.Errorf("%w, while retrying after: %w", ctx.Err(), err)
		}
		delay = min(2*delay, maxDelay)
	}
}

func (c *Client) queueOnce(ctx context.Context, method, target string, header http.Header, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, c.endpoint.String()+target, bytes.NewReader(body))
	if err != nil {
		return err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	h := req.Header
	h.Set("User-Agent", c.options.UserAgent)
	h.Set("x-mns-version", "2015-06-06")
	h.Set("Date", c.now().UTC().Format(http.TimeFormat))
	if c.options.SecurityToken != "" {
		h.Set("security-token", c.options.SecurityToken)
	}
	if len(body) > 0 {
		sum := md5.Sum(body)
		h.Set("Content-Type", "text/xml")
		h.Set("Content-MD5", sign.MNSBody(hex.EncodeToString(sum[:])))
	}
	sign.SignMNS(c.options.Secret, c.options.AccessKeyID, &sign.Request{
		Method: method, Path: req.URL.EscapedPath(), Query: req.URL.RawQuery, Header: h,
	})
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer to %s %s: %w", method, target, err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return queueError(resp, answer)
	}
	if out == nil {
		return nil
	}
	if err := xml.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("decode the answer to %s %s: %w", method, target, err)
	}
	return nil
}

// queueError reads the error body of the dialect, or the first error in the body of a batch.
func queueError(resp *http.Response, body []byte) *Error {
	e := &Error{Status: resp.StatusCode, RequestID: resp.Header.Get("x-mns-request-id"), Date: serverTime(resp.Header)}
	type failed struct{ ErrorCode, ErrorMessage string }
	var one struct {
		XMLName       xml.Name `xml:"Error"`
		Code, Message string
	}
	var sent struct {
		XMLName xml.Name `xml:"Messages"`
		List    []failed `xml:"Message"`
	}
	var deleted struct {
		XMLName xml.Name `xml:"Errors"`
		List    []failed `xml:"Error"`
	}
	switch {
	case xml.Unmarshal(body, &one) == nil:
		e.Code, e.Message = one.Code, one.Message
	case xml.Unmarshal(body, &sent) == nil, xml.Unmarshal(body, &deleted) == nil:
		for _, f := range append(sent.List, deleted.List...) {
			if e.Code == "" {
				e.Code, e.Message = f.ErrorCode, f.ErrorMessage
			}
		}
	}
	if e.Code == "" {
		return newError(resp.StatusCode, resp.Header, body)
	}
	return e
}
